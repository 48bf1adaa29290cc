//! HTTP: one request to the project, repeated where that is safe, with every kind of answer understood.
//!
//! All requests here may be repeated: reads, inserts that ignore a row that is there, and changes and removals by
//! id that compare first.

use std::time::Duration;

use reqwest::{
    Client, Method, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};
use serde::Deserialize;
use serde_json::Value;

use super::{RemoteError, ServiceKey, SupabaseConfig};
use crate::{domain::VaultFault, vault::supabase::Pace};

/// A page of 500 rows with sessions is below 4 MiB.
const LARGEST: usize = 32 * 1024 * 1024;
const LARGEST_ERROR: usize = 64 * 1024;
/// A server may ask for more patience than this; the next look at the table is the answer to that.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

pub(super) struct Http {
    client: Client,
    table: url::Url,
    key_kind: &'static str,
    pace: Pace,
}

pub(super) struct Request<'a> {
    pub method: Method,
    pub query: &'a [(&'a str, String)],
    pub body: Option<&'a Value>,
    pub prefer: &'a str,
}

/// One try.
enum Attempt {
    Rows(Vec<Value>),
    /// After this long, or after the usual wait.
    Again(RemoteError, Option<Duration>),
    /// A lock or serialisation conflict in the database: twice more at most.
    AgainBriefly(RemoteError),
    Over(RemoteError),
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    code: Option<String>,
    message: Option<String>,
    hint: Option<String>,
}

impl Http {
    pub fn new(config: &SupabaseConfig) -> Result<Self, RemoteError> {
        let refused = |detail: String| RemoteError::Refused(VaultFault::Misconfigured { detail });
        let key = ServiceKey::recognise(&config.key).map_err(refused)?;
        // Another part may have chosen the provider already; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let loopback = match config.url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => return Err(refused("SUPABASE_URL names no host".to_owned())),
        };
        if config.url.scheme() != "https" && !loopback {
            log::warn!(
                "SUPABASE_URL is not https: the service key travels in the open between here and there"
            );
        }
        let mut builder = Client::builder()
            .user_agent(concat!("switchboard/", env!("CARGO_PKG_VERSION")))
            .default_headers(key.headers().map_err(refused)?)
            .connect_timeout(config.pace.connect)
            .timeout(config.pace.request)
            // A redirect would carry the key elsewhere.
            .redirect(Policy::none())
            .referer(false);
        if loopback {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| refused(format!("no HTTP client can be made: {error}")))?;
        let base = config.url.as_str().trim_end_matches('/');
        let base = base.strip_suffix("/rest/v1").unwrap_or(base);
        let table = url::Url::parse(&format!("{base}/rest/v1/telegram_accounts"))
            .map_err(|_| refused("SUPABASE_URL is no address".to_owned()))?;
        Ok(Self {
            client,
            table,
            key_kind: key.kind(),
            pace: config.pace,
        })
    }

    pub fn address(&self) -> &str {
        self.table.as_str()
    }

    /// The rows of the answer.
    pub async fn send(&self, request: &Request<'_>) -> Result<Vec<Value>, RemoteError> {
        let mut tried = 1;
        loop {
            let (error, wanted, limit) = match self.attempt(request).await {
                Attempt::Rows(rows) => return Ok(rows),
                Attempt::Over(error) => return Err(error),
                Attempt::Again(error, wanted) => (error, wanted, self.pace.tries),
                Attempt::AgainBriefly(error) => (error, None, 3.min(self.pace.tries)),
            };
            if tried >= limit {
                return Err(error);
            }
            if let Some(wanted) = wanted
                && wanted > LONGEST_RETRY_AFTER
            {
                return Err(error);
            }
            tokio::time::sleep(self.wait(tried, wanted)).await;
            tried += 1;
        }
    }

    /// Full jitter, and never less than the server asked for.
    fn wait(&self, tried: u32, wanted: Option<Duration>) -> Duration {
        let ceiling = self
            .pace
            .backoff
            .saturating_mul(1 << tried.saturating_sub(1).min(16))
            .min(self.pace.longest_backoff);
        let jitter = ceiling.mul_f64(rand::random::<f64>());
        wanted.unwrap_or_default().saturating_add(jitter)
    }

    async fn attempt(&self, request: &Request<'_>) -> Attempt {
        let mut builder = self
            .client
            .request(request.method.clone(), self.table.clone())
            .query(request.query)
            .header("Prefer", request.prefer);
        if let Some(body) = request.body {
            builder = builder.json(body);
        }
        let response = match builder.send().await {
            Ok(response) => response,
            Err(error) => return Attempt::Again(RemoteError::Away(describe(&error)), None),
        };
        let status = response.status();
        if status.is_success() {
            return match read_capped(response, LARGEST).await {
                Ok(body) => match serde_json::from_slice(&body) {
                    Ok(rows) => Attempt::Rows(rows),
                    Err(_) => Attempt::Again(RemoteError::Away(VaultFault::Unreadable), None),
                },
                Err(error) => Attempt::Again(error, None),
            };
        }
        let retry_after = retry_after(&response);
        let json = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|kind| kind.contains("json"));
        let body = read_capped(response, LARGEST_ERROR)
            .await
            .unwrap_or_default();
        let body: ErrorBody = if json {
            serde_json::from_slice(&body).unwrap_or_default()
        } else {
            ErrorBody::default()
        };
        self.judge(status, retry_after, &body)
    }

    fn judge(
        &self,
        status: StatusCode,
        retry_after: Option<Duration>,
        body: &ErrorBody,
    ) -> Attempt {
        let said = body.said();
        let code = body.code.as_deref().unwrap_or_default();
        if matches!(code, "40001" | "40P01") {
            return Attempt::AgainBriefly(RemoteError::Away(VaultFault::Busy {
                detail: code.to_owned(),
            }));
        }
        let answered = VaultFault::Answered {
            status: status.as_u16(),
            detail: said.clone(),
        };
        match status.as_u16() {
            540 => Attempt::Over(RemoteError::Away(VaultFault::Paused)),
            408 | 425 | 429 | 500 | 502..=504 | 520..=527 | 530 => {
                Attempt::Again(RemoteError::Away(answered), retry_after)
            }
            401 => Attempt::Over(RemoteError::Refused(VaultFault::KeyRefused {
                kind: self.key_kind.to_owned(),
                detail: said,
            })),
            403 if code == "42501" => {
                Attempt::Over(RemoteError::Refused(VaultFault::NoGrant { detail: said }))
            }
            403 => Attempt::Over(RemoteError::Refused(VaultFault::Forbidden { detail: said })),
            404 => Attempt::Over(RemoteError::Refused(VaultFault::NoTable { detail: said })),
            400 if matches!(code, "42703" | "PGRST204") => {
                Attempt::Over(RemoteError::Columns(VaultFault::OtherColumns {
                    detail: said,
                }))
            }
            400 | 406 | 409 | 413 | 414 | 416 | 422 => {
                Attempt::Over(RemoteError::Row(match said.as_str() {
                    "" => format!("Supabase refused the row ({status})"),
                    said => format!("Supabase refused the row ({status}), \"{said}\""),
                }))
            }
            300..=399 => Attempt::Over(RemoteError::Refused(VaultFault::SentOn {
                status: status.as_u16(),
            })),
            _ => Attempt::Over(RemoteError::Away(answered)),
        }
    }
}

