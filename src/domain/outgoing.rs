//! Outgoing messages: a reply on its way, how far it is, and what became of one attempt to send it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AccountId, ChatId, MessageError, MessageRowId, Timestamp};

/// A committed reply. The random id never changes: Telegram answers a repeated one with the first message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingMessage {
    pub id: MessageRowId,
    pub account_id: AccountId,
    pub chat: ChatId,
    pub random_id: i64,
    pub text: String,
    pub place: Place,
    pub tries: Tries,
}

/// Where in its chat a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// Telegram's number of the message that it answers.
    pub reply_to: Option<i32>,
    /// A forum's topic; `None` is its General, and every chat that is no forum.
    pub topic_id: Option<i32>,
    /// Whose thread, in a channel's direct messages (a monoforum).
    pub monoforum_peer: Option<ChatId>,
}

/// How far an order is on its way to Telegram's definite word. A settled one has no state any more: it is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// It surely is not at Telegram.
    #[default]
    Queued,
    /// The first call is being made.
    InFlight,
    /// A call ended, or the service did, without a definite answer: it may have arrived. Goes on by itself.
    Unanswered,
    /// Refused; it surely did not arrive.
    Failed,
    /// No definite answer within the patience: it may have arrived. A person decides.
    GivenUp,
}

impl OrderState {
    /// Goes on by itself.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Queued | Self::InFlight | Self::Unanswered)
    }

    #[must_use]
    pub const fn may_have_arrived(self) -> bool {
        matches!(self, Self::InFlight | Self::Unanswered | Self::GivenUp)
    }
}

/// What was tried so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tries {
    pub state: OrderState,
    /// The highest number that was known among the chat's numbers before the first call: its own lies above.
    pub above: Option<i32>,
    /// Attempts already made.
    pub count: u32,
    /// How long there has been no definite answer while the line stood.
    pub unanswered: Duration,
    /// When the last attempt was begun.
    pub last_at: Option<Timestamp>,
    /// The wait that Telegram asked for last.
    pub wait: Option<Wait>,
    /// When the next attempt is made, for the eye; within one run of the service its own clock decides.
    pub retry_at: Option<Timestamp>,
}

impl Tries {
    /// Before the next attempt, after one that ended without a definite answer: 1, 2, 4 … 30 seconds.
    #[must_use]
    pub fn pause(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(30);
        Duration::from_secs(1_u64 << self.count.min(5)).min(LONGEST)
    }
}

/// A wait that Telegram asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wait {
    pub whose: Waiting,
    pub length: Duration,
}

/// Whom a wait holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    Account,
    Chat,
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
    /// It surely did not leave; try again later.
    NotSent {
        reason: String,
    },
    /// No definite answer: it may or may not have arrived; the same random id goes out again.
    Unknown {
        reason: String,
    },
}
