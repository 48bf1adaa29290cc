//! Calls: what nodes ask each other of accounts, and who is woken by it. The rows are `store`'s, what they say `web`'s.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};
use uuid::Uuid;

use crate::{
    domain::AccountId,
    store::{CALLS_CHANNEL, CallRows, Heard, Listener, Result, ServerUrl},
};

/// Whoever is to be woken looks this often without.
const LOOK: Duration = Duration::from_secs(1);
/// Accounts whose calls are told of and not looked for yet; with more of them all are looked for.
const MOST_TOLD: usize = 1000;

/// Which accounts may have calls that wait.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    These(Vec<AccountId>),
    /// Words may have been missed, or it is time to look.
    All,
}

#[derive(Default)]
struct Accounts {
    told: HashSet<AccountId>,
    all: bool,
}

#[derive(Default)]
struct Woken {
    accounts: Mutex<Accounts>,
    asked: Notify,
    calls: Mutex<HashMap<Uuid, Vec<Arc<Notify>>>>,
}

impl Woken {
    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<Uuid, Vec<Arc<Notify>>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self, word: Heard<'_>) {
        let Heard::Said { payload, .. } = word else {
            self.look();
            for call in self.calls().values().flatten() {
                call.notify_one();
            }
            return;
        };
        let Ok(id) = payload.parse::<Uuid>() else {
            return;
        };
        if let Some(waiting) = self.calls().get(&id) {
            for one in waiting {
                one.notify_one();
            }
            return;
        }
        {
            let mut accounts = self.accounts();
            if accounts.told.len() >= MOST_TOLD {
                accounts.all = true;
                accounts.told.clear();
            }
            accounts.told.insert(AccountId(id));
        }
        self.asked.notify_one();
    }

    fn look(&self) {
        self.accounts().all = true;
        self.asked.notify_one();
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Calls {
    pub rows: CallRows,
    woken: Arc<Woken>,
    _listener: Arc<Listener>,
}

impl Calls {
    /// # Errors
    /// When this process can't have the threads.
    pub fn open(url: &ServerUrl, node: Uuid) -> Result<Self> {
        let woken = Arc::new(Woken::default());
        let hearing = Arc::clone(&woken);
        let listener = Listener::start(url, &[CALLS_CHANNEL], move |word| hearing.heard(word))?;
        Ok(Self {
            rows: CallRows::open(url, node)?,
            woken,
            _listener: Arc::new(listener),
        })
    }

    /// Is woken from now on whenever something is told of this call.
    #[must_use]
    pub fn wait_on(&self, id: Uuid) -> Waiting {
        let notify = Arc::new(Notify::new());
        let mut calls = self.woken.calls();
        calls.entry(id).or_default().push(Arc::clone(&notify));
        drop(calls);
        Waiting {
            id,
            notify,
            woken: Arc::clone(&self.woken),
        }
    }

    /// This node has other accounts than before.
    pub fn look(&self) {
        self.woken.look();
    }

    /// Waits until calls may be there to be taken.
    pub async fn asked(&self) -> Told {
        let waited = timeout(LOOK, self.woken.asked.notified()).await;
        let mut accounts = self.woken.accounts();
        let all = std::mem::take(&mut accounts.all) || waited.is_err();
        let told = std::mem::take(&mut accounts.told);
        match all {
            true => Told::All,
            false => Told::These(told.into_iter().collect()),
        }
    }
}

/// Waits for words of one call.
pub struct Waiting {
    id: Uuid,
    notify: Arc<Notify>,
    woken: Arc<Woken>,
}

impl Waiting {
    /// Comes back when there may be something new; after a while in any case, for a word may be missed.
    pub async fn word(&self) {
        let _ = timeout(LOOK, self.notify.notified()).await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut calls = self.woken.calls();
        let Some(waiting) = calls.get_mut(&self.id) else {
            return;
        };
        waiting.retain(|one| !Arc::ptr_eq(one, &self.notify));
        if waiting.is_empty() {
            calls.remove(&self.id);
        }
    }
}
