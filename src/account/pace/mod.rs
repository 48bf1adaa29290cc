//! Pacing: an account that writes by itself, to strangers and where nobody else writes, goes no faster than it may, and a
//! little unevenly.
//!
//! Never holds a reply to somebody who wrote to the account or to a group of it, nor what may have left already: Telegram's
//! own waits are the outbox's.

mod window;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use self::window::{MOST_GIVEN, Window};
use crate::{
    domain::{
        Held, LearnedPace, Order, OrderId, OrderState, Outcome, PaceLimits, PeerKind, Timestamp,
        Waiting, Work,
    },
    store::{SendingTerms, StoreHandle},
};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 3_600_000;

/// One account's pace, for as long as its outbox runs.
#[derive(Clone)]
pub struct Pacer {
    store: StoreHandle,
    state: Arc<Mutex<State>>,
}

struct State {
    begun: Instant,
    limits: Option<PaceLimits>,
    /// In milliseconds since `begun`.
    minute: Window,
    /// When the messages of the last minute went, to whomever.
    gone: VecDeque<i64>,
    /// What a minute may have since Telegram found it too much; until the limits are changed.
    learned: Option<LearnedPace>,
    /// By the wall clock, which a restart does not set back.
    day: Window,
    given: HashMap<OrderId, Given>,
    /// Strangers that are being written to.
    strangers: HashSet<OrderId>,
}

#[derive(Clone, Copy)]
struct Given {
    at: Instant,
    held: Held,
}

