//! Settled: large files go to the disk as they come in, not when the kernel thinks of it.
//!
//! A commit waits for what the disk was given before it. A kernel that writes a gibibyte at its end makes it wait for that.

use std::{
    fs::File,
    io,
    os::{fd::AsRawFd, unix::fs::FileExt},
    sync::{Mutex, PoisonError},
};

/// What is given to the disk at once, of all files together.
const PIECE: u64 = 1 << 20;

/// What the kernel is given in one call. It does not take a processor away from within a call, and half a mebibyte is one of a millisecond.
const CALL: usize = 64 << 10;

static TURN: Mutex<()> = Mutex::new(());

/// A file that is written from its beginning to its end, and how far of it lies on the disk.
#[derive(Default)]
pub struct Settled {
    end: u64,
    to: u64,
}

impl Settled {
    /// So much of it was there before.
    pub fn from(length: u64) -> Self {
        Self {
            end: length,
            to: length,
        }
    }

    /// Writes what comes next. Waits for the disk from time to time. It promises nothing about a loss of power: that does
    /// [`File::sync_data`] at the end, which finds little to do.
    ///
    /// # Errors
    /// What the disk says, also of what was written before, which it says once.
    pub fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(CALL) {
            file.write_all_at(piece, self.end)?;
            self.end += piece.len() as u64;
        }
        if self.end < self.to + PIECE {
            return Ok(());
        }
        let from = std::mem::replace(&mut self.to, self.end);
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        write_out(file, from, self.end - from)
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
        let mut settled = Settled::from(10);
        let piece = usize::try_from(PIECE).unwrap();
        settled.write(&file, &vec![1; piece - 10]).unwrap();
        assert_eq!(settled.to, 10);
        settled.write(&file, &[2; 10]).unwrap();
        assert_eq!(settled.to, PIECE + 10);
        settled.write(&file, &[3]).unwrap();
        assert_eq!(settled.to, PIECE + 10);
        let mut written = vec![0; piece + 1];
        file.read_exact_at(&mut written, 10).unwrap();
        assert!(written[..piece - 10].iter().all(|byte| *byte == 1));
        assert_eq!(written[piece - 10..], [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3]);
        let (_reader, writer) = io::pipe().unwrap();
        let writer = File::from(std::os::fd::OwnedFd::from(writer));
        write_out(&writer, 0, PIECE).unwrap();
    }
}
