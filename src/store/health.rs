//! Health: can the database be written, and since when (not).

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use crate::domain::{StoreFault, Timestamp};

/// Longer than a transaction or a round of housekeeping takes: a disk that answers nothing gives no error either.
const HUNG_MS: i64 = 30_000;
const IDLE: i64 = 0;

/// Can the database be written?
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreHealth {
    pub ok: bool,
    /// Since when it is so.
    pub since: Timestamp,
    pub reason: Option<String>,
    /// The same for programs.
    pub fault: Option<StoreFault>,
}

#[derive(Clone, Debug)]
pub(super) struct Health {
    told: Arc<Mutex<StoreHealth>>,
    /// When the writer went into the database, in milliseconds.
    inside_since: Arc<AtomicI64>,
}

/// The writer is in the database until this is dropped.
pub(super) struct Inside(Arc<AtomicI64>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }
}

impl Health {
    pub fn new() -> Self {
        Self {
            told: Arc::new(Mutex::new(StoreHealth {
                ok: true,
                since: Timestamp::now(),
                reason: None,
                fault: None,
            })),
            inside_since: Arc::new(AtomicI64::new(IDLE)),
        }
    }

    /// The writer goes into the database.
    pub fn inside(&self) -> Inside {
        let now = Timestamp::now().millis();
        self.inside_since.store(now, Ordering::Relaxed);
        Inside(Arc::clone(&self.inside_since))
    }

    pub fn get(&self) -> StoreHealth {
        self.at(Timestamp::now())
    }

    fn at(&self, now: Timestamp) -> StoreHealth {
        let told = self.lock().clone();
        let since = self.inside_since.load(Ordering::Relaxed);
        if !told.ok || since == IDLE || now.millis() - since < HUNG_MS {
            return told;
        }
        let seconds = (now.millis() - since) / 1_000;
        StoreHealth {
            ok: false,
            since: Timestamp::from_millis(since),
            reason: Some(format!("the database has not answered for {seconds} s")),
            fault: Some(StoreFault::Hangs { seconds }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, StoreHealth> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every change is one line of the log.
    pub fn good(&self) {
        let mut health = self.lock();
        if health.ok {
            return;
        }
        let for_ms = Timestamp::now().millis() - health.since.millis();
        log::info!(target: "switchboard::store", "database writable again after_ms={for_ms}");
        *health = StoreHealth {
            ok: true,
            since: Timestamp::now(),
            reason: None,
            fault: None,
        };
    }

    pub fn bad(&self, reason: &str) {
        let mut health = self.lock();
        if !health.ok {
            health.reason = Some(reason.to_owned());
            health.fault = Some(StoreFault::of(reason));
            return;
        }
        log::warn!(target: "switchboard::store", "database not writable reason={reason:?}");
        *health = StoreHealth {
            ok: false,
            since: Timestamp::now(),
            reason: Some(reason.to_owned()),
            fault: Some(StoreFault::of(reason)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects whoever asks while the disk hangs: no error has come, and it is told all the same, until the disk answers.
    #[test]
    fn a_disk_that_answers_nothing_is_told() {
        let health = Health::new();
        let later = Timestamp::from_millis(Timestamp::now().millis() + 2 * HUNG_MS);
        assert!(health.at(later).ok);
        let inside = health.inside();
        assert!(health.get().ok);
        let told = health.at(later);
        assert!(!told.ok && told.reason.is_some(), "{told:?}");
        drop(inside);
        assert!(health.at(later).ok);
        health.bad("full");
        let _inside = health.inside();
        assert_eq!(health.at(later).reason.as_deref(), Some("full"));
    }
}
