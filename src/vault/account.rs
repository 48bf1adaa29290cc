//! Account: what the vault keeps of one Telegram account, in the open, while it is in memory.

use crate::domain::{AccountId, ApiCredentials, SecretBytes, SecretText, Timestamp};

/// An account as a person describes it: everything but its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultAccount {
    pub id: AccountId,
    pub label: String,
    pub api: ApiCredentials,
    pub is_active: bool,
    pub created_at: Timestamp,
}

/// An account the vault knows, without any secret: enough to create or correct the service's own row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSummary {
    pub id: AccountId,
    pub label: String,
    pub api_id: i32,
    pub is_active: bool,
    pub has_session: bool,
    /// The row was deleted in Supabase by hand; the sealed copy here is kept until [`super::Vault::remove`].
    pub removed_remotely: bool,
    pub created_at: Timestamp,
}

/// Rises with every session that an account gets, loses or has changed. Who holds an older one holds another session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionEpoch(pub(super) i64);

/// What one account connects with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub api: ApiCredentials,
    /// `None`: signed out.
    pub session: Option<SecretBytes>,
    /// Tells this session from the ones before and after it.
    pub epoch: SessionEpoch,
    /// Its own ways to Telegram, as they were given; `None`: it has none of its own.
    pub proxies: Option<SecretText>,
}

/// Something a person (or another service) did to the rows in Supabase.
///
/// Announced after it is committed to the local copy. Announcements are not kept: after a restart, or after a
/// receiver fell behind, [`super::Vault::accounts`] has the same truth. Where several nodes have the accounts they are rows as well
/// ([`crate::store::VaultNews`]), for the node that has the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteChange {
    Added(AccountSummary),
    Switched {
        id: AccountId,
        is_active: bool,
    },
    Renamed {
        id: AccountId,
        label: String,
    },
    /// Another api_id or api_hash; it holds from the account's next connection.
    ApiChanged {
        id: AccountId,
    },
    /// Other ways to Telegram; they hold from the account's next connection.
    ProxiesChanged {
        id: AccountId,
    },
    /// A newer sign-in was put there; the session here was replaced by it.
    SessionReplaced {
        id: AccountId,
    },
    /// Both sides changed, or what stands there can't be taken. Nothing was overwritten on either side.
    Conflict {
        id: AccountId,
        what: String,
    },
    Removed {
        id: AccountId,
    },
}

impl RemoteChange {
    /// How rows call it. `None`: nothing is to be done.
    #[must_use]
    pub const fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Added(_) => Some("added"),
            Self::Switched { .. } | Self::Renamed { .. } => Some("settings"),
            Self::ApiChanged { .. } => Some("api"),
            Self::ProxiesChanged { .. } => Some("proxies"),
            Self::SessionReplaced { .. } => Some("session"),
            Self::Removed { .. } => Some("removed"),
            Self::Conflict { .. } => None,
        }
    }
}
