//! Copies: the whole store in one file, taken while the service writes; and one put in its place.
//!
//! A copy is of one moment. Putting it back goes back to that moment, and three things must not: numbers that were given out
//! (events, messages) are not given out again, and a reply that was waiting then may have arrived long since, so it is
//! looked for before it goes out.

use std::{
    fs::{self, File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use diesel::{
    QueryResult, QueryableByName, connection::SimpleConnection, sql_types::Text,
    sqlite::SqliteConnection,
};

use super::{
    Result, StoreError, connection,
    event_ref::kind,
    sql::{One, Runs, sql},
};
use crate::domain::Timestamp;

/// Numbers go on so far beyond those of the copy when nobody can tell how far they had come.
const JUMP: i64 = 1_000_000;
/// A locked file is waited for.
const PATIENCE: &str = "PRAGMA busy_timeout = 10000;";

/// What a copy has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CopyContents {
    pub accounts: i64,
    pub messages: i64,
    /// Replies that waited.
    pub waiting: i64,
}

/// How far numbers were given out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GivenOut {
    pub seq: i64,
    pub message: i64,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    t: String,
}

/// Copies the store as it is at one moment to `to`, which must not be there. Who writes meanwhile is not held up.
///
/// # Errors
/// [`StoreError::Unavailable`]: no room, no such place, or the file is there already.
pub fn copy_out(database: &Path, to: &Path) -> Result<CopyContents> {
    let mut conn = open(database)?;
    // One of another version is copied as well: that is what somebody does before an upgrade.
    if let Ok(false) = connection::is_ours(&mut conn) {
        return Err(no_store());
    }
    // SQLite takes an empty file; made by ourselves, nobody else may read it at any moment.
    let made = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(to);
    let made = made.map_err(|error| away(&error))?;
    let copied = sql("VACUUM INTO ?")
        .text(&to.to_string_lossy())
        .run(&mut conn);
    let contents = copied.map_err(|error| failed(&error)).and_then(|_| {
        made.sync_all().map_err(|error| away(&error))?;
        sync_folder_of(to)?;
        let mut copy = open(to)?;
        sound(&mut copy)?;
        contents_of(&mut copy).map_err(|error| failed(&error))
    });
    if contents.is_err() {
        // What is there is no copy.
        let _ = fs::remove_file(to);
    }
    contents
}

/// Puts a copy that lies beside the database in its place. The caller holds the data directory. Where the store of before is now;
/// `None`: there was none.
///
/// # Errors
/// [`StoreError::SchemaTooNew`] for the copy of a newer version; [`StoreError::Broken`] for one that is damaged. Then
/// nothing was changed.
pub fn put_in_place(copy: &Path, database: &Path) -> Result<(CopyContents, Option<PathBuf>)> {
    let before = database.exists().then(|| given_out(database)).flatten();
    let contents = {
        let mut conn = open(copy)?;
        sound(&mut conn)?;
        match connection::is_ours(&mut conn) {
            Ok(true) => {}
            Ok(false) => return Err(no_store()),
            // Nobody serves it yet.
            Err(StoreError::SchemaTooOld { .. }) => connection::migrate(&mut conn)?,
            Err(error) => return Err(error),
        }
        let prepared = conn.immediate_transaction(|conn| prepare(conn, before));
        prepared.map_err(|error| failed(&error))?;
        contents_of(&mut conn).map_err(|error| failed(&error))?
    };
    File::open(copy)
        .and_then(|file| file.sync_all())
        .map_err(|error| away(&error))?;
    let kept = set_aside(database)?;
    fs::rename(copy, database).map_err(|error| away(&error))?;
    sync_folder_of(database)?;
    Ok((contents, kept))
}

/// SQLite's own look at everything in a database that nobody serves.
///
/// # Errors
/// [`StoreError::Broken`] for one that is damaged.
pub fn look_through(database: &Path) -> Result<()> {
    sound(&mut open(database)?)
}

fn open(path: &Path) -> Result<SqliteConnection> {
    let conn = connection::checkpointer(path);
    let mut conn = conn.map_err(|error| StoreError::Unavailable {
        reason: error.to_string(),
    })?;
    conn.batch_execute(PATIENCE)
        .map_err(|error| failed(&error))?;
    Ok(conn)
}

/// SQLite's own look at every page, index and row.
fn sound(conn: &mut SqliteConnection) -> Result<()> {
    let found =
        sql("SELECT integrity_check AS t FROM pragma_integrity_check LIMIT 1").load::<Word>(conn);
    match found.map_err(|error| failed(&error))?.pop() {
        Some(word) if word.t == "ok" => Ok(()),
        other => Err(StoreError::Broken {
            call: "copy",
            cause: other.map_or_else(String::new, |word| word.t),
        }),
    }
}

