//! Deeds: what is done to messages, or to a chat, that are there.

use serde::{Deserialize, Serialize};

use super::{ChatDraft, Entity, OrderKind, Schedule, Timestamp};

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
