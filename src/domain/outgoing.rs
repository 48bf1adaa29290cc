//! Outgoing messages: a reply on its way, and what became of one attempt to send it.

use std::time::Duration;

use super::{AccountId, ChatId, MessageError, MessageRowId, Timestamp};

/// A committed reply. The random id never changes: Telegram answers a repeated one with the first message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingMessage {
    pub id: MessageRowId,
    pub account_id: AccountId,
    pub chat: ChatId,
    pub random_id: i64,
    pub text: String,
    pub reply_to: Option<i32>,
    /// Attempts already made.
    pub attempts: u32,
    /// Not before this moment.
    pub retry_at: Option<Timestamp>,
}

/// What one attempt to send ended with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SendOutcome {
    Sent {
        message_id: i32,
        date: Timestamp,
    },
    /// Telegram refused for good.
    Refused(MessageError),
    /// Telegram wants a pause before this account sends again.
    Flood {
        wait: Duration,
    },
    /// This chat takes one message at a time (slow mode); other chats are not concerned.
    SlowMode {
        wait: Duration,
    },
    /// It surely has not left: there is no line, or what it needs could not be read just now.
    NotSent {
        reason: String,
    },
    /// No definite answer: it may or may not have arrived; the same random id goes out again.
    Unknown {
        reason: String,
    },
}
