//! Supabase: the table `telegram_accounts` over its REST interface.
//!
//! Every request names its row by id (or pages through all), every write names what it saw before, and every
//! answer is taken only as far as it can be read: a project that is paused, a proxy's HTML or a cut body is
//! "away", never "no accounts".

mod http;
mod key;
mod rows;

use std::time::Duration;

pub use key::ServiceKey;
pub(super) use rows::{Page, RemoteAccount, RowPatch, Supabase};

use crate::domain::{SecretText, VaultFault};

/// Where the project is, and how patient to be.
#[derive(Clone, Debug)]
pub struct SupabaseConfig {
    /// `https://<ref>.supabase.co`, or where one's own stands.
    pub url: url::Url,
    pub key: SecretText,
    pub pace: Pace,
}

impl SupabaseConfig {
    #[must_use]
    pub fn new(url: url::Url, key: SecretText) -> Self {
        Self {
            url,
            key,
            pace: Pace::default(),
        }
    }

    /// With another time between two looks at the table.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.pace.interval = interval;
        self
    }
}

/// Waits and limits; the defaults are Supabase's recommendations.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two looks at the whole table, and between tries while it is away.
    pub interval: Duration,
    pub connect: Duration,
    /// One request, with its body.
    pub request: Duration,
    /// Before the first repetition; doubles, with jitter.
    pub backoff: Duration,
    pub longest_backoff: Duration,
    pub tries: u32,
    pub page: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            connect: Duration::from_secs(5),
            request: Duration::from_secs(15),
            backoff: Duration::from_millis(250),
            longest_backoff: Duration::from_secs(10),
            tries: 4,
            page: 500,
        }
    }
}

/// Why a request had no effect that can be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RemoteError {
    /// It may be better later: go on from the local copies and try again.
    #[error("{0}")]
    Away(VaultFault),
    /// A person has to change a setting (key, grants, table); trying again seldom helps.
    #[error("{0}")]
    Refused(VaultFault),
    /// The table lacks a column that was named.
    #[error("{0}")]
    Columns(VaultFault),
    /// This one row is not accepted; the others are fine.
    #[error("{0}")]
    Row(String),
}

impl RemoteError {
    pub fn into_fault(self) -> VaultFault {
        match self {
            Self::Away(fault) | Self::Refused(fault) | Self::Columns(fault) => fault,
            Self::Row(detail) => VaultFault::Misconfigured { detail },
        }
    }
}
