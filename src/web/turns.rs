//! Turns: what is done to one account waits for what is being done to it, and for nobody else's. Of several nodes the one that has the
//! account does it, so turns of one process suffice.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};

use crate::domain::AccountId;

/// Accounts share a place now and then, which costs them a wait and nothing else.
const PLACES: usize = 64;

pub struct Turns {
    places: [Mutex<()>; PLACES],
    hasher: RandomState,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            places: std::array::from_fn(|_| Mutex::new(())),
            hasher: RandomState::new(),
        }
    }
}

impl Turns {
    pub async fn of(&self, id: AccountId) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(id);
        // Below the number of places.
        let place = usize::try_from(hash % PLACES as u64).unwrap_or(0);
        self.places[place].lock().await
    }
}
