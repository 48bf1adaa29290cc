//! Orders: what is to be done at Telegram, how far it is, and what became of one attempt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    AccountId, ChatDraft, ChatId, ConversationId, Entity, Held, MessageError, MessageRowId,
    OrderId, OutgoingFile, Schedule, Timestamp, Uploaded,
};

/// A committed order. It is carried out until Telegram gives a definite answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    pub id: OrderId,
    pub account_id: AccountId,
    pub chat: ChatId,
    pub work: Work,
    pub tries: Tries,
}

impl Order {
    #[must_use]
    pub const fn kind(&self) -> OrderKind {
        self.work.kind()
    }

    /// When what it makes goes out, if that is not at once.
    #[must_use]
    pub const fn schedule(&self) -> Option<Schedule> {
        match &self.work {
            Work::Text(text) => text.schedule,
            Work::Media(media) => media.schedule,
            Work::Forward(forward) => forward.schedule,
            Work::Copy(_) | Work::Replace(_) | Work::Deed { .. } => None,
        }
    }
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Work {
    /// One message of text.
    Text(NewText),
    /// A file, or several as one album: a message for each.
    Media(NewMedia),
    /// The same, of files that another account has: they are fetched first, and with the last of them it is [`Self::Media`].
    Copy(NewCopy),
    /// Messages of another chat, once more here.
    Forward(NewForward),
    /// Another file, with its caption, for a message of ours.
    Replace(Replacement),
    /// Something is done to messages, or to a chat, that are there.
    Deed { deed: Deed, message_ids: Vec<i32> },
}

impl Work {
    #[must_use]
    pub const fn kind(&self) -> OrderKind {
        match self {
            Self::Text(_) => OrderKind::Text,
            Self::Media(_) | Self::Copy(_) => OrderKind::Media,
            Self::Forward(_) => OrderKind::Forward,
            Self::Replace(_) => OrderKind::Edit,
            Self::Deed { deed, .. } => deed.kind(),
        }
    }

    /// The messages that it is to make, in order: those that Telegram has not named yet.
    #[must_use]
    pub fn makes(&self) -> &[Making] {
        match self {
            Self::Text(text) => std::slice::from_ref(&text.making),
            Self::Media(media) => &media.makes,
            Self::Copy(copy) => &copy.makes,
            Self::Forward(forward) => &forward.makes,
            Self::Replace(_) | Self::Deed { .. } => &[],
        }
    }
}

/// A message that an order makes. The random id was committed with it and never changes: Telegram answers a repeated one
/// with the first message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Making {
    pub row: MessageRowId,
    pub random_id: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewText {
    pub making: Making,
    pub text: String,
    pub wording: Wording,
    pub place: Place,
    /// It waits at Telegram until then; `None`: it goes out at once.
    pub schedule: Option<Schedule>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replacement {
    pub row: MessageRowId,
    /// Telegram's number of the message.
    pub message_id: i32,
    pub item: MediaItem,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewForward {
    pub makes: Vec<Making>,
    /// Of each of them: Telegram's number of what is forwarded.
    pub message_ids: Vec<i32>,
    pub from: ChatId,
    /// The forum topic that they go to; `None`: General, and no forum.
    pub topic_id: Option<i32>,
    /// As if it were written here.
    pub hide_origin: bool,
    /// They wait at Telegram until then; `None`: they go out at once.
    pub schedule: Option<Schedule>,
}

/// How a text is said.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Wording {
    pub entities: Vec<Entity>,
    /// Telegram shows nothing of what lies behind its first link.
    pub no_preview: bool,
    pub quote: Option<Quote>,
}

/// The part of a message that is answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quote {
    pub text: String,
    /// About where in the message, in UTF-16 units: the same words may stand there twice.
    #[serde(default)]
    pub offset: Option<i32>,
}

/// What is done to what is there. It makes no messages of ours.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Another text, or another caption, for a message of ours.
    Edit {
        text: String,
        #[serde(default)]
        entities: Vec<Entity>,
        preview: bool,
    },
    /// Messages go; for this account alone when not for everyone.
    Delete {
        for_everyone: bool,
    },
    /// Our reaction to a message; `None` takes it back.
    React {
        emoji: Option<String>,
    },
    /// `silent`: nobody is told of it by a sound.
    Pin {
        pinned: bool,
        silent: bool,
    },
    /// Other words (`None`: the same) or another time for a message that waits at Telegram.
    Reschedule {
        #[serde(default)]
        text: Option<String>,
        #[serde(default)]
        entities: Vec<Entity>,
        preview: bool,
        at: Schedule,
    },
    /// A message that waits at Telegram goes out now.
    SendNow,
    /// It does not go out at all.
    Withdraw,
    /// All messages of a chat up to this one go.
    Clear {
        for_everyone: bool,
        up_to: i32,
    },
    /// Until then; `None`: no longer.
    Mute {
        until: Option<Timestamp>,
    },
    /// Into the archive, or out of it.
    Archive {
        archived: bool,
    },
    MarkUnread {
        unread: bool,
    },
    Block {
        blocked: bool,
    },
    /// As spam.
    Report,
    /// What stands in the field and is not sent; an empty text takes it away.
    Draft {
        draft: ChatDraft,
        /// In this topic of a forum.
        #[serde(default)]
        topic_id: Option<i32>,
    },
}

