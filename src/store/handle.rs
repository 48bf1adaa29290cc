//! The store's handle: cheap to clone, typed, every call with a limit.
//!
//! The calls themselves stand beside the tables they are about; here are the two ways in that all of them use.

use std::sync::Arc;

use diesel::sqlite::SqliteConnection;

use super::{EventSink, Result, StoreConfig, StoreError, StoreHealth};
use crate::domain::{EventBody, Timestamp};

/// Opens the store.
#[derive(Debug)]
pub struct Store;

impl Store {
    /// Opens the file, brings its schema up to date and starts the writer on its own thread.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`] for a file of a newer version, [`StoreError::Unavailable`] when it can't be
    /// written.
    pub fn open(config: StoreConfig, sink: Arc<dyn EventSink>) -> Result<StoreHandle> {
        let _ = (config, sink);
        Err(StoreError::Closed)
    }
}

#[derive(Clone, Debug)]
pub struct StoreHandle {}

impl StoreHandle {
    /// Can the database be written right now?
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        StoreHealth {
            ok: false,
            since: Timestamp::now(),
            reason: None,
        }
    }

    /// Waits for what is queued, moves the log into the file and stops the writer.
    pub async fn close(&self) {}

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
    pub(crate) async fn write<T, F>(&self, name: &'static str, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut SqliteConnection) -> diesel::QueryResult<(T, Vec<EventBody>)>
            + Send
            + 'static,
    {
        let _ = (name, job);
        Err(StoreError::Closed)
    }

    /// A read on one of the read connections.
    #[allow(dead_code, reason = "used by the tables of vault and web")]
    pub(crate) async fn read<T, F>(&self, name: &'static str, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        let _ = (name, job);
        Err(StoreError::Closed)
    }
}