impl Pacer {
    pub fn new(store: StoreHandle) -> Self {
        Self {
            store,
            state: Arc::new(Mutex::new(State::new(Instant::now()))),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the order has to wait for its moment. `None`: it goes now.
    pub async fn hold(&self, order: &Order) -> Option<Outcome> {
        if !is_new(order) {
            return None;
        }
        let terms = match self.store.sending_terms(order.account_id, order.chat).await {
            Ok(terms) => terms,
            Err(error) => {
                return Some(Outcome::NotSent {
                    reason: error.to_string(),
                });
            }
        };
        self.state()
            .hold(order, &terms, Instant::now(), Timestamp::now())
    }

    /// Telegram asked for a wait: that was too fast. What was learned of it, to be kept.
    pub fn flooded(&self) -> LearnedPace {
        self.state().flooded(Instant::now(), Timestamp::now())
    }

    /// Whether an order that is settled went to a stranger.
    pub fn was_to_stranger(&self, order: OrderId) -> bool {
        self.state().strangers.remove(&order)
    }
}

/// Nothing of it is at Telegram, and Telegram has asked for no wait of its own.
fn is_new(order: &Order) -> bool {
    let waited = order.tries.wait.map(|wait| wait.whose);
    // What only fetches its files has its moment when it goes out.
    let fetches = matches!(order.work, Work::Copy(_));
    order.kind().makes_messages()
        && !fetches
        && order.tries.state == OrderState::Queued
        && matches!(waited, None | Some(Waiting::Pace(_) | Waiting::File))
}

/// Does it answer somebody?
const fn answers(order: &Order) -> bool {
    match &order.work {
        Work::Text(text) => text.place.reply_to.is_some(),
        Work::Media(media) => media.place.reply_to.is_some(),
        // Deeds make nothing that anybody is sent.
        Work::Copy(_) | Work::Forward(_) | Work::Replace(_) | Work::Deed { .. } => false,
    }
}

impl State {
    fn new(begun: Instant) -> Self {
        Self {
            begun,
            limits: None,
            minute: Window::of(MINUTE),
            gone: VecDeque::new(),
            learned: None,
            day: Window::of(DAY),
            given: HashMap::new(),
            strangers: HashSet::new(),
        }
    }

    fn hold(
        &mut self,
        order: &Order,
        terms: &SendingTerms,
        now: Instant,
        wall: Timestamp,
    ) -> Option<Outcome> {
        if self.limits != Some(terms.limits) {
            self.change(terms, now, wall);
        }
        let is_private = matches!(order.chat.kind(), PeerKind::User(_));
        let asked_for = if is_private {
            !terms.stranger
        } else {
            terms.talks || answers(order)
        };
        if asked_for {
            self.went(now);
            return None;
        }
        let given = match self.given.get(&order.id) {
            Some(given) => *given,
            None => self.give(order, terms, now, wall),
        };
        if given.at > now {
            if self.given.len() < MOST_GIVEN {
                self.given.insert(order.id, given);
            }
            return Some(Outcome::Paced {
                wait: given.at - now,
                held: given.held,
            });
        }
        self.given.remove(&order.id);
        self.went(now);
        if terms.stranger {
            self.strangers.insert(order.id);
        }
        None
    }

    fn went(&mut self, now: Instant) {
        let now = self.millis(now);
        while self.gone.front().is_some_and(|at| at + MINUTE <= now) {
            self.gone.pop_front();
        }
        if self.gone.len() < MOST_GIVEN {
            self.gone.push_back(now);
        }
    }

    /// The message that went last got a flood wait: the pace that brought it is not gone at again.
    fn flooded(&mut self, now: Instant, wall: Timestamp) -> LearnedPace {
        let at = self.millis(now);
        let lately = self.gone.iter().filter(|gone| **gone + MINUTE > at);
        // The refused one is none that Telegram took.
        let taken = u32::try_from(lately.count().saturating_sub(1)).unwrap_or(u32::MAX);
        let set = self.limits.and_then(|limits| limits.per_minute);
        let set = set.unwrap_or(u32::MAX);
        let learned = LearnedPace::after(self.learned.as_ref(), taken, set, wall);
        self.learned = Some(learned);
        // Those that wait for a minute get another moment.
        self.given.retain(|_, given| given.held != Held::Minute);
        self.minute.forget_after(at);
        learned
    }

    /// What was given out under other limits no longer holds.
    fn change(&mut self, terms: &SendingTerms, now: Instant, wall: Timestamp) {
        let millis = self.millis(now);
        // What the last run learned goes on; what was learned under other limits does not.
        self.learned = terms.learned.filter(|_| self.limits.is_none());
        self.limits = Some(terms.limits);
        self.given.clear();
        self.minute.forget_after(millis);
        self.day = Window::of(DAY);
        self.day
            .remember(terms.met.iter().map(|met| met.at.millis()));
        self.day.forget_after(wall.millis());
    }

    fn millis(&self, now: Instant) -> i64 {
        let since = now.saturating_duration_since(self.begun).as_millis();
        i64::try_from(since).unwrap_or(i64::MAX)
    }

    /// The later of the two moments that are the order's.
    fn give(
        &mut self,
        order: &Order,
        terms: &SendingTerms,
        now: Instant,
        wall: Timestamp,
    ) -> Given {
        let known = terms.met.iter().any(|met| met.chat_id == order.chat);
        let mut given = Given {
            at: now,
            held: Held::Minute,
        };
        if let (Some(limit), true, false) = (terms.limits.strangers_per_day, terms.stranger, known)
        {
            let at = self.day.stranger(limit as usize, wall.millis());
            let wait = millis(at - wall.millis());
            if !wait.is_zero() {
                given = Given {
                    at: now + wait,
                    held: Held::Strangers,
                };
            }
        }
        // At a stranger's later moment nothing else is due.
        if let (Some(limit), true) = (terms.limits.per_minute, given.at == now) {
            let start = self.millis(given.at);
            let learned = self
                .learned
                .map_or(limit, |learned| learned.per_minute(wall));
            let at = self.minute.moment(learned.min(limit) as usize, start);
            if at > start {
                given = Given {
                    at: given.at + millis(at - start),
                    held: Held::Minute,
                };
            }
        }
        given
    }
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
