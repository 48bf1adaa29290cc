//! Inbound: what the link reports, stored in its order. Nothing later is taken before the earlier is committed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    AccountExit, Typing, TypingSink, health,
    journal::{self, Arrival},
};
use crate::{
    domain::{
        AccountId, AccountState, Batch, Change, ChatId, HealthFact, Holds, Hole, LineFault,
        ProxyName, Sender, StateChange, StateReason, Timestamp,
    },
    store::StoreHandle,
    telegram::{LinkEvent, LinkExit},
    vault::{SessionEpoch, Vault, VaultError},
};

/// A store that is away is asked again, slower each time, up to this.
const LONGEST_STORE_PAUSE: Duration = Duration::from_secs(5);

pub struct Inbound {
    pub account_id: AccountId,
    pub store: StoreHandle,
    pub vault: Vault,
    /// The session that the link runs on.
    pub session: SessionEpoch,
    pub typing: Arc<dyn TypingSink>,
    pub events: mpsc::Receiver<LinkEvent>,
    /// Tells the outbox whether Telegram answers.
    pub line: watch::Sender<bool>,
    /// Tells the history fill whether the account has caught up as well.
    pub online: watch::Sender<bool>,
    /// Set once it was online: its next trouble starts with short waits.
    pub was_online: Arc<AtomicBool>,
    /// What the outbox was told to wait for.
    pub limits: mpsc::Receiver<Limit>,
    /// Rung when there may be holes to fill, or topics to ask for.
    pub fill: Arc<Notify>,
    /// What was told last; a repeated state is not announced again.
    pub last: Option<AccountState>,
    pub connected_after: Duration,
    pub attempt: u32,
    /// Why the line was lost last.
    pub lost_because: Option<StateReason>,
    /// When the present limit ends.
    pub limited_until: Option<Timestamp>,
    /// The account was told to end.
    pub ending: CancellationToken,
    /// Something was left to whoever has the account next: nothing that came later may be stored before it.
    pub left: bool,
}

/// Telegram slows the account down; it stays connected.
#[derive(Clone, Debug)]
pub struct Limit {
    pub wait: Duration,
    pub holds: Holds,
}

