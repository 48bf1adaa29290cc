//! Farewells: a session that is given up is kept, sealed for that alone, until Telegram has ended it. By then its
//! account may have another session, or be gone.

use super::{
    Vault, VaultError,
    cipher::{Binding, Purpose},
    keyring::Keyring,
    local::{as_epoch, binding, from_epoch, next_epoch, sealed, touched},
};
use crate::{
    domain::{AccountId, Device, SecretBytes, SecretText},
    store::{NewFarewell, SealedAccount, SealedFarewell},
};

/// A session that is to be ended at Telegram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    pub id: i64,
    /// Whose it was.
    pub account_id: AccountId,
    /// That the account had.
    pub api_id: i32,
    /// What it called itself at Telegram, if it ever dialled.
    pub device: Option<Device>,
    sealed: SealedFarewell,
}

/// What became of the sessions that an account had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parted {
    /// The order about the session that was in use.
    pub current: Option<i64>,
    /// One of them does not open: nobody can end it from here.
    pub unreadable: bool,
}

impl Vault {
    /// Signed out: the account has no session any more, here and in Supabase, and what it had is to be ended at
    /// Telegram. Both in one commit.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn part(&self, id: AccountId) -> Result<Parted, VaultError> {
        let mut parted = Parted::default();
        let mut in_use = false;
        let orders = self
            .local
            .change_and_part(id, |keys, mut row| {
                parted = Parted::default();
                in_use = false;
                if row.session.is_none() && row.previous_session.is_none() && row.sign_in.is_none()
                {
                    return Ok(None);
                }
                let mut orders = Vec::new();
                for (is_current, session) in [
                    (true, row.session.take()),
                    (false, row.previous_session.take()),
                ] {
                    let Some(session) = session else { continue };
                    match farewell(keys, &row, &session) {
                        Ok(order) => {
                            in_use |= is_current;
                            orders.push(order);
                        }
                        Err(error) => {
                            by_hand(&error);
                            parted.unreadable = true;
                        }
                    }
                }
                row.sign_in = None;
                // An envelope from before this moment does not come back by itself.
                row.epoch = from_epoch(next_epoch(as_epoch(row.epoch)));
                touched(&mut row);
                Ok(Some((row, orders)))
            })
            .await?;
        parted.current = orders.first().copied().filter(|_| in_use);
        self.shared.wake.notify_one();
        self.shared.parted(&orders);
        Ok(parted)
    }

    /// A sign-in ended with a session that nobody will use: it is to be ended at Telegram.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn part_from(&self, id: AccountId, session: &SecretBytes) -> Result<(), VaultError> {
        let orders = self
            .local
            .change_and_part(id, |keys, row| {
                let session = keys
                    .seal(
                        &binding(&row, Purpose::Farewell),
                        next_epoch(0),
                        session.expose(),
                    )
                    .map_err(|error| sealed(id, &error))?;
                let order = NewFarewell {
                    account_id: id,
                    api_id: row.api_id,
                    session,
                    proxies: row.proxies.clone(),
                };
                Ok(Some((row, vec![order])))
            })
            .await?;
        self.shared.parted(&orders);
        Ok(())
    }

    /// What is still to be ended, oldest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn farewells(&self) -> Result<Vec<Farewell>, VaultError> {
        let all = self.local.store.farewells().await?;
        Ok(all
            .into_iter()
            .map(|sealed| Farewell {
                id: sealed.id,
                account_id: sealed.account_id,
                api_id: sealed.api_id,
                device: sealed.device.clone(),
                sealed,
            })
            .collect())
    }

    /// Returns when there may be new ones. For one listener.
    pub async fn parting(&self) {
        self.shared.parting.notified().await;
    }

    /// # Errors
    /// [`VaultError::Sealed`] when it can't be opened, and never will.
    pub async fn farewell_session(&self, farewell: &Farewell) -> Result<SecretBytes, VaultError> {
        let keys = self.local.keys().await;
        let now = self.as_it_is(farewell).await?;
        let id = farewell.account_id;
        keys.open(&now.session, &to(&now, Purpose::Farewell))
            .map(|opened| opened.bytes)
            .map_err(|error| sealed(id, &error))
    }

    /// A change of the master key seals it anew. Whoever holds the keys finds it under one of them.
    async fn as_it_is(&self, farewell: &Farewell) -> Result<SealedFarewell, VaultError> {
        let all = self.local.store.farewells().await?;
        let now = all.into_iter().find(|one| one.id == farewell.id);
        Ok(now.unwrap_or_else(|| farewell.sealed.clone()))
    }

    /// The ways that its account went, by which it is ended, too. `None`: the service's own.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] when they can't be opened.
    pub async fn farewell_proxies(
        &self,
        farewell: &Farewell,
    ) -> Result<Option<SecretText>, VaultError> {
        let keys = self.local.keys().await;
        let now = self.as_it_is(farewell).await?;
        let Some(envelope) = &now.proxies else {
            return Ok(None);
        };
        let id = farewell.account_id;
        let opened = keys
            .open(envelope, &to(&now, Purpose::Proxies))
            .map_err(|error| sealed(id, &error))?;
        let text = String::from_utf8(opened.bytes.expose().to_vec()).unwrap_or_default();
        Ok(Some(SecretText::new(text)))
    }

    /// Ended at Telegram, or not to be ended any more: the sealed session is erased.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn erase_farewell(&self, id: i64) -> Result<(), VaultError> {
        Ok(self.local.store.erase_farewell(id).await?)
    }

    /// Is there an account with such a session?
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn has_session(
        &self,
        is_it: impl Fn(&SecretBytes) -> bool,
    ) -> Result<bool, VaultError> {
        let keys = self.local.keys().await;
        let rows = self.local.store.sealed_accounts().await?;
        Ok(rows.iter().any(|row| {
            [&row.session, &row.previous_session]
                .into_iter()
                .flatten()
                .filter_map(|envelope| keys.open(envelope, &binding(row, Purpose::Session)).ok())
                .any(|opened| is_it(&opened.bytes))
        }))
    }
}

