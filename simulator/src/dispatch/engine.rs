//! Engine: the world behind its lock, and what comes out of it on its way to clients.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use grammers_tl_types::{Identifiable, Serializable, functions::upload as f};
use tokio::sync::watch;

use super::{Call, Faults, count, fault::PushFate, layers, routes, serve, upload};
use crate::{
    port::{Answer, Caller, KeyId, Pusher},
    world::{Audience, Outgoing, Refusal, World, migrate},
};

/// The simulator's heart: one world, its faults, and the way out.
pub struct Engine {
    world: Mutex<World>,
    /// Held while pushing: keeps the order in which the world made them without keeping the world.
    order: Mutex<()>,
    faults: Faults,
    pusher: OnceLock<Arc<dyn Pusher>>,
    dcs: OnceLock<Vec<(i32, SocketAddr)>>,
    changed: watch::Sender<u64>,
    /// Where late pushes wait: orders may come from threads outside it.
    runtime: OnceLock<tokio::runtime::Handle>,
}

impl Engine {
    pub fn new(world: World) -> Arc<Self> {
        Arc::new(Self {
            world: Mutex::new(world),
            order: Mutex::new(()),
            faults: Faults::default(),
            pusher: OnceLock::new(),
            dcs: OnceLock::new(),
            changed: watch::Sender::new(0),
            runtime: OnceLock::new(),
        })
    }

    /// Told once the ports are open: whom to push through, and where the data centres listen.
    pub fn attach(&self, pusher: Arc<dyn Pusher>, dcs: Vec<(i32, SocketAddr)>) {
        let _ = self.pusher.set(pusher);
        let _ = self.dcs.set(dcs);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let _ = self.runtime.set(runtime);
        }
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    pub fn dcs(&self) -> &[(i32, SocketAddr)] {
        self.dcs.get().map(Vec::as_slice).unwrap_or(&[])
    }

    /// Changes with everything that happens in the world.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks without touching.
    pub fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the world, then pushes what came of it, in order.
    pub fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.lock();
        let result = change(&mut world);
        let outgoing = world.take_outgoing();
        let revision = world.revision;
        if outgoing.is_empty() {
            drop(world);
        } else {
            let ready: Vec<(Vec<KeyId>, Outgoing)> = outgoing
                .into_iter()
                .map(|push| (keys_of(&world, push.audience), push))
                .collect();
            // The order lock is taken before the world is let go: nobody can overtake.
            let order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            drop(world);
            for (keys, push) in ready {
                self.emit(&keys, push);
            }
            drop(order);
        }
        self.changed.send_if_modified(|seen| {
            let news = *seen < revision;
            *seen = (*seen).max(revision);
            news
        });
        result
    }

    fn emit(&self, keys: &[KeyId], push: Outgoing) {
        let user = match push.audience {
            Audience::Account { user, .. } => Some(user),
            Audience::Key(_) => None,
        };
        for fate in self.faults.fate_of(user, &push) {
            match fate {
                PushFate::Now(updates) => {
                    let bytes = updates.to_bytes();
                    for key in keys {
                        self.deliver(*key, &bytes);
                    }
                }
                PushFate::Later(updates, delay) => {
                    let (Some(pusher), Some(runtime)) =
                        (self.pusher.get().cloned(), self.runtime.get())
                    else {
                        continue;
                    };
                    let (keys, bytes) = (keys.to_vec(), updates.to_bytes());
                    drop(runtime.spawn(async move {
                        tokio::time::sleep(delay).await;
                        for key in keys {
                            pusher.push(key, &layers::downgrade(pusher.layer(key), bytes.clone()));
                        }
                    }));
                }
            }
        }
    }

    fn deliver(&self, key: KeyId, bytes: &[u8]) {
        let Some(pusher) = self.pusher.get() else {
            return;
        };
        let layer = pusher.layer(key);
        if layers::is_current(layer) {
            pusher.push(key, bytes);
        } else {
            pusher.push(key, &layers::downgrade(layer, bytes.to_vec()));
        }
    }

    /// Pushes bytes that the world knows nothing of.
    pub fn push_raw(&self, key: KeyId, updates: &[u8]) {
        self.deliver(key, updates);
    }

    /// Cuts every connection of these keys.
    pub fn cut(&self, keys: &[KeyId]) {
        for key in keys {
            if let Some(pusher) = self.pusher.get() {
                pusher.cut(*key);
            }
        }
    }

    pub fn user_of(&self, key: KeyId) -> Option<i64> {
        self.look(|world| world.user_of(key))
    }

    /// Answers one call.
    pub fn answer(&self, caller: &Caller, id: u32, name: &str, body: &[u8]) -> Answer {
        let enter = Enter {
            engine: self,
            caller,
            id,
            name,
        };
        let result = enter.files(body).unwrap_or_else(|| {
            enter.world(|world, call| routes::route(world, call, id, name, body))
        });
        match result {
            Ok(bytes) => Answer::Result(bytes),
            Err(Refusal { code, message }) => Answer::Error { code, message },
        }
    }

    /// Who calls, if this function needs somebody; and whether it is the right data centre for it.
    fn admit(&self, world: &mut World, caller: &Caller, name: &str) -> Result<i64, Refusal> {
        if routes::is_open(name) {
            return Ok(world.user_of(caller.key).unwrap_or(0));
        }
        let user = world.require_user(caller.key)?;
        if world.is_frozen(user) && routes::is_write(name) {
            return Err(Refusal::new(420, "FROZEN_METHOD_INVALID"));
        }
        let home = world.account(user)?.home_dc;
        if caller.dc_id != home
            && !name.starts_with("upload.")
            && name != "auth.exportAuthorization"
        {
            return Err(migrate("USER", home));
        }
        Ok(user)
    }

    /// While a slowed-down send waits, its random id is taken.
    pub fn hold_random_id(
        self: &Arc<Self>,
        user: Option<i64>,
        body: &[u8],
    ) -> Option<HeldRandomId> {
        let random_id = super::sent::random_id_of(body)?;
        let user = user?;
        self.with(|world| {
            world
                .account_mut(user)
                .map(|account| account.sending.insert(random_id))
        })
        .ok()?
        .then(|| HeldRandomId {
            engine: self.clone(),
            user,
            random_id,
        })
    }
}

