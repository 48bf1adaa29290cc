//! Partings: sessions that were given up are signed out at Telegram, at once where a line stands, else as soon as it can
//! be done. The orders are committed rows; this carries them out and erases them.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix::Addr;
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::watch,
    time::{sleep, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    SignIns, Supervisor,
    actor::{GetAccount, StopAccount},
    patience::{Next, Patience},
};
use crate::{
    account::{AccountParts, GetLink, journal},
    domain::{
        Account, AccountId, AccountState, LogOut, Proxy, SecretBytes, StateChange, StateReason,
    },
    nodes::Use,
    store::StoreError,
    telegram::{CallError, LinkHandle, Parting, SessionData, SignOutAs},
    vault::{Farewell, VaultError},
};

/// Connections to Telegram for this alone, at one time.
const AT_ONCE: usize = 4;
/// A line that stands answers within this.
const LINE_LIMIT: Duration = Duration::from_secs(5);
/// A person waits this long to hear that it is done and not only ordered.
const FIRST_ATTEMPT: Duration = Duration::from_secs(3);
/// Until a store that could not be read is asked again, and a worker that failed by a bug begins anew.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum SignOutError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("the service is stopping")]
    Stopping,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Partings {
    parts: AccountParts,
    supervisor: Addr<Supervisor>,
    sign_ins: SignIns,
    shared: Arc<Shared>,
}

struct Shared {
    /// By order; one that was never tried is not here.
    patience: Mutex<HashMap<i64, Patience>>,
    /// Changes with every attempt that came to an end.
    tried: watch::Sender<u64>,
    closing: CancellationToken,
}

