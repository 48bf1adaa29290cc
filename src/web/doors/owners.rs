//! Owners: whose account is whose. Kept in memory as well, because every request and every event asks.
//!
//! Other nodes give and take accounts, too: each change is told with its commit, and the rows are read anew then, and every few seconds
//! without a word. Who gives an owner an account has the owner's turn at all nodes.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};

use super::sha256_hex;
use crate::{
    domain::{AccountId, SecretText},
    store::{Changed, OwnerRecord, OwnerTurn, StoreError, StoreHandle},
};

/// What is told in quick succession is read once.
const READ_AGAIN: Duration = Duration::from_millis(100);
/// Owners share a place now and then, which costs them a wait and nothing else.
const PLACES: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum OwnerKind {
    Licence,
    User,
    Portal,
}

impl OwnerKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Licence => "licence",
            Self::User => "user",
            Self::Portal => "portal",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Licence, Self::User, Self::Portal]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Somebody who has an account; known by a hash alone.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Owner {
    pub kind: OwnerKind,
    hash: String,
}

impl Owner {
    #[must_use]
    pub fn licence(key: &SecretText) -> Self {
        Self {
            kind: OwnerKind::Licence,
            hash: sha256_hex(key.expose()),
        }
    }

    /// By the id that a token has of its licence.
    #[must_use]
    pub fn of_licence(id: &str) -> Self {
        Self {
            kind: OwnerKind::Licence,
            hash: id.to_owned(),
        }
    }

    #[must_use]
    pub fn user(user_id: &str) -> Self {
        Self {
            kind: OwnerKind::User,
            hash: sha256_hex(user_id),
        }
    }

    #[must_use]
    pub fn portal(caller: &str) -> Self {
        Self {
            kind: OwnerKind::Portal,
            hash: sha256_hex(caller),
        }
    }

    /// For programs that know the key and so its hash: `licence:<hash>`.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("{}:{}", self.kind.as_str(), self.hash)
    }

    /// As the rows call it.
    #[must_use]
    pub fn key(&self) -> (&'static str, String) {
        (self.kind.as_str(), self.hash.clone())
    }

    /// For labels: enough to tell owners apart, too little to be the key.
    #[must_use]
    pub fn short(&self) -> &str {
        self.hash.get(..6).unwrap_or_default()
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Owners {
    store: StoreHandle,
    known: Arc<RwLock<Known>>,
    /// Held from looking for an owner's account to giving it one.
    turns: Arc<Turns>,
}

#[derive(Default)]
struct Known {
    records: HashMap<Owner, OwnerRecord>,
    /// Changes that were made here: what was read before one of them is old.
    changes: u64,
}

struct Turns {
    places: [Mutex<()>; PLACES],
    hasher: RandomState,
}

/// An owner's, at all nodes.
pub struct Turn<'a> {
    _here: MutexGuard<'a, ()>,
    _everywhere: OwnerTurn,
}

impl Owners {
    /// # Errors
    /// When the store can't be read.
    pub async fn load(store: StoreHandle) -> Result<Self, StoreError> {
        let owners = Self {
            store,
            known: Arc::default(),
            turns: Arc::new(Turns {
                places: std::array::from_fn(|_| Mutex::new(())),
                hasher: RandomState::new(),
            }),
        };
        owners.reload().await?;
        Ok(owners)
    }

    async fn reload(&self) -> Result<(), StoreError> {
        loop {
            let before = self.read().changes;
            let records = self.store.owners().await?;
            let mut known = self.write();
            if known.changes != before {
                continue;
            }
            let read = records.into_iter().filter_map(|record| {
                let owner = Owner {
                    kind: OwnerKind::parse(&record.kind)?,
                    hash: record.owner.clone(),
                };
                Some((owner, record))
            });
            known.records = read.collect();
            return Ok(());
        }
    }

    /// Takes in what other nodes change. Until the service stops.
    pub async fn follow(&self) {
        let mut changes = self.store.changes(Changed::Owners);
        while changes.changed().await.is_ok() {
            if let Err(error) = self.reload().await {
                log::debug!(target: "switchboard::web", "what other nodes changed of owners can't be read for now: {error}");
            }
            tokio::time::sleep(READ_AGAIN).await;
        }
    }

    #[must_use]
    pub fn record(&self, owner: &Owner) -> Option<OwnerRecord> {
        self.read().records.get(owner).cloned()
    }

    #[must_use]
    pub fn accounts_of(&self, owner: &Owner) -> Vec<AccountId> {
        self.record(owner)
            .map(|record| record.account_id)
            .into_iter()
            .collect()
    }

    #[must_use]
    pub fn owns(&self, owner: &Owner, id: AccountId) -> bool {
        self.read()
            .records
            .get(owner)
            .is_some_and(|record| record.account_id == id)
    }

    #[must_use]
    pub fn owner_of(&self, id: AccountId) -> Option<Owner> {
        self.read()
            .records
            .iter()
            .find(|(_, record)| record.account_id == id)
            .map(|(owner, _)| owner.clone())
    }

    /// Looks anew what an owner has: another node may have given or taken it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn look(&self, owner: &Owner) -> Result<Option<AccountId>, StoreError> {
        let (kind, hash) = (owner.kind.as_str(), owner.hash.clone());
        let record = self.store.owner(kind, hash).await?;
        let account = record.as_ref().map(|record| record.account_id);
        self.change(|known| match record {
            Some(record) => drop(known.insert(owner.clone(), record)),
            None => drop(known.remove(owner)),
        });
        Ok(account)
    }

    /// One at a time, here and at every other node, so that two first calls don't make two accounts. What the owner has is known as it
    /// is then.
    ///
    /// # Errors
    /// When another node has it for too long, or the store can't be asked.
    pub async fn turn(&self, owner: &Owner) -> Result<Turn<'_>, StoreError> {
        let hash = self.turns.hasher.hash_one(owner);
        // Below the number of places.
        let place = usize::try_from(hash % PLACES as u64).unwrap_or(0);
        let here = self.turns.places[place].lock().await;
        let everywhere = self.store.owner_turn(&owner.tag()).await?;
        if self.store.is_shared() {
            self.look(owner).await?;
        }
        Ok(Turn {
            _here: here,
            _everywhere: everywhere,
        })
    }

    /// An owner was given an account, in place of the one it had: the rows say so already.
    pub fn given(&self, owner: &Owner, record: OwnerRecord) {
        self.change(|known| drop(known.insert(owner.clone(), record)));
    }

    /// # Errors
    /// When it can't be stored.
    pub async fn set_pending(
        &self,
        owner: &Owner,
        pending: Option<String>,
    ) -> Result<(), StoreError> {
        let Some(record) = self.record(owner) else {
            return Ok(());
        };
        self.store
            .set_owner_pending(record.id, pending.clone())
            .await?;
        self.change(|known| {
            if let Some(record) = known.get_mut(owner) {
                record.pending = pending;
                record.updated_at = crate::domain::Timestamp::now();
            }
        });
        Ok(())
    }

    /// # Errors
    /// When it can't be stored.
    pub async fn forget(&self, account_id: AccountId) -> Result<(), StoreError> {
        self.store.forget_owners_of(account_id).await?;
        self.forgotten(account_id);
        Ok(())
    }

    /// The rows say so already.
    pub fn forgotten(&self, account_id: AccountId) {
        self.change(|known| known.retain(|_, record| record.account_id != account_id));
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<Owner, OwnerRecord>)) {
        let mut known = self.write();
        known.changes += 1;
        change(&mut known.records);
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        // Single statements only: a panic elsewhere can't leave the map half-changed.
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}
