//! Lanes: what waits to be done, per chat and in order, and when each may go. Pauses are counted by the machine's own
//! clock, which does not jump; the times in the store are for the eye, and for the next run of the service.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use crate::{
    domain::{ChatId, Lane, Order, OrderId, Timestamp, Waiting, Work},
    store::FIRST_OF_A_LANE,
};

/// Lanes that are under way at the same time.
const LANES: usize = 8;
/// Beside them, lanes whose order brings files: nobody's words wait behind those, but for the same chat's.
const HEAVY_LANES: usize = 4;

/// A lane of a chat.
type Place = (ChatId, Lane);

const fn place(order: &Order) -> Place {
    (order.chat, order.kind().lane())
}

const fn is_heavy(order: &Order) -> bool {
    matches!(
        order.work,
        Work::Media(_) | Work::Copy(_) | Work::Replace(_)
    )
}

/// An attempt under way.
#[derive(Clone, Copy)]
struct Flying {
    id: OrderId,
    heavy: bool,
}

#[derive(Clone, Copy)]
struct Rest {
    until: Instant,
    /// A person sees it, and may end it.
    shown: bool,
}

#[derive(Default)]
pub struct Lanes {
    waiting: HashMap<Place, VecDeque<Order>>,
    /// Lanes of which the store may hold more.
    longer: HashSet<Place>,
    /// The attempt under way in each lane; it is not waiting.
    flying: HashMap<Place, Flying>,
    /// Not before, and whether the store says so too.
    rests: HashMap<OrderId, Rest>,
    /// A flood wait holds a kind of lane, in every chat of the account.
    paused: HashMap<Lane, Instant>,
}

impl Lanes {
    /// Takes what the store holds, without the attempts under way. One that rests goes on resting, unless a person ended
    /// that: then it has no time in the store. One that this run knows nothing of is tried at once, but for the waits
    /// that Telegram asked for: those end when they were to, and never later than their own length from now.
    pub fn refill(&mut self, pending: Vec<Order>, now: Instant, wall: Timestamp) {
        let pauses: HashMap<OrderId, bool> = pending
            .iter()
            .map(|order| (order.id, order.tries.retry_at.is_some()))
            .collect();
        self.rests
            .retain(|id, rest| pauses.get(id).is_some_and(|pause| *pause || !rest.shown));
        self.waiting.clear();
        self.longer = longer(&pending);
        for order in pending {
            let flying = self.flying.get(&place(&order));
            if flying.is_some_and(|flying| flying.id == order.id) {
                continue;
            }
            self.recall_wait(&order, now, wall);
            self.waiting
                .entry(place(&order))
                .or_default()
                .push_back(order);
        }
    }

    fn recall_wait(&mut self, order: &Order, now: Instant, wall: Timestamp) {
        let (Some(wait), Some(at)) = (order.tries.wait, order.tries.retry_at) else {
            return;
        };
        if self.rests.contains_key(&order.id) {
            return;
        }
        let until = now + at.until(wall).min(wait.length);
        self.rest(order.id, until);
        if wait.whose == Waiting::Account {
            self.pause(order.kind().lane(), until);
        }
    }

    /// Nothing of such a lane goes out before, in no chat of this account.
    pub fn pause(&mut self, lane: Lane, until: Instant) {
        let paused = self.paused.entry(lane).or_insert(until);
        *paused = until.max(*paused);
    }

    pub fn rest(&mut self, id: OrderId, until: Instant) {
        self.rests.insert(id, Rest { until, shown: true });
    }

    /// As [`Self::rest`], for a pause of our own that nobody is told of.
    pub fn rest_quietly(&mut self, id: OrderId, until: Instant) {
        self.rests.insert(
            id,
            Rest {
                until,
                shown: false,
            },
        );
    }

    /// Nothing of the order's lane is here any more, and the store may hold more of it.
    pub fn has_more(&self, order: &Order) -> bool {
        let place = place(order);
        let empty = self.waiting.get(&place).is_none_or(VecDeque::is_empty);
        empty && self.longer.contains(&place)
    }

    /// The attempt in this lane is over.
    pub fn landed(&mut self, order: &Order) {
        self.flying.remove(&place(order));
    }

    /// The next orders that may go out now.
    pub fn ready(&mut self, now: Instant) -> Vec<Order> {
        let (mut light, mut heavy) = (self.room(false), self.room(true));
        let places: Vec<Place> = self
            .firsts()
            .filter(|(_, first)| self.moment_of(first).is_none_or(|moment| moment <= now))
            .filter(|(_, first)| {
                let room = if is_heavy(first) {
                    &mut heavy
                } else {
                    &mut light
                };
                let fits = *room > 0;
                *room = room.saturating_sub(1);
                fits
            })
            .map(|(place, _)| place)
            .collect();
        places
            .into_iter()
            .filter_map(|place| {
                let order = self.waiting.get_mut(&place)?.pop_front()?;
                let (id, heavy) = (order.id, is_heavy(&order));
                self.flying.insert(place, Flying { id, heavy });
                Some(order)
            })
            .collect()
    }

