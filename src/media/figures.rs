//! Figures of the files, for the metrics page.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::MediaError;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    end: &'static str,
}

const WHOLE: &str = "whole";
const GONE: &str = "gone";
const ABANDONED: &str = "abandoned";
const PAUSED: &str = "paused";
const NOT_KEPT: &str = "not_kept";
const FAILED: &str = "failed";
const ENDS: [&str; 6] = [WHOLE, GONE, ABANDONED, PAUSED, NOT_KEPT, FAILED];

/// All clones show the same figures.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    /// Bytes that came from Telegram.
    fetched: Counter,
    /// What became of files that were on their way.
    files: Family<EndLabels, Counter>,
}

impl Figures {
    pub fn came(&self, bytes: u64) {
        self.fetched.inc_by(bytes);
    }

    pub fn ended(&self, end: &Result<(), MediaError>) {
        let end = match end {
            Ok(()) => WHOLE,
            Err(MediaError::Gone) => GONE,
            Err(MediaError::Abandoned) => ABANDONED,
            Err(MediaError::Away | MediaError::Wait(_) | MediaError::Network(_)) => PAUSED,
            Err(MediaError::Disk(_)) => NOT_KEPT,
            Err(_) => FAILED,
        };
        self.files.get_or_create(&EndLabels { end }).inc();
    }

    /// `kept`: bytes in the folder; `on_their_way`: files.
    pub fn register(&self, registry: &mut Registry, kept: u64, on_their_way: usize) {
        let gauge = |value: u64| {
            let gauge: Gauge = Gauge::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            gauge
        };
        // Each is there from the first look.
        for end in ENDS {
            drop(self.files.get_or_create(&EndLabels { end }));
        }
        registry.register(
            "switchboard_media_fetched_bytes",
            "Bytes of files that came from Telegram",
            self.fetched.clone(),
        );
        registry.register(
            "switchboard_media_files",
            "Files that were fetched, by how that ended",
            self.files.clone(),
        );
        registry.register(
            "switchboard_media_kept_bytes",
            "Bytes of files in the folder",
            gauge(kept),
        );
        registry.register(
            "switchboard_media_on_their_way",
            "Files that are being fetched",
            gauge(on_their_way as u64),
        );
    }
}
