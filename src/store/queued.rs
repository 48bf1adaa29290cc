//! Queued: what is to go out, as it is given to the store, and what became of it there.

use crate::domain::{
    AccountId, ChatId, Conversation, ConversationId, Deed, MessageRowId, OrderState, OutgoingFile,
    Peer, Place, Schedule, StoredMessage, Wording,
};

/// A reply to a conversation that exists.
#[derive(Clone, Debug)]
pub struct QueueReply {
    pub conversation: ConversationId,
    pub text: String,
    pub wording: Wording,
    pub reply_to: Option<Target>,
    /// The topic of a forum; `None`: where the message replied to is, else General.
    pub topic_id: Option<i32>,
    /// It waits at Telegram until then.
    pub schedule: Option<Schedule>,
    pub idempotency_key: Option<String>,
}

/// What a reply answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// A stored message of the chat, by Telegram's number: where it stands is stored too.
    Stored(i32),
    /// One that is not stored. Telegram said that it is there, and where.
    Seen(Place),
}

impl Target {
    /// Telegram's number of it.
    #[must_use]
    pub fn message_id(self) -> i32 {
        match self {
            Self::Stored(number) => number,
            Self::Seen(place) => place.reply_to.unwrap_or(0),
        }
    }
}

/// What may be taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Discard {
    /// Only what surely is not at Telegram.
    Unsent,
    /// Also what failed without a definite answer: whoever takes it back was told.
    Settled,
    /// Also what is on its way.
    Anyway,
}

impl Discard {
    #[must_use]
    pub const fn allows(self, state: OrderState) -> bool {
        match self {
            Self::Unsent => !state.may_have_arrived(),
            Self::Settled => !state.may_have_arrived() || !state.is_pending(),
            Self::Anyway => true,
        }
    }
}

/// Something to be done to messages, or a chat, that are there.
#[derive(Clone, Debug)]
pub struct QueueDeed {
    pub conversation: ConversationId,
    /// All of this conversation.
    pub messages: Vec<MessageRowId>,
    pub deed: Deed,
    /// What was asked for, where the deed says more: the same call may come to another deed later. A repeat is known by it.
    pub asked: Option<Deed>,
    pub idempotency_key: Option<String>,
}

/// Messages of one conversation that go on to others.
#[derive(Clone, Debug)]
pub struct QueueForward {
    pub messages: Vec<MessageRowId>,
    pub to: Vec<ConversationId>,
    /// The forum topic there; `None`: General, and chats that are no forum.
    pub topic_id: Option<i32>,
    pub hide_origin: bool,
    /// `None`: at once.
    pub schedule: Option<Schedule>,
    pub idempotency_key: Option<String>,
}

#[derive(Clone, Debug)]
pub struct QueuedDeed {
    /// Those that it concerns, as they are now.
    pub messages: Vec<StoredMessage>,
    pub conversation: Conversation,
    /// An order was made: it was not ordered before, and there was something to do.
    pub ordered: bool,
}

/// A message to a chat that may not have a conversation yet.
#[derive(Clone, Debug)]
pub struct QueueSend {
    pub account: AccountId,
    pub chat: ChatId,
    /// What is known of the recipient, if it was resolved just now.
    pub peer: Option<Peer>,
    pub text: String,
    pub wording: Wording,
    pub idempotency_key: Option<String>,
}

/// A file to send, and the hash of it as it came: what makes another call of one with the same key.
#[derive(Clone, Debug)]
pub struct QueuedFile {
    pub file: OutgoingFile,
    pub sha256: String,
}

/// A message for each file.
#[derive(Clone, Debug)]
pub struct QueuedFiles {
    pub messages: Vec<StoredMessage>,
    pub conversation: Conversation,
    /// The idempotency key was known: these are the first call's messages as they are now, and the files are not needed.
    pub repeated: bool,
}

#[derive(Clone, Debug)]
pub struct Queued {
    pub message: StoredMessage,
    pub conversation: Conversation,
    /// The idempotency key was known: this is the first call's message as it is now.
    pub repeated: bool,
}
