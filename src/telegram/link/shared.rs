//! What a link's task, its pulse and its handles have in common.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{runtime::Handle, sync::Notify};
use tokio_util::sync::CancellationToken;

use super::{PeerBook, pace::Pace};
use crate::{
    domain::{AccountId, ChatId, Peer},
    telegram::{
        LinkExit,
        error::Failure,
        pool::{Calls, PoolSession},
        service::Settings,
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
    cut: Option<String>,
    /// A call learned that the sign-in is over.
    exit: Option<LinkExit>,
    /// Channels whose dialog is ahead of them.
    behind: Vec<i64>,
    /// Dial now, whatever the pause.
    dial_now: bool,
}

/// What made the task look up.
pub(super) enum Order {
    Cut(String),
    Exit(LinkExit),
    Behind(Vec<i64>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(
        account_id: AccountId,
        (self_id, self_hash, api_id): (i64, i64, i32),
        settings: Arc<Settings>,
        runtime: Handle,
        session: Arc<PoolSession>,
        (peers, pace): (Arc<dyn PeerBook>, Option<u32>),
    ) -> Self {
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
            stop: CancellationToken::new(),
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

    /// The hash that this account was told for a peer, just now or long ago.
    pub(super) async fn access_hash(&self, chat: ChatId) -> Option<i64> {
        let met = lock(&self.met).get(&chat).copied();
        if met.is_some() {
            return met;
        }
        let stored = self.peers.access_hash(chat).await?;
        let mut met = lock(&self.met);
        if met.len() >= MET_LIMIT {
            met.clear();
        }
        met.insert(chat, stored);
        Some(stored)
    }

    pub(super) fn cut(&self, reason: impl Into<String>) {
        lock(&self.orders).cut.get_or_insert_with(|| reason.into());
        self.wake.notify_one();
    }

    /// Drop the line and dial at once, also out of a pause.
    pub(super) fn reconnect(&self) {
        let mut orders = lock(&self.orders);
        orders.dial_now = true;
        orders
            .cut
            .get_or_insert_with(|| "asked to reconnect".to_owned());
        drop(orders);
        self.wake.notify_one();
    }

    /// Passes on that the sign-in is over, when that is what the failure says.
    pub(super) fn note(&self, failure: &Failure) {
        if let Some(exit) = failure.exit() {
            lock(&self.orders).exit.get_or_insert(exit);
            self.wake.notify_one();
        }
    }

    pub(super) fn channels_behind(&self, channels: Vec<i64>) {
        lock(&self.orders).behind.extend(channels);
        self.wake.notify_one();
    }

    /// A new line begins: what was said about the old one no longer matters.
    pub(super) fn forget_cut(&self) {
        lock(&self.orders).cut = None;
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
        if let Some(reason) = orders.cut.take() {
            return Some(Order::Cut(reason));
        }
        if orders.behind.is_empty() {
            return None;
        }
        Some(Order::Behind(std::mem::take(&mut orders.behind)))
    }

    /// Waits until somebody wants to dial at once. Safe to drop.
    pub(super) async fn dial_now(&self) {
        loop {
            if std::mem::take(&mut lock(&self.orders).dial_now) {
                return;
            }
            self.wake.notified().await;
        }
    }

    pub(super) fn forget_dial_now(&self) {
        lock(&self.orders).dial_now = false;
    }
}
