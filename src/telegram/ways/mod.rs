//! Ways: how an account's dials leave this machine: directly, or through its proxies in the order of preference.
//!
//! Receives: what the library and our own dials want to reach, through the [`Relay`]; from the link, whether Telegram
//!           answered.
//! Sends:    the way in use, to whoever watches it.
//! Promises: an account with proxies never goes out another way; one way is kept while it works; a better one is gone
//!           back to when it lives again; every dial and every silence has a limit; keys and messages pass untouched.
//! Does not: know what is said over a line.

mod dial;
mod error;
#[cfg(feature = "fuzzing")]
pub(super) mod fuzzing;
mod http;
mod line;
mod mtproxy;
mod order;
mod probe;
mod pump;
mod relay;
mod socks;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use tokio::net::TcpStream;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::domain::{Proxy, ProxyName, StateReason, WayFault};

use super::Timing;
use dial::{Target, Upstream};
use line::{Line, go_back};
use order::Order;
use pump::Silence;
use relay::RelayLogin;

pub use error::WayError;
pub(super) use probe::{Exits, report};
pub use probe::{Reach, WayReport};
pub(super) use relay::Relay;

/// What a line is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// The account's own line: it pings all the time, and its fate decides about the way.
    Home,
    /// One of its lines that asks now and then: a sign-in, a farewell. It decides, too.
    Once,
    /// Files, key exchanges, the clock: they go wherever home goes.
    Aside,
}

impl Purpose {
    /// Does such a line decide which way is in use?
    const fn decides(self) -> bool {
        matches!(self, Self::Home | Self::Once)
    }
}

/// How long things take on the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayTiming {
    /// From dialling a proxy to the line behind it.
    pub dial_limit: Duration,
    /// Pings on a line through a proxy.
    pub ping_every: Duration,
    /// How long nothing may come on such a line before it is dead.
    pub silence: Duration,
    /// Between two looks whether a better way lives again; longer each time that it did not last.
    pub return_every: Duration,
}

impl Default for WayTiming {
    fn default() -> Self {
        Self {
            dial_limit: Duration::from_secs(4),
            ping_every: Duration::from_secs(3),
            silence: Duration::from_secs(7),
            return_every: Duration::from_secs(15),
        }
    }
}

/// A better way is given this many chances in shorter and shorter rows.
const MOST_DOUBLINGS: u32 = 6;

/// The ways of one account, or of one dial of ours.
pub(super) struct Ways {
    proxies: Vec<Arc<Proxy>>,
    login: RelayLogin,
    relay: Relay,
    exits: Exits,
    door: Result<SocketAddr, io::ErrorKind>,
    timing: WayTiming,
    state: Mutex<State>,
    /// Which data centre lies where; an MTProxy is told the number alone.
    places: Mutex<BTreeMap<SocketAddr, i32>>,
}

