//! Owners: whose account is whose. Kept in memory as well, because every request and every event asks.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};

use super::sha256_hex;
use crate::{
    domain::{AccountId, SecretText},
    store::{OwnerRecord, StoreError, StoreHandle},
};

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
    known: Arc<RwLock<HashMap<Owner, OwnerRecord>>>,
    /// Held from looking for an owner's account to giving it one.
    turn: Arc<Mutex<()>>,
}

impl Owners {
    /// # Errors
    /// When the store can't be read.
    pub async fn load(store: StoreHandle) -> Result<Self, StoreError> {
        let records = store.owners().await?;
        let known = records
            .into_iter()
            .filter_map(|record| {
                let owner = Owner {
                    kind: OwnerKind::parse(&record.kind)?,
                    hash: record.owner.clone(),
                };
                Some((owner, record))
            })
            .collect();
        Ok(Self {
            store,
            known: Arc::new(RwLock::new(known)),
            turn: Arc::default(),
        })
    }

    #[must_use]
    pub fn record(&self, owner: &Owner) -> Option<OwnerRecord> {
        self.read().get(owner).cloned()
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
            .get(owner)
            .is_some_and(|record| record.account_id == id)
    }

    #[must_use]
    pub fn owner_of(&self, id: AccountId) -> Option<Owner> {
        self.read()
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
        match record {
            Some(record) => drop(self.write().insert(owner.clone(), record)),
            None => drop(self.write().remove(owner)),
        }
        Ok(account)
    }

    /// One at a time, so that two first calls don't make two accounts.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// # Errors
    /// When it can't be stored.
    pub async fn put(
        &self,
        owner: &Owner,
        account_id: AccountId,
    ) -> Result<OwnerRecord, StoreError> {
        let record = self
            .store
            .put_owner(owner.kind.as_str(), owner.hash.clone(), account_id)
            .await?;
        self.write().insert(owner.clone(), record.clone());
        Ok(record)
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
        if let Some(record) = self.write().get_mut(owner) {
            record.pending = pending;
            record.updated_at = crate::domain::Timestamp::now();
        }
        Ok(())
    }

    /// # Errors
    /// When it can't be stored.
    pub async fn forget(&self, account_id: AccountId) -> Result<(), StoreError> {
        self.store.forget_owners_of(account_id).await?;
        self.write()
            .retain(|_, record| record.account_id != account_id);
        Ok(())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<Owner, OwnerRecord>> {
        // Single statements only: a panic elsewhere can't leave the map half-changed.
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<Owner, OwnerRecord>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}
