//! What a link's task, its pulse and its handles have in common.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{runtime::Handle, sync::Notify};
use tokio_util::sync::CancellationToken;

use super::{BookAway, PeerBook, cause::Cause, pace::Pace};
use crate::{
    domain::{AccountId, ChatId, Peer},
    telegram::{
        LinkExit,
        budget::Budget,
        error::Failure,
        files::FileLines,
        pool::{Calls, PoolSession},
        settings::{Common, Settings},
    },
};

pub(super) struct Shared {
    pub(super) account_id: AccountId,
    pub(super) self_id: i64,
    pub(super) self_hash: i64,
    pub(super) api_id: i32,
    pub(super) settings: Arc<Settings>,
    pub(super) runtime: Handle,
    pub(super) session: Arc<PoolSession>,
    pub(super) peers: Arc<dyn PeerBook>,
    pub(super) pace: Pace,
    pub(super) budget: Arc<Budget>,
    /// Connections that only files travel on.
    pub(super) files: FileLines,
    /// Closing was asked for.
    pub(super) stop: CancellationToken,
    /// The current pool; `None` between two.
    calls: Mutex<Option<Calls>>,
    /// Access hashes that were met since the link opened: the store may still be writing them.
    met: Mutex<HashMap<ChatId, i64>>,
    orders: Mutex<Orders>,
    wake: Notify,
}

/// Met peers are forgotten past this many: the store has them by then.
const MET_LIMIT: usize = 4_096;

#[derive(Default)]
struct Orders {
    /// Why the line has to be dropped.
    cut: Option<Cause>,
    /// A call learned that the sign-in is over.
    exit: Option<LinkExit>,
    /// Channels and how far their dialogs are.
    compare: Vec<(i64, i32)>,
    /// Channels that somebody waits for.
    hurry: Vec<i64>,
    /// What calls of ours took; `None`: of the account's own line.
    moved: Vec<(Option<i64>, (i32, i32))>,
    /// A call was refused because the account is frozen.
    frozen: bool,
    /// Dial now, whatever the pause.
    dial_now: bool,
}

/// What made the task look up.
pub(super) enum Order {
    Cut(Cause),
    Exit(LinkExit),
    Compare(Vec<(i64, i32)>),
    Hurry(i64),
    Moved(Option<i64>, (i32, i32)),
    Frozen,
    DialNow,
}

