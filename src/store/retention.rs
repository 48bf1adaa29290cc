//! Retention: messages that are older than somebody wants them kept leave the store, a few at a time.
//!
//! With a message goes what only it had: its former texts, its object, its words in the index. What stays of it is a number in
//! its chat: up to there the chat is deliberately not kept. The chat's spans cover that stretch, so nobody owes it or asks
//! Telegram for it, and what comes of it once more, by history or by an edit, is not stored.
//!
//! What somebody still waits for is not overtaken: late news that was not told yet, orders, repeats of calls, and events that a
//! webhook has not got. Which chat is next is in memory alone: a pass that was cut short begins anew and finds less to do.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use super::{
    account_row::from_json,
    engine::Conn,
    job_error::JobResult,
    message_row::account_of,
    row_blocks::RowBlocks,
    search_index::place,
    sql::{Flag, Number, One, id_list, sql},
    tx::Tx,
};
use crate::domain::{AccountId, EventBody, KeepFor, Retention, Span, Timestamp, kept_since};
use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};

/// Messages that one job removes.
pub(super) const ROWS: usize = 200;
/// Chats that it looks at, and for how long.
const CHATS: usize = 100;
const TIME: Duration = Duration::from_millis(15);

/// Events that a webhook may be behind while messages go: what they speak of is looked up each time.
const BEHIND: i64 = 20_000;
/// Nothing waits for a webhook that is not served for so long.
const SERVED: i64 = 7 * 24 * 3600 * 1000;

const NO_NUMBER_YET: i64 = 1 << 32;

/// A chat's messages from before some time, except what orders and repeats of calls speak of.
pub(super) const OLD: &str = "SELECT m.id, m.timestamp, m.message_no FROM messages m INDEXED BY messages_by_conversation \
     WHERE m.conversation_id = ? AND (m.timestamp, m.message_no) > (?, ?) AND m.timestamp < ? AND m.message_no < ? AND m.held = 0 \
     AND NOT EXISTS (SELECT 1 FROM order_messages o WHERE o.message_row = m.id) \
     AND NOT EXISTS (SELECT 1 FROM order_copies x WHERE x.source_row = m.id) \
     AND NOT EXISTS (SELECT 1 FROM idempotency_keys k WHERE k.message_row = m.id) \
     ORDER BY m.timestamp, m.message_no LIMIT ?";

#[derive(QueryableByName)]
struct OldRow {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Number)]
    timestamp: i64,
    #[diesel(sql_type = Number)]
    message_no: i64,
}

#[derive(QueryableByName)]
struct ChatRow {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Number)]
    account_no: i64,
    #[diesel(sql_type = Number)]
    chat: i64,
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = Flag)]
    removed: bool,
    #[diesel(sql_type = Nullable<Text>)]
    retention: Option<String>,
}

#[derive(QueryableByName)]
struct LaneRow {
    #[diesel(sql_type = Number)]
    account_no: i64,
    #[diesel(sql_type = Number)]
    seq: i64,
}

/// Where a pass is: a chat, and behind which of its messages (time and number).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    conversation: i64,
    after: (i64, i64),
}

const START: (i64, i64) = (i64::MIN, i64::MIN);

impl Mark {
    pub const fn at(conversation: i64) -> Self {
        Self {
            conversation,
            after: START,
        }
    }
}

/// What a job came to. `next`: `None` at the end of the pass.
#[derive(Debug)]
pub(super) struct Step {
    pub removed: usize,
    pub next: Option<Mark>,
    /// A webhook has not even read what it is to be told.
    pub waits: bool,
}

/// What webhooks have not got yet.
#[derive(Default)]
struct Awaited {
    rows: HashSet<i64>,
    /// They are behind with so much of these that all of it stays.
    accounts: HashSet<i64>,
}

impl Awaited {
    /// `None`: one of them is far behind with everything.
    fn read(conn: &mut Conn, now: Timestamp) -> QueryResult<Option<Self>> {
        const SERVED_ONES: &str =
            "(c.updated_at > ? OR c.hook IN (SELECT w.id FROM webhooks w WHERE w.is_active = 1))";
        let since = now.millis() - SERVED;
        let newest = sql("SELECT coalesce(max(seq), 0) AS n FROM event_log")
            .get_result::<One>(conn)?
            .n;
        let read = format!(
            "SELECT coalesce(min(c.seq), 9000000000000000000) AS n FROM webhook_cursors c WHERE {SERVED_ONES}"
        );
        let read = sql(&read).number(since).get_result::<One>(conn)?.n;
        if newest.saturating_sub(read) > BEHIND {
            return Ok(None);
        }
        let mut awaited = Self::default();
        awaited.speak_of(conn, read, None)?;
        let lanes = format!(
            "SELECT a.no AS account_no, min(l.seq) AS seq FROM webhook_lanes l JOIN webhook_cursors c ON c.hook = l.hook \
             JOIN accounts a ON a.id = l.account_id WHERE {SERVED_ONES} GROUP BY a.no"
        );
        for lane in sql(&lanes).number(since).load::<LaneRow>(conn)? {
            if newest - lane.seq > BEHIND {
                awaited.accounts.insert(lane.account_no);
            } else {
                awaited.speak_of(conn, lane.seq, Some(lane.account_no))?;
            }
        }
        Ok(Some(awaited))
    }

