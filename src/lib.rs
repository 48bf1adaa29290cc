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

pub mod domain;
