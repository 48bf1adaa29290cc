//! Message rows, and how they become the messages that the outside sees.

use std::{collections::HashMap, sync::Arc};

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    engine::Conn,
    message_words::{direction_of, status_of},
    order_notes::{notes, waits_for},
    order_row::state_of,
    sql::{Flag, Number, sql},
};
use crate::domain::{
    AccountId, Action, Button, ChatId, ConversationId, Details, Entity, Extra, ForwardedFrom,
    IncomingMessage, Media, MessageError, MessageRowId, Reaction, Schedule, Sender, StoredMessage,
    Timestamp, Topic, Upload,
};

/// Row numbers of messages without Telegram's id lie above all of Telegram's.
pub(in crate::store) const UNNUMBERED: i64 = 1 << 32;

#[derive(QueryableByName, Clone, Debug)]
pub(in crate::store) struct MessageFields {
    #[diesel(sql_type = Number)]
    pub id: i64,
    #[diesel(sql_type = Number)]
    pub message_no: i64,
    #[diesel(sql_type = Number)]
    pub conversation_id: i64,
    #[diesel(sql_type = Text)]
    pub telegram_account_id: String,
    #[diesel(sql_type = Text)]
    pub chat_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub message_id: Option<String>,
    #[diesel(sql_type = Text)]
    pub direction: String,
    #[diesel(sql_type = Text)]
    pub text: String,
    #[diesel(sql_type = Number)]
    pub timestamp: i64,
    #[diesel(sql_type = Text)]
    pub status: String,
    #[diesel(sql_type = Nullable<Number>)]
    pub sender_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    pub sender_name: Option<String>,
    #[diesel(sql_type = Nullable<Number>)]
    pub reply_to: Option<i32>,
    #[diesel(sql_type = Nullable<Number>)]
    pub topic_id: Option<i32>,
    #[diesel(sql_type = Nullable<Number>)]
    pub monoforum_peer: Option<i64>,
    #[diesel(sql_type = Nullable<Number>)]
    pub edited_at: Option<i64>,
    #[diesel(sql_type = Nullable<Number>)]
    pub deleted_at: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    pub media: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub service: Option<String>,
    #[diesel(sql_type = Flag)]
    pub backfilled: bool,
    #[diesel(sql_type = Flag)]
    pub late: bool,
    #[diesel(sql_type = Flag)]
    pub held: bool,
    #[diesel(sql_type = Flag)]
    pub masked: bool,
    #[diesel(sql_type = Nullable<Text>)]
    pub entities: Option<String>,
    #[diesel(sql_type = Nullable<Number>)]
    pub album_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    pub forwarded_from: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub quote: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub extra: Option<String>,
    /// Seconds, as Telegram has it; `None`: it does not wait for a time.
    #[diesel(sql_type = Nullable<Number>)]
    pub scheduled_for: Option<i64>,
    /// Telegram's number among the scheduled ones of its chat.
    #[diesel(sql_type = Nullable<Number>)]
    pub scheduled_id: Option<i32>,
}

/// A message with what other tables know about it.
#[derive(QueryableByName, Clone, Debug)]
pub(in crate::store) struct MessageRecord {
    #[diesel(embed)]
    pub fields: MessageFields,
    #[diesel(sql_type = Nullable<Text>)]
    pub order_state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub error_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub error_message: Option<String>,
    #[diesel(sql_type = Nullable<Number>)]
    pub retry_at: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    pub wait_of: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub peer_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub peer_username: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub forward_name: Option<String>,
    /// JSON: id → name of those whom `extra` names.
    #[diesel(sql_type = Nullable<Text>)]
    pub names: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub topic_title: Option<String>,
    #[diesel(sql_type = Nullable<Number>)]
    pub file_size: Option<i64>,
    #[diesel(sql_type = Nullable<Number>)]
    pub file_parts: Option<i32>,
    /// JSON: the orders that concern it.
    #[diesel(sql_type = Text)]
    pub concerned: String,
}

