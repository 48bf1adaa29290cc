//! What all connections of a wire share, and what is done to many of them at once.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use rand::RngExt;
use tokio::sync::watch;

use super::{
    config::WireConfig,
    counters::{Counts, count},
    fault::{FaultScope, Faults, Victim, WireFault},
    keys::{Key, Keys},
    link::{Ending, Link},
    listener::Listener,
    salts::Salts,
};
use crate::port::{Backend, ConnectionId, KeyId};

/// The open connections.
#[derive(Default)]
pub struct Links(Mutex<HashMap<ConnectionId, Arc<Link>>>);

impl Links {
    fn map(&self) -> MutexGuard<'_, HashMap<ConnectionId, Arc<Link>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn len(&self) -> usize {
        self.map().len()
    }

    pub fn all(&self) -> Vec<Arc<Link>> {
        self.map().values().map(Arc::clone).collect()
    }
}

/// What listeners watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Order {
    pub stopping: bool,
    pub faults_version: u64,
}

pub struct Shared {
    pub config: WireConfig,
    pub addresses: Vec<(i32, SocketAddr)>,
    /// Gone after shutdown: backend and wire know each other, and one has to let go.
    backend: RwLock<Option<Arc<dyn Backend>>>,
    pub keys: Keys,
    pub links: Links,
    pub faults: Faults,
    pub counts: Arc<Counts>,
    pub salts: Salts,
    pub orders: watch::Sender<Order>,
    /// Open connections and listeners; shutdown waits for none.
    alive: watch::Sender<usize>,
    next_connection: AtomicU64,
}

/// Counts a task as alive for as long as it is held.
pub struct Alive(Arc<Shared>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.send_modify(|alive| *alive -= 1);
    }
}

impl Shared {
    pub fn new(config: WireConfig, listeners: &[Listener], backend: Arc<dyn Backend>) -> Self {
        Self {
            addresses: listeners
                .iter()
                .map(|listener| (listener.dc_id, listener.address))
                .collect(),
            config,
            backend: RwLock::new(Some(backend)),
            keys: Keys::default(),
            links: Links::default(),
            faults: Faults::default(),
            counts: Arc::default(),
            salts: Salts(rand::rng().random()),
            orders: watch::channel(Order::default()).0,
            alive: watch::channel(0).0,
            next_connection: AtomicU64::new(0),
        }
    }

    /// `None` once the wire was shut down.
    pub fn backend(&self) -> Option<Arc<dyn Backend>> {
        self.backend
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(Arc::clone)
    }

    pub fn alive(self: &Arc<Self>) -> Alive {
        self.alive.send_modify(|alive| *alive += 1);
        Alive(Arc::clone(self))
    }