impl Shared {
    fn patience(&self) -> MutexGuard<'_, HashMap<i64, Patience>> {
        // Single statements only: a panic elsewhere can't leave the map half-changed.
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partings {
    /// Starts the worker; orders of an earlier run are carried out as well.
    pub(super) fn start(
        parts: AccountParts,
        supervisor: Addr<Supervisor>,
        sign_ins: SignIns,
    ) -> Self {
        let partings = Self {
            parts,
            supervisor,
            sign_ins,
            shared: Arc::new(Shared {
                patience: Mutex::default(),
                tried: watch::Sender::new(0),
                closing: CancellationToken::new(),
            }),
        };
        let worker = partings.clone();
        actix::spawn(async move {
            let closing = worker.shared.closing.clone();
            closing.run_until_cancelled(worker.work()).await;
        });
        partings
    }

    /// Ends the worker. What is not done is done by the next start.
    pub(super) fn close(&self) {
        self.shared.closing.cancel();
    }

    /// Signs an account out: here at once, and at Telegram by an order that is committed before anything else.
    ///
    /// # Errors
    /// When the order or the state can't be committed.
    pub async fn sign_out(&self, id: AccountId) -> Result<(Account, LogOut), SignOutError> {
        let partings = self.clone();
        // Whoever asked may hang up: what was begun is finished.
        actix::spawn(async move { partings.carry_out(id).await })
            .await
            .map_err(|_| SignOutError::Stopping)?
    }

    async fn carry_out(&self, id: AccountId) -> Result<(Account, LogOut), SignOutError> {
        self.sign_ins.cancel(id).await;
        let parted = match self.parts.vault.part(id).await {
            Err(VaultError::UnknownAccount(_)) => Default::default(),
            parted => parted?,
        };
        if let Some(order) = parted.current
            && self.ends_on_its_line(id).await
        {
            self.erase(id, order).await;
        }
        // A supervisor that is gone has no accounts.
        let _ = self.supervisor.send(StopAccount(id)).await;
        let signed_out =
            StateChange::to(AccountState::SignedOut).because(StateReason::SignedOutByPerson);
        let account = journal::enter(&self.parts.store, id, signed_out, None).await?;
        let log_out = match parted.unreadable {
            true => LogOut::Unreadable,
            false => self.first_attempt(id).await?,
        };
        Ok((account, log_out))
    }

    /// On the line that the account has, if it stands.
    async fn ends_on_its_line(&self, id: AccountId) -> bool {
        let Some(link) = self.link(id).await else {
            return false;
        };
        match timeout(LINE_LIMIT, link.log_out()).await {
            Ok(Ok(()) | Err(CallError::SignedOut(_))) => true,
            Ok(Err(error)) => {
                log::info!(target: "switchboard::account", "account={id} is signed out at Telegram later: {error}");
                false
            }
            Err(_) => {
                log::info!(target: "switchboard::account", "account={id} is signed out at Telegram later: no answer on its line");
                false
            }
        }
    }

    async fn link(&self, id: AccountId) -> Option<LinkHandle> {
        let account = self.supervisor.send(GetAccount(id)).await.ok()??;
        account.send(GetLink).await.ok()?
    }

    /// Waits for what comes of an account's orders at first.
    async fn first_attempt(&self, id: AccountId) -> Result<LogOut, VaultError> {
        let deadline = tokio::time::Instant::now() + FIRST_ATTEMPT;
        let mut tried = self.shared.tried.subscribe();
        loop {
            tried.mark_unchanged();
            let mut open = self.parts.vault.farewells().await?;
            open.retain(|farewell| farewell.account_id == id);
            if open.is_empty() {
                return Ok(LogOut::Done);
            }
            let all_in_vain = {
                let patience = self.shared.patience();
                open.iter().all(|farewell| {
                    patience
                        .get(&farewell.id)
                        .is_some_and(Patience::was_in_vain)
                })
            };
            if all_in_vain || timeout_at(deadline, tried.changed()).await.is_err() {
                return Ok(LogOut::Ordered);
            }
        }
    }

    async fn erase(&self, account_id: AccountId, order: i64) {
        if let Err(error) = self.parts.vault.erase_farewell(order).await {
            // It is asked for again, and Telegram says that it is over.
            log::warn!(target: "switchboard::account", "account={account_id} a sealed session could not be erased: {error}");
        }
        self.shared.patience().remove(&order);
    }

    /// A panic in here must not end the partings of every account without a word.
    async fn work(&self) {
        loop {
            let turns = AssertUnwindSafe(self.turns());
            if turns.catch_unwind().await.is_err() {
                log::error!(target: "switchboard::account", "the worker that signs sessions out failed by a bug and begins anew");
                sleep(PAUSE).await;
            }
        }
    }

    async fn turns(&self) {
        let mut flying = FuturesUnordered::new();
        let mut in_flight = Vec::new();
        let mut changes = self.parts.ownership.changes();
        loop {
            let next = match self.parts.vault.farewells().await {
                Ok(mut orders) => {
                    self.forget_all_but(&orders);
                    orders.retain(|order| self.parts.ownership.may_run(order.account_id));
                    let (due, next) = self.due(&orders, &in_flight);
                    for farewell in due.into_iter().take(AT_ONCE - in_flight.len()) {
                        in_flight.push(farewell.id);
                        flying.push(self.attempt(farewell));
                    }
                    next
                }
                Err(error) => {
                    log::warn!(target: "switchboard::account", "sessions that are to be signed out wait for the store: {error}");
                    Some(Instant::now() + PAUSE)
                }
            };
            tokio::select! {
                Some(order) = flying.next() => in_flight.retain(|flying| *flying != order),
                () = self.parts.vault.parting() => {}
                () = changed(changes.as_mut()) => {}
                () = reached(next), if in_flight.len() < AT_ONCE => {}
            }
        }
    }

    fn forget_all_but(&self, orders: &[Farewell]) {
        let known = |id: &i64| orders.iter().any(|farewell| farewell.id == *id);
        self.shared.patience().retain(|id, _| known(id));
    }

    /// What may be tried now, and when there will be more.
    fn due(&self, orders: &[Farewell], in_flight: &[i64]) -> (Vec<Farewell>, Option<Instant>) {
        let now = Instant::now();
        let patience = self.shared.patience();
        let mut due = Vec::new();
        let mut next: Option<Instant> = None;
        for farewell in orders {
            if in_flight.contains(&farewell.id) {
                continue;
            }
            match patience.get(&farewell.id).map(Patience::next_try) {
                Some(at) if at > now => next = Some(next.map_or(at, |next| next.min(at))),
                _ => due.push(farewell.clone()),
            }
        }
        (due, next)
    }

    /// One attempt; gives the order's number back.
    async fn attempt(&self, farewell: Farewell) -> i64 {
        let id = farewell.account_id;
        let order = farewell.id;
        // Not while another node may use its session.
        let Some(using) = self.parts.ownership.borrow(id).map(Arc::new) else {
            return order;
        };
        let asked = tokio::select! {
            asked = self.ask(&farewell, &using) => asked,
            () = using.ended() => return order,
        };
        if let Some(parting) = asked {
            let key_patience = self.parts.telegram.config().timing.key_patience;
            let next = {
                let mut patience = self.shared.patience();
                let known = patience.entry(order).or_default();
                known.judge(&parting, Instant::now(), key_patience, rand::random())
            };
            match next {
                Next::Over => {
                    log::info!(target: "switchboard::account", "account={id} signed out at Telegram");
                    self.erase(id, order).await;
                }
                Next::Again(why) => {
                    log::debug!(target: "switchboard::account", "account={id} is still to be signed out at Telegram: {why}");
                }
            }
        }
        self.shared.tried.send_modify(|tried| *tried += 1);
        order
    }

    /// `None`: there is nothing to ask for any more.
    async fn ask(&self, farewell: &Farewell, using: &Arc<Use>) -> Option<Parting> {
        let id = farewell.account_id;
        let vault = &self.parts.vault;
        let opened = vault.farewell_session(farewell).await;
        let session = match opened.map(|bytes| SessionData::from_bytes(bytes.expose())) {
            Ok(Ok(session)) if session.home_key().is_some() => session,
            Ok(Ok(_) | Err(_)) | Err(VaultError::Sealed { .. }) => {
                log::error!(target: "switchboard::account", "account={id} a session that is to be signed out can't be read; end it by hand, in Telegram under Settings, Devices");
                self.erase(id, farewell.id).await;
                return None;
            }
            Err(error) => return Some(Parting::Unreachable(error.to_string())),
        };
        // Asked again under the lease: nobody can begin to use the key then, and who began before has stored it.
        let mut lease = None;
        for _ in 0..2 {
            match self.is_in_use_again(&session).await {
                Ok(false) => {}
                Ok(true) => {
                    log::info!(target: "switchboard::account", "account={id} its session is in use again and is not signed out");
                    self.erase(id, farewell.id).await;
                    return None;
                }
                Err(error) => return Some(Parting::Unreachable(error.to_string())),
            }
            if lease.is_none() {
                lease = self.parts.telegram.lease(&session, PAUSE).await;
            }
        }
        let Some(lease) = lease else {
            // Its link has not hung up yet.
            return Some(Parting::Wait(PAUSE));
        };
        // By the way that its account went, or not at all.
        let proxies = match vault.farewell_proxies(farewell).await {
            Ok(proxies) => proxies.as_ref().map(Proxy::parse_lines).transpose(),
            Err(error) => return Some(Parting::Unreachable(error.to_string())),
        };
        let proxies = match proxies {
            Ok(proxies) => proxies,
            Err(error) => return Some(Parting::Unreachable(error.to_string())),
        };
        let telegram = &self.parts.telegram;
        let by = SignOutAs {
            api_id: farewell.api_id,
            proxies,
            device: farewell.device.clone(),
        };
        let kept = Box::new(Arc::clone(using));
        Some(telegram.sign_out(session, by, (lease, kept)).await)
    }

    async fn is_in_use_again(&self, session: &SessionData) -> Result<bool, VaultError> {
        let is_it = |bytes: &SecretBytes| {
            SessionData::from_bytes(bytes.expose())
                .is_ok_and(|other| other.home_key() == session.home_key())
        };
        self.parts.vault.has_session(is_it).await
    }
}

/// Other accounts are this node's. Never, where all are.
async fn changed(changes: Option<&mut watch::Receiver<()>>) {
    if let Some(changes) = changes
        && changes.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

async fn reached(moment: Option<Instant>) {
    match moment {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
