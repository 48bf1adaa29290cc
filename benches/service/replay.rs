//! Replay: the very rows that the service wrote, written again by a bare loop over SQLite: the same schema, pragmas and
//! commits, and nothing else.

use std::{
    collections::BTreeSet,
    ffi::{CStr, CString},
    path::{Path, PathBuf},
    ptr,
    time::{Duration, Instant},
};

use libsqlite3_sys as ffi;

use super::processor::thread_processor;

/// As the store's writer has them; the log is moved into the file by the loop itself, as often as by the service.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -6144; \
     PRAGMA temp_store = MEMORY;";
/// Bits of a place in the search index that hold the row; the rest is the minute.
const ROW_BITS: u32 = 37;

pub struct Replayed {
    pub messages: u64,
    pub took: Duration,
    pub processor: Duration,
}

impl Replayed {
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.took.as_secs_f64()
    }

    pub fn micros(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.messages as f64
    }
}

/// A value of its own, which outlives its statement.
struct Value(*mut ffi::sqlite3_value);

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: it was made by `sqlite3_value_dup` and is freed once.
        unsafe { ffi::sqlite3_value_free(self.0) }
    }
}

type Row = Vec<Value>;

struct Db(*mut ffi::sqlite3);

impl Drop for Db {
    fn drop(&mut self) {
        // SAFETY: statements are finalised before their connection goes.
        unsafe { ffi::sqlite3_close(self.0) };
    }
}

fn c(text: &str) -> CString {
    CString::new(text).expect("no zero bytes")
}

impl Db {
    fn open(path: &Path) -> Self {
        let mut db = ptr::null_mut();
        // SAFETY: the path outlives the call, and the connection is used on this thread only.
        let code = unsafe { ffi::sqlite3_open(c(&path.to_string_lossy()).as_ptr(), &raw mut db) };
        assert_eq!(code, ffi::SQLITE_OK);
        Self(db)
    }

    fn run(&self, sql: &str) {
        let text = c(sql);
        // SAFETY: the text outlives the call.
        let code = unsafe {
            ffi::sqlite3_exec(
                self.0,
                text.as_ptr(),
                None,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        assert_eq!(code, ffi::SQLITE_OK, "{sql}: {}", self.error());
    }

    fn error(&self) -> String {
        // SAFETY: SQLite gives a text that lives until the next call.
        let text = unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(self.0)) };
        text.to_string_lossy().into_owned()
    }

    fn prepare(&self, sql: &str) -> Statement<'_> {
        let mut statement = ptr::null_mut();
        let text = c(sql);
        // SAFETY: the text outlives the call.
        let code = unsafe {
            ffi::sqlite3_prepare_v2(
                self.0,
                text.as_ptr(),
                -1,
                &raw mut statement,
                ptr::null_mut(),
            )
        };
        assert_eq!(code, ffi::SQLITE_OK, "{sql}: {}", self.error());
        Statement {
            db: self,
            raw: statement,
        }
    }

    fn rows(&self, sql: &str) -> Vec<Row> {
        let statement = self.prepare(sql);
        let mut rows = Vec::new();
        // SAFETY: columns are read between two steps, and duplicated.
        unsafe {
            while ffi::sqlite3_step(statement.raw) == ffi::SQLITE_ROW {
                let columns = ffi::sqlite3_column_count(statement.raw);
                let value = |at| {
                    Value(ffi::sqlite3_value_dup(ffi::sqlite3_column_value(
                        statement.raw,
                        at,
                    )))
                };
                rows.push((0..columns).map(value).collect());
            }
        }
        rows
    }

    fn number(&self, sql: &str) -> i64 {
        self.rows(sql).first().map_or(0, |row| row[0].number())
    }
}

impl Value {
    fn number(&self) -> i64 {
        // SAFETY: the value is ours.
        unsafe { ffi::sqlite3_value_int64(self.0) }
    }
}

struct Statement<'a> {
    db: &'a Db,
    raw: *mut ffi::sqlite3_stmt,
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: finalised once, before its connection.
        unsafe { ffi::sqlite3_finalize(self.raw) };
    }
}

impl Statement<'_> {
    fn write(&self, row: &[Value]) {
        for (at, value) in row.iter().enumerate() {
            // SAFETY: the value outlives the step.
            unsafe { ffi::sqlite3_bind_value(self.raw, at as i32 + 1, value.0) };
        }
        self.step();
    }

    fn write_numbers(&self, numbers: &[i64]) {
        for (at, number) in numbers.iter().enumerate() {
            // SAFETY: plain numbers.
            unsafe { ffi::sqlite3_bind_int64(self.raw, at as i32 + 1, *number) };
        }
        self.step();
    }

    fn step(&self) {
        // SAFETY: a prepared statement of this thread.
        unsafe {
            assert_eq!(
                ffi::sqlite3_step(self.raw),
                ffi::SQLITE_DONE,
                "{}",
                self.db.error()
            );
            ffi::sqlite3_reset(self.raw);
        }
    }
}

