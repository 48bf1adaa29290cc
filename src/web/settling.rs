//! Settling: how calls under keys ended is written until it is written. A database that is away at that moment must not leave a key
//! that is taken for as long as this process lives.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::runtime::Handle;
use uuid::Uuid;

use crate::store::{Result, StoreHandle};

/// Until what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Ends that wait.
const MOST: usize = 10_000;
/// Of their answers; of those beyond it is said that nobody knows them.
const MOST_BYTES: usize = 32 << 20;

/// How a call under a key ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Envelope.
    Answered(String),
    /// Nothing was done: the key may be used again.
    Nothing,
    /// Nobody is at it any more, and what it did is not known.
    CutOff,
}

impl End {
    fn bytes(&self) -> usize {
        match self {
            Self::Answered(sealed) => sealed.len(),
            Self::Nothing | Self::CutOff => 0,
        }
    }
}

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Settling(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    ends: VecDeque<(Uuid, End)>,
    bytes: usize,
    /// Somebody writes them.
    at_work: bool,
}

impl Settling {
    /// Writes it, now if that is possible.
    pub async fn settle(&self, store: &StoreHandle, id: Uuid, end: End) {
        match write(store, id, end.clone()).await {
            Ok(()) => {}
            Err(error) if error.passes() => {
                log::warn!(target: "switchboard::web", "how a call under an idempotency key ended is written later: {error}");
                self.later(store, id, end);
            }
            Err(error) => {
                log::warn!(target: "switchboard::web", "how a call under an idempotency key ended was not written: {error}");
            }
        }
    }

    /// Writes it as soon as that is possible. Nobody waits for it.
    pub fn later(&self, store: &StoreHandle, id: Uuid, end: End) {
        // Without a runtime everything ends, and others see that nobody is at it.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let mut waiting = self.lock();
        if waiting.ends.len() >= MOST {
            log::error!(target: "switchboard::web", "an idempotency key stays taken until this process ends: too many wait for the database");
            return;
        }
        let end = match waiting.bytes + end.bytes() > MOST_BYTES {
            true => End::CutOff,
            false => end,
        };
        waiting.bytes += end.bytes();
        waiting.ends.push_back((id, end));
        if !std::mem::replace(&mut waiting.at_work, true) {
            runtime.spawn(self.clone().work(store.clone()));
        }
    }

    async fn work(self, store: StoreHandle) {
        while let Some((id, end)) = self.next() {
            match write(&store, id, end.clone()).await {
                Ok(()) => self.done(&end),
                Err(error) if error.passes() => {
                    self.lock().ends.push_front((id, end));
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => {
                    log::warn!(target: "switchboard::web", "how a call under an idempotency key ended was not written: {error}");
                    self.done(&end);
                }
            }
        }
    }

    fn next(&self) -> Option<(Uuid, End)> {
        let mut waiting = self.lock();
        let next = waiting.ends.pop_front();
        waiting.at_work = next.is_some();
        next
    }

    fn done(&self, end: &End) {
        self.lock().bytes -= end.bytes();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(store: &StoreHandle, id: Uuid, end: End) -> Result<()> {
    match end {
        End::Answered(sealed) => store.keep_answer(id, sealed).await,
        End::Nothing => store.drop_answer(id).await,
        End::CutOff => store.leave_answer(id).await,
    }
}
