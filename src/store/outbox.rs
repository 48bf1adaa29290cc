//! The outbox: replies from the moment somebody wrote them to Telegram's definite word.
//!
//! A reply's random id is committed with it and never changes; Telegram answers a repeated one with the first message.

use diesel::{QueryResult, QueryableByName, RunQueryDsl, sqlite::SqliteConnection};
use sha2::{Digest, Sha256};

use super::{
    QueueReply, QueueSend, Queued, Result, StoreError, StoreHandle,
    job::JobResult,
    message_row::{MessageRecord, UNNUMBERED, account_of, chat_of},
    schema::outbox,
    sql::{One, sql},
    tx::{KnownAccount, Tx, scope_of},
};
use crate::domain::{
    AccountId, ChatId, ConversationId, EventBody, MessageRowId, OutgoingMessage, StoredMessage,
    Timestamp,
};

#[derive(QueryableByName, Clone, Debug)]
#[diesel(table_name = outbox)]
pub(in crate::store) struct OutboxRow {
    pub message_row: i64,
    pub random_id: i64,
    pub failed: bool,
    pub maybe_sent: bool,
    pub attempts: i32,
    pub retry_at: Option<i64>,
}

macro_rules! select_outbox {
    ($rest:expr) => {
        concat!(
            "SELECT o.message_row, o.random_id, o.failed, o.maybe_sent, o.attempts, o.retry_at FROM outbox o ",
            $rest
        )
    };
}
pub(in crate::store) use select_outbox;

#[derive(QueryableByName)]
#[diesel(table_name = super::schema::idempotency_keys)]
struct KeyRow {
    fingerprint: String,
    message_row: i64,
}

/// A reply about to be queued, the same at every run of its job.
struct Draft {
    text: String,
    reply_to: Option<i32>,
    key: Option<String>,
    random_id: i64,
}

impl Draft {
    fn new(text: String, reply_to: Option<i32>, key: Option<String>) -> Self {
        Self {
            text,
            reply_to,
            key,
            random_id: random_id(),
        }
    }

    fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.reply_to.unwrap_or(0).to_be_bytes());
        hash.update(self.text.as_bytes());
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

fn random_id() -> i64 {
    loop {
        let mut bytes = [0_u8; 8];
        // Without the system's random source nothing in this service is safe; uuid asks the same source.
        if getrandom::fill(&mut bytes).is_err() {
            bytes.copy_from_slice(&uuid::Uuid::new_v4().as_u128().to_be_bytes()[..8]);
        }
        let id = i64::from_be_bytes(bytes);
        if id != 0 {
            return id;
        }
    }
}

/// Whose it is, the key of its conversation, the message, and its outbox row while it is not sent.
type Outgoing = (KnownAccount, (i64, i64), MessageRecord, Option<OutboxRow>);

impl OutboxRow {
    pub fn load(conn: &mut SqliteConnection, row: i64) -> QueryResult<Option<Self>> {
        Ok(sql(select_outbox!("WHERE o.message_row = ?"))
            .number(row)
            .load::<Self>(conn)?
            .pop())
    }
}

