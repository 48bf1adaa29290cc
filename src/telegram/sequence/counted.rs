//! The account's seq: numbers of packets whose updates have none of their own. They apply as they come; only a missing
//! packet is noticed.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Packets beyond a gap that are remembered; with more, the difference is due.
const AHEAD_MOST: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Counted {
    /// First and last of packets that came too early.
    ahead: BTreeMap<i32, i32>,
    since: Option<Instant>,
    high: i32,
}

impl Counted {
    /// `false`: it came before.
    pub(super) fn take(&mut self, ours: &mut i32, (first, last): (i32, i32), now: Instant) -> bool {
        self.high = self.high.max(last);
        if last <= *ours {
            return false;
        }
        if self.ahead.len() < AHEAD_MOST {
            self.ahead.insert(first, last);
        }
        self.settle(ours);
        self.since = match (self.high > *ours, self.since) {
            (true, None) => Some(now),
            (true, since) => since,
            (false, _) => None,
        };
        true
    }

    fn settle(&mut self, ours: &mut i32) {
        while let Some(entry) = self.ahead.first_entry() {
            if *entry.key() > ours.saturating_add(1) {
                return;
            }
            let last = entry.remove();
            *ours = (*ours).max(last);
        }
    }

    pub(super) const fn high(&self) -> i32 {
        self.high
    }

    pub(super) fn overdue_at(&self, patience: Duration) -> Option<Instant> {
        Some(self.since? + patience)
    }

    /// The server has told its seq; what was seen before it was asked is behind us.
    pub(super) fn answered(&mut self, ours: i32, asked_high: i32, now: Instant) {
        self.ahead.retain(|first, _| *first > ours.max(asked_high));
        if self.high <= asked_high {
            self.high = ours;
        }
        self.since = (self.high > ours).then_some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects what has no number of its own: a missing packet is noticed, a late one fills the gap, a doubled one is
    /// known.
    #[test]
    fn a_missing_packet_is_noticed() {
        let (now, patience) = (Instant::now(), Duration::from_millis(600));
        let mut ours = 10;
        let mut counted = Counted::default();
        assert!(counted.take(&mut ours, (11, 11), now));
        assert_eq!((ours, counted.overdue_at(patience)), (11, None));
        assert!(!counted.take(&mut ours, (11, 11), now));
        assert!(counted.take(&mut ours, (13, 14), now));
        assert_eq!(
            (ours, counted.overdue_at(patience)),
            (11, Some(now + patience))
        );
        assert!(counted.take(&mut ours, (12, 12), now));
        assert_eq!((ours, counted.overdue_at(patience)), (14, None));
        counted.take(&mut ours, (20, 20), now);
        counted.answered(14, 20, now);
        assert_eq!(counted.overdue_at(patience), None, "asked for once");
        counted.take(&mut ours, (30, 30), now);
        assert_eq!(counted.overdue_at(patience), Some(now + patience));
    }
}
