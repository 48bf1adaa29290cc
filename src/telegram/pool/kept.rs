//! Kept: what may not be let go of while a connection is open that was dialled with a session, however little anybody waits for its end.

use std::{any::Any, sync::Arc, time::Duration};

use tokio::{runtime::Handle, time::timeout};

use super::PoolSession;

/// A connection that was cut is closed in a moment. For one that is open after all this time nobody waits any longer: its account would
/// be nobody's for as long.
const LIMIT: Duration = Duration::from_secs(10);

/// The right to use a session, in whatever form its user has it.
pub type Kept = Box<dyn Any + Send + Sync>;

/// Goes at any time; what is kept goes when every connection of the session is closed.
pub struct KeptFor {
    session: Arc<PoolSession>,
    runtime: Handle,
    kept: Option<Kept>,
}

impl KeptFor {
    pub fn new(session: &Arc<PoolSession>, runtime: &Handle, kept: Kept) -> Self {
        Self {
            session: Arc::clone(session),
            runtime: runtime.clone(),
            kept: Some(kept),
        }
    }
}

impl Drop for KeptFor {
    fn drop(&mut self) {
        if self.session.is_silent() {
            return;
        }
        let (session, kept) = (Arc::clone(&self.session), self.kept.take());
        self.runtime.spawn(async move {
            if timeout(LIMIT, session.silent()).await.is_err() {
                log::warn!(target: "switchboard::account", "a connection of a sign-in or of a log-out that was broken off is still open after {} s, and other nodes do not wait for it", LIMIT.as_secs());
            }
            drop(kept);
        });
    }
}