    /// How many more may be under way.
    fn room(&self, heavy: bool) -> usize {
        let most = if heavy { HEAVY_LANES } else { LANES };
        let flying = self.flying.values().filter(|flying| flying.heavy == heavy);
        most.saturating_sub(flying.count())
    }

    /// What is next in each lane where nothing is under way.
    fn firsts(&self) -> impl Iterator<Item = (Place, &Order)> {
        self.waiting
            .iter()
            .filter(|(place, _)| !self.flying.contains_key(*place))
            .filter_map(|(place, lane)| Some((*place, lane.front()?)))
    }

    /// Not before then; `None`: now.
    fn moment_of(&self, order: &Order) -> Option<Instant> {
        let rest = self.rests.get(&order.id).map(|rest| rest.until);
        rest.max(self.paused.get(&order.kind().lane()).copied())
    }

    /// How long until something becomes ready by itself; with every lane busy, an answer comes first.
    pub fn next_in(&self, now: Instant) -> Option<Duration> {
        self.firsts()
            .filter(|(_, first)| self.room(is_heavy(first)) > 0)
            .map(|(_, first)| self.moment_of(first).unwrap_or(now))
            .min()
            .map(|moment| moment.saturating_duration_since(now))
    }
}

/// The lanes that came with as many orders as are read of one.
fn longer(pending: &[Order]) -> HashSet<Place> {
    let mut counts: HashMap<Place, usize> = HashMap::new();
    for order in pending {
        *counts.entry(place(order)).or_default() += 1;
    }
    counts.retain(|_, count| *count >= FIRST_OF_A_LANE);
    counts.into_keys().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        AccountId, Making, MessageRowId, NewCopy, NewText, Place, Tries, Wait, Wording, Work,
    };

    const SECOND: Duration = Duration::from_secs(1);

    fn reply(id: i64, chat: i64) -> Order {
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
            chat: ChatId::user(chat),
            work: Work::Text(text),
            tries: Tries::default(),
        }
    }

    fn waiting(id: i64, chat: i64, whose: Waiting, length: Duration, at: Timestamp) -> Order {
        let mut reply = reply(id, chat);
        reply.tries.wait = Some(Wait { whose, length });
        reply.tries.retry_at = Some(at);
        reply
    }

    /// An order that brings a file.
    fn copy(id: i64, chat: i64) -> Order {
        let making = Making {
            row: MessageRowId(id),
            random_id: id,
        };
        Order {
            work: Work::Copy(NewCopy {
                makes: vec![making],
                files: Vec::new(),
            }),
            ..reply(id, chat)
        }
    }

    fn ids(orders: &[Order]) -> Vec<i64> {
        let mut ids: Vec<_> = orders.iter().map(|order| order.id.0).collect();
        ids.sort_unstable();
        ids
    }

    fn filled(pending: Vec<Order>, now: Instant, wall: Timestamp) -> Lanes {
        let mut lanes = Lanes::default();
        lanes.refill(pending, now, wall);
        lanes
    }

    #[test]
    fn one_reply_per_chat_is_under_way_and_chats_do_not_wait_for_each_other() {
        let now = Instant::now();
        let pending = vec![reply(1, 10), reply(2, 10), reply(3, 20)];
        let mut lanes = filled(pending, now, Timestamp::now());
        assert_eq!(ids(&lanes.ready(now)), [1, 3]);
        assert_eq!(ids(&lanes.ready(now)), [] as [i64; 0]);
        lanes.landed(&reply(1, 10));
        assert_eq!(ids(&lanes.ready(now)), [2]);
    }

    #[test]
    fn a_reply_that_has_to_wait_holds_back_only_its_own_chat() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        lanes.rest(OrderId(1), now + 60 * SECOND);
        let mut late = reply(1, 10);
        late.tries.retry_at = Some(Timestamp::now());
        let pending = vec![late, reply(2, 10), reply(3, 20)];
        lanes.refill(pending, now, Timestamp::now());
        assert_eq!(ids(&lanes.ready(now)), [3]);
        assert_eq!(lanes.next_in(now), Some(60 * SECOND));
    }

    #[test]
    fn a_flood_wait_holds_back_the_whole_account() {
        let now = Instant::now();
        let mut lanes = filled(vec![reply(1, 10), reply(3, 20)], now, Timestamp::now());
        lanes.pause(Lane::Words, now + 9 * SECOND);
        assert!(lanes.ready(now).is_empty());
        assert_eq!(lanes.next_in(now), Some(9 * SECOND));
        assert_eq!(ids(&lanes.ready(now + 9 * SECOND)), [1, 3]);
    }

    /// Protects a long lane: of what is not read yet the rest follows when the first are out.
    #[test]
    fn a_lane_that_came_full_asks_for_more_at_its_end() {
        let now = Instant::now();
        let pending: Vec<Order> = (1..=16).map(|id| reply(id, 10)).collect();
        let mut lanes = filled(pending, now, Timestamp::now());
        for id in 1..=16 {
            assert!(!lanes.has_more(&reply(id, 10)));
            assert_eq!(ids(&lanes.ready(now)), [id]);
            lanes.landed(&reply(id, 10));
        }
        assert!(lanes.has_more(&reply(16, 10)));
        let mut lanes = filled(vec![reply(1, 10)], now, Timestamp::now());
        assert_eq!(ids(&lanes.ready(now)), [1]);
        lanes.landed(&reply(1, 10));
        assert!(!lanes.has_more(&reply(1, 10)));
    }

    /// Protects a person's retry: the pause that was in memory ends with the one in the store.
    #[test]
    fn a_pause_ends_when_a_person_ends_it() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        lanes.rest(OrderId(1), now + 60 * SECOND);
        lanes.rest_quietly(OrderId(2), now + 60 * SECOND);
        lanes.refill(vec![reply(1, 10), reply(2, 20)], now, Timestamp::now());
        assert_eq!(ids(&lanes.ready(now)), [1]);
    }

    /// Protects the next run of the service: what waits for no wish of Telegram's goes out at once.
    #[test]
    fn after_a_restart_only_telegrams_own_waits_are_kept() {
        let (now, wall) = (Instant::now(), Timestamp::now());
        let mut unanswered = reply(1, 10);
        unanswered.tries.retry_at = Some(wall.plus(30 * SECOND));
        let slow = waiting(2, 20, Waiting::Chat, 60 * SECOND, wall.plus(20 * SECOND));
        let mut lanes = filled(vec![unanswered, slow], now, wall);
        assert_eq!(ids(&lanes.ready(now)), [1]);
        assert_eq!(ids(&lanes.ready(now + 19 * SECOND)), [] as [i64; 0]);
        assert_eq!(ids(&lanes.ready(now + 20 * SECOND)), [2]);
    }

    /// Protects against a wall clock that was set back: a wait never gets longer than Telegram asked for.
    #[test]
    fn a_clock_that_jumps_makes_no_wait_longer_than_its_own_length() {
        let (now, wall) = (Instant::now(), Timestamp::now());
        let ends = wall.plus(3_600 * SECOND);
        let flood = waiting(1, 10, Waiting::Account, 30 * SECOND, ends);
        let mut lanes = filled(vec![flood, reply(2, 20)], now, wall);
        assert!(lanes.ready(now).is_empty());
        assert_eq!(lanes.next_in(now), Some(30 * SECOND));
        assert_eq!(ids(&lanes.ready(now + 30 * SECOND)), [1, 2]);
    }

    /// Protects words from waiting behind files, files from each other, and Telegram from too much at once.
    #[test]
    fn files_and_words_have_room_of_their_own() {
        let now = Instant::now();
        let files = (1..=6).map(|id| copy(id, id));
        let words = (11..=20).map(|id| reply(id, id));
        let mut lanes = filled(files.chain(words).collect(), now, Timestamp::now());
        let first = lanes.ready(now);
        let heavy = |orders: &[Order]| orders.iter().filter(|order| is_heavy(order)).count();
        assert_eq!(
            (heavy(&first), first.len()),
            (HEAVY_LANES, HEAVY_LANES + LANES)
        );
        assert!(lanes.ready(now).is_empty(), "all the room is taken");
        assert_eq!(lanes.next_in(now), None, "an answer comes first");
        let landed = |lanes: &mut Lanes, heavy: bool| {
            let order = first.iter().find(|order| is_heavy(order) == heavy);
            lanes.landed(order.expect("one of each"));
        };
        landed(&mut lanes, true);
        assert_eq!(lanes.next_in(now), Some(Duration::ZERO));
        let next = lanes.ready(now);
        assert_eq!((heavy(&next), next.len()), (1, 1));
        landed(&mut lanes, false);
        let next = lanes.ready(now);
        assert_eq!((heavy(&next), next.len()), (0, 1));
    }

    /// Protects a chat's order, and a reply from going out twice: what is read anew while one is in the air goes on behind it.
    #[test]
    fn what_is_in_the_air_is_not_taken_again() {
        let now = Instant::now();
        let both = || vec![reply(1, 10), reply(2, 10)];
        let mut lanes = filled(both(), now, Timestamp::now());
        assert_eq!(ids(&lanes.ready(now)), [1]);
        lanes.refill(both(), now, Timestamp::now());
        assert!(lanes.ready(now).is_empty());
        lanes.landed(&reply(1, 10));
        assert_eq!(ids(&lanes.ready(now)), [2]);
    }
}
