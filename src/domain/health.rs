//! Health: what Telegram lets an account do, as far as it was learned from its answers. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ChatId, LearnedPace, PaceLimits, Timestamp};

/// Flood waits are told for so long,
const DAY: Duration = Duration::from_secs(24 * 3600);
/// and so many of them are kept; an account that meets more is in trouble anyhow.
const MOST_WAITS: usize = 100;
/// People who want to be paid; those that were met last.
const MOST_PAID: usize = 20;
/// Strangers of a day; no limit goes beyond.
const MOST_MET: usize = 1_000;

/// Something that was learned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HealthFact {
    /// It reads, and may not write.
    Frozen(Frozen),
    NotFrozen,
    /// Telegram refused a message to somebody who never wrote to it: PEER_FLOOD.
    StrangersRefused,
    /// Telegram took one.
    StrangerTaken {
        chat: ChatId,
    },
    FloodWait {
        seconds: u32,
    },
    /// It sent too much within a minute.
    TooFast(LearnedPace),
    /// Another of our accounts has looked: Telegram warns of this one's app, or does not.
    Mark {
        marked: bool,
    },
    /// This person takes messages for that many stars each; nobody here pays.
    Paid {
        chat: ChatId,
        stars: u32,
    },
    /// This one took a message without.
    Unpaid {
        chat: ChatId,
    },
}

impl HealthFact {
    /// A word for the log.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Frozen(_) => "frozen",
            Self::NotFrozen => "not_frozen",
            Self::StrangersRefused => "strangers_limited",
            Self::StrangerTaken { .. } => "stranger_taken",
            Self::FloodWait { .. } => "flood_wait",
            Self::TooFast(_) => "too_fast",
            Self::Mark { marked: true } => "marked",
            Self::Mark { marked: false } => "not_marked",
            Self::Paid { .. } => "paid",
            Self::Unpaid { .. } => "unpaid",
        }
    }
}

/// As Telegram's configuration tells it (`freeze_since_date`, `freeze_until_date`, `freeze_appeal_url`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Frozen {
    pub since: Option<Timestamp>,
    /// Then the account is deleted, unless an appeal was heard.
    pub until: Option<Timestamp>,
    pub appeal_url: Option<String>,
}

/// Messages to people who never wrote to it are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StrangersLimit {
    /// When that was learned,
    pub since: Timestamp,
    /// and seen last.
    pub last_at: Timestamp,
}

/// Whether Telegram warns others that the account uses an unofficial app, as another of our accounts saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UnofficialMark {
    pub marked: bool,
    pub seen_at: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PaidPeer {
    pub chat_id: ChatId,
    /// For each message.
    pub stars: u32,
    pub learned_at: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct FloodWait {
    at: Timestamp,
    seconds: u32,
}

/// Somebody who never wrote to the account, and got a message from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Met {
    pub chat_id: ChatId,
    pub at: Timestamp,
}

/// What is kept.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthRecord {
    frozen: Option<Frozen>,
    strangers: Option<StrangersLimit>,
    paid: Vec<PaidPeer>,
    waits: Vec<FloodWait>,
    met: Vec<Met>,
    pace: Option<LearnedPace>,
    mark: Option<UnofficialMark>,
}

/// A sign-in of the account, as Telegram lists it under Devices.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DeviceSession {
    /// Its number there; the present one has none ("0").
    pub hash: String,
    /// The one that this service uses.
    pub current: bool,
    pub official_app: bool,
    /// Nobody has confirmed on another device that this sign-in was theirs.
    pub unconfirmed: bool,
    pub device: String,
    pub system: String,
    pub app: String,
    pub ip: String,
    pub country: String,
    pub created_at: Timestamp,
    pub active_at: Timestamp,
}

/// What is shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Health {
    pub frozen: Option<Frozen>,
    pub strangers_limited: Option<StrangersLimit>,
    pub paid: Vec<PaidPeer>,
    pub flood_waits: FloodDay,
    /// How many people it wrote to within the last day who never wrote to it.
    pub strangers_today: u32,
    /// What a minute may have now, because Telegram found more too much; `None`: as much as is set.
    #[serde(default)]
    pub learned_per_minute: Option<u32>,
    /// `None`: nobody has looked yet.
    #[serde(default)]
    pub unofficial: Option<UnofficialMark>,
}

