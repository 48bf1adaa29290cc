//! Status: is the vault reachable, since when, and how many changes wait for it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::domain::{AccountId, Timestamp};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VaultKind {
    /// The service's own database; it can't be away.
    Local,
    Supabase,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VaultState {
    Online,
    /// The service runs from its sealed copies and tries again.
    Offline,
}

/// What the dashboard's banner and `/health/ready` say about the vault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VaultStatus {
    pub kind: VaultKind,
    pub state: VaultState,
    pub since: Timestamp,
    /// Why it is offline, in words a person can act on; never a secret.
    pub reason: Option<String>,
    /// The same for programs and for pages in other languages.
    #[serde(default)]
    pub reason_code: Option<String>,
    #[serde(default)]
    pub reason_params: Option<Map<String, Value>>,
    /// Accounts with a change that Supabase does not have yet.
    pub queued: usize,
    /// Accounts that differ here and there, or can't be taken from there; each waits for a person.
    pub conflicts: Vec<VaultConflict>,
}

/// What stands between this side and the other, in words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VaultConflict {
    pub account_id: AccountId,
    pub what: String,
    /// The same as codes, for programs and pages in other languages.
    #[serde(default)]
    pub codes: Vec<String>,
    /// A change of the account here says that this side is right. Otherwise the row in Supabase has to be put right.
    pub settled_here: bool,
}

impl VaultStatus {
    /// Without what a caller may not see.
    #[must_use]
    pub fn seen_by(mut self, sees: impl Fn(AccountId) -> bool) -> Self {
        self.conflicts.retain(|conflict| sees(conflict.account_id));
        self
    }

    /// For whoever looks at this node from another one: without what concerns single accounts.
    #[must_use]
    pub fn of_a_node(&self) -> Value {
        json!({
            "kind": self.kind,
            "state": self.state,
            "since": self.since,
            "reason": self.reason,
            "reason_code": self.reason_code,
            "reason_params": self.reason_params,
            "conflicts": self.conflicts.len(),
        })
    }

    pub(super) fn starting(kind: VaultKind) -> Self {
        Self {
            kind,
            state: VaultState::Online,
            since: Timestamp::now(),
            reason: None,
            reason_code: None,
            reason_params: None,
            queued: 0,
            conflicts: Vec::new(),
        }
    }
}
