//! Signing in: by code, QR or a session string, with two-step verification, on a throw-away connection.

mod attempt;
mod code;
mod error;
mod given;
mod password;
mod qr;
mod saved;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::{runtime::Handle, task::AbortHandle};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    domain::{
        AccountId, ApiCredentials, CodeChannel, Device, Position, Proxy, SecretBytes, SecretText,
        SelfUser, Timestamp,
    },
    telegram::{Kept, KeyLease, SessionData, Telegram},
};

use attempt::Attempt;

pub use error::LoginError;

/// How a person signs in.
#[derive(Clone, Debug)]
pub enum SignInMethod {
    Phone(SecretText),
    Qr,
    /// A Telethon or Pyrogram session string.
    SessionString(SecretText),
}

pub struct SignInConfig {
    pub account_id: AccountId,
    pub api: ApiCredentials,
    pub method: SignInMethod,
    /// When the account is known already: a sign-in as somebody else is refused.
    pub expected_user: Option<i64>,
    /// The account's own ways out; `None`: the service's.
    pub proxies: Option<Vec<Proxy>>,
    /// What it calls itself; `None`: as the service does.
    pub device: Option<Device>,
}

/// What is waited for.
#[derive(Clone, Debug)]
pub enum SignInStep {
    /// Telegram sent a code.
    Code {
        via: CodeChannel,
        length: Option<u8>,
        /// What Telegram says of where it is.
        hint: Option<String>,
        /// From when another one may be asked for; `None` when Telegram gives no other way.
        resend_at: Option<Timestamp>,
        /// How the next one would come.
        next: Option<CodeChannel>,
    },
    /// Telegram wants the account to have an e-mail address first.
    Email,
    /// Two-step verification.
    Password {
        hint: Option<String>,
        /// It can be replaced by e-mail.
        recovery: bool,
        /// A reset is under way, and done by then.
        reset_at: Option<Timestamp>,
    },
    /// `url` is to be scanned with a phone that is signed in.
    Scan {
        url: SecretText,
        expires_at: Timestamp,
        /// A phone has scanned it, and Telegram is being asked what came of that.
        scanned: bool,
    },
    Done(Box<SignedIn>),
}

/// A finished sign-in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub session: SessionData,
    pub user: SelfUser,
    /// Masked: `+963***678`.
    pub phone: Option<String>,
    /// Telegram's present: where the account's updates begin.
    pub position: Position,
    /// Of a session that was brought along: nobody else dials with its key until it is stored.
    pub lease: Option<KeyLease>,
}

/// One sign-in under way. Methods are called one at a time; a second caller waits for the first.
pub struct SignIn {
    attempt: Arc<tokio::sync::Mutex<Attempt>>,
    view: Arc<View>,
    runtime: Handle,
}

/// What can be seen of a sign-in without waiting for what it is doing.
pub(super) struct View {
    shown: Mutex<Shown>,
    cancelled: CancellationToken,
    /// The step that is under way.
    running: Mutex<Option<AbortHandle>>,
}

struct Shown {
    step: SignInStep,
    saved: Option<SecretBytes>,
    /// Counts the steps, so that a change is seen by whoever asks next, also when nobody was waiting.
    version: u64,
    seen: u64,
}

impl View {
    fn new(step: SignInStep, saved: Option<SecretBytes>) -> Arc<Self> {
        Arc::new(Self {
            shown: Mutex::new(Shown {
                step,
                saved,
                version: 0,
                seen: 0,
            }),
            cancelled: CancellationToken::new(),
            running: Mutex::default(),
        })
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, Option<AbortHandle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, step: SignInStep, saved: Option<SecretBytes>) {
        let mut shown = self.shown();
        shown.step = step;
        shown.saved = saved;
        shown.version += 1;
    }

    fn take_unseen(&self) -> Option<SignInStep> {
        let mut shown = self.shown();
        if shown.seen == shown.version {
            return None;
        }
        shown.seen = shown.version;
        Some(shown.step.clone())
    }
}

impl SignIn {
    pub(in crate::telegram) async fn start(
        telegram: &Telegram,
        config: SignInConfig,
        kept: Kept,
    ) -> Result<Self, LoginError> {
        let runtime = telegram.runtime().clone();
        let settings = Arc::clone(telegram.settings());
        // Nobody has it yet: who does not wait any more has it broken off.
        let begun = AbortOnDropHandle::new(runtime.clone().spawn(async move {
            let method = config.method.clone();
            let mut attempt = Attempt::new(settings, runtime, (config, kept))?;
            let step = match method {
                SignInMethod::Phone(phone) => attempt.send_code(phone).await?,
                SignInMethod::Qr => attempt.export_token().await?,
                SignInMethod::SessionString(_) => attempt.adopt().await?,
            };
            Ok::<_, LoginError>((attempt, step))
        }));
        let (attempt, step) = begun.await.map_err(|_| stopping())??;
        Ok(Self::over(telegram, attempt, step))
    }