/// What was written for one message.
struct Message {
    row: Row,
    id: i64,
    conversation: i64,
    account: i64,
    timestamp: i64,
    object: Option<Row>,
    /// Its words, where the search index has them.
    words: Option<Value>,
}

fn columns(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Writes what is in `database` anew, in so many commits. The service must have stopped.
pub fn replay(database: &Path, commits: u64) -> Replayed {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path: PathBuf = dir.path().join("floor.db");
    let (messages, events) = {
        let db = Db::open(database);
        db.run(&format!("VACUUM INTO '{}'", path.display()));
        read(&db)
    };
    let db = Db::open(&path);
    db.run(
        "DELETE FROM event_log; DELETE FROM message_objects; DELETE FROM messages; DELETE FROM messages_search; VACUUM;",
    );
    db.run(PRAGMAS);
    write(&db, &messages, &events, commits)
}

fn read(db: &Db) -> (Vec<Message>, Vec<Row>) {
    let mut objects = db
        .rows("SELECT * FROM message_objects ORDER BY message_row")
        .into_iter()
        .peekable();
    let indexed = db.number("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'search_mark'");
    let keys = db
        .rows("SELECT id, conversation_id, account_no, timestamp, text FROM messages ORDER BY id");
    let rows = db.rows("SELECT * FROM messages ORDER BY id");
    let messages = rows
        .into_iter()
        .zip(keys)
        .map(|(row, mut key)| {
            let id = key[0].number();
            Message {
                row,
                id,
                conversation: key[1].number(),
                account: key[2].number(),
                timestamp: key[3].number(),
                object: objects.next_if(|object| object[0].number() == id),
                words: key.pop().filter(|_| id <= indexed),
            }
        })
        .collect();
    (messages, db.rows("SELECT * FROM event_log ORDER BY seq"))
}

fn write(db: &Db, messages: &[Message], events: &[Row], commits: u64) -> Replayed {
    let insert = |table: &str, width: usize| {
        db.prepare(&format!("INSERT INTO {table} VALUES ({})", columns(width)))
    };
    let message = insert("messages", messages[0].row.len());
    let event = insert("event_log", events[0].len());
    let object = insert("message_objects", 3);
    let search = db.prepare("INSERT INTO messages_search (rowid, text) VALUES (?, ?)");
    let conversation = db.prepare(
        "UPDATE conversations SET last_message = ?, last_message_at = ?, unread = unread + ? WHERE id = ?",
    );
    let account =
        db.prepare("UPDATE accounts SET unread = unread + ?, last_update_at = ? WHERE no = ?");
    let position =
        db.prepare("UPDATE account_positions SET pts = pts + ?, live_to = ? WHERE account_no = ?");
    let size = messages.len().div_ceil(commits.max(1) as usize).max(1);
    let each = events.len().div_ceil(messages.len().div_ceil(size));
    let mut events = events.chunks(each.max(1));
    let began = (Instant::now(), thread_processor());
    for batch in messages.chunks(size) {
        db.run("BEGIN IMMEDIATE");
        for one in batch {
            message.write(&one.row);
            if let Some(row) = &one.object {
                object.write(row);
            }
            if let Some(words) = &one.words {
                let place = ((one.timestamp / 60_000) << ROW_BITS) | one.id;
                // SAFETY: plain values, which outlive the step.
                unsafe {
                    ffi::sqlite3_bind_int64(search.raw, 1, place);
                    ffi::sqlite3_bind_value(search.raw, 2, words.0);
                }
                search.step();
            }
        }
        for row in events.next().unwrap_or_default() {
            event.write(row);
        }
        let touched: BTreeSet<i64> = batch.iter().map(|one| one.conversation).collect();
        for id in touched {
            let own = || batch.iter().filter(|one| one.conversation == id);
            let last = own().next_back().expect("touched");
            conversation.write_numbers(&[last.id, last.timestamp, own().count() as i64, id]);
        }
        let touched: BTreeSet<i64> = batch.iter().map(|one| one.account).collect();
        for no in touched {
            let count = batch.iter().filter(|one| one.account == no).count() as i64;
            account.write_numbers(&[count, batch[0].timestamp, no]);
            position.write_numbers(&[count, count, no]);
        }
        db.run("COMMIT");
    }
    Replayed {
        messages: messages.len() as u64,
        took: began.0.elapsed(),
        processor: thread_processor() - began.1,
    }
}
