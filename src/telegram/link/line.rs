//! One line: a pool with what hangs on it.

use std::{sync::Arc, time::Duration};

use grammers_client::session::updates::UpdatesLike;
use tokio::{sync::mpsc, time::timeout};

use super::{pulse::Pulse, shared::Shared};
use crate::telegram::{
    pool::{Calls, Pool, QUEUE},
    ways::Purpose,
};

/// A connection task that panics takes its calls down a moment before the pool follows.
const PANIC_GRACE: Duration = Duration::from_millis(20);

pub(super) struct Line {
    pool: Pool,
    updates: mpsc::Receiver<UpdatesLike>,
    _pulse: Pulse,
}

/// What a line says without being asked.
pub(super) enum Said {
    Packet(Box<UpdatesLike>),
    /// The pool is gone; its panic, when it was one.
    Ended(Option<String>),
}

impl Line {
    pub(super) fn open(shared: &Arc<Shared>) -> Self {
        let (pool, updates) = Pool::start(
            &shared.session,
            shared.api_id,
            (&shared.settings, Purpose::Home),
            &shared.runtime,
        );
        let calls = pool.calls.clone();
        shared.set_calls(Some(calls.clone()));
        Self {
            pool,
            updates,
            _pulse: Pulse::start(shared, calls),
        }
    }

    pub(super) fn calls(&self) -> Calls {
        self.pool.calls.clone()
    }

    /// The next word; with `packets`, also from the wire. Safe to drop.
    pub(super) async fn said(&mut self, packets: bool) -> Said {
        tokio::select! {
            biased;
            panic = self.pool.ended() => Said::Ended(panic),
            packet = self.updates.recv(), if packets => match packet {
                // Boxed at once: a packet is some 5 KB by itself, and the task of an idle account would hold room for
                // it in every step that it passes through.
                Some(packet) => Said::Packet(Box::new(packet)),
                None => Said::Ended(None),
            },
        }
    }

    /// Another packet that is there already.
    pub(super) fn more(&mut self) -> Option<Box<UpdatesLike>> {
        self.updates.try_recv().ok().map(Box::new)
    }

    /// Is the queue full, so that packets may have been lost below us? To be asked before each is taken out.
    pub(super) fn overruns(&self) -> bool {
        // One less: the packet at hand was in it.
        self.updates.len() + 1 >= QUEUE
    }

    /// Throws the pool away. A panic inside it, if that was its end.
    pub(super) async fn drop_pool(mut self) -> Option<String> {
        timeout(PANIC_GRACE, self.pool.ended())
            .await
            .unwrap_or_default()
    }

    /// Politely at first.
    pub(super) async fn close(self, limit: Duration) {
        self.pool.close(limit).await;
    }
}
