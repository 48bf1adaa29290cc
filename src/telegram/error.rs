//! Errors of a link, cut by what the caller does next.

use std::{fmt, time::Duration};

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
    /// Telegram refused for good.
    #[error("Telegram refused: {message}")]
    Rejected { code: String, message: String },
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
    Frozen,
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
            Self::Frozen => "frozen",
            Self::Unregistered => "unregistered",
            Self::KeyUnknown => "key_unknown",
        }
    }
}

impl fmt::Display for LoginLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revoked => "the session was ended on another device: sign in again",
            Self::Expired => "the session has expired: sign in again",
            Self::DuplicatedKey => {
                "the session was used from two places at once and Telegram ended it: sign in again, and use it only here"
            }
            Self::Deactivated => "the Telegram account was deleted",
            Self::Frozen => "Telegram has frozen the account: open it in an official app to appeal",
            Self::Unregistered => "the session is no longer signed in: sign in again",
            Self::KeyUnknown => "Telegram no longer knows this session's key: sign in again",
        })
    }
}

/// Why a link ended. Whether to open a new one is decided outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkExit {
    #[error("{reason}")]
    NeedsLogin { reason: LoginLost },
    #[error("Telegram has banned the account: {reason}")]
    Banned { reason: String },
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
