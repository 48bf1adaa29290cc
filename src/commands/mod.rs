//! Commands: what the program does besides serving, each by its name on the command line.
//!
//! Receives: its settings from `main`.
//! Sends:    what it has to say to the terminal.
//! Promises: whatever it changes of a service's data it changes alone, or beside the service where its help says so.

pub mod backups;
#[cfg(feature = "demo")]
pub mod demo;
pub mod migrate_store;
pub mod retention;
pub mod tokens;
pub mod upkeep;
