//! Pace: one account's budget for reading, learned from Telegram's flood waits.
//!
//! Whoever reads takes a turn first: people who wait before what is owed, that before the first sync, that before what
//! can wait. A flood wait holds all of them, and the pace that brought it is never gone at again.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::Urgency;

/// The pace is so many calls in this time.
const WINDOW: Duration = Duration::from_secs(30);
/// A flood wait after fewer calls than this says little of the pace: it is waited out, and nothing is learned from it,
const FIRST: usize = 6;
/// unless so many of them come, none longer after the one before than the last.
const EARLY: u32 = 3;
const EARLY_AGAIN: Duration = Duration::from_secs(300);

pub(super) struct Pace {
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Default)]
struct State {
    /// Calls allowed in a window; `None`: no limit was met so far.
    limit: Option<u32>,
    /// When the calls of the last window were made.
    made: VecDeque<Instant>,
    /// Telegram asked not to be asked before this.
    hold: Option<Instant>,
    /// Flood waits that came after a few calls, and when the last one came.
    early: u32,
    early_at: Option<Instant>,
    /// How many wait, by urgency.
    waiting: [u32; Urgency::COUNT],
}

impl State {
    /// When this one may go; `None`: now, and it is counted.
    fn turn(&mut self, urgency: Urgency, now: Instant) -> Option<Turn> {
        if let Some(until) = self.hold.filter(|until| *until > now) {
            return Some(Turn::At(until));
        }
        if self.waiting.iter().take(urgency as usize).any(|n| *n > 0) {
            return Some(Turn::AfterOthers);
        }
        while self.made.front().is_some_and(|at| *at + WINDOW <= now) {
            self.made.pop_front();
        }
        if let Some(limit) = self.limit
            && let Some(over) = (self.made.len() + 1).checked_sub(share(limit, urgency))
            && over > 0
            && let Some(nth) = self.made.get(over - 1)
        {
            return Some(Turn::At(*nth + WINDOW));
        }
        self.made.push_back(now);
        None
    }

    /// Is it one of a few that say nothing?
    fn is_early(&mut self, now: Instant) -> bool {
        let recent = self.early_at.is_some_and(|at| now < at + EARLY_AGAIN);
        self.early = if recent { self.early + 1 } else { 1 };
        self.early_at = Some(now);
        self.early <= EARLY
    }

    /// The call that was made last got a flood wait.
    fn flooded(&mut self, wait: Duration, now: Instant) {
        let until = now + wait.max(Duration::from_secs(1));
        self.hold = self.hold.max(Some(until));
        // The refused call itself is none that Telegram took.
        let taken = self
            .made
            .iter()
            .filter(|at| **at + WINDOW > now)
            .count()
            .saturating_sub(1);
        if taken < FIRST && self.is_early(now) {
            return;
        }
        let learned = u32::try_from(taken * 4 / 5).unwrap_or(u32::MAX);
        let limit = self.limit.map(|limit| limit * 4 / 5);
        self.limit = Some(limit.unwrap_or(u32::MAX).min(learned).max(1));
    }
}

/// A part of the calls stays free for somebody who comes and looks: work that nobody waits for would use up all of them.
fn share(limit: u32, urgency: Urgency) -> usize {
    let share = match urgency {
        Urgency::Person => limit,
        _ => limit - limit / 4,
    };
    share.max(1) as usize
}

enum Turn {
    At(Instant),
    AfterOthers,
}

/// Counted among the waiting until it has its turn or is given up.
struct Waiting<'a>(&'a Pace, Urgency);

impl<'a> Waiting<'a> {
    fn new(pace: &'a Pace, urgency: Urgency) -> Self {
        pace.lock().waiting[urgency as usize] += 1;
        Self(pace, urgency)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        let waiting = &mut state.waiting[self.1 as usize];
        *waiting = waiting.saturating_sub(1);
        drop(state);
        self.0.moved.notify_waiters();
    }
}

