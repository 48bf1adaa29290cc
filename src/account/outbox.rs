//! Outbox: committed orders on their way to Telegram, in order per chat, each tried until Telegram gives a definite answer,
//! or has given none for as long as it is waited for.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    follow::follow,
    health,
    inbound::Limit,
    lanes::Lanes,
    look::{Look, look},
    pace::Pacer,
    parts::{CopySource, UploadSink},
    patience::{Unanswered, Uptime},
    upload::Uploader,
};
use crate::{
    domain::{
        AccountId, HealthFact, Holds, Making, MessageError, Order, OrderId, Outcome, Timestamp,
        Work,
    },
    staging::Staging,
    store::{StoreError, StoreHandle},
    telegram::LinkHandle,
    traces,
};

/// The store is asked again after it could not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Many orders are read less often: beyond a few each of them delays the next look by so much.
const FEW: usize = 100;
const ASKING: Duration = Duration::from_micros(50);

/// One account's outbox.
pub struct Outbox {
    pub staging: Staging,
    /// Where it is told how far a file is.
    pub uploads: Arc<dyn UploadSink>,
    pub copies: Arc<dyn CopySource>,
    pub account_id: AccountId,
    pub store: StoreHandle,
    pub link: LinkHandle,
    /// Rung when an order was committed.
    pub bell: Arc<Notify>,
    pub online: watch::Receiver<bool>,
    /// Where flood waits are told.
    pub limit: mpsc::Sender<Limit>,
    /// How long an order is tried without a definite answer, while the line stands.
    pub patience: Duration,
    pub pacer: Pacer,
}

/// What an attempt ended with.
enum Attempted {
    Outcome(Outcome),
    /// Nothing was sent: it may have arrived long ago, and its random id may be forgotten by now.
    Unclear,
    /// It was taken back, or failed, a moment before.
    NotWanted,
    /// Its files are here now: it is read anew, and goes out with them.
    Fetched,
}

impl Attempted {
    const fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Outcome(outcome) => Some(outcome),
            Self::Unclear | Self::NotWanted | Self::Fetched => None,
        }
    }
}

/// With the time that files took before anything was sent: nobody waits for an answer meanwhile.
type Attempt = BoxFuture<'static, (Order, Attempted, Duration)>;

/// What a run of the outbox remembers.
#[derive(Default)]
struct Run {
    lanes: Lanes,
    uptime: Uptime,
    /// Orders that were tried in this run and are not settled.
    unanswered: HashMap<OrderId, Unanswered>,
    /// Ends the upload of an order that is in the air, with what the order was to make.
    uploading: HashMap<OrderId, (CancellationToken, Vec<Making>)>,
    /// The store knows more than the lanes.
    stale: bool,
    /// It is not asked again before.
    asks_at: Option<Instant>,
}

impl Outbox {
    /// Runs until the account ends.
    pub async fn run(mut self) {
        let mut run = Run {
            stale: true,
            ..Run::default()
        };
        let mut flying: FuturesUnordered<Attempt> = FuturesUnordered::new();
        loop {
            if run.stale && run.asks_at.is_none_or(|at| at <= Instant::now()) {
                run.stale = !self.top_up(&mut run).await;
            }
            let online = *self.online.borrow_and_update();
            run.uptime.line(online, Instant::now());
            if online {
                for order in run.lanes.ready(Instant::now()) {
                    flying.push(self.begin(&mut run, order));
                }
            }
            let next = run.lanes.next_in(Instant::now()).filter(|_| online);
            tokio::select! {
                Some((order, attempted, before)) = flying.next() => {
                    self.settle(&mut run, order, attempted, before).await;
                }
                () = self.bell.notified() => run.stale = true,
                changed = self.online.changed() => if changed.is_err() { return },
                () = pause(next, run.asks_at.filter(|_| run.stale)) => {}
            }
        }
    }

    /// Takes over what the store holds. False when the store could not be read.
    async fn top_up(&self, run: &mut Run) -> bool {
        match self.store.pending_orders(self.account_id).await {
            Ok(pending) => {
                run.unanswered
                    .retain(|id, _| pending.iter().any(|order| order.id == *id));
                run.stop_unwanted(&pending);
                run.asks_at =
                    (pending.len() > FEW).then(|| Instant::now() + ASKING * pending.len() as u32);
                run.lanes.refill(pending, Instant::now(), Timestamp::now());
                self.tidy().await;
                true
            }
            Err(error) => {
                run.asks_at = Some(Instant::now() + STORE_PAUSE);
                self.store_away(&error)
            }
        }
    }

