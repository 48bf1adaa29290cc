//! The kinds of orders: what a lost answer means, in which lane they go out, and which refusal says that it is done already.

use serde::{Deserialize, Serialize};

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
        match self.makes_messages() {
            true => Repeat::SameIds,
            false => Repeat::Freely,
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
