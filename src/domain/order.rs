//! Orders: what is to be done at Telegram, once it is committed.
//!
//! What is done to what is there stands in `deed.rs`, what tells the kinds of orders apart in `order_kind.rs`, how far one is
//! in `order_state.rs`.

use serde::{Deserialize, Serialize};

use super::{
    AccountId, ChatId, Deed, Entity, MessageRowId, OrderId, OrderKind, OutgoingFile, Schedule,
    Tries, Uploaded,
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
