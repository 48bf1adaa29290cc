//! Replies: text that somebody wrote becomes a pending message and the order that sends it.

use std::sync::Arc;

use super::{
    QueueReply, QueueSend, Queued, QueuedFile, QueuedFiles, Result, StoreError, StoreHandle,
    Target,
    account_row::KnownAccount,
    idempotency::MessagesKey,
    job_error::JobResult,
    message_row::{MessageRecord, UNNUMBERED, account_of, json, some},
    orders::{NewOrder, TextPayload, random_id},
    scheduled::SCHEDULED,
    sql::sql,
    tx::{Tx, scope_of},
};
use crate::domain::{
    ChatId, ConversationId, Media, OrderKind, OutgoingFile, Place, Schedule, Wording,
};

/// A reply about to be queued, the same at every run of its job.
struct Draft {
    text: String,
    wording: Wording,
    reply_to: Option<Target>,
    topic_id: Option<i32>,
    schedule: Option<Schedule>,
    call: Option<MessagesKey>,
    random_id: i64,
    /// With the random id of the message of each; none: a message of text.
    files: Vec<(OutgoingFile, i64)>,
}

impl Draft {
    fn new(
        (text, wording): (String, Wording),
        key: Option<&str>,
        place: (Option<Target>, Option<i32>),
        schedule: Option<Schedule>,
    ) -> Self {
        Self::with_files((text, wording), key, place, schedule, Vec::new())
    }

    fn with_files(
        (text, wording): (String, Wording),
        key: Option<&str>,
        (reply_to, topic_id): (Option<Target>, Option<i32>),
        schedule: Option<Schedule>,
        files: Vec<QueuedFile>,
    ) -> Self {
        let answered = reply_to.map_or(0, Target::message_id).to_be_bytes();
        let topic = topic_id.map(i32::to_be_bytes);
        let topic = topic.as_ref().map_or(&[][..], |topic| &topic[..]);
        // A plain text has the fingerprint that it had before there were others.
        let said = (wording != Wording::default()).then(|| json(&wording));
        let said = said.flatten().unwrap_or_default();
        let mut parts: Vec<&[u8]> = vec![&answered, topic, text.as_bytes(), said.as_bytes()];
        let later = schedule.and_then(|schedule| json(&schedule));
        parts.extend(later.as_ref().map(String::as_bytes));
        for one in &files {
            parts.push(one.sha256.as_bytes());
            parts.push(one.file.name.as_bytes());
            parts.push(one.file.shape.as_str().as_bytes());
        }
        Self {
            call: MessagesKey::of(key, &parts),
            text,
            wording,
            reply_to,
            topic_id,
            schedule,
            random_id: random_id(),
            files: files
                .into_iter()
                .map(|one| (one.file, random_id()))
                .collect(),
        }
    }
}

