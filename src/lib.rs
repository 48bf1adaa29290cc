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
//! - [`broadcast`]: committed events, on their way to whoever listens.
//! - [`cli`], [`config`], [`data_dir`]: what a person sets, and the directory that one process holds.
//! - [`store`]: every row, one writer, one file; the only place that names diesel.
//! - [`telegram`]: one account's link to Telegram, and signing in; the only place that names grammers.
//! - [`vault`]: sessions at rest, sealed.

pub mod broadcast;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod domain;
pub mod store;
pub mod telegram;
pub mod vault;
