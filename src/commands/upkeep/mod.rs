//! Upkeep: the commands about the master key and the set-up, `switchboard rekey` and `switchboard check`.

mod findings;
mod machine;
mod reach;
mod server;

use std::{process::ExitCode, sync::Arc, time::Duration};

use self::findings::Findings;
use crate::{
    cli::say,
    commands::tokens::standing,
    config::{Config, KeyFileCover, Problems},
    data_dir::{DataDir, DataDirError, database_in},
    store::{
        NoSink, Store, StoreConfig, StoreError, StoreHandle, StorePlace, TokenFile, look_through,
    },
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
            Self::DataDir(DataDirError::InUse { .. }) | Self::Store(StoreError::InUse { .. }) => {
                ExitCode::from(3)
            }
            Self::Store(StoreError::Unfit { .. }) => ExitCode::from(2),
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
            let place = StoreConfig {
                server: config.database.clone(),
                alone: true,
                ..StoreConfig::at(data_dir.database())
            };
            let store = Store::open_as_it_is(place, Arc::new(NoSink))?;
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

/// Tells what is wrong with configuration, key, database, vault, disk, clock, receivers and the ways to Telegram. Changes no row.
pub async fn check(config: Result<Config, Problems>, json: bool) -> ExitCode {
    let mut findings = Findings::new(json);
    match config {
        Ok(config) => look(&config, &mut findings).await,
        Err(problems) => findings.refuse(&problems),
    }
    ExitCode::from(findings.end())
}

async fn look(config: &Config, findings: &mut Findings) {
    findings.tell("configuration", &Finding::Good("configuration".to_owned()));
    let keyring = match Keyring::load(KeySource::choose(&config.master_key)) {
        Ok(keyring) => Some(keyring),
        Err(error) => {
            let text = error.to_string();
            findings.tell("key", &Finding::Bad { text, code: 2 });
            None
        }
    };
    for finding in machine::examine_disk(&config.data_dir) {
        findings.tell("disk", &finding);
    }
    let store = open_store(config, findings);
    for finding in examine(keyring.as_ref(), remote(config).as_ref(), store.as_ref()).await {
        findings.tell("vault", &finding);
    }
    let ways = reach::examine_ways(config, keyring.as_ref(), store.as_ref()).await;
    for finding in &ways.findings {
        findings.tell("ways", finding);
    }
    if let Some(finding) = machine::examine_clock(&ways.reports) {
        findings.tell("clock", &finding);
    }
    if let Some(webhooks) = &config.webhooks {
        for finding in machine::examine_webhooks(webhooks).await {
            findings.tell("webhooks", &finding);
        }
    }
    if let Some(store) = store {
        store.close().await;
    }
}

/// The database, if there is one and nobody holds it. Who may call is told in any case: for that the file is only read.
fn open_store(config: &Config, findings: &mut Findings) -> Option<StoreHandle> {
    let place = config.store_place();
    let mut held = None;
    if let StorePlace::Server(url) = &place {
        let (found, holder) = server::examine(url);
        for finding in &found {
            findings.tell("database", finding);
        }
        if found.iter().any(|one| matches!(one, Finding::Bad { .. })) {
            return None;
        }
        held = holder;
    }
    let bad = |error: &dyn std::error::Error| Finding::Bad {
        text: error.to_string(),
        code: 1,
    };
    let table = TokenFile::open(&place).and_then(|file| match file {
        Some(mut file) => file.table().map(Some),
        None => Ok(None),
    });
    match table {
        Ok(Some(table)) if table.any() || !table.locked => {
            findings.tell("access", &Finding::Good(standing(&table)));
        }
        Ok(Some(table)) => findings.tell("access", &Finding::Note(standing(&table))),
        Ok(None) => {
            let text = format!("no database yet: the first start makes {place}");
            findings.tell("database", &Finding::Note(text));
            return None;
        }
        Err(error) => {
            findings.tell("database", &bad(&error));
            return None;
        }
    }
    if let Some(holder) = held {
        let text = format!("the database is not looked into further: {holder} serves it");
        findings.tell("database", &Finding::Note(text));
        return None;
    }
    // Let go of again at once: both engines cope with a service that starts meanwhile.
    if let Err(error) = DataDir::claim(&config.data_dir) {
        let text = format!("the database is not looked into further: {error}");
        findings.tell("database", &Finding::Note(text));
        return None;
    }
    let looked = match &place {
        StorePlace::File(file) => look_through(file),
        StorePlace::Server(_) => Ok(()),
    };
    let own = StoreConfig {
        server: config.database.clone(),
        ..StoreConfig::at(database_in(&config.data_dir))
    };
    let opened = looked.and_then(|()| Store::open_as_it_is(own, Arc::new(NoSink)));
    match opened {
        Ok(store) => {
            findings.tell("database", &Finding::Good("database".to_owned()));
            Some(store)
        }
        Err(StoreError::Broken { cause, .. }) => {
            let text = format!(
                "the database is damaged ({cause}): put a copy back with `switchboard restore`"
            );
            findings.tell("database", &Finding::Bad { text, code: 1 });
            None
        }
        Err(error) => {
            findings.tell("database", &bad(&error));
            None
        }
    }
}
