//! Token file: tokens made, listed and revoked without the service, or beside it. SQLite lets both write; the
//! service reads the table anew every moment.

use std::{path::Path, time::Duration};

use diesel::{connection::SimpleConnection, sqlite::SqliteConnection};

use super::{NewToken, Result, StoreError, TokenRecord, connection, tokens};

/// The service commits often; a place between two commits is found well within this.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection of its own to the store's file.
pub struct TokenFile {
    conn: SqliteConnection,
}

impl TokenFile {
    /// Makes the file if there is none yet.
    ///
    /// # Errors
    /// As [`super::Store::open`].
    pub fn open(path: &Path) -> Result<Self> {
        let unavailable = |reason: String| StoreError::Unavailable { reason };
        let mut conn = connection::create(path).map_err(|error| unavailable(error.to_string()))?;
        conn.batch_execute(&format!("PRAGMA busy_timeout = {};", PATIENCE.as_millis()))
            .map_err(|error| unavailable(error.to_string()))?;
        connection::migrate(&mut conn)?;
        Ok(Self { conn })
    }

    /// Its id.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn add(&mut self, token: &NewToken) -> Result<i64> {
        tokens::insert(&mut self.conn, token).map_err(|error| answer("add_token", &error))
    }

    /// Oldest first, revoked ones included.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn list(&mut self) -> Result<Vec<TokenRecord>> {
        tokens::all(&mut self.conn).map_err(|error| answer("list_tokens", &error))
    }

    /// `false`: there is none with this id that still counts.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn revoke(&mut self, id: i64) -> Result<bool> {
        tokens::revoke(&mut self.conn, id).map_err(|error| answer("revoke_token", &error))
    }
}

fn answer(call: &'static str, error: &diesel::result::Error) -> StoreError {
    if connection::unavailable(error) {
        return StoreError::Unavailable {
            reason: error.to_string(),
        };
    }
    StoreError::Broken {
        call,
        cause: error.to_string(),
    }
}
