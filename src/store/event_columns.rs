//! Event columns: what the end of a transaction takes to PostgreSQL: rows of the event log, which get their numbers there, and a mark.

/// Where nodes hear of new events; what is said is the newest number.
pub(super) const CHANNEL: &str = "switchboard_events";

/// By which it is known that a transaction was committed ([`super::marked`]).
pub(super) struct Mark {
    pub writer: String,
    pub before: i64,
    pub after: i64,
}

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
