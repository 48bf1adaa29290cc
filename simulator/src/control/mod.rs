//! Control: the handle that tests, the demo and people steer the simulator with.
//!
//! Receives: orders, from Rust ([`Simulator`]) or over HTTP on loopback ([`http`]).
//! Sends:    changes to the world through `dispatch`'s engine; faults to `dispatch` and `wire`.
//! Promises: whatever people say is pushed before the call returns; the ledger tells all of it.
//! Does not: answer clients.

mod accounts;
mod answering;
mod builder;
mod chats;
mod content;
mod files;
pub mod http;
mod obey;
mod orders;
mod people;
mod scheduled;
mod specs;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub use answering::Answering;
pub use builder::SimulatorBuilder;
pub use orders::Order;
pub use specs::{AccountSpec, PersonSpec};

use crate::{
    dispatch::{Engine, Fault, FaultId},
    port::Pusher,
    traffic::{TrafficHandle, TrafficSpec},
    wire::WireHandle,
    world::{Backup, ChatEntry, ChatRef, Ledger, World},
};

/// A running simulated Telegram. Cheap to clone; it runs until [`Simulator::shutdown`].
#[derive(Clone)]
pub struct Simulator {
    engine: Arc<Engine>,
    wire: WireHandle,
    tasks: Arc<Mutex<Vec<tokio::task::JoinHandle<()>>>>,
    answering: Arc<answering::Book>,
    /// Traffic that was ordered over HTTP.
    running: Arc<Mutex<Vec<TrafficHandle>>>,
}

/// A state that was waited for did not come.
#[derive(Debug, thiserror::Error)]
#[error("waited in vain for {what}")]
pub struct WaitedInVain {
    pub what: String,
}

impl Simulator {
    pub fn builder() -> SimulatorBuilder {
        SimulatorBuilder::default()
    }

    pub fn dc_addresses(&self) -> Vec<(i32, SocketAddr)> {
        self.wire.addresses()
    }

    /// What clients have to trust: PKCS#1 PEM.
    pub fn public_key_pem(&self) -> String {
        self.wire.public_pem()
    }

