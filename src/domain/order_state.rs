//! How far an order is, what was tried, and how the outside sees it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    AccountId, ChatId, ConversationId, Held, MessageError, MessageRowId, OrderId, OrderKind,
    Timestamp,
};

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

/// A wait that Telegram asked for, or our own pace.
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
    /// The account's own pace; this message alone.
    Pace(Held),
    /// Its file is at another node, which does not answer; this message alone.
    File,
}

/// A message that Telegram made of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Made {
    pub random_id: i64,
    pub message_id: i32,
    pub date: Timestamp,
    /// Telegram's number of the album that it is in.
    pub album_id: Option<i64>,
}

/// An order as the outside sees it. One that is done, or was taken back, is told of once more and then gone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredOrder {
    pub id: OrderId,
    pub account_id: AccountId,
    pub conversation_id: ConversationId,
    pub chat_id: ChatId,
    pub kind: OrderKind,
    pub status: OrderStatus,
    /// How far it is; `None`: it is settled.
    pub delivery: Option<OrderState>,
    /// The messages that it makes or concerns, by their ids here.
    pub messages: Vec<MessageRowId>,
    pub error: Option<MessageError>,
    pub retry_at: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    Pending,
    Done,
    Failed,
    TakenBack,
}

impl OrderStatus {
    #[must_use]
    pub const fn of(state: OrderState) -> Self {
        match state {
            OrderState::Queued | OrderState::InFlight | OrderState::Unanswered => Self::Pending,
            OrderState::Failed | OrderState::GivenUp => Self::Failed,
        }
    }
}

/// An order that concerns a message, as the message tells of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderNote {
    pub id: OrderId,
    pub kind: OrderKind,
    pub status: OrderStatus,
    pub delivery: OrderState,
    pub error: Option<MessageError>,
    pub retry_at: Option<Timestamp>,
}