/// `select_messages!("WHERE …")`: the one way messages are read.
macro_rules! select_messages {
    ($rest:expr) => {
        concat!(
            "SELECT m.id, m.message_no, m.conversation_id, m.telegram_account_id, m.chat_id, \
             m.message_id, m.direction, m.text, m.timestamp, m.status, m.sender_id, m.sender_name, m.reply_to, \
             m.topic_id, m.monoforum_peer, m.edited_at, m.deleted_at, m.media, m.service, m.backfilled, m.late, m.held, m.masked, \
             m.entities, m.album_id, m.forwarded_from, m.quote, m.extra, m.scheduled_for, m.scheduled_id, o.state AS order_state, o.error_code, o.error_message, o.retry_at, coalesce(o.held, o.wait_of) AS wait_of, p.name AS peer_name, \
             p.username AS peer_username, f.name AS forward_name, \
             CASE WHEN m.extra IS NULL THEN NULL ELSE (SELECT json_group_object(n.peer_id, n.name) FROM peers n \
             WHERE n.account_no = m.account_no AND n.name <> '' AND n.peer_id IN \
             (SELECT CAST(value AS BIGINT) FROM json_tree(m.extra) WHERE key = 'id')) END AS names, \
             CASE WHEN m.topic_id IS NULL THEN NULL ELSE (SELECT t.title FROM topics t WHERE t.account_no = m.account_no \
             AND t.scope = m.scope AND t.topic_id = m.topic_id) END AS topic_title, \
             (SELECT json_group_array(json_object('id', w.id, 'kind', w.kind, 'state', w.state, 'code', w.error_code, \
             'message', w.error_message, 'retry_at', w.retry_at)) FROM order_messages x JOIN orders w ON w.id = x.order_id \
             WHERE x.message_row = m.id AND x.random_id IS NULL) AS concerned, \
             of.size AS file_size, of.parts AS file_parts FROM messages m \
             LEFT JOIN order_messages om ON om.message_row = m.id AND om.random_id IS NOT NULL \
             LEFT JOIN orders o ON o.id = om.order_id LEFT JOIN order_files of ON of.message_row = om.message_row \
             LEFT JOIN peers p ON p.account_no = m.account_no AND p.peer_id = m.sender_id \
             LEFT JOIN peers f ON f.account_no = m.account_no AND f.peer_id = CAST(m.forwarded_from ->> 'id' AS BIGINT) ",
            $rest
        )
    };
}
pub(in crate::store) use select_messages;

impl MessageRecord {
    pub fn load(conn: &mut Conn, row: i64) -> QueryResult<Option<Self>> {
        Ok(sql(select_messages!("WHERE m.id = ?"))
            .number(row)
            .load::<Self>(conn)?
            .pop())
    }

    /// By Telegram's id.
    pub fn find(
        conn: &mut Conn,
        account_no: i64,
        scope: i64,
        message_no: i64,
    ) -> QueryResult<Option<Self>> {
        Ok(sql(select_messages!(
            "WHERE m.account_no = ? AND m.scope = ? AND m.message_no = ?"
        ))
        .number(account_no)
        .number(scope)
        .number(message_no)
        .load::<Self>(conn)?
        .pop())
    }

    pub fn into_message(self) -> StoredMessage {
        let fields = self.fields;
        let mut extra: Option<Extra> = fields.extra.as_deref().and_then(from_json);
        if let (Some(extra), Some(names)) = (&mut extra, &self.names) {
            let names: HashMap<String, String> = from_json(names).unwrap_or_default();
            for person in extra.people() {
                person.name = names
                    .get(&person.id.to_string())
                    .cloned()
                    .or(person.name.take());
            }
        }
        let shown = Shown::of(extra);
        let (row, sent) = (MessageRowId(fields.id), fields.message_id.is_some());
        let chat = chat_of(&fields.chat_id);
        let sender_id = fields.sender_id.map(ChatId::from_marked);
        StoredMessage {
            id: row,
            account_id: account_of(&fields.telegram_account_id),
            conversation_id: ConversationId(fields.conversation_id),
            chat_id: chat,
            message_id: fields.message_id,
            direction: direction_of(&fields.direction),
            text: fields.text,
            timestamp: Timestamp::from_millis(fields.timestamp),
            status: status_of(&fields.status),
            delivery: self.order_state.as_deref().map(state_of),
            sender: sender(
                chat,
                sender_id,
                self.peer_name,
                self.peer_username,
                fields.sender_name,
            )
            .map(Arc::new),
            reply_to_message_id: fields.reply_to.map(|id| id.to_string()),
            topic: fields.topic_id.map(|id| topic(id, self.topic_title)),
            edited_at: fields.edited_at.map(Timestamp::from_millis),
            deleted_at: fields.deleted_at.map(Timestamp::from_millis),
            media: fields
                .media
                .as_deref()
                .and_then(from_json::<Media>)
                // Until it is sent there is nothing to fetch.
                .map(|media| match sent {
                    true => media.served(row),
                    false => media.shown(),
                }),
            service: fields.service,
            backfilled: fields.backfilled,
            masked: fields.masked,
            late: fields.late,
            entities: fields.entities.as_deref().and_then(from_json),
            album_id: fields.album_id.map(|id| id.to_string()),
            forwarded_from: fields
                .forwarded_from
                .as_deref()
                .and_then(from_json)
                .map(|from| named(from, self.forward_name)),
            quote: fields.quote,
            buttons: shown.buttons,
            reactions: shown.reactions,
            action: shown.action,
            details: shown.details,
            error: self.error_code.map(|code| MessageError {
                code,
                message: self.error_message.unwrap_or_default(),
            }),
            retry_at: self.retry_at.map(Timestamp::from_millis),
            upload: self
                .file_size
                .map(|total| Upload::of(total, self.file_parts.unwrap_or(0))),
            scheduled_for: fields.scheduled_for.map(schedule_of),
            orders: notes(&self.concerned),
            waits_for: (self.wait_of)
                .filter(|_| self.retry_at.is_some())
                .map(|of| waits_for(&of).to_owned()),
        }
    }
}

