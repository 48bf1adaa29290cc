//! Sign-in rules: how codes go out, and what they and their tries last.

use std::collections::HashMap;

/// How a code is said to have gone out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeKind {
    App,
    Sms,
    Call,
    /// The whole number that calls is the code.
    FlashCall,
    /// The end of the number that calls is the code.
    MissedCall,
    Fragment,
    Email,
    /// An e-mail address is wanted first.
    SetUpEmail,
    Word,
    Phrase,
    /// Somebody has to pay first.
    Payment,
    /// 403 RECAPTCHA_CHECK.
    Recaptcha,
}

/// A code that waits to be typed in.
#[derive(Clone, Debug)]
pub struct SentCode {
    pub code: String,
    pub hash: String,
    pub kind: CodeKind,
    pub expires: i32,
    pub resend_at: i32,
    pub wrong: u32,
    /// A right code was given; what is left is signing up.
    pub proven: bool,
}

/// How the simulated Telegram signs people in.
#[derive(Clone, Debug)]
pub struct SignInRules {
    pub code_length: usize,
    pub code_seconds: i32,
    pub resend_seconds: i32,
    pub wrong_codes: u32,
    pub wrong_passwords: u32,
    pub qr_seconds: i32,
    /// How the first code goes out.
    pub first_kind: CodeKind,
    /// Codes that are given instead of a random one.
    pub fixed_codes: HashMap<String, String>,
}

impl Default for SignInRules {
    fn default() -> Self {
        Self {
            code_length: 5,
            code_seconds: 300,
            resend_seconds: 60,
            wrong_codes: 5,
            wrong_passwords: 10,
            qr_seconds: 30,
            first_kind: CodeKind::App,
            fixed_codes: HashMap::new(),
        }
    }
}
