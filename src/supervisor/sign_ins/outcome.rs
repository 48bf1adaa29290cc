//! Outcome: what comes of a step, kept, told and noted.

use std::sync::{Arc, atomic::Ordering};

use tokio::time::sleep;

use super::{
    STORE_PAUSE, SignInError, SignIns,
    running::{Entry, Running},
};
use crate::{
    account::{AccountParts, journal},
    domain::{AccountId, AccountState, AttemptOutcome, EventBody, Login, StateChange},
    store::AccountPatch,
    supervisor::actor::{RestartAccount, StopAccount},
    telegram::{LoginError, SignInStep, SignedIn},
    vault::VaultError,
};

impl SignIns {
    pub(super) async fn answered(
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
        let told = match wrong && left == 0 {
            true => LoginError::TooManyAttempts,
            false => error.clone(),
        };
        if over {
            self.record(running.attempt, Err(&error)).await;
            self.refuse(running.account_id, told.clone()).await;
            self.back_to_rest(running.account_id).await;
            self.announce(running.account_id, None).await;
        } else {
            let login = running.login(&running.sign_in.state());
            self.announce(running.account_id, Some(login)).await;
        }
        Err(told.into())
    }

    /// Keeps and tells a new step.
    pub(super) async fn advance(
        &self,
        running: &Arc<Running>,
        step: SignInStep,
    ) -> Result<Login, SignInError> {
        let id = running.account_id;
        let login = running.login(&step);
        if let SignInStep::Done(signed_in) = step {
            let lease = signed_in.lease.clone();
            let finished = self.finish_in_time(running, *signed_in).await;
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

    /// Telegram does not say it again: a store that is away is waited for, until the sign-in is over or the account another node's.
    async fn finish_in_time(
        &self,
        running: &Running,
        signed_in: SignedIn,
    ) -> Result<(), SignInError> {
        loop {
            let error = match self.finish(running, signed_in.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if !passes(&error) {
                return Err(error);
            }
            log::warn!(target: "switchboard::account", "account={} is signed in, which waits for the store to be kept: {error}", running.account_id);
            tokio::select! {
                () = running.over.cancelled() => return Err(error),
                () = sleep(STORE_PAUSE) => {}
            }
        }
    }

    /// The account gets its new session, and runs.
    pub(super) async fn finish(
        &self,
        running: &Running,
        signed_in: SignedIn,
    ) -> Result<(), SignInError> {
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
    pub(super) async fn show_signing_in(&self, id: AccountId) -> Result<(), SignInError> {
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
    pub(super) async fn back_to_rest(&self, id: AccountId) {
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

    pub(super) async fn enter(&self, id: AccountId, change: StateChange) {
        if let Err(error) = journal::enter(&self.parts.store, id, change, None).await {
            log::error!(target: "switchboard::account", "account={id} its state could not be stored: {error}");
        }
    }

    pub(super) async fn announce(&self, account_id: AccountId, login: Option<Login>) {
        let told = EventBody::LoginUpdated { account_id, login };
        if let Err(error) = self.parts.store.announce(told).await {
            log::warn!(target: "switchboard::account", "account={account_id} a sign-in step was not announced: {error}");
        }
    }

    pub(super) async fn record(&self, attempt: i64, result: Result<(), &LoginError>) {
        let (outcome, error) = match result {
            Ok(()) => (AttemptOutcome::Success, None),
            Err(error) => (AttemptOutcome::Failed, Some(error.to_string())),
        };
        self.record_outcome(attempt, outcome, error).await;
    }

    pub(super) async fn record_outcome(
        &self,
        attempt: i64,
        outcome: AttemptOutcome,
        error: Option<String>,
    ) {
        let store = &self.parts.store;
        if let Err(error) = store.finish_login_attempt(attempt, outcome, error).await {
            log::error!(target: "switchboard::account", "a sign-in attempt could not be recorded: {error}");
        }
    }
}

const fn passes(error: &SignInError) -> bool {
    match error {
        SignInError::Store(error) | SignInError::Vault(VaultError::Store(error)) => error.passes(),
        SignInError::Vault(VaultError::Busy(_)) => true,
        _ => false,
    }
}

const fn leaves_the_sign_in_open(error: &LoginError) -> bool {
    matches!(
        error,
        LoginError::WrongCode
            | LoginError::WrongPassword
            | LoginError::EmailRefused
            | LoginError::PasswordNeeded
            | LoginError::FloodWait(_)
            | LoginError::Network(_)
            | LoginError::WrongStep
            | LoginError::CodeExpired
    )
}
