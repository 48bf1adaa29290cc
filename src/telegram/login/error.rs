//! What can go wrong while signing in, said so that a person knows what to do. Never contains a code or a number.

use std::time::Duration;

use crate::telegram::error::Failure;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    #[error("the code is wrong: check it and enter it again")]
    WrongCode,
    #[error("the code has expired: ask for a new one")]
    CodeExpired,
    #[error("this account has two-step verification: enter its password")]
    PasswordNeeded,
    #[error(
        "the password is wrong: this is the two-step verification password set in Telegram, not the code"
    )]
    WrongPassword,
    #[error(
        "Telegram does not take this phone number: write it in international form, beginning with +"
    )]
    PhoneInvalid,
    #[error("Telegram has banned this phone number")]
    PhoneBanned,
    #[error("no Telegram account has this number: register it with an official app first")]
    SignUpRequired,
    #[error("Telegram asks to wait {} before the next try", minutes(*.0))]
    FloodWait(Duration),
    #[error("too many tries with this number: wait some hours, or sign in by QR code")]
    TooManyAttempts,
    #[error("Telegram refuses the api_id and api_hash: check them at my.telegram.org")]
    ApiCredentialsRejected,
    #[error(
        "Telegram asks for a payment to send the code to this number, and nothing is ever paid from here: sign in by QR code"
    )]
    PaymentRequired {
        /// In the currency's smallest unit.
        amount: i64,
        currency: String,
    },
    #[error(
        "Telegram wants a check (reCAPTCHA) that its own apps alone can show: sign in by QR code, or on a phone first"
    )]
    CheckWanted,
    #[error(
        "Telegram wants this account to have an e-mail address first: give one, and then the code that is sent there"
    )]
    EmailRequired,
    #[error("Telegram does not take this e-mail address: give another one")]
    EmailRefused,
    #[error("no answer from Telegram: {0}")]
    Network(String),
    #[error("Telegram refused: {code}")]
    Rejected { code: String },
    #[error("{why}")]
    SessionStringInvalid { why: String },
    #[error(
        "this is another Telegram user than the one this account belongs to: add it as an account of its own"
    )]
    AlreadyAnotherUser,
    #[error("the sign-in is not at this step")]
    WrongStep,
    #[error("the sign-in was cancelled")]
    Cancelled,
}

#[cfg(test)]
impl LoginError {
    /// One of each kind.
    pub fn every() -> Vec<Self> {
        let all = vec![
            Self::WrongCode,
            Self::CodeExpired,
            Self::PasswordNeeded,
            Self::WrongPassword,
            Self::PhoneInvalid,
            Self::PhoneBanned,
            Self::SignUpRequired,
            Self::FloodWait(Duration::from_secs(600)),
            Self::TooManyAttempts,
            Self::ApiCredentialsRejected,
            Self::PaymentRequired {
                amount: 99,
                currency: "USD".to_owned(),
            },
            Self::CheckWanted,
            Self::EmailRequired,
            Self::EmailRefused,
            Self::Network("reset".to_owned()),
            Self::Rejected {
                code: "SOMETHING_NEW".to_owned(),
            },
            Self::SessionStringInvalid {
                why: "it is too short".to_owned(),
            },
            Self::AlreadyAnotherUser,
            Self::WrongStep,
            Self::Cancelled,
        ];
        for one in &all {
            // A new kind is to be listed above.
            match one {
                Self::WrongCode
                | Self::CodeExpired
                | Self::PasswordNeeded
                | Self::WrongPassword
                | Self::PhoneInvalid
                | Self::PhoneBanned
                | Self::SignUpRequired
                | Self::FloodWait(_)
                | Self::TooManyAttempts
                | Self::ApiCredentialsRejected
                | Self::PaymentRequired { .. }
                | Self::CheckWanted
                | Self::EmailRequired
                | Self::EmailRefused
                | Self::Network(_)
                | Self::Rejected { .. }
                | Self::SessionStringInvalid { .. }
                | Self::AlreadyAnotherUser
                | Self::WrongStep
                | Self::Cancelled => {}
            }
        }
        all
    }
}

impl From<Failure> for LoginError {
    fn from(failure: Failure) -> Self {
        if let Some(wait) = failure.flood() {
            return Self::FloodWait(wait);
        }
        match failure {
            Failure::Rpc { code, name, .. } => said(code, name),
            Failure::Unreadable => Self::Rejected {
                code: "UNREADABLE".to_owned(),
            },
            other => Self::Network(other.to_string()),
        }
    }
}

fn said(code: i32, name: String) -> LoginError {
    match name.as_str() {
        "PHONE_CODE_INVALID" | "PHONE_CODE_EMPTY" | "CODE_INVALID" | "EMAIL_CODE_INVALID" => {
            LoginError::WrongCode
        }
        "PHONE_CODE_EXPIRED"
        | "PHONE_CODE_HASH_EMPTY"
        | "PHONE_CODE_HASH_INVALID"
        | "PHONE_HASH_EXPIRED"
        | "CODE_HASH_INVALID"
        | "EMAIL_VERIFY_EXPIRED" => LoginError::CodeExpired,
        "EMAIL_INVALID" | "EMAIL_NOT_ALLOWED" | "EMAIL_HASH_EXPIRED" | "EMAIL_NOT_SETUP" => {
            LoginError::EmailRefused
        }
        "SESSION_PASSWORD_NEEDED" => LoginError::PasswordNeeded,
        "PASSWORD_HASH_INVALID" => LoginError::WrongPassword,
        "PHONE_NUMBER_INVALID" => LoginError::PhoneInvalid,
        "PHONE_NUMBER_BANNED" => LoginError::PhoneBanned,
        "PHONE_NUMBER_UNOCCUPIED" => LoginError::SignUpRequired,
        "PHONE_NUMBER_FLOOD" | "PHONE_PASSWORD_FLOOD" => LoginError::TooManyAttempts,
        name if name.starts_with("RECAPTCHA_CHECK") => LoginError::CheckWanted,
        "API_ID_INVALID" | "API_ID_PUBLISHED_FLOOD" => LoginError::ApiCredentialsRejected,
        _ if !(0..500).contains(&code) => LoginError::Network(name),
        _ => LoginError::Rejected { code: name },
    }
}

fn minutes(wait: Duration) -> String {
    let seconds = wait.as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the person at the desk: waiting times are said in a unit one can plan with.
    #[test]
    fn a_wait_is_told_in_plain_units() {
        for (seconds, text) in [(31, "31 s"), (600, "10 min"), (86_400, "24 h")] {
            assert!(
                LoginError::FloodWait(Duration::from_secs(seconds))
                    .to_string()
                    .contains(text)
            );
        }
    }
}
