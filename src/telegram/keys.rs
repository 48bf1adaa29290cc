//! Keys in use: an auth key is dialled with from one place at a time. Telegram burns one that it sees on two connections
//! at once (406 `AUTH_KEY_DUPLICATED`, core.telegram.org/api/errors).

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use sha2::{Digest, Sha256};
use tokio::sync::Notify;

/// A digest: the key itself stays where it is.
type Name = [u8; 32];

#[derive(Clone, Default)]
pub(super) struct KeysInUse {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    held: Mutex<HashSet<Name>>,
    freed: Notify,
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, HashSet<Name>> {
        // Single statements only: a panic elsewhere can't leave the set half-changed.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeysInUse {
    /// Waits until nobody uses the key. Safe to drop.
    pub(super) async fn lease(&self, key: &[u8; 256]) -> KeyLease {
        let name = Sha256::digest(key).into();
        loop {
            let freed = self.inner.freed.notified();
            tokio::pin!(freed);
            // Listening before looking: what is freed in between is heard.
            freed.as_mut().enable();
            if let Some(lease) = self.take(name) {
                return lease;
            }
            freed.await;
        }
    }

    fn take(&self, name: Name) -> Option<KeyLease> {
        self.inner.held().insert(name).then(|| {
            let keys = Arc::clone(&self.inner);
            KeyLease(Arc::new(Held {
                name,
                keys,
                free: AtomicBool::new(false),
            }))
        })
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
        keys.take(Sha256::digest(key).into())
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
