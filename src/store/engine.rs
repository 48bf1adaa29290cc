//! Engine: the database behind a connection, and how a statement runs on it.
//!
//! Which engine it is, is asked once for each statement, never for each row.

use diesel::{QueryResult, result::Error, sqlite::SqliteConnection};

use super::{
    server::Server,
    sql::{Key, One, Row, Runs, Statement, sql},
    transaction,
    value::Gather,
};

/// A connection to the store, whatever keeps it.
pub(crate) enum Conn {
    Sqlite(SqliteConnection),
    Postgres(Box<Server>),
}

impl Runs for Conn {
    fn run<K: Key>(&mut self, statement: Statement<'_, K>) -> QueryResult<usize> {
        match self {
            Self::Sqlite(conn) => conn.run(statement),
            Self::Postgres(server) => server.run(statement),
        }
    }

    fn rows<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<Vec<R>> {
        match self {
            Self::Sqlite(conn) => conn.rows(statement),
            Self::Postgres(server) => server.rows(statement),
        }
    }

    fn row<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<R> {
        match self {
            Self::Sqlite(conn) => conn.row(statement),
            Self::Postgres(server) => server.row(statement),
        }
    }

    fn gather<K: Key>(&mut self, statement: Statement<'_, K>, which: Gather) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => conn.gather(statement, which),
            Self::Postgres(server) => server.gather(statement, which),
        }
    }

    fn has_gathered(&self, text: &str) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(server) => server.has_gathered(text),
        }
    }

    fn settle(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(server) => server.settle(),
        }
    }

    fn taking_back(&mut self) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(server) => server.taking_back(),
        }
    }

    fn may_commit(&self) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => conn.may_commit(),
            Self::Postgres(server) => server.may_commit(),
        }
    }

    fn taken_back(&mut self) {
        match self {
            Self::Sqlite(conn) => conn.taken_back(),
            Self::Postgres(server) => server.taken_back(),
        }
    }
}

impl Conn {
    /// The file, for what only a file needs: its log, its unused pages.
    pub fn file(&mut self) -> Option<&mut SqliteConnection> {
        match self {
            Self::Sqlite(conn) => Some(conn),
            Self::Postgres(_) => None,
        }
    }

    /// What is written with every message is gathered: how many rows a statement touched is not known at once.
    pub const fn gathers(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Each job is in a savepoint of its own, and its rows may be refused: they go by statements, which say what becomes of a row
    /// that is there.
    pub const fn one_by_one(&mut self, on: bool) {
        if let Self::Postgres(server) = self {
            server.one_by_one = on;
        }
    }

    /// Nothing can be asked on it any more.
    pub fn is_broken(&mut self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(server) => server.is_broken(),
        }
    }

    /// Rises with every row that is changed on this connection.
    pub fn changes(&mut self) -> QueryResult<i64> {
        match self {
            Self::Sqlite(conn) => Ok(conn.row::<_, One>(sql("SELECT total_changes() AS n"))?.n),
            Self::Postgres(server) => Ok(server.changes()),
        }
    }

    /// All that `work` reads is of one moment.
    pub fn at_one_moment<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> QueryResult<T>,
    ) -> QueryResult<T> {
        transaction::begin_reading(self)?;
        self.end(work)
    }

    /// What `work` writes stands as a whole or not at all.
    pub fn as_one<T>(&mut self, work: impl FnOnce(&mut Self) -> QueryResult<T>) -> QueryResult<T> {
        transaction::begin(self)?;
        self.end(work)
    }

    fn end<T>(&mut self, work: impl FnOnce(&mut Self) -> QueryResult<T>) -> QueryResult<T> {
        let done = work(self).and_then(|value| {
            transaction::commit(self)?;
            Ok(value)
        });
        if done.is_err() {
            // Some errors have taken everything back already.
            let _: Result<(), Error> = transaction::roll_back(self);
        }
        done
    }
}

/// A query of diesel's own language on whichever engine it is: `on!(conn, |conn| query.execute(conn))`.
macro_rules! on {
    ($conn:expr, |$own:ident| $query:expr) => {
        match $conn {
            $crate::store::engine::Conn::Sqlite($own) => $query,
            $crate::store::engine::Conn::Postgres(server) => server.ask(|$own| $query),
        }
    };
}
pub(in crate::store) use on;