impl Pace {
    pub(super) fn new(learned: Option<u32>) -> Self {
        Self {
            state: Mutex::new(State {
                limit: learned,
                ..State::default()
            }),
            moved: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one call's turn.
    pub(super) async fn turn(&self, urgency: Urgency) {
        let _waiting = Waiting::new(self, urgency);
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // Registered before the look: what happens in between is not missed.
            moved.as_mut().enable();
            let turn = self.lock().turn(urgency, Instant::now());
            match turn {
                None => return,
                Some(Turn::AfterOthers) => moved.await,
                Some(Turn::At(at)) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at.into()) => {}
                        () = moved => {}
                    }
                }
            }
        }
    }

    pub(super) fn flooded(&self, wait: Duration) {
        self.lock().flooded(wait, Instant::now());
    }

    /// What was learned, to be kept.
    pub(super) fn learned(&self) -> Option<u32> {
        self.lock().limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects accounts from flood waits: the pace that brought one is not gone at again.
    #[test]
    fn a_flood_wait_is_not_met_twice_for_the_same_pace() {
        let mut state = State::default();
        let mut now = Instant::now();
        let mut floods = 0;
        let mut done = 0;
        let mut taken: VecDeque<Instant> = VecDeque::new();
        // A server that takes 10 calls in 30 s.
        while done < 200 {
            match state.turn(Urgency::Sync, now) {
                Some(Turn::At(at)) => now = at,
                Some(Turn::AfterOthers) => panic!("nobody else waits"),
                None => {
                    while taken.front().is_some_and(|at| *at + WINDOW <= now) {
                        taken.pop_front();
                    }
                    if taken.len() < 10 {
                        taken.push_back(now);
                        done += 1;
                    } else {
                        floods += 1;
                        state.flooded(*taken.front().unwrap() + WINDOW - now, now);
                    }
                    now += Duration::from_millis(40);
                }
            }
        }
        assert_eq!(floods, 1);
        assert_eq!(state.limit, Some(8));
    }

    /// Protects an account from being read at a crawl for ever, because Telegram once asked it to wait after its first calls; a
    /// limit that is as low as that is learned all the same.
    #[test]
    fn a_few_early_flood_waits_teach_nothing() {
        let mut state = State::default();
        let mut now = Instant::now();
        for _ in 0..10 {
            for _ in 0..3 {
                assert!(state.turn(Urgency::Owed, now).is_none());
                now += Duration::from_millis(40);
            }
            state.flooded(Duration::from_secs(1), now);
            assert_eq!(state.limit, None);
            now += EARLY_AGAIN;
        }
        for _ in 0..=EARLY {
            assert_eq!(state.limit, None);
            assert!(state.turn(Urgency::Owed, now).is_none());
            now += Duration::from_secs(2);
            state.flooded(Duration::from_secs(28), now);
            now += Duration::from_secs(30);
        }
        assert_eq!(state.limit, Some(1));
    }

    /// Protects who comes and looks while an account fetches all of its history.
    #[test]
    fn some_calls_stay_free_for_a_person() {
        let mut state = State {
            limit: Some(8),
            ..State::default()
        };
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..6 {
            assert!(state.turn(Urgency::Archive, at(second)).is_none());
        }
        let full = |turn| matches!(turn, Some(Turn::At(when)) if when == at(30));
        assert!(full(state.turn(Urgency::Archive, at(6))));
        assert!(state.turn(Urgency::Person, at(6)).is_none());
        assert!(state.turn(Urgency::Person, at(7)).is_none());
        assert!(full(state.turn(Urgency::Person, at(8))));
        // Two more than its share were made: the archive waits until three of them are over.
        let turn = state.turn(Urgency::Archive, at(8));
        assert!(matches!(turn, Some(Turn::At(when)) if when == at(32)));
    }

    /// Protects people who wait from the work that can wait.
    #[test]
    fn who_is_more_urgent_goes_first() {
        let mut state = State::default();
        let now = Instant::now();
        state.waiting[Urgency::Person as usize] = 1;
        assert!(matches!(
            state.turn(Urgency::Owed, now),
            Some(Turn::AfterOthers)
        ));
        assert!(state.turn(Urgency::Person, now).is_none());
    }
}
