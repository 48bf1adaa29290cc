//! Counts of what the wire did, for tests, the control API and benches.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Live counts.
        #[derive(Default)]
        pub(super) struct Counts { $(pub $name: AtomicU64),+ }

        /// The counts at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct WireCounters { $($(#[$doc])* pub $name: u64),+ }

        impl Counts {
            pub fn snapshot(&self) -> WireCounters {
                WireCounters { $($name: self.$name.load(Ordering::Relaxed)),+ }
            }
        }
    };
}

counters! {
    connections_opened,
    connections_closed,
    /// Frames from clients that were whole.
    frames_in,
    bytes_in,
    bytes_out,
    /// Calls handed to the backend.
    calls,
    /// Answers sent, errors included.
    answers,
    /// Answers sent a second time because nobody acknowledged them.
    answers_resent,
    /// Pushes that went to a connection; one for two sessions counts twice.
    pushes,
    /// Pushes that met no connection, a full queue or a fault.
    pushes_lost,
    /// Key exchanges that ended with a key.
    keys_made,
    /// Exchanges and packets refused for what they carried.
    violations,
    /// `bad_msg_notification` and `bad_server_salt` sent.
    messages_refused,
    /// Connections dropped because their reader was too slow.
    slow_readers,
    /// Faults that happened.
    faults,
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
