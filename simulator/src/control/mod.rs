//! Control: the handle that tests, the demo and people steer the simulator with.
//!
//! Receives: orders, from Rust ([`Simulator`]) or over HTTP on loopback ([`http`]).
//! Sends:    changes to the world through `dispatch`'s engine; faults to `dispatch` and `wire`.
//! Promises: whatever people say is pushed before the call returns; the ledger tells all of it.
//! Does not: answer clients.

mod answering;
mod builder;
mod content;
pub mod http;
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
    port::{KeyId, Pusher},
    traffic::{TrafficHandle, TrafficSpec},
    wire::WireHandle,
    world::{Backup, ChatEntry, ChatRef, Ledger, Refusal, SignInRules, Standing, World},
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

    /// How sign-ins behave from now on: code length, expiry, tries.
    pub fn set_rules(&self, rules: SignInRules) {
        self.with(|world| world.rules = rules);
    }

    /// Moves the world's clock ahead: codes, tokens and the like expire.
    pub fn advance(&self, by: Duration) {
        self.with(|world| {
            world.clock.offset += i64::try_from(by.as_secs()).unwrap_or(0);
            world.send_due();
        });
    }

    /// An auth key that is signed in already, for clients that start with a session.
    pub fn seed_session(&self, user: i64, dc_id: i32) -> [u8; 256] {
        let mut key: [u8; 256] = self.with(World::random_bytes);
        // A leading zero would trip clients that drop it.
        key[0] |= 1;
        let id = self.wire.install_key(dc_id, key);
        self.with(|world| {
            world.bind_key(id, dc_id, user);
            // Another program has used it for a while.
            world.key_mut(id, dc_id).created -= 2 * crate::world::FRESH_SECONDS;
        });
        key
    }

    /// The auth keys that are signed in to an account.
    pub fn keys_of(&self, user: i64) -> Vec<KeyId> {
        self.look(|world| {
            world
                .accounts
                .get(&user)
                .map(|account| account.keys.clone())
                .unwrap_or_default()
        })
    }

    /// What an account says of a forgotten password: whether an e-mail address can replace it, and when a reset is done.
    pub fn set_recovery(&self, user: i64, by_email: bool, reset_at: Option<i32>) {
        self.with(|world| {
            if let Ok(account) = world.account_mut(user) {
                (account.recovery, account.reset_at) = (by_email, reset_at);
            }
        });
    }

    /// How the codes to come go out.
    pub fn send_codes_by(&self, kind: crate::world::CodeKind) {
        self.with(|world| world.rules.first_kind = kind);
    }

    /// The code that was last sent to a number.
    pub fn code_for(&self, phone: &str) -> Option<String> {
        let phone = crate::world::digits(phone);
        self.look(|world| world.codes.get(&phone).map(|sent| sent.code.clone()))
    }

    /// Every code that was ever told to anybody, as it was written.
    pub fn issued_codes(&self) -> Vec<String> {
        self.look(|world| world.issued.clone())
    }

    /// Scans a QR code with an account's phone. `token`: the `tg://login?token=…` address, or the token in base64.
    ///
    /// # Errors
    /// When the token is unknown, expired or was accepted before.
    pub fn accept_qr(&self, token: &str, by: i64) -> Result<(), Refusal> {
        use base64::Engine as _;
        let text = token
            .rsplit_once("token=")
            .map_or(token, |(_, token)| token)
            .trim_end_matches('=');
        let url_safe: String = text.replace('+', "-").replace('/', "_");
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(url_safe);
        let bytes = bytes.map_err(|_| crate::world::bad("AUTH_TOKEN_INVALID"))?;
        self.accept_qr_bytes(&bytes, by)
    }

    /// Like [`Self::accept_qr`], with the bare token.
    ///
    /// # Errors
    /// When the token is unknown, expired or was accepted before.
    pub fn accept_qr_bytes(&self, token: &[u8], by: i64) -> Result<(), Refusal> {
        self.with(|world| world.accept_login_token(token, by))
            .map(|_| ())
    }

    /// Signs an account out everywhere, as another device would: 401 SESSION_REVOKED.
    pub fn revoke_sessions(&self, user: i64) {
        self.end_sessions(user, "SESSION_REVOKED");
    }

    /// Signs an account out everywhere with this 401: SESSION_EXPIRED, AUTH_KEY_UNREGISTERED, ….
    pub fn end_sessions(&self, user: i64, reason: &'static str) {
        let keys = self.with(|world| world.end_sessions(user, None, reason));
        self.engine.cut(&keys);
    }

    pub fn ban(&self, user: i64) {
        self.set_standing(user, Standing::Banned);
    }

    /// For thirty days.
    pub fn freeze(&self, user: i64) {
        const DAYS: i32 = 30;
        self.set_standing(user, Standing::Frozen);
        self.with(|world| {
            let now = world.now();
            if let Ok(account) = world.account_mut(user) {
                account.frozen = Some((now, now + DAYS * 24 * 3600));
            }
        });
    }

    /// From now on (or no longer) it may write to nobody who never wrote to it: 400 PEER_FLOOD.
    pub fn limit_strangers(&self, user: i64, limited: bool) {
        self.with(|world| {
            if let Ok(account) = world.account_mut(user) {
                account.strangers_limited = limited;
            }
            world.revision += 1;
        });
    }

    /// Whether others are warned that this account uses an unofficial app.
    pub fn set_marked(&self, user: i64, marked: bool) {
        self.with(|world| {
            if let Some(user) = world.users.get_mut(&user) {
                user.marked = marked;
            }
            world.revision += 1;
        });
    }

    /// What a message to this person costs whom it never wrote to, in stars; 0: nothing.
    pub fn set_price(&self, person: i64, stars: i64) {
        self.with(|world| {
            if let Some(user) = world.users.get_mut(&person) {
                user.price = stars;
            }
            world.revision += 1;
        });
    }

    /// The account is gone; others see a deleted account.
    pub fn delete_account(&self, user: i64) {
        self.with(|world| {
            if let Some(user) = world.users.get_mut(&user) {
                user.deleted = true;
            }
        });
        self.set_standing(user, Standing::Deleted);
    }

    /// Takes a ban or a freeze back.
    pub fn pardon(&self, user: i64) {
        self.set_standing(user, Standing::Good);
    }

    fn set_standing(&self, user: i64, standing: Standing) {
        self.with(|world| {
            if let Ok(account) = world.account_mut(user) {
                account.standing = standing;
                account.frozen = None;
            }
            world.revision += 1;
        });
        if matches!(standing, Standing::Banned | Standing::Deleted) {
            self.engine.cut(&self.keys_of(user));
        }
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

    /// Files that are sent from now on lie on this data centre.
    pub fn set_files_dc(&self, dc: i32) {
        self.with(|world| world.files.dc = dc);
    }

    /// Clients that can are sent to a CDN for large files.
    pub fn set_cdn(&self, cdn: bool) {
        self.with(|world| world.files.cdn = cdn);
    }

    /// Every reference that was given out so far has expired: the message has to be asked for again.
    pub fn expire_file_references(&self) {
        self.with(|world| world.files.expire_references());
    }

    /// What was uploaded and not yet sent is no longer kept.
    pub fn expire_uploads(&self) {
        self.with(|world| world.files.uploads.expire());
    }

    /// A part of what an account is uploading is no longer there. False: it was not there.
    pub fn lose_part(&self, user: i64, part: i32) -> bool {
        self.with(|world| world.files.uploads.lose(user, part))
    }

    /// How many parts an account has uploaded that no message has taken.
    pub fn parts_of(&self, user: i64) -> usize {
        self.look(|world| world.files.uploads.parts_of(user))
    }

    /// Whether the bytes that clients upload are kept; else only how many there were.
    pub fn keep_uploads(&self, kept: bool) {
        self.with(|world| world.files.uploads.kept = kept);
    }

    /// The file behind a message that `user` has; 0: none.
    pub fn file_of(&self, user: i64, chat: impl Into<ChatRef>, id: i32) -> i64 {
        let chat = chat.into();
        self.look(|world| {
            let gid = world.find(user, chat, id);
            gid.and_then(|gid| world.body(gid))
                .map_or(0, |body| body.file)
        })
    }

    /// Telegram no longer has the file.
    pub fn forget_file(&self, id: i64) {
        self.with(|world| world.files.forget(id));
    }

    /// The bytes of one size of a file; an empty name is the file itself.
    pub fn file_bytes(&self, id: i64, size: &str) -> Option<Vec<u8>> {
        self.look(|world| {
            world
                .files
                .get(id)?
                .size(size)
                .map(|size| size.content.whole(id))
        })
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
