//! Webhooks: committed events, posted to addresses that a person configured.
//!
//! Receives: the event log of `store`, and word from `broadcast` that it grew.
//! Sends:    signed `POST`s; its place in the log to `store`.
//! Promises: every event at least once and in order per account; a restart goes on where it was; a receiver that is
//!           slow, dead or refuses one account's event holds up nothing else, and what is lost is said aloud. Of several
//!           nodes one posts each webhook, by a lease of its own; one that lost it posts nothing more and writes nothing down.
//! Does not: tell of sign-ins, whose codes are secrets, or keep events that the log no longer has.

mod address;
mod delivery;
mod figures;
mod held;
mod hook;
mod lanes;
mod place;
mod signature;
mod worker;

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    runtime::Handle,
    sync::{Mutex, MutexGuard},
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::{
    place::{place_of, work_of},
    worker::Worker,
};
use crate::{
    broadcast::BroadcastHandle,
    config::Webhooks as Config,
    domain::AccountId,
    store::{StoreHandle, WebhookRow},
};

pub use address::{AddressGuard, NotAllowed, ResolveError};
pub use delivery::{Answer, LastError, Now, Receiver};
pub use figures::WebhookFigures;
pub use hook::Hook;
pub use signature::{Signer, sign};

/// What a sign-in shows (QR codes, hints) is for the person who signs in.
pub const UNTOLD: &str = "login_updated";
/// How long it may take to write down where webhooks are when they end, however many end at once; what is not written is posted again.
const GOODBYE: Duration = Duration::from_secs(2);

/// Whose account it is: `licence:<hash>`, `user:<hash>`, `portal:<hash>`; `None`: the operator's own.
pub type OwnerOf = Arc<dyn Fn(AccountId) -> Option<String> + Send + Sync>;

/// All webhooks of the service. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    runtime: Handle,
    store: StoreHandle,
    broadcast: BroadcastHandle,
    figures: WebhookFigures,
    owner_of: OwnerOf,
    guard: AddressGuard,
    configured: OnceLock<Vec<Hook>>,
    /// By id. Whoever starts or ends one holds it, and so everybody else up.
    running: Mutex<HashMap<String, Running>>,
    /// One change of the webhooks at a time.
    turn: Mutex<()>,
}

struct Running {
    worker: Worker,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Webhooks {
    /// None is served yet. Those that are run on the runtime that this is called on.
    #[must_use]
    pub fn new(
        store: StoreHandle,
        broadcast: BroadcastHandle,
        owner_of: OwnerOf,
        guard: AddressGuard,
    ) -> Self {
        Self(Arc::new(Inner {
            runtime: Handle::current(),
            store,
            broadcast,
            figures: WebhookFigures::default(),
            owner_of,
            guard,
            configured: OnceLock::new(),
            running: Mutex::default(),
            turn: Mutex::default(),
        }))
    }

    /// Serves those of the configuration. A new one is told of everything from now on, however long its worker takes to begin.
    pub async fn start_configured(&self, config: Option<&Config>) {
        let hooks: Vec<Hook> = config
            .into_iter()
            .flat_map(|config| {
                config
                    .hooks
                    .iter()
                    .map(|hook| Hook::configured(hook, config))
            })
            .collect();
        for hook in &hooks {
            // A store that is away is asked again by the worker.
            if let Err(error) = place_of(&self.0.store, &hook.id).await {
                log::warn!(target: "switchboard::webhooks", "the webhook {} begins when the store can be written: {error}", shown(&hook.url));
            }
            self.start(hook.clone()).await;
        }
        let _ = self.0.configured.set(hooks);
    }

    #[must_use]
    pub fn configured(&self) -> &[Hook] {
        self.0.configured.get().map_or(&[], Vec::as_slice)
    }

    #[must_use]
    pub fn figures(&self) -> &WebhookFigures {
        &self.0.figures
    }

    #[must_use]
    pub fn guard(&self) -> &AddressGuard {
        &self.0.guard
    }

    /// Held over a change of what is stored and of what runs, so that the two agree.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.0.turn.lock().await
    }

