//! Export: spans wait in a bounded queue and go out together; what does not fit, or is not taken, is dropped and counted.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{self, Receiver},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    endpoint::{BadEndpoint, Endpoint},
    span::{Span, attribute},
};

/// Spans that may wait; each is some hundred bytes.
const QUEUE: usize = 8_192;
/// Of one post.
const TOGETHER: usize = 512;
/// How long the first one waits for others.
const GATHERED: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(10);
/// For the last ones, when the service stops.
const GOODBYE: Duration = Duration::from_secs(2);

static SENDER: OnceLock<Sender> = OnceLock::new();

pub(super) struct Sender {
    queue: mpsc::Sender<Span>,
    dropped: AtomicU64,
}

impl Sender {
    pub fn send(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// `None`: nobody wants spans.
pub(super) fn sender() -> Option<&'static Sender> {
    SENDER.get()
}

/// The task that sends them.
pub struct Exporting(Option<(CancellationToken, JoinHandle<()>)>);

impl Exporting {
    /// What waits goes out, if the receiver takes it soon.
    pub async fn stop(self) {
        if let Some((stop, task)) = self.0 {
            stop.cancel();
            let ended = tokio::time::timeout(GOODBYE, task).await;
            if ended.is_err() {
                log::warn!(target: "switchboard", "the last spans were not taken in time");
            }
        }
    }
}

/// Begins to send spans where `OTEL_EXPORTER_OTLP_ENDPOINT` says; without it nothing is sent.
///
/// # Errors
/// When the variables make no sense.
pub fn start() -> Result<Exporting, BadEndpoint> {
    let Some(endpoint) = Endpoint::of(|name| std::env::var(name).ok())? else {
        return Ok(Exporting(None));
    };
    // A second installation is refused and does no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(LIMIT);
    let client = client.redirect(reqwest::redirect::Policy::none()).build();
    let http = match client {
        Ok(http) => http,
        Err(error) => {
            log::error!(target: "switchboard", "spans can't be sent: {error}");
            return Ok(Exporting(None));
        }
    };
    let (queue, waiting) = mpsc::channel(QUEUE);
    let sender = Sender {
        queue,
        dropped: AtomicU64::new(0),
    };
    let _ = SENDER.set(sender);
    let stop = CancellationToken::new();
    let task = tokio::spawn(export(http, endpoint, waiting, stop.clone()));
    Ok(Exporting(Some((stop, task))))
}

async fn export(
    http: reqwest::Client,
    endpoint: Endpoint,
    mut waiting: Receiver<Span>,
    stop: CancellationToken,
) {
    let mut failing = false;
    loop {
        let mut spans = Vec::new();
        let stopped = tokio::select! {
            more = waiting.recv_many(&mut spans, TOGETHER) => more == 0,
            () = stop.cancelled() => true,
        };
        if !stopped && spans.len() < TOGETHER {
            let _ = tokio::time::timeout(GATHERED, stop.cancelled()).await;
        }
        while spans.len() < TOGETHER
            && let Ok(span) = waiting.try_recv()
        {
            spans.push(span);
        }
        if !spans.is_empty() {
            failing = tell(post(&http, &endpoint, &spans).await, failing);
        }
        if stopped && spans.len() < TOGETHER {
            return;
        }
    }
}

async fn post(http: &reqwest::Client, endpoint: &Endpoint, spans: &[Span]) -> Result<(), String> {
    let request = http.post(endpoint.url.clone());
    let request = request.headers(endpoint.headers.clone());
    let answer = request.json(&body(&endpoint.service, spans)).send().await;
    // An address may carry a key.
    let answer = answer.map_err(|error| error.without_url().to_string())?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it answered {}", status.as_u16())),
    }
}

fn body(service: &str, spans: &[Span]) -> Value {
    let spans: Vec<Value> = spans.iter().map(Span::json).collect();
    let resource = [
        attribute("service.name", &json!(service)),
        attribute("service.version", &json!(env!("CARGO_PKG_VERSION"))),
    ];
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "switchboard" }, "spans": spans }],
    }] })
}

/// Once when it begins, and once when it is over.
fn tell(posted: Result<(), String>, failing: bool) -> bool {
    let dropped = sender().map_or(0, |sender| sender.dropped.swap(0, Ordering::Relaxed));
    match (&posted, failing) {
        (Err(error), false) => {
            log::warn!(target: "switchboard", "spans are not taken and are dropped until they are: {error}");
        }
        (Ok(()), true) => log::info!(target: "switchboard", "spans are taken again"),
        _ => {}
    }
    if dropped > 0 {
        log::warn!(target: "switchboard", "{dropped} spans did not fit and were dropped");
    }
    posted.is_err()
}
