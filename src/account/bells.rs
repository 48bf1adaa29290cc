//! Bells: how an account's outbox hears that orders were committed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::Notify;

use crate::domain::AccountId;

/// One for each account that runs. An account that does not finds its orders when it starts.
#[derive(Clone, Debug, Default)]
pub struct Bells(Arc<Mutex<HashMap<AccountId, Weak<Notify>>>>);

impl Bells {
    /// The account's own, in place of the one that it had in an earlier run.
    pub(super) fn hang(&self, account: AccountId) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        let mut hung = self.hung();
        hung.retain(|_, bell| bell.strong_count() > 0);
        hung.insert(account, Arc::downgrade(&bell));
        bell
    }

    /// There is more to bring to Telegram. Never waits.
    pub fn ring(&self, account: AccountId) {
        let bell = self.hung().get(&account).and_then(Weak::upgrade);
        if let Some(bell) = bell {
            bell.notify_one();
        }
    }

    fn hung(&self) -> MutexGuard<'_, HashMap<AccountId, Weak<Notify>>> {
        // Each method leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