/// The flood waits of the last day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FloodDay {
    pub count: u32,
    /// Of all together.
    pub seconds: u64,
    pub longest_s: u32,
    pub last_at: Option<Timestamp>,
}

impl HealthRecord {
    /// Takes a fact in. False: that was known.
    pub fn learn(&mut self, fact: &HealthFact, now: Timestamp) -> bool {
        let before = self.clone();
        match fact {
            HealthFact::Frozen(frozen) => self.freeze(frozen, now),
            HealthFact::NotFrozen => self.frozen = None,
            HealthFact::StrangersRefused => {
                let since = self.strangers.map_or(now, |limit| limit.since);
                self.strangers = Some(StrangersLimit {
                    since,
                    last_at: now,
                });
            }
            HealthFact::StrangerTaken { chat } => self.meet(*chat, now),
            HealthFact::FloodWait { seconds } => self.wait(*seconds, now),
            HealthFact::TooFast(pace) => self.pace = Some(*pace),
            HealthFact::Mark { marked } => {
                self.mark = Some(UnofficialMark {
                    marked: *marked,
                    seen_at: now,
                });
            }
            HealthFact::Paid { chat, stars } => {
                let known = self.paid.iter().find(|peer| peer.chat_id == *chat);
                if known.is_none_or(|peer| peer.stars != *stars) {
                    self.paid.retain(|peer| peer.chat_id != *chat);
                    self.paid.push(PaidPeer {
                        chat_id: *chat,
                        stars: *stars,
                        learned_at: now,
                    });
                }
                let surplus = self.paid.len().saturating_sub(MOST_PAID);
                self.paid.drain(..surplus);
            }
            HealthFact::Unpaid { chat } => self.paid.retain(|peer| peer.chat_id != *chat),
        }
        *self != before
    }

    /// A refused call tells less than the configuration: what that said stays.
    fn freeze(&mut self, told: &Frozen, now: Timestamp) {
        let known = self.frozen.take().unwrap_or_default();
        self.frozen = Some(Frozen {
            since: told.since.or(known.since).or(Some(now)),
            until: told.until.or(known.until),
            appeal_url: told.appeal_url.clone().or(known.appeal_url),
        });
    }

    fn meet(&mut self, chat_id: ChatId, now: Timestamp) {
        self.strangers = None;
        self.met.retain(|met| now.until(met.at) < DAY);
        if self.met.iter().all(|met| met.chat_id != chat_id) {
            self.met.push(Met { chat_id, at: now });
        }
        let surplus = self.met.len().saturating_sub(MOST_MET);
        self.met.drain(..surplus);
    }

    /// Whom it wrote to for the first time within the last day, without having been written to.
    #[must_use]
    pub fn met_lately(&self, now: Timestamp) -> Vec<Met> {
        let lately = self.met.iter().filter(|met| now.until(met.at) < DAY);
        lately.copied().collect()
    }

    /// What a minute may have, as far as Telegram has taught it.
    #[must_use]
    pub const fn pace(&self) -> Option<LearnedPace> {
        self.pace
    }

    /// It was learned under other limits.
    pub const fn forget_pace(&mut self) {
        self.pace = None;
    }

    fn wait(&mut self, seconds: u32, now: Timestamp) {
        self.waits.retain(|wait| now.until(wait.at) < DAY);
        self.waits.push(FloodWait { at: now, seconds });
        let surplus = self.waits.len().saturating_sub(MOST_WAITS);
        self.waits.drain(..surplus);
    }

