//! Reason: why an account is in its state: a code with what belongs to it, for programs and for pages in other languages,
//! and the same in English words.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{LineFault, ProxyName, StoreFault};

/// As stored: a JSON object with the code and what belongs to it. The codes are part of the contract.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum StateReason {
    SignedOutByPerson,
    SwitchedOff,
    RestartedByPerson,
    WaysChanged,
    DeviceChanged,
    SessionReplaced,
    RowDeleted,
    /// Telegram wants a pause.
    FloodWait {
        seconds: u64,
        holds: Holds,
    },
    SessionRevoked,
    SessionExpired,
    SessionDuplicated,
    AccountDeleted,
    SessionUnregistered,
    /// Telegram has forgotten its key, also after several tries.
    SessionUnknown,
    BannedForTerms,
    BannedNumber,
    NeverSignedIn,
    SessionUnusable {
        detail: String,
    },
    /// What is stored of it can't be opened.
    SealedUnusable {
        detail: String,
    },
    /// A new sign-in's session is no good; the one before it is used again.
    SignInRefused {
        cause: Box<Self>,
    },
    LineClosed,
    PingFailed {
        cause: Box<Self>,
    },
    ReconnectAsked,
    PoolEnded,
    NoAnswer,
    /// Telegram's own word, in English.
    TelegramError {
        error: String,
        number: i32,
        value: Option<u32>,
    },
    /// The server does not know the key just now.
    KeyUnknown,
    NotConnected,
    AnswerUnreadable,
    Network {
        kind: LineFault,
        detail: String,
    },
    ClockAhead {
        seconds: i64,
    },
    NoWay {
        ways: Vec<WayFault>,
    },
    ProxiesUnreadable {
        detail: String,
    },
    NoSockets {
        detail: String,
    },
    StoreAway {
        detail: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<StoreFault>,
    },
    VaultAway {
        detail: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<StoreFault>,
    },
    /// Its node went away, and no other has it yet.
    NoNode,
    Crashed {
        detail: String,
    },
    /// The restart budget is used up.
    GaveUp {
        cause: Box<Self>,
    },
}

/// What a flood wait holds up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    Updates,
    Channels,
    Sending,
}

/// A way that leads nowhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WayFault {
    pub proxy: ProxyName,
    /// As of a way that was tried by hand.
    pub error: String,
    pub words: String,
}

impl Holds {
    pub const ALL: [Self; 3] = [Self::Updates, Self::Channels, Self::Sending];

    const fn words(self) -> &'static str {
        match self {
            Self::Updates => "updates",
            Self::Channels => "updates of channels",
            Self::Sending => "before this account sends again",
        }
    }
}

impl StateReason {
    /// The code, and what belongs to it.
    #[must_use]
    pub fn told(&self) -> (String, Map<String, Value>) {
        super::fault::told(self)
    }
}

