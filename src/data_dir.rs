//! Data directory: made private, and held by one process at a time. Telegram burns a session that two
//! processes use at once, so the second one is refused before it touches anything.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

const DATABASE: &str = "switchboard.db";

#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error(
        "the data directory {path} is in use by process {holder}; stop that one first, or choose another SWITCHBOARD_DATA_DIR"
    )]
    InUse { path: PathBuf, holder: String },
    #[error("the data directory {path} can't be used: {source}; check SWITCHBOARD_DATA_DIR")]
    Unusable { path: PathBuf, source: io::Error },
}

/// The directory while it is ours; the lock ends with the value, or with the process.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
}

impl DataDir {
    /// # Errors
    /// When another process holds it, or it can't be made or written.
    pub fn claim(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |source| DataDirError::Unusable {
            path: path.to_owned(),
            source,
        };
        make_private(path).map_err(unusable)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(unusable)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            let _ = lock.read_to_string(&mut holder);
            return Err(DataDirError::InUse {
                path: path.to_owned(),
                holder: holder.trim().to_owned(),
            });
        }
        lock.set_len(0).map_err(unusable)?;
        lock.rewind().map_err(unusable)?;
        writeln!(lock, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self {
            path: path.to_owned(),
            lock,
        })
    }

    /// By which the next process that holds it knows that this one is dead: the file that is locked, on this machine since it
    /// was started. A path would be the same in another container, a name in the file the same in a copy. `None`: it can't be told.
    #[must_use]
    pub fn home(&self) -> Option<String> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let lock = self.lock.metadata().ok()?;
        Some(format!("{} {} {}", boot.trim(), lock.dev(), lock.ino()))
    }

    /// By which the other nodes of a database know it, through restarts and on another machine, too.
    ///
    /// # Errors
    /// When it can't be read or written.
    pub fn name(&self) -> io::Result<Uuid> {
        let path = self.path.join("name");
        let known = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let name = Uuid::new_v4();
        let whole = self.path.join("name.new");
        fs::write(&whole, format!("{name}\n"))?;
        fs::rename(&whole, &path)?;
        Ok(name)
    }

    /// Where files of messages are kept.
    #[must_use]
    pub fn media(&self) -> PathBuf {
        media_in(&self.path)
    }

    /// Where files wait that people send.
    #[must_use]
    pub fn staged(&self) -> PathBuf {
        self.path.join("staged")
    }

    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

/// The database of a directory that is not claimed, for a short look beside the running service.
///
/// # Errors
/// When the directory can't be made.
pub fn database_of(path: &Path) -> Result<PathBuf, DataDirError> {
    make_private(path).map_err(|source| DataDirError::Unusable {
        path: path.to_owned(),
        source,
    })?;
    Ok(database_in(path))
}

/// The same, for who only looks: nothing is made.
#[must_use]
pub fn database_in(path: &Path) -> PathBuf {
    path.join(DATABASE)
}

/// Where files of messages are kept in a data directory.
#[must_use]
pub fn media_in(path: &Path) -> PathBuf {
    path.join("media")
}

fn make_private(path: &Path) -> io::Result<()> {
    if !path.exists() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)?;
    }
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_claim_is_refused_and_names_the_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let held = DataDir::claim(&path).unwrap();
        let Err(DataDirError::InUse { holder, .. }) = DataDir::claim(&path) else {
            panic!("claimed twice");
        };
        assert_eq!(holder, std::process::id().to_string());
        drop(held);
        DataDir::claim(&path).unwrap();
    }

    #[test]
    fn the_directory_is_private_even_if_it_was_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let _held = DataDir::claim(dir.path()).unwrap();
        let mode = fs::metadata(dir.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
