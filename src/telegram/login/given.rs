//! Given: what Telegram gave a person to sign in with: a code that it sent, or one that is shown.

use super::SignInStep;
use crate::domain::{SecretText, Timestamp};

/// What a code belongs to.
#[derive(Clone)]
pub(super) struct SentCode {
    pub(super) phone: SecretText,
    pub(super) hash: SecretText,
    pub(super) proof: Proof,
}

/// How a code is proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Proof {
    /// As most are.
    Number,
    /// It went to the account's e-mail address.
    Email,
    /// It went to an e-mail address that the account is to have from now on; another code follows.
    NewEmail,
}

/// A QR code that a phone may scan, or has scanned.
#[derive(Clone)]
pub(super) struct ShownCode {
    pub(super) url: SecretText,
    pub(super) expires_at: Timestamp,
    pub(super) scanned: bool,
}

impl From<ShownCode> for SignInStep {
    fn from(shown: ShownCode) -> Self {
        Self::Scan {
            url: shown.url,
            expires_at: shown.expires_at,
            scanned: shown.scanned,
        }
    }
}