    /// The messages of events after some number, of one account or of all.
    fn speak_of(&mut self, conn: &mut Conn, after: i64, account: Option<i64>) -> QueryResult<()> {
        let of = "SELECT DISTINCT message_row AS n FROM event_log WHERE seq > ? AND message_row IS NOT NULL";
        let rows = match account {
            None => sql(of).number(after).load::<One>(conn)?,
            Some(account) => {
                let of = format!("{of} AND account_no = ?");
                sql(&of).number(after).number(account).load::<One>(conn)?
            }
        };
        self.rows.extend(rows.into_iter().map(|row| row.n));
        Ok(())
    }
}

/// Up to which event every webhook that is served has been told.
pub(super) fn told_to_all(conn: &mut Conn, now: Timestamp) -> QueryResult<i64> {
    let since = now.millis() - SERVED;
    let told = sql(
        "SELECT coalesce(min(p.seq), 9000000000000000000) AS n FROM (SELECT c.hook, c.seq FROM webhook_cursors c UNION ALL \
         SELECT l.hook, l.seq FROM webhook_lanes l) AS p JOIN webhook_cursors c ON c.hook = p.hook \
         WHERE c.updated_at > ? OR c.hook IN (SELECT w.id FROM webhooks w WHERE w.is_active = 1)",
    );
    Ok(told.number(since).get_result::<One>(conn)?.n)
}