impl Inbound {
    /// Runs until the link ends; the answer says why it did.
    pub async fn run(mut self) -> AccountExit {
        loop {
            let limit_ends = self.limited_until;
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(LinkEvent::Ended(exit)) => {
                        self.down();
                        return self.fall_back(exit.into()).await;
                    }
                    Some(event) => self.take(event).await,
                    None => return AccountExit::crashed("the link ended without a word"),
                },
                Some(limit) = self.limits.recv() => self.limited(limit).await,
                () = reached(limit_ends) => self.limit_over().await,
            }
        }
    }

    /// A new sign-in's session that is refused before it ever connected gives way to the one before it.
    async fn fall_back(&self, exit: AccountExit) -> AccountExit {
        let AccountExit::NeedsLogin(reason) = &exit else {
            return exit;
        };
        let mut pause = Duration::from_millis(100);
        loop {
            let restored = self
                .vault
                .restore_previous_session(self.account_id, self.session);
            match restored.await {
                Ok(true) => {
                    return AccountExit::FellBack(StateReason::SignInRefused {
                        cause: Box::new(reason.clone()),
                    });
                }
                Err(error @ (VaultError::Store(_) | VaultError::Busy(_))) => {
                    log::warn!(target: "switchboard::account", "account={} waits for the vault: {error}", self.account_id);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_STORE_PAUSE);
                }
                Ok(false) | Err(_) => return exit,
            }
        }
    }

    async fn take(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Batch(batch, charge) => {
                self.record(*batch).await;
                drop(charge);
            }
            LinkEvent::Connecting { attempt, retry_in } => self.connecting(attempt, retry_in).await,
            LinkEvent::Connected { after } => self.connected(after).await,
            LinkEvent::CaughtUp { updates } => self.came_online(updates).await,
            LinkEvent::Disconnected { reason } => self.lost(reason),
            LinkEvent::Way(way) => self.goes(way).await,
            LinkEvent::Behind { reason } => self.behind(reason).await,
            LinkEvent::FloodWait { seconds, holds } => {
                let wait = Duration::from_secs(u64::from(seconds));
                self.limited(Limit { wait, holds }).await;
            }
            LinkEvent::Health(fact) => health::learn(&self.store, self.account_id, fact).await,
            LinkEvent::SessionChanged(session) => self.keep_session(&session.to_bytes()).await,
            LinkEvent::Ended(_) => {}
        }
    }

    /// Replies may go out, whatever is still to be caught up. The session works: the one before it, if any, is no longer
    /// needed.
    async fn connected(&mut self, after: Duration) {
        self.line.send_replace(true);
        self.connected_after = after;
        if let Err(error) = self
            .vault
            .confirm_session(self.account_id, self.session)
            .await
        {
            log::warn!(target: "switchboard::account", "account={} the previous session could not be dropped: {error}", self.account_id);
        }
    }

    /// Which way the line goes is of use to people alone: a store that is away is no reason to wait.
    async fn goes(&self, way: Option<ProxyName>) {
        let id = self.account_id;
        if let Some(way) = &way {
            log::info!(target: "switchboard::account", "account={id} way={way}");
        }
        if let Err(error) = self.store.set_way(id, way).await {
            log::warn!(target: "switchboard::account", "account={id} its way could not be stored: {error}");
        }
    }

    /// Stores a batch, however long the store is away: the link waits. Telegram repeats what we never took, also what an account that
    /// has to end can't have stored.
    async fn record(&mut self, batch: Batch) {
        if self.left {
            return;
        }
        let batch = Arc::new(batch);
        let is_hole = |hole: &&Hole| !matches!(hole, Hole::ChannelBegins { .. });
        let holes = batch.holes.iter().filter(is_hole).count() as u64;
        let listed = |change: &Change| matches!(change, Change::Dialog(_));
        let met = batch.changes.iter().any(listed);
        let typists: Vec<_> = batch.changes.iter().filter_map(typist).collect();
        let mut pause = Duration::from_millis(100);
        let recorded = loop {
            match self.store.record_batch(Arc::clone(&batch)).await {
                Ok(recorded) => break recorded,
                Err(error) => {
                    log::warn!(target: "switchboard::account", "account={} waits for the store to take messages: {error}", self.account_id);
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = self.ending.cancelled() => {
                            self.left = true;
                            return;
                        }
                    }
                    pause = (pause * 2).min(LONGEST_STORE_PAUSE);
                }
            }
        };
        for (chat, sender) in typists {
            self.whisper(chat, sender).await;
        }
        if holes > 0 {
            self.store.metrics().holes.inc_by(holes);
        }
        if holes > 0 || met || recorded.unknown_topics {
            self.fill.notify_one();
        }
    }

    /// In a chat that is not on the desk nobody is seen typing.
    async fn whisper(&self, chat: ChatId, sender: ChatId) {
        let conversation = self.store.conversation_of(self.account_id, chat).await;
        let Ok(Some(conversation)) = conversation else {
            return;
        };
        let peer = self.store.peer(self.account_id, sender).await;
        let sender = peer.ok().flatten().map(|peer| Sender {
            id: peer.id,
            name: peer.name,
            username: peer.username,
        });
        self.typing.typing(Typing {
            account_id: self.account_id,
            conversation_id: conversation.id,
            chat_id: chat,
            sender,
        });
    }

    fn down(&self) {
        self.line.send_replace(false);
        self.online.send_replace(false);
    }

    async fn connecting(&mut self, attempt: u32, retry_in: Duration) {
        self.down();
        self.attempt = attempt;
        if self.last.is_none() && attempt <= 1 {
            self.first_dial().await;
            return;
        }
        let change = StateChange {
            state: AccountState::Reconnecting,
            reason: self.lost_because.clone(),
            retry_at: Some(Timestamp::now().plus(retry_in)),
            attempt,
        };
        self.enter(change, None).await;
    }

    /// Whoever ordered the start may have said so already.
    async fn first_dial(&mut self) {
        let connecting = AccountState::Connecting;
        match self.store.get_account(self.account_id).await {
            Ok(Some(account)) if account.state == connecting && account.retry_at.is_none() => {
                self.last = Some(connecting);
            }
            _ => self.enter(StateChange::to(connecting), None).await,
        }
    }

    async fn came_online(&mut self, caught_up: u64) {
        self.online.send_replace(true);
        self.was_online.store(true, Ordering::Release);
        self.limited_until = None;
        if self.last != Some(AccountState::Online) {
            let arrival = Arrival {
                after: self.connected_after,
                caught_up,
            };
            self.enter(StateChange::to(AccountState::Online), Some(arrival))
                .await;
        }
        self.attempt = 0;
        self.fill.notify_one();
    }

    /// The line says next when it is dialled again; both are told as one change.
    fn lost(&mut self, reason: StateReason) {
        self.down();
        self.lost_because = Some(reason);
    }

    /// Replies go out meanwhile.
    async fn behind(&mut self, reason: StateReason) {
        let Some(state @ (AccountState::Connecting | AccountState::Reconnecting)) = self.last
        else {
            return;
        };
        let change = StateChange {
            state,
            reason: Some(reason),
            retry_at: None,
            attempt: self.attempt,
        };
        self.enter(change, None).await;
    }

    async fn limited(&mut self, limit: Limit) {
        let seconds = u32::try_from(limit.wait.as_secs()).unwrap_or(u32::MAX);
        let fact = HealthFact::FloodWait { seconds };
        health::learn(&self.store, self.account_id, fact).await;
        let until = Timestamp::now().plus(limit.wait);
        self.limited_until = Some(until);
        let change = StateChange {
            state: AccountState::Limited,
            reason: Some(StateReason::FloodWait {
                seconds: limit.wait.as_secs(),
                holds: limit.holds,
            }),
            retry_at: Some(until),
            attempt: 0,
        };
        self.enter(change, None).await;
    }

    async fn limit_over(&mut self) {
        self.limited_until = None;
        if self.last == Some(AccountState::Limited) && *self.online.borrow() {
            self.enter(StateChange::to(AccountState::Online), None)
                .await;
        }
    }

    async fn keep_session(&mut self, session: &crate::domain::SecretBytes) {
        let kept = self
            .vault
            .update_session(self.account_id, self.session, session)
            .await;
        match kept {
            Ok(in_use) => self.session = in_use,
            Err(error) => {
                log::error!(target: "switchboard::account", "account={} a changed session could not be kept: {error}", self.account_id)
            }
        }
    }

    /// A state that can't be committed for now is in force all the same, and stored later.
    async fn enter(&mut self, change: StateChange, arrival: Option<Arrival>) {
        let state = change.state;
        self.last = Some(state);
        if let Err(error) = journal::enter(&self.store, self.account_id, change, arrival).await {
            log::warn!(target: "switchboard::account", "account={} state={} is not stored yet: {error}", self.account_id, state.as_str());
        }
    }
}

const fn typist(change: &Change) -> Option<(ChatId, ChatId)> {
    match change {
        Change::Typing { chat, sender } => Some((*chat, *sender)),
        _ => None,
    }
}

async fn reached(moment: Option<Timestamp>) {
    match moment {
        Some(at) => tokio::time::sleep(at.until(Timestamp::now())).await,
        None => std::future::pending().await,
    }
}

impl From<LinkExit> for AccountExit {
    fn from(exit: LinkExit) -> Self {
        match exit {
            LinkExit::NeedsLogin { reason } => Self::NeedsLogin(reason.reason()),
            LinkExit::SessionBroken(detail) => {
                Self::NeedsLogin(StateReason::SessionUnusable { detail })
            }
            LinkExit::Banned { reason } => Self::Banned(reason.reason()),
            LinkExit::Panicked(what) => Self::crashed(what),
            LinkExit::Network(detail) => Self::LineLost(StateReason::Network {
                kind: LineFault::Other,
                detail,
            }),
            LinkExit::Closed => Self::Ordered,
        }
    }
}
