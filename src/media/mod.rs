//! Media: files of messages and photos of chats, fetched when somebody looks, kept within a bound, handed out in ranges.
//!
//! Receives: questions of `web`; of `account`, files that go out once more.
//! Sends:    calls for parts and new references to an account's link; new objects to `store`; copies to `staging`.
//! Promises: a file is fetched once, however many ask for it and through whichever account; the first bytes leave before
//!           the last have come; no half file is ever taken for a whole one; memory is bounded for the whole process; what
//!           lies in the folder belongs to accounts and goes with the last of them.
//! Does not: know HTTP, or decide who may see what.

mod ahead;
mod bucket;
mod copy;
mod disk;
mod fetch;
mod figures;
mod flight;
mod handle;
mod old_files;
mod open;
mod policy;
mod retire;
mod start;

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::{
    domain::{AccountId, ChatId, FileLocation, MessageRowId},
    telegram::LinkHandle,
};

pub use copy::{Abroad, CopyError, FromAbroad};
pub use handle::MediaHandle;
pub use old_files::OldFiles;
pub use open::Opened;
pub use retire::old_files_in;
pub use start::{MediaConfig, MediaOpenError};

/// The accounts' links, as whoever starts them has them.
pub trait Links: Send + Sync + 'static {
    /// `None`: the account does not run.
    fn link(&self, account: AccountId) -> BoxFuture<'_, Option<LinkHandle>>;
}

/// The message that a file belongs to: where a new reference comes from.
#[derive(Clone, Copy, Debug)]
pub struct OfMessage {
    pub row: MessageRowId,
    pub chat: ChatId,
    pub message_id: i32,
    /// Its small picture, not the file itself.
    pub thumb: bool,
}

/// A file that somebody wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub account: AccountId,
    pub location: FileLocation,
    /// `None`: the photo of a chat, which needs no reference.
    pub message: Option<OfMessage>,
}

/// Why a file can't be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MediaError {
    /// For good.
    #[error("Telegram no longer has this file")]
    Gone,
    /// The account does not run.
    #[error("the account is not connected")]
    Away,
    #[error("Telegram asks to wait {} s", .0.as_secs())]
    Wait(Duration),
    #[error("no answer from Telegram: {0}")]
    Network(String),
    #[error("Telegram refused: {0}")]
    Refused(String),
    /// It is not as long as Telegram said.
    #[error("the file ended at {0} bytes")]
    Incomplete(u64),
    /// The folder can't be written; without it the file comes all the same.
    #[error("the media folder can't be written: {0}")]
    Disk(String),
    /// Too many files that are not kept are on their way.
    #[error("too many files are on their way")]
    Busy,
    /// Nobody reads it any more.
    #[error("nobody waits for it")]
    Abandoned,
    #[error("the media folder can't be read")]
    Broken,
}
