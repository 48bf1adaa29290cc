//! The search index behind the messages: fed in the background, complete up to a mark that is stored with it.
//!
//! A message's place in the index carries its minute, so that the newest hits come first without sorting. What
//! changes below the mark is changed in the index at once; what lies above it is picked up when its turn comes.

use std::borrow::Cow;

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};
use serde::Deserialize;

use super::{
    engine::Conn,
    message_row::from_json,
    row_blocks::Feeds,
    sql::{Number, One, hot_sql, sql},
    state::State,
    tx::Tx,
    words::vectors,
};
use crate::domain::MediaKind;

/// Bits of a place that hold the message's row; the rest holds its minute (enough until the year 2097).
const ROW_BITS: u32 = 37;
const MINUTE: i64 = 60_000;

pub(in crate::store) const fn place(row: i64, timestamp: i64) -> i64 {
    let minute = if timestamp < 0 { 0 } else { timestamp / MINUTE };
    (minute << ROW_BITS) | row
}

pub(in crate::store) const fn row_of(place: i64) -> i64 {
    place & ((1 << ROW_BITS) - 1)
}

fn mark(conn: &mut Conn, state: &mut State) -> QueryResult<i64> {
    if let Some(mark) = state.search_mark {
        return Ok(mark);
    }
    let mark = sql("SELECT coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'search_mark'), 0) AS n")
        .get_result::<One>(conn)?
        .n;
    state.search_mark = Some(mark);
    Ok(mark)
}

/// Whether what becomes of a row is to be changed in the index at once. On PostgreSQL always: who feeds it leaves alone what is there.
fn is_indexed(tx: &mut Tx<'_>, row: i64) -> QueryResult<bool> {
    if tx.conn.gathers() {
        tx.state.blocks.settle(tx.conn, row)?;
        return Ok(true);
    }
    Ok(row <= mark(tx.conn, tx.state)?)
}

/// The message leaves the index, or moves; `timestamp` is the one it was indexed with.
pub(in crate::store) fn remove(tx: &mut Tx<'_>, row: i64, timestamp: i64) -> QueryResult<()> {
    if !is_indexed(tx, row)? {
        return Ok(());
    }
    sql("DELETE FROM messages_search WHERE rowid = ?")
        .number(place(row, timestamp))
        .run(tx.conn)?;
    Ok(())
}

/// A message below the mark comes (back) into the index.
pub(in crate::store) fn add(
    tx: &mut Tx<'_>,
    row: i64,
    timestamp: i64,
    text: &str,
    media: Option<&str>,
) -> QueryResult<()> {
    if !is_indexed(tx, row)? {
        return Ok(());
    }
    insert(tx.conn, &[(place(row, timestamp), words(text, media))])
}

/// What of a message's media is looked for. The rest is not read: a preview is longer than most texts.
#[derive(Deserialize)]
struct Named {
    kind: MediaKind,
    name: Option<String>,
}

/// What a message is found by: its text, and what its media are called.
pub(super) fn words<'t>(text: &'t str, media: Option<&str>) -> Cow<'t, str> {
    let media: Option<Named> = media.and_then(from_json);
    let media = media.filter(|media| media.kind.is_found_by_name());
    match media.and_then(|media| media.name) {
        None => Cow::Borrowed(text),
        Some(name) if text.is_empty() => Cow::Owned(name),
        // On a line of its own: what is looked for in a row does not reach over it by much.
        Some(name) => Cow::Owned(format!("{text}\n{name}")),
    }
}

/// Messages come into the index, each with its place and what it is found by.
pub(in crate::store) fn insert(conn: &mut Conn, rows: &[(i64, Cow<'_, str>)]) -> QueryResult<()> {
    let rows: Vec<_> = rows.iter().filter(|(_, text)| !text.is_empty()).collect();
    let one = |conn: &mut Conn, place: i64, text: &str| {
        hot_sql!("INSERT INTO messages_search (rowid, text) VALUES (?, ?)")
            .number(place)
            .text(text)
            .gather(conn)
    };
    if conn.file().is_some() {
        return (rows.iter()).try_for_each(|(place, text)| one(conn, *place, text));
    }
    let texts: Vec<&str> = rows.iter().map(|(_, text)| text.as_ref()).collect();
    (rows.iter().zip(vectors(&texts)?))
        .try_for_each(|((place, _), vector)| one(conn, *place, &vector))
}

#[derive(QueryableByName)]
struct NewRow {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Number)]
    timestamp: i64,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Nullable<Text>)]
    media: Option<String>,
    #[diesel(sql_type = Number)]
    skip: i64,
}

/// Feeds a file's next messages; how many. Runs inside a transaction of its own.
pub(super) fn feed(conn: &mut Conn, state: &mut State, limit: usize) -> QueryResult<usize> {
    let from = mark(conn, state)?;
    let (count, reached) = feed_rows(conn, (from, i64::MAX), limit)?;
    if count > 0 {
        sql("INSERT INTO meta (key, value) VALUES ('search_mark', ?) \
             ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .text(&reached.to_string())
        .run(conn)?;
        state.search_mark = Some(reached);
    }
    Ok(count)
}

/// The same on PostgreSQL, where others write meanwhile.
pub(super) fn feed_block(conn: &mut Conn, whose: &Feeds, limit: usize) -> QueryResult<usize> {
    let Some(block) = whose.unfed(conn)? else {
        return Ok(0);
    };
    let (count, reached) = feed_rows(conn, (block.fed, block.last), limit)?;
    Feeds::fed(conn, &block, reached)?;
    Ok(count)
}

/// Feeds rows of messages after the one and up to the other; how many, and the last of them.
fn feed_rows(conn: &mut Conn, (from, to): (i64, i64), limit: usize) -> QueryResult<(usize, i64)> {
    let mut rows = sql(
        "SELECT id, timestamp, text, media, (deleted_at IS NOT NULL) AS skip FROM messages \
                        WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
    )
    .number(from)
    .number(to)
    .number(limit as i64)
    .load::<NewRow>(conn)?;
    let count = rows.len();
    let reached = rows.last().map_or(from, |last| last.id);
    // The index takes ascending places in one piece and begins a new piece for each that goes back.
    rows.sort_unstable_by_key(|row| place(row.id, row.timestamp));
    let rows: Vec<_> = (rows.iter())
        .filter(|row| row.skip == 0)
        .map(|row| {
            let words = words(&row.text, row.media.as_deref());
            (place(row.id, row.timestamp), words)
        })
        .collect();
    insert(conn, &rows)?;
    Ok((count, reached))
}
