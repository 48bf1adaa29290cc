//! Token file: tokens made, listed and revoked without the service, or beside it. SQLite lets both write; the service
//! notices by itself ([`super::TokenWatch`]).

use std::{path::Path, time::Duration};

use diesel::{QueryResult, connection::SimpleConnection, sqlite::SqliteConnection};

use super::{
    NewToken, Result, StoreError, TokenRecord, TokenTable, Unlocked, audit_row, carried,
    connection, engine::Conn, tokens,
};

/// The service commits often; a place between two commits is found well within this.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection of its own to the store's file.
pub struct TokenFile {
    conn: Conn,
}

impl TokenFile {
    /// `None`: there is no database yet. One of another version is left as it is.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooOld`] and [`StoreError::SchemaTooNew`]; [`StoreError::Unavailable`] when it can't be
    /// opened.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let mut conn = patient(connection::writer(path))?;
        if !connection::is_ours(&mut conn)? {
            return Ok(None);
        }
        carried::refuse(&mut conn)?;
        Ok(Some(Self {
            conn: Conn::Sqlite(conn),
        }))
    }

    /// As [`Self::open`], and makes the database when there is none.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_or_make(path: &Path) -> Result<Self> {
        let mut conn = patient(connection::create(path))?;
        connection::make(&mut conn)?;
        Ok(Self {
            conn: Conn::Sqlite(conn),
        })
    }

    /// Its id.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn add(&mut self, token: &NewToken) -> Result<i64> {
        self.write("add_token", |conn| {
            let id = tokens::insert(conn, token)?;
            let detail = format!("token={id} name={:?} scope={}", token.name, token.scope);
            audit_row::by_console(conn, "token_made", detail)?;
            Ok(id)
        })
    }

    /// Oldest first, revoked ones included.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn list(&mut self) -> Result<Vec<TokenRecord>> {
        tokens::all(&mut self.conn).map_err(|error| answer("list_tokens", &error))
    }

    /// Who may come in now.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn table(&mut self) -> Result<TokenTable> {
        let table = tokens::table(&mut self.conn).map_err(|error| answer("tokens", &error));
        Ok(table?.1)
    }

    /// `false`: there is none with this id that still counts.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn revoke(&mut self, id: i64) -> Result<bool> {
        self.write("revoke_token", |conn| {
            let revoked = tokens::revoke(conn, id)?;
            if revoked {
                audit_row::by_console(conn, "token_revoked", format!("token={id}"))?;
            }
            Ok(revoked)
        })
    }

    /// Another text for the same token; `None`: there is none with this id that counts.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn rotate(&mut self, id: i64, hash: &str) -> Result<Option<TokenRecord>> {
        self.write("rotate_token", |conn| {
            let rotated = tokens::rotate(conn, id, hash)?;
            if rotated.is_some() {
                audit_row::by_console(conn, "token_rotated", format!("token={id}"))?;
            }
            Ok(rotated)
        })
    }

    /// Lets everybody on this machine in, without a token.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn unlock(&mut self) -> Result<Unlocked> {
        self.write("unlock", |conn| {
            let unlocked = tokens::unlock(conn)?;
            if unlocked == Unlocked::Done {
                audit_row::by_console(conn, "unlocked", String::new())?;
            }
            Ok(unlocked)
        })
    }

    fn write<T>(
        &mut self,
        call: &'static str,
        work: impl FnOnce(&mut Conn) -> QueryResult<T>,
    ) -> Result<T> {
        let done = self.conn.as_one(work);
        done.map_err(|error| answer(call, &error))
    }
}

fn patient(opened: Result<SqliteConnection, diesel::ConnectionError>) -> Result<SqliteConnection> {
    let unavailable = |reason: String| StoreError::Unavailable { reason };
    let mut conn = opened.map_err(|error| unavailable(error.to_string()))?;
    conn.batch_execute(&format!("PRAGMA busy_timeout = {};", PATIENCE.as_millis()))
        .map_err(|error| unavailable(error.to_string()))?;
    Ok(conn)
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
