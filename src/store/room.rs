//! Room: how much the database takes, and how much its disk has left.

use std::{fs, io};

use super::StoreHandle;

/// In bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// The file and the log beside it.
    pub database: u64,
    /// What this user may still write on that disk.
    pub free: u64,
}

impl StoreHandle {
    /// Asks the file system, which may block.
    ///
    /// # Errors
    /// When it does not tell.
    pub fn room(&self) -> io::Result<Room> {
        let path = self.path();
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let of_log = fs::metadata(log).map_or(0, |log| log.len());
        let disk = rustix::fs::statvfs(path)?;
        Ok(Room {
            database: fs::metadata(path)?.len() + of_log,
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
        })
    }
}
