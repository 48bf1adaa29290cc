//! Local: the sealed copies in the service's own database. What is written here is what the service runs from.

use std::sync::Arc;

use tokio::sync::{RwLock, RwLockReadGuard};

use super::{
    AccountSummary, Credentials, SessionEpoch, VaultAccount, VaultError,
    cipher::{Binding, CipherError, Purpose},
    keyring::Keyring,
};
use crate::{
    domain::{AccountId, ApiCredentials, SecretBytes, SecretText, Timestamp},
    store::{NewFarewell, SealedAccount, StoreHandle},
};

/// Two writers of one row give way to each other; this often in a row is a bug, not a busy row.
const ROUNDS: usize = 50;
const TOO_BUSY: &str = "a row changes faster than it can be written";

/// The rows, and the keys that open them.
///
/// Whoever seals holds the keys' read side until the row is written; dropping an old key takes the write side, so
/// that no row sealed with it can still be on its way.
#[derive(Clone)]
pub(super) struct Local {
    pub store: StoreHandle,
    pub keys: Arc<RwLock<Keyring>>,
}

impl Local {
    pub async fn keys(&self) -> RwLockReadGuard<'_, Keyring> {
        self.keys.read().await
    }

    pub async fn find(&self, id: AccountId) -> Result<SealedAccount, VaultError> {
        self.store
            .sealed_account(id)
            .await?
            .ok_or(VaultError::UnknownAccount(id))
    }

    /// Reads, changes and writes one row; repeats when somebody else was faster. `change` gives `None` when there is
    /// nothing to write.
    pub async fn change<F>(&self, id: AccountId, mut change: F) -> Result<(), VaultError>
    where
        F: FnMut(&Keyring, SealedAccount) -> Result<Option<SealedAccount>, VaultError>,
    {
        self.change_and_part(id, |keys, row| {
            Ok(change(keys, row)?.map(|changed| (changed, Vec::new())))
        })
        .await
        .map(drop)
    }

    /// The same; in the same commit the end of sessions is ordered. The numbers of the orders.
    pub async fn change_and_part<F>(
        &self,
        id: AccountId,
        mut change: F,
    ) -> Result<Vec<i64>, VaultError>
    where
        F: FnMut(
            &Keyring,
            SealedAccount,
        ) -> Result<Option<(SealedAccount, Vec<NewFarewell>)>, VaultError>,
    {
        for _ in 0..ROUNDS {
            let keys = self.keys.read().await;
            let Some((changed, farewells)) = change(&keys, self.find(id).await?)? else {
                return Ok(Vec::new());
            };
            let written = self
                .store
                .replace_sealed_and_part(changed, None, farewells, Vec::new())
                .await?;
            if let Some(orders) = written {
                return Ok(orders);
            }
        }
        Err(VaultError::Busy(TOO_BUSY))
    }

    pub async fn accounts(&self) -> Result<Vec<AccountSummary>, VaultError> {
        let rows = self.store.sealed_accounts().await?;
        Ok(rows.iter().map(summary).collect())
    }

    pub async fn credentials(&self, id: AccountId) -> Result<Credentials, VaultError> {
        // Before the row: while they are held, no key is dropped that it may still be sealed with.
        let keys = self.keys.read().await;
        let row = self.find(id).await?;
        let api_hash = self
            .open(&keys, &row, Purpose::ApiHash, &row.api_hash)
            .await?;
        let session = match &row.session {
            None => None,
            Some(envelope) => Some(self.open(&keys, &row, Purpose::Session, envelope).await?),
        };
        let api_hash = String::from_utf8(api_hash.expose().to_vec())
            .map_err(|_| sealed(id, &CipherError::Malformed("its api_hash is no text")))?;
        Ok(Credentials {
            api: ApiCredentials {
                api_id: row.api_id,
                api_hash: SecretText::new(api_hash),
            },
            session,
            epoch: SessionEpoch(row.epoch),
            proxies: self.proxies_of(&keys, &row).await?,
        })
    }

    async fn proxies_of(
        &self,
        keys: &Keyring,
        row: &SealedAccount,
    ) -> Result<Option<SecretText>, VaultError> {
        let Some(envelope) = &row.proxies else {
            return Ok(None);
        };
        let proxies = self.open(keys, row, Purpose::Proxies, envelope).await?;
        let text = String::from_utf8(proxies.expose().to_vec());
        let text =
            text.map_err(|_| sealed(row.id, &CipherError::Malformed("its proxies are no text")))?;
        Ok(Some(SecretText::new(text)))
    }

    pub async fn sign_in_state(&self, id: AccountId) -> Result<Option<SecretBytes>, VaultError> {
        // Before the row, as above.
        let keys = self.keys.read().await;
        let row = self.find(id).await?;
        match &row.sign_in {
            None => Ok(None),
            Some(envelope) => Ok(Some(
                self.open(&keys, &row, Purpose::SignIn, envelope).await?,
            )),
        }
    }

    async fn open(
        &self,
        keys: &Keyring,
        row: &SealedAccount,
        purpose: Purpose,
        envelope: &str,
    ) -> Result<SecretBytes, VaultError> {
        let to = binding(row, purpose);
        let opened = match keys.open(envelope, &to) {
            // Only a failure is worth looking whether the row was swapped with another one's.
            Err(CipherError::Tampered) => {
                let others = self.store.sealed_accounts().await?;
                keys.open_or_explain(envelope, &to, others.iter().map(|other| other.id))
            }
            result => result,
        }
        .map_err(|error| sealed(row.id, &error))?;
        if purpose == Purpose::Session && opened.epoch < as_epoch(row.epoch) {
            return Err(sealed(row.id, &CipherError::Older));
        }
        Ok(opened.bytes)
    }

    /// A new account, or what a person changed of a known one.
    pub async fn put(&self, account: &VaultAccount) -> Result<(), VaultError> {
        for _ in 0..ROUNDS {
            let keys = self.keys.read().await;
            let changed = match self.store.sealed_account(account.id).await? {
                None => Some(new_row(&keys, account, None)?),
                Some(row) => changed_row(&keys, row, account)?,
            };
            let Some(changed) = changed else {
                return Ok(());
            };
            if self.store.replace_sealed(changed, None, Vec::new()).await? {
                return Ok(());
            }
        }
        Err(VaultError::Busy(TOO_BUSY))
    }
}

