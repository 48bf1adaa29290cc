//! Token file: tokens made, listed and revoked without the service, or beside it. Both engines let both write; the service
//! notices by itself ([`super::TokenWatch`]).

use std::{path::Path, time::Duration};

use diesel::{QueryResult, connection::SimpleConnection, sqlite::SqliteConnection};

use super::{
    NewToken, Result, StoreError, TokenRecord, TokenTable, Unlocked, audit_row, carried,
    connection::{self, Place},
    engine::Conn,
    server::{STATEMENT, Server},
    tokens,
};

/// The service commits often; a place between two commits is found well within this.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection of its own to the store.
pub struct TokenFile {
    conn: Conn,
}

impl TokenFile {
    /// `None`: there is no database yet. One of another version is left as it is.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooOld`] and [`StoreError::SchemaTooNew`]; [`StoreError::Unavailable`] when it can't be
    /// opened.
    pub fn open(place: &Place) -> Result<Option<Self>> {
        let conn = match place {
            Place::File(path) => Self::of_file(path)?,
            Place::Server(url) => {
                let mut server = reached(Server::connect(url, STATEMENT))?;
                server.refuse_unfit()?;
                server.is_ours()?.then(|| Conn::Postgres(Box::new(server)))
            }
        };
        let Some(mut conn) = conn else {
            return Ok(None);
        };
        carried::refuse(&mut conn)?;
        Ok(Some(Self { conn }))
    }

    fn of_file(path: &Path) -> Result<Option<Conn>> {
        if !path.exists() {
            return Ok(None);
        }
        let mut conn = patient(connection::writer(path))?;
        Ok(connection::is_ours(&mut conn)?.then_some(Conn::Sqlite(conn)))
    }

    /// As [`Self::open`], and makes the database when there is none.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_or_make(place: &Place) -> Result<Self> {
        let conn = match place {
            Place::File(path) => {
                let mut conn = patient(connection::create(path))?;
                connection::make(&mut conn)?;
                Conn::Sqlite(conn)
            }
            Place::Server(url) => {
                let mut server = reached(Server::connect(url, STATEMENT))?;
                server.refuse_unfit()?;
                server.make()?;
                Conn::Postgres(Box::new(server))
            }
        };
        Ok(Self { conn })
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

fn reached<T, E: ToString>(opened: Result<T, E>) -> Result<T> {
    opened.map_err(|error| StoreError::Unavailable {
        reason: error.to_string(),
    })
}

fn patient(opened: Result<SqliteConnection, diesel::ConnectionError>) -> Result<SqliteConnection> {
    let mut conn = reached(opened)?;
    reached(conn.batch_execute(&format!("PRAGMA busy_timeout = {};", PATIENCE.as_millis())))?;
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
