//! Figures of the writer, for the metrics page.

use prometheus_client::{
    metrics::{
        counter::Counter,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// Cheap to clone; all clones show the same figures.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    pub commit_seconds: Histogram,
    pub batch_rows: Histogram,
    /// Updates that Telegram would not replay.
    pub holes: Counter,
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self {
            commit_seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            batch_rows: Histogram::new(exponential_buckets(1.0, 2.0, 14)),
            holes: Counter::default(),
        }
    }
}

impl StoreMetrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "switchboard_store_commit_seconds",
            "From BEGIN to the end of COMMIT",
            self.commit_seconds.clone(),
        );
        registry.register(
            "switchboard_store_batch_rows",
            "Messages and events in one transaction",
            self.batch_rows.clone(),
        );
        registry.register(
            "switchboard_holes",
            "Gaps that were filled, or could only be noted",
            self.holes.clone(),
        );
    }
}
