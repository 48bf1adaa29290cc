//! Account: one actor per Telegram account.
//!
//! Receives: batches of updates from `telegram`; `WakeFill`, `GetLink` and `Stop` through its handle; its bell.
//! Sends:    `RecordBatch`, `pending_outgoing` and `settle_outgoing` to `store`; its end to `supervisor`.
//! Promises: Telegram's update position moves only in the commit that stores the messages.
//! Does not: decide about its own restart, or talk to browsers.

mod actor;
mod bells;
mod exit;
mod fill;
mod follow;
pub mod health;
mod inbound;
pub mod journal;
mod lanes;
mod look;
mod outbox;
mod pace;
mod parts;
mod patience;
mod peers;
mod prepare;
mod reading;
pub mod scheduled;
mod upload;

pub use actor::{AccountActor, AccountReport, GetLink, LinkSlot, Stop, WakeFill};
pub use bells::Bells;
pub use exit::AccountExit;
pub use parts::{AccountParts, CopySource, Typing, TypingSink, UploadProgress, UploadSink};
pub use peers::StoredPeers;
pub use reading::{FetchError, compare_between, fetch_between, fetch_down_to};