    pub fn wire(&self) -> &WireHandle {
        &self.wire
    }

    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Looks at the world.
    pub fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.engine.look(look)
    }

    /// Changes the world by hand; what comes of it is pushed.
    pub fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        self.engine.with(change)
    }

    /// Moves the world's clock ahead: codes, tokens and the like expire.
    pub fn advance(&self, by: Duration) {
        self.with(|world| {
            world.clock.offset += i64::try_from(by.as_secs()).unwrap_or(0);
            world.send_due();
        });
    }

    /// Something goes wrong from now on. Faults below the calls are set on [`Self::wire`].
    pub fn set_fault(&self, fault: Fault) -> FaultId {
        self.engine.faults().set(fault)
    }

    /// How often a fault happened, also when it is over.
    pub fn fault_hits(&self, id: FaultId) -> u64 {
        self.engine.faults().hits(id)
    }

    /// Faults of calls, pushes and lines that were set and met nobody: what they were set for was not tried.
    pub fn missed_faults(&self) -> Vec<String> {
        let mut missed = self.engine.faults().missed();
        missed.extend(self.wire.missed_faults());
        missed
    }

    /// What happened in chats so far.
    pub fn backup(&self) -> Backup {
        self.look(World::backup)
    }

    /// Puts the world back to an earlier day, as a server that was restored from a copy; every line is cut.
    pub fn restore(&self, backup: Backup) {
        self.with(|world| world.restore(backup));
        let users: Vec<i64> = self.look(|world| world.accounts.keys().copied().collect());
        for user in users {
            self.cut(user);
        }
    }

    pub fn clear_fault(&self, id: FaultId) {
        self.engine.faults().clear(id);
    }

    /// Takes back all faults, the wire's too.
    pub fn clear_faults(&self) {
        self.engine.faults().clear_all();
        self.wire.clear_faults();
    }

    /// Cuts every connection of an account.
    pub fn cut(&self, user: i64) {
        self.engine.cut(&self.keys_of(user));
    }

    /// Forgets an account's keys as a server that lost them would: transport error -404 from now on.
    pub fn destroy_keys(&self, user: i64) {
        let keys = self.with(|world| world.end_sessions(user, None, "AUTH_KEY_UNREGISTERED"));
        for key in keys {
            self.wire.destroy_key(key);
        }
    }

    /// Telegram remembers random ids for ever; other servers need not. A repeat is a second message from now on.
    pub fn forget_random_ids(&self, user: i64) {
        self.with(|world| {
            if let Ok(account) = world.account_mut(user) {
                account.sent.clear();
            }
        });
    }

    /// Pushes a serialised `Updates` that the world knows nothing of.
    pub fn push_raw(&self, user: i64, updates: &[u8]) {
        for key in self.keys_of(user) {
            self.engine.push_raw(key, updates);
        }
    }

    /// What the clients that are signed in to an account called themselves last.
    pub fn devices_of(&self, user: i64) -> Vec<String> {
        self.look(|world| {
            let clients = world.keys.values().filter(|state| state.user == Some(user));
            clients
                .filter_map(|state| Some(state.client.as_ref()?.device_model.clone()))
                .collect()
        })
    }

    pub fn ledger(&self) -> Ledger {
        self.look(World::ledger)
    }

    /// One account's part of the ledger: marked chat id → chat.
    pub fn ledger_of(&self, user: i64) -> std::collections::BTreeMap<i64, ChatEntry> {
        self.look(|world| world.ledger_of(user))
    }

    /// Texts of a chat's messages that are still there, by rising id, as one account has them.
    pub fn texts(&self, user: i64, chat: impl Into<ChatRef>) -> Vec<String> {
        let chat = chat.into().marked();
        let ledger = self.ledger_of(user);
        let messages = ledger
            .get(&chat)
            .map(|chat| chat.messages.as_slice())
            .unwrap_or(&[]);
        messages
            .iter()
            .filter(|m| !m.deleted && !m.service)
            .map(|message| message.text.clone())
            .collect()
    }

    /// Functions that clients called and the simulator does not know. Tests assert that there are none.
    pub fn unknown_methods(&self) -> Vec<String> {
        self.look(|world| world.unknown_methods.keys().cloned().collect())
    }

    /// Starts people chatting by themselves.
    pub fn traffic(&self, spec: TrafficSpec) -> TrafficHandle {
        TrafficHandle::start(self.clone(), spec)
    }

    fn start_traffic(&self, spec: TrafficSpec) {
        let handle = self.traffic(spec);
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(handle);
    }

    /// Ends the traffic that was ordered over HTTP.
    pub fn stop_traffic(&self) {
        for handle in self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            handle.stop();
        }
    }

    /// Changes with everything that happens in the world.
    pub fn subscribe(&self) -> tokio::sync::watch::Receiver<u64> {
        self.engine.watch()
    }

    /// Waits until the world is in a state.
    ///
    /// # Errors
    /// When it is not within `limit`.
    pub async fn wait_until(
        &self,
        what: &str,
        limit: Duration,
        mut holds: impl FnMut(&World) -> bool,
    ) -> Result<(), WaitedInVain> {
        let mut changes = self.subscribe();
        let wait = async {
            while !self.look(&mut holds) {
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(limit, wait)
            .await
            .map_err(|_| WaitedInVain {
                what: what.to_owned(),
            })
    }

    fn keep(&self, task: tokio::task::JoinHandle<()>) {
        self.tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(task);
    }

    /// Ends every connection and listener, and what ran beside them.
    pub async fn shutdown(&self) {
        self.stop_traffic();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            task.abort();
        }
        self.wire.shutdown().await;
    }
}
