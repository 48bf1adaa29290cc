//! Failures: how many wrong tokens came from where lately.
//!
//! Each node counts what was shown to it: whoever guesses at several has so many more tries, and a token has 256 bits.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Wrong tokens from one address within [`WINDOW`] that get a plain answer.
const PLENTY: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered at most.
const ADDRESSES: usize = 4096;

#[derive(Debug, Default)]
pub struct Failures(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Failures {
    /// Has this address to wait already?
    pub fn too_many(&self, ip: IpAddr) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&ip)
            .is_some_and(|(since, count)| since.elapsed() < WINDOW && *count > PLENTY)
    }

    /// One more. `Some`: too many, come back after this time.
    pub fn count(&self, ip: IpAddr) -> Option<Duration> {
        let now = Instant::now();
        // Whole after every statement: a panic elsewhere can't leave the map half-changed.
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= ADDRESSES {
            seen.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
            if seen.len() >= ADDRESSES {
                seen.clear();
            }
        }
        let (since, count) = seen.entry(ip).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        (*count > PLENTY).then(|| WINDOW.saturating_sub(now.duration_since(*since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects against guessing: after twenty wrong tokens an address has to wait, others don't.
    #[test]
    fn an_address_that_keeps_guessing_has_to_wait() {
        let failures = Failures::default();
        let guesser = IpAddr::from([10, 0, 0, 1]);
        for _ in 0..PLENTY {
            assert_eq!(failures.count(guesser), None);
        }
        assert!(!failures.too_many(guesser));
        assert!(failures.count(guesser).is_some());
        assert!(failures.too_many(guesser));
        assert_eq!(failures.count(IpAddr::from([10, 0, 0, 2])), None);
    }
}
