//! Errors of a link, cut by what the caller does next.

use std::{fmt, io, time::Duration};

use super::words::is_unresolvable;
pub(super) use super::words::meaning;
use crate::domain::{LineFault, StateReason};

/// The Telegram side could not be set up at all.
#[derive(Debug, thiserror::Error)]
pub enum TelegramError {
    #[error("the runtime for Telegram links could not start: {0}")]
    Runtime(#[from] std::io::Error),
    #[error("data centre {0} is outside 1 to 255")]
    DcOutOfRange(i32),
    #[error("the key of the custom data centres is not an RSA public key in PEM (PKCS#1 or SPKI)")]
    BadKey,
}

/// The store could not be read just now: it is locked, slow or closing. Says nothing about what it holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store is away: {0}")]
pub struct BookAway(pub String);

/// What a call to Telegram ended with when it did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Repeat after this time, not before.
    #[error("Telegram asks to wait {} s", .0.as_secs())]
    FloodWait(Duration),
    /// The account is no longer signed in; its link ends as well.
    #[error("{0}")]
    SignedOut(LinkExit),
    /// The line is the trouble; the same call may be repeated.
    #[error("no answer from Telegram: {0}")]
    Network(String),
    /// What the call needs to know could not be read just now; it may be repeated.
    #[error("{0}")]
    StoreAway(#[from] BookAway),
    /// Telegram refused for good.
    #[error("Telegram refused: {message}")]
    Rejected { code: String, message: String },
    /// It was damaged on its way, or is of a type that this version does not know: a repeat tells.
    #[error("Telegram's answer could not be read")]
    Unreadable,
    /// Nothing known under that name, id or number, or the account may not address it.
    #[error("this chat or person can't be found from this account")]
    Unresolvable,
    #[error("Telegram did not answer in time")]
    TimedOut,
}

/// Why the account is no longer signed in. A person signs in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginLost {
    /// Ended from another device, or by Telegram.
    Revoked,
    Expired,
    /// The same key was used from two places at once; Telegram burns it.
    DuplicatedKey,
    /// The account was deleted by its owner.
    Deactivated,
    /// The key has no signed-in user behind it.
    Unregistered,
    /// The server does not know the key (-404), also after several tries.
    KeyUnknown,
}

impl LoginLost {
    /// A word for logs and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::DuplicatedKey => "duplicated_key",
            Self::Deactivated => "deactivated",
            Self::Unregistered => "unregistered",
            Self::KeyUnknown => "key_unknown",
        }
    }
}

impl LoginLost {
    #[must_use]
    pub const fn reason(self) -> StateReason {
        match self {
            Self::Revoked => StateReason::SessionRevoked,
            Self::Expired => StateReason::SessionExpired,
            Self::DuplicatedKey => StateReason::SessionDuplicated,
            Self::Deactivated => StateReason::AccountDeleted,
            Self::Unregistered => StateReason::SessionUnregistered,
            Self::KeyUnknown => StateReason::SessionUnknown,
        }
    }
}

impl fmt::Display for LoginLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason().fmt(f)
    }
}

/// What Telegram has banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ban {
    /// The account, for breaking its terms of service.
    Terms,
    Number,
}

impl Ban {
    #[must_use]
    pub const fn reason(self) -> StateReason {
        match self {
            Self::Terms => StateReason::BannedForTerms,
            Self::Number => StateReason::BannedNumber,
        }
    }
}

impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason().fmt(f)
    }
}

/// Why a link ended. Whether to open a new one is decided outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkExit {
    #[error("{reason}")]
    NeedsLogin { reason: LoginLost },
    #[error("Telegram has banned the account: {reason}")]
    Banned { reason: Ban },
    /// A bug, ours or below; the link's tasks are gone.
    #[error("the link failed inside: {0}")]
    Panicked(String),
    #[error("the line could not be kept: {0}")]
    Network(String),
    /// Closed on request.
    #[error("closed")]
    Closed,
    /// The stored session can't be used at all.
    #[error("the stored session can't be used: {0}")]
    SessionBroken(String),
}

