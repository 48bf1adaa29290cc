//! Delivery: one event to one address, again and again until it is taken.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::{
    address::{NotAllowed, ResolveError},
    figures::{Outcome, WebhookFigures},
    held::Held,
    hook::Hook,
    shown,
};
use crate::{
    broadcast::Frame,
    domain::{AccountId, Timestamp, WebhookFault},
    traces,
};

const LIMIT: Duration = Duration::from_secs(15);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Who is told.
pub struct Receiver {
    http: reqwest::Client,
    pub hook: Hook,
    figures: WebhookFigures,
    standing: Mutex<Standing>,
}

/// How it went lately, since the service started.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// When the receiver last took an event, by both clocks.
    taken: Option<(Instant, Timestamp)>,
    last_error: Option<LastError>,
    /// The last answer was a refusal, or there was none.
    failing: bool,
}

impl Standing {
    pub fn now(self, (accounts, longest): (usize, Duration)) -> Now {
        Now {
            failing: self.failing,
            last_taken_at: self.taken.map(|(_, at)| at),
            last_error: self.last_error,
            accounts_waiting: accounts,
            waiting_seconds: longest.as_secs(),
        }
    }
}

/// How a webhook stands, where it is posted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Now {
    /// The last answer was a refusal, or there was none.
    pub failing: bool,
    pub last_taken_at: Option<Timestamp>,
    pub last_error: Option<LastError>,
    /// Accounts that it is behind with, and how long the one that waits longest has not gone on.
    pub accounts_waiting: usize,
    pub waiting_seconds: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LastError {
    pub at: Timestamp,
    /// In English.
    pub reason: String,
    /// The same for programs and for pages in other languages.
    pub code: String,
    pub params: Map<String, Value>,
}

/// What a receiver said to one post.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    pub taken: bool,
    /// `None`: no answer.
    pub status: Option<u16>,
    pub error: Option<String>,
    pub error_code: Option<String>,
    pub error_params: Option<Map<String, Value>>,
    pub took_ms: u64,
}

/// Why a receiver did not take an event.
struct Refusal {
    why: WebhookFault,
    status: Option<u16>,
    /// It read the event and did not want it, by its own word.
    of_this_event: bool,
    /// It answered at all.
    answered: bool,
}

/// What is posted.
struct Post<'a> {
    event: &'static str,
    /// The event's number, or the name of a test.
    delivery: String,
    account: Option<AccountId>,
    owner: Option<&'a str>,
    body: Arc<str>,
}

