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
    Result, ServerUrl, StoreConfig, StoreError, audit_row, connection,
    engine::Conn,
    erasure::{self, Erasure},
    feeder::Feeder,
    reread, retention,
    row_blocks::RowBlocks,
    search_index,
    shrink::Shrink,
    sql::{One, server_now, sql},
    transaction,
    tx::State,
    work_rows::{self, Chores},
};
use crate::domain::{ObjectReader, Timestamp, kept_since};

pub(super) const TICK: Duration = Duration::from_millis(200);

/// Messages fed to the search index in one step: few while somebody waits; else, while there are more, twice as many as in the
/// step before, as long as that took no longer than this. Each step is a commit and a piece of the index, and pieces are merged.
const FEED_BUSY: usize = 200;
const FEED_LEAST: usize = 500;
const FEED_MOST: usize = 4_000;
const FEED_FOR: Duration = Duration::from_millis(10);
/// How often it is fed while it keeps up: each time costs a commit of its own.
const FEED_EVERY: Duration = Duration::from_millis(800);
/// Rows deleted in one step.
const CHUNK: i64 = 500;
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

const DAY: i64 = 24 * 3600 * 1000;
const KEYS_DAYS: i64 = 7;
const TOMBSTONE_DAYS: i64 = 30;

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

/// What goes with time, every few seconds, about so many rows at once: by an index, or the writer reads whole tables.
pub(super) const AGED: [&str; 3] = [
    "DELETE FROM idempotency_keys WHERE created_at < ? AND created_at <= coalesce(\
     (SELECT created_at FROM idempotency_keys WHERE created_at < ? ORDER BY created_at LIMIT 1 OFFSET ?), 9000000000000000000)",
    "DELETE FROM kept_answers WHERE created_at < ? AND created_at <= coalesce(\
     (SELECT created_at FROM kept_answers WHERE created_at < ? ORDER BY created_at LIMIT 1 OFFSET ?), 9000000000000000000)",
    "DELETE FROM tombstones WHERE deleted_at < ? AND deleted_at <= coalesce(\
     (SELECT deleted_at FROM tombstones WHERE deleted_at < ? ORDER BY deleted_at LIMIT 1 OFFSET ?), 9000000000000000000)",
];

/// What was done in Supabase and nobody has carried out by then is in the copies all the same, from which the account begins at its
/// next node.
const NEWS: &str = concat!("DELETE FROM vault_news WHERE at < ", server_now!(), " - ?");

/// The messages of an account that is removed, a part at a time.
pub(super) const PURGED: &str = "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE account_no = ? \
     ORDER BY scope, message_no LIMIT ?)";

fn prune(conn: &mut Conn, keep_events: i64, days: Option<u32>) -> QueryResult<usize> {
    let moment = Timestamp::now();
    let now = moment.millis();
    // The newest event always stays: it holds the count.
    let events = sql(
        "DELETE FROM event_log WHERE seq IN (SELECT seq FROM event_log \
                      WHERE seq <= (SELECT max(seq) FROM event_log) - ? ORDER BY seq LIMIT ?)",
    )
    .number(keep_events)
    .number(CHUNK * 10)
    .run(conn)?;
    let old = match days {
        Some(days) => prune_old_events(conn, days, moment)?,
        None => 0,
    };
    let days = [KEYS_DAYS, KEYS_DAYS, TOMBSTONE_DAYS];
    let mut aged = 0;
    for (text, days) in AGED.into_iter().zip(days) {
        aged += sql(text)
            .number(now - days * DAY)
            .number(now - days * DAY)
            .number(CHUNK * 10)
            .run(conn)?;
    }
    let audit = audit_row::prune(conn, CHUNK)?;
    let news = match conn.gathers() {
        true => sql(NEWS).number(DAY).run(conn)?,
        false => 0,
    };
    Ok(events + old + aged + audit + news)
}

/// Events that are older than they are kept for, as far as each webhook was told of them.
fn prune_old_events(conn: &mut Conn, days: u32, now: Timestamp) -> QueryResult<usize> {
    let told = retention::told_to_all(conn, now)?;
    sql("DELETE FROM event_log WHERE seq IN (SELECT e.seq FROM (SELECT seq, at FROM event_log ORDER BY seq LIMIT ?) AS e \
         WHERE e.at < ?) AND seq <= ? AND seq < (SELECT max(seq) FROM event_log)")
    .number(CHUNK * 10)
    .number(kept_since(days, now).millis())
    .number(told)
    .run(conn)
}

