//! One connection pool of grammers: its session, its runner, and calls through it that always end.

mod brief;
mod kept;
mod session;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use grammers_client::sender::{
    ConnectionParams, InvocationError, NoRetries, SenderPool, SenderPoolHandle,
};
use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl::{Deserializable, RemoteCall};
use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle, time::timeout};

use self::session::KeyVeto;
use super::{
    error::{Broken, Failure},
    settings::Settings,
    ways::Purpose,
};
use crate::domain::LineFault;

pub use self::kept::Kept;
pub(super) use self::{brief::Brief, kept::KeptFor, session::PoolSession};

/// Packets that may wait for the link's task: each is 5 to 10 KB. What comes while it is full is lost below us, and
/// only the full queue shows it.
pub(super) const QUEUE: usize = 1_024;

/// A running pool. Dropping it cuts its connections.
pub(super) struct Pool {
    pub(super) calls: Calls,
    /// `None` once its end was seen: a finished task may not be asked again.
    runner: Option<JoinHandle<()>>,
}

impl Pool {
    pub(super) fn start(
        session: &Arc<PoolSession>,
        api_id: i32,
        (settings, purpose): (&Settings, Purpose),
        runtime: &Handle,
    ) -> (Self, mpsc::Receiver<UpdatesLike>) {
        let device = session.device().clone();
        // All fields by hand: the defaults run two programs to find out what system this is, each time.
        let params = ConnectionParams {
            device_model: device.model,
            system_version: device.system,
            app_version: device.app,
            system_lang_code: device.language.clone(),
            lang_code: device.language,
            proxy_url: session.ways().proxy_url(purpose),
            use_ipv6: settings.use_ipv6(),
            retry_policy: Box::new(NoRetries),
            updates_channel_capacity: NonZeroUsize::new(QUEUE).unwrap_or(NonZeroUsize::MIN),
            __non_exhaustive: (),
        };
        let pool = SenderPool::with_configuration(Arc::clone(session), api_id, params);
        let calls = Calls {
            handle: pool.handle.thin.clone(),
            session: Arc::clone(session),
        };
        let running = session.lines.track_future(pool.runner.run());
        let runner = Some(settings.runners.spawn_on(running, runtime));
        (Self { calls, runner }, pool.updates)
    }

    /// Resolves when the runner is gone: its panic, when it was one. Safe to drop.
    pub(super) async fn ended(&mut self) -> Option<String> {
        let runner = self.runner.as_mut()?;
        let end = runner.await;
        self.runner = None;
        match end {
            Err(error) => error.try_into_panic().ok().map(|panic| panic_text(&*panic)),
            Ok(()) => None,
        }
    }

    /// Politely at first; a runner that hangs in a dead connect does not listen, and is cut by the drop.
    pub(super) async fn close(mut self, limit: Duration) {
        self.calls.handle.quit();
        let _ = timeout(limit, self.ended()).await;
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(runner) = &self.runner {
            runner.abort();
        }
    }
}

/// The words of a panic, without what may have been formatted into them beyond a line.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words");
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}

/// Calls through one pool.
#[derive(Clone)]
pub(super) struct Calls {
    handle: SenderPoolHandle,
    session: Arc<PoolSession>,
}

impl Calls {
    /// Calls the home data centre; ends within `limit`, whatever happens below.
    pub(super) async fn home<R: RemoteCall>(
        &self,
        request: &R,
        limit: Duration,
    ) -> Result<R::Return, Failure> {
        self.at(self.session.home(), request, limit).await
    }

    /// The same at another data centre.
    pub(super) async fn at<R: RemoteCall>(
        &self,
        dc: i32,
        request: &R,
        limit: Duration,
    ) -> Result<R::Return, Failure> {
        // Raw on purpose: the other way asks a retry policy, which takes another turn through the runner.
        let call = self.handle.raw_invoke_in_dc(dc, request.to_bytes());
        let known_key = self.session.has_key(dc);
        match timeout(limit, call).await {
            Err(_) => Err(Failure::TimedOut),
            Ok(Err(error)) => Err(Failure::from_invocation(error, known_key)),
            Ok(Ok(body)) => R::Return::from_bytes(&body).map_err(|_| Failure::Unreadable),
        }
    }

    /// Every connection of the pool ends.
    pub(super) fn quit(&self) {
        self.handle.quit();
    }

    pub(super) fn cut(&self, dc: i32) {
        self.handle.disconnect_from_dc(dc);
    }
}

impl Failure {
    pub(super) fn from_invocation(error: InvocationError, known_key: bool) -> Self {
        use grammers_mtproto::transport::Error as Transport;
        match error {
            // The server has forgotten what the line began with: the next line says it again.
            InvocationError::Rpc(error) if is_unintroduced(&error.name) => Self::NoLine,
            InvocationError::Rpc(error) => Self::Rpc {
                code: error.code,
                name: error.name,
                value: error.value,
            },
            InvocationError::Session(error) if error.is::<KeyVeto>() => Self::KeyUnknown,
            InvocationError::Transport(Transport::BadStatus { status: 404 }) => Self::KeyUnknown,
            // -404 made grammers try a new key exchange, and that failed.
            InvocationError::Authentication(_) if known_key => Self::KeyUnknown,
            InvocationError::Authentication(error) => Self::Network(authentication(&error)),
            InvocationError::Deserialize(_) => Self::Unreadable,
            InvocationError::Io(error) => Self::Network(Broken::by(&error)),
            InvocationError::Transport(error) => Self::network(error.to_string()),
            InvocationError::Dropped(_) => Self::network("the line was cut"),
            InvocationError::InvalidDc => Self::network("an unknown data centre"),
            InvocationError::Session(_) => Self::network("the session could not be read"),
        }
    }
}

/// "Please initialize the connection using initConnection before making queries" (core.telegram.org/api/invoking).
fn is_unintroduced(name: &str) -> bool {
    matches!(name, "CONNECTION_NOT_INITED" | "CONNECTION_LAYER_INVALID")
}

/// What went wrong in grammers' key exchange, without the nonces its text would show.
fn authentication(error: &grammers_mtproto::authentication::Error) -> Broken {
    use grammers_mtproto::authentication::Error as E;
    match error {
        E::UnknownFingerprints { .. } => Broken {
            fault: LineFault::ForeignKey,
            words: "the server has none of Telegram's keys: configure its own".to_owned(),
        },
        _ => "the key exchange with the server failed".into(),
    }
}
