//! Brief: a pool for a few calls of somebody who may break off at any time.

use std::{sync::Arc, time::Duration};

use grammers_client::session::updates::UpdatesLike;
use tokio::{runtime::Handle, sync::mpsc};

use super::{Calls, Pool, PoolSession};
use crate::telegram::{settings::Settings, ways::Purpose};

/// Dropping it cuts its connections; its session is not silent before each of them is closed.
pub struct Brief {
    /// `None`: it is being closed.
    pool: Option<Pool>,
    pub calls: Calls,
    pub updates: mpsc::Receiver<UpdatesLike>,
    session: Arc<PoolSession>,
    runtime: Handle,
}

impl Brief {
    pub fn start(
        session: &Arc<PoolSession>,
        api_id: i32,
        settings: &Settings,
        runtime: &Handle,
    ) -> Self {
        let (pool, updates) = Pool::start(session, api_id, (settings, Purpose::Once), runtime);
        Self {
            calls: pool.calls.clone(),
            pool: Some(pool),
            updates,
            session: Arc::clone(session),
            runtime: runtime.clone(),
        }
    }

    /// Politely at first, as [`Pool::close`].
    pub async fn close(mut self, limit: Duration) {
        if let Some(pool) = self.pool.take() {
            pool.close(limit).await;
        }
    }
}

impl Drop for Brief {
    fn drop(&mut self) {
        let line = self.session.line();
        self.pool = None;
        // Each connection has an end of this channel, and a task of its own, which outlives the one that is cut here.
        if self.updates.is_closed() {
            return;
        }
        let (_, nothing) = mpsc::channel(1);
        let mut updates = std::mem::replace(&mut self.updates, nothing);
        self.runtime.spawn(async move {
            while updates.recv().await.is_some() {}
            drop(line);
        });
    }
}
