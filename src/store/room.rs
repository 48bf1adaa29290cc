//! Room: how much the database takes, and how much its disk has left.

use std::{
    fs,
    io::{self, Error},
    path::Path,
};

use super::{
    StoreHandle,
    connection::Place,
    sql::{One, sql},
};

/// In bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// The file and the log beside it, or what PostgreSQL says of its database.
    pub database: u64,
    /// What this user may still write on the disk of the data directory. A server's own disk is not seen from here.
    pub free: u64,
}

impl StoreHandle {
    /// Asks the file system, or the server, which may block.
    ///
    /// # Errors
    /// When it does not tell.
    pub fn room(&self) -> io::Result<Room> {
        let path = self.path();
        let place = match self.place() {
            Place::File(_) => path,
            Place::Server(_) => path.parent().unwrap_or(path),
        };
        let disk = rustix::fs::statvfs(place)?;
        Ok(Room {
            database: match self.place() {
                Place::File(path) => of_file(path)?,
                Place::Server(_) => self.of_server()?,
            },
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
        })
    }

    fn of_server(&self) -> io::Result<u64> {
        let mut conn = self.readers().get().map_err(Error::other)?;
        let size = sql("SELECT pg_database_size(current_database()) AS n")
            .get_result::<One>(&mut *conn)
            .map_err(Error::other)?;
        Ok(u64::try_from(size.n).unwrap_or_default())
    }
}

fn of_file(path: &Path) -> io::Result<u64> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let of_log = fs::metadata(log).map_or(0, |log| log.len());
    Ok(fs::metadata(path)?.len() + of_log)
}
