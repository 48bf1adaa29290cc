//! Held: whether this node may post a webhook at this moment.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{nodes::since_boot, store::GIVEN_UP};

/// Whoever waits for it to be so again looks so often.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Cheap to clone: each lane asks before each post.
#[derive(Clone)]
pub struct Held {
    term: Arc<Mutex<Term>>,
    /// Whether the node says in time that it lives: others take what it has when it does not.
    lives: Arc<dyn Fn() -> bool + Send + Sync>,
}

#[derive(Default)]
struct Term {
    /// Rises with each node that posts it; what is written down goes under it.
    epoch: i64,
    /// By the clock that goes on while the process, or the machine, sleeps.
    until: Duration,
}

impl Held {
    pub fn new(lives: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            term: Arc::default(),
            lives: Arc::new(lives),
        }
    }

    fn term(&self) -> MutexGuard<'_, Term> {
        // Whole after every statement.
        self.term.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There are no other nodes.
    pub fn for_good(&self) {
        self.term().until = Duration::MAX;
    }

    /// `asked`: when this node began to ask for it.
    pub fn took(&self, epoch: i64, asked: Duration) {
        *self.term() = Term {
            epoch,
            until: asked + GIVEN_UP,
        };
    }

    pub fn ended(&self) {
        self.term().until = Duration::ZERO;
    }

    pub fn epoch(&self) -> i64 {
        self.term().epoch
    }

    pub fn is_so(&self) -> bool {
        !self.left().is_zero()
    }

    /// How long it is so without a renewal.
    pub fn left(&self) -> Duration {
        if !(self.lives)() {
            return Duration::ZERO;
        }
        self.term().until.saturating_sub(since_boot())
    }

    /// Ends while it may be posted. One that slept through its term waits here to be ended.
    pub async fn wait(&self) {
        while !self.is_so() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Protects receivers from a node that slept: what it held is over by the clock, whatever it remembers.
    #[test]
    fn a_term_that_was_slept_through_is_over() {
        let lives = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&lives);
        let held = Held::new(move || asked.load(Ordering::Relaxed));
        assert!(!held.is_so());
        held.took(3, since_boot());
        assert!(held.is_so());
        held.took(3, since_boot().saturating_sub(GIVEN_UP));
        assert!(!held.is_so());
        assert_eq!(held.epoch(), 3);
        held.for_good();
        assert!(held.is_so());
        lives.store(false, Ordering::Relaxed);
        assert!(!held.is_so(), "nobody hears of this node");
        lives.store(true, Ordering::Relaxed);
        held.ended();
        assert!(!held.is_so());
    }
}
