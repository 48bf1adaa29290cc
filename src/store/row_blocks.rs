//! Row blocks: which message rows a writer may give out on PostgreSQL, where others write beside it, and how far the search index
//! has them.
//!
//! Within a block rows are given out in order by one writer, one transaction after the other: whoever reads the block finds no row
//! later that is below one it has seen. The index is fed beside the writer ([`super::feeder`]); what one leaves behind that ended is
//! fed by the others.

use std::time::{Duration, Instant};

use diesel::{QueryResult, QueryableByName};
use uuid::Uuid;

use super::{
    engine::Conn,
    sql::{Number, One, Runs, server_now, sql},
};

/// As the sequence counts (`migrations-postgres`).
const BLOCK: i64 = 10_000;

/// A writer that was not seen for so long has ended, in milliseconds.
const ENDED: i64 = 75_000;
/// Its block is forgotten only then: until then it may still be in a transaction.
const FORGOTTEN: i64 = 900_000;
/// A writer that did not say for so long that it lives begins a block of its own anew.
const OURS: Duration = Duration::from_secs(300);
const SEEN_EVERY: Duration = Duration::from_secs(10);

/// What this writer may give out.
pub(super) struct RowBlocks {
    /// Of one life of this writer.
    writer: String,
    held: Option<Block>,
    /// First and last of each block that nobody feeds until the transaction ends.
    settled: Vec<(i64, i64)>,
    /// Taken in the transaction that is not committed yet.
    fresh: bool,
    /// When it was last said that this writer lives.
    seen: Option<Instant>,
    /// Nobody else writes to this database: what others left is this writer's.
    pub alone: bool,
}

struct Block {
    first: i64,
    next: i64,
    last: i64,
    /// When it was known to be ours.
    since: Instant,
}

impl Default for RowBlocks {
    fn default() -> Self {
        Self {
            writer: Uuid::new_v4().to_string(),
            held: None,
            settled: Vec::new(),
            fresh: false,
            seen: None,
            alone: false,
        }
    }
}

/// A stretch of rows that the index does not have yet.
#[derive(QueryableByName, Debug)]
pub(super) struct Unfed {
    #[diesel(sql_type = Number)]
    pub first: i64,
    #[diesel(sql_type = Number)]
    pub last: i64,
    #[diesel(sql_type = Number)]
    pub fed: i64,
}

impl RowBlocks {
    pub fn writer(&self) -> &str {
        &self.writer
    }

    pub fn next(&mut self, conn: &mut Conn) -> QueryResult<i64> {
        if let Some(block) = &mut self.held
            && block.next <= block.last
            && block.since.elapsed() < OURS
        {
            block.next += 1;
            return Ok(block.next - 1);
        }
        let since = Instant::now();
        let first = sql(concat!(
            "INSERT INTO message_blocks (first, last, fed, writer, seen_at) SELECT n, n + ?, n - 1, ?, ",
            server_now!(),
            " FROM (SELECT nextval('message_rows') AS n) AS next RETURNING first AS n"
        ))
        .number(BLOCK - 1)
        .text(&self.writer)
        .get_result::<One>(conn)?
        .n;
        let last = first + BLOCK - 1;
        self.fresh = true;
        self.held = Some(Block {
            first,
            next: first + 1,
            last,
            since,
        });
        Ok(first)
    }

    /// The one given out last was not needed.
    pub fn give_back(&mut self, id: i64) {
        if let Some(block) = &mut self.held
            && block.next == id + 1
        {
            block.next = id;
        }
    }

    /// What was taken stands.
    pub fn committed(&mut self) {
        self.fresh = false;
        self.settled.clear();
    }

    /// What was taken since the last commit was not.
    pub fn taken_back(&mut self) {
        if std::mem::take(&mut self.fresh) {
            self.held = None;
        }
        self.settled.clear();
    }

    /// Before a row's place in the index changes: who feeds it meanwhile is waited for, and leaves alone what is there.
    pub fn settle(&mut self, conn: &mut Conn, row: i64) -> QueryResult<()> {
        if (self.settled.iter()).any(|(first, last)| (*first..=*last).contains(&row)) {
            return Ok(());
        }
        let blocks = sql(
            "SELECT first, last, fed FROM message_blocks WHERE first <= ? AND last >= ? FOR SHARE",
        )
        .number(row)
        .number(row)
        .load::<Unfed>(conn)?;
        self.settled
            .extend(blocks.iter().map(|block| (block.first, block.last)));
        Ok(())
    }