impl Tx<'_> {
    fn queue_reply(&mut self, id: ConversationId, draft: &Draft) -> JobResult<Queued> {
        let key = self.conversation_key(id)?;
        let account_id = account_of(&self.conversation(key)?.fields.telegram_account_id);
        let account = self.living_account(account_id)?;
        self.queue(&account, key, draft)
    }

    fn queue_send(&mut self, send: &QueueSend, draft: &Draft) -> JobResult<Queued> {
        let account = self.living_account(send.account)?;
        if let Some(peer) = &send.peer {
            self.put_peer(&account, peer)?;
        }
        let key = self.conversation_for(&account, send.chat)?;
        self.queue(&account, key, draft)
    }

    fn queue(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        draft: &Draft,
    ) -> JobResult<Queued> {
        if let Some(message) = self.first_call(key, draft)? {
            return Ok(Queued {
                message,
                conversation: self.show_conversation(key)?,
                repeated: true,
            });
        }
        let id = self.next_message_row()?;
        let row = self.conversation(key)?;
        let conversation_id = row.fields.id;
        let chat_id = row.fields.chat_id.clone();
        // Also when this machine's clock is behind Telegram's, a new reply stands below what it answers.
        let at = self
            .now
            .millis()
            .max(self.conversation(key)?.fields.last_message_at);
        sql(
            "INSERT INTO messages (id, account_no, scope, message_no, conversation_id, telegram_account_id, chat_id, \
             direction, text, timestamp, status, reply_to) VALUES (?, ?, ?, ?, ?, ?, ?, 'outgoing', ?, ?, 'pending', ?)",
        )
        .number(id)
        .number(account.no)
        .number(scope_of(ChatId::from_marked(key.1)))
        .number(UNNUMBERED + id)
        .number(conversation_id)
        .text(&account.id_text)
        .text(&chat_id)
        .text(&draft.text)
        .number(at)
        .number_or_null(draft.reply_to)
        .run(self.conn)?;
        sql("INSERT INTO outbox (message_row, account_no, conversation_id, random_id) VALUES (?, ?, ?, ?)")
            .number(id)
            .number(account.no)
            .number(conversation_id)
            .number(draft.random_id)
            .run(self.conn)?;
        if let Some(idempotency_key) = &draft.key {
            sql("INSERT INTO idempotency_keys (conversation_id, key, fingerprint, message_row, created_at) \
                 VALUES (?, ?, ?, ?, ?)")
            .number(conversation_id)
            .text(idempotency_key)
            .text(&draft.fingerprint())
            .number(id)
            .number(self.now.millis())
            .run(self.conn)?;
        }
        let message = self.announce_sent(account, key, id)?;
        Ok(Queued {
            message,
            conversation: self.show_conversation(key)?,
            repeated: false,
        })
    }

    /// The message of the first call with this idempotency key.
    fn first_call(&mut self, key: (i64, i64), draft: &Draft) -> JobResult<Option<StoredMessage>> {
        let Some(idempotency_key) = &draft.key else {
            return Ok(None);
        };
        let conversation = self.conversation(key)?.fields.id;
        let found = sql("SELECT fingerprint, message_row FROM idempotency_keys WHERE conversation_id = ? AND key = ?")
            .number(conversation)
            .text(idempotency_key)
            .load::<KeyRow>(self.conn)?
            .pop();
        let Some(found) = found else {
            return Ok(None);
        };
        if found.fingerprint != draft.fingerprint() {
            return Err(StoreError::IdempotencyConflict.into());
        }
        let record = MessageRecord::load(self.conn, found.message_row)?;
        Ok(record.map(MessageRecord::into_message))
    }

    /// The message as it is now goes into the summary and to the desk.
    pub fn announce_sent(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        row: i64,
    ) -> JobResult<StoredMessage> {
        let record = MessageRecord::load(self.conn, row)?.ok_or(StoreError::MessageNotFound)?;
        let no = record.fields.message_no;
        let message = record.into_message();
        if message.deleted_at.is_none() {
            self.summarise(key, &message, no)?;
        }
        let conversation = self.show_conversation(key)?;
        self.emit(
            account,
            EventBody::MessageSent {
                message: message.clone(),
                conversation,
            },
        )?;
        Ok(message)
    }

    /// The message, where it belongs, and its outbox row.
    pub fn outgoing(&mut self, id: MessageRowId) -> JobResult<Outgoing> {
        let record = MessageRecord::load(self.conn, id.0)?.ok_or(StoreError::MessageNotFound)?;
        let account = self
            .account(account_of(&record.fields.telegram_account_id))?
            .clone();
        let key = (account.no, chat_of(&record.fields.chat_id).marked());
        let row = OutboxRow::load(self.conn, id.0)?;
        Ok((account, key, record, row))
    }

    fn mark_in_flight(&mut self, id: MessageRowId) -> JobResult<bool> {
        let rows = sql("UPDATE outbox SET maybe_sent = 1 WHERE message_row = ? AND failed = 0")
            .number(id.0)
            .run(self.conn)?;
        Ok(rows > 0)
    }

    fn retry(&mut self, id: MessageRowId) -> JobResult<StoredMessage> {
        let (account, key, record, row) = self.outgoing(id)?;
        if account.removed {
            return Err(StoreError::AccountNotFound.into());
        }
        let Some(row) = row else {
            return Err(StoreError::NotWaiting("sent").into());
        };
        if !row.failed && row.retry_at.is_none() {
            return Ok(record.into_message());
        }
        sql("UPDATE outbox SET failed = 0, attempts = 0, retry_at = NULL, error_code = NULL, error_message = NULL \
             WHERE message_row = ?")
        .number(id.0)
        .run(self.conn)?;
        let at = self
            .now
            .millis()
            .max(self.conversation(key)?.fields.last_message_at);
        sql("UPDATE messages SET status = 'pending', timestamp = ? WHERE id = ?")
            .number(if row.failed {
                at
            } else {
                record.fields.timestamp
            })
            .number(id.0)
            .run(self.conn)?;
        self.announce_sent(&account, key, id.0)
    }

    fn discard(&mut self, id: MessageRowId) -> JobResult<()> {
        let (account, key, record, row) = self.outgoing(id)?;
        match &row {
            None => return Err(StoreError::NotWaiting("sent").into()),
            Some(row) if row.maybe_sent => return Err(StoreError::NotWaiting("on its way").into()),
            Some(_) => {}
        }
        for text in [
            "DELETE FROM outbox WHERE message_row = ?",
            "DELETE FROM idempotency_keys WHERE message_row = ?",
        ] {
            sql(text).number(id.0).run(self.conn)?;
        }
        self.delete_message_row(id.0)?;
        if self.conversation(key)?.fields.last_message == Some(id.0) {
            self.summarise_anew(key)?;
        }
        let body = EventBody::MessageDeleted {
            account_id: account.id,
            conversation_id: ConversationId(record.fields.conversation_id),
            chat_id: ChatId::from_marked(key.1),
            ids: vec![id],
            message_ids: Vec::new(),
            deleted_at: self.now,
        };
        self.emit(&account, body)?;
        self.release_held(&account, key)?;
        let conversation = self.show_conversation(key)?;
        self.emit(&account, EventBody::ConversationUpdated { conversation })?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct PendingRow {
    #[diesel(embed)]
    outbox: OutboxRow,
    #[diesel(sql_type = diesel::sql_types::Text)]
    chat_id: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Integer>)]
    reply_to: Option<i32>,
}

