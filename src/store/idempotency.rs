//! Idempotency keys: the same key gives what the first call made, whatever kind of order that was.

use diesel::QueryableByName;
use sha2::{Digest, Sha256};

use super::{
    Result, StoreError, StoreHandle,
    job_error::JobResult,
    message_row::{MessageRecord, from_json, json},
    sql::{One, sql},
    tx::Tx,
};
use crate::domain::{AccountId, ChatId, ConversationId, StoredMessage, hex};

#[derive(QueryableByName)]
#[diesel(table_name = super::schema::idempotency_keys)]
struct KeyRow {
    fingerprint: String,
    message_row: Option<i64>,
    message_rows: Option<String>,
}

/// A caller's key, with what it was given for.
#[derive(Clone, Debug)]
pub(in crate::store) struct MessagesKey {
    key: String,
    fingerprint: String,
}

impl MessagesKey {
    /// `parts`: everything that makes another call of it.
    pub fn of(key: Option<&str>, parts: &[&[u8]]) -> Option<Self> {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        let digest = hash.finalize();
        Some(Self {
            key: key?.to_owned(),
            fingerprint: hex(&digest),
        })
    }
}

impl Tx<'_> {
    /// The messages of the first call with this key, as they are now; `None`: this is the first.
    pub fn first_call(
        &mut self,
        conversation: i64,
        call: Option<&MessagesKey>,
    ) -> JobResult<Option<Vec<StoredMessage>>> {
        let Some(call) = call else {
            return Ok(None);
        };
        let found = sql(
            "SELECT fingerprint, message_row, message_rows FROM idempotency_keys WHERE conversation_id = ? AND key = ?",
        )
        .number(conversation)
        .text(&call.key)
        .load::<KeyRow>(self.conn)?
        .pop();
        let Some(found) = found else {
            return Ok(None);
        };
        if found.fingerprint != call.fingerprint {
            return Err(StoreError::IdempotencyConflict.into());
        }
        let several = found.message_rows.as_deref().and_then(from_json);
        let rows: Vec<i64> = several.unwrap_or_else(|| found.message_row.into_iter().collect());
        let mut messages = Vec::new();
        for row in rows {
            let record = MessageRecord::load(self.conn, row)?;
            messages.extend(record.map(MessageRecord::into_message));
        }
        Ok(Some(messages))
    }

    pub fn keep_key(
        &mut self,
        conversation: i64,
        call: Option<&MessagesKey>,
        rows: &[i64],
    ) -> JobResult<()> {
        let Some(call) = call else {
            return Ok(());
        };
        let several = (rows.len() > 1).then(|| json(rows)).flatten();
        let one = rows.first().filter(|_| several.is_none());
        sql("INSERT INTO idempotency_keys (conversation_id, key, fingerprint, message_row, message_rows, created_at) \
             VALUES (?, ?, ?, ?, ?, ?)")
        .number(conversation)
        .text(&call.key)
        .text(&call.fingerprint)
        .number_or_null(one.copied())
        .text_or_null(several.as_deref())
        .number(self.now.millis())
        .run(self.conn)?;
        Ok(())
    }

    /// The message of it was taken back: the key may be used anew.
    pub fn forget_keys_of(&mut self, row: i64) -> JobResult<()> {
        sql("DELETE FROM idempotency_keys WHERE message_row = ?")
            .number(row)
            .run(self.conn)?;
        Ok(())
    }
}

impl StoreHandle {
    /// The chat of an account that this key was used for.
    ///
    /// # Errors
    /// As every read.
    pub async fn chat_under_key(&self, account: AccountId, key: String) -> Result<Option<ChatId>> {
        self.read("chat_under_key", move |conn| {
            let chat = sql("SELECT c.chat AS n FROM conversations c \
                            JOIN idempotency_keys k ON k.conversation_id = c.id AND k.key = ? \
                            WHERE c.account_no = (SELECT no FROM accounts WHERE id = ?) LIMIT 1")
            .text(&key)
            .text(&account.to_string())
            .load::<One>(conn)?
            .pop();
            Ok(chat.map(|chat| ChatId::from_marked(chat.n)))
        })
        .await
    }

    /// Was there an order of this conversation under this key?
    ///
    /// # Errors
    /// As every read.
    pub async fn knows_key(&self, conversation: ConversationId, key: String) -> Result<bool> {
        self.read("knows_key", move |conn| {
            let known = sql(
                "SELECT count(*) AS n FROM idempotency_keys WHERE conversation_id = ? AND key = ?",
            )
            .number(conversation.0)
            .text(&key)
            .get_result::<One>(conn)?;
            Ok(known.n > 0)
        })
        .await
    }
}
