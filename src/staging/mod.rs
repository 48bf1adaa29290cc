//! Staging: files that people send, on the disk from the first byte of the request until Telegram has them. With several nodes on one
//! database they lie where all of them see them (a bucket, a shared folder), or the one that has them is asked.
//!
//! Receives: bodies from `web`, piece by piece; looks and removals from `account`.
//! Sends:    nothing; what is staged is named in the order that it goes out with.
//! Promises: no file is ever whole in memory; nothing is left behind by a body that breaks off, a full disk or a crash; one
//!           account's files can't take the room of the others; the database keeps its own.
//! Does not: know HTTP or Telegram.

mod container;
mod folder;
mod guise;
mod photo;
mod places;
mod room;
mod shelf;
mod sums;
mod voice;
mod writer;

use crate::domain::AccountId;

pub use folder::{Missing, Seen, Staging};
pub use guise::{As, Guised, Offered, Unfit, check_together};
pub use places::PartPlace;
pub use shelf::Shelf;
pub use writer::{Staged, Writer};

/// What a file is called in the folder.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StagedName {
    pub account: AccountId,
    pub name: String,
}

/// Why a file can't be staged.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    /// More than the account may send in one file.
    #[error("a file may have {most} bytes, and this one has more")]
    TooLarge { most: u64 },
    /// Too many bodies come in at once.
    #[error("too many files are coming in at once")]
    Busy,
    /// What waits to be sent has taken the room of its account, or of all.
    #[error("too much is waiting to be sent")]
    Full,
    #[error("the disk is full")]
    DiskFull,
    /// As after a fault of the disk; it may pass.
    #[error("the disk takes no writes")]
    ReadOnly,
    /// What all nodes see does not take it; it may pass.
    #[error("the bucket takes no files: {0}")]
    Away(String),
    #[error("the staging folder can't be used: {0}")]
    Folder(std::io::Error),
}

impl From<std::io::Error> for StagingError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        match error.kind() {
            K::StorageFull | K::QuotaExceeded => Self::DiskFull,
            K::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Folder(error),
        }
    }
}
