//! Policy: whether and when an account that ended is started again. Pure: told why, when and a random number.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::account::AccountExit;

/// The limits of restarting.
#[derive(Clone, Copy, Debug)]
pub struct RestartPolicy {
    /// Crashes within the window after which only a person's restart helps.
    pub limit: usize,
    pub window: Duration,
    pub first_wait: Duration,
    pub longest_wait: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            limit: 5,
            window: Duration::from_secs(600),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
        }
    }
}

/// When an account crashed lately.
#[derive(Debug, Default)]
pub struct RestartHistory {
    crashes: VecDeque<Instant>,
    /// Restarts in a row without having been online in between.
    row: u32,
}

/// What to do about an ended account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    RestartIn(Duration),
    /// The budget is used up.
    GiveUp,
    /// It ended for good, or because somebody wanted it to.
    LetRest,
}

impl RestartHistory {
    /// It came online: the next trouble starts with short waits again.
    pub const fn was_online(&mut self) {
        self.row = 0;
    }

    /// Restarts in a row so far.
    pub const fn row(&self) -> u32 {
        self.row
    }

    /// `chance` is in 0..1 and spreads the waits of accounts that ended together.
    pub fn judge(
        &mut self,
        policy: &RestartPolicy,
        exit: &AccountExit,
        now: Instant,
        chance: f64,
    ) -> Verdict {
        match exit {
            AccountExit::Ordered | AccountExit::NeedsLogin(_) | AccountExit::Banned(_) => {
                return Verdict::LetRest;
            }
            AccountExit::Crashed(_) => {
                self.crashes.push_back(now);
                while self
                    .crashes
                    .front()
                    .is_some_and(|at| now.duration_since(*at) > policy.window)
                {
                    self.crashes.pop_front();
                }
                if self.crashes.len() > policy.limit {
                    return Verdict::GiveUp;
                }
            }
            // Not the account's fault: it may come back after any number of tries.
            AccountExit::LineLost(_) => {}
            // Each time there is one session less to fall back to.
            AccountExit::FellBack(_) => {}
        }
        let doubled = policy
            .first_wait
            .saturating_mul(2_u32.saturating_pow(self.row.min(16)));
        self.row = self.row.saturating_add(1);
        let wait = doubled.min(policy.longest_wait);
        Verdict::RestartIn(wait.mul_f64(0.5 + chance / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::StateReason;

    fn judge(history: &mut RestartHistory, exit: &AccountExit, now: Instant) -> Verdict {
        history.judge(&RestartPolicy::default(), exit, now, 1.0)
    }

    #[test]
    fn what_a_person_or_telegram_ended_is_left_alone() {
        let mut history = RestartHistory::default();
        for exit in [
            AccountExit::Ordered,
            AccountExit::NeedsLogin(StateReason::SessionRevoked),
            AccountExit::Banned(StateReason::BannedForTerms),
        ] {
            assert_eq!(judge(&mut history, &exit, Instant::now()), Verdict::LetRest);
        }
    }

    #[test]
    fn crashes_wait_longer_each_time_and_end_when_the_budget_is_used_up() {
        let mut history = RestartHistory::default();
        let now = Instant::now();
        let crash = AccountExit::crashed("boom");
        let waits: Vec<_> = (0..6).map(|_| judge(&mut history, &crash, now)).collect();
        let millis = |ms| Verdict::RestartIn(Duration::from_millis(ms));
        assert_eq!(
            waits,
            [
                millis(500),
                millis(1000),
                millis(2000),
                millis(4000),
                millis(8000),
                Verdict::GiveUp
            ]
        );
    }

    #[test]
    fn crashes_outside_the_window_are_forgotten() {
        let mut history = RestartHistory::default();
        let start = Instant::now();
        let crash = AccountExit::crashed("boom");
        for hour in 0..20 {
            let now = start + Duration::from_secs(3600 * hour);
            assert_ne!(judge(&mut history, &crash, now), Verdict::GiveUp);
            history.was_online();
        }
    }

    /// Protects an account that was well in between from the wait of its worst day, and many accounts from all coming back at once.
    #[test]
    fn the_wait_begins_anew_once_it_was_online() {
        let mut history = RestartHistory::default();
        let lost = AccountExit::LineLost(StateReason::LineClosed);
        let now = Instant::now();
        for _ in 0..4 {
            judge(&mut history, &lost, now);
        }
        assert_eq!(history.row(), 4);
        history.was_online();
        assert_eq!(history.row(), 0);
        let millis = |ms| Verdict::RestartIn(Duration::from_millis(ms));
        assert_eq!(judge(&mut history, &lost, now), millis(500));
        let soonest = history.judge(&RestartPolicy::default(), &lost, now, 0.0);
        assert_eq!(soonest, millis(500), "half of what is doubled by now");
    }

    #[test]
    fn a_lost_line_never_uses_up_the_budget() {
        let mut history = RestartHistory::default();
        let lost = AccountExit::LineLost(StateReason::LineClosed);
        for _ in 0..100 {
            let verdict = judge(&mut history, &lost, Instant::now());
            let Verdict::RestartIn(wait) = verdict else {
                panic!("{verdict:?}");
            };
            assert!(wait <= RestartPolicy::default().longest_wait);
        }
    }

    /// Protects the budget at its border: a crash counts for as long as the window is, to its end.
    #[test]
    fn a_crash_counts_to_the_end_of_the_window() {
        let (policy, start) = (RestartPolicy::default(), Instant::now());
        let crash = AccountExit::crashed("boom");
        for (later, last) in [(Duration::ZERO, true), (Duration::from_nanos(1), false)] {
            let mut history = RestartHistory::default();
            for _ in 0..policy.limit {
                judge(&mut history, &crash, start);
            }
            let verdict = judge(&mut history, &crash, start + policy.window + later);
            assert_eq!(verdict == Verdict::GiveUp, last, "{later:?}");
        }
    }
}
