//! Steps: what a person gives for a sign-in that is under way.

use tokio::{sync::oneshot, time::timeout};

use super::{STEP_LIMIT, SignInError, SignIns};
use crate::{
    domain::{AccountId, AttemptKind, Login, SecretText},
    store::NewLoginAttempt,
    telegram::LoginError,
};

impl SignIns {
    /// # Errors
    /// [`LoginError::WrongCode`] leaves the sign-in as it is until the tries are used up.
    pub async fn submit_code(&self, id: AccountId, code: SecretText) -> Result<Login, SignInError> {
        let (sign_ins, running) = (self.clone(), self.find(id)?);
        limited(async move {
            let _turn = running.turn.lock().await;
            let step = running.sign_in.submit_code(code).await;
            sign_ins.answered(&running, step).await
        })
        .await
    }

    /// The e-mail address that Telegram wants the account to have.
    ///
    /// # Errors
    /// [`LoginError::EmailRefused`] leaves the sign-in as it is.
    pub async fn submit_email(
        &self,
        id: AccountId,
        email: SecretText,
    ) -> Result<Login, SignInError> {
        let (sign_ins, running) = (self.clone(), self.find(id)?);
        limited(async move {
            let _turn = running.turn.lock().await;
            let step = running.sign_in.submit_email(email).await;
            sign_ins.answered(&running, step).await
        })
        .await
    }

    /// # Errors
    /// [`LoginError::WrongPassword`] leaves the sign-in as it is until the tries are used up.
    pub async fn submit_password(
        &self,
        id: AccountId,
        password: SecretText,
    ) -> Result<Login, SignInError> {
        let (sign_ins, running) = (self.clone(), self.find(id)?);
        limited(async move {
            let _turn = running.turn.lock().await;
            let attempt = NewLoginAttempt {
                account_id: Some(id),
                subject: format!("2fa {id}"),
                owner: None,
                kind: AttemptKind::TwoFactor,
            };
            let store = &sign_ins.parts.store;
            let attempt = store.record_login_attempt(attempt).await?;
            let step = running.sign_in.submit_password(password).await;
            let result = step.as_ref().map(|_| ());
            sign_ins.record(attempt, result).await;
            sign_ins.answered(&running, step).await
        })
        .await
    }

    /// # Errors
    /// When Telegram knows no other way, or wants a pause.
    pub async fn resend(&self, id: AccountId) -> Result<Login, SignInError> {
        let (sign_ins, running) = (self.clone(), self.find(id)?);
        limited(async move {
            let _turn = running.turn.lock().await;
            let step = running.sign_in.resend().await?;
            sign_ins.advance(&running, step).await
        })
        .await
    }
}

/// A step goes to its end, for Telegram may have taken it; whoever waits hears of it in time or is told that it goes on.
pub(super) async fn limited(
    step: impl Future<Output = Result<Login, SignInError>> + 'static,
) -> Result<Login, SignInError> {
    let (told, hears) = oneshot::channel();
    actix::spawn(async move {
        // Without a listener it is told by its event.
        let _ = told.send(step.await);
    });
    match timeout(STEP_LIMIT, hears).await {
        Ok(Ok(login)) => login,
        // It panicked, or the service ends.
        Ok(Err(_)) => Err(LoginError::Cancelled.into()),
        Err(_) => Err(SignInError::Slow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects whoever waits: a step that takes longer than anybody waits is answered as that, and not broken off.
    #[test]
    fn a_step_that_takes_too_long_is_told_and_goes_on() {
        actix::System::new().block_on(async {
            tokio::time::pause();
            let (ended, end) = oneshot::channel();
            let slow = async move {
                tokio::time::sleep(STEP_LIMIT * 2).await;
                let _ = ended.send(());
                Err(SignInError::NotStarted)
            };
            assert!(matches!(limited(slow).await, Err(SignInError::Slow)));
            assert_eq!(end.await, Ok(()), "it was broken off");
            let quick = async { Err(SignInError::TooMany) };
            assert!(matches!(limited(quick).await, Err(SignInError::TooMany)));
        });
    }
}
