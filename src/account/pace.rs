//! Pacing: an account that writes by itself, to strangers and where nobody else writes, goes no faster than it may, and a
//! little unevenly.
//!
//! Never holds a reply to somebody who wrote to the account or to a group of it, nor what may have left already: Telegram's
//! own waits are the outbox's.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    domain::{
        Held, LearnedPace, Order, OrderId, OrderState, Outcome, PaceLimits, PeerKind, Timestamp,
        Waiting, Work,
    },
    store::{SendingTerms, StoreHandle},
};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 3_600_000;
/// So many strangers of a day may follow each other at once,
const AT_ONCE: usize = 5;
/// the others keep this distance, and up to as much again.
const DISTANCE: i64 = 10_000;
/// What waits for its minute comes up to so much later.
const UNEVEN: i64 = 2_000;
/// Moments that are given out and not used yet; beyond it a message asks again.
const MOST_GIVEN: usize = 10_000;

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
            .taken
            .extend(terms.met.iter().map(|met| met.at.millis()));
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

fn random_below(limit: i64) -> i64 {
    let mut bytes = [0_u8; 4];
    // Without chance the pace is even, and the limit holds all the same.
    let _ = getrandom::fill(&mut bytes);
    i64::from(u32::from_le_bytes(bytes)) % limit
}

/// At most so many within a span of time.
struct Window {
    span: i64,
    /// Rising.
    taken: VecDeque<i64>,
}

impl Window {
    const fn of(span: i64) -> Self {
        Self {
            span,
            taken: VecDeque::new(),
        }
    }

