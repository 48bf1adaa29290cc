//! Forwards: messages that go on to other chats. In their own account Telegram forwards them; to a chat of another account
//! a text or a file goes as a copy, for nobody else knows where it came from.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    QueueForward, Result, StoreError, StoreHandle,
    account_row::KnownAccount,
    idempotency::MessagesKey,
    job_error::JobResult,
    message_row::{MessageRecord, account_of, chat_of, from_json, json},
    orders::{NewOrder, random_id},
    replies::Unsent,
    sql::sql,
    tx::Tx,
};
use crate::domain::{
    ConversationId, Copied, Details, Extra, ForwardedFrom, Media, MessageRowId, OrderKind, Place,
    Schedule, StoredMessage, Timestamp, Wording,
};

/// What a forward has beside the messages that it makes.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct ForwardPayload {
    /// The chat that they come from.
    pub from: i64,
    pub hide_origin: bool,
    /// Row of a message that it makes → Telegram's number of what is forwarded.
    pub sources: Vec<(i64, i32)>,
}

/// As it is queued, the same at every run of its job.
struct Ask {
    queue: QueueForward,
    call: Option<MessagesKey>,
    /// For each chat one of each message.
    random_ids: Vec<Vec<i64>>,
}

impl Ask {
    fn new(queue: QueueForward) -> Self {
        let mut parts: Vec<[u8; 8]> = Vec::new();
        parts.extend(queue.messages.iter().map(|id| id.0.to_be_bytes()));
        parts.extend(queue.to.iter().map(|id| id.0.to_be_bytes()));
        parts.push([u8::from(queue.hide_origin); 8]);
        // Without a topic the fingerprint is as it was before there were some.
        parts.extend(queue.topic_id.map(|topic| i64::from(topic).to_be_bytes()));
        let moment = queue.schedule.map(Schedule::seconds).map(i32::to_be_bytes);
        parts.extend(moment.map(|[a, b, c, d]| [1, 0, 0, 0, a, b, c, d]));
        let parts: Vec<&[u8]> = parts.iter().map(<[u8; 8]>::as_slice).collect();
        let call = MessagesKey::of(queue.idempotency_key.as_deref(), &parts);
        let one_each = |_| queue.messages.iter().map(|_| random_id()).collect();
        Self {
            random_ids: queue.to.iter().map(one_each).collect(),
            queue,
            call,
        }
    }
}

impl Ask {
    fn place(&self) -> Place {
        Place {
            topic_id: self.queue.topic_id,
            ..Place::default()
        }
    }
}

