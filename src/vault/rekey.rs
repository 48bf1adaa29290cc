//! Rekey: another master key, while the service runs, and through a kill at any moment.
//!
//! 1. The new key goes in front of the old one in the key file; the file is replaced as a whole.
//! 2. Whoever holds the database (the running service notices the file) notes that it needs both, and seals every
//!    row anew; Supabase's rows follow by the usual compare-before-write.
//! 3. When no row here or there needs the old key, the database forgets it, then the file.
//! 4. Only then the file comes under another passphrase, if one is wanted.
//!
//! After a kill the file says which step is next. A key that is not first in the file is always one on its way out.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    VaultError, answers,
    cipher::Purpose,
    farewells,
    home::Home,
    key_error::KeyError,
    key_file::lock_changes,
    keyring::{KeySource, Keyring},
    local::{Local, binding},
    webhook_secrets,
};
use crate::{config::KeyFileCover, store::SealedAccount};

const LOOK: Duration = Duration::from_millis(200);

/// What a change of key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rekeyed {
    pub from: String,
    pub to: String,
}

/// Changes the master key and waits until nothing needs the old one; the key file comes under `cover` with that. Whoever
/// holds the data directory does the work: the running service, or a [`super::Vault`] that the caller has opened. An
/// earlier change that was cut off is finished instead of begun again.
///
/// # Errors
/// [`KeyError`]; with [`KeyError::Unfinished`] the change goes on by itself, but the cover stays as it was.
pub async fn rekey(
    source: KeySource,
    cover: &KeyFileCover,
    limit: Duration,
) -> Result<Rekeyed, KeyError> {
    let mut ring = Keyring::load(source)?;
    if ring.is_fresh() {
        return Err(KeyError::Unusable {
            path: ring.path(),
            source: std::io::ErrorKind::NotFound.into(),
        });
    }
    let _one_at_a_time = lock_changes(&ring.path())?;
    // What the one before has left.
    ring = ring.reread()?.unwrap_or(ring);
    let from = ring.ids().last().copied().unwrap_or_default().to_owned();
    ring.start_change()?;
    let to = ring.primary_id().to_owned();
    let until = Instant::now() + limit;
    while ring.is_changing() {
        if Instant::now() >= until {
            return Err(KeyError::Unfinished(
                "the old key stays in the file until the last row is sealed anew".to_owned(),
            ));
        }
        sleep(LOOK).await;
        ring = ring.reread()?.unwrap_or(ring);
    }
    // Last of all: until here the running service opens the file the way it always did.
    ring.cover(cover)?;
    Ok(Rekeyed { from, to })
}

/// A change of the master key, as the holder of the data directory goes along with it.
pub(super) struct KeyChange {
    local: Local,
    /// Between two tries of a change that can't go on.
    patience: Duration,
    again_at: Option<Instant>,
    /// Why it can't go on, so that it is told once.
    told: Option<String>,
}

impl KeyChange {
    pub fn new(local: Local, patience: Duration) -> Self {
        Self {
            local,
            patience,
            again_at: None,
            told: None,
        }
    }

    /// Looks at the key file; takes a change that is under way one step further.
    pub async fn step(&mut self, home: &mut impl Home) {
        if self.again_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.again_at = None;
        let why = match self.try_step(home).await {
            Ok(()) => {
                self.told = None;
                return;
            }
            Err(VaultError::Key(KeyError::WrongPassphrase(_) | KeyError::PassphraseNeeded(_))) => {
                "the master key file came under another passphrase: this process goes on with the keys it has, the \
                 next start and the next change of key need the new passphrase"
                    .to_owned()
            }
            Err(error) => format!("changing the master key waits: {error}"),
        };
        self.again_at = Some(Instant::now() + self.patience);
        if self.told.as_ref() != Some(&why) {
            log::warn!(target: "switchboard::vault", "{why}");
            self.told = Some(why);
        }
    }

