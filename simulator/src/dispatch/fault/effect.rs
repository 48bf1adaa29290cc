//! Effect: what happens when a fault strikes.

use serde::{Deserialize, Serialize};

/// What happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// The call is not carried out, and answered with this.
    Error { code: i32, message: String },
    /// Carried out after a while; a send holds its random id meanwhile.
    SlowStart { millis: u64 },
    /// Carried out at once, answered after a while.
    SlowAnswer { millis: u64 },
    /// Carried out, answered with bytes of a type that no layer has.
    Unreadable,
    /// Neither carried out nor answered.
    NeverAnswer,
    /// The line is cut, the call not carried out.
    Cut,
    /// Carried out; the line is cut instead of the answer.
    CutAfter,
    /// Carried out, never answered.
    SilentAfter,
    /// Not carried out, answered `boolTrue` as if it were: a part of a file that gets lost.
    Pretend,
    /// updates.getDifference answers differenceTooLong.
    DifferenceTooLong,
    /// updates.getDifference gives at most this many events at a time.
    DifferenceSlices { events: usize },
    /// The same, and a slice's state has the date of the answer, although channels are announced with the last slice.
    DatedSlices { events: usize },
    /// Each account may make this many such calls within a window; more are answered with the time that is left.
    CallsPerWindow { calls: u32, seconds: u32 },
    /// updates.getChannelDifference answers channelDifferenceTooLong.
    ChannelDifferenceTooLong,
    /// updates.getChannelDifference gives at most this many events at a time, names no time-out, and says of none of its
    /// answers that it is the last.
    ChannelSlices { events: usize },
    /// A page of history has at most this many messages, and in a channel what was deleted stands there as messageEmpty.
    ShortPages { messages: i32 },
    /// A page of history is messages.messages, as if it were all there is.
    Unsliced,
    /// A page of the list of chats begins with the last ones of the page before.
    Overlap { chats: usize },
    /// A push is lost.
    DropPush,
    /// A push comes twice.
    DuplicatePush,
    /// A push comes late; what follows overtakes it.
    DelayPush { millis: u64 },
    /// A push comes after the one that follows it.
    SwapPush,
    /// So many pushes come in one packet, the last one first.
    Bundle { pushes: usize },
    /// A push comes without the people and chats that it names.
    Bare,
    /// updatesTooLong instead of a push.
    TooLong,
    /// updateChannelTooLong instead of a channel's push.
    ChannelTooLong { with_pts: bool },
}

impl Effect {
    pub(super) fn is_push(&self) -> bool {
        use Effect as E;
        matches!(
            self,
            E::DropPush
                | E::DuplicatePush
                | E::DelayPush { .. }
                | E::SwapPush
                | E::Bundle { .. }
                | E::Bare
                | E::TooLong
                | E::ChannelTooLong { .. }
        )
    }

    pub(super) fn is_difference(&self) -> bool {
        matches!(
            self,
            Self::DifferenceTooLong
                | Self::DifferenceSlices { .. }
                | Self::DatedSlices { .. }
                | Self::ChannelDifferenceTooLong
                | Self::ChannelSlices { .. }
        )
    }

    pub(super) fn is_page(&self) -> bool {
        matches!(
            self,
            Self::ShortPages { .. } | Self::Unsliced | Self::Overlap { .. }
        )
    }
}
