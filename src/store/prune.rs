//! Prune: what goes with time, a part at each step.

use diesel::QueryResult;

use super::{
    audit_row,
    engine::Conn,
    retention,
    sql::{server_now, sql},
};
use crate::domain::{Timestamp, kept_since};

/// Rows deleted in one step.
pub(super) const CHUNK: i64 = 500;

const DAY: i64 = 24 * 3600 * 1000;
const KEYS_DAYS: i64 = 7;
const TOMBSTONE_DAYS: i64 = 30;

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

pub(super) fn prune(conn: &mut Conn, keep_events: i64, days: Option<u32>) -> QueryResult<usize> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{connection, sql::One};

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
