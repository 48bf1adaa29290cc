//! Numbering: the end of a group's transaction, where PostgreSQL's events get their numbers.
//!
//! Several nodes write at once, and whoever reads after a number must never miss one: so the numbers are given out under the lock of
//! one row, as the last thing before the commit. They become visible in their order, without a gap. What gives them out, the events'
//! rows, the word to the other nodes and the commit go to the server as one: the row is never held while a node is away.

use std::sync::Arc;

use diesel::QueryResult;

use super::{engine::Conn, event_ref::EventRef, transaction, tx::State};
use crate::domain::{Seq, Timestamp};

/// Where nodes hear of new events; what is said is the newest number.
pub(super) const CHANNEL: &str = "switchboard_events";

/// A row of the event log that has no number yet.
pub(in crate::store) struct Unnumbered {
    pub at: Timestamp,
    pub account_no: i64,
    pub event: EventRef,
}

/// The rows of a transaction, by columns.
#[derive(Default)]
pub(super) struct EventColumns {
    pub at: Vec<i64>,
    pub account_no: Vec<i64>,
    pub kind: Vec<i32>,
    pub conversation: Vec<Option<i64>>,
    pub message: Vec<Option<i64>>,
    pub detail: Vec<Option<String>>,
}

impl EventColumns {
    fn of(rows: Vec<Unnumbered>) -> Self {
        let mut columns = Self::default();
        for Unnumbered {
            at,
            account_no,
            event,
        } in rows
        {
            columns.at.push(at.millis());
            columns.account_no.push(account_no);
            columns.kind.push(event.kind);
            columns.conversation.push(event.conversation);
            columns.message.push(event.message);
            // No text of PostgreSQL's has the character 0.
            let storable = |text: String| text.replace('\0', "\u{fffd}");
            columns.detail.push(event.detail.map(storable));
        }
        columns
    }

    pub fn count(&self) -> i64 {
        i64::try_from(self.at.len()).unwrap_or(i64::MAX)
    }
}

/// Commits the group. Its events have numbers afterwards.
pub(super) fn commit(conn: &mut Conn, state: &mut State) -> QueryResult<()> {
    let rows = std::mem::take(&mut state.unnumbered);
    match conn {
        Conn::Postgres(server) if !rows.is_empty() => {
            let columns = EventColumns::of(rows);
            let last = server.commit_events(&columns)?;
            number(state, last - columns.count());
        }
        conn => transaction::commit(conn)?,
    }
    state.blocks.committed();
    Ok(())
}

/// The events of the transaction come after `before`.
fn number(state: &mut State, before: i64) {
    for (event, seq) in state.events.iter_mut().zip(before + 1..) {
        // Nobody else has it yet.
        if let Some(event) = Arc::get_mut(event) {
            event.seq = Seq(seq);
        }
    }
}