struct State {
    order: Order,
    errors: Vec<Option<WayError>>,
    /// Of the lines over the way in use.
    lines: CancellationToken,
    /// The last dial found no way; why.
    trouble: Option<StateReason>,
    returning: Option<AbortOnDropHandle<()>>,
    returns: u32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ways {
    /// Without any proxy: directly.
    pub(super) fn new(
        proxies: &[Proxy],
        relay: &Relay,
        exits: &Exits,
        timing: &Timing,
    ) -> Arc<Self> {
        Self::with_timing(proxies, relay, exits, timing.ways)
    }

    fn with_timing(
        proxies: &[Proxy],
        relay: &Relay,
        exits: &Exits,
        timing: WayTiming,
    ) -> Arc<Self> {
        let login = RelayLogin::random();
        Arc::new_cyclic(|ways| {
            let door = match proxies {
                [] => Err(io::ErrorKind::NotConnected),
                _ => relay
                    .admit(&login, Weak::clone(ways))
                    .map_err(|error| error.kind()),
            };
            Self {
                proxies: proxies.iter().cloned().map(Arc::new).collect(),
                login,
                relay: relay.clone(),
                exits: exits.clone(),
                door,
                timing,
                state: Mutex::new(State {
                    order: Order::of(proxies.len()),
                    errors: vec![None; proxies.len()],
                    lines: CancellationToken::new(),
                    trouble: None,
                    returning: None,
                    returns: 0,
                }),
                places: Mutex::default(),
            }
        })
    }

    pub(super) fn is_direct(&self) -> bool {
        self.proxies.is_empty()
    }

    /// What the library dials through; `None`: directly.
    pub(super) fn proxy_url(&self, purpose: Purpose) -> Option<String> {
        if self.is_direct() {
            return None;
        }
        // Without a door nothing listens there: the dial fails, and does not go out another way.
        let door = self
            .door
            .unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 1)));
        let user = self.login.user_for(purpose);
        Some(format!("socks5://{user}:{}@{door}", self.login.password))
    }

    /// Where a data centre is about to be dialled.
    pub(super) fn note(&self, dc: i32, address: SocketAddr) {
        if !self.is_direct() {
            lock(&self.places).insert(address, dc);
        }
    }

    /// How often a line through here is to be pinged.
    pub(super) fn ping_every(&self, directly: Duration) -> Duration {
        match self.is_direct() {
            true => directly,
            false => directly.min(self.timing.ping_every),
        }
    }

    /// A line of our own.
    pub(super) async fn connect(&self, dc: i32, address: SocketAddr) -> io::Result<TcpStream> {
        if self.is_direct() {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            return Ok(stream);
        }
        self.note(dc, address);
        let mut stream = TcpStream::connect(self.door?).await?;
        stream.set_nodelay(true)?;
        let user = self.login.user_for(Purpose::Aside);
        let login = Some((user.as_str(), self.login.password.as_str()));
        let connected = socks::connect(&mut stream, login, address).await;
        connected.map_err(|_| io::Error::other(self.all_errors(&lock(&self.state)).to_string()))?;
        Ok(stream)
    }

    /// Is there one that nothing speaks against?
    pub(super) fn has_another(&self) -> bool {
        let now = Instant::now();
        let state = lock(&self.state);
        (0..self.proxies.len()).any(|way| !state.order.is_suspect(way, now))
    }

    /// Why no way works, when that is so.
    pub(super) fn trouble(&self) -> Option<StateReason> {
        if let (false, Err(kind)) = (self.is_direct(), self.door) {
            let detail = kind.to_string();
            return Some(StateReason::NoSockets { detail });
        }
        lock(&self.state).trouble.clone()
    }

    /// The way in use; `None`: directly, or none yet.
    pub(super) fn in_use(&self) -> Option<ProxyName> {
        let way = lock(&self.state).order.current()?;
        Some(self.proxies.get(way)?.name())
    }

    /// Telegram has answered on the account's line.
    pub(super) fn works(&self) {
        let mut state = lock(&self.state);
        state.trouble = None;
        if let Some(way) = state.order.current() {
            state.order.works(way);
            if let Some(error) = state.errors.get_mut(way) {
                *error = None;
            }
        }
    }

    /// The account's line was dialled, and Telegram never answered on it.
    pub(super) fn fruitless(&self) {
        let silent = {
            let state = lock(&self.state);
            // What a dial has said since tells more.
            let is_silent = |way: &usize| state.errors.get(*way).is_some_and(Option::is_none);
            state.order.current().filter(is_silent)
        };
        if let Some(way) = silent {
            self.fails(way, WayError::Silent);
        }
    }

    fn fails(&self, way: usize, error: WayError) {
        let mut state = lock(&self.state);
        state.order.failed(way, Instant::now());
        if let Some(slot) = state.errors.get_mut(way) {
            *slot = Some(error);
        }
        if state.errors.iter().all(Option::is_some) {
            state.trouble = Some(self.all_errors(&state));
        }
    }

    /// Each proxy with what it said last.
    fn all_errors(&self, state: &State) -> StateReason {
        let said = |(proxy, error): (&Arc<Proxy>, &Option<WayError>)| {
            let error = error.as_ref()?;
            Some(WayFault {
                proxy: proxy.name(),
                error: error.code().to_owned(),
                words: error.to_string(),
            })
        };
        let ways = self.proxies.iter().zip(&state.errors).filter_map(said);
        StateReason::NoWay {
            ways: ways.collect(),
        }
    }

    /// Over the first way that leads there.
    async fn dial(
        self: &Arc<Self>,
        purpose: Purpose,
        address: SocketAddr,
    ) -> Result<Line, WayError> {
        let dc = lock(&self.places)
            .get(&address)
            .copied()
            .unwrap_or_default();
        let target = Target { dc, address };
        let mut last = WayError::Closed;
        let list = lock(&self.state).order.list(Instant::now());
        for way in list {
            let Some(proxy) = self.proxies.get(way) else {
                continue;
            };
            match dial::dial(proxy, target, self.timing.dial_limit).await {
                Ok(upstream) => return Ok(self.take(purpose, way, target, upstream)),
                Err(error) => {
                    log::debug!("the way {proxy} does not lead to data centre {dc}: {error}");
                    if purpose.decides() || error.is_of_the_proxy() {
                        self.fails(way, error.clone());
                    } else if let Some(slot) = lock(&self.state).errors.get_mut(way) {
                        *slot = Some(error.clone());
                    }
                    last = error;
                }
            }
        }
        if purpose.decides() {
            let mut state = lock(&self.state);
            state.trouble = Some(self.all_errors(&state));
        }
        Err(last)
    }

    fn take(
        self: &Arc<Self>,
        purpose: Purpose,
        way: usize,
        target: Target,
        upstream: Upstream,
    ) -> Line {
        let mut state = lock(&self.state);
        if purpose.decides() && state.order.take(way) {
            // What went over the way before ends with it: one exit for all of an account's lines.
            std::mem::take(&mut state.lines).cancel();
        }
        if purpose == Purpose::Home {
            self.look_back(&mut state, target);
        }
        let is_current = state.order.current() == Some(way);
        let cut = match is_current {
            true => state.lines.clone(),
            // Its data centre is reached over this way alone; it ends by itself.
            false => CancellationToken::new(),
        };
        let silence = match purpose {
            Purpose::Home => Silence::For(self.timing.silence),
            Purpose::Once => Silence::AfterAsking(self.timing.silence),
            Purpose::Aside => Silence::Allowed,
        };
        Line {
            upstream,
            way,
            silence,
            cut,
        }
    }

    /// While a worse way is in use: looks whether a better one lives again.
    fn look_back(self: &Arc<Self>, state: &mut State, target: Target) {
        if state.order.better().is_empty() {
            state.returning = None;
            return;
        }
        if state
            .returning
            .as_ref()
            .is_some_and(|task| !task.is_finished())
        {
            return;
        }
        let wait = self.timing.return_every * 2_u32.pow(state.returns.min(MOST_DOUBLINGS));
        let looking = go_back(Arc::downgrade(self), target, wait);
        let task = self.relay.runtime().spawn(looking);
        state.returning = Some(AbortOnDropHandle::new(task));
    }

    /// From now on over this one; lines over the other end, and are dialled again.
    fn return_to(&self, way: usize) {
        let mut state = lock(&self.state);
        if !state.order.better().contains(&way) {
            return;
        }
        state.order.take(way);
        state.order.works(way);
        state.returns += 1;
        if let Some(error) = state.errors.get_mut(way) {
            *error = None;
        }
        std::mem::take(&mut state.lines).cancel();
    }
}

impl Drop for Ways {
    fn drop(&mut self) {
        self.relay.dismiss(&self.login);
        lock(&self.state).lines.cancel();
    }
}
