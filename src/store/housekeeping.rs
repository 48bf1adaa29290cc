//! Housekeeping: what the writer does when nobody waits for it.
//!
//! Feeds the search index, moves the log into the file, prunes old events and keys, deletes the rows of accounts that
//! were removed with their history. Each step is one short transaction. Of several nodes each feeds the index with what it wrote; all
//! else is one node's at a time, and idempotent: one that sleeps and goes on a moment too long does no harm.

use std::{
    path::Path,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use diesel::{QueryResult, connection::SimpleConnection};

use super::{
    Result, ServerUrl, StoreConfig, StoreError, connection,
    engine::Conn,
    erasure::Erasure,
    feeder::Feeder,
    prune::prune,
    purge::{purge, removed},
    reread, search_index,
    shrink::Shrink,
    sql::sql,
    state::State,
    transaction,
    work_rows::{self, Chores},
};
use crate::domain::{ObjectReader, Timestamp};

pub(super) const TICK: Duration = Duration::from_millis(200);

/// Messages fed to the search index in one step: few while somebody waits; else, while there are more, twice as many as in the
/// step before, as long as that took no longer than this. Each step is a commit and a piece of the index, and pieces are merged.
const FEED_BUSY: usize = 200;
const FEED_LEAST: usize = 500;
const FEED_MOST: usize = 4_000;
const FEED_FOR: Duration = Duration::from_millis(10);
/// How often it is fed while it keeps up: each time costs a commit of its own.
const FEED_EVERY: Duration = Duration::from_millis(800);
/// How often it is looked what other nodes left to do.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often old rows are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(20);
/// Pages of 4 KiB in the log, and not in the file yet, at which the checkpointer is woken. A log that was moved whole is
/// written over from its beginning, which the disk does faster than letting it grow. While the checkpointer writes,
/// commits wait for the same disk: so it is woken for a good portion.
const WAKE: i64 = 4_000;
/// Pages in the log at which the writer itself steps in.
const STEP_IN: i64 = 12_000;
const STEP_IN_PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Housekeeping {
    keep_events: i64,
    server: Option<ServerUrl>,
    reader: Option<ObjectReader>,
    /// When the search index of a file was fed last, unless there is more to feed.
    fed: Option<Instant>,
    /// Of a server.
    feeder: Option<Feeder>,
    /// How many messages it is fed at once.
    feed: usize,
    pruned: Instant,
    stepped_in: Instant,
    /// Of a file.
    checkpointer: Option<SyncSender<()>>,
    /// Rows from before are read anew, as far as is known.
    rereading: bool,
    erasure: Erasure,
    shrink: Shrink,
    chores: Chores,
    /// When accounts that were removed were last looked for.
    looked: Instant,
}

impl Housekeeping {
    /// Starts the checkpointer's thread; it ends with this value.
    pub fn start(config: &StoreConfig) -> Result<Self> {
        let checkpointer = match &config.server {
            None => Some(start_checkpointer(&config.path)?),
            Some(_) => None,
        };
        Ok(Self {
            keep_events: config.keep_events.max(1),
            server: config.server.clone(),
            reader: config.reader,
            fed: None,
            feeder: None,
            feed: FEED_LEAST,
            pruned: Instant::now(),
            stepped_in: Instant::now(),
            checkpointer,
            rereading: true,
            erasure: Erasure::new(),
            shrink: Shrink::default(),
            chores: Chores::default(),
            looked: Instant::now(),
        })
    }

    /// One step of each kind; under load only a little of what must not fall behind for ever. `true`: there is more to
    /// do right away.
    pub fn tick(
        &mut self,
        conn: &mut Conn,
        state: &mut State,
        busy: bool,
        troubled: bool,
    ) -> QueryResult<bool> {
        // An empty transaction succeeds on a full disk too: only a real write proves that the trouble is over.
        if troubled {
            step(conn, probe)?;
        }
        let mut more = false;
        if let Some(url) = &self.server {
            if self.feeder.is_none() {
                // Without a thread for it now, at the next tick.
                self.feeder = Feeder::start(url, state.blocks.feeds()).ok();
            }
            if state.blocks.is_due() {
                step(conn, |conn| state.blocks.go_on(conn))?;
            }
        } else if self.fed.is_none_or(|fed| fed.elapsed() > FEED_EVERY) {
            more = self.feed(conn, state, busy)?;
            self.fed = (!more).then(Instant::now);
        }
        state.chores = self.chores.are_ours(conn, state)?;
        if !state.chores {
            return Ok(more && !busy);
        }
        if self.looked.elapsed() > LOOK_EVERY {
            // It may have been removed at another node.
            self.looked = Instant::now();
            state.purge |= !state.is_sole(conn) && removed(conn)?.is_some();
        }
        if self.pruned.elapsed() > PRUNE_EVERY {
            if step(conn, |conn| {
                prune(conn, self.keep_events, state.keep.events_days)
            })? == 0
            {
                self.pruned = Instant::now();
                if !busy && let Some(file) = conn.file() {
                    // Pages of a wave; the system keeps them as well.
                    file.batch_execute("PRAGMA shrink_memory")?;
                }
            } else {
                more = true;
            }
        }
        if !busy && self.rereading {
            let reader = self.reader;
            self.rereading = step(conn, |conn| reread::step(conn, state, reader))?;
            more |= self.rereading;
        }
        if state.purge {
            // Rows are not only given up but overwritten: the rest of the work may have to wait.
            if let Some(file) = conn.file() {
                file.batch_execute("PRAGMA secure_delete = ON;")?;
            }
            let purged = step(conn, |conn| purge(conn, state))?;
            if let Some(file) = conn.file() {
                file.batch_execute("PRAGMA secure_delete = OFF;")?;
            }
            if purged == 0 {
                state.purge = false;
                self.erasure.want();
            } else {
                more = true;
            }
        } else if !busy {
            match (conn.file(), &self.server) {
                (Some(file), _) => self.erasure.go_on(file),
                (None, Some(url)) => self.erasure.go_on_at(url),
                (None, None) => {}
            }
            self.shrink.go_on(conn, &state.keep)?;
        }
        self.look_at_log(conn);
        Ok(more && !busy)
    }

    /// The next messages of the search index. `true`: there are more.
    fn feed(&mut self, conn: &mut Conn, state: &mut State, busy: bool) -> QueryResult<bool> {
        let limit = if busy { FEED_BUSY } else { self.feed };
        let began = Instant::now();
        let fed = step(conn, |conn| search_index::feed(conn, state, limit))?;
        if !busy {
            let wanted = match began.elapsed() > FEED_FOR {
                true => fed / 2,
                false => fed * 2,
            };
            self.feed = wanted.clamp(FEED_LEAST, FEED_MOST);
        }
        Ok(fed == limit)
    }

    /// The log is emptied only when a commit begins while everything in it is in the file. Under constant load that
    /// moment never comes by itself, so from some size on the writer makes it.
    pub fn look_at_log(&mut self, conn: &mut Conn) {
        let Some(file) = conn.file() else { return };
        let Ok(fill) = connection::log_fill(file) else {
            return;
        };
        if fill.log > STEP_IN && self.stepped_in.elapsed() > STEP_IN_PAUSE {
            if let Err(error) = connection::checkpoint(file, "TRUNCATE") {
                log::warn!(target: "switchboard::store", "log not moved into the file cause=\"{error}\"");
            }
            // A reader that stays may have kept it from emptying the log; the next commits don't wait for it again.
            self.stepped_in = Instant::now();
        } else if fill.log - fill.checkpointed > WAKE {
            // Full: it is at work already. Gone: the writer steps in later.
            if let Some(checkpointer) = &self.checkpointer {
                let _ = checkpointer.try_send(());
            }
        }
    }

    /// Everything in one file, for whoever copies it. On PostgreSQL others go on with what is left.
    pub fn close(&self, conn: &mut Conn, state: &State) {
        let Some(file) = conn.file() else {
            let gone = (state.blocks.let_go(conn))
                .and_then(|()| work_rows::let_go_of_all(conn, &state.holder()));
            if let Err(error) = gone {
                log::warn!(target: "switchboard::store", "what this node leaves to others waits a while cause=\"{error}\"");
            }
            return;
        };
        if let Err(error) = file
            .batch_execute("PRAGMA optimize;")
            .and_then(|()| connection::checkpoint(file, "TRUNCATE"))
        {
            log::warn!(target: "switchboard::store", "log not moved into the file at the end cause=\"{error}\"");
        }
    }
}

fn start_checkpointer(path: &Path) -> Result<SyncSender<()>> {
    let (wake, woken) = sync_channel::<()>(1);
    let path = path.to_owned();
    thread::Builder::new()
        .name("store-log".to_owned())
        .spawn(move || {
            let mut conn = None;
            while woken.recv().is_ok() {
                if conn.is_none() {
                    conn = connection::checkpointer(&path).ok();
                }
                let Some(open) = &mut conn else { continue };
                // PASSIVE waits for nobody. What it can't move now it moves next time.
                if connection::checkpoint(open, "PASSIVE").is_err() {
                    conn = None;
                }
            }
        })
        .map_err(|error| StoreError::Unavailable {
            reason: error.to_string(),
        })?;
    Ok(wake)
}

/// One short transaction. After an error the connection is dropped, and that takes back what was written.
fn step<T>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> QueryResult<T>) -> QueryResult<T> {
    transaction::begin(conn)?;
    let value = work(conn)?;
    transaction::commit(conn)?;
    Ok(value)
}

fn probe(conn: &mut Conn) -> QueryResult<()> {
    let now = Timestamp::now().millis().to_string();
    sql("INSERT INTO meta (key, value) VALUES ('probe', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .text(&now)
        .run(conn)?;
    Ok(())
}
