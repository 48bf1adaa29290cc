//! Sign-ins: every sign-in under way, one per account, from the first order to the running account.
//!
//! Codes and passwords pass through here in memory and are dropped; what has to survive a restart between "code
//! sent" and "verified" is sealed by the vault.

mod outcome;
mod running;
mod steps;
mod watch;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU32},
    time::Duration,
};

use actix::Addr;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::{
    running::{Entry, Running, login_method},
    steps::limited,
};
use super::Supervisor;
use crate::{
    account::AccountParts,
    domain::{
        AccountId, AttemptKind, AttemptOutcome, Device, Login, LoginMethod, Proxy, ProxyError,
        SecretText, Timestamp,
    },
    nodes::Use,
    store::{LoginLimit, NewLoginAttempt, StoreError},
    telegram::{LoginError, SessionData, SignInConfig, SignInMethod},
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
/// How long a caller waits for a step, however many calls it is.
const STEP_LIMIT: Duration = Duration::from_secs(20);
/// Until a store that is away is asked again to keep what a sign-in came to.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How long a step may still take when its account goes to another node, which waits for it: less than the node's own goodbye takes.
const STEP_GRACE: Duration = Duration::from_secs(2);
const MOVED: &str = "the account is on its way to another node";
const SLOW: &str = "Telegram took too long for a step of the sign-in";

#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error("no sign-in is under way for this account: start one first")]
    NotStarted,
    #[error("too many sign-ins were started: wait an hour")]
    TooMany,
    /// The step goes on; what comes of it is told when it is there.
    #[error(
        "Telegram has not answered yet, and the step goes on: look at the sign-in before you answer again"
    )]
    Slow,
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
        let using = self.borrow(id)?;
        let attempt = self.admit(id, &method, &whose).await?;
        self.drop_running(id).await;
        let credentials = self.parts.vault.credentials(id).await?;
        let known = self.parts.store.get_account(id).await?;
        let config = SignInConfig {
            account_id: id,
            api: credentials.api,
            proxies: ways_of(credentials.proxies.as_ref())?,
            device: Some(self.device(id).await?),
            method: method.clone(),
            expected_user: known.and_then(|account| account.user).map(|user| user.id),
        };
        let kept = Box::new(Arc::clone(&using));
        // Whoever starts one anew starts at the beginning: what comes too late is dropped.
        let begun = tokio::select! {
            begun = timeout(STEP_LIMIT, self.parts.telegram.sign_in(config, kept)) => begun,
            () = using.ended() => Ok(Err(LoginError::Network(MOVED.to_owned()))),
        };
        let sign_in = match begun.unwrap_or_else(|_| Err(LoginError::Network(SLOW.to_owned()))) {
            Ok(sign_in) => sign_in,
            Err(error) => {
                let outcome = match error {
                    LoginError::Network(_) => AttemptOutcome::Unanswered,
                    _ => AttemptOutcome::Failed,
                };
                self.record_outcome(attempt, outcome, Some(error.to_string()))
                    .await;
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
            using,
        });
        self.put(id, Entry::Running(Arc::clone(&running)));
        self.watch(&running);
        let sign_ins = self.clone();
        limited(async move { sign_ins.advance(&running, running.sign_in.state()).await }).await
    }

    async fn device(&self, id: AccountId) -> Result<Device, SignInError> {
        let first = self.parts.telegram.device();
        Ok(self.parts.store.device(id, first).await?)
    }

    /// Goes on with a sign-in that waited for its code when the service stopped.
    ///
    /// # Errors
    /// When the vault can't be read, or the code has expired meanwhile.
    pub async fn resume(&self, id: AccountId) -> Result<(), SignInError> {
        let using = self.borrow(id)?;
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
                (
                    credentials.api,
                    ways_of(credentials.proxies.as_ref())?,
                    Some(self.device(id).await?),
                ),
                saved.expose(),
                Box::new(Arc::clone(&using)),
            )
            .await;
        let sign_in = match resumed {
            Ok(sign_in) => sign_in,
            Err(error) => {
                self.record(attempt, Err(&error)).await;
                self.parts.vault.save_sign_in_state(id, None).await?;
                self.back_to_rest(id).await;
                self.put(id, Entry::Refused(error.clone()));
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
            using,
        });
        self.put(id, Entry::Running(Arc::clone(&running)));
        self.watch(&running);
        self.advance(&running, running.sign_in.state()).await?;
        Ok(())
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
            Entry::Refused(_) => None,
        }
    }

    /// Why the last sign-in of an account came to nothing, until the next one begins.
    #[must_use]
    pub fn ended(&self, id: AccountId) -> Option<LoginError> {
        match self.entry(id)? {
            Entry::Refused(error) => Some(error),
            Entry::Running(_) | Entry::Finished(_) => None,
        }
    }

    /// Drops the account's connection; what can be resumed is sealed already.
    pub(super) fn let_go(&self, id: AccountId) {
        let entry = self.lock().remove(&id);
        let Some(Entry::Running(running)) = entry else {
            return;
        };
        running.over.cancel();
        // A step that is under way may have been taken by Telegram: it gets time to end.
        let running = Arc::downgrade(&running);
        actix::spawn(async move {
            sleep(STEP_GRACE).await;
            if let Some(running) = running.upgrade() {
                running.sign_in.break_off();
            }
        });
    }

    /// No other node has the account meanwhile.
    fn borrow(&self, id: AccountId) -> Result<Arc<Use>, SignInError> {
        let using = self.parts.ownership.borrow(id).map(Arc::new);
        using.ok_or_else(|| StoreError::NotHere.into())
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

    fn find(&self, id: AccountId) -> Result<Arc<Running>, SignInError> {
        match self.entry(id) {
            Some(Entry::Running(running)) => Ok(running),
            Some(Entry::Finished(_) | Entry::Refused(_)) | None => Err(SignInError::NotStarted),
        }
    }

    async fn drop_running(&self, id: AccountId) -> Option<Arc<Running>> {
        let entry = self.lock().remove(&id);
        self.hang_up(id, entry).await
    }

    /// As [`Self::drop_running`]; why is told from the same moment on.
    async fn refuse(&self, id: AccountId, why: LoginError) {
        let entry = self.lock().insert(id, Entry::Refused(why));
        self.hang_up(id, entry).await;
    }

    async fn hang_up(&self, id: AccountId, entry: Option<Entry>) -> Option<Arc<Running>> {
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

const fn attempt_kind(method: &SignInMethod) -> AttemptKind {
    match method {
        SignInMethod::Phone(_) => AttemptKind::Phone,
        SignInMethod::Qr => AttemptKind::Qr,
        SignInMethod::SessionString(_) => AttemptKind::Session,
    }
}

/// The account's own; `None`: the service's.
fn ways_of(proxies: Option<&SecretText>) -> Result<Option<Vec<Proxy>>, ProxyError> {
    proxies.map(Proxy::parse_lines).transpose()
}
