//! The actor: the only writer. Many waiting writes go into one transaction.
//!
//! While one transaction is being committed the next writes gather in the mailbox; they become the next group.
//! One that fails takes nobody along: the group is then taken back and run again, each write in its own savepoint.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use diesel::{QueryResult, result::Error};
use tokio::sync::oneshot;

use super::{
    EventSink, StoreError, StoreMetrics,
    connection::{self, Place},
    echoes::Holds,
    engine::Conn,
    fence::Fence,
    follow::Teller,
    group::run_group,
    health::Health,
    housekeeping::{Housekeeping, TICK},
    job::Job,
    retirement::Retirement,
    state::State,
};
use crate::domain::{Event, KeepFor};

const BACKOFF: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// Sent by [`super::StoreHandle`]. The job is run in the next transaction and answers through its own channel after
/// the commit; that channel closes when the job never ran.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Write(pub Box<dyn Job>);

/// Sent by [`super::StoreHandle::close`]: what is queued is written, then the log goes into the file and the actor
/// ends. Answered when all that is done.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Close(pub oneshot::Sender<()>);

/// What the actor is made of.
pub(super) struct Parts {
    pub place: Place,
    pub conn: Conn,
    pub sink: Arc<dyn EventSink>,
    /// Where others write, too; what is committed goes through it.
    pub teller: Option<Arc<Teller>>,
    pub health: Health,
    pub metrics: StoreMetrics,
    pub mailbox: usize,
    pub housekeeping: Housekeeping,
    pub holds: Holds,
    pub keep: KeepFor,
    /// Nobody else writes to the same database.
    pub alone: bool,
    pub retirement: Retirement,
    pub fence: Arc<OnceLock<Arc<dyn Fence>>>,
    /// Dropped with the actor: its thread ends.
    pub ended: oneshot::Sender<()>,
}

pub(super) struct StoreActor {
    place: Place,
    /// `None` after a trouble that left it unusable; opened anew at the next try.
    conn: Option<Conn>,
    state: State,
    sink: Arc<dyn EventSink>,
    teller: Option<Arc<Teller>>,
    health: Health,
    metrics: StoreMetrics,
    mailbox: usize,
    housekeeping: Housekeeping,
    holds: Holds,
    retirement: Retirement,
    /// Nothing was asked on the connection yet.
    fresh: bool,
    queue: VecDeque<Box<dyn Job>>,
    scheduled: bool,
    backoff: Duration,
    _ended: oneshot::Sender<()>,
}

impl StoreActor {
    pub fn new(parts: Parts) -> Self {
        Self {
            place: parts.place,
            conn: Some(parts.conn),
            state: State::unknown(parts.keep, parts.fence, parts.alone),
            sink: parts.sink,
            teller: parts.teller,
            health: parts.health,
            metrics: parts.metrics,
            mailbox: parts.mailbox,
            housekeeping: parts.housekeeping,
            holds: parts.holds,
            retirement: parts.retirement,
            fresh: true,
            queue: VecDeque::new(),
            scheduled: false,
            backoff: BACKOFF,
            _ended: parts.ended,
        }
    }

    /// actix drains the mailbox before it polls spawned futures, so everything that waits now is in the group.
    fn schedule(&mut self, ctx: &mut Context<Self>) {
        if self.scheduled || self.queue.is_empty() {
            return;
        }
        self.scheduled = true;
        ctx.spawn(
            std::future::ready(())
                .into_actor(self)
                .map(|(), actor, ctx| actor.turn(ctx)),
        );
    }

    fn turn(&mut self, ctx: &mut Context<Self>) {
        self.scheduled = false;
        match self.write_group() {
            Ok(()) => {
                self.backoff = BACKOFF;
                self.health.good();
                self.schedule(ctx);
            }
            Err(trouble) => self.wait_out(&trouble, ctx),
        }
    }

    /// Nothing was written. Those whose patience is over are told, the rest is tried again in the same order.
    fn wait_out(&mut self, trouble: &Error, ctx: &mut Context<Self>) {
        let reason = trouble.to_string();
        self.health.bad(&reason);
        self.fail_overdue(&reason);
        let pause = self.backoff;
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
        // While it waits the mailbox fills up to its bound and callers wait for a place.
        ctx.wait(
            tokio::time::sleep(pause)
                .into_actor(self)
                .map(|(), actor, ctx| actor.schedule(ctx)),
        );
    }

    fn fail_overdue(&mut self, reason: &str) {
        let now = Instant::now();
        let waiting = std::mem::take(&mut self.queue);
        for job in waiting {
            if job.deadline() > now {
                self.queue.push_back(job);
                continue;
            }
            self.state.marks.left(self.queue.len());
            job.fail(StoreError::Unavailable {
                reason: reason.to_owned(),
            });
        }
    }