    /// Registers a new connection.
    pub fn open_link(&self, dc_id: i32) -> Arc<Link> {
        let id = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed) + 1);
        let link = Arc::new(Link::new(
            id,
            dc_id,
            self.config.limits.outgoing_bytes,
            Arc::clone(&self.counts),
        ));
        self.links.map().insert(id, Arc::clone(&link));
        count(&self.counts.connections_opened);
        link
    }

    /// Takes a connection out of everything that knows it, and tells the backend which keys it was the last of.
    pub fn close_link(&self, link: &Arc<Link>) {
        link.end(Ending::Now);
        self.links.map().remove(&link.id);
        count(&self.counts.connections_closed);
        let keys = std::mem::take(&mut *link.keys());
        for key in keys {
            key.links().remove(&link.id);
            let sessions: Vec<_> = key.sessions().values().map(Arc::clone).collect();
            for session in sessions {
                session.detach(link);
            }
            let identity = key.identity();
            if identity.family_links().is_empty()
                && let Some(backend) = self.backend()
            {
                backend.key_went_offline(identity.id);
            }
        }
    }

    /// Remembers that a connection uses a key.
    pub fn join(&self, link: &Arc<Link>, key: &Arc<Key>) {
        let mut keys = link.keys();
        if keys.iter().any(|known| known.id == key.id) {
            return;
        }
        keys.push(Arc::clone(key));
        drop(keys);
        key.links().insert(link.id, Arc::clone(link));
        if !self.faults.any() {
            return;
        }
        // A delayed cut depends on the key: its time has to be looked up again.
        link.wake.notify_one();
        let identity = key.identity();
        let victim = Victim {
            dc_id: link.dc_id,
            key: Some(identity.id),
        };
        let forbidden = self
            .faults
            .peek(victim, |fault| {
                (*fault == WireFault::DuplicatedKeys).then_some(())
            })
            .is_some();
        if forbidden {
            self.burn_when_duplicated(&identity);
        }
    }

    /// A signed-in key on two open connections is lost.
    fn burn_when_duplicated(&self, identity: &Arc<Key>) {
        let open = |link: &&Arc<Link>| link.is_open();
        if identity.family_links().iter().filter(open).count() < 2 {
            return;
        }
        let Some(backend) = self
            .backend()
            .filter(|backend| backend.is_authorised(identity.id))
        else {
            return;
        };
        count(&self.counts.faults);
        identity.burnt.store(true, Ordering::Release);
        backend.key_burnt(identity.id);
    }

    /// Does this fault happen now? Counts it.
    pub fn strikes(&self, victim: Victim, fault: &WireFault) -> bool {
        let strikes = self.faults.strikes(victim, fault);
        if strikes {
            count(&self.counts.faults);
        }
        strikes
    }

    /// Like [`Shared::strikes`] for faults that carry a value.
    pub fn hit<T>(&self, victim: Victim, pick: impl Fn(&WireFault) -> Option<T>) -> Option<T> {
        let found = self.faults.hit(victim, pick)?;
        count(&self.counts.faults);
        Some(found)
    }

    pub fn faults_changed(&self) {
        self.orders.send_modify(|order| order.faults_version += 1);
        for link in self.links.all() {
            link.wake.notify_one();
        }
    }

    /// An act of [`WireFault`], on every connection in scope.
    pub fn act(&self, scope: FaultScope, fault: &WireFault) {
        for link in self.links.all() {
            let in_scope = match scope {
                FaultScope::All => true,
                FaultScope::Dc(dc_id) => link.dc_id == dc_id,
                FaultScope::Key(key) => link.uses(key),
            };
            if !in_scope {
                continue;
            }
            count(&self.counts.faults);
            match fault {
                WireFault::Cut { reset } => {
                    link.end(if *reset { Ending::Reset } else { Ending::Now })
                }
                WireFault::HalfOpen => link.silence(),
                WireFault::Garbage => {
                    let random: [u8; 128] = rand::rng().random();
                    link.send_frame(&random);
                }
                WireFault::TruncatedFrame => link.send_truncated(),
                _ => {}
            }
        }
    }

    /// See [`Pusher::cut`](crate::port::Pusher::cut).
    pub fn cut(&self, key: KeyId) {
        let Some(key) = self.keys.get(key) else {
            return;
        };
        for link in key.identity().family_links() {
            link.end(Ending::Now);
        }
    }

    /// See [`Pusher::push`](crate::port::Pusher::push).
    pub fn push(&self, key: KeyId, updates: &[u8]) -> usize {
        let Some(key) = self.keys.get(key) else {
            count(&self.counts.pushes_lost);
            return 0;
        };
        let identity = key.identity();
        if self.faults.any() && self.is_deaf(&identity) {
            count(&self.counts.pushes_lost);
            return 0;
        }
        let mut sent = 0;
        for key in identity.family() {
            sent += key
                .sessions()
                .values()
                .filter(|session| session.push(self, updates))
                .count();
        }
        let counter = if sent == 0 {
            &self.counts.pushes_lost
        } else {
            &self.counts.pushes
        };
        counter.fetch_add(sent.max(1) as u64, Ordering::Relaxed);
        sent
    }

    fn is_deaf(&self, identity: &Arc<Key>) -> bool {
        let dc_id = identity.family_links().first().map_or(0, |link| link.dc_id);
        self.strikes(
            Victim {
                dc_id,
                key: Some(identity.id),
            },
            &WireFault::DropPushes,
        )
    }

    /// See [`Pusher::destroy_key`](crate::port::Pusher::destroy_key).
    pub fn destroy_key(&self, key: KeyId) {
        let Some(key) = self.keys.get(key) else {
            return;
        };
        for member in key.identity().family() {
            self.keys.remove(member.id);
            member.sessions().clear();
            for link in member.links().values() {
                link.end(Ending::AfterFlush);
            }
        }
    }

    /// Seconds since 1970 by the server's clock, which a fault may have set wrong for this connection.
    pub fn seconds(&self, link: Option<&Link>) -> i64 {
        self.nanoseconds(link).0
    }

    fn nanoseconds(&self, link: Option<&Link>) -> (i64, u32) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut seconds = now.as_secs() as i64;
        if self.faults.any()
            && let Some(link) = link
        {
            let wrong_by = self.faults.peek(link.victim(), |fault| match fault {
                WireFault::WrongClock { seconds } => Some(i64::from(*seconds)),
                _ => None,
            });
            seconds += wrong_by.unwrap_or(0);
        }
        (seconds, now.subsec_nanos())
    }

    /// The server's time as a message id, its two lowest bits free.
    pub fn message_time(&self, link: Option<&Link>) -> i64 {
        let (seconds, nanoseconds) = self.nanoseconds(link);
        let fraction = (u64::from(nanoseconds) << 32) / 1_000_000_000;
        seconds << 32 | (fraction as i64 & !3)
    }

    pub async fn shutdown(&self) {
        self.orders.send_modify(|order| order.stopping = true);
        let mut alive = self.alive.subscribe();
        loop {
            for link in self.links.all() {
                link.end(Ending::Now);
            }
            // A connection that was just being accepted registers after the sweep: look again on every change.
            let nobody = *alive.borrow_and_update() == 0;
            if nobody || alive.changed().await.is_err() {
                break;
            }
        }
        let backend = self
            .backend
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(backend);
    }
}
