//! Erasure: a history that was deleted leaves no trace in the file, after its rows are gone. (On PostgreSQL: in the tables.)
//!
//! Deleted rows alone stay readable: in pages that nothing uses, in the gaps that moved rows leave inside pages in use
//! (`secure_delete` reaches neither all of these nor the index, whose segments keep the words), and in the log. So the
//! index and the file are rewritten once and the log is emptied. A mark in `meta` says what is left to do; a crash in
//! between repeats the part.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{
    QueryResult, QueryableByName, connection::SimpleConnection, sql_types::Text,
    sqlite::SqliteConnection,
};

use super::{
    ServerUrl,
    connection::as_query_error,
    engine::Conn,
    server::Server,
    sql::{Number, One, sql},
};

/// Writes wait while the file is rewritten, which takes about a second for 100 MiB. A larger one is rewritten by the
/// next start, when nobody waits yet.
const AT_ONCE_BYTES: i64 = 1 << 30;
/// After a try in vain: a full disk, or somebody who reads for long.
const PAUSE: Duration = Duration::from_secs(5);

/// Where a history's words are.
const VACUUMED: [&str; 6] = [
    "messages",
    "message_versions",
    "message_objects",
    "messages_search",
    "orders",
    "event_log",
];

#[derive(QueryableByName)]
struct Mark {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Number)]
    busy: i64,
}

/// In the transaction that deletes the last rows.
pub(super) fn order(conn: &mut Conn) -> QueryResult<()> {
    sql("INSERT INTO meta (key, value) VALUES ('erasure', 'pages') ON CONFLICT (key) DO UPDATE SET value = 'pages'")
        .run(conn)
        .map(drop)
}

/// What the housekeeping does about it.
#[derive(Default)]
pub(super) struct Erasure {
    /// Something may be left to do.
    wanted: bool,
    tried: Option<Instant>,
    told_to_wait: bool,
    /// A try beside the writer failed.
    again: Arc<AtomicBool>,
}

impl Erasure {
    /// Looks for an order of before.
    pub fn new() -> Self {
        Self {
            wanted: true,
            ..Self::default()
        }
    }

    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// One try, outside any transaction; what can't be done now is tried again.
    pub fn go_on(&mut self, conn: &mut SqliteConnection) {
        if !self.wanted || self.tried.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        match carry_out(conn, AT_ONCE_BYTES) {
            Ok(Outcome::Done) => *self = Self::default(),
            Ok(Outcome::Busy) => self.tried = Some(Instant::now()),
            Ok(Outcome::TooLarge) => {
                self.wanted = false;
                if !std::mem::replace(&mut self.told_to_wait, true) {
                    log::warn!(target: "switchboard::store", "a history was deleted, and traces of it stay in unused parts of the database until the next start: the file is too large to be rewritten while the service runs");
                }
            }
            Err(error) => {
                self.tried = Some(Instant::now());
                log::warn!(target: "switchboard::store", "traces of a deleted history are still in unused parts of the database; tried again cause=\"{error}\"");
            }
        }
    }
}

impl Erasure {
    /// On a server the room of what was deleted is free to be written over; how long traces stay in its files, in its log and in
    /// its copies is its operator's to say.
    pub fn go_on_at(&mut self, url: &ServerUrl) {
        self.wanted |= self.again.swap(false, Ordering::Relaxed);
        if !self.wanted || self.tried.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        (self.wanted, self.tried) = (false, Some(Instant::now()));
        let (url, again) = (url.clone(), Arc::clone(&self.again));
        // By itself: large tables take their time, and nobody waits for it.
        let begun = thread::Builder::new()
            .name("store-vacuum".to_owned())
            .spawn(move || {
                if let Err(error) = vacuum(&url) {
                    again.store(true, Ordering::Relaxed);
                    log::warn!(target: "switchboard::store", "what was deleted still takes room in the database; tried again cause=\"{error}\"");
                }
            });
        self.wanted = begun.is_err();
    }
}

fn vacuum(url: &ServerUrl) -> QueryResult<()> {
    let mut server = Server::connect_for_long(url).map_err(as_query_error)?;
    let mark = sql("SELECT value FROM meta WHERE key = 'erasure'").load::<Mark>(&mut server)?;
    if mark.is_empty() {
        return Ok(());
    }
    for table in VACUUMED {
        server.batch(&format!("VACUUM {table}"))?;
    }
    sql("DELETE FROM meta WHERE key = 'erasure'").run(&mut server)?;
    log::info!(target: "switchboard::store", "what was deleted is gone from the tables; the server's own log and copies of it may hold it longer");
    Ok(())
}

enum Outcome {
    Done,
    /// Somebody reads what the log holds.
    Busy,
    TooLarge,
}

/// When the file is opened: as large as it may be.
pub(super) fn at_start(conn: &mut SqliteConnection) {
    if let Err(error) = carry_out(conn, i64::MAX) {
        log::warn!(target: "switchboard::store", "traces of a deleted history are still in unused parts of the database; tried again at once cause=\"{error}\"");
    }
}

fn carry_out(conn: &mut SqliteConnection, largest: i64) -> QueryResult<Outcome> {
    let mark = sql("SELECT value FROM meta WHERE key = 'erasure'").load::<Mark>(conn)?;
    let Some(mark) = mark.first() else {
        return Ok(Outcome::Done);
    };
    if mark.value == "pages" {
        if bytes(conn)? > largest {
            return Ok(Outcome::TooLarge);
        }
        rewrite(conn)?;
        sql("UPDATE meta SET value = 'log' WHERE key = 'erasure'").run(conn)?;
    }
    if !empty_log(conn)? {
        return Ok(Outcome::Busy);
    }
    sql("DELETE FROM meta WHERE key = 'erasure'").run(conn)?;
    log::info!(target: "switchboard::store", "what was deleted is gone from the file as well");
    Ok(Outcome::Done)
}

fn bytes(conn: &mut SqliteConnection) -> QueryResult<i64> {
    let pages = sql("SELECT page_count * page_size AS n FROM pragma_page_count, pragma_page_size");
    Ok(pages.get_result::<One>(conn)?.n)
}

/// The index without the words that are gone from it, and the file without what no row holds any more.
pub(super) fn rewrite(conn: &mut SqliteConnection) -> QueryResult<()> {
    // The copy that VACUUM makes on the way is as large as the file.
    let rewritten = conn.batch_execute(
        "INSERT INTO messages_search (messages_search) VALUES ('optimize'); PRAGMA temp_store = FILE; VACUUM;",
    );
    conn.batch_execute("PRAGMA temp_store = MEMORY;")?;
    rewritten
}

/// `false`: another connection reads what the log holds.
pub(super) fn empty_log(conn: &mut SqliteConnection) -> QueryResult<bool> {
    let log = sql("PRAGMA wal_checkpoint(TRUNCATE)").get_result::<Checkpoint>(conn)?;
    Ok(log.busy == 0)
}
