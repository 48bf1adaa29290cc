//! Pace: how much an account may send by itself, before Telegram says that it was too much.
//!
//! Whoever wrote to the account is answered at once: no limit here holds a reply to them.

use serde::{Deserialize, Serialize};

/// What one account is held to; `None`: not at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PaceLimits {
    /// People who never wrote to it, and whom it writes to for the first time within a day.
    pub strangers_per_day: Option<u32>,
    /// Messages to such people, and to groups and channels where nobody wrote; those that answer somebody aside.
    pub per_minute: Option<u32>,
}

impl PaceLimits {
    pub const MOST: u32 = 1_000;
}

/// Telegram names no numbers. These are below what people report of accounts that were limited.
impl Default for PaceLimits {
    fn default() -> Self {
        Self {
            strangers_per_day: Some(30),
            per_minute: Some(60),
        }
    }
}

/// Why a message waits although nothing is in its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    Strangers,
    Minute,
}
