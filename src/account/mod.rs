//! Account: one actor per Telegram account.
//!
//! Receives: batches of updates from `telegram`; `WakeOutbox`, `GetLink` and `Stop` through its handle.
//! Sends:    `RecordBatch`, `pending_outgoing` and `settle_outgoing` to `store`; its end to `supervisor`.
//! Promises: Telegram's update position moves only in the commit that stores the messages.
//! Does not: decide about its own restart, or talk to browsers.

mod actor;
mod exit;
mod fill;
mod inbound;
pub mod journal;
mod outbox;
mod peers;

pub use actor::{
    AccountActor, AccountParts, AccountReport, GetLink, Stop, Typing, TypingSink, WakeOutbox,
};
pub use exit::AccountExit;
pub use fill::{FetchError, fetch_down_to, fetch_older};
pub use peers::StoredPeers;
