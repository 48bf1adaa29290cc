//! Stretches: pages of a chat's history, and what is sure of the chat with each; what is not is compared with Telegram later.

use diesel::{QueryResult, QueryableByName};

use super::{
    HistoryStretch, Result, StaleWork, StoreHandle, Stretched,
    engine::Conn,
    job_error::JobResult,
    ready::ReadyBatch,
    record::Told,
    sql::{Number, One, sql},
    tx::{Tx, scope_of},
};
use crate::domain::{AccountId, ChatId, ConversationId, Span, Timestamp};

/// Telegram lets people change what they wrote for 48 hours. All of that is compared in the background after a hole,
const CHANGES_HOURS: i64 = 48;
/// and of what is older, and can only have been deleted, so many pages of a chat; the rest is compared when somebody looks.
const COMPARED_PAGES: i32 = 10;
/// Fewer messages are no page: Telegram gives as few as it likes at a time.
const A_PAGE: usize = 20;
/// Stands in their place where Telegram refused to show the chat.
const REFUSED: i32 = 1_000;
/// Chats that were quiet for longer are compared only when somebody looks.
const COMPARED_DAYS: i64 = 30;

#[derive(QueryableByName)]
struct StaleRow {
    #[diesel(sql_type = Number)]
    chat: i64,
    #[diesel(sql_type = Number)]
    low: i32,
    #[diesel(sql_type = Number)]
    high: i32,
}

impl Tx<'_> {
    fn record_stretch(
        &mut self,
        stretch: &HistoryStretch,
        ready: &mut ReadyBatch,
    ) -> JobResult<Stretched> {
        let Told {
            new_messages,
            unsure,
            ..
        } = self.record_batch(&stretch.batch, ready)?;
        let account = self.living_account(stretch.batch.account_id)?;
        let key = self.conversation_for(&account, stretch.chat)?;
        let scope_id = scope_of(stretch.chat);
        let given = stretch.numbers();
        let low = match stretch.oldest {
            Some(oldest) if !stretch.complete => oldest,
            _ => stretch.above + 1,
        };
        let scope = self.scope(account.no, scope_id)?.clone();
        let continuous = scope.pts > 0 && scope.epoch <= stretch.asked;
        let mut spans = self.spans(key)?;
        let told_to = self.told_to(key, &scope, &spans)?;
        let span = match stretch.before {
            0 => {
                let high = given.iter().copied().max().unwrap_or(stretch.above);
                Span {
                    low,
                    high,
                    // What is newer than this answer comes by the stream.
                    open: continuous && told_to.is_none(),
                }
            }
            before => Span::closed(low, before - 1),
        };
        // What is newer is here once it is told: were the stream to break off before, nobody would tell it.
        let high = told_to.map_or(span.high, |to| span.high.min(to.max(low - 1)));
        let span = Span { high, ..span };
        spans.cover(span);
        self.keep_spans(key, &spans)?;
        let conversation = self.conversation(key)?.fields.id;
        let stored = self.numbers_between(conversation, (account.no, scope_id), span)?;
        let unseen: Vec<i32> = stored
            .into_iter()
            .filter(|number| !given.contains(number))
            .collect();
        if continuous && unseen.is_empty() && !unsure {
            self.compared(conversation, (span.low, span.high), given.len() >= A_PAGE)?;
        } else {
            // Until Telegram has said what became of those that it left out, or all of it once more, whatever happens before.
            self.outdated(conversation, span.low, span.high)?;
        }
        self.find_beginning(conversation)?;
        self.note_left(key, stretch, &spans, new_messages)?;
        self.retire_fetched(account.id, key)?;
        Ok(Stretched {
            new_messages,
            unseen,
            unsure,
            span: (span.low, span.high),
        })
    }

    /// What a page had left out is known now, too.
    fn note_compared(
        &mut self,
        account: AccountId,
        chat: ChatId,
        (low, high): (i32, i32),
        asked: i64,
    ) -> JobResult<()> {
        let account = self.living_account(account)?;
        let key = self.conversation_for(&account, chat)?;
        let scope = self.scope(account.no, scope_of(chat))?;
        if scope.pts > 0 && scope.epoch <= asked {
            let conversation = self.conversation(key)?.fields.id;
            let scope = (account.no, scope_of(chat));
            let stored = self.numbers_between(conversation, scope, Span::closed(low, high))?;
            self.compared(conversation, (low, high), stored.len() >= A_PAGE)?;
        }
        Ok(())
    }

    /// Numbers of the conversation's messages in a span, as far as they are not deleted. Numbers of a scope rise with
    /// time, so times narrow the search down.
    fn numbers_between(
        &mut self,
        conversation: i64,
        (account_no, scope): (i64, i64),
        span: Span,
    ) -> JobResult<Vec<i32>> {
        let from = self.time_at(account_no, scope, span.low)?;
        let rows = sql("SELECT message_no AS n FROM messages INDEXED BY messages_by_conversation \
                        WHERE conversation_id = ? AND timestamp >= ? AND message_no BETWEEN ? AND ? \
                        AND deleted_at IS NULL AND held = 0")
        .number(conversation)
        .number(from)
        .number(span.low)
        .number(span.high)
        .load::<One>(self.conn)?;
        Ok(rows
            .into_iter()
            .filter_map(|row| i32::try_from(row.n).ok())
            .collect())
    }

    /// No message of the scope from this number on is older than this.
    pub fn time_at(&mut self, account_no: i64, scope: i64, number: i32) -> JobResult<i64> {
        Ok(sql(
            "SELECT coalesce((SELECT timestamp FROM messages WHERE account_no = ? AND scope = ? \
                AND message_no <= ? ORDER BY message_no DESC LIMIT 1), 0) AS n",
        )
        .number(account_no)
        .number(scope)
        .number(number)
        .get_result::<One>(self.conn)?
        .n)
    }
}

