//! The Telegram side of the service: one runtime and one budget for all links.

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use prometheus_client::registry::Registry;
use tokio::{
    runtime::{Handle, Runtime},
    sync::mpsc,
    time::timeout,
};

use super::{
    Kept, LinkConfig, LinkEvent, LinkHandle, LoginError, SessionData, SignIn, SignInConfig,
    TelegramConfig, TelegramError, WayReport,
    budget::Budget,
    pool::PoolSession,
    settings::{Common, Settings},
    ways,
};
use crate::domain::{AccountId, ApiCredentials, Device, Proxy};

/// Closed lines are gone within this, unless they hang.
const GOODBYE: Duration = Duration::from_secs(1);

/// Cheap to clone; the runtime stops when the last clone is dropped.
#[derive(Clone)]
pub struct Telegram {
    inner: Arc<Inner>,
}

struct Inner {
    common: Common,
    runtime: Option<Runtime>,
}

impl Telegram {
    /// Starts the runtime that all links run on.
    ///
    /// # Errors
    /// When the runtime can't start, or a data centre's id or the key makes no sense.
    pub fn start(config: TelegramConfig) -> Result<Self, TelegramError> {
        let threads = match config.threads {
            0 => available_parallelism().map_or(2, usize::from).clamp(2, 4),
            threads => threads,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("telegram")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let settings = Arc::new(Settings::check(config, &handle)?);
        let common = Common {
            budget: Budget::new(settings.unstored_limit, handle.clone()),
            settings,
            runtime: handle,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                common,
                runtime: Some(runtime),
            }),
        })
    }

    pub(super) fn settings(&self) -> &Arc<Settings> {
        &self.inner.common.settings
    }

    /// What all links run on.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        &self.inner.common.runtime
    }

    /// What waits for the store, for the metrics page.
    pub fn register(&self, registry: &mut Registry) {
        self.inner.common.budget.register(registry);
    }

    /// Opens one account's link. Returns at once; what becomes of it comes as events, the last one being `Ended`.
    #[must_use]
    pub fn open_link(&self, config: LinkConfig) -> (LinkHandle, mpsc::Receiver<LinkEvent>) {
        LinkHandle::open(self.inner.common.clone(), config)
    }

    /// Ends when no link of the account has a connection any more, however long that takes. Safe to drop.
    pub async fn rest(&self, account: AccountId) {
        self.inner.common.settings.keys.rest(account).await;
    }

    /// Starts a sign-in on a connection of its own, up to the first thing a person has to do. What is `kept` is let go of when the
    /// sign-in is over and its connections are closed.
    ///
    /// # Errors
    /// Whatever keeps Telegram from taking the first step.
    pub async fn sign_in(&self, config: SignInConfig, kept: Kept) -> Result<SignIn, LoginError> {
        SignIn::start(self, config, kept).await
    }

    /// Goes on with a sign-in that waited for its code when the service stopped. `saved` is what
    /// [`SignIn::persist`] gave, unsealed.
    ///
    /// # Errors
    /// When the bytes can't be read or the code has expired meanwhile.
    pub async fn resume_sign_in(
        &self,
        (api, proxies, device): (ApiCredentials, Option<Vec<Proxy>>, Option<Device>),
        saved: &[u8],
        kept: Kept,
    ) -> Result<SignIn, LoginError> {
        SignIn::resume(self, (api, proxies.as_deref(), device), (saved, kept)).await
    }

    /// What an account calls itself that was given no other name.
    #[must_use]
    pub fn device(&self) -> Device {
        self.settings().config.device()
    }

    /// Which data centres each way reaches, and how fast: the account's own ways, or the service's. `session`: where the
    /// account's data centres lie, if that is known.
    pub async fn test_ways(
        &self,
        own: Option<&[Proxy]>,
        session: Option<&SessionData>,
    ) -> Vec<WayReport> {
        let settings = Arc::clone(self.settings());
        let proxies = own.unwrap_or(&settings.config.proxies).to_vec();
        let ways = settings.ways(Some(&[]));
        let dcs =
            PoolSession::new(session, &settings, (Arc::clone(&ways), None)).addresses(&settings);
        let testing = self
            .runtime()
            .spawn(async move { ways::report(&proxies, (&ways, &settings), &dcs).await });
        testing.await.unwrap_or_default()
    }

    /// Waits until the lines that were closed are gone: a runtime that ends under them makes the library panic. What hangs
    /// in a dead connect is not waited for.
    pub async fn settle(&self) {
        let runners = &self.settings().runners;
        runners.close();
        let _ = timeout(GOODBYE, runners.wait()).await;
    }

    #[must_use]
    pub fn config(&self) -> &TelegramConfig {
        &self.inner.common.settings.config
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
