//! Which way is taken: the one in use as long as it works, else the first in the order of preference that nothing speaks
//! against, and those that something does speak against last. Pure.

use std::time::{Duration, Instant};

/// For so long a way that failed is taken only when no other is left.
const SUSPICION: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// The one in use.
    current: Option<usize>,
    /// When each failed last.
    failed: Vec<Option<Instant>>,
}

impl Order {
    pub(super) fn of(ways: usize) -> Self {
        Self {
            current: None,
            failed: vec![None; ways],
        }
    }

    pub(super) const fn current(&self) -> Option<usize> {
        self.current
    }

    /// All of them, in the order in which they are tried.
    pub(super) fn list(&self, now: Instant) -> Vec<usize> {
        let mut list: Vec<usize> = (0..self.failed.len()).collect();
        list.sort_by_key(|way| {
            let suspect = self.is_suspect(*way, now);
            (suspect, Some(*way) != self.current, *way)
        });
        list
    }

    pub(super) fn is_suspect(&self, way: usize, now: Instant) -> bool {
        let failed = self.failed.get(way).copied().flatten();
        failed.is_some_and(|at| now.saturating_duration_since(at) < SUSPICION)
    }

    /// A line to home goes over it now. Was it another one before?
    pub(super) fn take(&mut self, way: usize) -> bool {
        let other = self.current != Some(way);
        self.current = Some(way);
        other
    }

    /// Telegram has answered over it.
    pub(super) fn works(&mut self, way: usize) {
        if let Some(failed) = self.failed.get_mut(way) {
            *failed = None;
        }
    }

    pub(super) fn failed(&mut self, way: usize, now: Instant) {
        if let Some(failed) = self.failed.get_mut(way) {
            *failed = Some(now);
        }
    }

    /// Those that are preferred to the one in use.
    pub(super) fn better(&self) -> std::ops::Range<usize> {
        0..self.current.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects an account from hopping: one exit while it works, the next when it fails, the failed one last.
    #[test]
    fn one_way_is_kept_while_it_works() {
        let now = Instant::now();
        let mut order = Order::of(3);
        assert_eq!(order.list(now), [0, 1, 2]);
        order.failed(0, now);
        assert_eq!(order.list(now), [1, 2, 0]);
        assert!(order.take(1));
        assert!(!order.take(1));
        let later = now + SUSPICION;
        // The first may be good again; that is found out apart from this.
        assert_eq!(order.list(later), [1, 0, 2]);
        assert_eq!(order.better(), 0..1);
        order.failed(1, later);
        assert_eq!(order.list(later), [0, 2, 1]);
        order.failed(0, later);
        order.failed(2, later);
        // All of them: in the order of preference, and nothing is left out.
        assert_eq!(order.list(later), [1, 0, 2]);
        order.works(2);
        assert_eq!(order.list(later), [2, 1, 0]);
    }
}
