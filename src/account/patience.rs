//! Patience: how long an order may go without a definite answer. Only time with the line up counts, by the machine's own
//! clock: a night offline is nobody's answer.

use std::time::{Duration, Instant};

/// How long the line has stood since the account was started.
#[derive(Default)]
pub struct Uptime {
    before: Duration,
    since: Option<Instant>,
}

impl Uptime {
    pub fn line(&mut self, stands: bool, now: Instant) {
        if stands == self.since.is_some() {
            return;
        }
        self.before = self.at(now);
        self.since = stands.then_some(now);
    }

    pub fn at(&self, now: Instant) -> Duration {
        let lately = self.since.map(|since| now.saturating_duration_since(since));
        self.before + lately.unwrap_or_default()
    }
}

/// How long one order has gone without a definite answer.
#[derive(Clone, Copy, Default)]
pub struct Unanswered {
    /// What the store knows of, from before this run or this wait.
    before: Duration,
    /// The uptime at which the present stretch began.
    began: Option<Duration>,
}

impl Unanswered {
    pub const fn after(before: Duration) -> Self {
        Self {
            before,
            began: None,
        }
    }

    /// An attempt is made; the pause that may follow it counts too.
    pub fn begin(&mut self, uptime: Duration) {
        self.began.get_or_insert(uptime);
    }

    /// The attempt was begun so much later: files went up before it.
    pub fn began_later(&mut self, by: Duration, uptime: Duration) {
        self.began = self.began.map(|began| (began + by).min(uptime));
    }

    /// Telegram said when to come back, or nothing was asked of it: what follows does not count.
    pub fn stop(&mut self, uptime: Duration) {
        self.before = self.at(uptime);
        self.began = None;
    }

    pub fn at(&self, uptime: Duration) -> Duration {
        let lately = self.began.map(|began| uptime.saturating_sub(began));
        self.before + lately.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Protects a reply from being given up because its account was offline, or told to wait.
    #[test]
    fn neither_time_offline_nor_a_wait_counts() {
        let start = Instant::now();
        let mut uptime = Uptime::default();
        let mut order = Unanswered::after(MINUTE);
        uptime.line(true, start);
        order.begin(uptime.at(start));
        assert_eq!(order.at(uptime.at(start + 2 * MINUTE)), 3 * MINUTE);
        uptime.line(false, start + 2 * MINUTE);
        uptime.line(true, start + 600 * MINUTE);
        let now = start + 601 * MINUTE;
        assert_eq!(order.at(uptime.at(now)), 4 * MINUTE);
        order.stop(uptime.at(now));
        let later = start + 700 * MINUTE;
        assert_eq!(order.at(uptime.at(later)), 4 * MINUTE);
        order.begin(uptime.at(later));
        assert_eq!(order.at(uptime.at(later + MINUTE)), 5 * MINUTE);
    }

    /// Protects a message with a large file: what the upload took is not waited for, and never more than what went by.
    #[test]
    fn the_time_of_an_upload_does_not_count() {
        let mut order = Unanswered::default();
        order.began_later(MINUTE, MINUTE);
        assert_eq!(order.at(2 * MINUTE), Duration::ZERO, "nothing was begun");
        order.begin(MINUTE);
        order.began_later(3 * MINUTE, 10 * MINUTE);
        assert_eq!(order.at(10 * MINUTE), 6 * MINUTE);
        order.began_later(60 * MINUTE, 10 * MINUTE);
        assert_eq!(order.at(11 * MINUTE), MINUTE);
    }
}
