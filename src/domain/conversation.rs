//! Conversation: one account's view of one chat.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AccountId, ChatId, ConversationId, Entity, StoredMessage, Timestamp};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    Private,
    Bot,
    Group,
    Supergroup,
    Channel,
}

impl ConversationKind {
    pub const ALL: [Self; 5] = [
        Self::Private,
        Self::Bot,
        Self::Group,
        Self::Supergroup,
        Self::Channel,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Bot => "bot",
            Self::Group => "group",
            Self::Supergroup => "supergroup",
            Self::Channel => "channel",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What stands in the field of a chat and is not sent; Telegram keeps it for all devices of an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChatDraft {
    pub text: String,
    #[serde(default)]
    pub entities: Vec<Entity>,
    /// Telegram's number of the message that it answers.
    #[serde(default)]
    pub reply_to_message_id: Option<i32>,
    pub at: Timestamp,
}

impl ChatDraft {
    /// Nothing stands there.
    #[must_use]
    pub const fn empty(at: Timestamp) -> Self {
        Self {
            text: String::new(),
            entities: Vec::new(),
            reply_to_message_id: None,
            at,
        }
    }

    /// Telegram tells moments in seconds.
    #[must_use]
    pub const fn is_older_than(&self, other: &Self) -> bool {
        self.at.millis() / 1000 < other.at.millis() / 1000
    }
}

/// What stands in the field of a topic.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TopicDraft {
    /// Telegram's number of the message that began it, as text.
    pub topic_id: String,
    #[serde(flatten)]
    pub draft: ChatDraft,
}

/// A topic of a forum, as Telegram tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForumTopic {
    pub id: i32,
    pub title: String,
    /// Number of its newest message.
    pub top_message: i32,
    /// What stands in its field; with an empty text nothing does. `None`: it is not said.
    pub draft: Option<ChatDraft>,
}

/// A conversation as the outside sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Conversation {
    pub id: ConversationId,
    pub account_id: AccountId,
    pub chat_id: ChatId,
    pub kind: ConversationKind,
    pub title: String,
    pub username: Option<String>,
    pub unread: i64,
    pub can_send: bool,
    /// Shared: every event of the conversation carries it.
    pub last_message: Option<Arc<StoredMessage>>,
    pub last_message_at: Option<Timestamp>,
    pub muted: bool,
    /// What stands in its field and is not sent, as Telegram has it.
    pub draft: Option<ChatDraft>,
    /// The same of a forum's topics; General's is `draft`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topic_drafts: Vec<TopicDraft>,
    pub archived: bool,
    /// Somebody wants it to look unread, whatever was read.
    pub marked_unread: bool,
    /// The account takes no messages from this person.
    pub blocked: bool,
    /// Telegram's id of the newest message that is marked read.
    pub read_inbox_max_id: i32,
    /// Up to which own message the other side has read.
    pub read_outbox_max_id: i32,
}

/// One row of Telegram's dialog list.
#[derive(Clone, PartialEq, Debug)]
pub struct DialogRecord {
    pub chat: ChatId,
    pub unread: i32,
    pub read_inbox_max_id: i32,
    pub read_outbox_max_id: i32,
    pub muted_until: Option<Timestamp>,
    pub archived: bool,
    pub marked_unread: bool,
    pub draft: Option<ChatDraft>,
    /// Newest message id in the chat: the upper end of its history.
    pub top_message: i32,
    /// The channel's update position at the time of the answer.
    pub channel_pts: Option<i32>,
}
