//! Open: the vault's start and end. A wrong key or a key of the wrong kind ends the start before anything is
//! touched; a Supabase that is away does not.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::RwLock};

use super::{
    Vault, VaultError, VaultKind,
    cipher::key_id,
    keyring::Keyring,
    local::Local,
    rekey::note_keys,
    shared::Shared,
    supabase::{Pace, Page, Supabase, SupabaseConfig},
    sync::Sync,
};
use crate::store::StoreHandle;

const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// What the vault is made of.
#[derive(Clone, Debug)]
pub struct VaultConfig {
    pub keyring: Keyring,
    /// Without it the local database is the vault.
    pub remote: Option<SupabaseConfig>,
    /// Where the sync task and its connections live.
    pub runtime: Handle,
}

impl Vault {
    /// Checks the key against the database, looks at Supabase once (for as long as one request may take) and starts
    /// the sync task.
    ///
    /// # Errors
    /// [`VaultError::Key`] and [`VaultError::Refused`] for a person to put right; nothing was changed then.
    pub async fn open(config: VaultConfig, store: StoreHandle) -> Result<Self, VaultError> {
        let VaultConfig {
            mut keyring,
            remote,
            runtime,
        } = config;
        let checks = store.key_checks().await?;
        keyring.verify(&checks)?;
        let pace = remote
            .as_ref()
            .map_or_else(Pace::default, |remote| remote.pace);
        let remote = remote
            .as_ref()
            .map(Supabase::new)
            .transpose()
            .map_err(|error| VaultError::Refused(error.to_string()))?;
        let (kind, remote) = match remote {
            None => (VaultKind::Local, None),
            Some(remote) if checks.is_empty() => (
                VaultKind::Supabase,
                Some(first_look(&runtime, remote, &keyring, pace).await?),
            ),
            Some(remote) => (VaultKind::Supabase, Some(remote)),
        };
        keyring.keep()?;
        let local = Local {
            store: store.clone(),
            keys: Arc::new(RwLock::new(keyring.clone())),
        };
        note_keys(&local, &keyring).await?;
        if let Some(remote) = &remote {
            store.set_vault_remote(remote.address().to_owned()).await?;
        }
        let shared = Arc::new(Shared::new(kind));
        let vault = Self {
            local: local.clone(),
            shared: Arc::clone(&shared),
        };
        let sync = Sync::new(local, remote, shared, pace);
        let (looked, first) = tokio::sync::oneshot::channel::<()>();
        runtime.spawn(sync.run(looked));
        if kind == VaultKind::Supabase {
            let looked = tokio::time::timeout(pace.request + pace.connect, first).await;
            if looked.is_err() {
                vault.shared.offline("Supabase did not answer in time");
            }
        }
        Ok(vault)
    }

    /// Stops the sync task; what is queued stays queued. Waits at most a few seconds.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        let closed = tokio::time::timeout(CLOSE_LIMIT, self.shared.closed.cancelled()).await;
        if closed.is_err() {
            log::warn!(target: "switchboard::vault", "the sync task did not stop in time");
        }
    }
}

/// On the very first start there is no key check yet: do the rows in Supabase open with this key ring? A Supabase
/// that is away is asked later.
async fn first_look(
    runtime: &Handle,
    remote: Supabase,
    keyring: &Keyring,
    pace: Pace,
) -> Result<Supabase, VaultError> {
    // On the runtime where its connections stay.
    let task = runtime.spawn(async move {
        let page = tokio::time::timeout(pace.request, remote.all()).await;
        (remote, page)
    });
    let (remote, page) = task.await.map_err(|_| VaultError::Closed)?;
    let Ok(Ok(page)) = page else {
        return Ok(remote);
    };
    let strange = strange_keys(keyring, &page);
    if strange.is_empty() {
        return Ok(remote);
    }
    let have = if keyring.is_fresh() {
        "there is no master key here yet".to_owned()
    } else {
        format!("the key ring has {}", keyring.ids().join(" and "))
    };
    Err(VaultError::Refused(format!(
        "the accounts in Supabase were sealed with master key {}, but {have}: bring that key here (its file is \
         master.key in the data directory of the service that sealed them); nothing was changed",
        strange.into_iter().collect::<Vec<_>>().join(" and ")
    )))
}

/// The keys of the rows there, when this ring has none of them.
pub(super) fn strange_keys(keyring: &Keyring, page: &Page) -> BTreeSet<String> {
    let used: BTreeSet<String> = page
        .rows
        .iter()
        .flat_map(|row| [row.sealed_hash(), row.session.as_deref()])
        .flatten()
        .filter_map(|envelope| key_id(envelope).ok().map(str::to_owned))
        .collect();
    if keyring.ids().iter().any(|id| used.contains(*id)) {
        return BTreeSet::new();
    }
    used
}
