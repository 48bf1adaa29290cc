//! Places: parts of files that are in memory on their way to Telegram.
//!
//! A part may wait for its answer for a minute. So each account has a place that is nobody else's: one whose line is dead
//! makes the others' files slower, and never keeps them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::AccountId;

/// Of one account at once; each has half a megabyte.
const OF_ACCOUNT: usize = 4;
/// Of all together, besides the one that is each account's own.
const SHARED: usize = 8;

/// A part's bytes may be in memory for as long as this is held.
pub struct PartPlace(#[allow(dead_code, reason = "held, not read")] [OwnedSemaphorePermit; 2]);

#[derive(Clone)]
struct OfAccount {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

pub(super) struct Places {
    accounts: Mutex<HashMap<AccountId, OfAccount>>,
    shared: Arc<Semaphore>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            accounts: Mutex::default(),
            shared: Arc::new(Semaphore::new(SHARED)),
        }
    }
}

impl Places {
    fn accounts(&self) -> MutexGuard<'_, HashMap<AccountId, OfAccount>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, account: AccountId) -> OfAccount {
        let mut accounts = self.accounts();
        let of_account = accounts.entry(account).or_insert_with(|| OfAccount {
            all: Arc::new(Semaphore::new(OF_ACCOUNT)),
            own: Arc::new(Semaphore::new(1)),
        });
        of_account.clone()
    }

    /// Waits for one. `None`: there are none any more.
    pub async fn take(&self, account: AccountId) -> Option<PartPlace> {
        let OfAccount { all, own } = self.of(account);
        let one = all.acquire_owned().await.ok()?;
        let place = tokio::select! {
            biased;
            place = own.acquire_owned() => place,
            place = Arc::clone(&self.shared).acquire_owned() => place,
        };
        Some(PartPlace([one, place.ok()?]))
    }

    /// Of an account that is gone; what is on its way keeps its place to the end.
    pub fn forget(&self, account: AccountId) {
        self.accounts().remove(&account);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Protects the others: whatever parts of some accounts hang, each further one has a place.
    #[tokio::test]
    async fn whoever_hangs_keeps_nobody() {
        let places = Places::default();
        let take = |account| places.take(account).now_or_never().flatten();
        let mut hanging = Vec::new();
        for _ in 0..SHARED {
            let account = AccountId::random();
            hanging.extend(std::iter::from_fn(|| take(account)));
        }
        // Of the first ones as many as one may have, then their own ones alone.
        assert_eq!(hanging.len(), SHARED + SHARED);
        let late = AccountId::random();
        let own = take(late);
        assert!(own.is_some() && take(late).is_none());
        drop(own);
        assert!(take(late).is_some());
        drop(hanging);
        let again: Vec<PartPlace> = std::iter::from_fn(|| take(late)).collect();
        assert_eq!(again.len(), OF_ACCOUNT);
    }
}
