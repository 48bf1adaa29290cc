//! The engine of this test binary: SQLite, in the file that a test names.

use std::path::Path;

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use switchboard::store::StoreConfig;

/// How many lives of chats are played through.
pub const SEEDS: u64 = 24;

pub const fn placed(config: StoreConfig) -> StoreConfig {
    config
}

/// As somebody else changes rows while no store is open.
pub fn change(path: &Path, text: &str) {
    SqliteConnection::establish(&path.to_string_lossy())
        .unwrap()
        .batch_execute(text)
        .unwrap();
}

/// Is this text anywhere in the database?
pub fn holds(path: &Path, text: &str) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