    /// Runs what waits in one transaction, commits, announces, answers. `Err`: nothing happened.
    fn write_group(&mut self) -> QueryResult<()> {
        let began = Instant::now();
        let inside = self.health.inside();
        let mut conn = self.usable_connection()?;
        let teller = self.teller.clone();
        let _telling = teller.as_ref().map(|teller| teller.begin());
        let outcome = run_group(&mut conn, &mut self.state, &mut self.queue, began);
        let done = match outcome {
            Ok(done) => done,
            Err(trouble) => {
                self.state.forget();
                // Dropping the connection takes back whatever is left of the transaction.
                return Err(trouble);
            }
        };
        let commit = began.elapsed();
        drop(inside);
        let events = self.state.take_events();
        self.metrics.commit_seconds.observe(commit.as_secs_f64());
        self.metrics
            .batch_rows
            .observe(self.state.take_rows() as f64);
        self.announce(events);
        self.tell_ordered();
        for job in self.queue.drain(..done) {
            job.answer(commit);
        }
        self.housekeeping.look_at_log(&mut conn);
        self.conn = Some(conn);
        Ok(())
    }

    /// Whoever gave an order may have stopped waiting for the answer: the commit itself says that there is one.
    fn tell_ordered(&mut self) {
        let accounts = std::mem::take(&mut self.state.ordered);
        if !accounts.is_empty() {
            guarded(|| self.sink.ordered(accounts));
        }
    }

    fn announce(&self, events: Vec<Arc<Event>>) {
        if events.is_empty() {
            return;
        }
        let tell = || match &self.teller {
            Some(teller) => teller.committed(events),
            None => self.sink.committed(events),
        };
        guarded(tell);
    }

    /// Jobs that were committed without a word are answered by it.
    fn usable_connection(&mut self) -> QueryResult<Conn> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => {
                self.fresh = true;
                self.place.writer().map_err(connection::as_query_error)?
            }
        };
        if self.fresh {
            let committed = self.state.marks.take_up(&mut conn)?;
            self.fresh = false;
            for job in self.queue.drain(..committed.min(self.queue.len())) {
                job.answer(Duration::ZERO);
            }
        }
        Ok(conn)
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let busy = !self.queue.is_empty();
        let _inside = self.health.inside();
        let Ok(mut conn) = self.usable_connection() else {
            return;
        };
        let done = self
            .housekeeping
            .tick(&mut conn, &mut self.state, busy, !self.health.get().ok)
            .and_then(|more| {
                let mut jobs = self.holds.overdue(&mut conn, &self.state)?;
                jobs.extend(self.retirement.next(&mut conn, &mut self.state, busy)?);
                Ok((more, jobs))
            });
        match done {
            Ok((more, jobs)) => {
                self.conn = Some(conn);
                self.health.good();
                self.queue.extend(jobs);
                self.schedule(ctx);
                if more {
                    ctx.run_later(Duration::from_millis(1), Self::tick);
                }
            }
            Err(error) => {
                self.state.forget();
                if connection::unavailable(&error) {
                    self.health.bad(&error.to_string());
                } else {
                    log::error!(target: "switchboard::store", "housekeeping failed cause=\"{error}\"");
                }
            }
        }
    }
}

impl Actor for StoreActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.mailbox);
        ctx.run_interval(TICK, Self::tick);
    }
}

impl Handler<Write> for StoreActor {
    type Result = ();

    fn handle(&mut self, Write(job): Write, ctx: &mut Self::Context) {
        self.queue.push_back(job);
        self.schedule(ctx);
    }
}

impl Handler<Close> for StoreActor {
    type Result = ();

    fn handle(&mut self, Close(reply): Close, ctx: &mut Self::Context) {
        while !self.queue.is_empty() {
            if let Err(trouble) = self.write_group() {
                let reason = trouble.to_string();
                for job in self.queue.drain(..) {
                    job.fail(StoreError::Unavailable {
                        reason: reason.clone(),
                    });
                }
            }
        }
        if let Some(mut conn) = self.conn.take() {
            self.housekeeping.close(&mut conn, &self.state);
        }
        // Whoever asked may have stopped waiting.
        let _ = reply.send(());
        actix::ActorContext::stop(ctx);
    }
}

/// A listener's panic must not take the writer down.
fn guarded(tell: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(tell)).is_err() {
        log::error!(target: "switchboard::store", "a listener of what is committed panicked");
    }
}
