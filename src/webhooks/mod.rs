//! Webhooks: committed events, posted to addresses that a person configured.
//!
//! Receives: the event log of `store`, and word from `broadcast` that it grew.
//! Sends:    signed `POST`s; its place in the log to `store`.
//! Promises: every event at least once and in order per account; a restart goes on where it was; a slow or dead
//!           receiver holds up nothing but itself.
//! Does not: filter by owner (the receiver is the operator's own), or tell of sign-ins, whose codes are secrets.

mod delivery;
mod signature;
mod worker;

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use url::Url;

use self::{delivery::Receiver, worker::Worker};
use crate::{broadcast::BroadcastHandle, config::Webhooks as Config, store::StoreHandle};

pub use signature::sign;

/// How long deliveries under way may take when the service stops; what is not done is done after the restart.
const GOODBYE: Duration = Duration::from_secs(2);

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
    ) -> Self {
        let stop = CancellationToken::new();
        let workers = config
            .into_iter()
            .flat_map(|config| {
                config
                    .urls
                    .iter()
                    .map(|url| (url.clone(), config.secret.clone()))
            })
            .filter_map(|(url, secret)| {
                let receiver = Receiver::new(url, secret)?;
                let worker = Worker {
                    receiver,
                    store: store.clone(),
                    broadcast: broadcast.clone(),
                };
                let stop = stop.clone();
                Some(actix::spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = worker.run() => {}
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
