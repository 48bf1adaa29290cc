//! Fill jobs: history that is fetched in the background, and how much of a chat is stored.

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Bool, Nullable},
};

use super::{
    FillJob, FillScope, HistoryState, NewFillJob, Result, StoreError, StoreHandle,
    job::JobResult,
    schema::fill_jobs,
    sql::{One, sql},
    tx::{KnownAccount, Tx, scope_of},
};
use crate::domain::{AccountId, ChatId, ConversationId, Timestamp};

/// Messages fetched for a hole in a chat of which nothing is stored.
const UNKNOWN_CHAT: i32 = 200;

/// What Telegram refused to replay.
#[derive(Clone, Copy)]
pub(in crate::store) enum StoredHole {
    Account,
    Chat(ChatId),
}

#[derive(QueryableByName)]
#[diesel(table_name = fill_jobs)]
struct FillRow {
    id: i64,
    chat: Option<i64>,
    below: Option<i32>,
    down_to: Option<i32>,
    remaining: Option<i32>,
    created_at: i64,
}

#[derive(QueryableByName)]
struct HistoryRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    oldest: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    newest: Option<i64>,
    #[diesel(sql_type = Bool)]
    complete: bool,
}

impl Tx<'_> {
    /// The lower end is what is stored now: called before the batch's own messages are.
    pub fn add_hole(&mut self, account: &KnownAccount, hole: StoredHole) -> JobResult<()> {
        let (chat, scope) = match hole {
            StoredHole::Account => (None, 0),
            StoredHole::Chat(chat) => (Some(chat), scope_of(chat)),
        };
        let newest = sql("SELECT coalesce(max(message_no), 0) AS n FROM messages \
                          WHERE account_no = ? AND scope = ? AND message_no < 4294967296")
        .number(account.no)
        .number(scope)
        .get_result::<One>(self.conn)?
        .n;
        let newest = i32::try_from(newest).ok().filter(|newest| *newest > 0);
        let job = NewFillJob {
            scope: chat.map_or(FillScope::Account, FillScope::Chat),
            below: None,
            down_to: newest,
            remaining: newest.is_none().then_some(UNKNOWN_CHAT),
        };
        self.add_fill_job(account, &job)
    }

    fn add_fill_job(&mut self, account: &KnownAccount, job: &NewFillJob) -> JobResult<()> {
        let chat = match job.scope {
            FillScope::Account => None,
            FillScope::Chat(chat) => Some(chat.marked()),
        };
        sql("INSERT INTO fill_jobs (account_no, chat, below, down_to, remaining, created_at) \
             SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM fill_jobs WHERE account_no = ? AND chat IS ? \
             AND below IS ? AND down_to IS ?)")
        .number(account.no)
        .number_or_null(chat)
        .number_or_null(job.below)
        .number_or_null(job.down_to)
        .number_or_null(job.remaining)
        .number(self.now.millis())
        .number(account.no)
        .number_or_null(chat)
        .number_or_null(job.below)
        .number_or_null(job.down_to)
        .run(self.conn)?;
        Ok(())
    }
}

impl StoreHandle {
    /// The whole account's hole first, then holes of chats, then history; within each the newest chats first.
    ///
    /// # Errors
    /// As every read.
    pub async fn next_fill_job(&self, account: AccountId) -> Result<Option<FillJob>> {
        self.read("next_fill_job", move |conn| {
            let row = sql(
                "SELECT j.id, j.chat, j.below, j.down_to, j.remaining, j.created_at FROM fill_jobs j \
                 LEFT JOIN conversations c ON c.account_no = j.account_no AND c.chat = j.chat \
                 WHERE j.account_no = (SELECT no FROM accounts WHERE id = ?) \
                 ORDER BY j.chat IS NOT NULL, j.down_to IS NULL, c.last_message_at DESC, j.id LIMIT 1",
            )
            .text(&account.to_string())
            .load::<FillRow>(conn)?
            .pop();
            Ok(row.map(|row| FillJob {
                id: row.id,
                account_id: account,
                scope: row
                    .chat
                    .map_or(FillScope::Account, |chat| FillScope::Chat(ChatId::from_marked(chat))),
                below: row.below,
                down_to: row.down_to,
                remaining: row.remaining,
                created_at: Timestamp::from_millis(row.created_at),
            }))
        })
        .await
    }

    /// The same scope and bounds twice make one job.
    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`], or as every write.
    pub async fn add_fill_jobs(&self, account: AccountId, jobs: Vec<NewFillJob>) -> Result<()> {
        self.job("add_fill_jobs", move |tx| {
            let account = tx.living_account(account)?;
            jobs.iter()
                .try_for_each(|job| tx.add_fill_job(&account, job))
        })
        .await
    }

    /// Everything from `below` up is stored; `remaining` more to go.
    ///
    /// # Errors
    /// As every write.
    pub async fn save_fill_progress(
        &self,
        job: i64,
        below: Option<i32>,
        remaining: Option<i32>,
    ) -> Result<()> {
        self.job("save_fill_progress", move |tx| {
            sql("UPDATE fill_jobs SET below = ?, remaining = ? WHERE id = ?")
                .number_or_null(below)
                .number_or_null(remaining)
                .number(job)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// Done, or not worth repeating.
    ///
    /// # Errors
    /// As every write.
    pub async fn finish_fill_job(&self, job: i64) -> Result<()> {
        self.job("finish_fill_job", move |tx| {
            sql("DELETE FROM fill_jobs WHERE id = ?")
                .number(job)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// How much of a chat's history is stored.
    ///
    /// # Errors
    /// [`StoreError::ConversationNotFound`], or as every read.
    pub async fn history_state(&self, conversation: ConversationId) -> Result<HistoryState> {
        self.ask("history_state", move |conn| {
            let row = sql(
                "SELECT (SELECT m.message_no FROM messages m WHERE m.conversation_id = c.id \
                 AND m.message_no < 4294967296 ORDER BY m.timestamp, m.message_no LIMIT 1) AS oldest, \
                 (SELECT m.message_no FROM messages m WHERE m.conversation_id = c.id AND m.message_no < 4294967296 \
                 ORDER BY m.timestamp DESC, m.message_no DESC LIMIT 1) AS newest, \
                 c.history_complete AS complete FROM conversations c WHERE c.id = ?",
            )
            .number(conversation.0)
            .load::<HistoryRow>(conn)?
            .pop()
            .ok_or(StoreError::ConversationNotFound)?;
            let id = |number: Option<i64>| number.and_then(|number| i32::try_from(number).ok());
            Ok(HistoryState {
                oldest: id(row.oldest),
                newest: id(row.newest),
                complete: row.complete,
            })
        })
        .await
    }

    /// The chat's first message is stored.
    ///
    /// # Errors
    /// [`StoreError::ConversationNotFound`], or as every write.
    pub async fn set_history_complete(&self, conversation: ConversationId) -> Result<()> {
        self.job("set_history_complete", move |tx| {
            let key = tx.conversation_key(conversation)?;
            tx.conversation(key)?.fields.history_complete = true;
            tx.mark_conversation(key);
            Ok(())
        })
        .await
    }
}