/// The order to end a session that its account no longer uses. One that does not open is told and let go.
pub(super) fn given_up(
    keys: &Keyring,
    row: &SealedAccount,
    session: Option<String>,
) -> Vec<NewFarewell> {
    let Some(session) = session else {
        return Vec::new();
    };
    match farewell(keys, row, &session) {
        Ok(order) => vec![order],
        Err(error) => {
            by_hand(&error);
            Vec::new()
        }
    }
}

fn by_hand(error: &VaultError) {
    log::error!(target: "switchboard::vault", "{error}; end that session by hand, in Telegram under Settings, Devices");
}

fn farewell(keys: &Keyring, row: &SealedAccount, session: &str) -> Result<NewFarewell, VaultError> {
    let opened = keys
        .open(session, &binding(row, Purpose::Session))
        .map_err(|error| sealed(row.id, &error))?;
    let session = keys
        .seal(
            &binding(row, Purpose::Farewell),
            opened.epoch,
            opened.bytes.expose(),
        )
        .map_err(|error| sealed(row.id, &error))?;
    Ok(NewFarewell {
        account_id: row.id,
        api_id: row.api_id,
        session,
        proxies: row.proxies.clone(),
    })
}

fn to(farewell: &SealedFarewell, purpose: Purpose) -> Binding {
    Binding {
        account: farewell.account_id,
        api_id: farewell.api_id,
        purpose,
    }
}

/// The envelopes anew, when one needs a key that is on its way out and opens with it.
pub(super) fn resealed(keys: &Keyring, farewell: &SealedFarewell) -> Option<SealedFarewell> {
    let anew = |envelope: &str, purpose| keys.resealed(envelope, &to(farewell, purpose));
    let session = anew(&farewell.session, Purpose::Farewell);
    let proxies = (farewell.proxies.as_deref()).and_then(|text| anew(text, Purpose::Proxies));
    if session.is_none() && proxies.is_none() {
        return None;
    }
    let mut resealed = farewell.clone();
    resealed.session = session.unwrap_or(resealed.session);
    resealed.proxies = proxies.or(resealed.proxies);
    Some(resealed)
}

/// Does it need the old key, and open with it?
pub(super) fn needs_old_key(keys: &Keyring, farewell: &SealedFarewell) -> bool {
    let needs = |envelope: &str, purpose| {
        keys.is_outdated(envelope) && keys.open(envelope, &to(farewell, purpose)).is_ok()
    };
    needs(&farewell.session, Purpose::Farewell)
        || (farewell.proxies.as_deref()).is_some_and(|text| needs(text, Purpose::Proxies))
}