/// A message that an order is to make, before it has a row.
pub(in crate::store) struct Unsent<'a> {
    pub text: &'a str,
    pub wording: &'a Wording,
    pub place: Place,
    pub media: Option<&'a Media>,
    /// Until Telegram has one for it.
    pub album_id: Option<i64>,
    pub schedule: Option<Schedule>,
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
        self.forget_draft((key, place.topic_id))?;
        let unsent = Unsent {
            text: &draft.text,
            wording: &draft.wording,
            place,
            media: None,
            album_id: None,
            schedule: draft.schedule,
        };
        let row = self.add_unsent(account, key, &unsent)?;
        self.add_order(
            account,
            key,
            &NewOrder {
                kind: OrderKind::Text,
                payload: TextPayload::of(&draft.wording).as_deref(),
                messages: &[(row, Some(draft.random_id))],
            },
        )?;
        self.keep_key(conversation, draft.call.as_ref(), &[row])?;
        let message = self.announce_sent(account, key, row)?;
        Ok(Queued {
            message: Arc::unwrap_or_clone(message),
            conversation: self.show_conversation(key)?,
            repeated: false,
        })
    }

    fn queue_files(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        draft: &Draft,
    ) -> JobResult<QueuedFiles> {
        let conversation = self.conversation(key)?.fields.id;
        if let Some(messages) = self.first_call(conversation, draft.call.as_ref())? {
            return Ok(QueuedFiles {
                messages,
                conversation: self.show_conversation(key)?,
                repeated: true,
            });
        }
        let place = self.place_of(account, key, draft)?;
        self.forget_draft((key, place.topic_id))?;
        let mut rows: Vec<i64> = Vec::with_capacity(draft.files.len());
        let mut album_id = None;
        for (file, _) in &draft.files {
            // The caption stands under the first.
            let (text, wording) = match rows.is_empty() {
                true => (draft.text.as_str(), &draft.wording),
                false => ("", &Wording::default()),
            };
            let unsent = Unsent {
                text,
                wording,
                place,
                media: Some(&file.media()),
                album_id,
                schedule: draft.schedule,
            };
            let row = self.add_unsent(account, key, &unsent)?;
            if rows.is_empty() && draft.files.len() > 1 {
                // Below all of Telegram's.
                album_id = Some(-row);
                sql("UPDATE messages SET album_id = ? WHERE id = ?")
                    .number(-row)
                    .number(row)
                    .run(self.conn)?;
            }
            self.add_order_file(account.no, row, file)?;
            rows.push(row);
        }
        let making: Vec<(i64, Option<i64>)> = rows
            .iter()
            .zip(&draft.files)
            .map(|(row, (_, random_id))| (*row, Some(*random_id)))
            .collect();
        self.add_order(
            account,
            key,
            &NewOrder {
                kind: OrderKind::Media,
                payload: None,
                messages: &making,
            },
        )?;
        self.keep_key(conversation, draft.call.as_ref(), &rows)?;
        let mut messages = Vec::with_capacity(rows.len());
        for row in rows {
            let message = self.announce_sent(account, key, row)?;
            messages.push(Arc::unwrap_or_clone(message));
        }
        Ok(QueuedFiles {
            messages,
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
             direction, text, timestamp, status, reply_to, topic_id, monoforum_peer, media, album_id, entities, quote, held, \
             scheduled_for) VALUES (?, ?, ?, ?, ?, ?, ?, 'outgoing', ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        .text_or_null(unsent.media.and_then(json).as_deref())
        .number_or_null(unsent.album_id)
        .text_or_null(some(&unsent.wording.entities).and_then(json).as_deref())
        .text_or_null(unsent.wording.quote.as_ref().map(|quote| quote.text.as_str()))
        .number(unsent.schedule.map_or(0, |_| SCHEDULED))
        .number_or_null(unsent.schedule.map(Schedule::seconds))
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
                let quote = draft.wording.quote.as_ref();
                if quote.is_some_and(|quote| !found.fields.text.contains(&quote.text)) {
                    return Err(StoreError::NotQuoted.into());
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
    /// [`StoreError::OtherTopic`], [`StoreError::NotQuoted`], or as every write. Nothing is stored then.
    pub async fn queue_reply(&self, reply: QueueReply) -> Result<Queued> {
        let key = reply.idempotency_key.as_deref();
        let words = (reply.text, reply.wording);
        let place = (reply.reply_to, reply.topic_id);
        let draft = Draft::new(words, key, place, reply.schedule);
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
        let words = (send.text.clone(), send.wording.clone());
        let draft = Draft::new(words, key, (None, None), None);
        self.job("queue_send", move |tx| tx.queue_send(&send, &draft))
            .await
    }

    /// As [`Self::queue_reply`]: a pending row for each file, the text as the caption of the first, and one order for all.
    /// The staged files belong to it from then on.
    ///
    /// # Errors
    /// As of [`Self::queue_reply`]. Nothing is stored then.
    pub async fn queue_reply_files(
        &self,
        reply: QueueReply,
        files: Vec<QueuedFile>,
    ) -> Result<QueuedFiles> {
        let key = reply.idempotency_key.as_deref();
        let place = (reply.reply_to, reply.topic_id);
        let words = (reply.text, reply.wording);
        let draft = Draft::with_files(words, key, place, reply.schedule, files);
        self.job("queue_reply_files", move |tx| {
            let key = tx.conversation_key(reply.conversation)?;
            let account_id = account_of(&tx.conversation(key)?.fields.telegram_account_id);
            let account = tx.living_account(account_id)?;
            tx.queue_files(&account, key, &draft)
        })
        .await
    }

    /// As [`Self::queue_reply_files`], to a chat; makes the conversation when there is none.
    ///
    /// # Errors
    /// As of [`Self::queue_send`].
    pub async fn queue_send_files(
        &self,
        send: QueueSend,
        files: Vec<QueuedFile>,
    ) -> Result<QueuedFiles> {
        let key = send.idempotency_key.as_deref();
        let words = (send.text.clone(), send.wording.clone());
        let draft = Draft::with_files(words, key, (None, None), None, files);
        self.job("queue_send_files", move |tx| {
            let account = tx.living_account(send.account)?;
            if let Some(peer) = &send.peer {
                tx.put_peer(&account, peer)?;
            }
            let key = tx.conversation_for(&account, send.chat)?;
            tx.queue_files(&account, key, &draft)
        })
        .await
    }
}
