//! Pace: how much an account may send by itself, before Telegram says that it was too much.
//!
//! Whoever wrote to the account is answered at once: no limit here holds a reply to them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Without a flood wait, a minute has one message more after so long.
const STEP: Duration = Duration::from_secs(600);
/// What was found too much is tried again after so long without one,
const PATIENCE: Duration = Duration::from_secs(3_600);
/// and after twice as long each time that it was too much again.
const LONGEST_PATIENCE: Duration = Duration::from_secs(24 * 3_600);
/// A first flood wait after a few messages says little of the pace: no less is learned from it.
const FIRST: u32 = 5;

/// What one account is held to; `None`: not at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PaceLimits {
    /// People who never wrote to it, and whom it writes to for the first time within a day.
    pub strangers_per_day: Option<u32>,
    /// Messages to such people, and to groups and channels where nobody wrote; those that answer somebody aside.
    pub per_minute: Option<u32>,
}

impl PaceLimits {
    pub const MOST: u32 = 1_000;
}

/// Telegram names no numbers. These are below what people report of accounts that were limited.
impl Default for PaceLimits {
    fn default() -> Self {
        Self {
            strangers_per_day: Some(30),
            per_minute: Some(60),
        }
    }
}

/// What a minute may have since Telegram found more too much. It rises by itself to just below that, and beyond it ever more
/// seldom.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LearnedPace {
    /// From then on.
    at: Timestamp,
    per_minute: u32,
    /// The least that is known to be.
    too_much: u32,
    patience_s: u64,
}

impl LearnedPace {
    /// Telegram has asked for a wait, after it took so many messages within a minute that might have `set`.
    #[must_use]
    pub fn after(known: Option<&Self>, taken: u32, set: u32, now: Timestamp) -> Self {
        let refused = taken.saturating_add(1);
        let Some(known) = known else {
            let per_minute = (taken * 4 / 5).max(FIRST);
            return Self {
                at: now,
                per_minute,
                too_much: refused.max(per_minute + 1),
                patience_s: PATIENCE.as_secs(),
            };
        };
        let was = known.per_minute(now).min(set);
        let per_minute = (was.min(taken) * 4 / 5).max(1);
        let patience = match was.cmp(&known.too_much) {
            std::cmp::Ordering::Less => Duration::from_secs(known.patience_s),
            std::cmp::Ordering::Equal => {
                Duration::from_secs(known.patience_s.saturating_mul(2)).min(LONGEST_PATIENCE)
            }
            std::cmp::Ordering::Greater => PATIENCE,
        };
        Self {
            at: now,
            per_minute,
            too_much: refused.min(was).max(per_minute + 1),
            patience_s: patience.as_secs(),
        }
    }

    /// What a minute may have now.
    #[must_use]
    pub fn per_minute(&self, now: Timestamp) -> u32 {
        let steps =
            |time: Duration| u32::try_from(time.as_secs() / STEP.as_secs()).unwrap_or(u32::MAX);
        let quiet = now.until(self.at);
        let below = self.too_much.saturating_sub(1).max(self.per_minute);
        let risen = self.per_minute.saturating_add(steps(quiet));
        if risen <= below {
            return risen;
        }
        let rising = STEP * (below - self.per_minute);
        let patience = Duration::from_secs(self.patience_s);
        match quiet.saturating_sub(rising).checked_sub(patience) {
            None => below,
            Some(beyond) => below.saturating_add(1).saturating_add(steps(beyond)),
        }
    }
}

/// Why a message waits although nothing is in its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    Strangers,
    Minute,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn minutes(learned: &LearnedPace, start: Timestamp, moments: &[u32]) -> Vec<u32> {
        let at = |minute: &u32| learned.per_minute(start.plus(MINUTE * *minute));
        moments.iter().map(at).collect()
    }

    /// Protects an account from staying slow for ever after one flood wait, and from running into the same one again and
    /// again: it rises to just below what was too much, tries that after an hour, and then ever more seldom.
    #[test]
    fn what_was_learned_comes_back_by_itself() {
        let start = Timestamp::from_seconds(1_000_000);
        let first = LearnedPace::after(None, 20, 60, start);
        let seen = minutes(&first, start, &[0, 9, 10, 40, 99, 100, 110, 500]);
        assert_eq!(seen, [16, 16, 17, 20, 20, 21, 22, 61]);
        // As much as before is too much again: twice the patience.
        let at = start.plus(MINUTE * 100);
        let second = LearnedPace::after(Some(&first), 20, 60, at);
        let seen = minutes(&second, at, &[0, 40, 99, 100, 159, 160]);
        assert_eq!(seen, [16, 20, 20, 20, 20, 21]);
        // A Telegram that has become stricter is followed down, and one that has become kinder is no reason for patience.
        let third = LearnedPace::after(Some(&second), 10, 60, at);
        assert_eq!(minutes(&third, at, &[0, 20, 119]), [8, 10, 10]);
        let kinder = at.plus(MINUTE * 300);
        let fourth = LearnedPace::after(Some(&second), 30, 60, kinder);
        let seen = minutes(&fourth, kinder, &[0, 10 * (30 - 24), 10 * (30 - 24) + 60]);
        assert_eq!(seen, [24, 30, 31]);
        // A clock that was set back, and few messages before the first one.
        assert_eq!(first.per_minute(Timestamp::from_seconds(0)), 16);
        let few = LearnedPace::after(None, 0, 60, start);
        assert_eq!(minutes(&few, start, &[0, 59, 60]), [5, 5, 6]);
        for _ in 0..20 {
            let lowest = LearnedPace::after(Some(&few), 0, 60, start);
            assert_eq!(lowest.per_minute(start), 1);
        }
        let kept = serde_json::to_string(&second).unwrap();
        assert_eq!(serde_json::from_str::<LearnedPace>(&kept).unwrap(), second);
    }
}
