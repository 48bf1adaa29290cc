//! The store's handle: cheap to clone, typed, every call with a limit.
//!
//! The calls themselves stand beside the tables they are about; here are the ways in that all of them use.

mod open;

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use actix::{Addr, prelude::SendError};
use tokio::{
    sync::{Semaphore, oneshot, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    EventSink, Result, StoreError, StoreHealth, StoreMetrics,
    actor::{Close, StoreActor, Write},
    changes::Changed,
    connection::{self, Place, Readers},
    engine::Conn,
    event_ref::account_of_body,
    fence::Fence,
    follow::Following,
    health::Health,
    hold::Hold,
    job::TypedJob,
    job_error::JobResult,
    ready::ReadyRoom,
    stated::Stated,
    tx::Tx,
};
use crate::domain::EventBody;

pub use self::open::Store;

/// A caller waits this much longer than the writer's patience, so that it hears the writer's own answer.
const GRACE: Duration = Duration::from_secs(5);
const CLOSE_LIMIT: Duration = Duration::from_secs(8);

/// A question, without its types; the answer has a way of its own.
type Read = Box<dyn FnOnce(&mut Conn) -> JobResult<()> + Send>;

#[derive(Clone)]
pub struct StoreHandle {
    path: Arc<Path>,
    place: Place,
    addr: Addr<StoreActor>,
    readers: Readers,
    /// One permit per read connection, so that waiting reads hold no threads.
    reading: Arc<Semaphore>,
    health: Health,
    metrics: StoreMetrics,
    patience: Duration,
    read_limit: Duration,
    pub(super) stated: Stated,
    pub(super) ready: ReadyRoom,
    pub(super) sink: Arc<dyn EventSink>,
    hold: Option<Arc<Hold>>,
    fence: Arc<OnceLock<Arc<dyn Fence>>>,
    /// Where others write, too.
    pub(super) following: Option<Arc<Following>>,
}

impl std::fmt::Debug for StoreHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreHandle").finish_non_exhaustive()
    }
}

