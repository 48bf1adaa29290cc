//! Owed: what came while the account was away, from the gap to the desk.
//!
//! A gap is fetched from its top down, in pages that are stored silently; once it is whole, its messages are told in
//! their order, each exactly once, as the late news that they are.

use std::sync::Arc;

use diesel::{QueryableByName, sql_types::Nullable};

use super::{
    OwedWork, Result, StoreHandle,
    account_row::KnownAccount,
    continuity::watched_to,
    job_error::JobResult,
    message_row::{MessageRecord, account_of},
    record::Recording,
    scope_row::Scope,
    span_rows::spans_of,
    sql::{Flag, Number, One, sql},
    tx::Tx,
};
use crate::domain::{AccountId, ChatId, ConversationId, Direction, EventBody, Spans, Timestamp};

/// Messages told in one transaction.
const TELL: i64 = 200;

#[derive(QueryableByName)]
struct OwedRow {
    #[diesel(sql_type = Number)]
    conversation_id: i64,
    #[diesel(sql_type = Number)]
    chat: i64,
    #[diesel(sql_type = Number)]
    low: i32,
    #[diesel(sql_type = Nullable<Number>)]
    high: Option<i32>,
    #[diesel(sql_type = Nullable<Number>)]
    told_to: Option<i32>,
    #[diesel(sql_type = Number)]
    rows_from: i64,
    #[diesel(sql_type = Flag)]
    refused: bool,
}

#[derive(QueryableByName)]
struct SinceRow {
    #[diesel(sql_type = Number)]
    low: i32,
    #[diesel(sql_type = Number)]
    since: i64,
}

#[derive(QueryableByName)]
struct UntoldRow {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Number)]
    message_no: i64,
    #[diesel(sql_type = Number)]
    timestamp: i64,
    #[diesel(sql_type = Flag)]
    shown: bool,
    #[diesel(sql_type = Flag)]
    held: bool,
}

