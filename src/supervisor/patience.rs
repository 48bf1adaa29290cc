//! Patience: what Telegram's answer to a log-out means for its order. Pure: told what was said, when, and a random number.

use std::time::{Duration, Instant};

use crate::telegram::Parting;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A key that is unknown this often in a row, over most of a key's patience, is unknown for good.
const KEY_TRIES: u32 = 3;

/// What becomes of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// There is nothing left to sign out.
    Over,
    /// Tried again later; why.
    Again(String),
}

/// How often an order was tried in vain.
#[derive(Debug)]
pub struct Patience {
    tries: u32,
    next_try: Instant,
    /// Since when the key is unknown, and how often that was said.
    key_unknown: Option<(Instant, u32)>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 0,
            next_try: Instant::now(),
            key_unknown: None,
        }
    }
}

impl Patience {
    pub const fn next_try(&self) -> Instant {
        self.next_try
    }

    pub const fn was_in_vain(&self) -> bool {
        self.tries > 0
    }

    /// `chance` is in 0..1 and spreads the waits of orders that were given together.
    pub fn judge(
        &mut self,
        parting: &Parting,
        now: Instant,
        key_patience: Duration,
        chance: f64,
    ) -> Next {
        let why = match parting {
            Parting::Done | Parting::AlreadyOver(_) => return Next::Over,
            Parting::Wait(wait) => {
                self.next_try = now + (*wait).max(FIRST_WAIT);
                return Next::Again(format!("not before {} s are over", wait.as_secs()));
            }
            Parting::KeyUnknown => {
                let (since, tries) = self.key_unknown.unwrap_or((now, 0));
                if tries + 1 >= KEY_TRIES && now.duration_since(since) >= key_patience / 2 {
                    return Next::Over;
                }
                self.key_unknown = Some((since, tries + 1));
                "Telegram does not know its key".to_owned()
            }
            Parting::Unreachable(why) => {
                self.key_unknown = None;
                why.clone()
            }
        };
        let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.tries.min(16)));
        let mut wait = doubled.min(LONGEST_WAIT).mul_f64(0.5 + chance / 2.0);
        if self.key_unknown.is_some() {
            wait = wait.max(key_patience / KEY_TRIES);
        }
        self.tries = self.tries.saturating_add(1);
        self.next_try = now + wait;
        Next::Again(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::{LinkExit, LoginLost};

    const KEY_PATIENCE: Duration = Duration::from_secs(600);

    fn judge(patience: &mut Patience, parting: &Parting, now: Instant) -> Next {
        patience.judge(parting, now, KEY_PATIENCE, 1.0)
    }

    /// Protects orders from being dropped before Telegram said so, and sealed sessions from being kept after it.
    #[test]
    fn only_telegrams_word_ends_an_order() {
        let now = Instant::now();
        let over = |reason| Parting::AlreadyOver(LinkExit::NeedsLogin { reason });
        for parting in [
            Parting::Done,
            over(LoginLost::Unregistered),
            over(LoginLost::Revoked),
            over(LoginLost::DuplicatedKey),
        ] {
            assert_eq!(judge(&mut Patience::default(), &parting, now), Next::Over);
        }
        let mut patience = Patience::default();
        let away = Parting::Unreachable("refused".to_owned());
        let mut waits = Vec::new();
        for _ in 0..1_000 {
            assert!(matches!(judge(&mut patience, &away, now), Next::Again(_)));
            waits.push((patience.next_try() - now).as_secs());
        }
        assert_eq!(waits[..7], [1, 2, 4, 8, 16, 32, 60]);
        assert!(waits[7..].iter().all(|wait| *wait == 60));
    }

    /// Protects a login from a flood: Telegram's own time is kept.
    #[test]
    fn a_wait_is_waited() {
        let now = Instant::now();
        let mut patience = Patience::default();
        let wait = Parting::Wait(Duration::from_secs(700));
        assert!(matches!(judge(&mut patience, &wait, now), Next::Again(_)));
        assert_eq!(patience.next_try() - now, Duration::from_secs(700));
        assert!(!patience.was_in_vain(), "Telegram can be reached");
    }

    /// Protects sessions from a passing -404: only a key that stays unknown is one that needs no farewell.
    #[test]
    fn an_unknown_key_gets_some_patience() {
        let mut now = Instant::now();
        let mut patience = Patience::default();
        for _ in 0..2 {
            let next = judge(&mut patience, &Parting::KeyUnknown, now);
            assert!(matches!(next, Next::Again(_)));
            assert!(patience.next_try() - now >= KEY_PATIENCE / KEY_TRIES);
            now = patience.next_try();
        }
        assert_eq!(judge(&mut patience, &Parting::KeyUnknown, now), Next::Over);

        let mut patience = Patience::default();
        for _ in 0..20 {
            judge(&mut patience, &Parting::KeyUnknown, now);
            now = patience.next_try();
            let away = Parting::Unreachable("refused".to_owned());
            let next = judge(&mut patience, &away, now);
            assert!(matches!(next, Next::Again(_)), "not in a row");
            now = patience.next_try();
        }
    }
}
