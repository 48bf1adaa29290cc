//! Errors of the vault, cut by what the caller does next.

use super::key_error::KeyError;
use crate::{domain::AccountId, store::StoreError};

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Answer 404.
    #[error("the vault has no account {0}")]
    UnknownAccount(AccountId),
    /// This account needs a new sign-in, or its row put right; the others are fine.
    #[error("what is stored of account {id} can't be used: {reason}")]
    Sealed { id: AccountId, reason: String },
    /// The service can't start with this master key: tell the person and stop (exit code 2).
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The service can't start like this: tell the person and stop (exit code 2).
    #[error("{0}")]
    Refused(String),
    /// The local database, or its rows, for now; try again later.
    #[error("the vault's rows can't be reached: {0}")]
    Store(StoreError),
    /// The same, for another reason.
    #[error("the vault's rows can't be reached: {0}")]
    Busy(&'static str),
    /// The vault was closed: the service is stopping.
    #[error("the vault is closed")]
    Closed,
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed => Self::Closed,
            error => Self::Store(error),
        }
    }
}