    async fn try_step(&self, home: &mut impl Home) -> Result<(), VaultError> {
        let local = &self.local;
        take_new_keys(local).await?;
        if !local.keys().await.is_changing() {
            return Ok(());
        }
        reseal(local).await?;
        if !home.reseal().await {
            return Err(VaultError::Busy("rows in Supabase still need the old key"));
        }
        // From here on nobody seals: what is found clean stays clean.
        let mut keys = local.keys.write().await;
        for row in local.store.sealed_accounts().await? {
            if needs_old_key(&keys, &row) {
                return Ok(());
            }
        }
        let farewells = local.store.farewells().await?;
        if farewells
            .iter()
            .any(|farewell| farewells::needs_old_key(&keys, farewell))
        {
            return Ok(());
        }
        let kept = local.store.kept_answers().await?;
        if kept
            .iter()
            .any(|kept| answers::resealed(&keys, kept).is_some())
        {
            return Ok(());
        }
        let webhooks = local.store.webhooks().await?;
        if webhooks
            .iter()
            .any(|webhook| webhook_secrets::resealed(&keys, webhook).is_some())
        {
            return Ok(());
        }
        local
            .store
            .keep_key_check(keys.primary_id().to_owned())
            .await?;
        *keys = keys.finish_change()?;
        log::info!(target: "switchboard::vault", "master key changed to {}", keys.primary_id());
        Ok(())
    }
}

async fn take_new_keys(local: &Local) -> Result<(), VaultError> {
    let new = local.keys().await.reread()?;
    let Some(new) = new else {
        return Ok(());
    };
    let mut keys = local.keys.write().await;
    new.verify(&local.store.key_checks().await?)?;
    note_keys(local, &new).await?;
    *keys = new;
    Ok(())
}

/// From here on a start needs the primary key too.
pub(super) async fn note_keys(local: &Local, keys: &Keyring) -> Result<(), VaultError> {
    let check = keys
        .make_check()
        .map_err(|error| VaultError::Refused(error.to_string()))?;
    local
        .store
        .add_key_check(keys.primary_id().to_owned(), check)
        .await?;
    Ok(())
}

/// Seals every row anew that needs it. An envelope that does not open stays as it is: no key makes it good.
async fn reseal(local: &Local) -> Result<(), VaultError> {
    for row in local.store.sealed_accounts().await? {
        let result = local
            .change(row.id, |keys, row| Ok(resealed(keys, row)))
            .await;
        match result {
            Ok(()) | Err(VaultError::UnknownAccount(_)) => {}
            Err(error) => return Err(error),
        }
    }
    // One that is erased or sealed anew meanwhile needs nothing more from here; the check afterwards looks at all.
    for farewell in local.store.farewells().await? {
        let keys = local.keys().await;
        if let Some(anew) = farewells::resealed(&keys, &farewell) {
            local.store.reseal_farewell(farewell, anew).await?;
        }
    }
    for webhook in local.store.webhooks().await? {
        let keys = local.keys().await;
        if let Some(sealed) = webhook_secrets::resealed(&keys, &webhook) {
            local.store.reseal_webhook(webhook, sealed).await?;
        }
    }
    for kept in local.store.kept_answers().await? {
        let keys = local.keys().await;
        if let Some(sealed) = answers::resealed(&keys, &kept) {
            local.store.reseal_answer(kept, sealed).await?;
        }
    }
    Ok(())
}

fn resealed(keys: &Keyring, mut row: SealedAccount) -> Option<SealedAccount> {
    let mut changed = false;
    let anew = |purpose, envelope: &str| keys.resealed(envelope, &binding(&row, purpose));
    let api_hash = anew(Purpose::ApiHash, &row.api_hash);
    let slot = |purpose, envelope: &Option<String>| anew(purpose, envelope.as_deref()?);
    let session = slot(Purpose::Session, &row.session);
    let previous = slot(Purpose::Session, &row.previous_session);
    let sign_in = slot(Purpose::SignIn, &row.sign_in);
    let proxies = slot(Purpose::Proxies, &row.proxies);
    if let Some(api_hash) = api_hash {
        row.api_hash = api_hash;
        changed = true;
    }
    for (slot, new) in [
        (&mut row.session, session),
        (&mut row.previous_session, previous),
        (&mut row.sign_in, sign_in),
        (&mut row.proxies, proxies),
    ] {
        if new.is_some() {
            *slot = new;
            changed = true;
        }
    }
    changed.then_some(row)
}

/// Is there an envelope that needs the old key, and opens with it?
fn needs_old_key(keys: &Keyring, row: &SealedAccount) -> bool {
    let needs = |purpose, envelope: Option<&str>| {
        envelope.is_some_and(|envelope| {
            keys.is_outdated(envelope) && keys.open(envelope, &binding(row, purpose)).is_ok()
        })
    };
    needs(Purpose::ApiHash, Some(&row.api_hash))
        || needs(Purpose::Session, row.session.as_deref())
        || needs(Purpose::Session, row.previous_session.as_deref())
        || needs(Purpose::SignIn, row.sign_in.as_deref())
        || needs(Purpose::Proxies, row.proxies.as_deref())
}