/// Channels that may be waited for at the same time; more are not in a hurry.
const HURRY_MOST: usize = 64;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(
        account_id: AccountId,
        (self_id, self_hash, api_id): (i64, i64, i32),
        common: Common,
        session: Arc<PoolSession>,
        (peers, pace): (Arc<dyn PeerBook>, Option<u32>),
    ) -> Self {
        let Common {
            settings,
            budget,
            runtime,
        } = common;
        let stop = CancellationToken::new();
        let files = FileLines::new(
            Arc::clone(&session),
            Arc::clone(&settings),
            api_id,
            stop.clone(),
        );
        Self {
            account_id,
            self_id,
            self_hash,
            api_id,
            settings,
            runtime,
            session,
            peers,
            pace: Pace::new(pace),
            budget,
            files,
            stop,
            calls: Mutex::new(None),
            met: Mutex::default(),
            orders: Mutex::new(Orders::default()),
            wake: Notify::new(),
        }
    }

    pub(super) fn calls(&self) -> Option<Calls> {
        lock(&self.calls).clone()
    }

    pub(super) fn set_calls(&self, calls: Option<Calls>) {
        *lock(&self.calls) = calls;
    }

    /// Remembers whom an answer told about.
    pub(super) fn meet(&self, peers: &[Peer]) {
        if peers.iter().all(|peer| peer.access_hash.is_none()) {
            return;
        }
        let mut met = lock(&self.met);
        if met.len() + peers.len() > MET_LIMIT {
            met.clear();
        }
        met.extend(
            peers
                .iter()
                .filter_map(|peer| Some((peer.id, peer.access_hash?))),
        );
    }

    /// Is it somebody whom the store need not be asked about?
    pub(super) fn knows(&self, chat: ChatId) -> bool {
        chat == ChatId::user(self.self_id) || lock(&self.met).contains_key(&chat)
    }

    /// The hash that this account was told for a peer, just now or long ago.
    ///
    /// # Errors
    /// When the store can't be read just now.
    pub(super) async fn access_hash(&self, chat: ChatId) -> Result<Option<i64>, BookAway> {
        let met = lock(&self.met).get(&chat).copied();
        if met.is_some() {
            return Ok(met);
        }
        let Some(stored) = self.peers.access_hash(chat).await? else {
            return Ok(None);
        };
        let mut met = lock(&self.met);
        if met.len() >= MET_LIMIT {
            met.clear();
        }
        met.insert(chat, stored);
        Ok(Some(stored))
    }

    pub(super) fn cut(&self, cause: Cause) {
        lock(&self.orders).cut.get_or_insert(cause);
        self.wake.notify_one();
    }

    /// Drop the line and dial at once, also out of a pause.
    pub(super) fn reconnect(&self) {
        let mut orders = lock(&self.orders);
        orders.dial_now = true;
        orders.cut.get_or_insert(Cause::Asked);
        drop(orders);
        self.wake.notify_one();
    }

    /// Somebody waits for this chat; of use only for channels, which are asked about one by one.
    pub(super) fn hurry(&self, chat: ChatId) {
        let Some(channel) = chat.channel_id() else {
            return;
        };
        let mut orders = lock(&self.orders);
        if orders.hurry.len() < HURRY_MOST {
            orders.hurry.push(channel);
            drop(orders);
            self.wake.notify_one();
        }
    }

    /// A call of ours took numbers of a line.
    pub(super) fn moved(&self, channel: Option<i64>, at: (i32, i32)) {
        lock(&self.orders).moved.push((channel, at));
        self.wake.notify_one();
    }

    /// Passes on that the sign-in is over, the account frozen or the line of no use, when that is what the failure says.
    pub(super) fn note(&self, failure: &Failure) {
        if *failure == Failure::NoLine {
            self.cut(Cause::Call(Failure::NoLine));
        }
        if failure.is_frozen() {
            lock(&self.orders).frozen = true;
            self.wake.notify_one();
        }
        if let Some(exit) = failure.exit() {
            lock(&self.orders).exit.get_or_insert(exit);
            self.wake.notify_one();
        }
    }

    /// A call on a line of files learned that the sign-in is over.
    pub(super) fn end_with(&self, exit: LinkExit) {
        lock(&self.orders).exit.get_or_insert(exit);
        self.wake.notify_one();
    }

    /// How far the dialogs of channels are.
    pub(super) fn compare(&self, channels: Vec<(i64, i32)>) {
        lock(&self.orders).compare.extend(channels);
        self.wake.notify_one();
    }

    /// A new line begins: what was said about the old one no longer matters.
    pub(super) fn forget_cut(&self) {
        let mut orders = lock(&self.orders);
        orders.cut = None;
        orders.dial_now = false;
    }

    /// Waits for the next order. Safe to drop.
    pub(super) async fn order(&self) -> Order {
        loop {
            if let Some(order) = self.take_order() {
                return order;
            }
            self.wake.notified().await;
        }
    }

    fn take_order(&self) -> Option<Order> {
        let mut orders = lock(&self.orders);
        if let Some(exit) = orders.exit.take() {
            return Some(Order::Exit(exit));
        }
        if let Some(cause) = orders.cut.take() {
            return Some(Order::Cut(cause));
        }
        if std::mem::take(&mut orders.frozen) {
            return Some(Order::Frozen);
        }
        if std::mem::take(&mut orders.dial_now) {
            return Some(Order::DialNow);
        }
        if let Some((channel, at)) = orders.moved.pop() {
            return Some(Order::Moved(channel, at));
        }
        if let Some(channel) = orders.hurry.pop() {
            return Some(Order::Hurry(channel));
        }
        if orders.compare.is_empty() {
            return None;
        }
        Some(Order::Compare(std::mem::take(&mut orders.compare)))
    }
}
