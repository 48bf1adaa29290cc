//! Engine: the database behind a connection, and how a statement runs on it.
//!
//! Which engine it is, is asked once for each statement, never for each row.

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl,
    result::Error,
    sqlite::{Sqlite, SqliteConnection},
};

use super::{
    sql::{Key, Statement},
    transaction,
};

/// A connection to the store, whatever keeps it.
pub(crate) enum Conn {
    Sqlite(SqliteConnection),
}

/// A row by the names of its columns, the same from every engine.
pub(in crate::store) trait Row: QueryableByName<Sqlite> + 'static {}

impl<R: QueryableByName<Sqlite> + 'static> Row for R {}

/// What a [`Statement`] runs on: a connection of the store, or a file of its own.
pub(in crate::store) trait Runs {
    /// How many rows it touched.
    fn run<K: Key>(&mut self, statement: Statement<'_, K>) -> QueryResult<usize>;

    fn rows<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<Vec<R>>;

    /// The first one; [`Error::NotFound`] where there is none.
    fn row<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<R>;
}

impl Runs for SqliteConnection {
    fn run<K: Key>(&mut self, statement: Statement<'_, K>) -> QueryResult<usize> {
        RunQueryDsl::execute(statement, self)
    }

    fn rows<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<Vec<R>> {
        RunQueryDsl::load(statement, self)
    }

    fn row<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<R> {
        RunQueryDsl::get_result(statement, self)
    }
}

impl Runs for Conn {
    fn run<K: Key>(&mut self, statement: Statement<'_, K>) -> QueryResult<usize> {
        match self {
            Self::Sqlite(conn) => conn.run(statement),
        }
    }

    fn rows<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<Vec<R>> {
        match self {
            Self::Sqlite(conn) => conn.rows(statement),
        }
    }

    fn row<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<R> {
        match self {
            Self::Sqlite(conn) => conn.row(statement),
        }
    }
}

impl Conn {
    /// The file, for what only a file needs: its log, its unused pages.
    pub fn file(&mut self) -> Option<&mut SqliteConnection> {
        match self {
            Self::Sqlite(conn) => Some(conn),
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
        }
    };
}
pub(in crate::store) use on;
