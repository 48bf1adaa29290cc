//! Running: one sign-in under way, and how it is shown.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio_util::sync::CancellationToken;

use crate::{
    domain::{AccountId, Login, LoginMethod, LoginStep, QrCode, Timestamp},
    nodes::Use,
    supervisor::qr,
    telegram::{LoginError, SignIn, SignInMethod, SignInStep},
};

#[derive(Clone)]
pub(super) enum Entry {
    Running(Arc<Running>),
    /// The last word of a finished one, for a page that asks late.
    Finished(Login),
    /// Why the last one came to nothing, for who was not there to hear it.
    Refused(LoginError),
}

pub(super) struct Running {
    pub account_id: AccountId,
    pub method: LoginMethod,
    pub sign_in: SignIn,
    pub tries_left: AtomicU32,
    pub attempt: i64,
    pub expires_at: Timestamp,
    /// One answer at a time, so that two entered codes can't race.
    pub turn: tokio::sync::Mutex<()>,
    /// Over, one way or another: nothing has to be watched any more.
    pub over: CancellationToken,
    /// No other node has the account meanwhile; the connection has it, too.
    pub using: Arc<Use>,
}

impl Running {
    pub fn login(&self, step: &SignInStep) -> Login {
        let mut login = Login {
            method: self.method,
            step: LoginStep::Done,
            code_via: None,
            code_length: None,
            code_hint: None,
            expires_at: Some(self.expires_at),
            resend_at: None,
            resend_via: None,
            password_hint: None,
            password_recovery: None,
            password_reset_at: None,
            attempts_left: Some(self.tries_left.load(Ordering::Acquire)),
            qr: None,
        };
        match step {
            SignInStep::Code {
                via,
                length,
                hint,
                resend_at,
                next,
            } => {
                login.step = LoginStep::Code;
                login.code_via = Some(*via);
                login.code_length = *length;
                login.code_hint.clone_from(hint);
                login.resend_via = *next;
                login.resend_at = *resend_at;
            }
            SignInStep::Email => login.step = LoginStep::Email,
            SignInStep::Password {
                hint,
                recovery,
                reset_at,
            } => {
                login.password_recovery = Some(*recovery);
                login.password_reset_at = *reset_at;
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

pub(super) const fn login_method(method: &SignInMethod) -> LoginMethod {
    match method {
        SignInMethod::Phone(_) => LoginMethod::Phone,
        SignInMethod::Qr => LoginMethod::Qr,
        SignInMethod::SessionString(_) => LoginMethod::Session,
    }
}
