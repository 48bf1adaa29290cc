//! Login: how far a sign-in is, as the outside sees it. Codes and passwords never come here.

use serde::{Deserialize, Serialize};

use super::Timestamp;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginMethod {
    Phone,
    Qr,
    /// A session string of another client was brought along.
    Session,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginStep {
    /// Telegram sent a code; it is waited for.
    Code,
    /// Telegram wants the account to have an e-mail address first.
    Email,
    /// The account has two-step verification.
    Password,
    /// A QR code waits to be scanned.
    Scan,
    Done,
}

/// Where Telegram sent the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeChannel {
    App,
    Sms,
    /// One word, and no digits.
    SmsWord,
    /// Several words.
    SmsPhrase,
    Call,
    FlashCall,
    MissedCall,
    Email,
    Fragment,
    Other,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QrCode {
    /// `tg://login?token=…`; lives about 30 seconds.
    pub url: String,
    pub svg: String,
    pub expires_at: Timestamp,
    /// A phone has scanned it; what came of that is told next.
    pub scanned: bool,
}

/// One sign-in under way (or just done).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Login {
    pub method: LoginMethod,
    pub step: LoginStep,
    pub code_via: Option<CodeChannel>,
    pub code_length: Option<u8>,
    /// What Telegram says of where it is: the beginning of the number that calls or of the words, the e-mail address with
    /// most of it taken out, the page on fragment.com.
    #[serde(default)]
    pub code_hint: Option<String>,
    pub expires_at: Option<Timestamp>,
    /// From when a new code may be asked for.
    pub resend_at: Option<Timestamp>,
    /// How that one would come.
    #[serde(default)]
    pub resend_via: Option<CodeChannel>,
    pub password_hint: Option<String>,
    /// Can a forgotten password be replaced by e-mail, in an official app? `None`: it is not asked for.
    #[serde(default)]
    pub password_recovery: Option<bool>,
    /// A reset of the password is under way there; then it is gone.
    #[serde(default)]
    pub password_reset_at: Option<Timestamp>,
    pub attempts_left: Option<u32>,
    pub qr: Option<QrCode>,
}

impl Login {
    /// For who may not sign in: how far it is, and nothing to go on with.
    #[must_use]
    pub fn for_looking(mut self) -> Self {
        self.password_hint = None;
        self.code_hint = None;
        self.qr = None;
        self
    }
}

/// What kind of sign-in attempt is recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    Phone,
    Qr,
    #[serde(rename = "2fa")]
    TwoFactor,
    Session,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    Pending,
    Success,
    Failed,
    Timeout,
    /// Telegram never answered, so nothing was tried there.
    #[serde(rename(serialize = "timeout"))]
    Unanswered,
}
