//! Tickets: a browser can't set a header on a WebSocket, and a token must not be in an address. So an
//! authenticated call gets a ticket that opens one socket within thirty seconds. Of one process they are in its memory; of several
//! nodes they are rows, so that a ticket opens a socket at any node, and once among all of them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Owner,
    codes::CodeKind,
    secrets::{random_text, sha256_hex},
};
use crate::{
    domain::{SecretText, Timestamp},
    store::{CodeRoom, StoreError, StoreHandle},
    web::Access,
};

const LIFETIME: Duration = Duration::from_secs(30);
/// Tickets of one caller that may wait at the same time; its oldest goes first.
const WAITING_EACH: usize = 64;
/// Of all callers together; then the oldest of whoever has most goes.
const WAITING: usize = 4096;

const ROWS: CodeKind = CodeKind {
    name: "ticket",
    room: CodeRoom {
        each: WAITING_EACH as i64,
        all: WAITING as i64,
    },
    lasts: LIFETIME,
};

/// # Errors
/// When it can't be stored, where other nodes have to know it.
pub async fn give(
    store: &StoreHandle,
    tickets: &Tickets,
    access: Access,
) -> Result<(SecretText, Timestamp), StoreError> {
    if !store.is_shared() {
        return Ok(tickets.give(access));
    }
    let (token, owner) = whose(&access);
    let whose = format!("{token:?} {}", owner.map(Owner::tag).unwrap_or_default());
    let text = ROWS.give(store, whose, &access).await?;
    Ok((text, Timestamp::now().plus(LIFETIME)))
}

/// Uses a ticket up.
///
/// # Errors
/// When the rows can't be asked.
pub async fn take(
    store: &StoreHandle,
    tickets: &Tickets,
    text: &SecretText,
) -> Result<Option<Access>, StoreError> {
    match store.is_shared() {
        true => ROWS.take(store, text).await,
        false => Ok(tickets.take(text)),
    }
}

#[derive(Debug, Default)]
pub struct Tickets(Mutex<Vec<(String, Instant, Access)>>);

impl Tickets {
    pub fn give(&self, access: Access) -> (SecretText, Timestamp) {
        let text = random_text();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, made, _)| made.elapsed() < LIFETIME);
        let same = |kept: &Access| whose(kept) == whose(&access);
        let own = waiting.iter().filter(|(_, _, kept)| same(kept)).count();
        let goes = if own >= WAITING_EACH {
            waiting.iter().position(|(_, _, kept)| same(kept))
        } else if waiting.len() >= WAITING {
            of_whoever_has_most(&waiting)
        } else {
            None
        };
        if let Some(at) = goes {
            waiting.remove(at);
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

/// A token has tickets of its own, and so has a licence that a token calls for.
const fn whose(access: &Access) -> (Option<i64>, Option<&Owner>) {
    (access.token, access.owner.as_ref())
}

fn of_whoever_has_most(waiting: &[(String, Instant, Access)]) -> Option<usize> {
    let mut counts = HashMap::new();
    for (_, _, access) in waiting {
        *counts.entry(whose(access)).or_insert(0_usize) += 1;
    }
    let (most, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    waiting
        .iter()
        .position(|(_, _, access)| whose(access) == most)
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

    /// Protects one caller's sockets from another who asks for tickets without end.
    #[test]
    fn nobody_pushes_out_the_tickets_of_others() {
        let tickets = Tickets::default();
        let of = |token| Access {
            token: Some(token),
            ..Access::LOCAL
        };
        let (one, _) = tickets.give(of(1));
        let (first, _) = tickets.give(of(2));
        for _ in 0..WAITING_EACH {
            tickets.give(of(2));
        }
        assert_eq!(tickets.take(&one), Some(of(1)));
        assert_eq!(tickets.take(&first), None, "its own oldest goes");
        for token in 0..(WAITING as i64) {
            tickets.give(of(10 + token));
        }
        let (late, _) = tickets.give(of(1));
        assert_eq!(tickets.take(&late), Some(of(1)));
    }
}