impl StoreHandle {
    /// A pending row with a random id of its own. Event `message_sent` (pending).
    ///
    /// # Errors
    /// [`StoreError::ConversationNotFound`], [`StoreError::AccountNotFound`] (it was removed),
    /// [`StoreError::IdempotencyConflict`], or as every write.
    pub async fn queue_reply(&self, reply: QueueReply) -> Result<Queued> {
        let draft = Draft::new(reply.text, reply.reply_to, reply.idempotency_key);
        self.job("queue_reply", move |tx| {
            tx.queue_reply(reply.conversation, &draft)
        })
        .await
    }

    /// As [`Self::queue_reply`], to a chat; makes the conversation when there is none.
    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`], [`StoreError::IdempotencyConflict`], or as every write.
    pub async fn queue_send(&self, send: QueueSend) -> Result<Queued> {
        let draft = Draft::new(send.text.clone(), None, send.idempotency_key.clone());
        self.job("queue_send", move |tx| tx.queue_send(&send, &draft))
            .await
    }

    /// What waits to be sent, oldest first, and so in order per chat.
    ///
    /// # Errors
    /// As every read.
    pub async fn pending_outgoing(&self, account: AccountId) -> Result<Vec<OutgoingMessage>> {
        self.read("pending_outgoing", move |conn| {
            let rows = sql(
                "SELECT o.message_row, o.random_id, o.failed, o.maybe_sent, o.attempts, o.retry_at, m.chat_id, m.text, \
                 m.reply_to FROM outbox o JOIN messages m ON m.id = o.message_row \
                 WHERE o.account_no = (SELECT no FROM accounts WHERE id = ?) AND o.failed = 0 ORDER BY o.message_row",
            )
            .text(&account.to_string())
            .load::<PendingRow>(conn)?;
            Ok(rows
                .into_iter()
                .map(|pending| OutgoingMessage {
                    id: MessageRowId(pending.outbox.message_row),
                    account_id: account,
                    chat: chat_of(&pending.chat_id),
                    random_id: pending.outbox.random_id,
                    text: pending.text,
                    reply_to: pending.reply_to,
                    attempts: u32::try_from(pending.outbox.attempts).unwrap_or(0),
                    retry_at: pending.outbox.retry_at.map(Timestamp::from_millis),
                })
                .collect())
        })
        .await
    }

    /// Right before the call to Telegram: from now on it can't be taken back. `false`: it was taken back, don't send.
    ///
    /// # Errors
    /// As every write; then don't send.
    pub async fn mark_outgoing_in_flight(&self, id: MessageRowId) -> Result<bool> {
        self.job("mark_outgoing_in_flight", move |tx| tx.mark_in_flight(id))
            .await
    }

    /// A failed or waiting one goes out again as soon as it can, with its old random id. Event `message_sent`.
    ///
    /// # Errors
    /// [`StoreError::MessageNotFound`], [`StoreError::NotWaiting`], or as every write.
    pub async fn retry_message(&self, id: MessageRowId) -> Result<StoredMessage> {
        self.job("retry_message", move |tx| tx.retry(id)).await
    }

    /// Takes back one that failed, or waits and was surely not sent. Events `message_deleted` and
    /// `conversation_updated`.
    ///
    /// # Errors
    /// [`StoreError::MessageNotFound`], [`StoreError::NotWaiting`], or as every write.
    pub async fn discard_message(&self, id: MessageRowId) -> Result<()> {
        self.job("discard_message", move |tx| tx.discard(id)).await
    }

    /// How many replies wait, over all accounts.
    ///
    /// # Errors
    /// As every read.
    pub async fn count_pending(&self) -> Result<i64> {
        self.read("count_pending", |conn| {
            Ok(sql("SELECT count(*) AS n FROM outbox WHERE failed = 0")
                .get_result::<One>(conn)?
                .n)
        })
        .await
    }
}
