//! Using: an account's session is in use here beside its own line. Its lease is not let go of before that is over.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::owned::Shared;
use crate::domain::AccountId;

/// Uses of one account.
#[derive(Default)]
pub(super) struct Users {
    pub count: usize,
    /// Asks them to end.
    pub over: CancellationToken,
}

/// Held for as long as a session is used.
pub struct Use(Option<Of>);

struct Of {
    account: AccountId,
    over: CancellationToken,
    shared: Arc<Shared>,
}

impl Use {
    /// Where nobody else could use it.
    pub(super) const fn alone() -> Self {
        Self(None)
    }

    pub(super) const fn new(
        account: AccountId,
        over: CancellationToken,
        shared: Arc<Shared>,
    ) -> Self {
        Self(Some(Of {
            account,
            over,
            shared,
        }))
    }

    /// Ends when the account is to be let go of: another node waits for it.
    pub async fn ended(&self) {
        match &self.0 {
            Some(one) => one.over.cancelled().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        if let Some(one) = &self.0 {
            one.shared.used(one.account);
        }
    }
}
