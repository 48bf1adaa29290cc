//! Recent history that is fetched in the background after a sign-in.

use diesel::QueryableByName;

use super::{
    RecentJob, Result, StoreHandle,
    span_rows::spans_of,
    sql::{Number, One, sql},
};
use crate::domain::{AccountId, ChatId, ConversationId};

/// How many of a chat's messages are fetched by themselves.
pub(in crate::store) const RECENT: i64 = 50;

#[derive(QueryableByName)]
struct JobRow {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Number)]
    chat: i64,
    #[diesel(sql_type = Number)]
    conversation_id: i64,
}

impl StoreHandle {
    /// The chats with the newest messages get their recent history.
    ///
    /// # Errors
    /// [`super::StoreError::AccountNotFound`], or as every write.
    pub async fn want_recent(&self, account: AccountId, chats: u32) -> Result<()> {
        self.job("want_recent", move |tx| {
            let account = tx.living_account(account)?.no;
            sql("INSERT INTO fill_jobs (account_no, chat, created_at) SELECT account_no, chat, ? FROM \
                 (SELECT account_no, chat FROM conversations WHERE account_no = ? \
                  ORDER BY last_message_at DESC, id DESC LIMIT ?) AS c \
                 WHERE NOT EXISTS (SELECT 1 FROM fill_jobs f WHERE f.account_no = c.account_no AND f.chat = c.chat)")
            .number(tx.now.millis())
            .number(account)
            .number(chats)
            .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// The newest chats first.
    ///
    /// # Errors
    /// As every read.
    pub async fn next_recent(&self, account: AccountId) -> Result<Option<RecentJob>> {
        self.read("next_recent", move |conn| {
            let row = sql(
                "SELECT j.id, j.chat, c.id AS conversation_id FROM fill_jobs j \
                 JOIN conversations c ON c.account_no = j.account_no AND c.chat = j.chat \
                 WHERE j.account_no = (SELECT no FROM accounts WHERE id = ?) \
                 ORDER BY c.last_message_at DESC, j.id LIMIT 1",
            )
            .text(&account.to_string())
            .load::<JobRow>(conn)?
            .pop();
            Ok(row.map(|row| RecentJob {
                id: row.id,
                conversation: ConversationId(row.conversation_id),
                chat: ChatId::from_marked(row.chat),
            }))
        })
        .await
    }

    /// How many messages are still wanted below the topmost span, and where it begins; `None`: enough is here.
    ///
    /// # Errors
    /// As every read.
    pub async fn recent_missing(&self, conversation: ConversationId) -> Result<Option<(i64, i32)>> {
        self.read("recent_missing", move |conn| {
            let Some(top) = spans_of(conn, conversation.0)?.topmost() else {
                return Ok(Some((RECENT, 0)));
            };
            let held = sql("SELECT count(*) AS n FROM (SELECT 1 FROM messages WHERE conversation_id = ? \
                            AND message_no >= ? AND message_no < 4294967296 ORDER BY timestamp DESC LIMIT ?) AS newest")
            .number(conversation.0)
            .number(top.low)
            .number(RECENT)
            .get_result::<One>(conn)?
            .n;
            Ok((held < RECENT && top.low > 1).then_some((RECENT - held, top.low)))
        })
        .await
    }

    /// Done, or not worth repeating.
    ///
    /// # Errors
    /// As every write.
    pub async fn finish_recent(&self, job: i64) -> Result<()> {
        self.job("finish_recent", move |tx| {
            sql("DELETE FROM fill_jobs WHERE id = ?")
                .number(job)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// Telegram's number of the newest message that is stored, or was until it was too old.
    ///
    /// # Errors
    /// As every read.
    pub async fn newest_number(&self, conversation: ConversationId) -> Result<Option<i32>> {
        self.read("newest_number", move |conn| {
            let row = sql("SELECT message_no AS n FROM messages WHERE conversation_id = ? AND message_no < 4294967296 \
                           ORDER BY timestamp DESC, message_no DESC LIMIT 1")
            .number(conversation.0)
            .load::<One>(conn)?
            .pop();
            let row = match row {
                Some(row) => Some(row),
                // Nothing of it is kept, and yet it had messages.
                None => sql("SELECT kept_above AS n FROM conversations WHERE id = ? AND kept_above > 0")
                    .number(conversation.0)
                    .load::<One>(conn)?
                    .pop(),
            };
            Ok(row.and_then(|row| i32::try_from(row.n).ok()))
        })
        .await
    }
}