/// What a single call ended with, before anybody decided what that means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Telegram's answer: code, name without its number, the number.
    Rpc {
        code: i32,
        name: String,
        value: Option<u32>,
    },
    /// -404: the server does not know our key.
    KeyUnknown,
    /// There is no line, or none that was introduced: nothing was done.
    NoLine,
    Network(Broken),
    TimedOut,
    /// An answer that our layer can't read.
    Unreadable,
}

/// What happened to a line, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) fault: LineFault,
    pub(super) words: String,
}

impl<W: Into<String>> From<W> for Broken {
    fn from(words: W) -> Self {
        Self {
            fault: LineFault::Other,
            words: words.into(),
        }
    }
}

impl Broken {
    pub(super) fn by(error: &io::Error) -> Self {
        Self {
            fault: LineFault::of(error.kind()),
            words: error.to_string(),
        }
    }
}

impl Failure {
    pub(super) fn network(what: impl Into<Broken>) -> Self {
        Self::Network(what.into())
    }

    /// For whoever reads why a line is gone.
    pub(super) fn reason(&self) -> StateReason {
        match self {
            Self::Rpc { code, name, value } => StateReason::TelegramError {
                error: name.clone(),
                number: *code,
                value: *value,
            },
            Self::KeyUnknown => StateReason::KeyUnknown,
            Self::NoLine => StateReason::NotConnected,
            Self::Network(broken) => StateReason::Network {
                kind: broken.fault,
                detail: broken.words.clone(),
            },
            Self::TimedOut => StateReason::NoAnswer,
            Self::Unreadable => StateReason::AnswerUnreadable,
        }
    }

    /// Is it refused because the account is frozen? `FROZEN_METHOD_INVALID` (420) for a method that a frozen account may
    /// not use, `FROZEN_PARTICIPANT_MISSING` (400) for a chat that it is no member of. It still reads, so neither ends
    /// the sign-in, and a later try brings the same.
    pub(super) fn is_frozen(&self) -> bool {
        matches!(self, Self::Rpc { name, .. } if name.starts_with("FROZEN_"))
    }

    /// How long Telegram wants us to wait, when that is what it says.
    pub(super) fn flood(&self) -> Option<Duration> {
        match self {
            Self::Rpc {
                code: 420, value, ..
            } if !self.is_frozen() => Some(Duration::from_secs(u64::from(value.unwrap_or(5)))),
            _ => None,
        }
    }

    /// The end of the sign-in, when that is what it says: by its name, never by its code alone, for 401 also says that a password is
    /// wanted, that a method is not for this account, and what is not known here (core.telegram.org/api/errors#401-unauthorized). An
    /// unknown key is no end: it gets some patience first.
    pub(super) fn exit(&self) -> Option<LinkExit> {
        let Self::Rpc { name, .. } = self else {
            return None;
        };
        let reason = match name.as_str() {
            "AUTH_KEY_DUPLICATED" => LoginLost::DuplicatedKey,
            "USER_DEACTIVATED_BAN" => {
                let reason = Ban::Terms;
                return Some(LinkExit::Banned { reason });
            }
            "PHONE_NUMBER_BANNED" => {
                let reason = Ban::Number;
                return Some(LinkExit::Banned { reason });
            }
            "USER_DEACTIVATED" => LoginLost::Deactivated,
            "SESSION_REVOKED" => LoginLost::Revoked,
            "SESSION_EXPIRED" => LoginLost::Expired,
            "AUTH_KEY_UNREGISTERED" | "AUTH_KEY_INVALID" => LoginLost::Unregistered,
            _ => return None,
        };
        Some(LinkExit::NeedsLogin { reason })
    }

    /// Is it Telegram's definite word, to whoever asks who is signed in, that nobody is?
    pub(super) fn says_who_it_is_not(&self) -> bool {
        let refused = matches!(self, Self::Rpc { code, .. } if (400..500).contains(code) && ![401, 420].contains(code));
        refused || self.exit().is_some()
    }

