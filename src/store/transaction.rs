//! Transaction: where the writer's begin and end. diesel's own manager has `BEGIN` and `COMMIT` compiled anew each
//! time, which a lone message waits for twice; these are prepared once, like every other statement.
//!
//! Who meets an error drops the connection, and with it what is left of the transaction.

use diesel::{QueryResult, sqlite::SqliteConnection};

use super::sql::sql;

/// Takes the write lock at once.
pub(super) fn begin(conn: &mut SqliteConnection) -> QueryResult<()> {
    sql("BEGIN IMMEDIATE").run(conn).map(drop)
}

pub(super) fn commit(conn: &mut SqliteConnection) -> QueryResult<()> {
    sql("COMMIT").run(conn).map(drop)
}

pub(super) fn roll_back(conn: &mut SqliteConnection) -> QueryResult<()> {
    sql("ROLLBACK").run(conn).map(drop)
}

/// What one job writes can be taken back without the rest. There is one at a time.
pub(super) fn begin_job(conn: &mut SqliteConnection) -> QueryResult<()> {
    sql("SAVEPOINT job").run(conn).map(drop)
}

pub(super) fn keep_job(conn: &mut SqliteConnection) -> QueryResult<()> {
    sql("RELEASE job").run(conn).map(drop)
}

pub(super) fn take_job_back(conn: &mut SqliteConnection) -> QueryResult<()> {
    sql("ROLLBACK TO job").run(conn)?;
    keep_job(conn)
}
