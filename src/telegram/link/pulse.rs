//! The proof that a line lives: a ping of our own, answered in time. Telegram's side may be gone without a word, and
//! nothing below us would notice for a quarter of an hour. It also is what flushes acknowledgements on a busy line.

use std::sync::Arc;

use grammers_client::tl;
use tokio::{task::AbortHandle, time::sleep};

use super::{cause::Cause, shared::Shared};
use crate::telegram::pool::Calls;

/// Stops with the guard.
pub(super) struct Pulse(AbortHandle);

impl Pulse {
    pub(super) fn start(shared: &Arc<Shared>, calls: Calls) -> Self {
        let task = shared.runtime.spawn(beat(Arc::clone(shared), calls));
        Self(task.abort_handle())
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn beat(shared: Arc<Shared>, calls: Calls) {
    let timing = &shared.settings.timing;
    for ping_id in 1_i64.. {
        sleep(shared.session.ways().ping_every(timing.ping_every)).await;
        let Err(failure) = calls
            .home(&tl::functions::Ping { ping_id }, timing.ping_limit)
            .await
        else {
            continue;
        };
        shared.note(&failure);
        // Telegram answered, if only with an error: the line lives.
        if !failure.is_passing() {
            continue;
        }
        calls.cut(shared.session.home());
        shared.cut(Cause::Ping(failure));
    }
}
