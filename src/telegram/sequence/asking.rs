//! Asking: whether a line's difference is due, on its way, or to be asked for later.

use std::time::{Duration, Instant};

/// After a passing failure: doubling from the first to the last.
const AGAIN_FIRST: Duration = Duration::from_secs(1);
const AGAIN_LAST: Duration = Duration::from_secs(60);
/// Answers in a row that can't be read or lead nowhere, before the position is given up.
const UNREADABLE_MOST: u32 = 3;
/// Lines lost in a row over the same question, before it asks for less: an answer may be too large to be read.
const CUTS_MOST: u32 = 2;

/// What was known when the question went out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Flying {
    pub(super) pts: i32,
    pub(super) qts: i32,
    /// The highest numbers that were seen by then.
    pub(super) high: i32,
    pub(super) seq_high: i32,
    /// It closes a gap of an absence.
    pub(super) late: bool,
}

#[derive(Debug, Default)]
pub(super) struct Asking {
    /// Due; `true`: because the account was away.
    due: Option<bool>,
    pub(super) flying: Option<Flying>,
    not_before: Option<Instant>,
    tries: u32,
    unreadable: u32,
    cuts: u32,
}

impl Asking {
    pub(super) fn want(&mut self, late: bool) {
        self.due = Some(self.due.unwrap_or(false) || late);
    }

    pub(super) const fn is_due(&self) -> bool {
        self.due.is_some()
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.due.is_none() && self.flying.is_none()
    }

    pub(super) fn may_ask(&self, now: Instant) -> bool {
        self.flying.is_none() && self.not_before.is_none_or(|at| at <= now)
    }

    /// What is due waits for this.
    pub(super) fn not_before(&mut self, at: Instant) {
        self.not_before = Some(at);
    }

    /// The question goes out; answers whether what it brings is late.
    pub(super) fn start(&mut self) -> bool {
        self.due.take().unwrap_or(false)
    }

    pub(super) const fn asks_little(&self) -> bool {
        self.cuts >= CUTS_MOST
    }

    /// An answer that could be used.
    pub(super) fn answered(&mut self) {
        self.not_before = None;
        (self.tries, self.unreadable, self.cuts) = (0, 0, 0);
    }

    /// A passing failure: the same question again, later.
    pub(super) fn again_later(&mut self, now: Instant) {
        self.ask_again();
        self.tries = (self.tries + 1).min(16);
        let pause = AGAIN_FIRST * 2_u32.pow(self.tries - 1);
        self.not_before = Some(now + pause.min(AGAIN_LAST));
    }

    /// An answer of no use. `false`: too many of them.
    pub(super) fn unreadable(&mut self, now: Instant) -> bool {
        self.unreadable += 1;
        if self.unreadable >= UNREADABLE_MOST {
            (self.unreadable, self.tries) = (0, 0);
            return false;
        }
        self.again_later(now);
        true
    }

    /// The same question again, when there is a line for it.
    pub(super) fn ask_again(&mut self) {
        if let Some(flying) = self.flying.take() {
            self.want(flying.late);
        }
    }

    /// The line was lost with the question on it.
    pub(super) fn cut(&mut self) {
        if self.flying.is_some() {
            self.cuts += 1;
        }
        self.ask_again();
    }

    /// Somebody waits for it.
    pub(super) fn hurry(&mut self) {
        self.not_before = None;
    }

    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.due.and(self.not_before)
    }

    /// Nothing is asked any more.
    pub(super) fn rest(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects Telegram from being asked in a hurry by one line that fails, and the line from being forgotten.
    #[test]
    fn failures_are_asked_again_ever_later() {
        let start = Instant::now();
        let mut asking = Asking::default();
        asking.want(true);
        let mut pauses = Vec::new();
        for _ in 0..11 {
            let late = asking.start();
            assert!(late);
            asking.flying = Some(Flying {
                pts: 1,
                qts: 0,
                high: 0,
                seq_high: 0,
                late,
            });
            asking.again_later(start);
            let at = asking.retry_at().unwrap();
            assert!(!asking.may_ask(at - Duration::from_millis(1)) && asking.may_ask(at));
            pauses.push((at - start).as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]);
    }

    /// Protects a position from being given up for one slip of the server, and from being kept for ever.
    #[test]
    fn the_third_answer_of_no_use_is_the_last() {
        let mut asking = Asking::default();
        let now = Instant::now();
        assert!([(); 3].map(|()| asking.unreadable(now)) == [true, true, false]);
        asking.unreadable(now);
        asking.answered();
        assert!(asking.unreadable(now) && asking.unreadable(now));
    }
}