pub(super) fn contents_of(conn: &mut impl Runs) -> QueryResult<CopyContents> {
    let mut count =
        |text: &'static str| -> QueryResult<i64> { Ok(sql(text).get_result::<One>(conn)?.n) };
    Ok(CopyContents {
        accounts: count("SELECT count(*) AS n FROM accounts WHERE removed_at IS NULL")?,
        messages: count("SELECT count(*) AS n FROM messages")?,
        waiting: count("SELECT count(*) AS n FROM messages WHERE status = 'pending'")?,
    })
}

/// `None`: the store of now can't be read, which may be why a copy is put back.
fn given_out(database: &Path) -> Option<GivenOut> {
    let mut conn = open(database).ok()?;
    how_far(&mut conn).ok()
}

/// The last row of a message that was given out, as far as rows tell: all of a file's.
pub(super) const LAST_KNOWN_ROW: &str = "SELECT max(coalesce((SELECT max(id) FROM messages), 0), \
     coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'message_floor'), 0)) AS n";

pub(super) fn how_far(conn: &mut impl Runs) -> QueryResult<GivenOut> {
    let seq = sql("SELECT coalesce(max(seq), 0) AS n FROM event_log").get_result::<One>(conn)?;
    let message = sql(LAST_KNOWN_ROW).get_result::<One>(conn)?;
    Ok(GivenOut {
        seq: seq.n,
        message: message.n,
    })
}

/// Makes a store of a later day of the copy.
pub(super) fn prepare(conn: &mut impl Runs, before: Option<GivenOut>) -> QueryResult<()> {
    let own = how_far(conn)?;
    let floor = match before {
        Some(before) => GivenOut {
            seq: before.seq.max(own.seq),
            message: before.message.max(own.message),
        },
        None => GivenOut {
            seq: own.seq + JUMP,
            message: own.message + JUMP,
        },
    };
    sql("INSERT INTO meta (key, value) VALUES ('message_floor', ?) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value")
    .text(&floor.message.to_string())
    .run(conn)?;
    // Whoever heard of more than the copy has hears of each account again, by numbers that are new to it.
    sql("INSERT INTO event_log (seq, at, account_no, kind) \
         SELECT ? + row_number() OVER (ORDER BY no), ?, no, ? FROM accounts WHERE removed_at IS NULL")
    .number(floor.seq)
    .number(Timestamp::now().millis())
    .number(kind::ACCOUNT)
    .run(conn)?;
    // Tried last at the beginning of time: what long ago may have arrived is looked for in the chat.
    sql("UPDATE orders SET state = 'unanswered', last_at = 0, above = coalesce(above, (SELECT max(m.message_no) \
         FROM messages m WHERE m.conversation_id = orders.conversation_id AND m.message_no < 4294967296), 0) \
         WHERE state IN ('queued', 'in_flight', 'unanswered')")
    .run(conn)?;
    Ok(())
}

/// The store of now gets another name, together with its log.
fn set_aside(database: &Path) -> Result<Option<PathBuf>> {
    if !database.exists() {
        return Ok(None);
    }
    // Its log becomes part of it; without one, there is no moment at which a log lies beside the wrong file.
    let emptied = open(database).and_then(|mut conn| {
        conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;")
            .map_err(|error| failed(&error))
    });
    let kept = free_name(database);
    if emptied.is_err() {
        // Damaged: all of it is kept as it is found.
        for ending in ["-wal", "-shm"] {
            move_if_there(&with_ending(database, ending), &with_ending(&kept, ending))?;
        }
    }
    // Two names for a moment, so that there is a store at every moment.
    fs::hard_link(database, &kept).map_err(|error| away(&error))?;
    Ok(Some(kept))
}

fn free_name(database: &Path) -> PathBuf {
    let second = Timestamp::now().millis() / 1000;
    (second..)
        .map(|number| with_ending(database, &format!(".before-{number}")))
        .find(|name| !name.exists())
        .unwrap_or_else(|| with_ending(database, ".before"))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn move_if_there(from: &Path, to: &Path) -> Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(away(&error)),
        _ => Ok(()),
    }
}

fn sync_folder_of(path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| away(&error))
}

fn away(error: &std::io::Error) -> StoreError {
    StoreError::Unavailable {
        reason: error.to_string(),
    }
}

fn failed(error: &diesel::result::Error) -> StoreError {
    match connection::unavailable(error) {
        true => StoreError::Unavailable {
            reason: error.to_string(),
        },
        false => StoreError::Broken {
            call: "copy",
            cause: error.to_string(),
        },
    }
}

fn no_store() -> StoreError {
    StoreError::Broken {
        call: "restore",
        cause: "there is no store in this file".to_owned(),
    }
}
