//! Telegram: one account's link to Telegram, and the way to sign one in. The only place that names grammers.
//!
//! Receives: orders of `account` through [`LinkHandle`] and [`SignIn`]; a session from the vault, a position from the store.
//! Sends:    [`LinkEvent`]s to `account`: batches in domain types with the position that holds after them, states, the end.
//! Promises: every wait has a limit; an auth key is dialled with from one place at a time; the position never runs ahead of the batch it came with; an existing auth key is
//!           never replaced; one account's panic ends that account's link alone; no secret in a log line or an error.
//! Does not: store anything, decide about restarts, or retry what a person or the outbox has to decide about.

mod budget;
mod clock;
mod convert;
mod error;
mod farewell;
mod files;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handshake;
pub mod import;
mod keys;
mod link;
mod login;
mod pool;
mod prime;
mod sequence;
mod service;
mod session;
mod settings;
mod ways;
mod words;

pub use budget::Charge;
pub(crate) use convert::read_object;
pub use error::{Ban, BookAway, CallError, LinkExit, LoginLost, TelegramError};
pub use farewell::{Parting, SignOutAs};
pub use files::{FileError, FilePart, PART_SIZE, parts_of};
pub use keys::KeyLease;
pub use link::{CHAT_MIGRATED, ContactList, Invitation, LookedUp};
pub use link::{
    DialogCursor, DialogPage, HistoryPage, HistoryRange, LinkConfig, LinkEvent, LinkHandle,
    PeerBook, PutError, Recipient, Urgency,
};
pub use login::{LoginError, SignIn, SignInConfig, SignInMethod, SignInStep, SignedIn};
pub use pool::Kept;
pub use service::Telegram;
pub use session::{DcRecord, SessionData, SessionError};
pub use settings::{TelegramConfig, Timing};
pub use ways::{Reach, WayError, WayReport, WayTiming};

use crate::domain::{MessageFiles, MessageObject};

/// The layer of Telegram's schema that is spoken.
pub const LAYER: i32 = grammers_client::tl::LAYER;

/// Where the files of a kept message lie. `None`: what was kept can't be read; Telegram has to be asked.
#[must_use]
pub fn files_of(object: &MessageObject) -> Option<MessageFiles> {
    convert::files_of_object(object)
}
