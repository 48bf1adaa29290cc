//! What the wire's tests share: a backend that knows no users, and a raw client that can break every rule.

#![allow(dead_code, reason = "each test binary uses its own part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

pub mod backend;
pub mod client;
pub mod exchange;
pub mod library;
#[path = "../pool_support/mod.rs"]
mod pool_support;

use std::{future::Future, time::Duration};

/// The one generous limit of all waiting in these tests.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Waits for a future, and says what did not come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// Waits until a state holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    soon(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// A key for seeded clients; different numbers give different keys.
pub fn seeded_key(number: u8) -> [u8; 256] {
    std::array::from_fn(|at| {
        number
            .wrapping_mul(31)
            .wrapping_add((at as u8).wrapping_mul(7))
            | 1
    })
}