impl fmt::Display for StateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::SignedOutByPerson => "signed out by a person",
            Self::SwitchedOff => "switched off by a person",
            Self::RestartedByPerson => "restarted by a person",
            Self::WaysChanged => "its ways to Telegram were changed",
            Self::DeviceChanged => "what it calls itself was changed",
            Self::SessionReplaced => "a new session came from Supabase",
            Self::RowDeleted => {
                "its row was deleted in Supabase; it stays signed in at Telegram until it is removed here too"
            }
            Self::FloodWait { seconds, holds } => {
                return write!(f, "Telegram asks to wait {seconds} s: {}", holds.words());
            }
            Self::SessionRevoked => "the session was ended on another device: sign in again",
            Self::SessionExpired => "the session has expired: sign in again",
            Self::SessionDuplicated => {
                "the session was used from two places at once and Telegram ended it: sign in again, and use it only here"
            }
            Self::AccountDeleted => "the Telegram account was deleted",
            Self::SessionUnregistered => "the session is no longer signed in: sign in again",
            Self::SessionUnknown => "Telegram no longer knows this session's key: sign in again",
            Self::BannedForTerms => "for breaking Telegram's terms of service",
            Self::BannedNumber => "its phone number is banned",
            Self::NeverSignedIn => "this account was never signed in",
            Self::SessionUnusable { detail } => {
                return write!(f, "the stored session can't be used: {detail}");
            }
            Self::SignInRefused { cause } => {
                return write!(
                    f,
                    "the new sign-in's session is refused ({cause}); the one before it is used again"
                );
            }
            Self::LineClosed => "the line was closed",
            Self::PingFailed { cause } => return write!(f, "a ping failed: {cause}"),
            Self::ReconnectAsked => "asked to reconnect",
            Self::PoolEnded => "the pool ended",
            Self::NoAnswer => "no answer in time",
            Self::TelegramError {
                error,
                number,
                value: Some(value),
            } => return write!(f, "{error} ({number}, {value})"),
            Self::TelegramError {
                error,
                number,
                value: None,
            } => return write!(f, "{error} ({number})"),
            Self::KeyUnknown => "the server does not know the session's key",
            Self::NotConnected => "not connected",
            Self::AnswerUnreadable => "an answer that could not be read",
            Self::ClockAhead { seconds } => {
                return write!(
                    f,
                    "this machine's clock is {seconds} s ahead of Telegram's: set it right"
                );
            }
            Self::NoWay { ways } => {
                f.write_str("no way to Telegram works (")?;
                for (number, way) in ways.iter().enumerate() {
                    let between = if number > 0 { "; " } else { "" };
                    write!(f, "{between}{}: {}", way.proxy, way.words)?;
                }
                return f.write_str(")");
            }
            Self::NoNode => {
                "the node that had this account went away: another one takes it within a minute, if there is one"
            }
            Self::NoSockets { detail } => {
                return write!(f, "this machine gives no more sockets: {detail}");
            }
            Self::SealedUnusable { detail }
            | Self::Network { detail, .. }
            | Self::ProxiesUnreadable { detail }
            | Self::StoreAway { detail, .. }
            | Self::VaultAway { detail, .. }
            | Self::Crashed { detail } => detail,
            Self::GaveUp { cause } => {
                return write!(f, "restarted too often; the last time: {cause}");
            }
        };
        f.write_str(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail() -> String {
        "for whoever looks".to_owned()
    }

    fn cause() -> Box<StateReason> {
        Box::new(StateReason::LineClosed)
    }

    /// From one to the next, so that none can be left out.
    fn next(reason: &StateReason) -> Option<StateReason> {
        use StateReason as R;
        Some(match reason {
            R::SignedOutByPerson => R::SwitchedOff,
            R::SwitchedOff => R::RestartedByPerson,
            R::RestartedByPerson => R::WaysChanged,
            R::WaysChanged => R::DeviceChanged,
            R::DeviceChanged => R::SessionReplaced,
            R::SessionReplaced => R::RowDeleted,
            R::RowDeleted => R::FloodWait {
                seconds: 30,
                holds: Holds::Sending,
            },
            R::FloodWait { .. } => R::SessionRevoked,
            R::SessionRevoked => R::SessionExpired,
            R::SessionExpired => R::SessionDuplicated,
            R::SessionDuplicated => R::AccountDeleted,
            R::AccountDeleted => R::SessionUnregistered,
            R::SessionUnregistered => R::SessionUnknown,
            R::SessionUnknown => R::BannedForTerms,
            R::BannedForTerms => R::BannedNumber,
            R::BannedNumber => R::NeverSignedIn,
            R::NeverSignedIn => R::SessionUnusable { detail: detail() },
            R::SessionUnusable { .. } => R::SealedUnusable { detail: detail() },
            R::SealedUnusable { .. } => R::SignInRefused { cause: cause() },
            R::SignInRefused { .. } => R::LineClosed,
            R::LineClosed => R::PingFailed { cause: cause() },
            R::PingFailed { .. } => R::ReconnectAsked,
            R::ReconnectAsked => R::PoolEnded,
            R::PoolEnded => R::NoAnswer,
            R::NoAnswer => R::TelegramError {
                error: "INTERNAL".to_owned(),
                number: 500,
                value: None,
            },
            R::TelegramError { .. } => R::KeyUnknown,
            R::KeyUnknown => R::NotConnected,
            R::NotConnected => R::AnswerUnreadable,
            R::AnswerUnreadable => R::Network {
                kind: LineFault::Other,
                detail: detail(),
            },
            R::Network { .. } => R::ClockAhead { seconds: 90 },
            R::ClockAhead { .. } => R::NoWay {
                ways: vec![WayFault {
                    proxy: ProxyName {
                        kind: "socks5".to_owned(),
                        host: "127.0.0.1:1080".to_owned(),
                    },
                    error: "proxy_closed".to_owned(),
                    words: "the proxy closed the line".to_owned(),
                }],
            },
            R::NoWay { .. } => R::ProxiesUnreadable { detail: detail() },
            R::ProxiesUnreadable { .. } => R::NoSockets { detail: detail() },
            R::NoSockets { .. } => R::StoreAway {
                detail: detail(),
                fault: Some(StoreFault::DiskFull),
            },
            R::StoreAway { .. } => R::VaultAway {
                detail: detail(),
                fault: None,
            },
            R::VaultAway { .. } => R::NoNode,
            R::NoNode => R::Crashed { detail: detail() },
            R::Crashed { .. } => R::GaveUp { cause: cause() },
            R::GaveUp { .. } => return None,
        })
    }

    fn each() -> Vec<StateReason> {
        let first = StateReason::SignedOutByPerson;
        std::iter::successors(Some(first), next).collect()
    }

    /// Protects whoever reads another language than English, and whoever writes a program: each reason has a code that is
    /// explained, comes back from the store, and is said on the desk in all its languages with what belongs to it.
    #[test]
    fn each_reason_has_a_code_and_words_in_every_language() {
        let desk = [
            include_str!("../../static/i18n/en.json"),
            include_str!("../../static/i18n/ru.json"),
            include_str!("../../static/i18n/ar.json"),
        ]
        .map(|text| serde_json::from_str::<Map<String, Value>>(text).unwrap());
        let explained = include_str!("../../docs/recovery.md");
        let mut keys = Vec::new();
        for reason in each() {
            assert!(!reason.to_string().is_empty());
            let stored = serde_json::to_string(&reason).unwrap();
            assert_eq!(
                serde_json::from_str::<StateReason>(&stored).unwrap(),
                reason
            );
            let (code, params) = reason.told();
            assert!(explained.contains(&format!("`{code}`")), "{code}");
            let kinds: Vec<String> = match reason {
                StateReason::FloodWait { .. } => Holds::ALL
                    .iter()
                    .map(|holds| serde_json::to_value(holds).unwrap())
                    .map(|holds| format!(".{}", holds.as_str().unwrap()))
                    .collect(),
                StateReason::Network { .. } => LineFault::ALL
                    .iter()
                    .map(|kind| serde_json::to_value(kind).unwrap())
                    .map(|kind| format!(".{}", kind.as_str().unwrap()))
                    .collect(),
                _ => vec![String::new()],
            };
            for kind in kinds {
                keys.push((format!("reason.{code}{kind}"), params.clone()));
            }
        }
        for (language, words) in ["en", "ru", "ar"].into_iter().zip(&desk) {
            for (key, params) in &keys {
                let said = words.get(key).and_then(Value::as_str);
                let said = said.unwrap_or_else(|| panic!("{language}: nothing says {key}"));
                for param in ["cause", "detail", "error", "ways"] {
                    let given = params.contains_key(param);
                    let named = said.contains(&format!("{{{param}}}"));
                    assert!(given || !named, "{language}: {key} says {param}");
                    let hidden = key.starts_with("reason.network.") && !key.ends_with("other");
                    assert!(named || !given || hidden, "{language}: {key} hides {param}");
                }
            }
        }
    }
}
