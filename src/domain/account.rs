//! Account: one Telegram account and the state it is in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AccountId, Device, Health, PaceLimits, ProxyName, Retention, StateReason, Timestamp};

/// Where an account is in its life. The words are part of the contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// No session; waits for a sign-in.
    SignedOut,
    /// A sign-in is under way.
    SigningIn,
    Connecting,
    Online,
    Reconnecting,
    /// Telegram limits it for a while (flood or spam limits).
    Limited,
    /// Switched off by a person; stays so through restarts.
    Stopped,
    /// The session is gone: revoked, expired or duplicated. A person signs in again.
    NeedsLogin,
    Banned,
    /// Restarted too often in too short a time; a person's restart resets it.
    Failed,
}

impl AccountState {
    pub const ALL: [Self; 10] = [
        Self::SignedOut,
        Self::SigningIn,
        Self::Connecting,
        Self::Online,
        Self::Reconnecting,
        Self::Limited,
        Self::Stopped,
        Self::NeedsLogin,
        Self::Banned,
        Self::Failed,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::SigningIn => "signing_in",
            Self::Connecting => "connecting",
            Self::Online => "online",
            Self::Reconnecting => "reconnecting",
            Self::Limited => "limited",
            Self::Stopped => "stopped",
            Self::NeedsLogin => "needs_login",
            Self::Banned => "banned",
            Self::Failed => "failed",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Does a reply wait here (true), or is it refused because only a person can end this state (false)?
    #[must_use]
    pub const fn accepts_replies(self) -> bool {
        !matches!(
            self,
            Self::NeedsLogin | Self::Banned | Self::Stopped | Self::SignedOut | Self::SigningIn
        )
    }

    /// Does it say that the account is used, or about to be?
    #[must_use]
    pub const fn is_connected(self) -> bool {
        matches!(
            self,
            Self::Connecting | Self::Online | Self::Reconnecting | Self::Limited
        )
    }

    /// A person has to act before anything moves again.
    #[must_use]
    pub const fn needs_person(self) -> bool {
        matches!(self, Self::NeedsLogin | Self::Banned | Self::Failed)
    }
}

/// The Telegram user behind a signed-in account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SelfUser {
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub id: i64,
    pub first_name: String,
    pub last_name: Option<String>,
    pub username: Option<String>,
}

fn as_text<S: serde::Serializer>(id: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn from_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(serde::de::Error::custom)
}

/// What of its files an account fetches by itself; the rest comes when somebody looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaPolicy {
    #[default]
    None,
    /// The small pictures of messages.
    Previews,
    /// Files as well, up to a size.
    All,
}

impl MediaPolicy {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Previews => "previews",
            Self::All => "all",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Previews, Self::All]
            .into_iter()
            .find(|policy| policy.as_str() == text)
    }
}

/// An account as the outside sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub label: String,
    /// 0..=11, one of the desk's twelve hues.
    pub colour: u8,
    /// Masked: `+963***678`.
    pub phone: Option<String>,
    pub is_active: bool,
    pub state: AccountState,
    /// In English words;
    pub state_reason: Option<String>,
    /// as a code, for programs and pages in other languages,
    #[serde(default)]
    pub state_code: Option<String>,
    /// with what belongs to it.
    #[serde(default)]
    pub state_params: Option<Map<String, Value>>,
    pub state_since: Timestamp,
    /// When the next attempt is made, or a limit ends.
    pub retry_at: Option<Timestamp>,
    /// Of the current row of reconnects; 0 when online.
    pub attempt: u32,
    pub user: Option<SelfUser>,
    pub unread: i64,
    pub outbox_pending: i64,
    pub last_update_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub sync: Option<SyncProgress>,
    pub archive: Archive,
    /// With [`Archive::All`], once something is known.
    pub history: Option<HistoryProgress>,
    /// What of its files it fetches by itself.
    #[serde(default)]
    pub media: MediaPolicy,
    /// Its own ways to Telegram, without credentials; `None`: the service's.
    #[serde(default)]
    pub proxies: Option<Vec<ProxyName>>,
    /// The way in use, or the one that it will try first; `None`: directly.
    #[serde(default)]
    pub proxy: Option<ProxyName>,
    #[serde(default)]
    pub exit: Exit,
    /// What Telegram lets it do, as far as it was learned.
    #[serde(default)]
    pub health: Health,
    /// What it may send by itself.
    #[serde(default)]
    pub pace: PaceLimits,
    /// What it calls itself at Telegram; `None`: it has not dialled yet.
    #[serde(default)]
    pub device: Option<Device>,
    /// For how long its messages and files are kept.
    #[serde(default)]
    pub retention: Retention,
}

