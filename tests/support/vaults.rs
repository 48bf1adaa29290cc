//! Vaults: a vault on a database file of its own, to be stopped and started like the service.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use switchboard::{
    domain::{AccountId, ApiCredentials, SecretBytes, SecretText, Timestamp},
    store::{NoSink, Store, StoreConfig, StoreHandle},
    vault::{
        KeySource, Keyring, Pace, RemoteChange, SupabaseConfig, Vault, VaultAccount, VaultConfig,
        VaultError, VaultState,
    },
};
use tokio::sync::broadcast;

pub const LIMIT: Duration = Duration::from_secs(120);
pub const HASH: &str = "0123456789abcdef0123456789abcdef";

/// A machine's data directory.
pub struct Machine {
    pub directory: tempfile::TempDir,
    /// Supabase's address and key.
    pub remote: Option<(url::Url, String)>,
    pub pace: Pace,
}

/// The vault while it runs.
pub struct Running {
    pub vault: Vault,
    pub store: StoreHandle,
    pub changes: broadcast::Receiver<RemoteChange>,
}

/// A patient person's waits, shortened.
pub fn quick() -> Pace {
    Pace {
        interval: Duration::from_millis(150),
        connect: Duration::from_secs(5),
        request: Duration::from_secs(15),
        backoff: Duration::from_millis(5),
        longest_backoff: Duration::from_millis(50),
        tries: 4,
        page: 500,
    }
}

impl Machine {
    pub fn new(remote: Option<(url::Url, String)>) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            remote,
            pace: quick(),
        }
    }

    pub fn key_file(&self) -> PathBuf {
        self.directory.path().join("master.key")
    }

    pub fn source(&self) -> KeySource {
        source_in(self.directory.path())
    }

    pub async fn start(&self) -> Running {
        self.try_start().await.unwrap()
    }

    pub async fn try_start(&self) -> Result<Running, VaultError> {
        start_in(self.directory.path(), self.remote.as_ref(), self.pace).await
    }
}

pub fn source_in(directory: &Path) -> KeySource {
    KeySource::File(directory.join("master.key"))
}

pub fn under_passphrase(directory: &Path, passphrase: &str) -> KeySource {
    KeySource::Passphrase {
        text: SecretText::new(passphrase),
        file: directory.join("master.key"),
    }
}

/// A vault on a data directory that somebody else keeps.
pub async fn start_in(
    directory: &Path,
    remote: Option<&(url::Url, String)>,
    pace: Pace,
) -> Result<Running, VaultError> {
    start_with(source_in(directory), directory, remote, pace).await
}

/// The same, with the master key from somewhere else.
pub async fn start_with(
    source: KeySource,
    directory: &Path,
    remote: Option<&(url::Url, String)>,
    pace: Pace,
) -> Result<Running, VaultError> {
    let database = StoreConfig::at(directory.join("switchboard.db"));
    let store = Store::open(database, Arc::new(NoSink)).unwrap();
    let keyring = match Keyring::load(source) {
        Ok(keyring) => keyring,
        Err(error) => {
            store.close().await;
            return Err(error.into());
        }
    };
    let remote = remote.map(|(url, key)| {
        let mut config = SupabaseConfig::new(url.clone(), SecretText::new(key.clone()));
        config.pace = pace;
        config
    });
    let config = VaultConfig {
        keyring,
        remote,
        runtime: tokio::runtime::Handle::current(),
    };
    match Vault::open(config, store.clone()).await {
        Ok(vault) => Ok(Running {
            changes: vault.changes(),
            vault,
            store,
        }),
        Err(error) => {
            store.close().await;
            Err(error)
        }
    }
}

impl Running {
    pub async fn stop(self) {
        self.vault.close().await;
        self.store.close().await;
    }

    pub async fn add(&self, label: &str) -> AccountId {
        let account = account(label);
        let id = account.id;
        self.vault.put_account(account).await.unwrap();
        id
    }

    pub async fn session(&self, id: AccountId) -> Option<SecretBytes> {
        self.vault.credentials(id).await.unwrap().session
    }

    /// Its session has connected.
    pub async fn confirm(&self, id: AccountId) {
        let in_use = self.vault.credentials(id).await.unwrap().epoch;
        self.vault.confirm_session(id, in_use).await.unwrap();
    }

    /// Telegram has added something to its session.
    pub async fn update(&self, id: AccountId, session: &SecretBytes) {
        let in_use = self.vault.credentials(id).await.unwrap().epoch;
        self.vault
            .update_session(id, in_use, session)
            .await
            .unwrap();
    }

    /// Its session turned out to be no good.
    pub async fn restore(&self, id: AccountId) -> bool {
        let no_good = self.vault.credentials(id).await.unwrap().epoch;
        let restored = self.vault.restore_previous_session(id, no_good).await;
        restored.unwrap()
    }

    /// Its sessions that are to be ended at Telegram.
    pub async fn given_up(&self, id: AccountId) -> Vec<SecretBytes> {
        let mut sessions = Vec::new();
        for farewell in self.vault.farewells().await.unwrap() {
            if farewell.account_id == id {
                sessions.push(self.vault.farewell_session(&farewell).await.unwrap());
            }
        }
        sessions
    }

    /// Waits until nothing is queued and Supabase is reachable.
    pub async fn synced(&self) {
        let mut status = self.vault.watch_status();
        until("everything is pushed", async || {
            let now = status.borrow_and_update().clone();
            let looked = now.state == VaultState::Online && now.queued == 0;
            // The count follows a change; what the database says decides.
            (looked && self.nothing_differs().await).then_some(())
        })
        .await;
    }

    async fn nothing_differs(&self) -> bool {
        let rows = self.store.sealed_accounts().await.unwrap();
        let copies = self.store.remote_copies().await.unwrap();
        copies
            .iter()
            .all(|copy| !copy.delete_wanted && !copy.inserting)
            && rows.iter().all(|row| {
                copies.iter().any(|copy| {
                    copy.id == row.id
                        && copy.label == row.label
                        && copy.is_active == row.is_active
                        && copy.api_hash.as_ref() == Some(&row.api_hash)
                        && copy.session == row.previous_session.clone().or(row.session.clone())
                })
            })
    }

    pub async fn until_offline(&self) -> String {
        until("the vault is offline", async || {
            let status = self.vault.status();
            (status.state == VaultState::Offline).then(|| status.reason.unwrap_or_default())
        })
        .await
    }

    /// The first announcement that fits.
    pub async fn hears<T>(&mut self, what: &str, fits: impl Fn(&RemoteChange) -> Option<T>) -> T {
        let mut heard = Vec::new();
        let wait = async {
            loop {
                let change = self.changes.recv().await.unwrap();
                if let Some(found) = fits(&change) {
                    return found;
                }
                heard.push(change);
            }
        };
        let found = tokio::time::timeout(LIMIT, wait).await;
        found.unwrap_or_else(|_| panic!("waited for {what}; heard {heard:#?}"))
    }

    pub async fn hears_conflict(&mut self, id: AccountId) -> String {
        self.hears("a conflict", |change| match change {
            RemoteChange::Conflict { id: of, what } if *of == id => Some(what.clone()),
            _ => None,
        })
        .await
    }
}

pub fn account(label: &str) -> VaultAccount {
    VaultAccount {
        id: AccountId::random(),
        label: label.to_owned(),
        api: ApiCredentials {
            api_id: 4321,
            api_hash: SecretText::new(HASH),
        },
        is_active: true,
        created_at: Timestamp::now(),
    }
}

pub fn bytes(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

/// Waits for a state, with one generous limit.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = tokio::time::Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
