//! Upkeep: the commands about the master key and the set-up, `switchboard rekey` and `switchboard check`.

mod reach;

use std::{process::ExitCode, sync::Arc, time::Duration};

use crate::{
    cli::say,
    config::{Config, KeyFileCover},
    data_dir::{DataDir, DataDirError, database_in},
    store::{NoSink, Store, StoreConfig, StoreHandle, TokenFile},
    tokens::standing,
    vault::{
        Finding, KeyError, KeySource, Keyring, SupabaseConfig, Vault, VaultConfig, VaultError,
        examine, rekey as change_key,
    },
};

/// Thousands of accounts, and a Supabase that is slow.
const REKEY_LIMIT: Duration = Duration::from_secs(600);

#[derive(Debug, thiserror::Error)]
enum UpkeepError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

impl UpkeepError {
    fn code(&self) -> ExitCode {
        match self {
            Self::Key(KeyError::Unfinished(_) | KeyError::Busy(_)) => ExitCode::from(1),
            Self::Key(_) | Self::Vault(VaultError::Key(_) | VaultError::Refused(_)) => {
                ExitCode::from(2)
            }
            Self::DataDir(DataDirError::InUse { .. }) => ExitCode::from(3),
            _ => ExitCode::from(1),
        }
    }
}

/// Changes the master key. A running service does the work itself, and goes on serving.
pub async fn rekey(config: Config, cover: KeyFileCover) -> ExitCode {
    match try_rekey(&config, &cover).await {
        Ok(text) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("switchboard: {error}");
            error.code()
        }
    }
}

async fn try_rekey(config: &Config, cover: &KeyFileCover) -> Result<String, UpkeepError> {
    let source = KeySource::choose(&config.master_key);
    let rekeyed = match DataDir::claim(&config.data_dir) {
        Err(DataDirError::InUse { holder, .. }) => {
            say(&format!(
                "process {holder} serves; it seals everything anew while it goes on"
            ));
            change_key(source, cover, REKEY_LIMIT).await?
        }
        Err(error) => return Err(error.into()),
        Ok(data_dir) => {
            let file = StoreConfig::at(data_dir.database());
            let store = Store::open_as_it_is(file, Arc::new(NoSink))?;
            let vault = Vault::open(vault_config(config)?, store.clone()).await?;
            let rekeyed = change_key(source, cover, REKEY_LIMIT).await;
            vault.close().await;
            store.close().await;
            rekeyed?
        }
    };
    let covered = match cover {
        KeyFileCover::AsItIs => "",
        KeyFileCover::Passphrase(_) => {
            ". Its file is under the new passphrase: every start from now on needs that one"
        }
        KeyFileCover::Nothing => {
            ". Its file is under no passphrase any more: unset SWITCHBOARD_MASTER_PASSPHRASE"
        }
    };
    Ok(format!(
        "the master key changed from {} to {}; make a new copy of the key file, apart from the database{covered}",
        rekeyed.from, rekeyed.to
    ))
}

fn vault_config(config: &Config) -> Result<VaultConfig, KeyError> {
    Ok(VaultConfig {
        keyring: Keyring::load(KeySource::choose(&config.master_key))?,
        remote: remote(config),
        runtime: tokio::runtime::Handle::current(),
    })
}

fn remote(config: &Config) -> Option<SupabaseConfig> {
    config
        .supabase
        .clone()
        .map(|remote| SupabaseConfig::new(remote.url, remote.key).every(remote.interval))
}

/// Tells what is wrong with key, database, vault and the ways to Telegram; the configuration was checked before. Changes
/// no row.
pub async fn check(config: Config) -> ExitCode {
    say("ok       configuration");
    let mut worst = 0;
    let mut tell = |finding: &Finding| match finding {
        Finding::Good(text) => say(&format!("ok       {text}")),
        Finding::Note(text) => say(&format!("note     {text}")),
        Finding::Bad { text, code } => {
            say(&format!("problem  {text}"));
            worst = worst.max(*code);
        }
    };
    let keyring = match Keyring::load(KeySource::choose(&config.master_key)) {
        Ok(keyring) => Some(keyring),
        Err(error) => {
            tell(&Finding::Bad {
                text: error.to_string(),
                code: 2,
            });
            None
        }
    };
    let store = open_store(&config, &mut tell);
    for finding in examine(keyring.as_ref(), remote(&config).as_ref(), store.as_ref()).await {
        tell(&finding);
    }
    for finding in reach::examine_ways(&config, keyring.as_ref(), store.as_ref()).await {
        tell(&finding);
    }
    if let Some(store) = store {
        store.close().await;
    }
    ExitCode::from(worst)
}

/// The database, if there is one and nobody holds it. Who may call is told in any case: for that the file is only read.
fn open_store(config: &Config, tell: &mut impl FnMut(&Finding)) -> Option<StoreHandle> {
    let database = database_in(&config.data_dir);
    let bad = |error: &dyn std::error::Error| Finding::Bad {
        text: error.to_string(),
        code: 1,
    };
    let table = TokenFile::open(&database).and_then(|file| match file {
        Some(mut file) => file.table().map(Some),
        None => Ok(None),
    });
    match table {
        Ok(Some(table)) if table.any() || !table.locked => {
            tell(&Finding::Good(standing(&table)));
        }
        Ok(Some(table)) => tell(&Finding::Note(standing(&table))),
        Ok(None) => {
            tell(&Finding::Note(format!(
                "no database yet: the first start makes {}",
                database.display()
            )));
            return None;
        }
        Err(error) => {
            tell(&bad(&error));
            return None;
        }
    }
    // Let go of again at once: SQLite itself copes with a service that starts meanwhile.
    if let Err(error) = DataDir::claim(&config.data_dir) {
        tell(&Finding::Note(format!(
            "the database is not looked into further: {error}"
        )));
        return None;
    }
    match Store::open_as_it_is(StoreConfig::at(database), Arc::new(NoSink)) {
        Ok(store) => {
            tell(&Finding::Good("database".to_owned()));
            Some(store)
        }
        Err(error) => {
            tell(&bad(&error));
            None
        }
    }
}
