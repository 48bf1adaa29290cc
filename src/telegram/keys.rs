//! Keys in use: an auth key is dialled with from one place at a time. Telegram burns one that it sees on two connections
//! at once (406 `AUTH_KEY_DUPLICATED`, core.telegram.org/api/errors).

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::domain::AccountId;

/// A digest: the key itself stays where it is.
type Name = [u8; 32];

#[derive(Clone, Default)]
pub(super) struct KeysInUse {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// With the account whose link has it.
    held: Mutex<HashMap<Name, Option<AccountId>>>,
    freed: Notify,
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, HashMap<Name, Option<AccountId>>> {
        // Single statements only: a panic elsewhere can't leave the map half-changed.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeysInUse {
    /// Waits until nobody uses the key. Safe to drop.
    pub(super) async fn lease(&self, key: &[u8; 256]) -> KeyLease {
        self.taken(key, None).await
    }

    /// The same, for the link of an account.
    pub(super) async fn lease_for(&self, key: &[u8; 256], account: AccountId) -> KeyLease {
        self.taken(key, Some(account)).await
    }

    async fn taken(&self, key: &[u8; 256], account: Option<AccountId>) -> KeyLease {
        let name = Sha256::digest(key).into();
        loop {
            let freed = self.inner.freed.notified();
            tokio::pin!(freed);
            // Listening before looking: what is freed in between is heard.
            freed.as_mut().enable();
            if let Some(lease) = self.take(name, account) {
                return lease;
            }
            freed.await;
        }
    }

    /// Waits until no link of the account has a key. Safe to drop.
    pub(super) async fn rest(&self, account: AccountId) {
        loop {
            let freed = self.inner.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if !self
                .inner
                .held()
                .values()
                .any(|held| *held == Some(account))
            {
                return;
            }
            freed.await;
        }
    }

    fn take(&self, name: Name, account: Option<AccountId>) -> Option<KeyLease> {
        match self.inner.held().entry(name) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(place) => place.insert(account),
        };
        let keys = Arc::clone(&self.inner);
        Some(KeyLease(Arc::new(Held {
            name,
            keys,
            free: AtomicBool::new(false),
        })))
    }
}

struct Held {
    name: Name,
    keys: Arc<Inner>,
    free: AtomicBool,
}

impl Held {
    /// Once: from then on the key may be somebody else's.
    fn free(&self) {
        if !self.free.swap(true, Ordering::AcqRel) {
            self.keys.held().remove(&self.name);
            self.keys.freed.notify_waiters();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.free();
    }
}

/// The right to dial with a key. Ends with its last clone at the latest.
#[derive(Clone)]
pub struct KeyLease(Arc<Held>);

impl KeyLease {
    /// Nothing is dialled with it any more.
    pub fn release(&self) {
        self.0.free();
    }
}

impl fmt::Debug for KeyLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLease")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 256] = [7; 256];

    fn try_lease(keys: &KeysInUse, key: &[u8; 256]) -> Option<KeyLease> {
        keys.take(Sha256::digest(key).into(), None)
    }

    /// Protects keys from being burnt: two never have the same one, and who waits gets it when it is free.
    #[tokio::test]
    async fn a_key_is_with_one_at_a_time() {
        let keys = KeysInUse::default();
        let first = try_lease(&keys, &KEY).unwrap();
        assert!(try_lease(&keys, &KEY).is_none());
        assert!(try_lease(&keys, &[8; 256]).is_some());
        let waiting = tokio::spawn({
            let keys = keys.clone();
            async move { keys.lease(&KEY).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let copy = first.clone();
        first.release();
        let second = waiting.await.unwrap();
        // What is left of the first lease frees nothing of the second.
        drop((first, copy));
        assert!(try_lease(&keys, &KEY).is_none());
        drop(second);
        assert!(try_lease(&keys, &KEY).is_some());
    }
}
