//! Reading for an export: an account's conversations and their messages, oldest first, a page at a time.

use super::{
    Result, StoreError, StoreHandle,
    cursor::{Cursor, List},
    message_row::{MessageRecord, select_messages},
    sql::{One, sql},
};
use crate::domain::{AccountId, ConversationId, StoredMessage};

const LIVING: &str = select_messages!(
    "WHERE m.conversation_id = ? AND (m.timestamp, m.message_no) > (?, ?) AND m.held = 0 \
     AND m.deleted_at IS NULL AND m.message_id IS NOT NULL ORDER BY m.timestamp, m.message_no LIMIT ?"
);

/// Where an export stands: in this conversation, behind this message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExportPlace {
    pub conversation: ConversationId,
    /// Time and number; `None`: before the first one.
    pub behind: Option<(i64, i64)>,
}

impl ExportPlace {
    #[must_use]
    pub const fn begin(conversation: ConversationId) -> Self {
        Self {
            conversation,
            behind: None,
        }
    }

    #[must_use]
    pub fn text(self) -> String {
        let (time, number) = self.behind.unwrap_or((i64::MIN, i64::MIN));
        Cursor {
            list: List::Export,
            key: [time, number, self.conversation.0],
        }
        .text()
    }

    /// # Errors
    /// [`StoreError::InvalidCursor`].
    pub fn parse(text: &str) -> Result<Self> {
        let [time, number, conversation] = Cursor::of(List::Export, text)?;
        let behind = (time, number);
        Ok(Self {
            conversation: ConversationId(conversation),
            behind: Some(behind).filter(|behind| *behind != (i64::MIN, i64::MIN)),
        })
    }
}

/// A page of an export.
#[derive(Debug)]
pub struct ExportPage {
    /// Oldest first; what was deleted, or never reached Telegram, is not among them.
    pub messages: Vec<StoredMessage>,
    /// `None`: that was the last one.
    pub next: Option<ExportPlace>,
}

impl StoreHandle {
    /// # Errors
    /// [`StoreError::ConversationNotFound`] once it is gone, or as every read.
    pub async fn export_page(&self, place: ExportPlace, limit: usize) -> Result<ExportPage> {
        let conversation = place.conversation.0;
        let behind = place.behind.unwrap_or((i64::MIN, i64::MIN));
        self.ask("export_page", move |conn| {
            let there = sql("SELECT count(*) AS n FROM conversations WHERE id = ? \
                 AND account_no NOT IN (SELECT no FROM accounts WHERE purge)")
            .number(conversation)
            .get_result::<One>(conn)?;
            if there.n == 0 {
                return Err(StoreError::ConversationNotFound.into());
            }
            let mut rows = sql(LIVING)
                .number(conversation)
                .number(behind.0)
                .number(behind.1)
                .number(limit as i64 + 1)
                .load::<MessageRecord>(conn)?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            let next = rows.last().filter(|_| more).map(|last| ExportPlace {
                behind: Some((last.fields.timestamp, last.fields.message_no)),
                ..place
            });
            let messages = rows.into_iter().map(MessageRecord::into_message).collect();
            Ok(ExportPage { messages, next })
        })
        .await
    }

    /// The account's next conversation behind this one, in the order in which they came to be.
    ///
    /// # Errors
    /// As every read.
    pub async fn conversation_behind(
        &self,
        account: AccountId,
        before: Option<ConversationId>,
    ) -> Result<Option<ConversationId>> {
        let before = before.map_or(0, |before| before.0);
        self.read("conversation_behind", move |conn| {
            let found = sql("SELECT id AS n FROM conversations WHERE id > ? \
                 AND account_no = (SELECT no FROM accounts WHERE id = ? AND NOT purge) ORDER BY id LIMIT 1")
            .number(before)
            .text(&account.to_string())
            .load::<One>(conn)?
            .pop();
            Ok(found.map(|found| ConversationId(found.n)))
        })
        .await
    }
}