impl Tx<'_> {
    /// What lies between was missed. Without `high`: up to whatever is the newest.
    pub fn owe(&mut self, key: (i64, i64), low: i32, high: Option<i32>) -> JobResult<()> {
        let conversation = self.conversation(key)?.fields.id;
        sql(
            "INSERT INTO owed (conversation_id, low, high) VALUES (?, ?, ?) \
             ON CONFLICT (conversation_id, low) DO UPDATE SET high = excluded.high, told_to = NULL, refused = NULL",
        )
        .number(conversation)
        .number(low)
        .number_or_null(high)
        .run(self.conn)?;
        Ok(())
    }

    /// What came to a chat since the account is in it was missed; its lowest number is found on the way down.
    pub fn owe_since(
        &mut self,
        key: (i64, i64),
        high: Option<i32>,
        since: Timestamp,
    ) -> JobResult<()> {
        self.owe(key, 1, high)?;
        let conversation = self.conversation(key)?.fields.id;
        sql("UPDATE owed SET since = ? WHERE conversation_id = ? AND low = 1")
            .number(since.millis())
            .number(conversation)
            .run(self.conn)?;
        Ok(())
    }

    /// Numbers rise with time: a gap that is owed from some moment on begins above whatever is known to be older.
    pub fn find_beginning(&mut self, conversation: i64) -> JobResult<()> {
        let gaps =
            sql("SELECT low, since FROM owed WHERE conversation_id = ? AND since IS NOT NULL")
                .number(conversation)
                .load::<SinceRow>(self.conn)?;
        for gap in gaps {
            let older = sql("SELECT coalesce((SELECT message_no FROM messages INDEXED BY messages_by_conversation \
                             WHERE conversation_id = ? AND timestamp < ? AND message_no < 4294967296 \
                             ORDER BY timestamp DESC, message_no DESC LIMIT 1), 0) AS n")
                .number(conversation)
                .number(gap.since)
                .get_result::<One>(self.conn)?
                .n;
            if older >= i64::from(gap.low) {
                sql("DELETE FROM owed WHERE conversation_id = ? AND low = ?")
                    .number(conversation)
                    .number(older + 1)
                    .run(self.conn)?;
                sql("UPDATE owed SET low = ?, since = NULL WHERE conversation_id = ? AND low = ?")
                    .number(older + 1)
                    .number(conversation)
                    .number(gap.low)
                    .run(self.conn)?;
            }
        }
        Ok(())
    }

    /// What Telegram refused of a chat is asked for again.
    pub fn forgive(&mut self, key: (i64, i64)) -> JobResult<()> {
        let conversation = self.conversation(key)?.fields.id;
        sql("UPDATE owed SET refused = NULL, told_to = NULL WHERE conversation_id = ? AND refused IS NOT NULL")
            .number(conversation)
            .run(self.conn)?;
        Ok(())
    }

    /// Is a message told later, with the gap before it? What was missed is told in number order, and a difference brings
    /// its end first.
    pub fn waits_for_gap(
        &mut self,
        recording: &Recording,
        key: (i64, i64),
        number: i32,
    ) -> JobResult<bool> {
        if !recording.late {
            return Ok(false);
        }
        let conversation = self.conversation(key)?.fields.id;
        let topmost = sql(
            "SELECT conversation_id, 0 AS chat, low, high, told_to, rows_from, FALSE AS refused FROM owed \
             WHERE conversation_id = ? AND low <= ? AND refused IS NULL ORDER BY low DESC LIMIT 1",
        )
        .number(conversation)
        .number(number)
        .load::<OwedRow>(self.conn)?
        .pop();
        let Some(gap) = topmost else {
            return Ok(false);
        };
        if gap.high.is_some_and(|high| high < number) {
            sql("UPDATE owed SET high = ? WHERE conversation_id = ? AND low = ?")
                .number(number)
                .number(conversation)
                .number(gap.low)
                .run(self.conn)?;
        }
        Ok(true)
    }

    /// Up to where the stream has told of the chat, or a gap will. `None`: it was never followed, or a gap reaches whatever is the
    /// newest.
    pub fn told_to(
        &mut self,
        key: (i64, i64),
        scope: &Scope,
        spans: &Spans,
    ) -> JobResult<Option<i32>> {
        let followed = match spans.topmost() {
            Some(top) if top.open => scope.live_to.max(Some(top.high)),
            _ => watched_to(spans, scope.ended),
        };
        let Some(followed) = followed else {
            return Ok(None);
        };
        let conversation = self.conversation(key)?.fields.id;
        let owed = sql("SELECT coalesce(max(coalesce(high, 2147483647)), 0) AS n FROM owed WHERE conversation_id = ?")
            .number(conversation)
            .get_result::<One>(self.conn)?
            .n;
        let owed = i32::try_from(owed).unwrap_or(i32::MAX);
        Ok(Some(owed.max(followed)).filter(|to| *to < i32::MAX))
    }

    /// Tells the next messages of a gap that is whole, or that Telegram gives no more of. `true`: all are told.
    fn tell_owed(&mut self, conversation: ConversationId, low: i32) -> JobResult<bool> {
        let key = self.conversation_key(conversation)?;
        let Some(owed) = self.owed(conversation.0, low)? else {
            return Ok(true);
        };
        let spans = self.spans(key)?;
        let high = match owed.high {
            _ if !owed.refused && spans.missing(low, owed.high).is_some() => return Ok(false),
            Some(high) => high,
            // An open span's own end is not kept up with what comes live.
            None => i32::MAX,
        };
        let from = owed.told_to.map_or(low, |told| told.saturating_add(1));
        let account = self.account_of_conversation(key)?;
        let rows = sql("SELECT id, message_no, timestamp, deleted_at IS NULL AND held = 0 AS shown, held FROM messages \
                        WHERE conversation_id = ? AND backfilled AND message_no BETWEEN ? AND ? \
                        ORDER BY message_no LIMIT ?")
        .number(conversation.0)
        .number(from)
        .number(high)
        .number(TELL)
        .load::<UntoldRow>(self.conn)?;
        for row in &rows {
            // A gap that an older schema left may reach back before the account came to us: that is history, not news.
            let news =
                owed.rows_from == 0 || (row.id >= owed.rows_from && row.timestamp >= account.since);
            if news && row.shown {
                self.tell_late(&account, key, row)?;
            } else if news && row.held {
                // Perhaps an order's. If it is not, it is told when that is known.
                self.heard_late(row.id)?;
            }
        }
        if let Some(last) = rows.last().filter(|_| rows.len() as i64 == TELL) {
            sql("UPDATE owed SET told_to = ? WHERE conversation_id = ? AND low = ?")
                .number(last.message_no)
                .number(conversation.0)
                .number(low)
                .run(self.conn)?;
            return Ok(false);
        }
        let done = if owed.refused {
            "UPDATE owed SET told_to = coalesce(high, 2147483647) WHERE conversation_id = ? AND low = ?"
        } else {
            "DELETE FROM owed WHERE conversation_id = ? AND low = ?"
        };
        sql(done)
            .number(conversation.0)
            .number(low)
            .run(self.conn)?;
        Ok(true)
    }

    fn tell_late(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        row: &UntoldRow,
    ) -> JobResult<()> {
        sql("UPDATE messages SET backfilled = FALSE, late = TRUE WHERE id = ?")
            .number(row.id)
            .run(self.conn)?;
        let Some(record) = MessageRecord::load(self.conn, row.id)? else {
            return Ok(());
        };
        let message = Arc::new(record.into_message());
        if message.direction == Direction::Incoming {
            let fields = &mut self.conversation(key)?.fields;
            let number = i32::try_from(row.message_no).unwrap_or(i32::MAX);
            if number > fields.counted_to && number > fields.read_inbox_max_id {
                fields.unread += 1;
                self.mark_conversation(key);
                self.add_unread(account.id, 1)?;
            }
        }
        self.changed_in_place(key, row.id)?;
        let conversation = self.show_conversation(key)?;
        Ok(self.emit(account, EventBody::news(message, conversation))?)
    }

    fn owed(&mut self, conversation: i64, low: i32) -> JobResult<Option<OwedRow>> {
        Ok(sql(
            "SELECT conversation_id, 0 AS chat, low, high, told_to, rows_from, refused IS NOT NULL AS refused FROM owed \
                WHERE conversation_id = ? AND low = ?",
        )
        .number(conversation)
        .number(low)
        .load::<OwedRow>(self.conn)?
        .pop())
    }

    fn account_of_conversation(&mut self, key: (i64, i64)) -> JobResult<KnownAccount> {
        let id = account_of(&self.conversation(key)?.fields.telegram_account_id);
        self.living_account(id)
    }
}