impl Deed {
    /// Else about messages of it.
    #[must_use]
    pub const fn is_about_chat(&self) -> bool {
        match self {
            Self::Edit { .. }
            | Self::Delete { .. }
            | Self::React { .. }
            | Self::Pin { .. }
            | Self::Reschedule { .. }
            | Self::SendNow
            | Self::Withdraw => false,
            Self::Clear { .. }
            | Self::Mute { .. }
            | Self::Archive { .. }
            | Self::MarkUnread { .. }
            | Self::Block { .. }
            | Self::Report
            | Self::Draft { .. } => true,
        }
    }

    /// About messages that wait at Telegram, which have numbers of their own.
    #[must_use]
    pub const fn is_about_scheduled(&self) -> bool {
        matches!(
            self,
            Self::Reschedule { .. } | Self::SendNow | Self::Withdraw
        )
    }

    #[must_use]
    pub const fn kind(&self) -> OrderKind {
        match self {
            Self::Reschedule { .. } => OrderKind::Reschedule,
            Self::SendNow => OrderKind::SendNow,
            Self::Withdraw => OrderKind::Withdraw,
            Self::Edit { .. } => OrderKind::Edit,
            Self::Delete { .. } => OrderKind::Delete,
            Self::React { .. } => OrderKind::React,
            Self::Pin { .. } => OrderKind::Pin,
            Self::Clear { .. } => OrderKind::Clear,
            Self::Mute { .. } => OrderKind::Mute,
            Self::Archive { .. } => OrderKind::Archive,
            Self::MarkUnread { .. } => OrderKind::MarkUnread,
            Self::Block { .. } => OrderKind::Block,
            Self::Report => OrderKind::Report,
            Self::Draft { .. } => OrderKind::Draft,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewMedia {
    pub makes: Vec<Making>,
    /// One for each of them.
    pub items: Vec<MediaItem>,
    pub place: Place,
    /// They wait at Telegram until then; `None`: they go out at once.
    pub schedule: Option<Schedule>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCopy {
    pub makes: Vec<Making>,
    /// What is not here yet.
    pub files: Vec<CopyOf>,
}

/// The file of a message, for another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CopyOf {
    /// The message that is to have it.
    pub row: MessageRowId,
    /// The message that has it, of another account.
    pub source: MessageRowId,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaItem {
    pub caption: String,
    pub entities: Vec<Entity>,
    pub file: OutgoingFile,
    pub uploaded: Uploaded,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    Text,
    Media,
    Forward,
    Edit,
    Delete,
    React,
    Pin,
    Clear,
    Mute,
    Archive,
    MarkUnread,
    Block,
    Report,
    Draft,
    Reschedule,
    SendNow,
    Withdraw,
}

/// What the next attempt may be after one that got no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeat {
    /// The same random ids: Telegram answers with the first messages, for as long as it remembers them.
    SameIds,
    /// The same call: done twice it is what it is done once.
    Freely,
}

/// Orders of one lane go out one after the other in each chat; the lanes of a chat do not wait for each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Lane {
    /// What others read, in the order in which it was written.
    Words,
    /// What stands beside the words.
    Marks,
}

impl OrderKind {
    pub const ALL: &[Self] = &[
        Self::Text,
        Self::Media,
        Self::Forward,
        Self::Edit,
        Self::Delete,
        Self::React,
        Self::Pin,
        Self::Clear,
        Self::Mute,
        Self::Archive,
        Self::MarkUnread,
        Self::Block,
        Self::Report,
        Self::Draft,
        Self::Reschedule,
        Self::SendNow,
        Self::Withdraw,
    ];

    /// The word for it, in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Media => "media",
            Self::Forward => "forward",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::React => "react",
            Self::Pin => "pin",
            Self::Clear => "clear",
            Self::Mute => "mute",
            Self::Archive => "archive",
            Self::MarkUnread => "mark_unread",
            Self::Block => "block",
            Self::Report => "report",
            Self::Draft => "draft",
            Self::Reschedule => "reschedule",
            Self::SendNow => "send_now",
            Self::Withdraw => "withdraw",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// Does it make messages that come back as echoes? While it is in flight, what is new of our own in its chat may be
    /// one of them. It is done when each of them has its number.
    #[must_use]
    pub const fn makes_messages(self) -> bool {
        match self {
            Self::Text | Self::Media | Self::Forward => true,
            // Pinning makes a notice, which is no message of ours.
            Self::Edit
            | Self::Delete
            | Self::React
            | Self::Pin
            | Self::Clear
            | Self::Mute
            | Self::Archive
            | Self::MarkUnread
            | Self::Block
            | Self::Report
            | Self::Draft
            | Self::Reschedule
            | Self::SendNow
            | Self::Withdraw => false,
        }
    }

    /// What a lost answer means: whether Telegram did it is not known, and this is how to go on. What may be repeated freely
    /// leaves everything as it is when it was done already; done by somebody else in between it is done over: the last
    /// order stands.
    #[must_use]
    pub const fn repeat(self) -> Repeat {
        match self {
            Self::Text | Self::Media | Self::Forward => Repeat::SameIds,
            Self::Edit
            | Self::Delete
            | Self::React
            | Self::Pin
            | Self::Clear
            | Self::Mute
            | Self::Archive
            | Self::MarkUnread
            | Self::Block
            | Self::Report
            | Self::Draft
            | Self::Reschedule
            | Self::SendNow
            | Self::Withdraw => Repeat::Freely,
        }
    }

    #[must_use]
    pub const fn lane(self) -> Lane {
        match self {
            Self::Text
            | Self::Media
            | Self::Forward
            | Self::Edit
            | Self::Delete
            | Self::Pin
            | Self::Clear
            | Self::Reschedule
            | Self::SendNow
            | Self::Withdraw => Lane::Words,
            Self::React
            | Self::Mute
            | Self::Archive
            | Self::MarkUnread
            | Self::Block
            | Self::Report
            | Self::Draft => Lane::Marks,
        }
    }

    /// Is this refusal Telegram's way to say that it is so already? A repeat after a lost answer gets it.
    #[must_use]
    pub fn is_done_by(self, code: &str) -> bool {
        match self {
            Self::Text
            | Self::Media
            | Self::Forward
            | Self::Delete
            | Self::Clear
            | Self::Mute
            | Self::Archive
            | Self::MarkUnread
            | Self::Block
            | Self::Report
            | Self::Draft => false,
            // It waits no longer: it has gone out, or was withdrawn.
            Self::SendNow | Self::Withdraw => code == "MESSAGE_ID_INVALID",
            Self::Edit | Self::React | Self::Reschedule => code == "MESSAGE_NOT_MODIFIED",
            Self::Pin => code == "CHAT_NOT_MODIFIED",
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects stored orders: every kind has a word of its own, and is found by it.
    #[test]
    fn every_kind_is_found_by_its_word() {
        for kind in OrderKind::ALL {
            assert_eq!(OrderKind::parse(kind.as_str()), Some(*kind));
            // Whatever makes messages may only be repeated with its random ids.
            assert_eq!(kind.makes_messages(), kind.repeat() == Repeat::SameIds);
        }
    }
}
