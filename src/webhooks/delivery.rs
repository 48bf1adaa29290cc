//! Delivery: one event to one address, again and again until it is taken.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rand::RngExt;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use url::Url;

use super::{
    figures::{Outcome, WebhookFigures},
    shown,
    signature::sign,
};
use crate::{
    broadcast::Frame,
    config::{Webhook, Webhooks},
    domain::{SecretText, Timestamp},
};

const LIMIT: Duration = Duration::from_secs(15);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Who is told.
pub struct Receiver {
    http: reqwest::Client,
    url: Url,
    secret: SecretText,
    /// Only events of this owner's account.
    only: Option<String>,
    patience: Duration,
    figures: WebhookFigures,
    last_taken: Mutex<Option<Instant>>,
    /// Names its place in the log.
    pub id: String,
}

/// Why a receiver did not take an event.
struct Refusal {
    why: String,
    /// It read the event and did not want it, by its own word.
    of_this_event: bool,
    /// It answered at all.
    answered: bool,
}

impl Receiver {
    pub fn new(hook: &Webhook, config: &Webhooks, figures: &WebhookFigures) -> Option<Self> {
        // A second installation is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .inspect_err(|error| {
                log::error!(target: "switchboard::webhooks", "the webhook {} can't be served: {error}", shown(&hook.url));
            })
            .ok()?;
        Some(Self {
            http,
            url: hook.url.clone(),
            secret: config.secret.clone(),
            only: hook.only.clone(),
            patience: config.patience,
            figures: figures.clone(),
            last_taken: Mutex::new(None),
            id: id_of(hook),
        })
    }

    /// For logs and figures: two addresses of one host are told apart.
    pub fn name(&self) -> String {
        format!("{}#{}", shown(&self.url), self.id)
    }

    pub fn wants(&self, owner: Option<&str>) -> bool {
        self.only.is_none() || self.only.as_deref() == owner
    }

    /// Returns when the receiver took the event, or refused it for so long that it is passed over.
    pub async fn deliver(&self, frame: &Frame, owner: Option<&str>, posts: &Semaphore) {
        let name = self.name();
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1_u32;
        loop {
            let refusal = {
                // Never closed: the worker owns it.
                let _post = posts.acquire().await;
                self.post(frame, owner).await
            };
            let Err(refusal) = refusal else { break };
            if began.elapsed() >= self.patience && self.is_about_the_event(&refusal, began) {
                self.figures.count(&name, Outcome::PassedOver);
                log::error!(
                    target: "switchboard::webhooks",
                    "webhook={name} account={} seq={} attempt={attempt} passed over, it is lost to this webhook reason={:?}",
                    frame.account_id(), frame.seq().0, refusal.why
                );
                return;
            }
            self.figures.count(&name, Outcome::Refused);
            // Often enough to follow it, too seldom to drown the log when every account waits.
            if attempt.is_power_of_two() {
                log::warn!(
                    target: "switchboard::webhooks",
                    "webhook={name} account={} seq={} attempt={attempt} retry_in_ms={} reason={:?}",
                    frame.account_id(), frame.seq().0, pause.as_millis(), refusal.why
                );
            }
            let jitter = rand::rng().random_range(0.8..1.2);
            tokio::time::sleep(pause.mul_f64(jitter)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            attempt = attempt.saturating_add(1);
        }
        self.figures.count(&name, Outcome::Taken);
        *self.lock_taken() = Some(Instant::now());
        if attempt > 1 {
            log::info!(
                target: "switchboard::webhooks",
                "webhook={name} account={} seq={} attempt={attempt} taken",
                frame.account_id(), frame.seq().0
            );
        }
    }

    /// A receiver that is down as a whole loses nothing: only an event that it refuses while it takes others, or that
    /// it calls bad itself, may be given up.
    fn is_about_the_event(&self, refusal: &Refusal, since: Instant) -> bool {
        let takes_others = self.lock_taken().is_some_and(|at| at > since);
        refusal.of_this_event || (refusal.answered && takes_others)
    }

    fn lock_taken(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.last_taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn post(&self, frame: &Frame, owner: Option<&str>) -> Result<(), Refusal> {
        let body = frame.text();
        // Each attempt is signed anew: receivers refuse what is too old.
        let timestamp = (Timestamp::now().millis() / 1000).to_string();
        let signature = sign(&self.secret, &timestamp, &body);
        let mut request = self
            .http
            .post(self.url.clone())
            .header("Content-Type", "application/json")
            .header(
                "User-Agent",
                concat!("switchboard/", env!("CARGO_PKG_VERSION")),
            )
            .header("X-Switchboard-Event", frame.event().body.name())
            .header("X-Switchboard-Delivery", frame.seq().0.to_string())
            .header("X-Switchboard-Account", frame.account_id().to_string())
            .header("X-Switchboard-Timestamp", timestamp)
            .header("X-Switchboard-Signature", format!("v1={signature}"))
            .body(body.to_string());
        if let Some(owner) = owner {
            request = request.header("X-Switchboard-Owner", owner);
        }
        let unanswered = |why: &str| Refusal {
            why: why.to_owned(),
            of_this_event: false,
            answered: false,
        };
        match request.send().await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(Refusal {
                why: format!("status {}", response.status().as_u16()),
                of_this_event: matches!(response.status().as_u16(), 400 | 413 | 415 | 422),
                answered: true,
            }),
            Err(error) if error.is_timeout() => Err(unanswered("no answer in time")),
            Err(error) if error.is_connect() => Err(unanswered("can't be reached")),
            Err(_) => Err(unanswered("the connection broke")),
        }
    }
}

/// The address with its filter: another filter is another webhook, with a place of its own.
fn id_of(hook: &Webhook) -> String {
    let mut hasher = Sha256::new();
    hasher.update(hook.url.as_str().as_bytes());
    if let Some(only) = &hook.only {
        hasher.update(b"#");
        hasher.update(only.as_bytes());
    }
    hasher
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
