//! Event: something that is already committed, with its number, on its way to dashboards and webhooks.

use std::{sync::Arc, time::Instant};

use serde::{Deserialize, Serialize};

use super::{
    Account, AccountId, ChatId, Conversation, ConversationId, Direction, Login, MessageRowId,
    StoredMessage, StoredOrder, Timestamp,
};

/// Number of an event; rises by commit order, over all accounts.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub i64);

/// One numbered event. Written to the event log in the transaction of what it tells.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Event {
    pub seq: Seq,
    pub at: Timestamp,
    pub account_id: AccountId,
    #[serde(flatten)]
    pub body: EventBody,
    /// When it was read from Telegram's socket; known only while it is live.
    #[serde(skip)]
    pub read_at: Option<Instant>,
    /// It tells how far a sign-in was; the log has the account in its place.
    #[serde(skip)]
    pub of_sign_in: bool,
}

/// What happened; `event` and `data` of a WebSocket frame.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum EventBody {
    MessageReceived {
        message: Arc<StoredMessage>,
        conversation: Conversation,
    },
    /// Once `pending`, again `sent` or `failed`.
    MessageSent {
        message: Arc<StoredMessage>,
        conversation: Conversation,
    },
    /// Another text, other media, buttons, votes or views; where the text is the same, it has no new version.
    MessageEdited {
        message: Arc<StoredMessage>,
        conversation: Conversation,
    },
    /// Its reactions are others now.
    MessageReacted {
        message: Arc<StoredMessage>,
        conversation: Conversation,
    },
    MessageDeleted {
        account_id: AccountId,
        conversation_id: ConversationId,
        chat_id: ChatId,
        ids: Vec<MessageRowId>,
        message_ids: Vec<String>,
        deleted_at: Timestamp,
    },
    ConversationUpdated {
        conversation: Conversation,
    },
    /// An edit, a deletion, a reaction or the like: `pending`, then `done`, `failed` or `taken_back`.
    OrderUpdated {
        order: StoredOrder,
    },
    AccountStatus {
        account: Box<Account>,
    },
    AccountRemoved {
        account_id: AccountId,
    },
    LoginUpdated {
        account_id: AccountId,
        login: Option<Login>,
    },
}

impl EventBody {
    /// A message that nobody was told of yet.
    #[must_use]
    pub fn news(message: Arc<StoredMessage>, conversation: Conversation) -> Self {
        match message.direction {
            Direction::Incoming => Self::MessageReceived {
                message,
                conversation,
            },
            Direction::Outgoing => Self::MessageSent {
                message,
                conversation,
            },
        }
    }

    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MessageReceived { .. } => "message_received",
            Self::MessageSent { .. } => "message_sent",
            Self::MessageEdited { .. } => "message_edited",
            Self::MessageReacted { .. } => "message_reacted",
            Self::MessageDeleted { .. } => "message_deleted",
            Self::ConversationUpdated { .. } => "conversation_updated",
            Self::OrderUpdated { .. } => "order_updated",
            Self::AccountStatus { .. } => "account_status",
            Self::AccountRemoved { .. } => "account_removed",
            Self::LoginUpdated { .. } => "login_updated",
        }
    }
}
