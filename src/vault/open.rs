//! Open: the vault's start and end. A wrong key or a key of the wrong kind ends the start before anything is
//! touched; a Supabase that is away does not.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::RwLock};

use super::{
    Vault, VaultError,
    cipher::key_id,
    home::{Home, OwnDatabase},
    keeper::Keeper,
    keyring::Keyring,
    local::Local,
    rekey::note_keys,
    shared::Shared,
    supabase::{Pace, Page, Supabase, SupabaseConfig},
    sync::Sync,
};
use crate::{domain::VaultFault, store::StoreHandle};

const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// What the vault is made of.
#[derive(Clone, Debug)]
pub struct VaultConfig {
    pub keyring: Keyring,
    /// Without it the local database is the vault.
    pub remote: Option<SupabaseConfig>,
    /// Where the vault's task and its connections live.
    pub runtime: Handle,
}

impl Vault {
    /// Checks the key against the database, looks at Supabase once (for as long as one request may take) and starts
    /// its task.
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
        let remote = match remote {
            Some(remote) if checks.is_empty() => {
                Some(first_look(&runtime, remote, &keyring, pace).await?)
            }
            remote => remote,
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
        let (looked, first) = tokio::sync::oneshot::channel::<()>();
        let Some(remote) = remote else {
            let vault = Self::over::<OwnDatabase>(local.clone());
            let shared = Arc::clone(&vault.shared);
            runtime.spawn(Keeper::new(local, OwnDatabase, shared, pace.interval).run(looked));
            return Ok(vault);
        };
        let vault = Self::over::<Sync>(local.clone());
        let shared = Arc::clone(&vault.shared);
        let home = Sync::new(local.clone(), remote, Arc::clone(&shared));
        runtime.spawn(Keeper::new(local, home, shared, pace.interval).run(looked));
        let looked = tokio::time::timeout(pace.request + pace.connect, first).await;
        if looked.is_err() {
            vault.shared.offline(&VaultFault::TimedOut {
                detail: String::new(),
            });
        }
        Ok(vault)
    }

    fn over<H: Home>(local: Local) -> Self {
        Self {
            local,
            shared: Arc::new(Shared::new(H::KIND)),
        }
    }

    /// Stops its task; what is queued stays queued. Waits at most a few seconds.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        let closed = tokio::time::timeout(CLOSE_LIMIT, self.shared.closed.cancelled()).await;
        if closed.is_err() {
            log::warn!(target: "switchboard::vault", "the vault's task did not stop in time");
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
        .flat_map(|row| {
            let proxies = row.proxies.iter().flatten().next();
            [
                row.sealed_hash(),
                row.session.as_deref(),
                proxies.map(String::as_str),
            ]
        })
        .flatten()
        .filter_map(|envelope| key_id(envelope).ok().map(str::to_owned))
        .collect();
    if keyring.ids().iter().any(|id| used.contains(*id)) {
        return BTreeSet::new();
    }
    used
}
