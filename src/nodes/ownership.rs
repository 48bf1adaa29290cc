//! Ownership: what every part of the service asks before it uses an account.

use tokio::sync::watch;
use uuid::Uuid;

use super::{NodeStanding, Owned, Use};
use crate::{domain::AccountId, store::Lease};

/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub enum Ownership {
    /// One process has everything to itself.
    #[default]
    Sole,
    /// One of several.
    Shared(Owned),
}

impl Ownership {
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// Changes when accounts came to this node or went. `None`: they never do.
    #[must_use]
    pub fn changes(&self) -> Option<watch::Receiver<()>> {
        match self {
            Self::Sole => None,
            Self::Shared(owned) => Some(owned.changes()),
        }
    }

    /// May the account be used here, now? What it answers is over with the lease: who goes on for long is told by
    /// [`super::Lines::end`].
    #[must_use]
    pub fn may_run(&self, account: AccountId) -> bool {
        match self {
            Self::Sole => true,
            Self::Shared(owned) => owned.lease(account).is_some(),
        }
    }

    /// For whoever uses the account's session beside its own line. `None`: it may not be used here.
    #[must_use]
    pub fn borrow(&self, account: AccountId) -> Option<Use> {
        match self {
            Self::Sole => Some(Use::alone()),
            Self::Shared(owned) => owned.borrow(account),
        }
    }

    /// Of this process's ownership of the account. `None`: it has none.
    #[must_use]
    pub fn epoch(&self, account: AccountId) -> Option<i64> {
        match self {
            Self::Sole => Some(0),
            Self::Shared(owned) => owned.lease(account).map(|lease| lease.epoch),
        }
    }

    /// `None`: it has none, or there is nothing to have.
    #[must_use]
    pub fn lease(&self, account: AccountId) -> Option<Lease> {
        match self {
            Self::Sole => None,
            Self::Shared(owned) => owned.lease(account),
        }
    }

    /// How this node stands, without asking anybody. `None`: there are no others.
    #[must_use]
    pub fn standing(&self) -> Option<NodeStanding> {
        match self {
            Self::Sole => None,
            Self::Shared(owned) => Some(owned.standing()),
        }
    }

    /// How this node's vault stands, as JSON without what concerns single accounts: the others are told with the next renewal.
    pub fn knows_of_its_vault(&self, vault: String) {
        if let Self::Shared(owned) = self {
            owned.0.state().vault = Some(vault);
        }
    }

    /// This node. `None`: there are no others.
    #[must_use]
    pub fn node(&self) -> Option<Uuid> {
        match self {
            Self::Sole => None,
            Self::Shared(owned) => Some(owned.node()),
        }
    }
}
