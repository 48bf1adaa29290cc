//! Probes: does a way lead to Telegram, and how fast? Asked with the first step of a key exchange, which needs no account.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use serde::Serialize;

use super::{Proxy, Target, WayError, Ways, lock};
use crate::{
    domain::ProxyName,
    telegram::{
        handshake::{self, HandshakeError},
        settings::Settings,
    },
};

/// For so long an answer holds for all accounts that prefer the same proxy.
const HOLDS: Duration = Duration::from_secs(5);
/// From dialling to the answer.
const LIMIT: Duration = Duration::from_secs(8);
/// At the same time.
const ABREAST: usize = 8;

/// How far one data centre is over one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    pub id: i32,
    pub ms: Option<u64>,
    /// By how much the clock of this machine goes before the data centre's.
    #[serde(skip)]
    pub seconds_ahead: Option<i64>,
    /// Why it was not reached: a [`super::WayError::code`], or `unreachable`.
    pub code: Option<&'static str>,
    /// The same in words.
    pub error: Option<String>,
}

/// What one way reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WayReport {
    /// `None`: directly.
    pub proxy: Option<ProxyName>,
    pub dcs: Vec<Reach>,
}

/// Asks about each proxy once for everybody.
#[derive(Clone, Default)]
pub(in crate::telegram) struct Exits(Arc<Mutex<Known>>);

/// When it was asked last, and whether it lived. Held while it is asked.
type Asked = tokio::sync::Mutex<Option<(Instant, bool)>>;

#[derive(Default)]
struct Known {
    exits: HashMap<(ProxyName, SocketAddr), Arc<Asked>>,
}

/// Forgotten past this many: they are asked again.
const MOST_KNOWN: usize = 1_024;

impl Exits {
    pub(super) async fn lives(&self, ways: &Ways, proxy: &Proxy, target: Target) -> bool {
        let slot = {
            let mut known = lock(&self.0);
            if known.exits.len() > MOST_KNOWN {
                known.exits.clear();
            }
            let key = (proxy.name(), target.address);
            Arc::clone(known.exits.entry(key).or_default())
        };
        let mut asked = slot.lock().await;
        if let Some((at, lives)) = *asked
            && at.elapsed() < HOLDS
        {
            return lives;
        }
        let lives = ask(&ways.alone(proxy), target).await.is_ok();
        *asked = Some((Instant::now(), lives));
        lives
    }
}

impl Ways {
    /// One of them by itself, with a login of its own.
    fn alone(&self, proxy: &Proxy) -> Arc<Self> {
        Self::with_timing(
            std::slice::from_ref(proxy),
            &self.relay,
            &self.exits,
            self.timing,
        )
    }
}

/// Why there was no answer.
struct NoAnswer {
    code: &'static str,
    words: String,
}

async fn ask(ways: &Ways, target: Target) -> Result<(Duration, i64), NoAnswer> {
    let begun = Instant::now();
    match handshake::seconds_ahead(ways, target.dc, target.address, LIMIT).await {
        Ok(ahead) => Ok((begun.elapsed(), ahead)),
        Err(error) => {
            let said = lock(&ways.state).errors.iter().flatten().next().cloned();
            let of_the_way = said.or_else(|| (!ways.is_direct()).then(|| behind(&error)));
            Err(NoAnswer {
                code: of_the_way.as_ref().map_or("unreachable", WayError::code),
                words: of_the_way.map_or_else(|| error.to_string(), |error| error.to_string()),
            })
        }
    }
}

/// The proxy let us through, and what came of that is no answer of Telegram's.
fn behind(error: &HandshakeError) -> WayError {
    match error {
        HandshakeError::TimedOut => WayError::Silent,
        HandshakeError::Network(error) => match WayError::of_line(error) {
            WayError::Closed => WayError::Closed,
            _ => WayError::Nonsense("what comes through it is not Telegram's"),
        },
        HandshakeError::Refused(_) => WayError::Nonsense("what comes through it is not Telegram's"),
    }
}

async fn reach(number: usize, way: Arc<Ways>, target: Target) -> (usize, Reach) {
    let answer = ask(&way, target).await;
    let millis = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let reach = Reach {
        id: target.dc,
        ms: answer.as_ref().ok().map(|(time, _)| millis(time)),
        seconds_ahead: answer.as_ref().ok().map(|(_, ahead)| *ahead),
        code: answer.as_ref().err().map(|error| error.code),
        error: answer.err().map(|error| error.words),
    };
    (number, reach)
}

/// What every way reaches, one by one.
pub(in crate::telegram) async fn report(
    proxies: &[Proxy],
    (ways, settings): (&Ways, &Settings),
    dcs: &[(i32, SocketAddr)],
) -> Vec<WayReport> {
    let each: Vec<(Option<ProxyName>, Arc<Ways>)> = match proxies {
        [] => vec![(
            None,
            Ways::with_timing(&[], &ways.relay, &ways.exits, settings.timing.ways),
        )],
        proxies => proxies
            .iter()
            .map(|proxy| (Some(proxy.name()), ways.alone(proxy)))
            .collect(),
    };
    let mut asked = Vec::with_capacity(each.len() * dcs.len());
    for (number, (_, way)) in each.iter().enumerate() {
        for (dc, address) in dcs {
            let target = Target {
                dc: *dc,
                address: *address,
            };
            asked.push(reach(number, Arc::clone(way), target));
        }
    }
    let answers: Vec<(usize, Reach)> = stream::iter(asked).buffered(ABREAST).collect().await;
    each.iter()
        .enumerate()
        .map(|(number, (proxy, _))| WayReport {
            proxy: proxy.clone(),
            dcs: answers
                .iter()
                .filter(|(of, _)| *of == number)
                .map(|(_, reach)| reach.clone())
                .collect(),
        })
        .collect()
}
