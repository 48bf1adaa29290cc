//! The Telegram side of the service: one runtime for all links, the data centres, and what we call ourselves.

use std::{
    collections::BTreeMap, net::SocketAddr, ops::Deref, sync::Arc, thread::available_parallelism,
    time::Duration,
};

use grammers_client::session::types::DcOption;
use prometheus_client::registry::Registry;
use tokio::{
    runtime::{Handle, Runtime},
    sync::{OnceCell, mpsc},
};

use super::{
    LinkConfig, LinkEvent, LinkHandle, LoginError, SignIn, SignInConfig, TelegramError,
    budget::Budget, handshake::ServerKey, pool::dc_at,
};
use crate::domain::{AccountId, ApiCredentials};

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

/// What every link and sign-in works with; they hold this, never the runtime itself.
pub(super) struct Settings {
    pub(super) config: TelegramConfig,
    pub(super) server_key: Option<ServerKey>,
    /// For [`super::clock`].
    pub(super) clock_was_wrong: OnceCell<bool>,
}

impl Deref for Settings {
    type Target = TelegramConfig;

    fn deref(&self) -> &TelegramConfig {
        &self.config
    }
}

impl Settings {
    fn check(config: TelegramConfig) -> Result<Self, TelegramError> {
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

/// Cheap to clone; the runtime stops when the last clone is dropped.
#[derive(Clone)]
pub struct Telegram {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Arc<Settings>,
    budget: Arc<Budget>,
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Telegram {
    /// Starts the runtime that all links run on.
    ///
    /// # Errors
    /// When the runtime can't start, or a data centre's id or the key makes no sense.
    pub fn start(config: TelegramConfig) -> Result<Self, TelegramError> {
        let settings = Arc::new(Settings::check(config)?);
        let threads = match settings.threads {
            0 => available_parallelism().map_or(2, usize::from).clamp(2, 4),
            threads => threads,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("telegram")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let budget = Budget::new(settings.unstored_limit, handle.clone());
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                budget,
                runtime: Some(runtime),
                handle,
            }),
        })
    }

    pub(super) fn settings(&self) -> &Arc<Settings> {
        &self.inner.settings
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.inner.handle
    }

    pub(super) fn budget(&self) -> &Arc<Budget> {
        &self.inner.budget
    }

    /// What waits for the store, for the metrics page.
    pub fn register(&self, registry: &mut Registry) {
        self.inner.budget.register(registry);
    }

    /// Opens one account's link. Returns at once; what becomes of it comes as events, the last one being `Ended`.
    #[must_use]
    pub fn open_link(&self, config: LinkConfig) -> (LinkHandle, mpsc::Receiver<LinkEvent>) {
        LinkHandle::open(self, config)
    }

    /// Starts a sign-in on a connection of its own, up to the first thing a person has to do.
    ///
    /// # Errors
    /// Whatever keeps Telegram from taking the first step.
    pub async fn sign_in(&self, config: SignInConfig) -> Result<SignIn, LoginError> {
        SignIn::start(self, config).await
    }

    /// Goes on with a sign-in that waited for its code when the service stopped. `saved` is what
    /// [`SignIn::persist`] gave, unsealed.
    ///
    /// # Errors
    /// When the bytes can't be read or the code has expired meanwhile.
    pub async fn resume_sign_in(
        &self,
        _account_id: AccountId,
        api: ApiCredentials,
        saved: &[u8],
    ) -> Result<SignIn, LoginError> {
        SignIn::resume(self, api, saved).await
    }

    #[must_use]
    pub fn config(&self) -> &TelegramConfig {
        &self.inner.settings.config
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The last clone may be dropped inside another runtime, where waiting is forbidden.
            runtime.shutdown_background();
        }
    }
}
