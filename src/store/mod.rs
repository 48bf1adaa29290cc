//! Store: every row of the service, in one SQLite file with one writer.
//!
//! Receives: batches, replies, states and marks through [`StoreHandle`].
//! Sends:    committed, numbered events to its [`EventSink`].
//! Promises: an answered write is on disk; nothing is announced before its commit; a failed write left nothing behind.
//! Does not: talk to Telegram, decide about accounts, or let anybody outside see SQL.

mod error;
mod handle;
mod pending_surface;
mod sealed;
mod types;

pub use error::{Result, StoreError};
pub use handle::{Store, StoreHandle};
pub use sealed::{RemoteCopy, SealedAccount};
pub use types::{
    AccountPatch, ConversationFilter, EventSink, FillJob, FillScope, HistoryState, LoginAttempt,
    MessagePage, MessagesFrom, NewAccount, NewFillJob, NewLoginAttempt, NoSink, Page, QueueReply,
    QueueSend, Queued, Recorded, SearchHit, SearchQuery, StoreConfig, StoreHealth,
};
