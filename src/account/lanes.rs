//! Lanes: what waits to be sent, per chat and in order, and when each may go. Pauses are counted by the machine's own
//! clock, which does not jump; the times in the store are for the eye, and for the next run of the service.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use crate::domain::{ChatId, MessageRowId, OutgoingMessage, Timestamp, Waiting};

/// Chats that are written to at the same time.
const LANES: usize = 8;

#[derive(Clone, Copy)]
struct Rest {
    until: Instant,
    /// A person sees it, and may end it.
    shown: bool,
}

#[derive(Default)]
pub struct Lanes {
    waiting: HashMap<ChatId, VecDeque<OutgoingMessage>>,
    /// The attempt under way in each chat; it is not waiting.
    flying: HashMap<ChatId, MessageRowId>,
    /// Not before, and whether the store says so too.
    rests: HashMap<MessageRowId, Rest>,
    /// A flood wait holds for the whole account.
    paused_until: Option<Instant>,
}

impl Lanes {
    /// Takes what the store holds, without the attempts under way. One that rests goes on resting, unless a person ended
    /// that: then it has no time in the store. One that this run knows nothing of is tried at once, but for the waits
    /// that Telegram asked for: those end when they were to, and never later than their own length from now.
    pub fn refill(&mut self, pending: Vec<OutgoingMessage>, now: Instant, wall: Timestamp) {
        let pauses: HashMap<MessageRowId, bool> = pending
            .iter()
            .map(|message| (message.id, message.tries.retry_at.is_some()))
            .collect();
        self.rests
            .retain(|id, rest| pauses.get(id).is_some_and(|pause| *pause || !rest.shown));
        self.waiting.clear();
        for message in pending {
            if self.flying.get(&message.chat) == Some(&message.id) {
                continue;
            }
            self.recall_wait(&message, now, wall);
            self.waiting
                .entry(message.chat)
                .or_default()
                .push_back(message);
        }
    }

    fn recall_wait(&mut self, message: &OutgoingMessage, now: Instant, wall: Timestamp) {
        let (Some(wait), Some(at)) = (message.tries.wait, message.tries.retry_at) else {
            return;
        };
        if self.rests.contains_key(&message.id) {
            return;
        }
        let until = now + at.until(wall).min(wait.length);
        self.rest(message.id, until);
        if wait.whose == Waiting::Account {
            self.pause(until);
        }
    }

    /// Nobody of this account sends before.
    pub fn pause(&mut self, until: Instant) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    pub fn rest(&mut self, id: MessageRowId, until: Instant) {
        self.rests.insert(id, Rest { until, shown: true });
    }

    /// As [`Self::rest`], for a pause of our own that nobody is told of.
    pub fn rest_quietly(&mut self, id: MessageRowId, until: Instant) {
        self.rests.insert(
            id,
            Rest {
                until,
                shown: false,
            },
        );
    }

    /// The attempt in this chat is over.
    pub fn landed(&mut self, chat: ChatId) {
        self.flying.remove(&chat);
    }

    /// The next replies that may go out now.
    pub fn ready(&mut self, now: Instant) -> Vec<OutgoingMessage> {
        if self.paused_until.is_some_and(|until| until > now) {
            return Vec::new();
        }
        let room = LANES.saturating_sub(self.flying.len());
        let chats: Vec<ChatId> = self
            .waiting
            .iter()
            .filter(|(chat, lane)| {
                !self.flying.contains_key(*chat)
                    && lane
                        .front()
                        .is_some_and(|first| self.moment_of(first, now) <= now)
            })
            .map(|(chat, _)| *chat)
            .take(room)
            .collect();
        chats
            .into_iter()
            .filter_map(|chat| {
                let message = self.waiting.get_mut(&chat)?.pop_front()?;
                self.flying.insert(chat, message.id);
                Some(message)
            })
            .collect()
    }

    fn moment_of(&self, message: &OutgoingMessage, now: Instant) -> Instant {
        self.rests.get(&message.id).map_or(now, |rest| rest.until)
    }

    /// How long until something becomes ready by itself; with every lane busy, an answer comes first.
    pub fn next_in(&self, now: Instant) -> Option<Duration> {
        if self.flying.len() >= LANES {
            return None;
        }
        let first = self
            .waiting
            .iter()
            .filter(|(chat, _)| !self.flying.contains_key(*chat))
            .filter_map(|(_, lane)| lane.front())
            .map(|message| self.moment_of(message, now))
            .min()?;
        let moment = self.paused_until.map_or(first, |until| first.max(until));
        Some(moment.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, Place, Tries, Wait};

    const SECOND: Duration = Duration::from_secs(1);

    fn reply(id: i64, chat: i64) -> OutgoingMessage {
        OutgoingMessage {
            id: MessageRowId(id),
            account_id: AccountId::random(),
            chat: ChatId::user(chat),
            random_id: id,
            text: "text".into(),
            place: Place::default(),
            tries: Tries::default(),
        }
    }

    fn waiting(
        id: i64,
        chat: i64,
        whose: Waiting,
        length: Duration,
        at: Timestamp,
    ) -> OutgoingMessage {
        let mut reply = reply(id, chat);
        reply.tries.wait = Some(Wait { whose, length });
        reply.tries.retry_at = Some(at);
        reply
    }

    fn ids(messages: &[OutgoingMessage]) -> Vec<i64> {
        let mut ids: Vec<_> = messages.iter().map(|message| message.id.0).collect();
        ids.sort_unstable();
        ids
    }

    fn filled(pending: Vec<OutgoingMessage>, now: Instant, wall: Timestamp) -> Lanes {
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
        lanes.landed(ChatId::user(10));
        assert_eq!(ids(&lanes.ready(now)), [2]);
    }

    #[test]
    fn a_reply_that_has_to_wait_holds_back_only_its_own_chat() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        lanes.rest(MessageRowId(1), now + 60 * SECOND);
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
        lanes.pause(now + 9 * SECOND);
        assert!(lanes.ready(now).is_empty());
        assert_eq!(lanes.next_in(now), Some(9 * SECOND));
        assert_eq!(ids(&lanes.ready(now + 9 * SECOND)), [1, 3]);
    }

    /// Protects a person's retry: the pause that was in memory ends with the one in the store.
    #[test]
    fn a_pause_ends_when_a_person_ends_it() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        lanes.rest(MessageRowId(1), now + 60 * SECOND);
        lanes.rest_quietly(MessageRowId(2), now + 60 * SECOND);
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
}
