//! Launch codes: how a person's browser gets in while tokens are in force. A code is printed where the person
//! sits, works once and for ten minutes, and is worth nothing by itself. Of several nodes the codes are rows: a link opens the desk at
//! any of them, and once.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{
    codes::CodeKind,
    secrets::{random_text, sha256_hex},
};
use crate::{
    domain::SecretText,
    store::{CodeRoom, StoreError, StoreHandle},
    web::{Access, front::OwnAddress},
};

/// The desk's cookie. A browser sends it to every port of the machine (RFC 6265, 8.5), so its name says which one it is for:
/// two services beside each other don't take each other's desks away.
#[must_use]
pub fn cookie_name(own: Option<OwnAddress>) -> String {
    match own {
        Some(OwnAddress(address)) => format!("switchboard_{}", address.port()),
        None => "switchboard".to_owned(),
    }
}

pub const LAUNCH_LIFETIME: Duration = Duration::from_secs(600);
/// Codes that may wait at the same time; the oldest goes first.
const WAITING: usize = 16;

/// Whose code it is; it ends with that.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Giver {
    /// Somebody who may open desks.
    Caller(Access),
    /// The service itself, on its console, while these tokens counted.
    Console(Vec<i64>),
}

/// What came of a launch link.
pub enum Launched {
    Refused,
    /// Nobody needs to prove anything here now.
    Open,
    Desk {
        text: SecretText,
        /// `None`: from the console.
        launched_by: Option<i64>,
    },
}

const ROWS: CodeKind = CodeKind {
    name: "launch",
    room: CodeRoom {
        each: WAITING as i64,
        all: WAITING as i64,
    },
    lasts: LAUNCH_LIFETIME,
};

/// # Errors
/// When it can't be stored, where other nodes have to know it.
pub async fn give(
    store: &StoreHandle,
    codes: &LaunchCodes,
    giver: Giver,
) -> Result<SecretText, StoreError> {
    match store.is_shared() {
        true => ROWS.give(store, String::new(), &giver).await,
        false => Ok(codes.give(giver)),
    }
}

/// Uses a code up.
///
/// # Errors
/// When the rows can't be asked.
pub async fn take(
    store: &StoreHandle,
    codes: &LaunchCodes,
    code: &SecretText,
) -> Result<Option<Giver>, StoreError> {
    match store.is_shared() {
        true => ROWS.take(store, code).await,
        false => Ok(codes.take(code)),
    }
}

#[derive(Debug, Default)]
pub struct LaunchCodes(Mutex<Vec<(String, Instant, Giver)>>);

impl LaunchCodes {
    pub fn give(&self, giver: Giver) -> SecretText {
        let code = random_text();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, made, _)| made.elapsed() < LAUNCH_LIFETIME);
        if waiting.len() >= WAITING {
            waiting.remove(0);
        }
        waiting.push((sha256_hex(&code), Instant::now(), giver));
        SecretText::new(code)
    }

    /// Uses a code up.
    pub fn take(&self, code: &SecretText) -> Option<Giver> {
        let hash = sha256_hex(code.expose());
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, made, _)| made.elapsed() < LAUNCH_LIFETIME);
        let found = waiting
            .iter()
            .position(|(known, _, _)| bool::from(known.as_bytes().ct_eq(hash.as_bytes())))?;
        Some(waiting.remove(found).2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the desk: a launch link that was used, or guessed, opens nothing.
    #[test]
    fn a_launch_code_works_once() {
        let codes = LaunchCodes::default();
        let code = codes.give(Giver::Caller(Access::LOCAL));
        assert!(codes.take(&SecretText::new("guessed")).is_none());
        assert!(codes.take(&code).is_some());
        assert!(codes.take(&code).is_none());
    }
}