impl StoreHandle {
    /// The next step for what is owed, in the chats with the newest messages first; in each the oldest gap first.
    ///
    /// # Errors
    /// As every read.
    pub async fn next_owed(&self, account: AccountId) -> Result<Option<OwedWork>> {
        self.read("next_owed", move |conn| {
            let row = sql("SELECT o.conversation_id, c.chat, o.low, o.high, o.told_to, o.rows_from, o.refused IS NOT NULL AS refused FROM owed o \
                           JOIN conversations c ON c.id = o.conversation_id \
                           WHERE c.account_no = (SELECT no FROM accounts WHERE id = ?) \
                           AND (o.refused IS NULL OR o.told_to IS NULL OR o.told_to < coalesce(o.high, 2147483647)) \
                           ORDER BY c.last_message_at DESC, o.conversation_id, o.low LIMIT 1")
            .text(&account.to_string())
            .load::<OwedRow>(conn)?
            .pop();
            let Some(row) = row else {
                return Ok(None);
            };
            let conversation = ConversationId(row.conversation_id);
            let missing = spans_of(conn, row.conversation_id)?.missing(row.low, row.high);
            Ok(Some(match missing.filter(|_| !row.refused) {
                Some((low, high)) => OwedWork::Fetch {
                    conversation,
                    chat: ChatId::from_marked(row.chat),
                    gap: row.low,
                    above: low - 1,
                    before: high.map_or(0, |high| high + 1),
                },
                None => OwedWork::Tell {
                    conversation,
                    gap: row.low,
                },
            }))
        })
        .await
    }

    /// Tells the next part of a gap that is whole; `true`: that was all of it. Events `message_received` and
    /// `message_sent`, with `late`.
    ///
    /// # Errors
    /// As every write.
    pub async fn tell_owed(&self, conversation: ConversationId, gap: i32) -> Result<bool> {
        self.job("tell_owed", move |tx| tx.tell_owed(conversation, gap))
            .await
    }

    /// Telegram does not give the rest of what is owed there. `later`: what is here of it is not told yet, for it is asked for
    /// once more.
    ///
    /// # Errors
    /// As every write.
    pub async fn refuse_owed(
        &self,
        conversation: ConversationId,
        gap: i32,
        reason: String,
        later: bool,
    ) -> Result<()> {
        self.job("refuse_owed", move |tx| {
            sql("UPDATE owed SET refused = ?, told_to = ? WHERE conversation_id = ? AND low = ?")
                .text(&reason)
                .number_or_null(later.then_some(i32::MAX))
                .number(conversation.0)
                .number(gap)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// What Telegram refused of chats that are still followed is asked for again. How much that is.
    ///
    /// # Errors
    /// As every write.
    pub async fn forgive_refused(&self, account: AccountId) -> Result<usize> {
        self.job("forgive_refused", move |tx| {
            let account = tx.living_account(account)?.no;
            let mut forgiven = 0;
            for what in [
                "UPDATE owed SET refused = NULL, told_to = NULL WHERE refused IS NOT NULL",
                "UPDATE stale SET pages = 0 WHERE pages >= 1000",
            ] {
                let text = format!(
                    "{what} AND conversation_id IN (SELECT c.id FROM conversations c WHERE c.account_no = ? \
                     AND (c.chat > -1000000000000 OR EXISTS (SELECT 1 FROM channel_positions p \
                     WHERE p.account_no = c.account_no AND p.channel_id = -1000000000000 - c.chat AND p.pts > 0)))"
                );
                forgiven += sql(&text).number(account).run(tx.conn)?;
            }
            // Of a chat that is not followed any more nothing else will come: what is here of it is told.
            sql("UPDATE owed SET told_to = NULL WHERE refused IS NOT NULL AND conversation_id IN \
                 (SELECT id FROM conversations WHERE account_no = ?)")
            .number(account)
            .run(tx.conn)?;
            Ok(forgiven)
        })
        .await
    }
}
