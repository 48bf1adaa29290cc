//! Launch codes: how a person's browser gets in while tokens are in force. A code is printed where the person
//! sits, works once and for ten minutes, and is worth nothing by itself.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use subtle::ConstantTimeEq;

use super::secrets::{random_text, sha256_hex};
use crate::domain::SecretText;

/// The desk's cookie.
pub const COOKIE: &str = "switchboard";
pub const LAUNCH_LIFETIME: Duration = Duration::from_secs(600);
/// Codes that may wait at the same time; the oldest goes first.
const WAITING: usize = 16;

#[derive(Debug, Default)]
pub struct LaunchCodes(Mutex<Vec<(String, Instant)>>);

impl LaunchCodes {
    pub fn give(&self) -> SecretText {
        let code = random_text();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, made)| made.elapsed() < LAUNCH_LIFETIME);
        if waiting.len() >= WAITING {
            waiting.remove(0);
        }
        waiting.push((sha256_hex(&code), Instant::now()));
        SecretText::new(code)
    }

    /// Uses a code up.
    pub fn take(&self, code: &SecretText) -> bool {
        let hash = sha256_hex(code.expose());
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, made)| made.elapsed() < LAUNCH_LIFETIME);
        let before = waiting.len();
        waiting.retain(|(known, _)| !bool::from(known.as_bytes().ct_eq(hash.as_bytes())));
        waiting.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the desk: a launch link that was used, or guessed, opens nothing.
    #[test]
    fn a_launch_code_works_once() {
        let codes = LaunchCodes::default();
        let code = codes.give();
        assert!(!codes.take(&SecretText::new("guessed")));
        assert!(codes.take(&code));
        assert!(!codes.take(&code));
    }
}
