//! Index: what is in the folder, and what of it goes first.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, SystemTime},
};

use crate::domain::{AccountId, FileKey};

/// Later uses than this are written to the file's time, which is what a new start knows of them.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Index {
    pub entries: HashMap<FileKey, Entry>,
    /// What may go, least recently used first.
    pub order: BTreeMap<u64, FileKey>,
    pub total: u64,
    clock: u64,
}

pub(super) struct Entry {
    pub size: u64,
    /// Whose folders it is in; nobody's while it is a part.
    pub accounts: Vec<AccountId>,
    /// Its place in the order: when it was last asked for, however long it took to come.
    used: u64,
    /// Otherwise it is being written, and does not go.
    pub resting: bool,
    touched: SystemTime,
}

impl Index {
    pub fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    pub fn put(&mut self, key: FileKey, size: u64, accounts: Vec<AccountId>, resting: bool) {
        let before = self.take(&key).map(|entry| entry.used);
        let used = before.unwrap_or_else(|| self.tick());
        if resting {
            self.order.insert(used, key.clone());
        }
        self.total += size;
        let entry = Entry {
            size,
            accounts,
            used,
            resting,
            touched: SystemTime::now(),
        };
        self.entries.insert(key, entry);
    }

    pub fn take(&mut self, key: &FileKey) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.total -= entry.size;
        if entry.resting {
            self.order.remove(&entry.used);
        }
        Some(entry)
    }

    /// Moves it to the end of the order; tells whether its file's time is due.
    pub fn touch(&mut self, key: &FileKey) -> bool {
        let now = self.tick();
        let Some(entry) = self.entries.get_mut(key) else {
            return false;
        };
        if entry.resting {
            self.order.remove(&entry.used);
            self.order.insert(now, key.clone());
        }
        entry.used = now;
        let due = entry
            .touched
            .elapsed()
            .is_ok_and(|since| since > TOUCH_EVERY);
        if due {
            entry.touched = SystemTime::now();
        }
        due
    }
}