impl Tx<'_> {
    /// From when on an account's messages are kept; `None`: always.
    fn kept_since(&self, retention: Retention) -> Option<i64> {
        let days = retention.messages(&self.state.keep)?;
        Some(kept_since(days, self.now).millis())
    }

    /// The next messages of a pass.
    pub(super) fn retire_some(&mut self, from: Mark, rows: usize) -> JobResult<Step> {
        let began = Instant::now();
        let mut step = Step {
            removed: 0,
            next: None,
            waits: false,
        };
        let Some(awaited) = Awaited::read(self.conn, self.now)? else {
            step.waits = true;
            return Ok(step);
        };
        let chats = sql("SELECT c.id, c.account_no, c.chat, a.id AS account, a.removed_at IS NOT NULL AS removed, a.retention FROM conversations c \
             JOIN accounts a ON a.no = c.account_no WHERE c.id >= ? AND NOT a.purge ORDER BY c.id LIMIT ?")
        .number(from.conversation)
        .number(CHATS as i64)
        .load::<ChatRow>(self.conn)?;
        for chat in &chats {
            let retention = from_json(chat.retention.as_deref()).unwrap_or_default();
            let Some(before) = self.kept_since(retention) else {
                continue;
            };
            if awaited.accounts.contains(&chat.account_no) {
                continue;
            }
            let account = account_of(&chat.account);
            // Another node's is that node's to do.
            let ours = match chat.removed {
                true => self.state.chores,
                false => self.state.is_ours(account),
            };
            if !ours {
                continue;
            }
            if !chat.removed {
                self.state.touch(chat.account_no, account)?;
            }
            let mut mark = match from.conversation == chat.id {
                true => from,
                false => Mark::at(chat.id),
            };
            loop {
                if step.removed >= rows || began.elapsed() > TIME {
                    step.next = Some(mark);
                    return Ok(step);
                }
                let key = (chat.account_no, chat.chat);
                let limit = rows - step.removed;
                let (gone, last) = self.retire(key, before, mark.after, limit, &awaited.rows)?;
                step.removed += gone;
                match last {
                    Some(last) => mark.after = last,
                    None => break,
                }
            }
        }
        step.next = (chats.last())
            .filter(|_| chats.len() == CHATS)
            .map(|last| Mark::at(last.id + 1));
        Ok(step)
    }

    /// What history just brought of a chat and is too old to be kept: whoever fetches a whole history ends there.
    pub fn retire_fetched(&mut self, account: AccountId, key: (i64, i64)) -> JobResult<()> {
        let retention = self.account(account)?.retention;
        if let Some(before) = self.kept_since(retention) {
            self.retire(key, before, START, ROWS, &HashSet::new())?;
        }
        Ok(())
    }

    /// The oldest messages of a chat from before some time; how many went, and the last one that was looked at if there may be
    /// more.
    fn retire(
        &mut self,
        key: (i64, i64),
        before: i64,
        after: (i64, i64),
        limit: usize,
        awaited: &HashSet<i64>,
    ) -> JobResult<(usize, Option<(i64, i64)>)> {
        let conversation = self.conversation(key)?.fields.id;
        let untold = sql(
            "SELECT coalesce(min(low), 9000000000000000000) AS n FROM owed \
             WHERE conversation_id = ? AND (refused IS NULL OR told_to IS NULL)",
        )
        .number(conversation)
        .get_result::<One>(self.conn)?
        .n;
        let found = sql(OLD)
            .number(conversation)
            .number(after.0)
            .number(after.1)
            .number(before)
            .number(untold)
            .number(limit as i64)
            .load::<OldRow>(self.conn)?;
        let last = (found.last())
            .filter(|_| found.len() == limit)
            .map(|row| (row.timestamp, row.message_no));
        let gone: Vec<_> = (found.iter())
            .filter(|row| !awaited.contains(&row.id))
            .collect();
        if gone.is_empty() {
            return Ok((0, last));
        }
        self.remove_rows(&gone)?;
        let newest = (gone.iter())
            .filter(|row| row.message_no < NO_NUMBER_YET)
            .filter_map(|row| i32::try_from(row.message_no).ok())
            .max();
        if let Some(newest) = newest {
            self.keep_above(key, newest)?;
        }
        self.look_for_the_newest(key, &gone)?;
        Ok((gone.len(), last))
    }

    fn remove_rows(&mut self, gone: &[&OldRow]) -> QueryResult<()> {
        self.keep_row_floor()?;
        // Overwritten, and not only given up: who deletes for good reasons expects no trace.
        self.secure_delete(true)?;
        if self.conn.gathers() {
            RowBlocks::settle_all(self.conn)?;
        }
        let places: Vec<i64> = (gone.iter())
            .map(|row| place(row.id, row.timestamp))
            .collect();
        let rows: Vec<i64> = gone.iter().map(|row| row.id).collect();
        sql("DELETE FROM messages_search WHERE rowid IN (SELECT value FROM json_each(?))")
            .text(&id_list(&places))
            .run(self.conn)?;
        for text in [
            "DELETE FROM message_versions WHERE message_row IN (SELECT value FROM json_each(?))",
            "DELETE FROM message_objects WHERE message_row IN (SELECT value FROM json_each(?))",
            "DELETE FROM media_keys WHERE message_row IN (SELECT value FROM json_each(?))",
            "DELETE FROM messages WHERE id IN (SELECT value FROM json_each(?))",
        ] {
            sql(text).text(&id_list(&rows)).run(self.conn)?;
        }
        self.secure_delete(false)
    }

    fn secure_delete(&mut self, on: bool) -> QueryResult<()> {
        use diesel::connection::SimpleConnection;
        let word = if on { "ON" } else { "OFF" };
        match self.conn.file() {
            Some(file) => file.batch_execute(&format!("PRAGMA secure_delete = {word};")),
            None => Ok(()),
        }
    }

    /// Nothing of the chat is wanted up to this number, which counts as here: nobody asks for it again.
    fn keep_above(&mut self, key: (i64, i64), number: i32) -> JobResult<()> {
        let fields = &mut self.conversation(key)?.fields;
        fields.kept_above = fields.kept_above.max(number);
        let (conversation, number) = (fields.id, fields.kept_above);
        self.mark_conversation(key);
        let mut spans = self.spans(key)?;
        spans.cover(Span::closed(1, number));
        self.keep_spans(key, &spans)?;
        self.compared(conversation, (1, number), false)?;
        sql("DELETE FROM owed WHERE conversation_id = ? AND high <= ?")
            .number(conversation)
            .number(number)
            .run(self.conn)?;
        Ok(())
    }

    /// The list shows a chat's newest message, which may have been the last one.
    fn look_for_the_newest(&mut self, key: (i64, i64), gone: &[&OldRow]) -> JobResult<()> {
        let row = self.conversation(key)?;
        let shown = row.fields.last_message;
        if !gone.iter().any(|gone| Some(gone.id) == shown) {
            return Ok(());
        }
        let (at, no) = (row.fields.last_message_at, row.last_no);
        self.summarise_anew(key)?;
        let row = self.conversation(key)?;
        if row.fields.last_message.is_none() {
            // The chat keeps its place in the list.
            (row.fields.last_message_at, row.last_no) = (at, no);
        }
        let id = account_of(&row.fields.telegram_account_id);
        let account = self.account(id)?.clone();
        if account.removed {
            return Ok(());
        }
        let conversation = self.show_conversation(key)?;
        Ok(self.emit(&account, EventBody::ConversationUpdated { conversation })?)
    }
}

/// Does anything go at all?
pub(super) fn in_force(conn: &mut Conn, keep: &KeepFor) -> QueryResult<bool> {
    if keep.messages_days.is_some() {
        return Ok(true);
    }
    let own = sql("SELECT count(*) AS n FROM accounts WHERE retention IS NOT NULL");
    Ok(own.get_result::<One>(conn)?.n > 0)
}
