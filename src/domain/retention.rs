//! Retention: for how long what is stored is kept. Without a word from somebody, for ever.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// An account's own word, in days. `None`: as for all; 0: for ever, whatever holds for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Retention {
    pub messages_days: Option<u32>,
    pub media_days: Option<u32>,
}

/// What holds for all accounts that say nothing of their own, in days. `None`: for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct KeepFor {
    pub messages_days: Option<u32>,
    pub media_days: Option<u32>,
    /// The log of events is one for all accounts.
    pub events_days: Option<u32>,
}

impl Retention {
    /// Repeats of a call are answered for a week, with the messages that it made.
    pub const SHORTEST: u32 = 7;
    pub const LONGEST: u32 = 36_500;

    /// What is in force for an account's messages. `None`: they stay.
    #[must_use]
    pub fn messages(self, all: &KeepFor) -> Option<u32> {
        self.messages_days
            .or(all.messages_days)
            .filter(|days| *days > 0)
    }

    /// What is in force for the files that an account has fetched. `None`: they stay, as far as there is room.
    #[must_use]
    pub fn media(self, all: &KeepFor) -> Option<u32> {
        self.media_days.or(all.media_days).filter(|days| *days > 0)
    }

    /// Can this be wanted?
    #[must_use]
    pub fn fits(days: u32) -> bool {
        (Self::SHORTEST..=Self::LONGEST).contains(&days)
    }
}

/// What is older than this goes.
#[must_use]
pub fn kept_since(days: u32, now: Timestamp) -> Timestamp {
    let kept = i64::try_from((DAY * days).as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.millis().saturating_sub(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects what an account keeps for ever from what holds for all, and everything where nobody said a word.
    #[test]
    fn an_accounts_own_word_stands_above_the_one_for_all() {
        let all = KeepFor {
            messages_days: Some(90),
            ..KeepFor::default()
        };
        let of = |days| Retention {
            messages_days: days,
            media_days: None,
        };
        for (own, all, expected) in [
            (None, KeepFor::default(), None),
            (None, all, Some(90)),
            (Some(30), all, Some(30)),
            (Some(30), KeepFor::default(), Some(30)),
            (Some(0), all, None),
        ] {
            assert_eq!(of(own).messages(&all), expected, "{own:?}");
            assert_eq!(of(own).media(&all), None);
        }
        let now = Timestamp::from_seconds(10 * 24 * 3_600);
        let since = kept_since(7, now);
        assert_eq!(since, Timestamp::from_seconds(3 * 24 * 3_600));
    }
}