pub(super) fn summary(row: &SealedAccount) -> AccountSummary {
    AccountSummary {
        id: row.id,
        label: row.label.clone(),
        api_id: row.api_id,
        is_active: row.is_active,
        has_session: row.session.is_some(),
        removed_remotely: row.removed_remotely,
        created_at: row.created_at,
    }
}

pub(super) fn new_row(
    keys: &Keyring,
    account: &VaultAccount,
    proxies: Option<&SecretText>,
) -> Result<SealedAccount, VaultError> {
    let to = Binding {
        account: account.id,
        api_id: account.api.api_id,
        purpose: Purpose::Proxies,
    };
    let seal = |proxies: &SecretText| keys.seal(&to, next_epoch(0), proxies.expose().as_bytes());
    let proxies = proxies.map(seal).transpose();
    Ok(SealedAccount {
        id: account.id,
        label: account.label.clone(),
        api_id: account.api.api_id,
        api_hash: seal_hash(keys, account.id, &account.api, 0)?,
        session: None,
        previous_session: None,
        sign_in: None,
        proxies: proxies.map_err(|error| sealed(account.id, &error))?,
        is_active: account.is_active,
        created_at: account.created_at,
        epoch: 0,
        revision: 0,
        removed_remotely: false,
        conflict: None,
        overrule: false,
    })
}

fn changed_row(
    keys: &Keyring,
    mut row: SealedAccount,
    account: &VaultAccount,
) -> Result<Option<SealedAccount>, VaultError> {
    let before = row.clone();
    row.label.clone_from(&account.label);
    row.is_active = account.is_active;
    let known = keys.open(&row.api_hash, &binding(&row, Purpose::ApiHash));
    let same_api = row.api_id == account.api.api_id
        && known
            .as_ref()
            .is_ok_and(|known| known.bytes.expose() == account.api.api_hash.expose().as_bytes());
    if !same_api {
        let epoch = known.map_or(0, |known| known.epoch);
        row.api_hash = seal_hash(keys, row.id, &account.api, epoch)?;
        if row.api_id != account.api.api_id {
            move_to_api(keys, &mut row, account.api.api_id)?;
        }
    }
    if row == before && !row.removed_remotely && row.conflict.is_none() {
        return Ok(None);
    }
    touched(&mut row);
    Ok(Some(row))
}

/// Session and sign-in name the api_id they were made with; with another one they are sealed anew.
fn move_to_api(keys: &Keyring, row: &mut SealedAccount, api_id: i32) -> Result<(), VaultError> {
    let (id, old) = (row.id, row.api_id);
    for (purpose, slot) in [
        (Purpose::Session, &mut row.session),
        (Purpose::Session, &mut row.previous_session),
        (Purpose::SignIn, &mut row.sign_in),
        (Purpose::Proxies, &mut row.proxies),
    ] {
        let Some(envelope) = slot.as_deref() else {
            continue;
        };
        let to = |api_id| Binding {
            account: id,
            api_id,
            purpose,
        };
        let opened = keys
            .open(envelope, &to(old))
            .map_err(|error| sealed(id, &error))?;
        *slot = Some(
            keys.seal(&to(api_id), opened.epoch, opened.bytes.expose())
                .map_err(|error| sealed(id, &error))?,
        );
    }
    row.api_id = api_id;
    Ok(())
}

/// A person changed the row here: what stood against it in Supabase is overruled, what was removed there comes back.
pub(super) fn touched(row: &mut SealedAccount) {
    row.removed_remotely = false;
    row.overrule = row.overrule || row.conflict.is_some();
}

pub(super) fn binding(row: &SealedAccount, purpose: Purpose) -> Binding {
    Binding {
        account: row.id,
        api_id: row.api_id,
        purpose,
    }
}

pub(super) fn sealed(id: AccountId, error: &CipherError) -> VaultError {
    VaultError::Sealed {
        id,
        reason: error.to_string(),
    }
}

pub(super) fn seal_hash(
    keys: &Keyring,
    account: AccountId,
    api: &ApiCredentials,
    before: u64,
) -> Result<String, VaultError> {
    let to = Binding {
        account,
        api_id: api.api_id,
        purpose: Purpose::ApiHash,
    };
    keys.seal(&to, next_epoch(before), api.api_hash.expose().as_bytes())
        .map_err(|error| sealed(account, &error))
}

/// Later than the last one, also on another machine with the same keys.
pub(super) fn next_epoch(before: u64) -> u64 {
    let now = u64::try_from(Timestamp::now().millis()).unwrap_or(0);
    now.max(before.saturating_add(1))
}

pub(super) fn as_epoch(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

pub(super) fn from_epoch(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(i64::MAX)
}