impl Receiver {
    /// `None`: the system has no means for it, which the log says.
    pub fn new(hook: Hook, figures: &WebhookFigures) -> Option<Self> {
        // A second installation is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .timeout(LIMIT)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(guard) = &hook.guard {
            // A proxy would resolve the name anew, and where it likes.
            http = http.dns_resolver(Arc::new(guard.clone())).no_proxy();
        }
        let http = http
            .build()
            .inspect_err(|error| {
                log::error!(target: "switchboard::webhooks", "the webhook {} can't be served: {error}", shown(&hook.url));
            })
            .ok()?;
        Some(Self {
            http,
            hook,
            figures: figures.clone(),
            standing: Mutex::default(),
        })
    }

    /// For logs and figures: two addresses of one host are told apart.
    pub fn name(&self) -> String {
        format!("{}#{}", shown(&self.hook.url), self.hook.id)
    }

    pub fn standing(&self) -> Standing {
        self.lock_standing().clone()
    }

    /// Posts one event that nobody else hears of, once.
    pub async fn test(&self) -> Answer {
        let id = uuid::Uuid::new_v4();
        let at = Timestamp::now();
        let body = serde_json::json!({ "event": "test", "at": at, "data": { "webhook_id": self.hook.id } });
        let post = Post {
            event: "test",
            delivery: format!("test_{}", id.simple()),
            account: None,
            owner: None,
            body: body.to_string().into(),
        };
        let began = Instant::now();
        let answer = self.post(&post).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.note(answer.as_ref().err());
        match answer {
            Ok(status) => Answer {
                taken: true,
                status: Some(status),
                error: None,
                error_code: None,
                error_params: None,
                took_ms,
            },
            Err(refusal) => {
                let (code, params) = refusal.why.told();
                Answer {
                    taken: false,
                    status: refusal.status,
                    error: Some(refusal.why.to_string()),
                    error_code: Some(code),
                    error_params: Some(params),
                    took_ms,
                }
            }
        }
    }

    fn note(&self, refusal: Option<&Refusal>) {
        let mut standing = self.lock_standing();
        standing.failing = refusal.is_some();
        if let Some(refusal) = refusal {
            let (code, params) = refusal.why.told();
            standing.last_error = Some(LastError {
                at: Timestamp::now(),
                reason: refusal.why.to_string(),
                code,
                params,
            });
        }
    }

    fn lock_standing(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when the receiver took the event, or refused it for so long that it is passed over.
    /// `held`: whether it is this node's to post.
    pub async fn deliver(
        &self,
        frame: &Frame,
        owner: Option<&str>,
        posts: &Semaphore,
        held: &Held,
    ) {
        let name = self.name();
        let post = Post {
            event: frame.event().body.name(),
            delivery: frame.seq().0.to_string(),
            account: Some(frame.account_id()),
            owner,
            body: frame.text(),
        };
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1_u32;
        loop {
            let refusal = {
                // Never closed: the worker owns it.
                let _post = posts.acquire().await;
                held.wait().await;
                let began = Instant::now();
                let answer = self.post(&post).await;
                let status = match &answer {
                    Ok(status) => Some(*status),
                    Err(refusal) => refusal.status,
                };
                traces::posted(frame.event(), &self.hook.id, began, status);
                answer.map(drop)
            };
            self.note(refusal.as_ref().err());
            let Err(refusal) = refusal else { break };
            if began.elapsed() >= self.hook.patience && self.is_about_the_event(&refusal, began) {
                self.figures.count(&name, Outcome::PassedOver);
                log::error!(
                    target: "switchboard::webhooks",
                    "webhook={name} account={} seq={} attempt={attempt} passed over, it is lost to this webhook reason={:?}",
                    frame.account_id(), frame.seq().0, refusal.why.to_string()
                );
                return;
            }
            self.figures.count(&name, Outcome::Refused);
            // Often enough to follow it, too seldom to drown the log when every account waits.
            if attempt.is_power_of_two() {
                log::warn!(
                    target: "switchboard::webhooks",
                    "webhook={name} account={} seq={} attempt={attempt} retry_in_ms={} reason={:?}",
                    frame.account_id(), frame.seq().0, pause.as_millis(), refusal.why.to_string()
                );
            }
            let jitter = rand::rng().random_range(0.8..1.2);
            tokio::time::sleep(pause.mul_f64(jitter)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            attempt = attempt.saturating_add(1);
        }
        self.figures.count(&name, Outcome::Taken);
        self.lock_standing().taken = Some((Instant::now(), Timestamp::now()));
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
        let takes_others = self.lock_standing().taken.is_some_and(|(at, _)| at > since);
        refusal.of_this_event || (refusal.answered && takes_others)
    }

    async fn post(&self, post: &Post<'_>) -> Result<u16, Refusal> {
        let refusal = |why: WebhookFault| Refusal {
            why,
            status: None,
            of_this_event: false,
            answered: false,
        };
        // An address that is written out passes no resolver.
        if let Some(guard) = &self.hook.guard {
            guard
                .check(&self.hook.url)
                .map_err(|error| refusal(not_allowed(&error)))?;
        }
        let id = format!("msg_{}_{}", self.hook.id, post.delivery);
        // Each attempt is signed anew: receivers refuse what is too old.
        let timestamp = (Timestamp::now().millis() / 1000).to_string();
        let signed = self.hook.signer.sign(&id, timestamp, &post.body);
        let mut request = self
            .http
            .post(self.hook.url.clone())
            .header("Content-Type", "application/json")
            .header(
                "User-Agent",
                concat!("switchboard/", env!("CARGO_PKG_VERSION")),
            )
            .header("X-Switchboard-Webhook", &self.hook.id)
            .header("X-Switchboard-Event", post.event)
            .header("X-Switchboard-Delivery", &post.delivery)
            .header("X-Switchboard-Timestamp", &signed.timestamp)
            .header("X-Switchboard-Signature", signed.own)
            .header("webhook-id", id)
            .header("webhook-timestamp", &signed.timestamp)
            .header("webhook-signature", signed.standard)
            .body(post.body.to_string());
        if let Some(account) = post.account {
            request = request.header("X-Switchboard-Account", account.to_string());
        }
        if let Some(owner) = post.owner {
            request = request.header("X-Switchboard-Owner", self.hook.signer.pseudonym(owner));
        }
        match request.send().await {
            Ok(response) if response.status().is_success() => Ok(response.status().as_u16()),
            Ok(response) => {
                let status = response.status();
                let redirected = status.is_redirection();
                let status_of = status.as_u16();
                let why = match redirected {
                    true => WebhookFault::Redirected { status: status_of },
                    false => WebhookFault::Status { status: status_of },
                };
                Err(Refusal {
                    why,
                    status: Some(status.as_u16()),
                    of_this_event: matches!(status.as_u16(), 400 | 413 | 415 | 422),
                    answered: true,
                })
            }
            Err(error) => Err(refusal(why(&error))),
        }
    }
}

/// In words that tell nothing of what stands at an address that is not allowed.
fn why(error: &reqwest::Error) -> WebhookFault {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<NotAllowed>() {
            return not_allowed(refused);
        }
        if let Some(unresolved) = inner.downcast_ref::<ResolveError>() {
            return match unresolved {
                ResolveError::Unknown => WebhookFault::NameUnknown,
                ResolveError::NotAllowed(refused) => not_allowed(refused),
            };
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        WebhookFault::TimedOut
    } else if error.is_connect() {
        WebhookFault::Unreachable
    } else {
        WebhookFault::BrokenOff
    }
}

fn not_allowed(refused: &NotAllowed) -> WebhookFault {
    WebhookFault::AddressNotAllowed {
        address: refused.address().to_owned(),
    }
}
