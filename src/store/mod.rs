//! Store: every row of the service, in one SQLite file or one schema of PostgreSQL, with one writer.
//!
//! Receives: batches, replies, states and marks through [`StoreHandle`].
//! Sends:    committed, numbered events to its [`EventSink`].
//! Promises: an answered write is on disk; nothing is announced before its commit; a failed write left nothing behind.
//! Does not: talk to Telegram, decide about accounts, or let anybody outside see SQL.

mod account_row;
mod accounts;
mod actor;
mod archive;
mod audit;
mod audit_row;
mod calls;
mod carried;
mod carry;
mod connection;
mod contacts;
mod continuity;
mod conversation_row;
mod conversations;
mod copies;
mod cover;
mod cursor;
mod deeds;
mod dialect;
mod drafts;
mod dumps;
mod echoes;
mod engine;
mod erasure;
mod error;
mod event_columns;
mod event_log;
mod event_ref;
mod examined;
mod export;
mod farewells;
mod feeder;
mod fence;
mod fill;
mod follow;
mod forwards;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gathered;
mod handle;
mod health;
mod hold;
mod housekeeping;
mod idempotency;
mod import;
mod incoming;
mod job;
mod job_error;
mod kept_answers;
mod known_chats;
mod known_peer;
mod leases;
mod listen;
mod login_attempts;
mod marks;
mod message_row;
mod messages;
mod metrics;
mod migrations;
mod moved;
mod new_row;
mod nodes;
mod notes;
mod numbering;
mod objects;
mod old_codes;
mod order_copies;
mod order_files;
mod order_row;
mod orders;
mod owed;
mod owners;
mod peers;
mod pending;
#[cfg(test)]
mod plans;
mod pooler;
mod positions;
mod ready;
mod record;
mod replies;
mod reread;
mod retention;
mod room;
mod row_blocks;
mod scheduled;
mod schema;
mod scope_row;
mod sealed;
mod search;
mod search_index;
mod sending;
mod server;
mod server_url;
mod settle;
mod shrink;
mod span_rows;
mod spans;
mod sql;
mod stated;
mod stretches;
mod token_file;
mod token_watch;
mod tokens;
mod topics;
mod transaction;
mod trouble;
mod tx;
mod types;
mod versions;
mod webhook_cursors;
mod webhook_rows;
mod whose;
mod wire;
mod words;
mod would_go;

pub use audit_row::{AuditRecord, NewAudit};
pub use calls::{CALLS_CHANNEL, CallPart, CallRows, CallState, NewCall, TakenCall, Way};
pub use carry::{CarriedTable, Carry, CarryEnd, CarryError, Round};
pub use connection::Place as StorePlace;
pub use contacts::{ContactBook, ContactQuery};
pub use copies::{CopyContents, copy_out, look_through, put_in_place};
pub use dumps::{dump_out, put_dump_in_place};
pub use error::{Result, StoreError};
pub use examined::{ServerReport, examine_server};
pub use export::{ExportPage, ExportPlace};
pub use farewells::{NewFarewell, SealedFarewell};
pub use fence::{Claim, Fence};
pub use handle::{Store, StoreHandle};
pub use health::StoreHealth;
pub use import::Imported;
pub use kept_answers::{CallKey, KeptAnswer};
pub use leases::{Beat, Lease, LeaseBook, LeaseTimes, NodeRow, Standing};
pub use listen::{Heard, LONGEST_WORD, Listener, Word};
pub use metrics::StoreMetrics;
pub use nodes::{Drained, LeaseSeen, NodeSeen, NodesSeen};
pub use owners::OwnerRecord;
pub use pending::FIRST_OF_A_LANE;
pub use room::Room;
pub use sealed::{RemoteCopy, SealedAccount};
pub use sending::SendingTerms;
pub use server_url::ServerUrl;
pub use stated::Statement;
pub use token_file::TokenFile;
pub use token_watch::TokenWatch;
pub use tokens::{DESK, LICENCE, NewToken, TokenRecord, TokenState, TokenTable, Unlocked};
pub use types::{
    AccountPatch, ArchiveWork, ConversationFilter, Discard, EventSink, HistoryStretch,
    LoginAttempt, LoginLimit, MessagePage, MessagesFrom, NewAccount, NewLoginAttempt, NoSink,
    OwedWork, Page, PageEnd, QueueDeed, QueueForward, QueueReply, QueueSend, Queued, QueuedDeed,
    QueuedFile, QueuedFiles, RecentJob, Recorded, SearchHit, SearchQuery, StaleWork, StoreConfig,
    Stretched, Target,
};
pub use versions::Version;
pub use webhook_cursors::WebhookPlace;
pub use webhook_rows::{WebhookFilter, WebhookRow};
pub use whose::OfAccount;
pub use would_go::{AccountWouldGo, WouldGo, would_go_of};
