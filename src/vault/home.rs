//! Home: where the accounts are kept for good. Two vaults behind one trait: the service's own database, where a row is
//! at home as soon as it is written, and Supabase (`sync.rs`), whose rows the ones here are kept alike with.
//!
//! The service runs from the sealed rows of its database in both cases; nothing waits for a home.

use std::future::Future;

use super::VaultKind;

pub(super) trait Home: Send + 'static {
    const KIND: VaultKind;

    /// Looks at all rows there, takes what is new there and gives what is new here.
    fn pull(&mut self) -> impl Future<Output = ()> + Send;

    /// The last look met what a person has to mend there, and may be mending just now.
    fn is_refused(&self) -> bool {
        false
    }

    /// Gives what is new here.
    fn push(&mut self) -> impl Future<Output = ()> + Send;

    /// Brings every row there under the first key of the ring. `false`: not all of them, for now.
    fn reseal(&mut self) -> impl Future<Output = bool> + Send;
}

/// The service's own database.
pub(super) struct OwnDatabase;

impl Home for OwnDatabase {
    const KIND: VaultKind = VaultKind::Local;

    async fn pull(&mut self) {}

    async fn push(&mut self) {}

    async fn reseal(&mut self) -> bool {
        true
    }
}
