//! Ids: what names an account, a chat, a conversation and a message.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One Telegram account of this service. Given out once, kept through every new sign-in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub Uuid);

impl AccountId {
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AccountId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Row id of a conversation: one account's view of one chat.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationId(pub i64);

/// Row id of a message; exists before Telegram gives the message an id of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageRowId(pub i64);

/// An order of the outbox. Given out once; a later order has a higher one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(pub i64);

/// A Telegram peer in the marked form: user `123`, basic group `-456`, channel or supergroup `-1001234567890`.
///
/// Text in JSON, because JavaScript's numbers end at 2^53.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChatId(i64);

/// What a [`ChatId`] points at, with Telegram's own (unmarked) id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PeerKind {
    User(i64),
    Group(i64),
    /// Broadcast channels and supergroups.
    Channel(i64),
}

const CHANNEL_MARK: i64 = -1_000_000_000_000;

/// Ids come from the wire: one that can't be marked, which Telegram never gives, stays at the end of the numbers.
impl ChatId {
    #[must_use]
    pub const fn user(id: i64) -> Self {
        Self(id)
    }

    #[must_use]
    pub const fn group(id: i64) -> Self {
        Self(id.saturating_neg())
    }

    #[must_use]
    pub const fn channel(id: i64) -> Self {
        Self(CHANNEL_MARK.saturating_sub(id))
    }

    /// From the marked number itself, as stored.
    #[must_use]
    pub const fn from_marked(marked: i64) -> Self {
        Self(marked)
    }

    #[must_use]
    pub const fn marked(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn kind(self) -> PeerKind {
        if self.0 >= 0 {
            PeerKind::User(self.0)
        } else if self.0 > CHANNEL_MARK {
            PeerKind::Group(-self.0)
        } else {
            PeerKind::Channel(CHANNEL_MARK - self.0)
        }
    }

    /// The channel's own id, when messages of this chat are numbered per channel.
    #[must_use]
    pub const fn channel_id(self) -> Option<i64> {
        match self.kind() {
            PeerKind::Channel(id) => Some(id),
            PeerKind::User(_) | PeerKind::Group(_) => None,
        }
    }
}

impl fmt::Debug for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chat:{}", self.0)
    }
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ChatId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for ChatId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ChatId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_peer_survives_its_marked_form() {
        for (chat, marked, kind) in [
            (ChatId::user(123), "123", PeerKind::User(123)),
            (ChatId::group(456), "-456", PeerKind::Group(456)),
            (
                ChatId::channel(1_234_567_890),
                "-1001234567890",
                PeerKind::Channel(1_234_567_890),
            ),
        ] {
            assert_eq!(chat.to_string(), marked);
            assert_eq!(marked.parse::<ChatId>().unwrap(), chat);
            assert_eq!(chat.kind(), kind);
        }
    }
}