    /// Does it say that a channel is no longer this account's to follow? Anything else that is refused may be given later.
    pub(super) fn loses_channel(&self) -> bool {
        matches!(self, Self::Rpc { name, .. } if self.is_frozen() || matches!(
            name.as_str(),
            "CHANNEL_PRIVATE"
                | "CHANNEL_INVALID"
                | "CHANNEL_PUBLIC_GROUP_NA"
                | "CHAT_FORBIDDEN"
                | "CHAT_ID_INVALID"
                | "PEER_ID_INVALID"
                | "USER_BANNED_IN_CHANNEL"
                | "USER_NOT_PARTICIPANT"
        ))
    }

    /// Would the same call, repeated, have a chance?
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Network(_) | Self::TimedOut | Self::KeyUnknown | Self::NoLine => true,
            Self::Rpc { code, .. } => !(0..500).contains(code),
            Self::Unreadable => false,
        }
    }

    /// Telegram may have done what it was asked for, or not.
    pub(super) fn is_unclear(&self) -> bool {
        match self {
            Self::Network(_) | Self::TimedOut | Self::Unreadable => true,
            Self::Rpc { code, .. } => !(0..500).contains(code),
            Self::KeyUnknown | Self::NoLine => false,
        }
    }

    pub(super) fn into_call_error(self) -> CallError {
        if let Some(wait) = self.flood() {
            return CallError::FloodWait(wait);
        }
        if let Some(exit) = self.exit() {
            return CallError::SignedOut(exit);
        }
        match self {
            Self::TimedOut => CallError::TimedOut,
            Self::Network(broken) => CallError::Network(broken.words),
            Self::NoLine => CallError::Network("not connected".to_owned()),
            Self::KeyUnknown => CallError::Network("the server does not know the key".to_owned()),
            Self::Unreadable => CallError::Unreadable,
            Self::Rpc { name, .. } if is_unresolvable(&name) => CallError::Unresolvable,
            // No end of the sign-in, and no word on what was asked for.
            Self::Rpc {
                code: 401, name, ..
            } => CallError::Network(name),
            Self::Rpc { code, name, .. } if !(0..500).contains(&code) => CallError::Network(name),
            Self::Rpc { name, .. } => CallError::Rejected {
                message: meaning(&name).to_owned(),
                code: name,
            },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(code: i32, name: &str) -> Failure {
        Failure::Rpc {
            code,
            name: name.to_owned(),
            value: None,
        }
    }

    /// Protects sign-ins: only a word that says so ends one, whatever its code.
    #[test]
    fn a_sign_in_ends_by_telegrams_word_alone() {
        for (code, name, lost) in [
            (401, "AUTH_KEY_UNREGISTERED", LoginLost::Unregistered),
            (401, "AUTH_KEY_INVALID", LoginLost::Unregistered),
            (401, "SESSION_REVOKED", LoginLost::Revoked),
            (401, "SESSION_EXPIRED", LoginLost::Expired),
            (401, "USER_DEACTIVATED", LoginLost::Deactivated),
            (406, "AUTH_KEY_DUPLICATED", LoginLost::DuplicatedKey),
        ] {
            let exit = LinkExit::NeedsLogin { reason: lost };
            assert_eq!(rpc(code, name).exit(), Some(exit), "{name}");
        }
        let banned = rpc(401, "USER_DEACTIVATED_BAN").exit();
        assert!(matches!(banned, Some(LinkExit::Banned { .. })));
        for name in [
            "SESSION_PASSWORD_NEEDED",
            "ACTIVE_USER_REQUIRED",
            "AUTH_KEY_PERM_EMPTY",
            "UNAUTHORIZED",
            "SOMETHING_NEW",
        ] {
            let failure = rpc(401, name);
            assert_eq!(failure.exit(), None, "{name}");
            // Whoever reads comes back: nothing was said of what was asked for.
            let error = failure.into_call_error();
            assert_eq!(error, CallError::Network(name.to_owned()));
        }
    }
}