    fn forget_after(&mut self, now: i64) {
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
    fn moment(&mut self, limit: usize, now: i64) -> i64 {
        let free = self.free(limit, now);
        let uneven = if free > now { random_below(UNEVEN) } else { 0 };
        let last = self.taken.back().copied().unwrap_or(free);
        self.take((free + uneven).max(last), now)
    }

    /// The same, at a distance from the one before once the first few are through.
    fn stranger(&mut self, limit: usize, now: i64) -> i64 {
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
    use crate::domain::{
        AccountId, ChatId, Making, MessageRowId, Met, NewText, Place, Tries, Wording,
    };

    fn order(id: i64, chat: ChatId) -> Order {
        let text = NewText {
            making: Making {
                row: MessageRowId(id),
                random_id: id,
            },
            text: "text".into(),
            place: Place::default(),
            wording: Wording::default(),
            schedule: None,
        };
        Order {
            id: OrderId(id),
            account_id: AccountId::random(),
            chat,
            work: Work::Text(text),
            tries: Tries::default(),
        }
    }

    fn terms(strangers: Option<u32>, minute: Option<u32>, stranger: bool) -> SendingTerms {
        SendingTerms {
            limits: PaceLimits {
                strangers_per_day: strangers,
                per_minute: minute,
            },
            stranger,
            talks: false,
            met: Vec::new(),
            learned: None,
        }
    }

    fn state() -> State {
        State::new(Instant::now())
    }

    /// Protects an account that Telegram lets write less than it may here: in a day in which there is always something to
    /// send, flood waits become ever more seldom, its pace ends just below Telegram's and stays there; and once Telegram lets
    /// it write more, the next day it does.
    #[test]
    fn a_day_of_flood_waits_ends_with_a_stable_pace() {
        let mut state = state();
        let (start, wall) = (state.begun, Timestamp::now());
        let hour = Duration::from_secs(3_600);
        let terms = terms(None, Some(60), false);
        let group = ChatId::group(5);
        // A Telegram that takes so many in a minute.
        let (mut takes, minute) = (20, Duration::from_secs(60));
        let mut taken: VecDeque<Instant> = VecDeque::new();
        let mut floods = Vec::new();
        let mut hours = [0; 48];
        let mut waiting: Vec<(i64, Instant)> = (0..40).map(|id| (id, start)).collect();
        let mut next = 40;
        let mut now = start;
        while now < start + 48 * hour {
            let wall = wall.plus(now - start);
            if now >= start + 24 * hour {
                takes = 1_000;
            }
            for place in 0..waiting.len() {
                let (id, due) = waiting[place];
                if due > now {
                    continue;
                }
                match state.hold(&order(id, group), &terms, now, wall) {
                    Some(Outcome::Paced { wait, .. }) => waiting[place].1 = now + wait,
                    Some(other) => panic!("{other:?}"),
                    None => {
                        taken.retain(|at| *at + minute > now);
                        if taken.len() < takes {
                            taken.push_back(now);
                            hours[(now - start).as_secs() as usize / 3_600] += 1;
                            waiting[place] = (next, now);
                            next += 1;
                            continue;
                        }
                        floods.push(now - start);
                        // A restart of the service in between costs nothing of it.
                        let learned = state.flooded(now, wall);
                        assert_eq!(Some(learned), state.learned);
                        for one in &mut waiting {
                            one.1 = one.1.max(now + minute / 2);
                        }
                    }
                }
            }
            now = (waiting.iter().map(|(_, due)| *due).min().unwrap()).max(now + millis(10));
        }
        assert!((1..=6).contains(&floods.len()), "{floods:?}");
        assert!(floods.iter().all(|at| *at < 18 * hour), "{floods:?}");
        // In each of the last hours of the first day as much as Telegram takes, but for the unevenness of each minute.
        assert!(
            hours[19..24]
                .iter()
                .all(|sent| (1_080..=1_200).contains(sent)),
            "{hours:?}"
        );
        assert!(hours[47] > 3_000, "{hours:?}");
        let kept = state.learned.unwrap();
        let mut restarted = self::state();
        let known = SendingTerms {
            learned: Some(kept),
            ..terms.clone()
        };
        restarted.hold(&order(next, group), &known, restarted.begun, wall);
        assert_eq!(restarted.learned, Some(kept));
        // What was learned goes with the limits that it was learned under.
        let other = self::terms(None, Some(59), false);
        state.hold(&order(next, group), &other, now, wall);
        assert_eq!(state.learned, None);
    }

    /// Protects the limit of a minute: of many that come at once no minute has more, and each goes at its own moment.
    #[test]
    fn no_minute_has_more_than_it_may() {
        let mut state = state();
        let (start, wall) = (state.begun, Timestamp::now());
        let terms = terms(None, Some(3), false);
        let group = ChatId::group(5);
        let mut moments = Vec::new();
        for id in 0..12 {
            let held = state.hold(&order(id, group), &terms, start, wall);
            moments.push(match held {
                None => Duration::ZERO,
                Some(Outcome::Paced { wait, held }) => {
                    assert_eq!(held, Held::Minute);
                    wait
                }
                other => panic!("{other:?}"),
            });
        }
        for (index, moment) in moments.iter().enumerate() {
            let uneven = Duration::from_secs(60) * u32::try_from(index / 3).unwrap();
            assert!(*moment >= uneven, "{moments:?}");
            assert!(
                *moment <= uneven + millis(UNEVEN) * u32::try_from(index / 3).unwrap(),
                "{moments:?}"
            );
        }
        let minute = Duration::from_secs(60);
        for four in moments.windows(4) {
            assert!(four[3] - four[0] >= minute, "{moments:?}");
        }
        // At its moment it goes; a moment before it does not.
        let fourth = order(3, group);
        assert!(
            state
                .hold(&fourth, &terms, start + moments[3] - millis(1), wall)
                .is_some()
        );
        assert!(
            state
                .hold(&fourth, &terms, start + moments[3], wall)
                .is_none()
        );
    }

    /// Protects whoever wrote to the account: however much waits for others, they are answered at once.
    #[test]
    fn who_wrote_is_answered_at_once() {
        let mut state = state();
        let (start, wall) = (state.begun, Timestamp::now());
        let strangers = terms(Some(1), Some(1), true);
        for id in 0..20 {
            state.hold(&order(id, ChatId::user(100 + id)), &strangers, start, wall);
        }
        let known = terms(Some(1), Some(1), false);
        assert!(
            state
                .hold(&order(50, ChatId::user(7)), &known, start, wall)
                .is_none()
        );
        let mut answer = order(51, ChatId::group(5));
        let Work::Text(text) = &mut answer.work else {
            panic!("{answer:?}");
        };
        text.place.reply_to = Some(9);
        assert!(state.hold(&answer, &known, start, wall).is_none());
        let talking = SendingTerms {
            talks: true,
            ..known
        };
        let group = order(52, ChatId::group(5));
        assert!(state.hold(&group, &talking, start, wall).is_none());
    }

    /// Protects strangers' limit over a restart: those of the last day count, and who was written to before does not
    /// count again.
    #[test]
    fn strangers_of_the_day_count_over_a_restart() {
        let mut state = state();
        let (start, wall) = (state.begun, Timestamp::now());
        let hour = Duration::from_secs(3_600);
        let mut terms = terms(Some(2), None, true);
        let ago = |hours: u32| Timestamp::from_millis(wall.millis() - i64::from(hours) * 3_600_000);
        terms.met = vec![
            Met {
                chat_id: ChatId::user(1),
                at: ago(20),
            },
            Met {
                chat_id: ChatId::user(2),
                at: ago(1),
            },
        ];
        assert!(
            state
                .hold(&order(1, ChatId::user(1)), &terms, start, wall)
                .is_none()
        );
        let held = state.hold(&order(2, ChatId::user(3)), &terms, start, wall);
        let Some(Outcome::Paced { wait, held }) = held else {
            panic!("{held:?}");
        };
        assert_eq!((wait, held), (4 * hour, Held::Strangers));
        // Who waits for tomorrow holds nobody who may be written to now.
        terms.limits.per_minute = Some(5);
        state.hold(&order(3, ChatId::user(4)), &terms, start, wall);
        let known = order(4, ChatId::user(1));
        assert!(state.hold(&known, &terms, start, wall).is_none());
        // Switched off, it goes.
        terms.limits.strangers_per_day = None;
        assert!(
            state
                .hold(&order(2, ChatId::user(3)), &terms, start, wall)
                .is_none()
        );
        assert!(state.strangers.contains(&OrderId(2)));
    }

    /// Protects from looking like a machine: after the first few, strangers keep an uneven distance.
    #[test]
    fn strangers_keep_an_uneven_distance() {
        let mut window = Window::of(DAY);
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
