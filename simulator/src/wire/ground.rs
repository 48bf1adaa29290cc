//! What every part of a wire stands on: its settings, counts, faults, salts and clock.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use rand::RngExt;

use super::{
    config::WireConfig,
    counters::{Counts, count},
    fault::{Faults, Victim, WireFault},
    link::Link,
    salts::Salts,
};

pub struct Ground {
    pub config: WireConfig,
    pub faults: Faults,
    pub counts: Arc<Counts>,
    pub salts: Salts,
}

impl Ground {
    pub fn new(config: WireConfig) -> Self {
        Self {
            config,
            faults: Faults::default(),
            counts: Arc::default(),
            salts: Salts(rand::rng().random()),
        }
    }

    /// Does this fault happen now? Counts it.
    pub fn strikes(&self, victim: Victim, fault: &WireFault) -> bool {
        let strikes = self.faults.strikes(victim, fault);
        if strikes {
            count(&self.counts.faults);
        }
        strikes
    }

    /// Like [`Ground::strikes`] for faults that carry a value.
    pub fn hit<T>(&self, victim: Victim, pick: impl Fn(&WireFault) -> Option<T>) -> Option<T> {
        let found = self.faults.hit(victim, pick)?;
        count(&self.counts.faults);
        Some(found)
    }

    /// Seconds since 1970 by the server's clock, which a fault may have set wrong for this connection.
    pub fn seconds(&self, link: Option<&Link>) -> i64 {
        self.nanoseconds(link).0
    }

    fn nanoseconds(&self, link: Option<&Link>) -> (i64, u32) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut seconds = now.as_secs() as i64;
        if self.faults.any()
            && let Some(link) = link
        {
            let wrong_by = self.faults.peek(link.victim(), |fault| match fault {
                WireFault::WrongClock { seconds } => Some(i64::from(*seconds)),
                _ => None,
            });
            seconds += wrong_by.unwrap_or(0);
        }
        (seconds, now.subsec_nanos())
    }

    /// The server's time as a message id, its two lowest bits free.
    pub fn message_time(&self, link: Option<&Link>) -> i64 {
        let (seconds, nanoseconds) = self.nanoseconds(link);
        let fraction = (u64::from(nanoseconds) << 32) / 1_000_000_000;
        seconds << 32 | (fraction as i64 & !3)
    }
}
