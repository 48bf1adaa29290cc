//! Kept: what may not be let go of while a connection is open that was dialled with a session, however little anybody waits for its end.

use std::{any::Any, sync::Arc};

use tokio::runtime::Handle;

use super::PoolSession;

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
            session.silent().await;
            drop(kept);
        });
    }
}
