//! Vault: sessions at rest, sealed.
//!
//! Receives: credentials, sessions and sign-in states from `account` and `web`; rows changed by hand in Supabase.
//! Sends:    sealed rows to `store` and to Supabase; [`RemoteChange`] to whoever asked for [`Vault::changes`].
//! Promises: nothing secret touches a disk or a wire in the open; a sealed copy is always here, so Supabase may be
//!           away; a row changed by somebody else is noticed and never overwritten blindly.
//! Does not: know what is inside a session, or decide which account runs.

mod account;
mod adopt;
mod answers;
mod calls;
mod cipher;
mod compare;
mod dispute;
mod error;
mod examine;
mod farewells;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod harden;
mod home;
mod keeper;
mod key_error;
mod key_file;
mod keyring;
mod local;
mod merge;
mod open;
mod rekey;
mod sealed_file;
mod sessions;
mod shared;
mod status;
mod supabase;
mod sync;
mod webhook_secrets;

use std::sync::Arc;

use tokio::sync::broadcast;

pub use account::{AccountSummary, Credentials, RemoteChange, SessionEpoch, VaultAccount};
pub use calls::PieceOf;
pub use error::VaultError;
pub use examine::{Finding, examine, own_proxies};
pub use farewells::{Farewell, Parted};
pub use harden::harden_process;
pub use key_error::KeyError;
pub use keyring::{KeySource, Keyring};
pub use open::VaultConfig;
pub use rekey::{Rekeyed, rekey};
pub use sealed_file::{SealedFileError, is_sealed, open_file, seal_file};
pub use status::{VaultConflict, VaultKind, VaultState, VaultStatus};
pub use supabase::{Pace, ServiceKey, SupabaseConfig};
pub use webhook_secrets::WebhookSecrets;

use crate::{
    domain::{AccountId, SecretText},
    store::SealedAccount,
};
use local::Local;
use shared::Shared;

/// The vault's handle; cheap to clone.
#[derive(Clone)]
pub struct Vault {
    local: Local,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({:?})", self.status().kind)
    }
}

impl Vault {
    /// What the account connects with.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or [`VaultError::Sealed`] when what is stored was tampered with or mixed up.
    pub async fn credentials(&self, id: AccountId) -> Result<Credentials, VaultError> {
        self.local.credentials(id).await
    }

    /// Every account the vault knows, oldest first. The service makes its own rows agree with it at start.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn accounts(&self) -> Result<Vec<AccountSummary>, VaultError> {
        self.local.accounts().await
    }

    /// Stores a new account, or a changed label, `is_active` or api_id/api_hash of a known one.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn put_account(&self, account: VaultAccount) -> Result<(), VaultError> {
        self.local.put(&account).await?;
        self.shared.wake.notify_one();
        Ok(())
    }

    /// The row of a new account, with its own ways, for whoever writes it together with what else is new; no key that it is sealed with
    /// is dropped meanwhile.
    ///
    /// # Errors
    /// When it can't be sealed.
    pub async fn seal_new<F: Future>(
        &self,
        account: &VaultAccount,
        proxies: Option<&SecretText>,
        write: impl FnOnce(SealedAccount) -> F,
    ) -> Result<F::Output, VaultError> {
        let keys = self.local.keys().await;
        let written = write(local::new_row(&keys, account, proxies)?).await;
        drop(keys);
        self.shared.wake.notify_one();
        Ok(written)
    }

    /// A known account has another label, or is switched on or off. Nothing is opened for it, so it also works for an
    /// account whose session can't be used.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn describe(
        &self,
        id: AccountId,
        label: Option<&str>,
        is_active: Option<bool>,
    ) -> Result<(), VaultError> {
        self.local
            .change(id, |_, mut row| {
                let before = row.clone();
                if let Some(label) = label {
                    label.clone_into(&mut row.label);
                }
                row.is_active = is_active.unwrap_or(row.is_active);
                if row == before && !row.removed_remotely && row.conflict.is_none() {
                    return Ok(None);
                }
                local::touched(&mut row);
                Ok(Some(row))
            })
            .await?;
        self.shared.wake.notify_one();
        Ok(())
    }

    /// The account's own ways to Telegram from its next connection on; `None`: it has none of its own.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn set_proxies(
        &self,
        id: AccountId,
        proxies: Option<&SecretText>,
    ) -> Result<(), VaultError> {
        self.local
            .change(id, |keys, mut row| {
                let to = local::binding(&row, cipher::Purpose::Proxies);
                let known = row.proxies.as_deref().map(|known| keys.open(known, &to));
                let before = match &known {
                    Some(Ok(known)) => known.epoch,
                    _ => 0,
                };
                row.proxies = match proxies {
                    None if row.proxies.is_none() => return Ok(None),
                    None => None,
                    Some(proxies) => Some(
                        keys.seal(&to, local::next_epoch(before), proxies.expose().as_bytes())
                            .map_err(|error| local::sealed(id, &error))?,
                    ),
                };
                local::touched(&mut row);
                Ok(Some(row))
            })
            .await?;
        self.shared.wake.notify_one();
        Ok(())
    }

    /// Forgets the account, here and in Supabase; a session that it still has is not ended at Telegram by that
    /// (see [`Self::part`]). Removing an unknown one is no error.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn remove(&self, id: AccountId) -> Result<(), VaultError> {
        self.local.store.remove_sealed(id).await?;
        self.shared.wake.notify_one();
        Ok(())
    }

    /// Where the vault stands right now.
    #[must_use]
    pub fn status(&self) -> VaultStatus {
        self.shared.status.borrow().clone()
    }

    /// The status, to be told of each change.
    #[must_use]
    pub fn watch_status(&self) -> tokio::sync::watch::Receiver<VaultStatus> {
        self.shared.status.subscribe()
    }

    /// What happens to the rows in Supabase from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<RemoteChange> {
        self.shared.changes.subscribe()
    }

    /// The id of the master key that seals; no secret.
    pub async fn key_id(&self) -> String {
        self.local.keys().await.primary_id().to_owned()
    }
}
