//! The outbox: replies from the moment somebody wrote them to Telegram's definite word.
//!
//! A reply's random id is committed with it and never changes; Telegram answers a repeated one with the first message.

use std::time::Duration;

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Integer, Nullable, Text},
};
use sha2::{Digest, Sha256};

use super::{
    Discard, QueueReply, QueueSend, Queued, Result, StoreError, StoreHandle, Target,
    account_row::KnownAccount,
    job_error::{JobError, JobResult},
    message_row::{MessageRecord, UNNUMBERED, account_of, chat_of},
    order_row::{OrderRow, pending, select_orders, state_text},
    sql::{One, sql},
    tx::{Tx, scope_of},
};
use crate::domain::{
    AccountId, ChatId, ConversationId, EventBody, MessageRowId, OrderState, OutgoingMessage, Place,
    StoredMessage,
};

#[derive(QueryableByName)]
#[diesel(table_name = super::schema::idempotency_keys)]
struct KeyRow {
    fingerprint: String,
    message_row: i64,
}

/// A reply about to be queued, the same at every run of its job.
struct Draft {
    text: String,
    reply_to: Option<Target>,
    topic_id: Option<i32>,
    key: Option<String>,
    random_id: i64,
}

impl Draft {
    fn new(text: String, key: Option<String>) -> Self {
        Self {
            text,
            reply_to: None,
            topic_id: None,
            key,
            random_id: random_id(),
        }
    }

    fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let reply_to = self.reply_to.map_or(0, Target::message_id);
        hash.update(reply_to.to_be_bytes());
        if let Some(topic_id) = self.topic_id {
            hash.update(topic_id.to_be_bytes());
        }
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

/// Whose it is, the key of its conversation, the message, and its order while it is not sent.
type Outgoing = (KnownAccount, (i64, i64), MessageRecord, Option<OrderRow>);

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
        let place = self.place_of(account, key, draft)?;
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
             direction, text, timestamp, status, reply_to, topic_id, monoforum_peer) \
             VALUES (?, ?, ?, ?, ?, ?, ?, 'outgoing', ?, ?, 'pending', ?, ?, ?)",
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
        .number_or_null(place.reply_to)
        .number_or_null(place.topic_id)
        .number_or_null(place.monoforum_peer.map(ChatId::marked))
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

    /// A reply goes where the message is that it answers. One that is not there is refused before anything is stored.
    fn place_of(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        draft: &Draft,
    ) -> JobResult<Place> {
        let place = match draft.reply_to {
            None => {
                return Ok(Place {
                    topic_id: draft.topic_id,
                    ..Place::default()
                });
            }
            Some(Target::Seen(place)) => place,
            Some(Target::Stored(number)) => {
                let scope = scope_of(ChatId::from_marked(key.1));
                let conversation = self.conversation(key)?.fields.id;
                let found = MessageRecord::find(self.conn, account.no, scope, i64::from(number))?
                    .filter(|record| record.fields.conversation_id == conversation)
                    .ok_or(StoreError::ReplyToUnknown)?;
                if found.fields.deleted_at.is_some() {
                    return Err(StoreError::ReplyToDeleted.into());
                }
                Place {
                    reply_to: Some(number),
                    topic_id: found.fields.topic_id,
                    monoforum_peer: found.fields.monoforum_peer.map(ChatId::from_marked),
                }
            }
        };
        if draft.topic_id.is_some() && draft.topic_id != place.topic_id {
            return Err(StoreError::OtherTopic.into());
        }
        Ok(place)
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

    /// The message, where it belongs, and its order.
    pub fn outgoing(&mut self, id: MessageRowId) -> JobResult<Outgoing> {
        let record = MessageRecord::load(self.conn, id.0)?.ok_or(StoreError::MessageNotFound)?;
        let account = self
            .account(account_of(&record.fields.telegram_account_id))?
            .clone();
        let key = (account.no, chat_of(&record.fields.chat_id).marked());
        let row = OrderRow::load(self.conn, id.0)?;
        Ok((account, key, record, row))
    }

    /// From here on it may be at Telegram, and what comes of our own in its chat may be its echo.
    fn mark_in_flight(&mut self, id: MessageRowId, unanswered: Duration) -> JobResult<bool> {
        let (account, key, _, row) = match self.outgoing(id) {
            Err(JobError::Answer(StoreError::MessageNotFound)) => return Ok(false),
            found => found?,
        };
        let Some(row) = row.filter(|row| row.state().is_pending()) else {
            return Ok(false);
        };
        let (state, above) = match row.state() {
            OrderState::Queued => {
                let scope = scope_of(ChatId::from_marked(key.1));
                (
                    OrderState::InFlight,
                    Some(self.newest_number(&account, scope)?),
                )
            }
            // Nothing was heard of the call before.
            _ => (OrderState::Unanswered, row.above),
        };
        sql("UPDATE outbox SET state = ?, above = ?, unanswered_ms = ?, last_at = ?, wait_of = NULL, wait_ms = NULL, \
             retry_at = NULL WHERE message_row = ?")
        .text(state_text(state))
        .number_or_null(above)
        .number(i64::try_from(unanswered.as_millis()).unwrap_or(i64::MAX))
        .number(self.now.millis())
        .number(id.0)
        .run(self.conn)?;
        Ok(true)
    }

    fn newest_number(&mut self, account: &KnownAccount, scope: i64) -> JobResult<i64> {
        Ok(
            sql("SELECT coalesce(max(message_no), 0) AS n FROM messages \
                WHERE account_no = ? AND scope = ? AND message_no < 4294967296")
            .number(account.no)
            .number(scope)
            .get_result::<One>(self.conn)?
            .n,
        )
    }

    fn retry(&mut self, id: MessageRowId) -> JobResult<StoredMessage> {
        let (account, key, record, row) = self.outgoing(id)?;
        if account.removed {
            return Err(StoreError::AccountNotFound.into());
        }
        let Some(row) = row else {
            return Err(StoreError::NotWaiting("sent").into());
        };
        let state = row.state();
        if state.is_pending() && row.retry_at.is_none() {
            return Ok(record.into_message());
        }
        let next = match state {
            OrderState::Failed => OrderState::Queued,
            OrderState::GivenUp => OrderState::Unanswered,
            pending => pending,
        };
        sql("UPDATE outbox SET state = ?, attempts = 0, unanswered_ms = 0, last_at = NULL, wait_of = NULL, wait_ms = NULL, \
             retry_at = NULL, error_code = NULL, error_message = NULL WHERE message_row = ?")
        .text(state_text(next))
        .number(id.0)
        .run(self.conn)?;
        let at = self
            .now
            .millis()
            .max(self.conversation(key)?.fields.last_message_at);
        sql("UPDATE messages SET status = 'pending', timestamp = ? WHERE id = ?")
            .number(if state.is_pending() {
                record.fields.timestamp
            } else {
                at
            })
            .number(id.0)
            .run(self.conn)?;
        self.announce_sent(&account, key, id.0)
    }

    fn discard(&mut self, id: MessageRowId, how: Discard) -> JobResult<()> {
        let (account, key, record, row) = self.outgoing(id)?;
        let Some(row) = row else {
            return Err(StoreError::NotWaiting("sent").into());
        };
        let allowed = match how {
            Discard::Unsent => !row.state().may_have_arrived(),
            Discard::Settled => !row.state().may_have_arrived() || !row.state().is_pending(),
            Discard::Anyway => true,
        };
        if !allowed {
            return Err(StoreError::MayHaveArrived.into());
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
        self.release_settled(&account, key)?;
        let conversation = self.show_conversation(key)?;
        self.emit(&account, EventBody::ConversationUpdated { conversation })?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct PendingRow {
    #[diesel(embed)]
    order: OrderRow,
    #[diesel(sql_type = Text)]
    chat_id: String,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Nullable<Integer>)]
    reply_to: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    topic_id: Option<i32>,
    #[diesel(sql_type = Nullable<BigInt>)]
    monoforum_peer: Option<i64>,
}

impl StoreHandle {
    /// A pending row with a random id of its own. Event `message_sent` (pending).
    ///
    /// # Errors
    /// [`StoreError::ConversationNotFound`], [`StoreError::AccountNotFound`] (it was removed),
    /// [`StoreError::IdempotencyConflict`], [`StoreError::ReplyToUnknown`], [`StoreError::ReplyToDeleted`],
    /// [`StoreError::OtherTopic`], or as every write. Nothing is stored then.
    pub async fn queue_reply(&self, reply: QueueReply) -> Result<Queued> {
        let draft = Draft {
            reply_to: reply.reply_to,
            topic_id: reply.topic_id,
            ..Draft::new(reply.text, reply.idempotency_key)
        };
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
        let draft = Draft::new(send.text.clone(), send.idempotency_key.clone());
        self.job("queue_send", move |tx| tx.queue_send(&send, &draft))
            .await
    }

    /// What waits to be sent, oldest first, and so in order per chat.
    ///
    /// # Errors
    /// As every read.
    pub async fn pending_outgoing(&self, account: AccountId) -> Result<Vec<OutgoingMessage>> {
        self.read("pending_outgoing", move |conn| {
            let rows = sql(concat!(
                select_orders!(
                    ", m.chat_id, m.text, m.reply_to, m.topic_id, m.monoforum_peer FROM outbox o \
                     JOIN messages m ON m.id = o.message_row \
                     WHERE o.account_no = (SELECT no FROM accounts WHERE id = ?) AND o.state IN "
                ),
                pending!(),
                " ORDER BY o.message_row",
            ))
            .text(&account.to_string())
            .load::<PendingRow>(conn)?;
            Ok(rows
                .into_iter()
                .map(|pending| OutgoingMessage {
                    id: MessageRowId(pending.order.message_row),
                    account_id: account,
                    chat: chat_of(&pending.chat_id),
                    random_id: pending.order.random_id,
                    text: pending.text,
                    place: Place {
                        reply_to: pending.reply_to,
                        topic_id: pending.topic_id,
                        monoforum_peer: pending.monoforum_peer.map(ChatId::from_marked),
                    },
                    tries: pending.order.tries(),
                })
                .collect())
        })
        .await
    }

    /// Right before the call to Telegram. `unanswered`: how long there has been no definite answer while the line stood.
    /// `false`: it was taken back, or has failed; don't send.
    ///
    /// # Errors
    /// As every write; then don't send.
    pub async fn mark_outgoing_in_flight(
        &self,
        id: MessageRowId,
        unanswered: Duration,
    ) -> Result<bool> {
        self.job("mark_outgoing_in_flight", move |tx| {
            tx.mark_in_flight(id, unanswered)
        })
        .await
    }

    /// A failed or waiting one goes out again as soon as it can, with its old random id and a patience of its own.
    /// Event `message_sent`.
    ///
    /// # Errors
    /// [`StoreError::MessageNotFound`], [`StoreError::NotWaiting`], or as every write.
    pub async fn retry_message(&self, id: MessageRowId) -> Result<StoredMessage> {
        self.job("retry_message", move |tx| tx.retry(id)).await
    }

    /// Takes one back that is not sent; if it did arrive, it comes again as a message from another device. Events
    /// `message_deleted` and `conversation_updated`.
    ///
    /// # Errors
    /// [`StoreError::MessageNotFound`], [`StoreError::NotWaiting`] (it is sent), [`StoreError::MayHaveArrived`], or as
    /// every write.
    pub async fn discard_message(&self, id: MessageRowId, how: Discard) -> Result<()> {
        self.job("discard_message", move |tx| tx.discard(id, how))
            .await
    }

    /// How many replies wait, over all accounts.
    ///
    /// # Errors
    /// As every read.
    pub async fn count_pending(&self) -> Result<i64> {
        self.read("count_pending", |conn| {
            Ok(sql(concat!(
                "SELECT count(*) AS n FROM outbox o WHERE o.state IN ",
                pending!()
            ))
            .get_result::<One>(conn)?
            .n)
        })
        .await
    }
}
