//! Switchboard: many real Telegram accounts, kept alive and answered from one desk.
//!
//! The tree is the path of a message:
//!
//! ```text
//! Telegram → telegram/ → account/ → store/ → broadcast/ → web/ → static/
//!                           ↑                              │
//!                           └── outbox (rows in the store) ← web/ (REST)
//!                 supervisor/ stands beside account/: starts, watches, restarts it
//! ```
//!
//! - [`domain`]: plain data that every part speaks; does no I/O.
//! - [`account`]: one actor per account: inbound batches, outbox, history.
//! - [`alive`]: whether the loops turn, for `/health/live` and for systemd.
//! - [`app`]: builds everything and stops it.
//! - [`aside`]: the threads of files' bytes, which give way to all others.
//! - [`broadcast`]: committed events, on their way to whoever listens.
//! - [`bucket`]: the S3 bucket that a setting names.
//! - [`cli`], [`config`], [`data_dir`]: what a person sets, and the directory that one process holds.
//! - [`commands`]: what else the program does: `backup`, `check`, `demo` (on a simulated Telegram), `migrate-store`, `token` and so on.
//! - [`files`]: files that come from other accounts and other nodes to go out here.
//! - [`handover`]: accounts that come to this node, and that leave it.
//! - [`media`]: files of messages, fetched, kept within a bound, handed out in ranges.
//! - [`memory`]: one setting of the allocator.
//! - [`nodes`]: several processes on one database, each account at one of them.
//! - [`supervisor`]: starts, watches and restarts accounts; signs them in.
//! - [`panics`]: how a panic is told.
//! - [`program`]: the process, from the command line to the exit code.
//! - [`remote`]: what people do to the accounts in Supabase, done here too.
//! - [`staging`]: files that people send, on the disk until Telegram has them.
//! - [`store`]: every row, one writer, in a file or a PostgreSQL; the only place that names diesel.
//! - [`telegram`]: one account's link to Telegram, and signing in; the only place that names grammers.
//! - [`tls`]: the certificate for HTTPS, read anew when it changes.
//! - [`traces`]: messages' ways, for OpenTelemetry (feature `otel`).
//! - [`transfer`]: histories as files, in Telegram Desktop's own layout, out and in.
//! - [`vault`]: sessions at rest, sealed.
//! - [`web`]: the REST API, the WebSocket and the dashboard's files.
//! - [`webhooks`]: events posted to configured addresses.
//! - [`whispers`]: what is told beside the event log, at every node.

// Outside tests a missing value is an error to handle, not a reason to panic.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

pub mod account;
pub mod alive;
pub mod app;
pub mod aside;
pub mod broadcast;
pub mod bucket;
pub mod cli;
pub mod commands;
pub mod config;
pub mod data_dir;
pub mod domain;
pub mod files;
pub mod handover;
pub mod media;
pub mod memory;
pub mod nodes;
pub mod panics;
pub mod program;
pub mod remote;
pub mod staging;
pub mod store;
pub mod supervisor;
pub mod telegram;
pub mod tls;
pub mod traces;
pub mod transfer;
pub mod vault;
pub mod web;
pub mod webhooks;
pub mod whispers;