    fn store_away(&self, error: &StoreError) -> bool {
        log::warn!(target: "switchboard::account", "account={} the outbox waits for the store: {error}", self.account_id);
        false
    }

    fn begin(&self, run: &mut Run, order: Order) -> Attempt {
        let uptime = run.uptime.at(Instant::now());
        // The first try, also after a person said "again", has the whole patience.
        if order.tries.count == 0 {
            run.unanswered.remove(&order.id);
        }
        let unanswered = run
            .unanswered
            .entry(order.id)
            .or_insert_with(|| Unanswered::after(order.tries.unanswered));
        let so_far = unanswered.at(uptime);
        unanswered.begin(uptime);
        let uploader = match &order.work {
            Work::Media(_) | Work::Copy(_) | Work::Replace(_) => {
                let stop = CancellationToken::new();
                let making = order.work.makes().to_vec();
                run.uploading.insert(order.id, (stop.clone(), making));
                Some((self.uploader(), stop))
            }
            Work::Text(_) | Work::Forward(_) | Work::Deed { .. } => None,
        };
        let (pacer, store) = (self.pacer.clone(), self.store.clone());
        let link = self.link.clone();
        let account = self.account_id;
        async move {
            let held = pacer.hold(&order).await;
            let began = Instant::now();
            let (order, attempted, before) = match held {
                Some(held) => (order, Attempted::Outcome(held), Duration::ZERO),
                None => attempt(store, link, uploader, order, so_far).await,
            };
            traces::tried(account, &order, began, attempted.outcome());
            (order, attempted, before)
        }
        .boxed()
    }

    fn uploader(&self) -> Uploader {
        Uploader {
            account_id: self.account_id,
            store: self.store.clone(),
            link: self.link.clone(),
            staging: self.staging.clone(),
            sink: Arc::clone(&self.uploads),
            copies: Arc::clone(&self.copies),
        }
    }

    /// Staged files that no order names any more go.
    async fn tidy(&self) {
        let held = self.staging.held(self.account_id);
        if held.is_empty() {
            return;
        }
        match self.store.staged_files(Some(self.account_id)).await {
            Ok(named) => {
                let gone = held.into_iter().filter(|name| !named.contains(name));
                self.staging.let_go(gone);
            }
            // They go with the next order, or the next start.
            Err(error) => {
                self.store_away(&error);
            }
        }
    }

    /// Commits what became of an attempt; until that works, the order counts as not yet answered.
    async fn settle(&self, run: &mut Run, order: Order, attempted: Attempted, before: Duration) {
        run.lanes.landed(&order);
        run.uploading.remove(&order.id);
        let uptime = run.uptime.at(Instant::now());
        let unanswered = run.unanswered.entry(order.id).or_default();
        unanswered.began_later(before, uptime);
        let outcome = match attempted {
            // Taken back, the whole of it or a part.
            Attempted::NotWanted => {
                run.stale = true;
                return;
            }
            Attempted::Fetched => {
                unanswered.stop(uptime);
                run.stale = true;
                return;
            }
            Attempted::Unclear => {
                return self.give_up(&order, "it was away for too long").await;
            }
            Attempted::Outcome(outcome) => outcome,
        };
        if let Outcome::Unknown { reason } = &outcome {
            if unanswered.at(uptime) >= self.patience {
                return self.give_up(&order, reason).await;
            }
        } else {
            unanswered.stop(uptime);
        }
        let settled = self
            .committed(|| self.store.settle_order(&order, outcome.clone()))
            .await;
        if !settled {
            return;
        }
        let stranger = self.pacer.was_to_stranger(order.id);
        if let Some(fact) = health::fact_of(&order, &outcome, stranger) {
            health::learn(&self.store, self.account_id, fact).await;
        }
        let now = Instant::now();
        match outcome {
            Outcome::Done { .. }
            | Outcome::Scheduled { .. }
            | Outcome::Changed(_)
            | Outcome::AsItIs { .. }
            | Outcome::Refused(_) => {
                run.unanswered.remove(&order.id);
                run.stale |= run.lanes.has_more(&order);
                self.tidy().await;
                return;
            }
            Outcome::Flood { wait } => {
                if order.kind().makes_messages() {
                    let learned = HealthFact::TooFast(self.pacer.flooded());
                    health::learn(&self.store, self.account_id, learned).await;
                }
                run.lanes.pause(order.kind().lane(), now + wait);
                run.lanes.rest(order.id, now + wait);
                let holds = Holds::Sending;
                // With the queue full, the limit is being told already.
                let _ = self.limit.try_send(Limit { wait, holds });
            }
            Outcome::SlowMode { wait }
            | Outcome::Paced { wait, .. }
            | Outcome::FileAway { wait } => {
                run.lanes.rest(order.id, now + wait);
            }
            Outcome::Moved { .. } => {
                run.unanswered.remove(&order.id);
            }
            Outcome::NotSent { .. } | Outcome::NotPutUp(_) => {
                run.lanes.rest_quietly(order.id, now + order.tries.pause());
            }
            Outcome::Unknown { .. } => {
                run.lanes.rest(order.id, now + order.tries.pause());
            }
        }
        run.stale = true;
    }