    /// Serves a webhook, from its place in the log on; one that runs under its id gives way.
    pub async fn start(&self, hook: Hook) {
        let inner = &self.0;
        let id = hook.id.clone();
        let mut running = inner.running.lock().await;
        if let Some(before) = running.remove(&id) {
            self.end(before, Instant::now() + GOODBYE).await;
        }
        let Some(receiver) = Receiver::new(hook, &inner.figures) else {
            return;
        };
        let (store, broadcast) = (inner.store.clone(), inner.broadcast.clone());
        let worker = Worker::new(receiver, store, broadcast, Arc::clone(&inner.owner_of));
        inner.figures.watch(&worker);
        let stop = CancellationToken::new();
        let (stopped, at_work) = (stop.clone(), worker.clone());
        let task = inner.runtime.spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {
                    at_work.save().await;
                }
                () = at_work.clone().serve_held() => {}
            }
        });
        let now = Running { worker, stop, task };
        running.insert(id, now);
    }

    /// Serves it no longer; its place stays.
    pub async fn halt(&self, id: &str) {
        let mut running = self.0.running.lock().await;
        if let Some(before) = running.remove(id) {
            let until = Instant::now() + GOODBYE;
            self.end_for_others(vec![before], until).await;
        }
    }

    /// As [`Self::halt`], and no other node goes on with it meanwhile: its place is about to be another.
    pub async fn rest(&self, id: &str) {
        let mut running = self.0.running.lock().await;
        if let Some(before) = running.remove(id) {
            self.end(before, Instant::now() + GOODBYE).await;
        }
    }

    /// Those that were made over REST and are served here, with what they were made of.
    pub async fn made(&self) -> HashMap<String, WebhookRow> {
        let running = self.0.running.lock().await;
        let row = |one: &Running| one.worker.receiver().hook.row.clone();
        let made = running.iter();
        made.filter_map(|(id, one)| Some((id.clone(), row(one)?)))
            .collect()
    }

    async fn end(&self, running: Running, until: Instant) {
        running.stop.cancel();
        let stop = running.task.abort_handle();
        // A worker that panicked said so in the log.
        if timeout_at(until, running.task).await.is_err() {
            stop.abort();
        }
        self.0.figures.unwatch(&running.worker);
    }

    /// As [`Self::end`], all at once and within one limit, however many there are and whatever their receivers do; and another node may go
    /// on with them. A store that is away keeps nobody from ending; the leases end by themselves.
    async fn end_for_others(&self, all: Vec<Running>, until: Instant) {
        let workers: Vec<Worker> = all.iter().map(|one| one.worker.clone()).collect();
        join_all(all.into_iter().map(|one| self.end(one, until))).await;
        let held: Vec<_> = workers.iter().filter_map(Worker::ends).collect();
        let count = held.len();
        let letting_go = self.0.store.let_go_of_work(held);
        if let Ok(Err(error)) = timeout_at(until, letting_go).await {
            log::warn!(target: "switchboard::webhooks", "webhooks={count} other nodes wait until their leases are over: {error}");
        }
    }

    /// How it goes at the node that posts it. `None`: it is not served.
    pub async fn now(&self, id: &str) -> Option<Now> {
        let here = {
            let running = self.0.running.lock().await;
            running.get(id)?.worker.clone()
        };
        if let Some(now) = here.now() {
            return Some(now);
        }
        let told = self.0.store.told_of_work(work_of(id)).await;
        // Of one that was not begun anywhere yet nothing is known.
        let nothing = || here.receiver().standing().now(here.waiting());
        let told = told.ok().flatten();
        Some(
            told.and_then(|told| serde_json::from_str(&told).ok())
                .unwrap_or_else(nothing),
        )
    }

    /// Posts a test, also to one that is not served.
    pub async fn test(&self, hook: Hook) -> Option<Answer> {
        let worker = {
            let running = self.0.running.lock().await;
            running.get(&hook.id).map(|running| running.worker.clone())
        };
        match worker {
            Some(worker) => Some(worker.receiver().test().await),
            None => Some(Receiver::new(hook, &self.0.figures)?.test().await),
        }
    }

    /// Serves none any longer.
    pub async fn stop(&self) {
        let until = Instant::now() + GOODBYE;
        // Somebody may be about to start or to end one.
        let Ok(mut running) = timeout_at(until, self.0.running.lock()).await else {
            return;
        };
        let all = std::mem::take(&mut *running).into_values().collect();
        self.end_for_others(all, until).await;
    }
}

/// For logs: an address may carry a secret in its path or query.
fn shown(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Webhook,
        domain::{SecretText, Seq},
        store::{NoSink, Store, StoreConfig},
    };

    /// Protects the first events of a service: a new webhook's place is in the store before anything is served, and not once its
    /// worker has had a turn.
    #[test]
    fn a_new_webhook_begins_before_the_service_does() {
        let dir = tempfile::tempdir().unwrap();
        actix::System::new().block_on(async {
            let file = StoreConfig::at(dir.path().join("switchboard.db"));
            let store = Store::open(file, Arc::new(NoSink)).unwrap();
            let arbiter = actix::Arbiter::new();
            let broadcast = BroadcastHandle::start(&arbiter, Seq(0));
            let guard = AddressGuard::new(Vec::new());
            let webhooks = Webhooks::new(store.clone(), broadcast, Arc::new(|_| None), guard);
            let url = Url::parse("http://127.0.0.1:9/").unwrap();
            let config = Config {
                hooks: vec![Webhook { url, only: None }],
                secret: SecretText::new("a secret"),
                patience: Duration::from_secs(60),
            };
            webhooks.start_configured(Some(&config)).await;
            let id = webhooks.configured()[0].id.clone();
            assert!(store.webhook_place(id).await.unwrap().is_some());
            webhooks.stop().await;
            store.close().await;
        });
    }
}