/// The time of the newest message, for what is new or old beside it: messages carry Telegram's dates, and clocks differ. None is
/// believed that is ahead of ours.
fn told_time(conn: &mut Conn, account: AccountId) -> QueryResult<i64> {
    let newest = sql(
        "SELECT coalesce(max(last_message_at), 0) AS n FROM conversations \
                      WHERE account_no = (SELECT no FROM accounts WHERE id = ?)",
    )
    .text(&account.to_string())
    .get_result::<One>(conn)?
    .n;
    let now = Timestamp::now().millis();
    Ok(if newest > 0 { newest.min(now) } else { now })
}

impl StoreHandle {
    /// A page of history with what it says about its stretch: whole now, and compared.
    ///
    /// # Errors
    /// [`super::StoreError::AccountNotFound`], or as every write.
    pub async fn record_stretch(&self, stretch: HistoryStretch) -> Result<Stretched> {
        let mut ready = self.ready.make(&stretch.batch);
        self.job("record_stretch", move |tx| {
            tx.record_stretch(&stretch, &mut ready)
        })
        .await
    }

    /// Telegram was asked, by its number, for everything that a page had left out: its stretch is compared now. `asked`: as in
    /// [`HistoryStretch`].
    ///
    /// # Errors
    /// [`super::StoreError::AccountNotFound`], or as every write.
    pub async fn note_compared(
        &self,
        account: AccountId,
        chat: ChatId,
        span: (i32, i32),
        asked: i64,
    ) -> Result<()> {
        self.job("note_compared", move |tx| {
            tx.note_compared(account, chat, span, asked)
        })
        .await
    }

    /// A stretch to compare with Telegram in the background, in the chats with the newest messages first.
    ///
    /// # Errors
    /// As every read.
    pub async fn next_stale(&self, account: AccountId) -> Result<Option<StaleWork>> {
        self.read("next_stale", move |conn| {
            const HOUR: i64 = 3600 * 1000;
            let now = told_time(conn, account)?;
            let newest = sql("SELECT c.chat, s.low, s.high FROM stale s \
                              JOIN conversations c ON c.id = s.conversation_id \
                              WHERE c.account_no = (SELECT no FROM accounts WHERE id = ?) AND s.pages < ? \
                              AND c.last_message_at > ? ORDER BY c.last_message_at DESC, s.high DESC LIMIT 1")
            .text(&account.to_string())
            .number(COMPARED_PAGES)
            .number(now - COMPARED_DAYS * 24 * HOUR)
            .load::<StaleRow>(conn)?
            .pop();
            if newest.is_some() {
                return Ok(newest);
            }
            let deeper = sql("SELECT c.chat, s.low, s.high FROM stale s \
                              JOIN conversations c ON c.id = s.conversation_id \
                              WHERE c.account_no = (SELECT no FROM accounts WHERE id = ?) AND s.pages < ? \
                              AND c.last_message_at > ? AND (SELECT m.timestamp FROM messages m \
                              WHERE m.account_no = c.account_no AND m.message_no <= s.high AND m.scope = \
                              CASE WHEN c.chat < -1000000000000 THEN -1000000000000 - c.chat ELSE 0 END \
                              ORDER BY m.message_no DESC LIMIT 1) > ? \
                              ORDER BY c.last_message_at DESC, s.high DESC LIMIT 1")
            .text(&account.to_string())
            .number(REFUSED)
            .number(now - CHANGES_HOURS * HOUR)
            .number(now - CHANGES_HOURS * HOUR)
            .load::<StaleRow>(conn)?
            .pop();
            Ok(deeper)
        })
        .await
        .map(|row| {
            row.map(|row| StaleWork {
                chat: ChatId::from_marked(row.chat),
                low: row.low,
                high: row.high,
            })
        })
    }

    /// The topmost stretch between two numbers that was not compared since the last hole.
    ///
    /// # Errors
    /// As every read.
    pub async fn stale_between(
        &self,
        conversation: ConversationId,
        low: i32,
        high: i32,
    ) -> Result<Option<(i32, i32)>> {
        self.read("stale_between", move |conn| {
            let row = sql("SELECT 0 AS chat, low, high FROM stale WHERE conversation_id = ? AND low <= ? AND high >= ? \
                           ORDER BY low DESC LIMIT 1")
            .number(conversation.0)
            .number(high)
            .number(low)
            .load::<StaleRow>(conn)?
            .pop();
            Ok(row.map(|row| (row.low.max(low), row.high.min(high))))
        })
        .await
    }

    /// Telegram does not show this chat any more: nothing of it can be compared.
    ///
    /// # Errors
    /// As every write.
    pub async fn give_up_stale(&self, account: AccountId, chat: ChatId) -> Result<()> {
        self.job("give_up_stale", move |tx| {
            let account = tx.account(account)?.no;
            sql("UPDATE stale SET pages = ? WHERE conversation_id = \
                 (SELECT id FROM conversations WHERE account_no = ? AND chat = ?)")
            .number(REFUSED)
            .number(account)
            .number(chat.marked())
            .run(tx.conn)?;
            Ok(())
        })
        .await
    }
}