impl StoreHandle {
    /// Can the database be written right now?
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        self.health.get()
    }

    /// From now on this process is one of several. Said once, before anything is written of an account.
    pub fn fence(&self, fence: Arc<dyn Fence>) {
        let _ = self.fence.set(fence);
    }

    pub(in crate::store) fn fenced(&self) -> Option<&Arc<dyn Fence>> {
        self.fence.get()
    }

    /// Whether this node may do what one node at a time does: it has said not long ago that it lives. Always, where there is one process.
    #[must_use]
    pub fn lives(&self) -> bool {
        self.fence.get().is_none_or(|fence| fence.lives())
    }

    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::store) const fn place(&self) -> &Place {
        &self.place
    }

    pub(in crate::store) const fn readers(&self) -> &Readers {
        &self.readers
    }

    #[must_use]
    pub const fn metrics(&self) -> &StoreMetrics {
        &self.metrics
    }

    /// Ends its waits with each change of these rows at another node (or here). Where one process has the database there are none,
    /// and the waits end for good.
    #[must_use]
    pub fn changes(&self, changed: Changed) -> watch::Receiver<u64> {
        match &self.following {
            Some(following) => following.changes(changed),
            None => watch::channel(0).1,
        }
    }

    /// Waits for what is queued, moves the log into the file and stops the writer. Later calls get
    /// [`StoreError::Closed`].
    pub async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.addr.send(Close(reply)).await.is_ok() {
            drop(timeout(CLOSE_LIMIT, closed).await);
        }
        if let Some(following) = &self.following {
            following.end();
        }
        if let Some(hold) = &self.hold {
            hold.let_go();
        }
    }

    /// Ends when another process has taken the database: this one must not go on. Never, where nobody can.
    pub async fn taken(&self) {
        match &self.hold {
            Some(hold) => hold.taken().await,
            None => std::future::pending().await,
        }
    }

    /// Numbers, commits and announces an event that has no rows of its own (`login_updated`).
    ///
    /// # Errors
    /// As every write.
    pub async fn announce(&self, body: EventBody) -> Result<()> {
        self.write("announce", move |_| Ok(((), vec![body.clone()])))
            .await
    }

    /// A write inside the group commit. It may run more than once (after a rollback), so it must not move out of
    /// what it captures; its events are numbered in the same transaction and announced after the commit.
    pub(crate) async fn write<T, F>(&self, name: &'static str, mut work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> diesel::QueryResult<(T, Vec<EventBody>)> + Send + 'static,
    {
        self.job(name, move |tx| {
            let (value, events) = work(tx.conn)?;
            for body in events {
                let account = tx.account(account_of_body(&body))?.clone();
                tx.emit(&account, body)?;
            }
            Ok(value)
        })
        .await
    }

    /// As [`Self::write`], with the writer's memory and answers of its own.
    pub(in crate::store) async fn job<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> JobResult<T> + Send + 'static,
    {
        self.timed_job(name, work).await.map(|(value, _)| value)
    }

    /// As [`Self::job`], with the time that its transaction took.
    pub(in crate::store) async fn timed_job<T, F>(
        &self,
        name: &'static str,
        work: F,
    ) -> Result<(T, Duration)>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> JobResult<T> + Send + 'static,
    {
        let limit = self.patience + GRACE;
        let (reply, answer) = oneshot::channel();
        let job = TypedJob::new(name, work, reply, Instant::now() + self.patience);
        let asked = timeout(limit, async {
            self.queue(Write(Box::new(job))).await?;
            answer.await.map_err(|_| StoreError::Closed)?
        });
        asked.await.unwrap_or(Err(StoreError::NoAnswer {
            call: name,
            after: limit,
        }))
    }

    /// Waits for a place in the mailbox when it is full. Otherwise nothing is waited for: actix would answer that the
    /// job is queued, and waking this thread for that comes before the commit.
    async fn queue(&self, write: Write) -> Result<()> {
        match self.addr.try_send(write) {
            Ok(()) => Ok(()),
            Err(SendError::Full(write)) => {
                self.addr.send(write).await.map_err(|_| StoreError::Closed)
            }
            Err(SendError::Closed(_)) => Err(StoreError::Closed),
        }
    }

    /// A read on one of the read connections, on a thread that may block.
    pub(crate) async fn read<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> diesel::QueryResult<T> + Send + 'static,
    {
        self.ask(name, move |conn| work(conn).map_err(Into::into))
            .await
    }

    /// As [`Self::read`], with answers of its own.
    pub(in crate::store) async fn ask<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> JobResult<T> + Send + 'static,
    {
        let (reply, mut answer) = oneshot::channel();
        let read = Box::new(move |conn: &mut Conn| {
            // Nobody takes it where the caller gave up.
            let _ = reply.send(work(conn)?);
            Ok(())
        });
        self.look(name, read).await?;
        answer.try_recv().map_err(|_| panicked(name))
    }

    /// One body for all questions: as many copies of it as there are questions are a large part of the program.
    async fn look(&self, name: &'static str, read: Read) -> Result<()> {
        let limit = self.read_limit;
        let (reading, readers) = (Arc::clone(&self.reading), self.readers.clone());
        // A task of its own: the caller's future may not be polled for a while (one of many, beside a loop that waits for
        // another read), and a turn that it was given meanwhile would be nobody's.
        let asked = AbortOnDropHandle::new(tokio::spawn(async move {
            let permit = reading
                .acquire_owned()
                .await
                .map_err(|_| StoreError::Closed)?;
            let read = tokio::task::spawn_blocking(move || {
                // Held until the read is over, also when the caller gave up.
                let _permit = permit;
                let mut conn = readers.get().map_err(|error| StoreError::Unavailable {
                    reason: error.to_string(),
                })?;
                read(&mut conn).map_err(|error| answer_of(name, error))
            });
            read.await.map_err(|_| panicked(name))?
        }));
        let asked = timeout(limit, async { asked.await.map_err(|_| panicked(name))? });
        asked.await.unwrap_or(Err(StoreError::NoAnswer {
            call: name,
            after: limit,
        }))
    }
}

fn panicked(call: &'static str) -> StoreError {
    StoreError::Broken {
        call,
        cause: "panicked".to_owned(),
    }
}

fn answer_of(name: &'static str, error: super::job_error::JobError) -> StoreError {
    match error {
        super::job_error::JobError::Answer(error) => error,
        super::job_error::JobError::Db(error) if connection::unavailable(&error) => {
            StoreError::Unavailable {
                reason: error.to_string(),
            }
        }
        super::job_error::JobError::Db(error) => {
            log::error!(target: "switchboard::store", "read failed call={name} cause=\"{error}\"");
            StoreError::Broken {
                call: name,
                cause: error.to_string(),
            }
        }
    }
}