/// An account that was removed with its history, and has rows still.
fn removed(conn: &mut Conn) -> QueryResult<Option<i64>> {
    let found = sql("SELECT no AS n FROM accounts WHERE purge LIMIT 1").load::<One>(conn)?;
    Ok(found.first().map(|one| one.n))
}

/// The next of its rows.
fn purge(conn: &mut Conn, state: &mut State) -> QueryResult<usize> {
    let Some(account) = removed(conn)? else {
        return Ok(0);
    };
    state.conversations.retain(|key, _| key.0 != account);
    state.peers.retain(|key, _| key.0 != account);
    let chunk = |text: &'static str| sql(text).number(account).number(CHUNK);
    chunk("DELETE FROM order_messages WHERE order_id IN (SELECT id FROM orders WHERE account_no = ? ORDER BY id LIMIT ?)")
        .run(conn)?;
    chunk("DELETE FROM order_files WHERE message_row IN (SELECT message_row FROM order_files WHERE account_no = ? LIMIT ?)")
        .run(conn)?;
    chunk("DELETE FROM order_copies WHERE message_row IN (SELECT message_row FROM order_copies WHERE account_no = ? LIMIT ?)")
        .run(conn)?;
    chunk("DELETE FROM edit_files WHERE order_id IN (SELECT order_id FROM edit_files WHERE account_no = ? LIMIT ?)")
        .run(conn)?;
    let orders = chunk(
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE account_no = ? ORDER BY id LIMIT ?)",
    )
    .run(conn)?;
    if orders > 0 {
        return Ok(orders);
    }
    // Row ids of a file are never given out twice, see `Tx::next_message_row`.
    if conn.gathers() {
        RowBlocks::settle_all(conn)?;
    } else {
        sql("INSERT INTO meta (key, value) SELECT 'message_floor', max(id) FROM messages HAVING max(id) IS NOT NULL \
         ON CONFLICT (key) DO UPDATE SET value = max(CAST(meta.value AS BIGINT), CAST(excluded.value AS BIGINT))")
    .run(conn)?;
    }
    chunk(
        "DELETE FROM messages_search WHERE rowid IN (SELECT (max(timestamp, 0) / 60000 << 37) | id FROM messages \
         WHERE account_no = ? ORDER BY scope, message_no LIMIT ?)",
    )
    .run(conn)?;
    for text in [
        "DELETE FROM message_versions WHERE message_row IN (SELECT id FROM messages WHERE account_no = ? \
         ORDER BY scope, message_no LIMIT ?)",
        "DELETE FROM message_objects WHERE message_row IN (SELECT id FROM messages WHERE account_no = ? \
         ORDER BY scope, message_no LIMIT ?)",
        "DELETE FROM media_keys WHERE message_row IN (SELECT id FROM messages WHERE account_no = ? \
         ORDER BY scope, message_no LIMIT ?)",
    ] {
        chunk(text).run(conn)?;
    }
    let messages = chunk(PURGED).run(conn)?;
    if messages > 0 {
        return Ok(messages);
    }
    // Chats and people of a large account are many, too.
    for text in [
        "DELETE FROM tombstones WHERE (account_no, scope, message_no) IN \
         (SELECT account_no, scope, message_no FROM tombstones WHERE account_no = ? LIMIT ?)",
        "DELETE FROM contacts WHERE (account_no, peer_id) IN \
         (SELECT account_no, peer_id FROM contacts WHERE account_no = ? LIMIT ?)",
        "DELETE FROM peers WHERE (account_no, peer_id) IN \
         (SELECT account_no, peer_id FROM peers WHERE account_no = ? LIMIT ?)",
    ] {
        let rows = chunk(text).run(conn)?;
        if rows > 0 {
            return Ok(rows);
        }
    }
    for text in [
        "DELETE FROM spans WHERE conversation_id IN (SELECT id FROM conversations WHERE account_no = ?)",
        "DELETE FROM owed WHERE conversation_id IN (SELECT id FROM conversations WHERE account_no = ?)",
        "DELETE FROM stale WHERE conversation_id IN (SELECT id FROM conversations WHERE account_no = ?)",
        "DELETE FROM idempotency_keys WHERE conversation_id IN (SELECT id FROM conversations WHERE account_no = ?)",
        "DELETE FROM contact_lists WHERE account_no = ?",
        "DELETE FROM topics WHERE account_no = ?",
        "DELETE FROM unknown_topics WHERE account_no = ?",
        "DELETE FROM conversations WHERE account_no = ?",
        "UPDATE event_log SET detail = NULL WHERE account_no = ? AND detail IS NOT NULL",
        "DELETE FROM account_positions WHERE account_no = ?",
        // Attempts count on for the number that made them.
        "UPDATE login_attempts SET account_id = NULL, error = NULL WHERE account_id = (SELECT id FROM accounts WHERE no = ?)",
        // Its number stays taken; nothing else of it stays.
        "UPDATE accounts SET purge = FALSE, unread = 0, label = '', phone = NULL, api_id = NULL, state_reason = NULL, state_cause = NULL, retry_at = NULL, \
         user_id = NULL, user_first_name = NULL, user_last_name = NULL, user_username = NULL, last_update_at = NULL, \
         sync_phase = NULL, sync_done = NULL, sync_total = NULL, dialog_cursor = NULL, listed = NULL, pace = NULL, \
         history_total = NULL, history_eta = NULL, proxies = NULL, way = NULL, health = NULL, sending_pace = NULL, \
         device = NULL, since = NULL, retention = NULL WHERE no = ?",
    ] {
        sql(text).number(account).run(conn)?;
    }
    erasure::order(conn)?;
    Ok(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects whoever waits for the writer on the day when a great deletion grows old: it goes a part at a time, and
    /// all of it.
    #[test]
    fn much_that_grows_old_at_once_goes_in_parts() {
        let dir = tempfile::tempdir().unwrap();
        let mut conn = connection::create(&dir.path().join("switchboard.db")).unwrap();
        connection::migrate(&mut conn).unwrap();
        let mut conn = Conn::Sqlite(conn);
        let rows = CHUNK * 25;
        sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) \
             INSERT INTO tombstones (account_no, scope, message_no, deleted_at) SELECT 1, 0, i, i FROM n")
        .number(rows)
        .run(&mut conn)
        .unwrap();
        let mut steps = Vec::new();
        loop {
            let gone = prune(&mut conn, 1, None).unwrap();
            if gone == 0 {
                break;
            }
            steps.push(gone);
        }
        assert_eq!(steps.iter().sum::<usize>(), rows as usize);
        assert!(
            steps.iter().all(|gone| *gone <= CHUNK as usize * 10 + 1),
            "{steps:?}"
        );
    }
    /// Protects listeners: without a word all events stay; with one the old ones go, as far as each webhook that is served was told of
    /// them, and the newest stays, for it holds the count.
    #[test]
    fn old_events_go_when_they_were_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut conn = connection::create(&dir.path().join("switchboard.db")).unwrap();
        connection::migrate(&mut conn).unwrap();
        let mut conn = Conn::Sqlite(conn);
        let now = Timestamp::now().millis();
        for seq in 1..=9 {
            let age = if seq < 7 { 30 } else { 0 };
            sql("INSERT INTO event_log (seq, at, account_no, kind) VALUES (?, ?, 1, 1)")
                .number(seq)
                .number(now - age * DAY)
                .run(&mut conn)
                .unwrap();
        }
        sql("INSERT INTO webhook_cursors (hook, seq, updated_at) VALUES ('served', 3, ?), ('gone', 0, 0)")
            .number(now)
            .run(&mut conn)
            .unwrap();
        let mut pruned = |days| {
            prune(&mut conn, 100, days).unwrap();
            let left = sql("SELECT seq AS n FROM event_log ORDER BY seq").load::<One>(&mut conn);
            left.unwrap().iter().map(|row| row.n).collect::<Vec<_>>()
        };
        assert_eq!(pruned(None).len(), 9);
        assert_eq!(pruned(Some(7)), [4, 5, 6, 7, 8, 9]);
        sql("UPDATE webhook_cursors SET seq = 9 WHERE hook = 'served'")
            .run(&mut conn)
            .unwrap();
        sql("UPDATE event_log SET at = 0").run(&mut conn).unwrap();
        prune(&mut conn, 100, Some(7)).unwrap();
        let left = sql("SELECT min(seq) AS n FROM event_log").get_result::<One>(&mut conn);
        assert_eq!(left.unwrap().n, 9);
    }
}
