//! Auth keys: which exist, at which data centres, with which sessions and connections.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
};

use super::{cipher::AuthKey, config::Limits, link::Link, session::Session};
use crate::port::{ConnectionId, KeyId};

/// The salt that both sides of a key exchange know, and until when it is good.
#[derive(Clone, Copy, Debug)]
pub struct FirstSalt {
    pub salt: i64,
    pub until: i64,
}

pub struct Key {
    pub id: KeyId,
    pub auth: AuthKey,
    dcs: Mutex<Vec<i32>>,
    pub first_salt: Option<FirstSalt>,
    /// Of a temporary key: the second it ends.
    pub expires_at: Option<i64>,
    /// The permanent key that a temporary one stands for.
    bound_to: RwLock<Option<Arc<Key>>>,
    /// The temporary keys that stand for this one.
    bound: Mutex<Vec<Weak<Key>>>,
    sessions: Mutex<HashMap<i64, Arc<Session>>>,
    links: Mutex<BTreeMap<ConnectionId, Arc<Link>>>,
    /// Seen on connections that were forbidden.
    pub burnt: AtomicBool,
    layer: AtomicI32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Key {
    pub fn new(
        auth: AuthKey,
        dc_id: i32,
        first_salt: Option<FirstSalt>,
        expires_at: Option<i64>,
    ) -> Self {
        Self {
            id: auth.id(),
            auth,
            dcs: Mutex::new(vec![dc_id]),
            first_salt,
            expires_at,
            bound_to: RwLock::default(),
            bound: Mutex::default(),
            sessions: Mutex::default(),
            links: Mutex::default(),
            burnt: AtomicBool::new(false),
            layer: AtomicI32::new(0),
        }
    }

    pub fn is_good(&self, dc_id: i32, now: i64) -> bool {
        self.expires_at.is_none_or(|end| now < end) && lock(&self.dcs).contains(&dc_id)
    }

    /// The key that the backend knows: itself, or the permanent key it is bound to.
    pub fn identity(self: &Arc<Self>) -> Arc<Self> {
        let bound_to = self.bound_to.read().unwrap_or_else(PoisonError::into_inner);
        bound_to
            .as_ref()
            .map_or_else(|| Arc::clone(self), Arc::clone)
    }

    /// From now on this temporary key stands for `permanent`.
    pub fn bind(self: &Arc<Self>, permanent: &Arc<Self>) {
        *self
            .bound_to
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(permanent));
        let mut bound = lock(&permanent.bound);
        bound.retain(|key| key.upgrade().is_some_and(|key| key.id != self.id));
        bound.push(Arc::downgrade(self));
        drop(bound);
        for link in self.links().values() {
            link.identify(self.id, permanent.id);
        }
    }

    /// Packets of this key come over `link` now. Entered first and identified second, so that a binding in between
    /// finds the connection.
    pub fn join(self: &Arc<Self>, link: &Arc<Link>) {
        self.links().insert(link.id, Arc::clone(link));
        link.add_user(self.id, self.identity().id);
    }

    /// This key and the temporary ones bound to it.
    pub fn family(self: &Arc<Self>) -> Vec<Arc<Self>> {
        let mut family = vec![Arc::clone(self)];
        family.extend(lock(&self.bound).iter().filter_map(Weak::upgrade));
        family
    }

    pub fn links(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Arc<Link>>> {
        lock(&self.links)
    }

    pub fn family_links(self: &Arc<Self>) -> Vec<Arc<Link>> {
        self.family()
            .iter()
            .flat_map(|key| key.links().values().map(Arc::clone).collect::<Vec<_>>())
            .collect()
    }

    pub fn sessions(&self) -> MutexGuard<'_, HashMap<i64, Arc<Session>>> {
        lock(&self.sessions)
    }

    /// The session of this id, made when it is new.
    pub fn session(&self, id: i64, limits: &Limits) -> Arc<Session> {
        let mut sessions = self.sessions();
        if let Some(session) = sessions.get(&id) {
            return Arc::clone(session);
        }
        if sessions.len() >= limits.resting_sessions {
            let mut resting: Vec<(ConnectionId, i64)> = sessions
                .values()
                .filter_map(|session| Some((session.rests_since()?, session.id)))
                .collect();
            resting.sort_unstable();
            let surplus = (resting.len() + 1).saturating_sub(limits.resting_sessions);
            for (_, oldest) in resting.into_iter().take(surplus) {
                sessions.remove(&oldest);
            }
        }
        let session = Arc::new(Session::new(id, self.id, self.auth.clone(), limits));
        sessions.insert(id, Arc::clone(&session));
        session
    }

    pub fn layer(&self) -> i32 {
        self.layer.load(Ordering::Relaxed)
    }

    pub fn set_layer(&self, layer: i32) {
        self.layer.store(layer, Ordering::Relaxed);
    }
}

/// All keys of the process.
#[derive(Default)]
pub struct Keys(RwLock<HashMap<KeyId, Arc<Key>>>);

impl Keys {
    pub fn get(&self, id: KeyId) -> Option<Arc<Key>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .map(Arc::clone)
    }

    pub fn contains(&self, id: KeyId) -> bool {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(&id)
    }

    pub fn add(&self, key: Key) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.id, Arc::new(key));
    }

    pub fn remove(&self, id: KeyId) -> Option<Arc<Key>> {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id)
    }

    /// A key from outside; one that is known already is made known at this data centre, too.
    pub fn install(&self, dc_id: i32, auth: AuthKey) -> KeyId {
        let id = auth.id();
        if let Some(key) = self.get(id) {
            let mut dcs = lock(&key.dcs);
            if !dcs.contains(&dc_id) {
                dcs.push(dc_id);
            }
        } else {
            self.add(Key::new(auth, dc_id, None, None));
        }
        id
    }

    /// The permanent keys.
    pub fn export(&self) -> Vec<(i32, [u8; 256])> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.values()
            .filter(|key| key.expires_at.is_none())
            .flat_map(|key| {
                lock(&key.dcs)
                    .iter()
                    .map(|dc| (*dc, *key.auth.bytes()))
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}
