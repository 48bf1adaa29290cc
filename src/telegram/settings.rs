//! Settings: the data centres, what we call ourselves, and how long things may take.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    ops::Deref,
    sync::Arc,
    time::Duration,
};

use grammers_client::session::types::DcOption;
use tokio::{runtime::Handle, sync::OnceCell};
use tokio_util::task::TaskTracker;

use super::{
    TelegramError, WayTiming,
    budget::Budget,
    handshake::ServerKey,
    keys::KeysInUse,
    ways::{Exits, Relay, Ways},
};
use crate::domain::{Device, Proxy};

/// How long things take before they count as failed, and how often they are repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    pub ping_every: Duration,
    pub ping_limit: Duration,
    /// From dialling to the first answer.
    pub connect_limit: Duration,
    pub call_limit: Duration,
    pub difference_limit: Duration,
    /// A quiet `getDifference` that finds what no gap revealed.
    pub safety_every: Duration,
    /// Comparing every channel's position with its dialog.
    pub sweep_every: Duration,
    /// Pauses between attempts to reconnect grow from the first to the second.
    pub backoff_min: Duration,
    pub backoff_max: Duration,
    /// How long an unknown key (-404) is tried again before the account needs a sign-in.
    pub key_patience: Duration,
    pub close_limit: Duration,
    /// How long a hole between two updates may stay open before the difference is asked for.
    pub gap_patience: Duration,
    /// How long a line has to stand for its loss to be the first one again.
    pub steady_after: Duration,
    /// On the way through proxies.
    pub ways: WayTiming,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(15),
            ping_limit: Duration::from_secs(9),
            connect_limit: Duration::from_secs(20),
            call_limit: Duration::from_secs(15),
            difference_limit: Duration::from_secs(30),
            safety_every: Duration::from_secs(5 * 60),
            sweep_every: Duration::from_secs(24 * 60 * 60),
            backoff_min: Duration::from_millis(200),
            backoff_max: Duration::from_secs(30),
            key_patience: Duration::from_secs(10 * 60),
            close_limit: Duration::from_secs(3),
            gap_patience: Duration::from_millis(600),
            steady_after: Duration::from_secs(60),
            ways: WayTiming::default(),
        }
    }
}

/// What the Telegram side needs to know once.
#[derive(Clone, Debug)]
pub struct TelegramConfig {
    /// (data centre id, address); empty means Telegram's own. The first is where sign-ins start.
    pub custom_dcs: Vec<(i32, SocketAddr)>,
    /// RSA public key of those servers; without it Telegram's own production and test keys hold.
    pub dc_key_pem: Option<String>,
    /// The ways out of accounts that name none, in the order of preference; empty: directly.
    pub proxies: Vec<Proxy>,
    pub app_version: String,
    pub device_model: String,
    pub system_version: String,
    pub lang_code: String,
    /// Worker threads of the runtime; 0 means one per core, at most four.
    pub threads: usize,
    /// Bytes that may be read from Telegram and not stored yet, over all accounts.
    pub unstored_limit: usize,
    pub timing: Timing,
}

impl Default for TelegramConfig {
    fn default() -> Self {
        Self {
            custom_dcs: Vec::new(),
            dc_key_pem: None,
            proxies: Vec::new(),
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            device_model: "Switchboard".to_owned(),
            system_version: std::env::consts::OS.to_owned(),
            lang_code: "en".to_owned(),
            threads: 0,
            unstored_limit: 64 * 1024 * 1024,
            timing: Timing::default(),
        }
    }
}

impl TelegramConfig {
    /// What an account calls itself that was given no other name.
    #[must_use]
    pub fn device(&self) -> Device {
        Device {
            model: self.device_model.clone(),
            system: self.system_version.clone(),
            app: self.app_version.clone(),
            language: self.lang_code.clone(),
        }
    }
}

/// What all links have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) settings: Arc<Settings>,
    pub(super) budget: Arc<Budget>,
    pub(super) runtime: Handle,
}

/// What every link and sign-in works with; they hold this, never the runtime itself.
pub(super) struct Settings {
    pub(super) config: TelegramConfig,
    pub(super) server_key: Option<ServerKey>,
    /// For [`super::clock`].
    pub(super) clock_was_wrong: OnceCell<bool>,
    pub(super) keys: KeysInUse,
    /// The library's tasks, also those that nobody waits for any more.
    pub(super) runners: TaskTracker,
    relay: Relay,
    exits: Exits,
}

impl Deref for Settings {
    type Target = TelegramConfig;

    fn deref(&self) -> &TelegramConfig {
        &self.config
    }
}

impl Settings {
    pub(super) fn check(config: TelegramConfig, runtime: &Handle) -> Result<Self, TelegramError> {
        for (id, _) in &config.custom_dcs {
            if !(1..=255).contains(id) {
                return Err(TelegramError::DcOutOfRange(*id));
            }
        }
        let server_key = match config.dc_key_pem.as_deref() {
            Some(pem) => Some(ServerKey::from_pem(pem).ok_or(TelegramError::BadKey)?),
            None => None,
        };
        Ok(Self {
            config,
            server_key,
            clock_was_wrong: OnceCell::new(),
            keys: KeysInUse::default(),
            runners: TaskTracker::new(),
            relay: Relay::new(runtime.clone()),
            exits: Exits::default(),
        })
    }

    /// Custom servers stand alone: none of Telegram's addresses beside them.
    pub(super) fn known_dcs(&self) -> BTreeMap<i32, DcOption> {
        if self.config.custom_dcs.is_empty() {
            return grammers_client::session::SessionData::default()
                .dc_options
                .into_iter()
                .collect();
        }
        self.config
            .custom_dcs
            .iter()
            .map(|(id, address)| (*id, dc_at(*id, *address)))
            .collect()
    }

    /// Of an account that names its own, or none. An empty list of its own: directly.
    pub(super) fn ways(&self, own: Option<&[Proxy]>) -> Arc<Ways> {
        let proxies = own.unwrap_or(&self.config.proxies);
        Ways::new(proxies, &self.relay, &self.exits, &self.config.timing)
    }

    pub(super) fn pinned_dcs(&self) -> Vec<i32> {
        self.config.custom_dcs.iter().map(|(id, _)| *id).collect()
    }

    /// Where a sign-in starts; Telegram moves it elsewhere when the number lives there.
    pub(super) fn first_dc(&self) -> i32 {
        const TELEGRAMS: i32 = 2;
        self.config
            .custom_dcs
            .first()
            .map_or(TELEGRAMS, |(id, _)| *id)
    }

    pub(super) fn use_ipv6(&self) -> bool {
        self.config
            .custom_dcs
            .iter()
            .any(|(_, address)| address.is_ipv6())
    }
}

/// A data centre's entry for an address of either family.
fn dc_at(id: i32, address: SocketAddr) -> DcOption {
    let (ipv4, ipv6) = match address {
        SocketAddr::V4(v4) => (
            v4,
            SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0),
        ),
        SocketAddr::V6(v6) => {
            let v4 = v6.ip().to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED);
            (SocketAddrV4::new(v4, v6.port()), v6)
        }
    };
    DcOption {
        id,
        ipv4,
        ipv6,
        auth_key: None,
    }
}
