//! Shrink: pages that nothing uses any more go back to the disk, where messages are not kept for ever.
//!
//! SQLite gives pages back a few at a time only in a file that keeps count of who points to which page. A file that does not is
//! rewritten once; one where nothing ever goes is left as it is, because the counting costs each write a little.

use diesel::{QueryResult, connection::SimpleConnection, sqlite::SqliteConnection};

use super::{
    connection,
    engine::Conn,
    retention::in_force,
    sql::{One, sql},
};
use crate::domain::KeepFor;

/// Given back in one step, outside any transaction.
const PAGES: i64 = 256;
/// Left for what is to come.
const SPARED: i64 = 512;
/// Writes wait while a file is rewritten; a larger one waits for the next start.
const AT_ONCE_BYTES: i64 = 64 << 20;
/// Of `PRAGMA auto_vacuum`.
const INCREMENTAL: i64 = 2;

#[derive(Default)]
pub(super) struct Shrink {
    /// What the file is; `None`: not looked at yet.
    counted: Option<bool>,
    told_to_wait: bool,
    /// Pages were given back, which the disk sees when the log is moved into the file.
    at_work: bool,
}

impl Shrink {
    /// One step, when nobody waits.
    pub fn go_on(&mut self, conn: &mut Conn, keep: &KeepFor) -> QueryResult<()> {
        let Some(file) = conn.file() else {
            return Ok(());
        };
        if number(
            file,
            "SELECT freelist_count AS n FROM pragma_freelist_count",
        )? < SPARED + PAGES
        {
            if std::mem::take(&mut self.at_work) {
                connection::checkpoint(file, "PASSIVE")?;
            }
            return Ok(());
        }
        let counted = match self.counted {
            Some(counted) => counted,
            None => *self.counted.insert(is_counted(file)?),
        };
        if !counted && !in_force(conn, keep)? {
            return Ok(());
        }
        let Some(conn) = conn.file() else {
            return Ok(());
        };
        if counted {
            self.at_work = true;
            return conn.batch_execute(&format!("PRAGMA incremental_vacuum({PAGES});"));
        }
        if bytes(conn)? <= AT_ONCE_BYTES {
            self.counted = None;
            return rewrite(conn);
        }
        if !std::mem::replace(&mut self.told_to_wait, true) {
            log::info!(target: "switchboard::store", "the database file begins to shrink with the next start: it is too large to be rewritten while the service runs");
        }
        Ok(())
    }
}

/// When the file is opened: as large as it may be.
pub(super) fn at_start(conn: &mut SqliteConnection) {
    let done = is_counted(conn).and_then(|counted| match counted {
        true => Ok(()),
        false => rewrite(conn),
    });
    if let Err(error) = done {
        log::warn!(target: "switchboard::store", "the database file does not shrink yet; tried again at the next start cause=\"{error}\"");
    }
}

fn rewrite(conn: &mut SqliteConnection) -> QueryResult<()> {
    // The copy that VACUUM makes on the way is as large as the file.
    let rewritten =
        conn.batch_execute("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA temp_store = FILE; VACUUM;");
    conn.batch_execute("PRAGMA temp_store = MEMORY;")?;
    rewritten
}

fn is_counted(conn: &mut SqliteConnection) -> QueryResult<bool> {
    Ok(number(conn, "SELECT auto_vacuum AS n FROM pragma_auto_vacuum")? == INCREMENTAL)
}

fn bytes(conn: &mut SqliteConnection) -> QueryResult<i64> {
    number(
        conn,
        "SELECT page_count * page_size AS n FROM pragma_page_count, pragma_page_size",
    )
}

fn number(conn: &mut SqliteConnection, text: &'static str) -> QueryResult<i64> {
    Ok(sql(text).get_result::<One>(conn)?.n)
}
