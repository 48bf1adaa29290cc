//! Budget: how much of what was read may wait for the store, in bytes and over all accounts. What would go beyond it is
//! left to Telegram, which keeps it and tells it again.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use tokio::{runtime::Handle, sync::Notify};

use crate::memory;

/// Once so much has passed through, the allocator is told to give back what is free again.
const TRIM_AFTER: usize = 16 * 1024 * 1024;
/// When nothing more has come for this long.
const TRIM_QUIET: Duration = Duration::from_secs(2);

pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
    /// Bytes that were held since the last trim.
    passed: AtomicUsize,
    /// A trim waits for its moment.
    trimming: AtomicBool,
    room: Notify,
    runtime: Handle,
    unstored: Gauge,
    left: Counter,
}

impl Budget {
    pub(super) fn new(limit: usize, runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicUsize::new(0),
            passed: AtomicUsize::new(0),
            trimming: AtomicBool::new(false),
            room: Notify::new(),
            runtime,
            unstored: Gauge::default(),
            left: Counter::default(),
        })
    }

    pub(super) fn charge(self: &Arc<Self>, bytes: usize) -> Charge {
        self.add(bytes);
        Charge {
            budget: Arc::clone(self),
            bytes,
        }
    }

    /// May what comes from the wire be taken?
    pub(super) fn takes(&self) -> bool {
        self.used.load(Ordering::Relaxed) < self.limit
    }

    /// May something be asked for? Not up to the last byte: what comes by itself goes first.
    pub(super) fn asks(&self) -> bool {
        self.used.load(Ordering::Relaxed) < self.asks_below()
    }

    const fn asks_below(&self) -> usize {
        self.limit / 4 * 3
    }

    /// Resolves when something may be asked for. Safe to drop.
    pub(super) async fn room(&self) {
        loop {
            // Registered before the look, so that no notice is missed.
            let notice = self.room.notified();
            if self.asks() {
                return;
            }
            notice.await;
        }
    }

    /// A packet was left to Telegram.
    pub(super) fn left_one(&self) {
        self.left.inc();
    }

    fn add(self: &Arc<Self>, bytes: usize) {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.show(used);
        let passed = self.passed.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if passed >= TRIM_AFTER && !self.trimming.swap(true, Ordering::Relaxed) {
            let budget = Arc::clone(self);
            self.runtime.spawn(async move { budget.trim().await });
        }
    }

    fn give_back(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, Ordering::Relaxed);
        let used = before - bytes;
        self.show(used);
        if before >= self.asks_below() && used < self.asks_below() {
            self.room.notify_waiters();
        }
    }

    /// Once the wave is over: giving memory back holds up those who need some.
    async fn trim(&self) {
        let mut before = 0;
        loop {
            let passed = self.passed.load(Ordering::Relaxed);
            if passed - before < TRIM_AFTER / 64 {
                break;
            }
            before = passed;
            tokio::time::sleep(TRIM_QUIET).await;
        }
        self.passed.store(0, Ordering::Relaxed);
        self.trimming.store(false, Ordering::Relaxed);
        let _ = tokio::task::spawn_blocking(memory::give_back).await;
    }

    fn show(&self, used: usize) {
        self.unstored.set(i64::try_from(used).unwrap_or(i64::MAX));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "switchboard_unstored_bytes",
            "Read from Telegram and not stored yet",
            self.unstored.clone(),
        );
        registry.register(
            "switchboard_left_packets",
            "Packets that were left to Telegram because too much was not stored yet; it tells them again",
            self.left.clone(),
        );
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("limit", &self.limit)
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

/// A part of the budget, given back when it is dropped: hold it until what it stands for is stored.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Charge {
    pub(super) fn set(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.budget.add(bytes - self.bytes);
        } else if bytes < self.bytes {
            self.budget.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::time::timeout;

    use super::*;

    /// Protects the memory of the process, and those who wait for it: what is given back is noticed.
    #[tokio::test]
    async fn what_is_given_back_lets_the_next_go_on() {
        let budget = Budget::new(1_000, Handle::current());
        let mut first = budget.charge(700);
        assert!(budget.takes() && budget.asks());
        let second = budget.charge(250);
        assert!(budget.takes() && !budget.asks());
        first.set(800);
        assert!(!budget.takes());
        let waiting = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.room().await }
        });
        tokio::task::yield_now().await;
        drop(second);
        let began = Instant::now();
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "800 of 1,000 is still too much");
        drop(first);
        timeout(Duration::from_secs(5), waiting)
            .await
            .unwrap()
            .unwrap();
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
