//! Errors of a link, cut by what the caller does next.

use std::{fmt, io, time::Duration};

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
    /// There is no line: nothing has left.
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

    /// The end of the sign-in, when that is what it says. An unknown key is not: it gets some patience first.
    pub(super) fn exit(&self) -> Option<LinkExit> {
        let Self::Rpc { code, name, .. } = self else {
            return None;
        };
        let reason = match (code, name.as_str()) {
            (_, "AUTH_KEY_DUPLICATED") => LoginLost::DuplicatedKey,
            (_, "USER_DEACTIVATED_BAN") => {
                let reason = Ban::Terms;
                return Some(LinkExit::Banned { reason });
            }
            (_, "PHONE_NUMBER_BANNED") => {
                let reason = Ban::Number;
                return Some(LinkExit::Banned { reason });
            }
            (_, "USER_DEACTIVATED") => LoginLost::Deactivated,
            (_, "SESSION_REVOKED") => LoginLost::Revoked,
            (_, "SESSION_EXPIRED") => LoginLost::Expired,
            // Asked for while a sign-in is half way; no end.
            (401, "SESSION_PASSWORD_NEEDED") => return None,
            (401, _) => LoginLost::Unregistered,
            _ => return None,
        };
        Some(LinkExit::NeedsLogin { reason })
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

fn is_unresolvable(name: &str) -> bool {
    matches!(
        name,
        "USERNAME_NOT_OCCUPIED"
            | "USERNAME_INVALID"
            | "PHONE_NOT_OCCUPIED"
            | "PEER_ID_INVALID"
            | "CHANNEL_INVALID"
            | "USER_ID_INVALID"
            | "CHAT_ID_INVALID"
            | "INVITE_HASH_EMPTY"
            | "INVITE_HASH_INVALID"
            | "INVITE_HASH_EXPIRED"
    )
}

/// Telegram's codes in words, for the ones a person at the desk meets.
pub(super) fn meaning(code: &str) -> &'static str {
    match code {
        "CHAT_WRITE_FORBIDDEN" | "CHAT_SEND_PLAIN_FORBIDDEN" | "CHAT_RESTRICTED" => {
            "this account may not write in this chat"
        }
        "CHAT_ADMIN_REQUIRED" => "only this chat's admins may do that",
        "MESSAGE_EDIT_TIME_EXPIRED" => {
            "it is too late: Telegram lets messages be edited for two days"
        }
        "MESSAGE_AUTHOR_REQUIRED" => "only who wrote the message can edit it",
        "MESSAGE_NOT_MODIFIED" => "it reads so already",
        "QUOTE_TEXT_INVALID" => "the message replied to does not say what is quoted",
        "ENTITY_BOUNDS_INVALID" => "the formatting does not fit the text",
        "CHAT_FORWARDS_RESTRICTED" => "this chat does not let its messages be forwarded",
        "MESSAGE_IDS_EMPTY" => "the messages are gone",
        "MESSAGE_ID_INVALID" => "the message is gone",
        "MESSAGE_DELETE_FORBIDDEN" => "this account may not delete that message",
        "MEDIA_CAPTION_TOO_LONG" => "the text under the picture or file is too long",
        "REACTION_INVALID" | "REACTION_EMPTY" => "this chat does not take this reaction",
        "REACTIONS_TOO_MANY" => "the message has too many different reactions",
        "PREMIUM_ACCOUNT_REQUIRED" => "only Premium accounts may do that",
        "SCHEDULE_TOO_MUCH" => {
            "a hundred messages wait in this chat already: Telegram takes no more"
        }
        "SCHEDULE_DATE_TOO_LATE" => "Telegram takes no moment so far ahead",
        "SCHEDULE_DATE_INVALID" => "Telegram does not take this moment",
        "SCHEDULE_STATUS_PRIVATE" => {
            "this person hides when they are online, so it can't be waited for"
        }
        "PIN_RESTRICTED" => "messages of this chat can't be pinned",
        "USER_BANNED_IN_CHANNEL" => "Telegram keeps this account from writing in groups for now",
        "CHANNELS_TOO_MUCH" => "this account is in as many groups and channels as Telegram allows",
        "USERS_TOO_MUCH" => "the group is full",
        "CHANNEL_PRIVATE" => "this account is no longer in this chat",
        "USER_IS_BLOCKED" => "this person has blocked the account",
        "YOU_BLOCKED_USER" => "the account has blocked this person",
        "INPUT_USER_DEACTIVATED" => "this person has deleted their account",
        "USER_IS_BOT" => "bots can't write to bots",
        "FROZEN_METHOD_INVALID" => {
            "Telegram has frozen this account: it reads, but can't write; its owner can appeal in an official app"
        }
        "FROZEN_PARTICIPANT_MISSING" => {
            "Telegram has frozen this account, and it is no member of this chat; its owner can appeal in an official app"
        }
        "PEER_FLOOD" => "Telegram limits this account for writing to too many strangers",
        "PRIVACY_PREMIUM_REQUIRED" => "this person takes messages from Premium users only",
        "ALLOW_PAYMENT_REQUIRED" => "this person takes messages against payment only",
        "MESSAGE_TOO_LONG" => "the text is too long",
        "MESSAGE_EMPTY" => "the text is empty",
        "REPLY_MESSAGE_ID_INVALID" | "MSG_ID_INVALID" => "the message replied to is gone",
        "SLOWMODE_WAIT" | "SLOWMODE_MULTI_MSGS_DISABLED" => {
            "the group allows one message at a time"
        }
        "TOPIC_CLOSED" => "the topic is closed",
        "TOPIC_DELETED" | "TOPIC_ID_INVALID" => "the topic is gone",
        "REPLY_TO_MONOFORUM_PEER_INVALID" => {
            "in a channel's direct messages only a message of somebody can be answered"
        }
        "PEER_ID_INVALID" | "USER_ID_INVALID" | "CHAT_ID_INVALID" | "CHANNEL_INVALID" => {
            "this chat can't be reached from this account"
        }
        // Our word: Telegram has none for it.
        "CHAT_MIGRATED" => {
            "this group is no longer here, as when it became a supergroup: write there"
        }
        _ => "Telegram did not accept it",
    }
}
