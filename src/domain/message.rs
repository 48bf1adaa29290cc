//! Messages: as Telegram reports them, and as the store keeps them.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    AccountId, Action, Button, ChatId, ConversationId, Details, Entity, Extra, Media, MessageRowId,
    OrderNote, OrderState, Reaction, Schedule, Timestamp,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Incoming,
    Outgoing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    Received,
    Pending,
    Sent,
    Failed,
}

/// A message as Telegram tells it: live, from a difference or from history; also the echo of our own.
#[derive(Clone, PartialEq, Debug)]
pub struct IncomingMessage {
    pub chat: ChatId,
    /// Telegram's: one sequence per account for private chats and basic groups, one per channel.
    pub message_id: i32,
    /// Written by this account, here or on another device.
    pub outgoing: bool,
    /// Who wrote it, when Telegram says so; a channel post has its channel.
    pub sender: Option<ChatId>,
    /// Signature or forwarded name when there is no peer behind it.
    pub sender_name: Option<String>,
    pub text: String,
    pub date: Timestamp,
    pub edited_at: Option<Timestamp>,
    pub reply_to: Option<i32>,
    /// The topic of a forum; `None` is its General, and every chat that is no forum.
    pub topic_id: Option<i32>,
    /// Whose thread it is in, in a channel's direct messages (a monoforum).
    pub monoforum_peer: Option<ChatId>,
    pub media: Option<Media>,
    /// What happened, in words, for service messages (joined, pinned, title changed…).
    pub service: Option<String>,
    /// A one-time code of Telegram's was taken out of the text.
    pub masked: bool,
    /// What parts of the text are, in Telegram's order.
    pub entities: Vec<Entity>,
    /// Messages with the same number are one album.
    pub album_id: Option<i64>,
    /// As the message says it; the name only where no peer is behind it.
    pub forwarded_from: Option<ForwardedFrom>,
    /// The part of the message replied to that this one is about.
    pub quote: Option<String>,
    /// Where that is, when it is in another chat.
    pub quoted: Option<(ChatId, i32)>,
    /// What else it has.
    pub extra: Option<Box<Extra>>,
    /// `None` for a message that the fields above hold whole.
    pub object: Option<MessageObject>,
}

impl IncomingMessage {
    /// Words that somebody wrote, and nothing around them.
    #[must_use]
    pub const fn plain(chat: ChatId, message_id: i32, text: String, date: Timestamp) -> Self {
        Self {
            chat,
            message_id,
            outgoing: false,
            sender: None,
            sender_name: None,
            text,
            date,
            edited_at: None,
            reply_to: None,
            topic_id: None,
            monoforum_peer: None,
            media: None,
            service: None,
            masked: false,
            entities: Vec::new(),
            album_id: None,
            forwarded_from: None,
            quote: None,
            quoted: None,
            extra: None,
            object: None,
        }
    }
}

/// A message as Telegram's own object: what a later version understands better is derived from it.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageObject {
    /// Of Telegram's schema, in which the bytes are written.
    pub layer: i32,
    /// Deflated; opaque to all but `telegram`.
    pub bytes: Vec<u8>,
}

/// What a kept object says that its row may lack.
#[derive(Clone, PartialEq, Debug)]
pub struct ObjectContent {
    pub media: Option<Media>,
    pub entities: Vec<Entity>,
    pub extra: Option<Box<Extra>>,
    /// What is kept from now on, where less is kept than before.
    pub object: Option<MessageObject>,
}

/// Reads a kept object; `None` when it is of no known schema.
pub type ObjectReader = fn(&MessageObject) -> Option<ObjectContent>;

/// Its bytes hold the text.
impl fmt::Debug for MessageObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "MessageObject({}, {} bytes)",
            self.layer,
            self.bytes.len()
        )
    }
}

/// Where a forwarded message was written first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ForwardedFrom {
    /// `None`: whoever wrote it hides.
    pub id: Option<ChatId>,
    pub name: Option<String>,
    pub date: Timestamp,
}

/// Who wrote a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sender {
    pub id: ChatId,
    pub name: String,
    pub username: Option<String>,
}

/// A forum's topic.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Topic {
    /// Telegram's number of the message that began it, as text.
    pub id: String,
    /// `None` until it is known.
    pub title: Option<String>,
}

/// How far a file is on its way to Telegram, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Upload {
    pub done: i64,
    pub total: i64,
}

impl Upload {
    #[must_use]
    pub fn of(total: i64, parts: i32) -> Self {
        const PART: i64 = 512 * 1024;
        Self {
            done: (i64::from(parts) * PART).min(total),
            total,
        }
    }
}

/// Why a reply failed: Telegram's code, and what it means.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MessageError {
    pub code: String,
    pub message: String,
}

/// A message as the store keeps it and the outside sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StoredMessage {
    pub id: MessageRowId,
    pub account_id: AccountId,
    pub conversation_id: ConversationId,
    pub chat_id: ChatId,
    /// Telegram's id as text; `null` until a reply is sent.
    pub message_id: Option<String>,
    pub direction: Direction,
    pub text: String,
    pub timestamp: Timestamp,
    pub status: MessageStatus,
    /// How far a reply is that is not sent; `None` for everything else.
    pub delivery: Option<OrderState>,
    /// Shared: a peer's messages carry the same one.
    pub sender: Option<Arc<Sender>>,
    pub reply_to_message_id: Option<String>,
    /// `None`: no forum, or its General.
    pub topic: Option<Topic>,
    pub edited_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    pub media: Option<Media>,
    pub service: Option<String>,
    /// From history, from before this account came to us or not told yet; never told as news.
    pub backfilled: bool,
    /// A one-time code of Telegram's was taken out of the text; an admin may ask Telegram for it.
    pub masked: bool,
    /// Came while the account was away; told like a live one.
    pub late: bool,
    /// What parts of the text are, in UTF-16 units; `None`: nothing of it is anything.
    pub entities: Option<Vec<Entity>>,
    /// Telegram's number of the album that it is in, as text.
    pub album_id: Option<String>,
    pub forwarded_from: Option<ForwardedFrom>,
    /// The part of the message replied to that this one is about.
    pub quote: Option<String>,
    pub buttons: Option<Vec<Vec<Button>>>,
    pub reactions: Option<Vec<Reaction>>,
    /// What a service message says, as data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Box<Action>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Details>>,
    pub error: Option<MessageError>,
    /// When the next attempt to send is made.
    pub retry_at: Option<Timestamp>,
    /// Of a file that is on its way to Telegram.
    pub upload: Option<Upload>,
    /// It waits at Telegram until then, or is on its way there.
    pub scheduled_for: Option<Schedule>,
    /// What is to be done with it, and is not done yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<OrderNote>,
    /// Why it is not made before: `flood_wait`, `slow_mode`, `pace_strangers` or `pace_minute`.
    #[serde(default)]
    pub waits_for: Option<String>,
}
