//! Findings: what was found to be wrong, each printed at once with the seed and the minute that repeat it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// Enough to see what it is about.
const PRINTED: usize = 60;

#[derive(Clone)]
pub struct Findings {
    seed: u64,
    began: Instant,
    found: Arc<Mutex<Found>>,
}

#[derive(Default)]
struct Found {
    /// A discrepancy that stays is found every minute.
    known: HashSet<String>,
    all: usize,
}

impl Findings {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            began: Instant::now(),
            found: Arc::default(),
        }
    }

    /// Panics of any task are findings, too.
    pub fn hear_panics(&self) {
        let (findings, before) = (self.clone(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            findings.add(&format!("panic: {panic}"));
            before(panic);
        }));
    }

    pub fn minute(&self) -> f64 {
        self.began.elapsed().as_secs_f64() / 60.0
    }

    pub fn say(&self, text: &str) {
        println!("chaos {:6.2} min: {text}", self.minute());
    }

    pub fn add(&self, what: &str) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if !found.known.insert(what.to_owned()) {
            return;
        }
        found.all += 1;
        if found.all <= PRINTED {
            println!(
                "chaos {:6.2} min: DISCREPANCY (seed {}, minute {:.2}): {what}",
                self.minute(),
                self.seed,
                self.minute()
            );
        }
    }

    pub fn count(&self) -> usize {
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .all
    }
}
