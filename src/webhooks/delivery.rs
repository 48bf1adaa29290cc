//! Delivery: one event to one address, again and again until it is taken.

use std::time::Duration;

use rand::RngExt;
use sha2::{Digest, Sha256};
use url::Url;

use super::{shown, signature::sign};
use crate::{
    broadcast::Frame,
    domain::{SecretText, Timestamp},
};

const LIMIT: Duration = Duration::from_secs(15);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Who is told.
#[derive(Clone)]
pub struct Receiver {
    http: reqwest::Client,
    url: Url,
    secret: SecretText,
    /// Names its place in the log.
    pub id: String,
}

impl Receiver {
    pub fn new(url: Url, secret: SecretText) -> Option<Self> {
        // A second installation is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .inspect_err(|error| {
                log::error!(target: "switchboard::webhooks", "the webhook {} can't be served: {error}", shown(&url));
            })
            .ok()?;
        let digest = Sha256::digest(url.as_str().as_bytes());
        let id = digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Some(Self {
            http,
            url,
            secret,
            id,
        })
    }

    /// Returns when the receiver took the event.
    pub async fn deliver(&self, frame: &Frame) {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1_u32;
        while let Err(why) = self.post(frame).await {
            log::warn!(
                target: "switchboard::webhooks",
                "webhook={} seq={} attempt={attempt} retry_in_ms={} reason={why:?}",
                shown(&self.url), frame.seq().0, pause.as_millis()
            );
            let jitter = rand::rng().random_range(0.8..1.2);
            tokio::time::sleep(pause.mul_f64(jitter)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            attempt = attempt.saturating_add(1);
        }
    }

    async fn post(&self, frame: &Frame) -> Result<(), String> {
        let body = frame.text();
        // Each attempt is signed anew: receivers refuse what is too old.
        let timestamp = (Timestamp::now().millis() / 1000).to_string();
        let signature = sign(&self.secret, &timestamp, &body);
        let request = self
            .http
            .post(self.url.clone())
            .header("Content-Type", "application/json")
            .header(
                "User-Agent",
                concat!("switchboard/", env!("CARGO_PKG_VERSION")),
            )
            .header("X-Switchboard-Event", frame.event().body.name())
            .header("X-Switchboard-Delivery", frame.seq().0.to_string())
            .header("X-Switchboard-Timestamp", timestamp)
            .header("X-Switchboard-Signature", format!("v1={signature}"))
            .body(body.to_string());
        match request.send().await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(format!("status {}", response.status().as_u16())),
            Err(error) if error.is_timeout() => Err("no answer in time".to_owned()),
            Err(error) if error.is_connect() => Err("can't be reached".to_owned()),
            Err(_) => Err("the connection broke".to_owned()),
        }
    }
}
