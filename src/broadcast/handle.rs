//! The handle: what others know of the broadcast.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use actix::{Actor, Addr, Arbiter, Recipient};
use tokio::sync::watch;

use super::{
    BroadcastActor, Frame, Since, Transient, Wake,
    actor::{CloseAll, Gone, News, Subscribe},
    listeners::Listeners,
    ring::Ring,
};
use crate::{
    domain::{AccountId, Event, Seq},
    memory,
};

/// Frames kept in memory for listeners that are only a little behind.
const RING: usize = 16_384;
/// What is kept of them once nothing has happened for a while.
const QUIET_RING: usize = 256;
/// Taking so many old frames apart takes no longer than handing them on.
const FEW_GONE: usize = 16;

/// What the actor and its handles share.
#[derive(Debug)]
pub struct Shared {
    ring: Mutex<Ring>,
    listeners: Mutex<Listeners>,
    /// Newest number that was published, for listeners that are no actors.
    newest: watch::Sender<Seq>,
}

impl Shared {
    /// After a wave: the newest frames are enough, older ones are in the event log. Called now and then.
    pub(super) fn shrink_when_quiet(&self, last_seen: &mut Seq) {
        let mut ring = self.ring();
        let quiet = std::mem::replace(last_seen, ring.last()) == ring.last();
        let gone = if quiet { ring.shrink(QUIET_RING) } else { 0 };
        drop(ring);
        if gone > 0 {
            drop(tokio::task::spawn_blocking(memory::give_back));
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // The ring is whole after every statement: a panic elsewhere can't leave it half-written.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listeners(&self) -> MutexGuard<'_, Listeners> {
        // So is this list.
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The frames that gave way.
    fn append(&self, events: Vec<Arc<Event>>) -> Vec<Arc<Frame>> {
        let Some(newest) = events.last().map(|event| event.seq) else {
            return Vec::new();
        };
        let frames = events.into_iter().map(|event| Arc::new(Frame::new(event)));
        let mut ring = self.ring();
        let gone = frames.filter_map(|frame| ring.push(frame)).collect();
        drop(ring);
        self.newest.send_replace(newest);
        gone
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct BroadcastHandle {
    addr: Addr<BroadcastActor>,
    shared: Arc<Shared>,
}

/// A subscription's side of the wake-up: cleared by the listener before it looks.
#[derive(Clone, Debug, Default)]
pub struct Subscription(Arc<AtomicBool>);

impl Subscription {
    /// To be called before reading: what is committed from here on wakes again.
    pub fn rearm(&self) {
        self.0.store(false, Ordering::Release);
    }
}

impl BroadcastHandle {
    /// Starts the actor on `arbiter`; `last` is the newest number in the event log.
    #[must_use]
    pub fn start(arbiter: &Arbiter, last: Seq) -> Self {
        let shared = Arc::new(Shared {
            ring: Mutex::new(Ring::new(RING, last)),
            listeners: Mutex::default(),
            newest: watch::Sender::new(last),
        });
        let actor = BroadcastActor::new(Arc::clone(&shared));
        let addr = BroadcastActor::start_in_arbiter(&arbiter.handle(), move |_| actor);
        Self { addr, shared }
    }

    /// Hands committed events on; waits for nobody.
    pub fn publish(&self, events: Vec<Arc<Event>>) {
        if events.is_empty() {
            return;
        }
        let gone = self.shared.append(events);
        let mut listeners = self.shared.listeners();
        let woken = listeners.few() && listeners.wake();
        drop(listeners);
        if !woken {
            // See `News` about a full mailbox.
            let _ = self.addr.try_send(News);
        }
        if gone.len() > FEW_GONE {
            // With a full mailbox they are dropped here after all.
            let _ = self.addr.try_send(Gone(gone));
        }
    }

    /// Sends news that nobody needs a moment later.
    pub fn announce(&self, transient: Transient) {
        let _ = self.addr.try_send(transient);
    }

    /// From the answer on, each commit wakes `wake` (once until it re-arms).
    ///
    /// # Errors
    /// When the service is stopping.
    pub async fn subscribe(
        &self,
        wake: Recipient<Wake>,
        transient: Recipient<Transient>,
    ) -> Result<Subscription, actix::MailboxError> {
        let subscription = Subscription::default();
        self.addr
            .send(Subscribe {
                recipient: wake,
                transient,
                woken: Arc::clone(&subscription.0),
            })
            .await?;
        Ok(subscription)
    }

    /// Tells every listener that the service stops.
    pub async fn close_all(&self) {
        // An actor that is gone has no listeners left.
        let _ = self.addr.send(CloseAll).await;
    }

    /// Up to `limit` frames after `seq`.
    #[must_use]
    pub fn after(&self, seq: Seq, limit: usize) -> Since {
        self.shared.ring().after(seq, limit)
    }

    /// Up to `limit` frames of one account after `after` and up to `end`, which was published.
    #[must_use]
    pub fn of(&self, account: AccountId, after: Seq, end: Seq, limit: usize) -> Since {
        self.shared.ring().of(account, after, end, limit)
    }

    /// The newest number, and a way to wait for a newer one.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<Seq> {
        self.shared.newest.subscribe()
    }

    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.shared.listeners().count()
    }
}
