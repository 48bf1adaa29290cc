//! Marked: was a transaction committed whose end nobody told the writer of? On the way to a server an answer can be lost, and whoever
//! makes such a transaction once more does everything twice that has no key of its own.
//!
//! Each transaction of the writer's ends with a mark in a row of its own. Where the answer is lost the next connection reads that row,
//! and what it does not find there it keeps from coming later: the old connection's last words may still lie in the server's socket,
//! and a mark that is not the one that they expect refuses them.

use diesel::{QueryResult, QueryableByName};
use uuid::Uuid;

use super::{
    engine::Conn,
    event_columns::Mark,
    sql::{Number, server_now, sql},
};

/// Rows of writers that have not written for so long go with the next one that begins, in milliseconds.
const LEFT: i64 = 30 * 86_400_000;

/// Nobody knows whether it was committed.
struct Doubt {
    mark: i64,
    /// So many jobs from the head of the queue.
    jobs: usize,
}

/// Of one writer.
pub(super) struct Marks {
    writer: String,
    /// As the row has it.
    now: i64,
    /// No mark is used twice.
    used: i64,
    doubt: Option<Doubt>,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Number)]
    mark: i64,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            writer: Uuid::new_v4().to_string(),
            now: 0,
            used: 0,
            doubt: None,
        }
    }
}

impl Marks {
    /// A transaction of so many jobs is about to be committed.
    pub fn next(&mut self, jobs: usize) -> Mark {
        self.used += 1;
        self.doubt = Some(Doubt {
            mark: self.used,
            jobs,
        });
        Mark {
            writer: self.writer.clone(),
            before: self.now,
            after: self.used,
        }
    }

    pub fn committed(&mut self, mark: &Mark) {
        self.now = mark.after;
        self.doubt = None;
    }

    /// A job that nobody waits for any more has left the queue, from this place.
    pub fn left(&mut self, place: usize) {
        if let Some(doubt) = &mut self.doubt
            && place < doubt.jobs
        {
            doubt.jobs -= 1;
        }
    }

    /// On a connection that was made just now: so many jobs at the head of the queue are committed.
    pub fn take_up(&mut self, conn: &mut Conn) -> QueryResult<usize> {
        let Conn::Postgres(_) = conn else {
            return Ok(0);
        };
        let used = self.used + 1;
        let (writer, now, doubt) = (&self.writer, self.now, &self.doubt);
        let found = conn.as_one(|conn| {
            sql(concat!(
                "INSERT INTO commit_marks (writer, mark, at) VALUES (?, 0, ",
                server_now!(),
                ") ON CONFLICT (writer) DO NOTHING"
            ))
            .text(writer)
            .run(conn)?;
            if now == 0 {
                sql(concat!(
                    "DELETE FROM commit_marks WHERE at < ",
                    server_now!(),
                    " - ?"
                ))
                .number(LEFT)
                .run(conn)?;
            }
            // An earlier connection that is in the middle of it is waited for.
            let found = sql("SELECT mark FROM commit_marks WHERE writer = ? FOR UPDATE")
                .text(writer)
                .get_result::<Found>(conn)?
                .mark;
            let known = doubt.as_ref().map_or(now, |doubt| doubt.mark);
            if found == known {
                return Ok(found);
            }
            sql("UPDATE commit_marks SET mark = ? WHERE writer = ?")
                .number(used)
                .text(writer)
                .run(conn)?;
            Ok(used)
        });
        // Also where it failed: that may have been committed, too.
        self.used = used;
        self.now = found?;
        let doubt = self.doubt.take();
        Ok(match doubt {
            Some(doubt) if doubt.mark == self.now => {
                log::info!(target: "switchboard::store", "a commit whose answer was lost is there");
                doubt.jobs
            }
            _ => 0,
        })
    }
}