fn schedule_of(seconds: i64) -> Schedule {
    Schedule::from_seconds(i32::try_from(seconds).unwrap_or(i32::MAX))
}

/// Name by the table of peers, else what the message itself carried, else the bare id.
pub(in crate::store) fn sender(
    chat: ChatId,
    id: Option<ChatId>,
    peer_name: Option<String>,
    peer_username: Option<String>,
    own_name: Option<String>,
) -> Option<Sender> {
    if id.is_none() && own_name.is_none() {
        return None;
    }
    let id = id.unwrap_or(chat);
    let name = peer_name
        .filter(|name| !name.is_empty())
        .or(own_name)
        .unwrap_or_else(|| id.to_string());
    Some(Sender {
        id,
        name,
        username: peer_username,
    })
}

/// Its title is known once its beginning was stored.
pub(in crate::store) fn topic(id: i32, title: Option<String>) -> Topic {
    Topic {
        id: id.to_string(),
        title,
    }
}

pub(in crate::store) fn account_of(text: &str) -> AccountId {
    text.parse().unwrap_or(AccountId(uuid::Uuid::nil()))
}

pub(in crate::store) fn chat_of(text: &str) -> ChatId {
    text.parse().unwrap_or(ChatId::from_marked(0))
}

/// Where a message came from, by the name that the table of peers has.
pub(in crate::store) fn named(from: ForwardedFrom, peer_name: Option<String>) -> ForwardedFrom {
    let peer_name = peer_name.filter(|name| !name.is_empty());
    ForwardedFrom {
        name: peer_name.or(from.name),
        ..from
    }
}

/// What is shown of [`Extra`].
#[derive(Default)]
pub(in crate::store) struct Shown {
    pub buttons: Option<Vec<Vec<Button>>>,
    pub reactions: Option<Vec<Reaction>>,
    pub action: Option<Box<Action>>,
    pub details: Option<Box<Details>>,
}

impl Shown {
    pub fn of(extra: Option<Extra>) -> Self {
        let Some(extra) = extra else {
            return Self::default();
        };
        Self {
            buttons: Some(extra.buttons).filter(|rows| !rows.is_empty()),
            reactions: Some(extra.reactions).filter(|reactions| !reactions.is_empty()),
            action: extra.action,
            details: (!extra.details.is_empty()).then(|| Box::new(extra.details)),
        }
    }
}

/// A preview as it was kept before.
const OLD_PREVIEW: &str = "data:image/jpeg;base64,";

/// What a message carries, as its columns hold it.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::store) struct Carried {
    pub media: Option<String>,
    pub entities: Option<String>,
    pub album_id: Option<i64>,
    pub forwarded_from: Option<String>,
    pub quote: Option<String>,
    pub extra: Option<String>,
}

impl Carried {
    pub fn of(message: &IncomingMessage) -> Self {
        Self {
            media: message.media.as_ref().and_then(json),
            entities: some(&message.entities).and_then(json),
            album_id: message.album_id,
            forwarded_from: message.forwarded_from.as_ref().and_then(json),
            quote: message.quote.clone(),
            extra: message.extra.as_ref().and_then(json),
        }
    }

    pub fn stored(fields: &MessageFields) -> Self {
        let media = fields.media.as_deref();
        let old = media.filter(|media| media.contains(OLD_PREVIEW));
        let renewed = old.and_then(|media| json(&from_json::<Media>(media)?.renewed()));
        Self {
            media: renewed.or_else(|| fields.media.clone()),
            entities: fields.entities.clone(),
            album_id: fields.album_id,
            forwarded_from: fields.forwarded_from.clone(),
            quote: fields.quote.clone(),
            extra: fields.extra.clone(),
        }
    }
}

/// An empty list is none.
pub(in crate::store) fn some(entities: &[Entity]) -> Option<&[Entity]> {
    (!entities.is_empty()).then_some(entities)
}

pub(in crate::store) fn json<T: Serialize + ?Sized>(value: &T) -> Option<String> {
    serde_json::to_string(value).ok()
}

pub(in crate::store) fn from_json<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}
