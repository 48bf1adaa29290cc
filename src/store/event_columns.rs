//! Event columns: rows of the event log as they go to PostgreSQL, which gives them their numbers.

/// Where nodes hear of new events; what is said is the newest number.
pub(super) const CHANNEL: &str = "switchboard_events";

/// The rows of a transaction, by columns.
#[derive(Default)]
pub(super) struct EventColumns {
    pub at: Vec<i64>,
    pub account_no: Vec<i64>,
    pub kind: Vec<i32>,
    pub conversation: Vec<Option<i64>>,
    pub message: Vec<Option<i64>>,
    pub detail: Vec<Option<String>>,
}

impl EventColumns {
    pub fn count(&self) -> i64 {
        i64::try_from(self.at.len()).unwrap_or(i64::MAX)
    }
}
