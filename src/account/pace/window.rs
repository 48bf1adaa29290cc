//! Window: the moments that were given out within a span of time, and the next one that is free.

use std::collections::VecDeque;

/// So many strangers of a day may follow each other at once,
const AT_ONCE: usize = 5;
/// the others keep this distance, and up to as much again.
const DISTANCE: i64 = 10_000;
/// What waits for its minute comes up to so much later.
pub(super) const UNEVEN: i64 = 2_000;
/// Moments that are given out and not used yet; beyond it a message asks again.
pub(super) const MOST_GIVEN: usize = 10_000;

fn random_below(limit: i64) -> i64 {
    let mut bytes = [0_u8; 4];
    // Without chance the pace is even, and the limit holds all the same.
    let _ = getrandom::fill(&mut bytes);
    i64::from(u32::from_le_bytes(bytes)) % limit
}

/// At most so many within a span of time.
pub(super) struct Window {
    span: i64,
    /// Rising.
    taken: VecDeque<i64>,
}

impl Window {
    pub const fn of(span: i64) -> Self {
        Self {
            span,
            taken: VecDeque::new(),
        }
    }

    /// Moments of before.
    pub fn remember(&mut self, moments: impl Iterator<Item = i64>) {
        self.taken.extend(moments);
    }

    pub fn forget_after(&mut self, now: i64) {
        self.taken.retain(|at| *at <= now);
    }

    fn free(&self, limit: usize, now: i64) -> i64 {
        let before = self.taken.len().checked_sub(limit.max(1));
        let oldest = before.and_then(|index| self.taken.get(index));
        oldest.map_or(now, |at| (at + self.span).max(now))
    }

    fn take(&mut self, at: i64, now: i64) -> i64 {
        while self
            .taken
            .front()
            .is_some_and(|first| first + self.span <= now)
        {
            self.taken.pop_front();
        }
        if self.taken.len() < MOST_GIVEN {
            self.taken.push_back(at);
        }
        at
    }

    /// The next moment within the limit, a little later when it is not now. Those after it count from there: no span of a
    /// minute, wherever it begins, has more.
    pub fn moment(&mut self, limit: usize, now: i64) -> i64 {
        let free = self.free(limit, now);
        let uneven = if free > now { random_below(UNEVEN) } else { 0 };
        let last = self.taken.back().copied().unwrap_or(free);
        self.take((free + uneven).max(last), now)
    }

    /// The same, at a distance from the one before once the first few are through.
    pub fn stranger(&mut self, limit: usize, now: i64) -> i64 {
        let last = self.taken.back().copied();
        let mut at = self.free(limit, now).max(last.unwrap_or(now));
        if let Some(last) = self.taken.back()
            && self.taken.len() >= AT_ONCE
        {
            at = at.max(last + DISTANCE + random_below(DISTANCE));
        }
        self.take(at, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects from looking like a machine: after the first few, strangers keep an uneven distance.
    #[test]
    fn strangers_keep_an_uneven_distance() {
        let mut window = Window::of(24 * 3_600_000);
        let moments: Vec<i64> = (0..12).map(|_| window.stranger(100, 0)).collect();
        assert_eq!(moments[..AT_ONCE], [0; AT_ONCE]);
        let distances: Vec<i64> = moments[AT_ONCE - 1..]
            .windows(2)
            .map(|two| two[1] - two[0])
            .collect();
        assert!(
            distances
                .iter()
                .all(|distance| (DISTANCE..2 * DISTANCE).contains(distance))
        );
        assert!(
            distances.iter().any(|distance| *distance != distances[0]),
            "{distances:?}"
        );
    }
}
