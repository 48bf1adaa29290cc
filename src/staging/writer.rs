//! Writer: a body on its way to the disk.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{
    StagedName, Staging, StagingError,
    room::{Turn, spares_the_database},
    sums::Sums,
};
use crate::{
    aside::{self, Settled},
    domain::AccountId,
};

/// What is gathered before it is written.
const BUFFER: usize = 256 * 1024;
/// By so much a piece goes beyond it: the form's reader gives no larger ones.
const BEYOND: usize = 64 * 1024;

/// Removes the file when it is dropped, unless it was kept.
struct Lying {
    staging: Staging,
    name: StagedName,
    path: PathBuf,
    /// Bytes of the room that it holds.
    taken: u64,
    /// Other nodes see it.
    shown: bool,
    kept: bool,
}

impl Drop for Lying {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if self.shown {
            self.staging.hide(&self.name);
        }
        let _ = fs::remove_file(&self.path);
        self.staging.room().give_back(self.name.account, self.taken);
    }
}

/// A body that comes in.
pub struct Writer {
    /// `None` while a piece is being written.
    file: Option<File>,
    buffer: Vec<u8>,
    sums: Option<Box<Sums>>,
    written: u64,
    settled: Settled,
    most: u64,
    lying: Lying,
    _turn: Turn,
}

impl Writer {
    pub(super) fn begin(
        staging: Staging,
        account: AccountId,
        dir: &Path,
        (most, expected): (u64, Option<u64>),
    ) -> Result<Self, StagingError> {
        if expected.is_some_and(|expected| expected > most) {
            return Err(StagingError::TooLarge { most });
        }
        let turn = staging.room().turn(account)?;
        if !spares_the_database(dir, expected.unwrap_or(0)) {
            return Err(StagingError::DiskFull);
        }
        let name = Uuid::new_v4().to_string();
        let path = dir.join(&name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok(Self {
            file: Some(file),
            buffer: Vec::new(),
            sums: Some(Box::default()),
            written: 0,
            settled: Settled::default(),
            most,
            lying: Lying {
                staging,
                name: StagedName { account, name },
                path,
                taken: 0,
                shown: false,
                kept: false,
            },
            _turn: turn,
        })
    }

    /// The next piece.
    ///
    /// # Errors
    /// When there is no room for it; then nothing is left behind.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), StagingError> {
        self.written += piece.len() as u64;
        if self.written > self.most {
            return Err(StagingError::TooLarge { most: self.most });
        }
        if self.buffer.capacity() == 0 {
            self.buffer = Vec::with_capacity(BUFFER + BEYOND);
        }
        self.buffer.extend_from_slice(piece);
        if self.buffer.len() >= BUFFER {
            self.flush(false).await?;
        }
        Ok(())
    }

    async fn flush(&mut self, last: bool) -> Result<(), StagingError> {
        let mut bytes = std::mem::take(&mut self.buffer);
        let more = bytes.len() as u64;
        self.lying
            .staging
            .room()
            .take(self.lying.name.account, more)?;
        self.lying.taken += more;
        let (Some(file), Some(mut sums)) = (self.file.take(), self.sums.take()) else {
            return Err(io::Error::other("an earlier piece could not be written").into());
        };
        let mut settled = std::mem::take(&mut self.settled);
        let dir = self.lying.path.parent().map(Path::to_path_buf);
        let work = aside::blocking(move || {
            if dir.is_some_and(|dir| !spares_the_database(&dir, more)) {
                return Err(StagingError::DiskFull);
            }
            settled.write(&file, &bytes)?;
            sums.add(&bytes);
            if last {
                file.sync_data()?;
            }
            bytes.clear();
            Ok((file, sums, bytes, settled))
        });
        let (file, sums, buffer, settled) = work
            .await
            .map_err(|_| StagingError::Folder(io::Error::other("the service is stopping")))??;
        (self.file, self.sums, self.buffer) = (Some(file), Some(sums), buffer);
        self.settled = settled;
        Ok(())
    }

    /// It is whole, and on the disk.
    ///
    /// # Errors
    /// As for the last piece.
    pub async fn finish(mut self) -> Result<Staged, StagingError> {
        self.flush(true).await?;
        let (sha256, md5) = self.sums.take().unwrap_or_default().finish();
        Ok(Staged {
            size: self.written,
            sha256,
            md5,
            lying: self.lying,
        })
    }
}

/// A whole file that no order names yet: it goes with this, unless it is kept.
pub struct Staged {
    pub size: u64,
    pub sha256: String,
    /// Of a small file; empty for others.
    pub md5: String,
    lying: Lying,
}

impl Staged {
    #[must_use]
    pub fn name(&self) -> &StagedName {
        &self.lying.name
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.lying.path
    }

    /// It is whole and as it goes out: from now on every node may send it.
    pub(super) async fn show(&mut self) -> Result<(), StagingError> {
        let staging = self.lying.staging.clone();
        self.lying.shown = true;
        staging.show(self).await
    }

    /// An order may name it: the next start finds out.
    pub fn leave(mut self) {
        self.lying.kept = true;
    }

    /// An order names it by this name: it lay at another node, and is whole here only now.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn keep_as(mut self, name: &StagedName) -> Result<(), StagingError> {
        fs::rename(&self.lying.path, self.lying.staging.path(name))?;
        self.lying.kept = true;
        self.lying.staging.note(name);
        Ok(())
    }

    /// An order names it.
    pub fn keep(mut self) -> StagedName {
        self.lying.kept = true;
        self.lying.staging.note(&self.lying.name);
        self.lying.name.clone()
    }
}
