//! Outcome: what one attempt at an order ended with.

use std::time::{Duration, Instant};

use super::{Change, Held, Made, MessageError, Peer};

/// A message that Telegram keeps until its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Planned {
    pub random_id: i64,
    pub scheduled_id: i32,
}

/// What one attempt ended with.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// Telegram has done it. Messages of the order that are not among those that were made are still to be made.
    Done { made: Vec<Made> },
    /// They wait at Telegram, each under its number among the scheduled ones of the chat.
    Scheduled { made: Vec<Planned> },
    /// Telegram has done it, and says what became of what it concerns, as far as that needs no number of the stream.
    Changed(Vec<Change>),
    /// Telegram had done it before. How what it concerns is, as an answer that was asked for then says.
    AsItIs {
        asked_at: Instant,
        changes: Vec<Change>,
    },
    /// Telegram refused for good.
    Refused(MessageError),
    /// Its group has become this supergroup, and has not got it: it is sent there instead.
    Moved { to: Box<Peer> },
    /// Telegram wants a pause before this account sends again.
    Flood { wait: Duration },
    /// This chat takes one message at a time (slow mode); other chats are not concerned.
    SlowMode { wait: Duration },
    /// It did not leave: the account would be faster than it may.
    Paced { wait: Duration, held: Held },
    /// It did not leave: its file is at a node that does not answer.
    FileAway { wait: Duration },
    /// It surely did not leave; try again later.
    NotSent { reason: String },
    /// It did not arrive: Telegram no longer has the files that were put up for it. They go up again.
    NotPutUp(MessageError),
    /// No definite answer: it may or may not have arrived; how it is repeated says its kind.
    Unknown { reason: String },
}
