//! What all connections of a wire share, and what is done to many of them at once.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use rand::RngExt;
use tokio::{runtime::Handle, sync::watch};

use super::{
    config::WireConfig,
    counters::count,
    fault::{FaultScope, Victim, WireFault},
    ground::Ground,
    keys::{Key, Keys},
    link::{Ending, Link},
};
use crate::port::{Backend, ConnectionId, KeyId};

/// An open connection and the keys whose packets came over it.
struct Open {
    link: Arc<Link>,
    keys: Vec<Arc<Key>>,
}

/// The open connections.
#[derive(Default)]
pub struct Links(Mutex<HashMap<ConnectionId, Open>>);

impl Links {
    fn map(&self) -> MutexGuard<'_, HashMap<ConnectionId, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn len(&self) -> usize {
        self.map().len()
    }

    pub fn all(&self) -> Vec<Arc<Link>> {
        self.map()
            .values()
            .map(|open| Arc::clone(&open.link))
            .collect()
    }
}

/// How a key was burnt.
#[derive(Clone, Debug)]
pub struct Burnt {
    pub key: KeyId,
    /// The connection that was one too many.
    pub by: SocketAddr,
    /// Those that were open.
    pub beside: Vec<SocketAddr>,
}

/// What listeners watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Order {
    pub stopping: bool,
    pub faults_version: u64,
}

pub struct Shared {
    pub ground: Ground,
    pub addresses: Vec<(i32, SocketAddr)>,
    /// Gone after shutdown: backend and wire know each other, and one has to let go.
    backend: RwLock<Option<Arc<dyn Backend>>>,
    pub keys: Keys,
    pub links: Links,
    /// In the order in which it happened; each key once.
    burnt: Mutex<Vec<Burnt>>,
    pub orders: watch::Sender<Order>,
    /// Where connections go on that carry files.
    pub files_on: OnceLock<Handle>,
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
    pub fn new(
        config: WireConfig,
        addresses: Vec<(i32, SocketAddr)>,
        backend: Arc<dyn Backend>,
    ) -> Self {
        Self {
            ground: Ground::new(config),
            addresses,
            backend: RwLock::new(Some(backend)),
            keys: Keys::default(),
            links: Links::default(),
            burnt: Mutex::default(),
            orders: watch::channel(Order::default()).0,
            files_on: OnceLock::new(),
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
    pub fn open_link(&self, dc_id: i32, from: SocketAddr) -> Arc<Link> {
        let id = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed) + 1);
        let link = Arc::new(Link::new(
            id,
            (dc_id, from),
            self.ground.config.limits.outgoing_bytes,
            Arc::clone(&self.ground.counts),
        ));
        let open = Open {
            link: Arc::clone(&link),
            keys: Vec::new(),
        };
        self.links.map().insert(id, open);
        count(&self.ground.counts.connections_opened);
        link
    }

    /// Takes a connection out of everything that knows it, and tells the backend which keys it was the last of.
    pub fn close_link(&self, link: &Arc<Link>) {
        link.end(Ending::Now);
        let closed = self.links.map().remove(&link.id);
        count(&self.ground.counts.connections_closed);
        for key in closed.into_iter().flat_map(|open| open.keys) {
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

    pub fn burnt(&self) -> Vec<Burnt> {
        self.burnt
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Remembers that a connection uses a key.
    pub fn join(&self, link: &Arc<Link>, key: &Arc<Key>) {
        if link.carries(key.id) {
            return;
        }
        if let Some(open) = self.links.map().get_mut(&link.id) {
            open.keys.push(Arc::clone(key));
        }
        key.join(link);
        if !self.ground.faults.any() {
            return;
        }
        // A delayed cut depends on the key: its time has to be looked up again.
        link.wake.notify_one();
        self.burn_when_duplicated(&key.identity(), link);
    }

    /// A signed-in key on connections that the rules forbid is lost.
    fn burn_when_duplicated(&self, identity: &Arc<Key>, link: &Link) {
        let mut open = identity.family_links();
        open.retain(|link| link.is_open());
        let elsewhere = |other: &Arc<Link>| !other.is_silent() && other.from.ip() != link.from.ip();
        let victim = Victim {
            dc_id: link.dc_id,
            key: Some(identity.id),
        };
        let broken = self.ground.faults.peek(victim, |fault| {
            let broken = match fault {
                WireFault::DuplicatedKeys => open.len() > 1,
                WireFault::KeyAtTwoPlaces => open.iter().any(elsewhere),
                _ => false,
            };
            broken.then_some(())
        });
        if broken.is_none() {
            return;
        }
        let Some(backend) = self
            .backend()
            .filter(|backend| backend.is_authorised(identity.id))
        else {
            return;
        };
        if identity.burnt.swap(true, Ordering::AcqRel) {
            return;
        }
        count(&self.ground.counts.faults);
        let burnt = Burnt {
            key: identity.id,
            by: link.from,
            beside: open
                .iter()
                .filter(|other| other.id != link.id)
                .map(|other| other.from)
                .collect(),
        };
        self.burnt
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(burnt);
        backend.key_burnt(identity.id);
    }

    pub fn faults_changed(&self) {
        self.orders.send_modify(|order| order.faults_version += 1);
        for link in self.links.all() {
            link.wake.notify_one();
        }
    }

    /// An act of [`WireFault`], on every connection in scope; on how many it was.
    pub fn act(&self, scope: FaultScope, fault: &WireFault) -> u64 {
        let mut lines = 0;
        for link in self.links.all() {
            let in_scope = match scope {
                FaultScope::All => true,
                FaultScope::Dc(dc_id) => link.dc_id == dc_id,
                FaultScope::Key(key) => link.uses(key),
            };
            if !in_scope {
                continue;
            }
            count(&self.ground.counts.faults);
            lines += 1;
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
        lines
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
            count(&self.ground.counts.pushes_lost);
            return 0;
        };
        let identity = key.identity();
        if self.ground.faults.any() && self.is_deaf(&identity) {
            count(&self.ground.counts.pushes_lost);
            return 0;
        }
        let mut sent = 0;
        for key in identity.family() {
            sent += key
                .sessions()
                .values()
                .filter(|session| session.push(&self.ground, updates))
                .count();
        }
        let counter = if sent == 0 {
            &self.ground.counts.pushes_lost
        } else {
            &self.ground.counts.pushes
        };
        counter.fetch_add(sent.max(1) as u64, Ordering::Relaxed);
        sent
    }

    fn is_deaf(&self, identity: &Arc<Key>) -> bool {
        let dc_id = identity.family_links().first().map_or(0, |link| link.dc_id);
        self.ground.strikes(
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