impl ErrorBody {
    /// Code and message, without what could quote a row: PostgreSQL's `details` do, and so may its messages on
    /// values, so only messages of PostgREST and on permissions are passed on.
    fn said(&self) -> String {
        let code = self.code.as_deref().unwrap_or_default();
        let text = match code {
            "" => self.message.as_deref(),
            "42501" => self.hint.as_deref().or(self.message.as_deref()),
            _ if code.starts_with("PGRST") => self.message.as_deref(),
            _ => None,
        };
        [code, text.unwrap_or_default()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(": ")
            .chars()
            .filter(|character| !character.is_control())
            .take(200)
            .collect()
    }
}

async fn read_capped(mut response: Response, cap: usize) -> Result<Vec<u8>, RemoteError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > cap => {
                return Err(RemoteError::Away(VaultFault::TooLong));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(RemoteError::Away(describe(&error))),
        }
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Without the address: it holds ids and envelopes.
fn describe(error: &reqwest::Error) -> VaultFault {
    let mut cause = std::error::Error::source(error);
    let mut deepest = String::new();
    while let Some(source) = cause {
        deepest = source.to_string();
        cause = source.source();
    }
    let detail: String = deepest.chars().take(120).collect();
    if error.is_timeout() {
        VaultFault::TimedOut { detail }
    } else if error.is_connect() {
        VaultFault::Unreachable { detail }
    } else {
        VaultFault::BrokenOff { detail }
    }
}
