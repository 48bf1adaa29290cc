//! Transaction: where the writer's begin and end. diesel's own manager has `BEGIN` and `COMMIT` compiled anew each
//! time, which a lone message waits for twice; these are prepared once, like every other statement.
//!
//! Who meets an error drops the connection, and with it what is left of the transaction.

use diesel::QueryResult;

use super::sql::{Runs, sql};

/// Takes the write lock at once.
pub(super) fn begin(conn: &mut impl Runs) -> QueryResult<()> {
    sql("BEGIN IMMEDIATE").run(conn).map(drop)
}

/// Reads one moment, and locks nobody out.
pub(super) fn begin_reading(conn: &mut impl Runs) -> QueryResult<()> {
    sql("BEGIN DEFERRED").run(conn).map(drop)
}

pub(super) fn commit(conn: &mut impl Runs) -> QueryResult<()> {
    conn.settle()?;
    conn.may_commit()?;
    sql("COMMIT").run(conn).map(drop)
}

pub(super) fn roll_back(conn: &mut impl Runs) -> QueryResult<()> {
    conn.taking_back();
    sql("ROLLBACK").run(conn)?;
    conn.taken_back();
    Ok(())
}

/// What one job writes can be taken back without the rest. There is one at a time.
pub(super) fn begin_job(conn: &mut impl Runs) -> QueryResult<()> {
    sql("SAVEPOINT job").run(conn).map(drop)
}

pub(super) fn keep_job(conn: &mut impl Runs) -> QueryResult<()> {
    sql("RELEASE job").run(conn).map(drop)
}

pub(super) fn take_job_back(conn: &mut impl Runs) -> QueryResult<()> {
    conn.taking_back();
    sql("ROLLBACK TO job").run(conn)?;
    conn.taken_back();
    keep_job(conn)
}
