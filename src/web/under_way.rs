//! Under way: which accounts calls of this process are adding.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use uuid::Uuid;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Adding(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// By the mark of each.
    under_way: Mutex<HashSet<Uuid>>,
    ended: Notify,
}

impl Inner {
    fn under_way(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        // Single statements only: a panic elsewhere can't leave the set half-changed.
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call is at it. What it has not said to be added when this is dropped is taken back.
pub struct UnderWay {
    pub mark: Uuid,
    adding: Adding,
}

impl Adding {
    /// Before anything of it is written.
    pub fn begin(&self) -> UnderWay {
        let mark = Uuid::new_v4();
        self.0.under_way().insert(mark);
        UnderWay {
            mark,
            adding: self.clone(),
        }
    }

    pub fn is_under_way(&self, mark: Uuid) -> bool {
        self.0.under_way().contains(&mark)
    }

    /// Ends when a call has ended.
    pub async fn ended(&self) {
        self.0.ended.notified().await;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.adding.0.under_way().remove(&self.mark);
        self.adding.0.ended.notify_one();
    }
}