    pub(in crate::telegram) async fn resume(
        telegram: &Telegram,
        (api, proxies, device): (ApiCredentials, Option<&[Proxy]>, Option<Device>),
        (saved, kept): (&[u8], Kept),
    ) -> Result<Self, LoginError> {
        let (settings, runtime) = (Arc::clone(telegram.settings()), telegram.runtime().clone());
        let (attempt, step) =
            Attempt::resume(settings, runtime, (api, proxies, device), (saved, kept))?;
        Ok(Self::over(telegram, attempt, step))
    }

    fn over(telegram: &Telegram, attempt: Attempt, step: SignInStep) -> Self {
        let view = View::new(step.clone(), attempt.saved(&step));
        Self {
            attempt: Arc::new(tokio::sync::Mutex::new(attempt)),
            view,
            runtime: telegram.runtime().clone(),
        }
    }

    /// What is waited for now.
    #[must_use]
    pub fn state(&self) -> SignInStep {
        self.view.shown().step.clone()
    }

    /// # Errors
    /// See [`LoginError`]; after [`LoginError::WrongCode`] the same sign-in takes another try.
    pub async fn submit_code(&self, code: SecretText) -> Result<SignInStep, LoginError> {
        self.step(Action::Code(code)).await
    }

    /// The e-mail address that the account is to have; a code goes there.
    ///
    /// # Errors
    /// See [`LoginError`]; after [`LoginError::EmailRefused`] the same sign-in takes another one.
    pub async fn submit_email(&self, email: SecretText) -> Result<SignInStep, LoginError> {
        self.step(Action::Email(email)).await
    }

    /// # Errors
    /// See [`LoginError`]; after [`LoginError::WrongPassword`] the same sign-in takes another try.
    pub async fn submit_password(&self, password: SecretText) -> Result<SignInStep, LoginError> {
        self.step(Action::Password(password)).await
    }

    /// Asks for the code by the next way.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn resend(&self) -> Result<SignInStep, LoginError> {
        self.step(Action::Resend).await
    }

    /// Takes the code back at Telegram and drops the connection. A session that this sign-in has made, and that nobody
    /// will use, comes back: it is still signed in at Telegram.
    pub async fn cancel(&self) -> Option<SessionData> {
        self.view.cancelled.cancel();
        let attempt = Arc::clone(&self.attempt);
        // Bounded by the calls' own limits.
        self.runtime
            .spawn(async move { attempt.lock().await.cancel().await })
            .await
            .ok()?
    }

    /// Breaks off the step that is under way, whatever Telegram made of it.
    pub fn break_off(&self) {
        self.view.cancelled.cancel();
        if let Some(running) = self.view.running().take() {
            running.abort();
        }
    }

    /// Drives a QR sign-in; resolves when the step changes: a new code to show, one that was scanned, a password to ask for, or
    /// done.
    /// Call it again after each change. Safe to drop and call anew: a change in between is told to the next caller.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn wait_scan(&self) -> Result<SignInStep, LoginError> {
        if let Some(step) = self.view.take_unseen() {
            return Ok(step);
        }
        self.step(Action::Scan).await
    }

    /// What a restart of the service needs to go on where a code or password is waited for; to be sealed by the
    /// caller. `None` when there is nothing worth keeping.
    #[must_use]
    pub fn persist(&self) -> Option<SecretBytes> {
        self.view.shown().saved.clone()
    }

    /// Runs one step where parsing and proofs hold up nobody, and shows what came of it.
    async fn step(&self, action: Action) -> Result<SignInStep, LoginError> {
        let attempt = Arc::clone(&self.attempt);
        let view = Arc::clone(&self.view);
        let stepped = self.runtime.spawn(async move {
            let mut attempt = attempt.lock().await;
            if view.cancelled.is_cancelled() {
                return Err(LoginError::Cancelled);
            }
            let step = match action {
                Action::Code(code) => attempt.submit_code(code).await?,
                Action::Email(email) => attempt.submit_email(email).await?,
                Action::Password(password) => attempt.submit_password(password).await?,
                Action::Resend => attempt.resend_code().await?,
                Action::Scan => {
                    // A change that came while we waited for the one before us.
                    if let Some(step) = view.take_unseen() {
                        return Ok(step);
                    }
                    tokio::select! {
                        biased;
                        () = view.cancelled.cancelled() => return Err(LoginError::Cancelled),
                        step = attempt.wait_scan() => step?,
                    }
                }
            };
            view.show(step.clone(), attempt.saved(&step));
            Ok(step)
        });
        *self.view.running() = Some(stepped.abort_handle());
        let step = stepped.await.map_err(|_| stopping())??;
        self.view.take_unseen();
        Ok(step)
    }
}

enum Action {
    Code(SecretText),
    Email(SecretText),
    Password(SecretText),
    Resend,
    Scan,
}

/// Nobody could hear what comes of a step that is under way; whoever goes on with the sign-in asks Telegram how it stands.
impl Drop for SignIn {
    fn drop(&mut self) {
        self.break_off();
    }
}

fn stopping() -> LoginError {
    LoginError::Network("the service is stopping".to_owned())
}
