//! Facts: what has to happen sometimes. A long run in which one of them never did shows less than it says.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::plan::Kind;

/// From so many minutes on each fact has to have happened.
pub const LONG_RUN: f64 = 10.0;

#[derive(Clone, Default)]
pub struct Facts(Arc<Mutex<BTreeMap<String, u64>>>);

impl Facts {
    /// It may happen, and did not so far.
    pub fn expect(&self, what: &str) {
        self.add(what, 0);
    }

    pub fn once(&self, what: &str) {
        self.add(what, 1);
    }

    pub fn add(&self, what: &str, count: u64) {
        let mut facts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *facts.entry(what.to_owned()).or_default() += count;
    }

    pub fn all(&self) -> BTreeMap<String, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// That a strike met somebody.
pub fn struck(kind: Kind) -> String {
    format!("{kind:?} struck")
}
