//! Tickets: a browser can't set a header on a WebSocket, and a token must not be in an address. So an
//! authenticated call gets a ticket that opens one socket within thirty seconds.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::secrets::{random_text, sha256_hex};
use crate::{
    domain::{SecretText, Timestamp},
    web::Access,
};

const LIFETIME: Duration = Duration::from_secs(30);
/// Tickets that may wait at the same time; the oldest goes first.
const WAITING: usize = 1024;

#[derive(Debug, Default)]
pub struct Tickets(Mutex<Vec<(String, Instant, Access)>>);

impl Tickets {
    pub fn give(&self, access: Access) -> (SecretText, Timestamp) {
        let text = random_text();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, made, _)| made.elapsed() < LIFETIME);
        if waiting.len() >= WAITING {
            waiting.remove(0);
        }
        waiting.push((sha256_hex(&text), Instant::now(), access));
        (SecretText::new(text), Timestamp::now().plus(LIFETIME))
    }

    /// Uses a ticket up.
    pub fn take(&self, text: &SecretText) -> Option<Access> {
        let hash = sha256_hex(text.expose());
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, made, _)| made.elapsed() < LIFETIME);
        let at = waiting.iter().position(|(known, _, _)| *known == hash)?;
        Some(waiting.remove(at).2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects sockets: a ticket seen in an address afterwards is worth nothing.
    #[test]
    fn a_ticket_opens_one_socket() {
        let tickets = Tickets::default();
        let (ticket, _) = tickets.give(Access::LOCAL);
        assert_eq!(tickets.take(&ticket), Some(Access::LOCAL));
        assert_eq!(tickets.take(&ticket), None);
    }
}
