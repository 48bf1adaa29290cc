//! Retirement: the passes in which messages that are too old leave, one job at a time.

use std::time::{Duration, Instant};

use diesel::QueryResult;
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::{
    Result,
    engine::Conn,
    job::{Job, TypedJob},
    retention::{Mark, ROWS, Step, in_force},
    state::State,
    tx::Tx,
};

/// The same while others write.
const ROWS_BUSY: usize = 50;

/// A job that the file did not take for so long is given up; the next pass makes another.
const JOB_LIMIT: Duration = Duration::from_secs(60);
/// After a pass that could not go on.
const PAUSE: Duration = Duration::from_secs(60);

/// A pass over all chats, and the time of the next one.
pub(super) struct Retirement {
    every: Duration,
    begins: Instant,
    /// Of the pass under way.
    at: Option<Mark>,
    removed: usize,
    answer: Option<oneshot::Receiver<Result<(Step, Duration)>>>,
}

impl Retirement {
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            begins: Instant::now() + every.min(PAUSE),
            at: None,
            removed: 0,
            answer: None,
        }
    }

    /// The next job, when it is time for one.
    pub fn next(
        &mut self,
        conn: &mut Conn,
        state: &mut State,
        busy: bool,
    ) -> QueryResult<Option<Box<dyn Job>>> {
        if !self.is_answered() {
            return Ok(None);
        }
        let from = match self.at {
            Some(at) => at,
            None => {
                let asked = std::mem::take(&mut state.retire);
                if !asked && Instant::now() < self.begins {
                    return Ok(None);
                }
                self.begins = Instant::now() + self.every;
                if !in_force(conn, &state.keep)? {
                    return Ok(None);
                }
                Mark::at(0)
            }
        };
        self.at = Some(from);
        let rows = if busy { ROWS_BUSY } else { ROWS };
        let (reply, answer) = oneshot::channel();
        self.answer = Some(answer);
        let work = move |tx: &mut Tx<'_>| tx.retire_some(from, rows);
        let job = TypedJob::new("retire", work, reply, Instant::now() + JOB_LIMIT);
        Ok(Some(Box::new(job)))
    }

    /// Takes in what the last job came to; `false`: it is still under way.
    fn is_answered(&mut self) -> bool {
        let Some(answer) = &mut self.answer else {
            return true;
        };
        let step = match answer.try_recv() {
            Err(TryRecvError::Empty) => return false,
            Ok(Ok((step, _))) => Some(step),
            Ok(Err(_)) | Err(TryRecvError::Closed) => None,
        };
        self.answer = None;
        match step {
            Some(step) => {
                self.removed += step.removed;
                self.at = step.next;
                if step.waits {
                    log::info!(target: "switchboard::store", "what is too old stays until webhooks have got more of the events that speak of it");
                }
            }
            None => {
                self.at = None;
                self.begins = Instant::now() + PAUSE;
            }
        }
        if self.at.is_none() && self.removed > 0 {
            log::info!(target: "switchboard::store", "{} messages were older than they are kept for and are gone", self.removed);
            self.removed = 0;
        }
        true
    }
}
