//! Settled: large files go to the disk as they come in, not when the kernel thinks of it.
//!
//! A commit waits for what the disk was given before it. A kernel that writes a gibibyte at its end makes it wait for that.

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    sync::{Mutex, PoisonError},
};

/// What is given to the disk at once, of all files together.
const PIECE: u64 = 1 << 20;

static TURN: Mutex<()> = Mutex::new(());

/// How far a file that is being written lies on the disk.
#[derive(Default)]
pub struct Settled {
    to: u64,
}

impl Settled {
    /// So much of it was there before.
    pub fn from(length: u64) -> Self {
        Self { to: length }
    }

    /// The file has grown to `length`. Waits for the disk from time to time. It promises nothing about a loss of power: that does
    /// [`File::sync_data`] at the end, which finds little to do.
    ///
    /// # Errors
    /// What the disk says of what was written before, which it says once.
    pub fn follow(&mut self, file: &File, length: u64) -> io::Result<()> {
        if length < self.to + PIECE {
            return Ok(());
        }
        let from = std::mem::replace(&mut self.to, length);
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        write_out(file, from, length - from)
    }
}

fn write_out(file: &File, from: u64, length: u64) -> io::Result<()> {
    let number = |value| i64::try_from(value).map_err(io::Error::other);
    let (from, length) = (number(from)?, number(length)?);
    let whole = libc::SYNC_FILE_RANGE_WAIT_BEFORE
        | libc::SYNC_FILE_RANGE_WRITE
        | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    // SAFETY: three numbers and a descriptor that is open for the whole call.
    let done = unsafe { libc::sync_file_range(file.as_raw_fd(), from, length, whole) };
    if done == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // A file system or a sandbox without it: the kernel decides there.
        Some(libc::ENOSYS | libc::EOPNOTSUPP | libc::ESPIPE | libc::EPERM) => Ok(()),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects disks: small steps are gathered, nothing is given to the disk twice, and what is no file on a disk is none's trouble.
    #[test]
    fn whole_pieces_are_given_to_the_disk() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(3 * PIECE).unwrap();
        let mut settled = Settled::from(10);
        settled.follow(&file, PIECE).unwrap();
        assert_eq!(settled.to, 10);
        settled.follow(&file, PIECE + 10).unwrap();
        assert_eq!(settled.to, PIECE + 10);
        settled.follow(&file, PIECE + 11).unwrap();
        assert_eq!(settled.to, PIECE + 10);
        let (_reader, writer) = io::pipe().unwrap();
        let writer = File::from(std::os::fd::OwnedFd::from(writer));
        Settled::default().follow(&writer, PIECE).unwrap();
    }
}
