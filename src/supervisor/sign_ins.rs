//! Sign-ins: every sign-in under way, one per account, from the first order to the running account.
//!
//! Codes and passwords pass through here in memory and are dropped; what has to survive a restart between "code
//! sent" and "verified" is sealed by the vault.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use actix::Addr;
use tokio_util::sync::CancellationToken;

use super::{
    Supervisor,
    actor::{RestartAccount, StopAccount},
    qr,
};
use crate::{
    account::{AccountParts, journal},
    domain::{
        AccountId, AccountState, AttemptKind, AttemptOutcome, EventBody, Login, LoginMethod,
        LoginStep, Proxy, ProxyError, QrCode, SecretText, StateChange, Timestamp,
    },
    store::{AccountPatch, LoginLimit, NewLoginAttempt, StoreError},
    telegram::{LoginError, SessionData, SignIn, SignInConfig, SignInMethod, SignInStep, SignedIn},
    vault::VaultError,
};

/// Wrong codes or passwords before a sign-in is over.
const TRIES: u32 = 5;
/// Sign-ins that may be started within [`LIMIT_WINDOW`] for one account, for one number by the same people, and by one owner
/// whatever the numbers.
const STARTS: i64 = 10;
const LIMIT_WINDOW: Duration = Duration::from_secs(3600);
/// How long a person may take.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Until Telegram is asked again about a QR code that it did not answer for.
const QR_PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error("no sign-in is under way for this account: start one first")]
    NotStarted,
    #[error("too many sign-ins were started: wait an hour")]
    TooMany,
    /// What is stored of the account's ways can't be used.
    #[error(transparent)]
    Ways(#[from] ProxyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// For whom a sign-in is started.
#[derive(Clone, Debug)]
pub enum Whose {
    /// The operator.
    Desk,
    /// One of those who have an account of their own, by its tag.
    Owner(String),
}

/// Cheap to clone.
#[derive(Clone)]
pub struct SignIns {
    parts: AccountParts,
    supervisor: Addr<Supervisor>,
    running: Arc<Mutex<HashMap<AccountId, Entry>>>,
}

#[derive(Clone)]
enum Entry {
    Running(Arc<Running>),
    /// The last word of a finished one, for a page that asks late.
    Finished(Login),
}

struct Running {
    account_id: AccountId,
    method: LoginMethod,
    sign_in: SignIn,
    tries_left: AtomicU32,
    attempt: i64,
    expires_at: Timestamp,
    /// One answer at a time, so that two entered codes can't race.
    turn: tokio::sync::Mutex<()>,
    /// Over, one way or another: nothing has to be watched any more.
    over: CancellationToken,
}

impl SignIns {
    pub(super) fn new(parts: AccountParts, supervisor: Addr<Supervisor>) -> Self {
        Self {
            parts,
            supervisor,
            running: Arc::default(),
        }
    }

    /// Starts (or starts anew) a sign-in. A session that the account has stays in use until the new one is there.
    ///
    /// # Errors
    /// What keeps Telegram from taking the first step; then no sign-in is under way.
    pub async fn begin(
        &self,
        id: AccountId,
        method: SignInMethod,
        whose: Whose,
    ) -> Result<Login, SignInError> {
        let attempt = self.admit(id, &method, &whose).await?;
        self.drop_running(id).await;
        let credentials = self.parts.vault.credentials(id).await?;
        let known = self.parts.store.get_account(id).await?;
        let config = SignInConfig {
            account_id: id,
            api: credentials.api,
            proxies: ways_of(credentials.proxies.as_ref())?,
            method: method.clone(),
            expected_user: known.and_then(|account| account.user).map(|user| user.id),
        };
        let sign_in = match self.parts.telegram.sign_in(config).await {
            Ok(sign_in) => sign_in,
            Err(error) => {
                self.record(attempt, Err(&error)).await;
                return Err(error.into());
            }
        };
        let running = Arc::new(Running {
            account_id: id,
            method: login_method(&method),
            sign_in,
            tries_left: AtomicU32::new(TRIES),
            attempt,
            expires_at: Timestamp::now().plus(LIFETIME),
            turn: tokio::sync::Mutex::new(()),
            over: CancellationToken::new(),
        });
        self.put(id, Entry::Running(Arc::clone(&running)));
        self.watch(&running);
        self.advance(&running, running.sign_in.state()).await
    }

    /// Goes on with a sign-in that waited for its code when the service stopped.
    ///
    /// # Errors
    /// When the vault can't be read, or the code has expired meanwhile.
    pub async fn resume(&self, id: AccountId) -> Result<(), SignInError> {
        let Some(saved) = self.parts.vault.sign_in_state(id).await? else {
            return Ok(());
        };
        let credentials = self.parts.vault.credentials(id).await?;
        let attempt = NewLoginAttempt {
            account_id: Some(id),
            subject: id.to_string(),
            owner: None,
            kind: AttemptKind::Phone,
        };
        let attempt = self.parts.store.record_login_attempt(attempt).await?;
        let resumed = self
            .parts
            .telegram
            .resume_sign_in(
                id,
                (credentials.api, ways_of(credentials.proxies.as_ref())?),
                saved.expose(),
            )
            .await;
        let sign_in = match resumed {
            Ok(sign_in) => sign_in,
            Err(error) => {
                self.record(attempt, Err(&error)).await;
                self.parts.vault.save_sign_in_state(id, None).await?;
                self.back_to_rest(id).await;
                return Err(error.into());
            }
        };
        let running = Arc::new(Running {
            account_id: id,
            method: LoginMethod::Phone,
            sign_in,
            tries_left: AtomicU32::new(TRIES),
            attempt,
            expires_at: Timestamp::now().plus(LIFETIME),
            turn: tokio::sync::Mutex::new(()),
            over: CancellationToken::new(),
        });
        self.put(id, Entry::Running(Arc::clone(&running)));
        self.watch(&running);
        self.advance(&running, running.sign_in.state()).await?;
        Ok(())
    }

    /// # Errors
    /// [`LoginError::WrongCode`] leaves the sign-in as it is until the tries are used up.
    pub async fn submit_code(&self, id: AccountId, code: SecretText) -> Result<Login, SignInError> {
        let running = self.find(id)?;
        let _turn = running.turn.lock().await;
        let step = running.sign_in.submit_code(code).await;
        self.answered(&running, step).await
    }

    /// # Errors
    /// [`LoginError::WrongPassword`] leaves the sign-in as it is until the tries are used up.
    pub async fn submit_password(
        &self,
        id: AccountId,
        password: SecretText,
    ) -> Result<Login, SignInError> {
        let running = self.find(id)?;
        let _turn = running.turn.lock().await;
        let attempt = NewLoginAttempt {
            account_id: Some(id),
            subject: format!("2fa {id}"),
            owner: None,
            kind: AttemptKind::TwoFactor,
        };
        let attempt = self.parts.store.record_login_attempt(attempt).await?;
        let step = running.sign_in.submit_password(password).await;
        let result = step.as_ref().map(|_| ());
        self.record(attempt, result).await;
        self.answered(&running, step).await
    }

    /// # Errors
    /// When Telegram knows no other way, or wants a pause.
    pub async fn resend(&self, id: AccountId) -> Result<Login, SignInError> {
        let running = self.find(id)?;
        let _turn = running.turn.lock().await;
        let step = running.sign_in.resend().await?;
        self.advance(&running, step).await
    }

    /// Ends a sign-in; nothing happens when there is none.
    pub async fn cancel(&self, id: AccountId) {
        if let Some(running) = self.drop_running(id).await {
            self.record(running.attempt, Err(&LoginError::Cancelled))
                .await;
            self.back_to_rest(id).await;
            self.announce(id, None).await;
        }
    }

    /// How far the sign-in of an account is.
    #[must_use]
    pub fn login_of(&self, id: AccountId) -> Option<Login> {
        match self.entry(id)? {
            Entry::Running(running) => Some(running.login(&running.sign_in.state())),
            Entry::Finished(login) => Some(login),
        }
    }

    /// Drops all connections; what can be resumed is sealed already.
    pub(super) async fn close(&self) {
        let entries = std::mem::take(&mut *self.lock());
        drop(entries);
    }

    /// Counted where it is written down: of many at once no more get through than of one after the other.
    async fn admit(
        &self,
        id: AccountId,
        method: &SignInMethod,
        whose: &Whose,
    ) -> Result<i64, SignInError> {
        let (whose, owner) = match whose {
            Whose::Desk => ("desk", None),
            Whose::Owner(tag) => (tag.as_str(), Some(tag.clone())),
        };
        // Nobody's tries are counted against somebody else who has the same number.
        let subject = match method {
            SignInMethod::Phone(phone) => format!("{whose} {}", phone.expose()),
            SignInMethod::Qr | SignInMethod::SessionString(_) => id.to_string(),
        };
        let now = Timestamp::now().millis();
        let since =
            Timestamp::from_millis(now - i64::try_from(LIMIT_WINDOW.as_millis()).unwrap_or(0));
        let attempt = NewLoginAttempt {
            account_id: Some(id),
            subject,
            owner,
            kind: attempt_kind(method),
        };
        let limit = LoginLimit {
            since,
            starts: STARTS,
        };
        let admitted = self.parts.store.admit_login_attempt(attempt, limit).await?;
        admitted.ok_or(SignInError::TooMany)
    }

    async fn answered(
        &self,
        running: &Arc<Running>,
        step: Result<SignInStep, LoginError>,
    ) -> Result<Login, SignInError> {
        let error = match step {
            Ok(step) => return self.advance(running, step).await,
            Err(error) => error,
        };
        let wrong = matches!(error, LoginError::WrongCode | LoginError::WrongPassword);
        let left = if wrong {
            running
                .tries_left
                .fetch_sub(1, Ordering::AcqRel)
                .saturating_sub(1)
        } else {
            running.tries_left.load(Ordering::Acquire)
        };
        let over = left == 0 || !leaves_the_sign_in_open(&error);
        if over {
            self.record(running.attempt, Err(&error)).await;
            self.drop_running(running.account_id).await;
            self.back_to_rest(running.account_id).await;
            self.announce(running.account_id, None).await;
        } else {
            let login = running.login(&running.sign_in.state());
            self.announce(running.account_id, Some(login)).await;
        }
        Err(if wrong && left == 0 {
            LoginError::TooManyAttempts
        } else {
            error
        }
        .into())
    }

    /// Keeps and tells a new step.
    async fn advance(
        &self,
        running: &Arc<Running>,
        step: SignInStep,
    ) -> Result<Login, SignInError> {
        let id = running.account_id;
        let login = running.login(&step);
        if let SignInStep::Done(signed_in) = step {
            let lease = signed_in.lease.clone();
            let finished = self.finish(running, *signed_in).await;
            if let Some(lease) = lease {
                lease.release();
            }
            finished?;
            running.over.cancel();
            self.put(id, Entry::Finished(login.clone()));
        } else {
            let saved = running.sign_in.persist();
            self.parts
                .vault
                .save_sign_in_state(id, saved.as_ref())
                .await?;
            self.show_signing_in(id).await?;
        }
        self.announce(id, Some(login.clone())).await;
        Ok(login)
    }

    /// The account gets its new session, and runs.
    async fn finish(&self, running: &Running, signed_in: SignedIn) -> Result<(), SignInError> {
        let id = running.account_id;
        // The old session must be at rest before the new one is used.
        let _ = self.supervisor.send(StopAccount(id)).await;
        let AccountParts { store, vault, .. } = &self.parts;
        vault
            .save_session(id, &signed_in.session.to_bytes())
            .await?;
        vault.save_sign_in_state(id, None).await?;
        vault.describe(id, None, Some(true)).await?;
        store.begin_anew(id, signed_in.position).await?;
        let patch = AccountPatch {
            phone_masked: signed_in.phone,
            user: Some(signed_in.user),
            is_active: Some(true),
            ..AccountPatch::default()
        };
        store.patch_account(id, patch).await?;
        self.record(running.attempt, Ok(())).await;
        self.enter(id, StateChange::to(AccountState::Connecting))
            .await;
        let _ = self.supervisor.send(RestartAccount(id)).await;
        Ok(())
    }

    /// A working account stays online while it is signed in anew.
    async fn show_signing_in(&self, id: AccountId) -> Result<(), SignInError> {
        let account = self.parts.store.get_account(id).await?;
        let at_rest = account.is_some_and(|account| {
            matches!(
                account.state,
                AccountState::SignedOut | AccountState::NeedsLogin | AccountState::Failed
            )
        });
        if at_rest {
            self.enter(id, StateChange::to(AccountState::SigningIn))
                .await;
        }
        Ok(())
    }

    /// A sign-in that came to nothing leaves the account as it can be.
    async fn back_to_rest(&self, id: AccountId) {
        let signing_in = match self.parts.store.get_account(id).await {
            Ok(Some(account)) => account.state == AccountState::SigningIn,
            Ok(None) | Err(_) => false,
        };
        if !signing_in {
            return;
        }
        let has_session = self
            .parts
            .vault
            .credentials(id)
            .await
            .is_ok_and(|credentials| credentials.session.is_some());
        let state = if has_session {
            AccountState::NeedsLogin
        } else {
            AccountState::SignedOut
        };
        self.enter(id, StateChange::to(state)).await;
    }

    async fn enter(&self, id: AccountId, change: StateChange) {
        if let Err(error) = journal::enter(&self.parts.store, id, change, None).await {
            log::error!(target: "switchboard::account", "account={id} its state could not be stored: {error}");
        }
    }

    async fn announce(&self, account_id: AccountId, login: Option<Login>) {
        let told = EventBody::LoginUpdated { account_id, login };
        if let Err(error) = self.parts.store.announce(told).await {
            log::warn!(target: "switchboard::account", "account={account_id} a sign-in step was not announced: {error}");
        }
    }

    async fn record(&self, attempt: i64, result: Result<(), &LoginError>) {
        let (outcome, error) = match result {
            Ok(()) => (AttemptOutcome::Success, None),
            Err(error) => (AttemptOutcome::Failed, Some(error.to_string())),
        };
        self.record_outcome(attempt, outcome, error).await;
    }

    async fn record_outcome(&self, attempt: i64, outcome: AttemptOutcome, error: Option<String>) {
        let store = &self.parts.store;
        if let Err(error) = store.finish_login_attempt(attempt, outcome, error).await {
            log::error!(target: "switchboard::account", "a sign-in attempt could not be recorded: {error}");
        }
    }

    /// Follows a sign-in that moves by itself (QR), and ends one that nobody finishes.
    fn watch(&self, running: &Arc<Running>) {
        let sign_ins = self.clone();
        let running = Arc::clone(running);
        actix::spawn(async move {
            let left = running.expires_at.until(Timestamp::now());
            tokio::select! {
                () = running.over.cancelled() => return,
                () = sign_ins.follow(&running) => return,
                () = tokio::time::sleep(left) => {}
            }
            if sign_ins.is_current(&running) {
                let id = running.account_id;
                let why = "nobody finished the sign-in in time".to_owned();
                sign_ins
                    .record_outcome(running.attempt, AttemptOutcome::Timeout, Some(why))
                    .await;
                sign_ins.drop_running(id).await;
                sign_ins.back_to_rest(id).await;
                sign_ins.announce(id, None).await;
            }
        });
    }

    async fn follow(&self, running: &Arc<Running>) {
        while self.is_current(running) {
            if !matches!(running.sign_in.state(), SignInStep::Scan { .. }) {
                // A person has to act now; the deadline outside goes on.
                return std::future::pending().await;
            }
            match running.sign_in.wait_scan().await {
                Ok(step) if self.is_current(running) => {
                    if let Err(error) = self.advance(running, step).await {
                        log::warn!(target: "switchboard::account", "account={} the sign-in could not go on: {error}", running.account_id);
                        return;
                    }
                }
                Ok(_) => return,
                // The person can't do anything about it, so it goes on by itself; the deadline outside bounds it.
                Err(LoginError::FloodWait(wait)) => tokio::time::sleep(wait).await,
                Err(LoginError::Network(why)) => {
                    log::warn!(target: "switchboard::account", "account={} a QR code could not be renewed, asked again in {} s: {why}", running.account_id, QR_PAUSE.as_secs());
                    tokio::time::sleep(QR_PAUSE).await;
                }
                Err(error) => {
                    // The refusal itself is told by the record and by the missing sign-in.
                    let _ = self.answered(running, Err(error)).await;
                    return;
                }
            }
        }
    }

    fn is_current(&self, running: &Arc<Running>) -> bool {
        matches!(self.entry(running.account_id), Some(Entry::Running(current)) if Arc::ptr_eq(&current, running))
    }

    fn find(&self, id: AccountId) -> Result<Arc<Running>, SignInError> {
        match self.entry(id) {
            Some(Entry::Running(running)) => Ok(running),
            Some(Entry::Finished(_)) | None => Err(SignInError::NotStarted),
        }
    }

    async fn drop_running(&self, id: AccountId) -> Option<Arc<Running>> {
        let entry = self.lock().remove(&id);
        let Some(Entry::Running(running)) = entry else {
            return None;
        };
        running.over.cancel();
        if let Some(session) = running.sign_in.cancel().await {
            self.part_from(id, &session).await;
        }
        if let Err(error) = self.parts.vault.save_sign_in_state(id, None).await {
            log::warn!(target: "switchboard::account", "account={id} what was kept of a sign-in could not be dropped: {error}");
        }
        Some(running)
    }

    /// Also a session that nobody will use is signed out at Telegram.
    async fn part_from(&self, id: AccountId, session: &SessionData) {
        let parted = self.parts.vault.part_from(id, &session.to_bytes()).await;
        if let Err(error) = parted {
            log::warn!(target: "switchboard::account", "account={id} the session of a sign-in that came to nothing stays signed in, end it by hand, in Telegram under Settings, Devices: {error}");
        }
    }

    fn entry(&self, id: AccountId) -> Option<Entry> {
        self.lock().get(&id).cloned()
    }

    fn put(&self, id: AccountId, entry: Entry) {
        self.lock().insert(id, entry);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<AccountId, Entry>> {
        // Single statements only: a panic elsewhere can't leave the map half-changed.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn login(&self, step: &SignInStep) -> Login {
        let mut login = Login {
            method: self.method,
            step: LoginStep::Done,
            code_via: None,
            code_length: None,
            expires_at: Some(self.expires_at),
            resend_at: None,
            password_hint: None,
            attempts_left: Some(self.tries_left.load(Ordering::Acquire)),
            qr: None,
        };
        match step {
            SignInStep::Code {
                via,
                length,
                resend_at,
                ..
            } => {
                login.step = LoginStep::Code;
                login.code_via = Some(*via);
                login.code_length = *length;
                login.resend_at = *resend_at;
            }
            SignInStep::Password { hint } => {
                login.step = LoginStep::Password;
                login.password_hint = hint.clone();
            }
            SignInStep::Scan {
                url,
                expires_at,
                scanned,
            } => {
                login.step = LoginStep::Scan;
                login.qr = qr::draw(url.expose()).map(|svg| QrCode {
                    url: url.expose().to_owned(),
                    svg,
                    expires_at: *expires_at,
                    scanned: *scanned,
                });
            }
            SignInStep::Done(_) => {
                login.expires_at = None;
                login.attempts_left = None;
            }
        }
        login
    }
}

const fn leaves_the_sign_in_open(error: &LoginError) -> bool {
    matches!(
        error,
        LoginError::WrongCode
            | LoginError::WrongPassword
            | LoginError::PasswordNeeded
            | LoginError::FloodWait(_)
            | LoginError::Network(_)
            | LoginError::WrongStep
            | LoginError::CodeExpired
    )
}

const fn attempt_kind(method: &SignInMethod) -> AttemptKind {
    match method {
        SignInMethod::Phone(_) => AttemptKind::Phone,
        SignInMethod::Qr => AttemptKind::Qr,
        SignInMethod::SessionString(_) => AttemptKind::Session,
    }
}

const fn login_method(method: &SignInMethod) -> LoginMethod {
    match method {
        SignInMethod::Phone(_) => LoginMethod::Phone,
        SignInMethod::Qr => LoginMethod::Qr,
        SignInMethod::SessionString(_) => LoginMethod::Session,
    }
}

/// The account's own; `None`: the service's.
fn ways_of(proxies: Option<&SecretText>) -> Result<Option<Vec<Proxy>>, ProxyError> {
    proxies.map(Proxy::parse_lines).transpose()
}