/// Where an account's lines leave this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    #[default]
    Direct,
    Proxy,
}

/// How much of its history an account fetches by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Archive {
    /// A little of the newest chats; the rest when somebody looks.
    #[default]
    Recent,
    All,
}

impl Archive {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recent => "recent",
            Self::All => "all",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Recent, Self::All]
            .into_iter()
            .find(|archive| archive.as_str() == text)
    }
}

/// How far an account's history is, in messages. Without anything left all of it is here that Telegram gives.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HistoryProgress {
    pub done: i64,
    /// As far as it is known: chats that were not asked about yet are guessed.
    pub total: i64,
    pub eta_s: i64,
}

/// How far the first fetch after a sign-in is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SyncProgress {
    /// `dialogs`, `history` or `done`.
    pub phase: String,
    pub done: i64,
    pub total: i64,
}

/// A new state of an account, about to be committed and announced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StateChange {
    pub state: AccountState,
    pub reason: Option<StateReason>,
    pub retry_at: Option<Timestamp>,
    pub attempt: u32,
}

impl Account {
    /// For this reason, in all the forms in which it is told.
    pub fn explain(&mut self, reason: Option<&StateReason>) {
        let (code, params) = reason.map(StateReason::told).unzip();
        self.state_reason = reason.map(ToString::to_string);
        (self.state_code, self.state_params) = (code, params);
    }
}

impl StateChange {
    #[must_use]
    pub const fn to(state: AccountState) -> Self {
        Self {
            state,
            reason: None,
            retry_at: None,
            attempt: 0,
        }
    }

    #[must_use]
    pub fn because(mut self, reason: StateReason) -> Self {
        self.reason = Some(reason);
        self
    }
}

/// Where the log-out of an account's sessions stands at Telegram.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogOut {
    /// None of them is signed in any more.
    Done,
    /// It is carried out as soon as Telegram can be reached.
    Ordered,
    /// What was stored of one does not open: a person ends it, in Telegram under Settings, Devices.
    Unreadable,
}

/// The desk's hues.
pub const ACCOUNT_COLOURS: u8 = 12;

/// The hue of an account that nobody chose one for; always the same.
#[must_use]
pub const fn default_colour(id: AccountId) -> u8 {
    id.0.as_bytes()[0] % ACCOUNT_COLOURS
}

/// `+963912345678` → `+963***678`: enough to tell one's own numbers apart, too little to call one.
#[must_use]
pub fn mask_phone(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < 8 {
        return "+***".to_owned();
    }
    let head: String = digits.iter().take(3).collect();
    let tail: String = digits.iter().skip(digits.len() - 3).collect();
    format!("+{head}***{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_phone_keeps_three_digits_at_each_end() {
        assert_eq!(mask_phone("+963912345678"), "+963***678");
        assert_eq!(mask_phone("963 912 345 678"), "+963***678");
        assert_eq!(mask_phone("+12345"), "+***");
    }

    #[test]
    fn every_state_is_read_back_from_its_word() {
        for state in AccountState::ALL {
            assert_eq!(AccountState::parse(state.as_str()), Some(state));
        }
    }
}
