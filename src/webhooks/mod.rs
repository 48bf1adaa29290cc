//! Webhooks: committed events, posted to addresses that a person configured.
//!
//! Receives: the event log of `store`, and word from `broadcast` that it grew.
//! Sends:    signed `POST`s; its place in the log to `store`.
//! Promises: every event at least once and in order per account; a restart goes on where it was; a receiver that is
//!           slow, dead or refuses one account's event holds up nothing else, and what is lost is said aloud.
//! Does not: tell of sign-ins, whose codes are secrets, or keep events that the log no longer has.

mod delivery;
mod figures;
mod lanes;
mod signature;
mod worker;

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use url::Url;

use self::{delivery::Receiver, worker::Worker};
use crate::{
    broadcast::BroadcastHandle, config::Webhooks as Config, domain::AccountId, store::StoreHandle,
};

pub use figures::WebhookFigures;
pub use signature::sign;

/// How long deliveries under way may take when the service stops; what is not done is done after the restart.
const GOODBYE: Duration = Duration::from_secs(2);

/// Whose account it is: `licence:<hash>`, `user:<hash>`, `portal:<hash>`; `None`: the operator's own.
pub type OwnerOf = Arc<dyn Fn(AccountId) -> Option<String> + Send + Sync>;

/// All webhooks of the service, while they run.
pub struct Webhooks {
    stop: CancellationToken,
    workers: Vec<tokio::task::JoinHandle<()>>,
}

impl Webhooks {
    /// One worker for each address.
    #[must_use]
    pub fn start(
        config: Option<&Config>,
        store: &StoreHandle,
        broadcast: &BroadcastHandle,
        figures: &WebhookFigures,
        owner_of: &OwnerOf,
    ) -> Self {
        let stop = CancellationToken::new();
        let workers = config
            .into_iter()
            .flat_map(|config| config.hooks.iter().map(move |hook| (config, hook)))
            .filter_map(|(config, hook)| {
                let receiver = Receiver::new(hook, config, figures)?;
                let (store, broadcast) = (store.clone(), broadcast.clone());
                let worker = Worker::new(receiver, store, broadcast, Arc::clone(owner_of));
                figures.watch(&worker);
                let stop = stop.clone();
                Some(actix::spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => worker.save().await,
                        () = worker.clone().run() => {}
                    }
                }))
            })
            .collect();
        Self { stop, workers }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        for worker in self.workers {
            // A worker that panicked said so in the log.
            let _ = tokio::time::timeout(GOODBYE, worker).await;
        }
    }
}

/// For logs: an address may carry a secret in its path or query.
fn shown(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}
