//! Backups: `switchboard backup` and `switchboard restore`.
//!
//! A backup is the store alone: accounts, sealed sessions, chats, messages, orders, tokens, webhooks. The master key is not in it
//! (a copy of both is a copy of the logins), nor are files of messages, which are fetched again.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    cli::say,
    config::Config,
    data_dir::{DataDir, DataDirError, database_in},
    store::{
        CopyContents, ServerUrl, StoreError, copy_out, dump_out, put_dump_in_place, put_in_place,
    },
    vault::{KeyError, KeySource, Keyring, SealedFileError, is_sealed, open_file, seal_file},
};

#[derive(Debug, thiserror::Error)]
enum BackupError {
    #[error("{0}: it is there already, and nothing is written over it")]
    Exists(PathBuf),
    #[error("there is no database in {0}: check SWITCHBOARD_DATA_DIR")]
    NoStore(PathBuf),
    #[error("{path} can't be read: {source}")]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("there is no master key yet that could seal it")]
    NoKey,
    #[error("the copy could not be sealed: {0}")]
    Seal(SealedFileError),
    #[error(
        "the sealed copy could not be opened: {0}; it takes the master key that it was sealed with"
    )]
    Open(SealedFileError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    fn code(&self) -> ExitCode {
        match self {
            Self::DataDir(DataDirError::InUse { .. }) | Self::Store(StoreError::InUse { .. }) => {
                ExitCode::from(3)
            }
            Self::Key(_) | Self::NoKey | Self::Exists(_) | Self::NoStore(_) => ExitCode::from(2),
            _ => ExitCode::from(1),
        }
    }
}

fn tell(result: Result<String, BackupError>) -> ExitCode {
    match result {
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

/// Copies the store to `file`; the service may run.
pub fn backup(config: &Config, file: &Path, sealed: bool) -> ExitCode {
    tell(try_backup(config, file, sealed))
}

fn try_backup(config: &Config, file: &Path, sealed: bool) -> Result<String, BackupError> {
    let database = database_in(&config.data_dir);
    if config.database.is_none() && !database.exists() {
        return Err(BackupError::NoStore(config.data_dir.clone()));
    }
    if file.exists() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    // Under its name once it is whole.
    let part = beside(file, ".switchboard-part");
    remove_left_over(&part);
    let contents = match &config.database {
        None => copy_out(&database, &part)?,
        Some(url) => dump_out(url, &part)?,
    };
    let (made, how) = if sealed {
        let sealed_part = beside(file, ".switchboard-sealing");
        remove_left_over(&sealed_part);
        let made = keys(config)
            .and_then(|keys| seal_file(&keys, &part, &sealed_part).map_err(BackupError::Seal));
        remove_left_over(&part);
        made?;
        (sealed_part, ", sealed with the master key")
    } else {
        (part, "")
    };
    fs::rename(&made, file).map_err(|source| BackupError::Unreadable {
        path: file.to_owned(),
        source,
    })?;
    Ok(format!(
        "{} holds {}{how}. The master key is not in it: keep a copy of that elsewhere",
        file.display(),
        told(&contents)
    ))
}

/// Puts `file` in the place of the store; the service must not run.
pub fn restore(config: &Config, file: &Path) -> ExitCode {
    tell(try_restore(config, file))
}

fn try_restore(config: &Config, file: &Path) -> Result<String, BackupError> {
    let unreadable = |source| BackupError::Unreadable {
        path: file.to_owned(),
        source,
    };
    let sealed = is_sealed(file).map_err(unreadable)?;
    let data_dir = DataDir::claim(&config.data_dir)?;
    if let Some(url) = &config.database {
        return restore_at(config, url, file, sealed);
    }
    let database = data_dir.database();
    let copy = beside(&database, ".restoring");
    for ending in ["", "-journal", "-wal", "-shm"] {
        remove_left_over(&beside(&copy, ending));
    }
    if sealed {
        open_file(&keys(config)?, file, &copy).map_err(BackupError::Open)?;
    } else {
        copy_private(file, &copy).map_err(unreadable)?;
    }
    let put = put_in_place(&copy, &database);
    remove_left_over(&copy);
    let (contents, before) = put?;
    let kept = before.map_or_else(String::new, |before| {
        format!(". What was there before is {}", before.display())
    });
    Ok(format!(
        "the store is that of {}: {}{kept}. Start the service: accounts go on from there, and what came since is fetched",
        file.display(),
        told(&contents)
    ))
}

/// The same on PostgreSQL.
fn restore_at(
    config: &Config,
    url: &ServerUrl,
    file: &Path,
    sealed: bool,
) -> Result<String, BackupError> {
    let opened = beside(&database_in(&config.data_dir), ".restoring");
    remove_left_over(&opened);
    let put = match sealed {
        false => put_dump_in_place(url, file).map_err(BackupError::from),
        true => keys(config)
            .and_then(|keys| open_file(&keys, file, &opened).map_err(BackupError::Open))
            .and_then(|()| Ok(put_dump_in_place(url, &opened)?)),
    };
    remove_left_over(&opened);
    let (contents, before) = put?;
    let kept = before.map_or_else(String::new, |before| {
        format!(". What was there before is the schema {before}: drop it once it is not needed")
    });
    Ok(format!(
        "the store is that of {}: {}{kept}. Start the service: accounts go on from there, and what came since is fetched",
        file.display(),
        told(&contents)
    ))
}

fn keys(config: &Config) -> Result<Keyring, BackupError> {
    let keys = Keyring::load(KeySource::choose(&config.master_key))?;
    match keys.is_fresh() {
        true => Err(BackupError::NoKey),
        false => Ok(keys),
    }
}

fn told(contents: &CopyContents) -> String {
    let CopyContents {
        accounts,
        messages,
        waiting,
    } = contents;
    let waits = match waiting {
        0 => String::new(),
        waiting => format!(", {waiting} of them waiting to be sent"),
    };
    format!("{accounts} accounts and {messages} messages{waits}")
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn copy_private(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut from = File::open(from)?;
    let mut to = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(to)?;
    std::io::copy(&mut from, &mut to).map(drop)
}

/// Of a run that was stopped in the middle.
fn remove_left_over(path: &Path) {
    let _ = fs::remove_file(path);
}