    /// The same before rows of any number leave the index.
    pub fn settle_all(conn: &mut Conn) -> QueryResult<()> {
        sql("SELECT first AS n FROM message_blocks ORDER BY first FOR SHARE")
            .load::<One>(conn)
            .map(drop)
    }

    pub fn feeds(&self) -> Feeds {
        Feeds {
            writer: self.writer.clone(),
            alone: self.alone,
        }
    }

    /// Is it time to [`Self::go_on`]?
    pub fn is_due(&self) -> bool {
        self.seen.is_none_or(|seen| seen.elapsed() >= SEEN_EVERY)
    }

    /// Says that this writer lives, and drops what the index has all of.
    pub fn go_on(&mut self, conn: &mut Conn) -> QueryResult<()> {
        let asked = Instant::now();
        let held = self.held.as_ref().map_or(0, |block| block.last);
        let still = sql(concat!(
            "UPDATE message_blocks SET seen_at = ",
            server_now!(),
            " WHERE writer = ? RETURNING last AS n"
        ))
        .text(&self.writer)
        .load::<One>(conn)?;
        sql(concat!(
            "DELETE FROM message_blocks b WHERE b.last <> ? AND (b.writer = ? OR b.seen_at < ",
            server_now!(),
            " - ?) AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id > b.fed AND m.id <= b.last)"
        ))
        .number(held)
        .text(&self.writer)
        .number(if self.alone { 0 } else { FORGOTTEN })
        .run(conn)?;
        match &mut self.held {
            Some(block) if still.iter().any(|one| one.n == block.last) => block.since = asked,
            // Taken for ended, as by a server whose clock was set: what was stored since is found by feeding all of it once more.
            Some(block) => {
                sql(concat!(
                    "INSERT INTO message_blocks (first, last, fed, writer, seen_at) VALUES (?, ?, ?, ?, ",
                    server_now!(),
                    ") ON CONFLICT DO NOTHING"
                ))
                .number(block.first)
                .number(block.last)
                .number(block.first - 1)
                .text(&self.writer)
                .run(conn)?;
                self.held = None;
            }
            None => {}
        }
        self.seen = Some(asked);
        Ok(())
    }

    /// This writer ends: what the index does not have yet is anybody's.
    pub fn let_go(&self, conn: &mut Conn) -> QueryResult<()> {
        sql("UPDATE message_blocks SET writer = NULL, seen_at = 0 WHERE writer = ?")
            .text(&self.writer)
            .run(conn)
            .map(drop)
    }
}

/// Whose rows a feeder feeds.
pub(super) struct Feeds {
    writer: String,
    alone: bool,
}

impl Feeds {
    /// The next rows for the index: of this writer, or of one that has ended. Nobody else feeds them until the transaction ends.
    pub fn unfed(&self, conn: &mut Conn) -> QueryResult<Option<Unfed>> {
        let found = sql(concat!(
            "SELECT b.first, b.last, b.fed FROM message_blocks b WHERE (b.writer = ? OR b.seen_at < ",
            server_now!(),
            " - ?) AND EXISTS (SELECT 1 FROM messages m WHERE m.id > b.fed AND m.id <= b.last) \
             ORDER BY b.first LIMIT 1 FOR UPDATE SKIP LOCKED"
        ))
        .text(&self.writer)
        .number(if self.alone { 0 } else { ENDED });
        Ok(found.load::<Unfed>(conn)?.pop())
    }

    pub fn fed(conn: &mut Conn, block: &Unfed, reached: i64) -> QueryResult<()> {
        sql("UPDATE message_blocks SET fed = ? WHERE first = ?")
            .number(reached)
            .number(block.first)
            .run(conn)
            .map(drop)
    }
}

/// What was carried here, or put back, counts: no number is given out twice. Where nothing was, this changes nothing.
pub(super) fn catch_up(conn: &mut impl Runs) -> QueryResult<()> {
    sql("UPDATE event_counter AS c SET n = e.n FROM (SELECT coalesce(max(seq), 0) AS n FROM event_log) AS e WHERE c.n < e.n")
        .run(conn)?;
    sql("SELECT setval('message_rows', t.top + 1, FALSE) AS n FROM (SELECT greatest(coalesce((SELECT max(id) FROM messages), 0), \
         coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'message_floor'), 0)) AS top) AS t, message_rows AS s \
         WHERE t.top > CASE WHEN s.is_called THEN s.last_value + ? ELSE s.last_value - 1 END")
    .number(BLOCK - 1)
    .load::<One>(conn)?;
    Ok(())
}

/// The last row that may have been given out.
pub(super) const LAST_ROW: &str = "SELECT CASE WHEN is_called THEN last_value + 9999 ELSE last_value - 1 END AS n FROM message_rows";