impl Tx<'_> {
    fn queue_forward(&mut self, ask: &Ask) -> JobResult<Vec<StoredMessage>> {
        let sources = self.sources(&ask.queue.messages)?;
        let mut messages = Vec::new();
        for (conversation, random_ids) in ask.queue.to.iter().zip(&ask.random_ids) {
            if let Some(before) = self.first_call(conversation.0, ask.call.as_ref())? {
                messages.extend(before);
                continue;
            }
            let rows = self.forward_to(ask, &sources, *conversation, random_ids)?;
            self.keep_key(conversation.0, ask.call.as_ref(), &rows)?;
            for row in rows {
                let record = MessageRecord::load(self.conn, row)?;
                messages.extend(record.map(MessageRecord::into_message));
            }
        }
        Ok(messages)
    }

    /// What is forwarded, in the order of the chat.
    fn sources(&mut self, ids: &[MessageRowId]) -> JobResult<Vec<MessageRecord>> {
        let mut sources = Vec::new();
        for id in ids {
            let record =
                MessageRecord::load(self.conn, id.0)?.ok_or(StoreError::MessageNotFound)?;
            let fields = &record.fields;
            if fields.message_id.is_none() {
                return Err(StoreError::NotSentYet.into());
            }
            if fields.deleted_at.is_some() {
                return Err(StoreError::MessageDeleted.into());
            }
            if fields.service.is_some() || fields.masked || is_protected(&record) {
                return Err(StoreError::NotForwardable.into());
            }
            sources.push(record);
        }
        let conversation = sources.first().map(|first| first.fields.conversation_id);
        if sources
            .iter()
            .any(|one| Some(one.fields.conversation_id) != conversation)
        {
            return Err(StoreError::SeveralConversations.into());
        }
        sources.sort_by_key(|one| one.fields.message_no);
        Ok(sources)
    }

    fn forward_to(
        &mut self,
        ask: &Ask,
        sources: &[MessageRecord],
        conversation: ConversationId,
        random_ids: &[i64],
    ) -> JobResult<Vec<i64>> {
        let key = self.conversation_key(conversation)?;
        let account_id = account_of(&self.conversation(key)?.fields.telegram_account_id);
        let account = self.living_account(account_id)?;
        let own = |one: &MessageRecord| one.fields.telegram_account_id == account.id_text;
        if !sources.iter().all(own) {
            let to = (&account, key, ask.place(), ask.queue.schedule);
            return self.copy_to(to, sources, random_ids);
        }
        let mut rows = Vec::new();
        let mut albums: HashMap<i64, i64> = HashMap::new();
        for source in sources {
            let to = (&account, key, ask.place(), ask.queue.schedule);
            let row = self.add_copy(to, source, None)?;
            let album = source.fields.album_id;
            // Below all of Telegram's, until it has one for it.
            let album = album.map(|album| *albums.entry(album).or_insert(-row));
            let origin = origin(source).filter(|_| !ask.queue.hide_origin);
            sql("UPDATE messages SET media = ?, album_id = ?, forwarded_from = ? WHERE id = ?")
                .text_or_null(source.fields.media.as_deref())
                .number_or_null(album)
                .text_or_null(origin.as_ref().and_then(json).as_deref())
                .number(row)
                .run(self.conn)?;
            rows.push(row);
        }
        let number = |source: &MessageRecord| i32::try_from(source.fields.message_no).unwrap_or(0);
        let payload = ForwardPayload {
            from: sources
                .first()
                .map_or(0, |first| chat_of(&first.fields.chat_id).marked()),
            hide_origin: ask.queue.hide_origin,
            sources: rows
                .iter()
                .copied()
                .zip(sources.iter().map(number))
                .collect(),
        };
        let making: Vec<(i64, Option<i64>)> = rows
            .iter()
            .copied()
            .zip(random_ids.iter().copied().map(Some))
            .collect();
        self.add_order(
            &account,
            key,
            &NewOrder {
                kind: OrderKind::Forward,
                payload: json(&payload).as_deref(),
                messages: &making,
            },
        )?;
        for row in &rows {
            self.announce_sent(&account, key, *row)?;
        }
        Ok(rows)
    }

    /// Another account's chat: each text is a message of its own, and so is each file, but that albums stay albums.
    fn copy_to(
        &mut self,
        to: To<'_>,
        sources: &[MessageRecord],
        random_ids: &[i64],
    ) -> JobResult<Vec<i64>> {
        let media: Vec<Option<Media>> = sources.iter().map(copied_media).collect::<Result<_>>()?;
        let mut rows = Vec::new();
        let together = |a: &Part<'_>, b: &Part<'_>| {
            let album = a.0.fields.album_id;
            album.is_some() && album == b.0.fields.album_id
        };
        let media = media.iter().map(Option::as_ref);
        let parts: Vec<Part<'_>> = sources
            .iter()
            .zip(media)
            .zip(random_ids)
            .map(|((source, media), random_id)| (source, media, *random_id))
            .collect();
        for group in parts.chunk_by(together) {
            let mut making = Vec::with_capacity(group.len());
            let mut album = None;
            for (source, media, random_id) in group {
                let row = self.add_copy(to, source, *media)?;
                if media.is_some() {
                    self.add_order_copy(to.0.no, row, source.fields.id)?;
                }
                if group.len() > 1 {
                    // Below all of Telegram's, until it has one for it.
                    let album = *album.get_or_insert(-row);
                    sql("UPDATE messages SET album_id = ? WHERE id = ?")
                        .number(album)
                        .number(row)
                        .run(self.conn)?;
                }
                making.push((row, Some(*random_id)));
            }
            let kind = match group.iter().any(|(_, media, _)| media.is_some()) {
                true => OrderKind::Media,
                false => OrderKind::Text,
            };
            let order = NewOrder {
                kind,
                payload: None,
                messages: &making,
            };
            self.add_order(to.0, to.1, &order)?;
            for (row, _) in making {
                self.announce_sent(to.0, to.1, row)?;
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// A pending message that says the same.
    fn add_copy(
        &mut self,
        (account, key, place, schedule): To<'_>,
        source: &MessageRecord,
        media: Option<&Media>,
    ) -> JobResult<i64> {
        let entities = source.fields.entities.as_deref();
        let wording = Wording {
            entities: entities.and_then(from_json).unwrap_or_default(),
            ..Wording::default()
        };
        let unsent = Unsent {
            text: &source.fields.text,
            wording: &wording,
            place,
            media,
            album_id: None,
            schedule,
        };
        self.add_unsent(account, key, &unsent)
    }
}

/// What is copied, as what, and under which random id.
type Part<'a> = (&'a MessageRecord, Option<&'a Media>, i64);

/// Where something goes, and when.
type To<'a> = (&'a KnownAccount, (i64, i64), Place, Option<Schedule>);

/// What a copy shows until Telegram's own description of it comes. `None`: it has words alone.
fn copied_media(source: &MessageRecord) -> Result<Option<Media>> {
    let media = source.fields.media.as_deref();
    let media: Option<Media> = media.and_then(from_json);
    let media = match media.map(|media| (media.copied(), media)) {
        Some((Copied::File, media)) => Some(media),
        Some((Copied::Nothing, _)) => return Err(StoreError::NotCopyable),
        Some((Copied::Words, _)) | None => None,
    };
    match media.is_none() && source.fields.text.trim().is_empty() {
        true => Err(StoreError::NotCopyable),
        false => Ok(media),
    }
}

fn is_protected(record: &MessageRecord) -> bool {
    let extra: Option<Extra> = record.fields.extra.as_deref().and_then(from_json);
    extra.is_some_and(|extra| is_kept(&extra.details))
}

const fn is_kept(details: &Details) -> bool {
    details.protected
}

/// As Telegram will show it: what was forwarded before keeps its first origin. Of our own messages it says who we are.
fn origin(source: &MessageRecord) -> Option<ForwardedFrom> {
    let fields = &source.fields;
    if let Some(before) = fields.forwarded_from.as_deref().and_then(from_json) {
        return Some(before);
    }
    let id = fields.sender_id?;
    Some(ForwardedFrom {
        id: Some(crate::domain::ChatId::from_marked(id)),
        name: fields.sender_name.clone(),
        date: Timestamp::from_millis(fields.timestamp),
    })
}

impl StoreHandle {
    /// Pending messages in each of the chats, and the orders that make them. Events `message_sent` (pending).
    ///
    /// # Errors
    /// [`StoreError::ConversationNotFound`], [`StoreError::MessageNotFound`], [`StoreError::AccountNotFound`] (it was
    /// removed), [`StoreError::IdempotencyConflict`], [`StoreError::NotSentYet`], [`StoreError::MessageDeleted`],
    /// [`StoreError::SeveralConversations`], [`StoreError::NotForwardable`], [`StoreError::NotCopyable`], or as every
    /// write. Nothing is stored then.
    pub async fn queue_forward(&self, queue: QueueForward) -> Result<Vec<StoredMessage>> {
        let ask = Ask::new(queue);
        self.job("queue_forward", move |tx| tx.queue_forward(&ask))
            .await
    }
}
