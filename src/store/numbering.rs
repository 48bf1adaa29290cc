//! Numbering: the end of a group's transaction, where PostgreSQL's events get their numbers.
//!
//! Several nodes write at once, and whoever reads after a number must never miss one: so the numbers are given out under the lock of
//! one row, as the last thing before the commit. They become visible in their order, without a gap. What gives them out, the events'
//! rows, the word to the other nodes and the commit go to the server as one: the row is never held while a node is away.

use std::sync::Arc;

use diesel::QueryResult;

use super::{
    engine::Conn, event_columns::EventColumns, event_ref::Unnumbered, sql::Runs, state::State,
    transaction,
};
use crate::domain::Seq;

/// What goes to the server of the rows.
fn columns(rows: Vec<Unnumbered>) -> EventColumns {
    let mut columns = EventColumns::default();
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
    columns.detail = some_of(columns.detail);
    columns
}

/// A column that has nothing is not sent: the server puts nothing where an array ends before the others.
fn some_of<T>(column: Vec<Option<T>>) -> Vec<Option<T>> {
    match column.iter().any(Option::is_some) {
        true => column,
        false => Vec::new(),
    }
}

/// Commits the group of so many jobs. Its events have numbers afterwards.
pub(super) fn commit(conn: &mut Conn, state: &mut State, jobs: usize) -> QueryResult<()> {
    let rows = std::mem::take(&mut state.unnumbered);
    match conn {
        Conn::Postgres(server) => {
            let columns = columns(rows);
            server.settle()?;
            let mark = state.marks.next(jobs);
            let last = server.commit(&mark, &columns)?;
            state.marks.committed(&mark);
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