/// A call on its way into the world.
struct Enter<'a> {
    engine: &'a Engine,
    caller: &'a Caller,
    id: u32,
    name: &'a str,
}

impl Enter<'_> {
    /// `None`: it is none of the functions that carry files. Their bytes are read, made and written outside the world, where no message waits
    /// for them: at Telegram they lie on other machines.
    fn files(&self, body: &[u8]) -> Option<Result<Vec<u8>, Refusal>> {
        let layer = self.caller.layer;
        Some(match self.id {
            f::GetFile::CONSTRUCTOR_ID => serve(body, layer, |request: f::GetFile| {
                let found = self.world(|world, call| upload::get_file(world, call, &request))?;
                Ok(found.into_file())
            }),
            f::SaveFilePart::CONSTRUCTOR_ID => serve(body, layer, |part| {
                self.world(|world, call| upload::save_file_part(world, call, part))
            }),
            f::SaveBigFilePart::CONSTRUCTOR_ID => serve(body, layer, |part| {
                self.world(|world, call| upload::save_big_file_part(world, call, part))
            }),
            _ => return None,
        })
    }

    /// Whoever may not call this function is refused.
    fn world<T>(
        &self,
        act: impl FnOnce(&mut World, &Call) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let Self {
            engine,
            caller,
            id,
            name,
        } = *self;
        engine.with(|world| {
            count(world, name, id);
            let now = world.now();
            let state = world.key_mut(caller.key, caller.dc_id);
            state.active = now;
            if caller.client.is_some() {
                state.client.clone_from(&caller.client);
            }
            let user = engine.admit(world, caller, name)?;
            let call = Call {
                caller,
                user,
                dcs: engine.dcs(),
                faults: &engine.faults,
            };
            act(world, &call)
        })
    }
}

/// Gives the random id back when the send goes on.
pub struct HeldRandomId {
    engine: Arc<Engine>,
    user: i64,
    random_id: i64,
}

impl Drop for HeldRandomId {
    fn drop(&mut self) {
        self.engine.with(|world| {
            if let Ok(account) = world.account_mut(self.user) {
                account.sending.remove(&self.random_id);
            }
        });
    }
}

fn keys_of(world: &World, audience: Audience) -> Vec<KeyId> {
    match audience {
        Audience::Key(key) => vec![key],
        Audience::Account { user, except } => {
            let keys = world
                .accounts
                .get(&user)
                .map(|account| account.keys.as_slice())
                .unwrap_or(&[]);
            keys.iter()
                .copied()
                .filter(|key| Some(*key) != except)
                .collect()
        }
    }
}