    #[must_use]
    pub fn shown(self, limits: PaceLimits, now: Timestamp) -> Health {
        let lately = self.waits.iter().filter(|wait| now.until(wait.at) < DAY);
        let flood_waits = lately.fold(FloodDay::default(), |day, wait| FloodDay {
            count: day.count + 1,
            seconds: day.seconds + u64::from(wait.seconds),
            longest_s: day.longest_s.max(wait.seconds),
            last_at: Some(wait.at),
        });
        let met = self.met_lately(now).len();
        Health {
            strangers_today: u32::try_from(met).unwrap_or(u32::MAX),
            frozen: self.frozen,
            strangers_limited: self.strangers,
            paid: self.paid,
            flood_waits,
            unofficial: self.mark,
            learned_per_minute: self
                .pace
                .map(|pace| pace.per_minute(now))
                .filter(|learned| limits.per_minute.is_some_and(|set| *learned < set)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const LIMITS: PaceLimits = PaceLimits {
        strangers_per_day: None,
        per_minute: Some(60),
    };

    /// Protects who wonders why less goes out than is set: it is told for as long as it is so.
    #[test]
    fn a_pace_that_was_learned_is_told_until_it_is_over() {
        let now = Timestamp::from_seconds(1_000_000);
        let mut record = HealthRecord::default();
        let pace = LearnedPace::after(None, 20, 60, now);
        assert!(record.learn(&HealthFact::TooFast(pace), now));
        let shown = |at| record.clone().shown(LIMITS, at).learned_per_minute;
        assert_eq!((shown(now), shown(now.plus(HOUR * 12))), (Some(16), None));
        let off = PaceLimits {
            per_minute: None,
            ..LIMITS
        };
        assert_eq!(record.clone().shown(off, now).learned_per_minute, None);
        record.forget_pace();
        assert_eq!(record, HealthRecord::default());
    }

    /// Protects what is told of flood waits: those of the last day, and no more of them than are kept.
    #[test]
    fn flood_waits_are_those_of_the_last_day() {
        let start = Timestamp::from_seconds(1_000_000);
        let mut record = HealthRecord::default();
        for hour in 0..30 {
            let at = start.plus(HOUR * hour);
            assert!(record.learn(&HealthFact::FloodWait { seconds: 10 + hour }, at));
        }
        let day = record
            .clone()
            .shown(LIMITS, start.plus(HOUR * 29))
            .flood_waits;
        assert_eq!((day.count, day.longest_s), (24, 39));
        assert_eq!(day.last_at, Some(start.plus(HOUR * 29)));
        let later = record
            .clone()
            .shown(LIMITS, start.plus(HOUR * 60))
            .flood_waits;
        assert_eq!(later, FloodDay::default());
        for _ in 0..1_000 {
            record.learn(&HealthFact::FloodWait { seconds: 1 }, start.plus(HOUR * 30));
        }
        assert_eq!(record.waits.len(), MOST_WAITS);
    }

    /// Protects the date of an appeal: a refused call, which names none, does not take it away.
    #[test]
    fn what_the_configuration_said_of_a_freeze_stays() {
        let now = Timestamp::from_seconds(1_000_000);
        let told = Frozen {
            since: Some(now),
            until: Some(now.plus(HOUR)),
            appeal_url: Some("https://t.me/spambot".to_owned()),
        };
        let mut record = HealthRecord::default();
        assert!(record.learn(&HealthFact::Frozen(Frozen::default()), now));
        assert!(record.learn(&HealthFact::Frozen(told.clone()), now.plus(HOUR)));
        assert!(!record.learn(&HealthFact::Frozen(Frozen::default()), now.plus(HOUR)));
        assert_eq!(record.clone().shown(LIMITS, now).frozen, Some(told));
        assert!(record.learn(&HealthFact::NotFrozen, now));
        assert_eq!(record.shown(LIMITS, now), Health::default());
    }

    /// Protects the age of a limit: seen again it is as old as before; a message that is taken ends it.
    #[test]
    fn a_limit_keeps_its_age_and_ends() {
        let now = Timestamp::from_seconds(1_000_000);
        let mut record = HealthRecord::default();
        record.learn(&HealthFact::StrangersRefused, now);
        record.learn(&HealthFact::StrangersRefused, now.plus(HOUR));
        let limit = record.clone().shown(LIMITS, now).strangers_limited.unwrap();
        assert_eq!((limit.since, limit.last_at), (now, now.plus(HOUR)));
        let chat = ChatId::user(7);
        assert!(record.learn(&HealthFact::StrangerTaken { chat }, now));
        assert!(!record.learn(&HealthFact::StrangerTaken { chat }, now));
        assert_eq!(record.clone().shown(LIMITS, now).strangers_today, 1);
        for peer in 0..50 {
            let chat = ChatId::user(peer);
            record.learn(&HealthFact::Paid { chat, stars: 5 }, now);
        }
        let paid = record.shown(LIMITS, now).paid;
        assert_eq!((paid.len(), paid[0].chat_id), (MOST_PAID, ChatId::user(30)));
    }
}
