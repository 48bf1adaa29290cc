//! Group: the jobs of one transaction.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use diesel::QueryResult;

use super::{
    connection,
    engine::Conn,
    fence,
    job::{Job, Ran},
    numbering,
    sql::Runs,
    state::State,
    transaction,
    tx::Tx,
};

/// Jobs of one transaction at most, and the time after which no further one is begun: what comes behind waits too long
/// otherwise.
const GROUP: usize = 256;
const GROUP_TIME: Duration = Duration::from_millis(40);

/// How many jobs of the queue are done with. The transaction is committed.
///
/// Savepoints make SQLite keep a copy of each page that a job changes, so they are put only where a job was refused.
pub(super) fn run_group(
    conn: &mut Conn,
    state: &mut State,
    queue: &mut VecDeque<Box<dyn Job>>,
    began: Instant,
) -> QueryResult<usize> {
    state.touched.clear();
    state.lost.clear();
    transaction::begin(conn)?;
    let mut done = run_bare(conn, state, queue, began)?;
    let done = loop {
        // Those that are lost are refused in the next round, so there are no more rounds than accounts.
        if let Some(done) = done
            && fence::holds(conn, state)?
        {
            break done;
        }
        transaction::roll_back(conn)?;
        state.forget();
        transaction::begin(conn)?;
        state.guarded = true;
        conn.one_by_one(true);
        let again = run_guarded(conn, state, queue, began);
        state.guarded = false;
        conn.one_by_one(false);
        done = Some(again?);
    };
    numbering::commit(conn, state, done)?;
    Ok(done)
}

/// All of them as one. `None`: one was refused after it had written, and with it everything is to be taken back.
fn run_bare(
    conn: &mut Conn,
    state: &mut State,
    queue: &mut VecDeque<Box<dyn Job>>,
    began: Instant,
) -> QueryResult<Option<usize>> {
    let mut done = 0;
    for job in queue.iter_mut().take(GROUP) {
        if full(done, began) {
            break;
        }
        let written = conn.changes()?;
        match job.run(&mut Tx::new(conn, state)) {
            Ran::Done => done += 1,
            // Most refusals come before the first write: what the writer remembers stays true.
            Ran::Refused if state.is_clean() && conn.changes()? == written => done += 1,
            Ran::Refused => return Ok(None),
            Ran::Trouble(trouble) => return Err(trouble),
        }
    }
    match conn.settle() {
        Ok(()) => Ok(Some(done)),
        Err(trouble) if connection::unavailable(&trouble) => Err(trouble),
        // Whose rows they are is found out by doing it one by one.
        Err(_) => Ok(None),
    }
}

/// Each in a savepoint of its own.
fn run_guarded(
    conn: &mut Conn,
    state: &mut State,
    queue: &mut VecDeque<Box<dyn Job>>,
    began: Instant,
) -> QueryResult<usize> {
    let mut done = 0;
    for job in queue.iter_mut().take(GROUP) {
        if full(done, began) {
            break;
        }
        transaction::begin_job(conn)?;
        let mark = state.mark();
        match job.run(&mut Tx::new(conn, state)) {
            Ran::Done => {
                transaction::keep_job(conn)?;
                state.blocks.committed();
            }
            Ran::Refused => {
                transaction::take_job_back(conn)?;
                state.back_to(mark);
            }
            Ran::Trouble(trouble) => return Err(trouble),
        }
        done += 1;
    }
    Ok(done)
}

fn full(done: usize, began: Instant) -> bool {
    done > 0 && began.elapsed() > GROUP_TIME
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::{
        domain::AccountId,
        store::{
            job::TypedJob,
            job_error::JobResult,
            scope_row::Scope,
            sql::{One, sql},
        },
    };

    fn job(work: impl FnMut(&mut Tx<'_>) -> JobResult<()> + Send + 'static) -> Box<dyn Job> {
        let (reply, _) = oneshot::channel();
        let deadline = Instant::now() + Duration::from_secs(60);
        Box::new(TypedJob::new("test", work, reply, deadline))
    }

    /// Protects everybody else from a call that is refused: the writer forgets what it remembers only when the refused
    /// one had written something.
    #[test]
    fn a_refusal_that_wrote_nothing_costs_no_memory() {
        let dir = tempfile::tempdir().unwrap();
        let mut conn = connection::create(&dir.path().join("switchboard.db")).unwrap();
        connection::migrate(&mut conn).unwrap();
        let mut conn = Conn::Sqlite(conn);
        let mut state = State::default();
        let refused = |tx: &mut Tx<'_>| tx.living_account(AccountId::random()).map(drop);
        let writes = move |tx: &mut Tx<'_>| {
            sql("INSERT INTO meta (key, value) VALUES ('written', '')").run(tx.conn)?;
            refused(tx)
        };
        for (work, kept) in [(job(refused), true), (job(writes), false)] {
            state.scopes.insert((1, 0), Scope::default());
            let mut queue = VecDeque::from([work]);
            let done = run_group(&mut conn, &mut state, &mut queue, Instant::now()).unwrap();
            assert_eq!(done, 1);
            assert_eq!(state.scopes.contains_key(&(1, 0)), kept);
        }
        let written = sql("SELECT count(*) AS n FROM meta WHERE key = 'written'");
        assert_eq!(written.get_result::<One>(&mut conn).unwrap().n, 0);
    }
}
