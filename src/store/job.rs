//! Job: one write that waits for its commit.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use diesel::result::Error;
use tokio::sync::oneshot;

use super::{
    Result, StoreError,
    connection::unavailable,
    job_error::{JobError, JobResult},
    tx::Tx,
};

/// What one run inside the transaction ended with.
pub(super) enum Ran {
    /// Its rows stay.
    Done,
    /// Its rows are taken back; it has its answer.
    Refused,
    /// The file is in trouble: the whole group is taken back and tried again later.
    Trouble(Error),
}

/// A write, without its types.
pub(super) trait Job: Send {
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;
    /// Committed (or refused by its own answer): tell the caller. `commit` is how long the transaction took.
    fn answer(self: Box<Self>, commit: Duration);
    /// Never committed.
    fn fail(self: Box<Self>, error: StoreError);
    /// From then on nobody waits for it, so it must not be run any more.
    fn deadline(&self) -> Instant;
}

pub(super) type Reply<T> = oneshot::Sender<Result<(T, Duration)>>;

pub(super) struct TypedJob<T, F> {
    name: &'static str,
    work: F,
    outcome: Option<Result<T>>,
    reply: Reply<T>,
    deadline: Instant,
}

impl<T, F> TypedJob<T, F>
where
    F: FnMut(&mut Tx<'_>) -> JobResult<T>,
{
    pub const fn new(name: &'static str, work: F, reply: Reply<T>, deadline: Instant) -> Self {
        Self {
            name,
            work,
            outcome: None,
            reply,
            deadline,
        }
    }
}

impl<T, F> Job for TypedJob<T, F>
where
    T: Send,
    F: FnMut(&mut Tx<'_>) -> JobResult<T> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        let work = &mut self.work;
        // A panic here must not take the writer, and with it every account, down.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let value = work(tx)?;
            tx.flush()?;
            Ok(value)
        }));
        match outcome {
            Ok(Ok(value)) => {
                self.outcome = Some(Ok(value));
                Ran::Done
            }
            Ok(Err(JobError::Db(error))) if unavailable(&error) => Ran::Trouble(error),
            Ok(Err(JobError::Db(error))) => {
                self.outcome = Some(Err(StoreError::Broken {
                    call: self.name,
                    cause: error.to_string(),
                }));
                Ran::Refused
            }
            Ok(Err(JobError::Answer(error))) => {
                self.outcome = Some(Err(error));
                Ran::Refused
            }
            Err(_panic) => {
                self.outcome = Some(Err(StoreError::Broken {
                    call: self.name,
                    cause: "panicked".to_owned(),
                }));
                Ran::Refused
            }
        }
    }

    fn answer(self: Box<Self>, commit: Duration) {
        let Self {
            work,
            outcome,
            reply,
            ..
        } = *self;
        // What it held goes with its caller, who waits for the answer, and not on the writer's time.
        drop(work);
        if let Some(outcome) = outcome {
            // Here and not where it happened: a refused job is run again, in a savepoint.
            if let Err(StoreError::Broken { call, cause }) = &outcome {
                log::error!(target: "switchboard::store", "write failed call={call} cause=\"{cause}\"");
            }
            // A caller that gave up hears nothing; its write stands all the same.
            drop(reply.send(outcome.map(|value| (value, commit))));
        }
    }

    fn fail(self: Box<Self>, error: StoreError) {
        drop(self.reply.send(Err(error)));
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }
}
