//! Health: can the database be written, and since when (not).

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Timestamp;

/// Can the database be written?
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreHealth {
    pub ok: bool,
    /// Since when it is so.
    pub since: Timestamp,
    pub reason: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Health(Arc<Mutex<StoreHealth>>);

impl Health {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(StoreHealth {
            ok: true,
            since: Timestamp::now(),
            reason: None,
        })))
    }

    pub fn get(&self) -> StoreHealth {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Every change is one line of the log.
    pub fn good(&self) {
        let mut health = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if health.ok {
            return;
        }
        let for_ms = Timestamp::now().millis() - health.since.millis();
        log::info!(target: "switchboard::store", "database writable again after_ms={for_ms}");
        *health = StoreHealth {
            ok: true,
            since: Timestamp::now(),
            reason: None,
        };
    }

    pub fn bad(&self, reason: &str) {
        let mut health = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !health.ok {
            health.reason = Some(reason.to_owned());
            return;
        }
        log::warn!(target: "switchboard::store", "database not writable reason={reason:?}");
        *health = StoreHealth {
            ok: false,
            since: Timestamp::now(),
            reason: Some(reason.to_owned()),
        };
    }
}
