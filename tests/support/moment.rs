//! Moments: as Telegram counts them, and as the API writes them.

use std::time::{SystemTime, UNIX_EPOCH};

pub fn now() -> i32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i32::try_from(since.as_secs()).unwrap()
}

/// As the contract has moments.
pub fn moment(seconds: i32) -> String {
    let at = jiff::Timestamp::from_second(i64::from(seconds)).unwrap();
    format!("{at:.3}")
}
