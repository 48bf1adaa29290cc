//! Signing in: by code, QR or a session string, with two-step verification, on a throw-away connection.

mod error;

use crate::{
    domain::{
        AccountId, ApiCredentials, CodeChannel, Position, SecretBytes, SecretText, SelfUser,
        Timestamp,
    },
    telegram::{SessionData, Telegram},
};

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
}

/// What is waited for.
#[derive(Clone, Debug)]
pub enum SignInStep {
    /// Telegram sent a code.
    Code {
        via: CodeChannel,
        length: Option<u8>,
        /// From when another one may be asked for; `None` when Telegram gives no other way.
        resend_at: Option<Timestamp>,
        /// How the next one would come.
        next: Option<CodeChannel>,
    },
    /// Two-step verification.
    Password {
        hint: Option<String>,
    },
    /// `url` is to be scanned with a phone that is signed in.
    Scan {
        url: SecretText,
        expires_at: Timestamp,
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
}

/// One sign-in under way. Methods are called one at a time; a second caller waits for the first.
pub struct SignIn {
    step: SignInStep,
}

impl SignIn {
    pub(in crate::telegram) async fn start(
        _telegram: &Telegram,
        _config: SignInConfig,
    ) -> Result<Self, LoginError> {
        Err(LoginError::Network("not connected".to_owned()))
    }

    pub(in crate::telegram) async fn resume(
        _telegram: &Telegram,
        _account_id: AccountId,
        _api: ApiCredentials,
        _saved: &[u8],
    ) -> Result<Self, LoginError> {
        Err(LoginError::CodeExpired)
    }

    /// What is waited for now.
    #[must_use]
    pub fn state(&self) -> SignInStep {
        self.step.clone()
    }

    /// # Errors
    /// See [`LoginError`]; after [`LoginError::WrongCode`] the same sign-in takes another try.
    pub async fn submit_code(&self, _code: SecretText) -> Result<SignInStep, LoginError> {
        Ok(self.state())
    }

    /// # Errors
    /// See [`LoginError`]; after [`LoginError::WrongPassword`] the same sign-in takes another try.
    pub async fn submit_password(&self, _password: SecretText) -> Result<SignInStep, LoginError> {
        Ok(self.state())
    }

    /// Asks for the code by the next way.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn resend(&self) -> Result<SignInStep, LoginError> {
        Ok(self.state())
    }

    /// Takes the code back at Telegram and drops the connection.
    pub async fn cancel(&self) {}

    /// Drives a QR sign-in; resolves when the step changes: a new code to show, a password to ask for, or done.
    /// Call it again after each change. Safe to drop and call anew.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn wait_scan(&self) -> Result<SignInStep, LoginError> {
        Ok(self.state())
    }

    /// What a restart of the service needs to go on where a code or password is waited for; to be sealed by the
    /// caller. `None` when there is nothing worth keeping.
    #[must_use]
    pub fn persist(&self) -> Option<SecretBytes> {
        None
    }
}
