//! Archive: an account's whole history, fetched by itself, chat after chat, with what is known of its end.

use diesel::QueryableByName;

use super::{
    ArchiveWork, Result, StoreHandle,
    account_row::KnownAccount,
    job_error::JobResult,
    span_rows::spans_of,
    sql::{Number, sql},
    tx::Tx,
    types::HistoryStretch,
};
use crate::domain::{AccountId, ChatId, ConversationId, Spans};

/// What is expected of a chat that was not asked about yet.
const UNKNOWN: i64 = 100;
const PAGE: i64 = 100;

#[derive(QueryableByName)]
struct ChatRow {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Number)]
    chat: i64,
}

#[derive(QueryableByName)]
struct Sums {
    #[diesel(sql_type = Number)]
    chats: i64,
    #[diesel(sql_type = Number)]
    unknown: i64,
    #[diesel(sql_type = Number)]
    left: i64,
}

impl Tx<'_> {
    /// What a page says about what lies below it.
    pub fn note_left(
        &mut self,
        key: (i64, i64),
        stretch: &HistoryStretch,
        spans: &Spans,
        new_messages: usize,
    ) -> JobResult<()> {
        let conversation = self.conversation(key)?.fields.id;
        let reaches = spans.iter().next().is_some_and(|lowest| {
            stretch.above == 0 && stretch.oldest.is_none_or(|oldest| oldest <= lowest.low)
        });
        if reaches && let Some(left) = stretch.left {
            sql("UPDATE conversations SET history_left = ? WHERE id = ?")
                .number(left)
                .number(conversation)
                .run(self.conn)?;
        }
        if stretch.archive {
            sql("UPDATE accounts SET history_done = history_done + ? WHERE no = ?")
                .number(i64::try_from(new_messages).unwrap_or(0))
                .number(key.0)
                .run(self.conn)?;
        }
        Ok(())
    }

    /// Adds up what is known and tells it. `pace`: milliseconds that a page takes.
    fn tell_archive(&mut self, id: AccountId, pace: u64) -> JobResult<()> {
        let account = self.living_account(id)?;
        let sums = sql(
            "SELECT count(*) AS chats, count(*) FILTER (WHERE history_left IS NULL) AS unknown, \
             CAST(coalesce(sum(history_left), 0) AS BIGINT) AS left FROM conversations WHERE account_no = ? AND history_end IS NULL",
        )
        .number(account.no)
        .get_result::<Sums>(self.conn)?;
        let left = sums.left + sums.unknown * UNKNOWN;
        // A chat's last page is seldom a full one.
        let pages = left / PAGE + sums.chats;
        // 0 says that nothing is left.
        let eta = pages
            .saturating_mul(i64::try_from(pace).unwrap_or(i64::MAX))
            .saturating_add(999)
            / 1000;
        self.tell_history(&account, left, eta)
    }

    /// `left`: messages that are still to come.
    fn tell_history(&mut self, account: &KnownAccount, left: i64, eta: i64) -> JobResult<()> {
        let rows = sql(
            "UPDATE accounts SET history_total = history_done + ?, history_eta = ? WHERE no = ? AND archive = 'all' \
             AND (history_total IS DISTINCT FROM history_done + ? OR history_eta IS DISTINCT FROM ?)",
        )
        .number(left)
        .number(eta)
        .number(account.no)
        .number(left)
        .number(eta)
        .run(self.conn)?;
        if rows > 0 {
            self.announce_account(account.id)?;
        }
        Ok(())
    }
}

impl StoreHandle {
    /// The next stretch of history that an account with `archive: all` lacks, in the chats with the newest messages
    /// first.
    ///
    /// # Errors
    /// As every read.
    pub async fn next_archive(&self, account: AccountId) -> Result<Option<ArchiveWork>> {
        self.read("next_archive", move |conn| {
            let row = sql(
                "SELECT c.id, c.chat FROM conversations c JOIN accounts a ON a.no = c.account_no \
                           WHERE a.id = ? AND a.archive = 'all' AND c.history_end IS NULL \
                           ORDER BY c.last_message_at DESC, c.id DESC LIMIT 1",
            )
            .text(&account.to_string())
            .load::<ChatRow>(conn)?
            .pop();
            let Some(row) = row else {
                return Ok(None);
            };
            let spans = spans_of(conn, row.id)?;
            let top = spans.topmost().map(|span| span.high);
            let stretch = spans
                .missing(1, top)
                .map(|(low, high)| (low - 1, high.map_or(0, |high| high + 1)));
            Ok(Some(ArchiveWork {
                conversation: ConversationId(row.id),
                chat: ChatId::from_marked(row.chat),
                stretch,
            }))
        })
        .await
    }

    /// There is nothing more to fetch in this chat, or Telegram gives no more: why.
    ///
    /// # Errors
    /// As every write.
    pub async fn end_archive(
        &self,
        conversation: ConversationId,
        refused: Option<String>,
    ) -> Result<()> {
        self.job("end_archive", move |tx| {
            sql("UPDATE conversations SET history_end = ?, history_left = 0 WHERE id = ?")
                .text(refused.as_deref().unwrap_or_default())
                .number(conversation.0)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// Says how far an account's history is, as `account_status`. `pace`: milliseconds that a page takes.
    ///
    /// # Errors
    /// As every write.
    pub async fn tell_archive(&self, account: AccountId, pace: u64) -> Result<()> {
        self.job("tell_archive", move |tx| tx.tell_archive(account, pace))
            .await
    }

    /// Says that nothing of an account's history is left to fetch, when all of it was wanted.
    ///
    /// # Errors
    /// As every write.
    pub async fn tell_archived(&self, account: AccountId) -> Result<()> {
        self.job("tell_archived", move |tx| {
            let account = tx.living_account(account)?;
            tx.tell_history(&account, 0, 0)
        })
        .await
    }
}
