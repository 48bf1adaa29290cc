//! Why filling can't go on, and with that when it does.

use crate::{account::reading::FetchError, store::StoreError, telegram::CallError};

pub(super) enum Halt {
    /// Telegram named the time itself; the pace keeps it.
    Flood,
    /// Later, by itself.
    Trouble(String),
    /// The account ends.
    End,
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed | StoreError::AccountNotFound => Self::End,
            other => Self::Trouble(other.to_string()),
        }
    }
}

impl From<CallError> for Halt {
    fn from(error: CallError) -> Self {
        match error {
            CallError::FloodWait(_) => Self::Flood,
            CallError::SignedOut(_) => Self::End,
            CallError::Network(_)
            | CallError::StoreAway(_)
            | CallError::TimedOut
            | CallError::Rejected { .. }
            | CallError::Unreadable
            | CallError::Unresolvable => Self::Trouble(error.to_string()),
        }
    }
}

impl From<FetchError> for Halt {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Store(error) => error.into(),
            FetchError::Call(error) => error.into(),
        }
    }
}
