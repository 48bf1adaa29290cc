//! Terms: the times of leases.

use std::time::Duration;

use crate::store::LeaseTimes;

/// The times that it lives by. Each is less than the next: renewed, given up, ended by the kernel, over, taken by another.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub renew: Duration,
    /// Between two looks at how many nodes and accounts there are, and at what others let go of.
    pub look: Duration,
    /// Without a renewal for so long, lines are given up.
    pub fence: Duration,
    /// Lines that are open still are closed by the end of the process.
    pub fuse: Duration,
    pub lasts: Duration,
    /// Nobody takes an account of a silent node for so long after its lease.
    pub grace: Duration,
    /// How long lines may take to close when the node stops, which has ended after five seconds.
    pub goodbye: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            renew: Duration::from_secs(10),
            look: Duration::from_secs(2),
            fence: Duration::from_secs(25),
            fuse: Duration::from_secs(35),
            lasts: Duration::from_secs(45),
            grace: Duration::from_secs(15),
            goodbye: Duration::from_secs(4),
        }
    }
}

impl Terms {
    /// After so long without a word of a node its accounts are taken.
    pub(super) fn silence(&self) -> Duration {
        self.lasts + self.grace
    }

    pub(super) fn times(&self) -> LeaseTimes {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        LeaseTimes {
            lasts: millis(self.lasts),
            given_up: millis(self.fence),
            grace: millis(self.grace),
        }
    }
}
