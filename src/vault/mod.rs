//! Vault: sessions at rest, sealed.
//!
//! Receives: credentials, sessions and sign-in states from `account` and `web`; rows changed by hand in Supabase.
//! Sends:    sealed rows to `store` and to Supabase; [`RemoteChange`] to whoever asked for [`Vault::changes`].
//! Promises: nothing secret touches a disk or a wire in the open; a sealed copy is always here, so Supabase may be
//!           away; a row changed by somebody else is noticed and never overwritten blindly.
//! Does not: know what is inside a session, or decide which account runs.

mod account;
mod error;
mod harden;
mod status;

use tokio::sync::broadcast;

pub use account::{AccountSummary, Credentials, RemoteChange, VaultAccount};
pub use error::VaultError;
pub use harden::harden_process;
pub use status::{VaultKind, VaultState, VaultStatus};

use crate::domain::{AccountId, SecretBytes};

/// The vault's handle; cheap to clone.
#[derive(Clone)]
pub struct Vault {
    changes: broadcast::Sender<RemoteChange>,
}

impl Vault {
    /// What the account connects with.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or [`VaultError::Sealed`] when what is stored was tampered with or mixed up.
    pub async fn credentials(&self, id: AccountId) -> Result<Credentials, VaultError> {
        Err(VaultError::UnknownAccount(id))
    }

    /// Every account the vault knows, oldest first. The service makes its own rows agree with it at start.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn accounts(&self) -> Result<Vec<AccountSummary>, VaultError> {
        Err(VaultError::Closed)
    }

    /// Stores a new account, or a changed label, `is_active` or api_id/api_hash of a known one.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn put_account(&self, account: VaultAccount) -> Result<(), VaultError> {
        Err(VaultError::UnknownAccount(account.id))
    }

    /// Stores the session of a new sign-in. The one before it is kept until [`Self::confirm_session`].
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn save_session(
        &self,
        id: AccountId,
        _session: &SecretBytes,
    ) -> Result<(), VaultError> {
        Err(VaultError::UnknownAccount(id))
    }

    /// The new session connected: the previous one is forgotten. Nothing happens when there is none.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn confirm_session(&self, id: AccountId) -> Result<(), VaultError> {
        Err(VaultError::UnknownAccount(id))
    }

    /// The new session was no good: back to the previous one. `false` when there is none.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn restore_previous_session(&self, id: AccountId) -> Result<bool, VaultError> {
        Err(VaultError::UnknownAccount(id))
    }

    /// Signed out: session, previous session and sign-in state are gone, here and in Supabase.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn clear_session(&self, id: AccountId) -> Result<(), VaultError> {
        Err(VaultError::UnknownAccount(id))
    }

    /// Forgets the account, here and in Supabase. Removing an unknown one is no error.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn remove(&self, id: AccountId) -> Result<(), VaultError> {
        Err(VaultError::UnknownAccount(id))
    }

    /// Keeps (or with `None` forgets) what a sign-in needs between "code sent" and "verified"; never leaves this machine.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn save_sign_in_state(
        &self,
        id: AccountId,
        _state: Option<&SecretBytes>,
    ) -> Result<(), VaultError> {
        Err(VaultError::UnknownAccount(id))
    }

    /// The sign-in that was under way, if any.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or [`VaultError::Sealed`].
    pub async fn sign_in_state(&self, id: AccountId) -> Result<Option<SecretBytes>, VaultError> {
        Err(VaultError::UnknownAccount(id))
    }

    /// Where the vault stands right now.
    #[must_use]
    pub fn status(&self) -> VaultStatus {
        VaultStatus::starting(VaultKind::Local)
    }

    /// What happens to the rows in Supabase from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<RemoteChange> {
        self.changes.subscribe()
    }

    /// Stops the sync task; what is queued stays queued. Waits at most a few seconds.
    pub async fn close(&self) {}
}
