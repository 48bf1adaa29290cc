//! Clock: the world's own time, so that tests need not wait for it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix time, or a moment that only moves when told to.
#[derive(Clone, Debug)]
pub struct Clock {
    stopped_at: Option<i64>,
    /// Seconds ahead of the real time: expiry is tested by moving this.
    pub offset: i64,
}

impl Clock {
    pub fn system() -> Self {
        Self {
            stopped_at: None,
            offset: 0,
        }
    }

    pub fn stopped(at: i64) -> Self {
        Self {
            stopped_at: Some(at),
            offset: 0,
        }
    }

    pub fn now(&self) -> i32 {
        let base = self.stopped_at.unwrap_or_else(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs() as i64)
        });
        (base + self.offset) as i32
    }
}
