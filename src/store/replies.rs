//! Replies: text that somebody wrote becomes a pending message and the order that sends it.

use super::{
    QueueReply, QueueSend, Queued, Result, StoreError, StoreHandle, Target,
    account_row::KnownAccount,
    idempotency::CallKey,
    job_error::JobResult,
    message_row::{MessageRecord, UNNUMBERED, account_of},
    orders::{NewOrder, random_id},
    sql::sql,
    tx::{Tx, scope_of},
};
use crate::domain::{ChatId, ConversationId, OrderKind, Place};

/// A reply about to be queued, the same at every run of its job.
struct Draft {
    text: String,
    reply_to: Option<Target>,
    topic_id: Option<i32>,
    call: Option<CallKey>,
    random_id: i64,
}

impl Draft {
    fn new(
        text: String,
        key: Option<&str>,
        reply_to: Option<Target>,
        topic_id: Option<i32>,
    ) -> Self {
        let answered = reply_to.map_or(0, Target::message_id).to_be_bytes();
        let topic = topic_id.map(i32::to_be_bytes);
        let topic = topic.as_ref().map_or(&[][..], |topic| &topic[..]);
        Self {
            call: CallKey::of(key, &[&answered, topic, text.as_bytes()]),
            text,
            reply_to,
            topic_id,
            random_id: random_id(),
        }
    }
}

/// A message that an order is to make, before it has a row.
pub(in crate::store) struct Unsent<'a> {
    pub text: &'a str,
    pub place: Place,
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
        let conversation = self.conversation(key)?.fields.id;
        if let Some(messages) = self.first_call(conversation, draft.call.as_ref())? {
            return Ok(Queued {
                message: messages
                    .into_iter()
                    .next()
                    .ok_or(StoreError::MessageNotFound)?,
                conversation: self.show_conversation(key)?,
                repeated: true,
            });
        }
        let place = self.place_of(account, key, draft)?;
        let unsent = Unsent {
            text: &draft.text,
            place,
        };
        let row = self.add_unsent(account, key, &unsent)?;
        self.add_order(
            account,
            key,
            &NewOrder {
                kind: OrderKind::Text,
                payload: None,
                messages: &[(row, Some(draft.random_id))],
            },
        )?;
        self.keep_key(conversation, draft.call.as_ref(), &[row])?;
        let message = self.announce_sent(account, key, row)?;
        Ok(Queued {
            message,
            conversation: self.show_conversation(key)?,
            repeated: false,
        })
    }

    /// The pending row of a message that is still to be sent.
    pub fn add_unsent(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        unsent: &Unsent<'_>,
    ) -> JobResult<i64> {
        let id = self.next_message_row()?;
        let fields = &self.conversation(key)?.fields;
        let conversation = fields.id;
        let chat_id = fields.chat_id.clone();
        // Also when this machine's clock is behind Telegram's, a new reply stands below what it answers.
        let last_message_at = fields.last_message_at;
        let at = self.now.millis().max(last_message_at);
        let place = unsent.place;
        sql(
            "INSERT INTO messages (id, account_no, scope, message_no, conversation_id, telegram_account_id, chat_id, \
             direction, text, timestamp, status, reply_to, topic_id, monoforum_peer) \
             VALUES (?, ?, ?, ?, ?, ?, ?, 'outgoing', ?, ?, 'pending', ?, ?, ?)",
        )
        .number(id)
        .number(account.no)
        .number(scope_of(ChatId::from_marked(key.1)))
        .number(UNNUMBERED + id)
        .number(conversation)
        .text(&account.id_text)
        .text(&chat_id)
        .text(unsent.text)
        .number(at)
        .number_or_null(place.reply_to)
        .number_or_null(place.topic_id)
        .number_or_null(place.monoforum_peer.map(ChatId::marked))
        .run(self.conn)?;
        Ok(id)
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
}

impl StoreHandle {
    /// A pending row with a random id of its own. Event `message_sent` (pending).
    ///
    /// # Errors
    /// [`StoreError::ConversationNotFound`], [`StoreError::AccountNotFound`] (it was removed),
    /// [`StoreError::IdempotencyConflict`], [`StoreError::ReplyToUnknown`], [`StoreError::ReplyToDeleted`],
    /// [`StoreError::OtherTopic`], or as every write. Nothing is stored then.
    pub async fn queue_reply(&self, reply: QueueReply) -> Result<Queued> {
        let key = reply.idempotency_key.as_deref();
        let draft = Draft::new(reply.text, key, reply.reply_to, reply.topic_id);
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
        let key = send.idempotency_key.as_deref();
        let draft = Draft::new(send.text.clone(), key, None, None);
        self.job("queue_send", move |tx| tx.queue_send(&send, &draft))
            .await
    }
}