    async fn give_up(&self, order: &Order, reason: &str) {
        log::warn!(
            target: "switchboard::account",
            "account={} an order is given up, Telegram gave no definite answer: {reason}", self.account_id
        );
        let error = MessageError {
            code: "no_definite_answer".to_owned(),
            message: "Telegram gave no definite answer; it may have arrived: look at the chat before you send it again"
                .to_owned(),
        };
        self.committed(|| self.store.give_up_order(order.id, error.clone()))
            .await;
    }

    /// Writes until the store has it. False: there is nothing to write to, because the order was taken back.
    async fn committed<T, F>(&self, write: impl Fn() -> F) -> bool
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            match write().await {
                Ok(_) => return true,
                Err(StoreError::MessageNotFound | StoreError::Closed) => return false,
                Err(error) if error.passes() => {
                    self.store_away(&error);
                    tokio::time::sleep(STORE_PAUSE).await;
                }
                Err(error) => {
                    log::error!(target: "switchboard::account", "account={} an order could not be settled: {error}", self.account_id);
                    return false;
                }
            }
        }
    }
}

impl Run {
    /// What is no longer wanted as it is in the air is not uploaded any further.
    fn stop_unwanted(&self, pending: &[Order]) {
        for (id, (stop, making)) in &self.uploading {
            let order = pending.iter().find(|order| order.id == *id);
            if order.is_none_or(|order| order.work.makes() != making) {
                stop.cancel();
            }
        }
    }
}

/// One attempt. From the mark on it may be at Telegram; files go up before it.
async fn attempt(
    store: StoreHandle,
    link: LinkHandle,
    uploader: Option<(Uploader, CancellationToken)>,
    mut order: Order,
    unanswered: Duration,
) -> (Order, Attempted, Duration) {
    let began = Instant::now();
    if let Some((uploader, stop)) = uploader {
        let up = stop.run_until_cancelled(uploader.bring_up(&mut order));
        let ended = match up.await {
            None => Some(Attempted::NotWanted),
            Some(Err(Outcome::Refused(error))) => {
                Some(Attempted::Outcome(follow(&link, &order, error).await))
            }
            Some(Err(outcome)) => Some(Attempted::Outcome(outcome)),
            Some(Ok(())) if matches!(order.work, Work::Copy(_)) => Some(Attempted::Fetched),
            Some(Ok(())) => None,
        };
        if let Some(ended) = ended {
            return (order, ended, began.elapsed());
        }
    }
    let before = began.elapsed();
    let attempted = match look(&link, &order).await {
        Look::Send => match store.mark_order_in_flight(&order, unanswered).await {
            Ok(true) => Attempted::Outcome(match link.carry_out(&order).await {
                Outcome::Refused(error) => follow(&link, &order, error).await,
                outcome => outcome,
            }),
            Ok(false) => Attempted::NotWanted,
            Err(error) => Attempted::Outcome(Outcome::NotSent {
                reason: error.to_string(),
            }),
        },
        Look::Later(outcome) => Attempted::Outcome(outcome),
        Look::Unclear => Attempted::Unclear,
    };
    (order, attempted, before)
}

/// `asks_at`: when the store is asked again, if it is to be.
async fn pause(next: Option<Duration>, asks_at: Option<Instant>) {
    let asks = asks_at.map(|at| at.saturating_duration_since(Instant::now()));
    match next.into_iter().chain(asks).min() {
        Some(wait) => tokio::time::sleep(wait.max(Duration::from_millis(5))).await,
        None => std::future::pending().await,
    }
}
