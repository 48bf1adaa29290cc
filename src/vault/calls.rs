//! Calls: what one node asks another, and is told. It may be a password, a code or a phone number. And news that one tells the others.

use uuid::Uuid;

use super::{
    Vault, VaultError,
    cipher::{Binding, Purpose},
};
use crate::domain::{AccountId, SecretBytes};

/// What of a call a box holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PieceOf {
    /// The call itself.
    Call,
    /// What came with it, by number.
    Asked(i64),
    /// The answer, by number.
    Told(i64),
    /// No call: news for all nodes.
    News,
}

impl PieceOf {
    const fn way(self) -> i32 {
        match self {
            Self::Call => 0,
            Self::Asked(_) => 1,
            Self::Told(_) => 2,
            Self::News => 3,
        }
    }

    const fn number(self) -> u64 {
        match self {
            Self::Call | Self::News => 0,
            Self::Asked(number) | Self::Told(number) => number.unsigned_abs(),
        }
    }

    const fn of(self, call: Uuid) -> Binding {
        Binding {
            account: AccountId(call),
            api_id: self.way(),
            purpose: Purpose::Call,
        }
    }
}

impl Vault {
    /// # Errors
    /// When it is too long, or the operating system gives no random bytes.
    pub async fn seal_call(
        &self,
        call: Uuid,
        piece: PieceOf,
        bytes: &[u8],
    ) -> Result<String, VaultError> {
        let keys = self.local.keys().await;
        keys.seal(&piece.of(call), piece.number(), bytes)
            .map_err(|error| VaultError::Refused(error.to_string()))
    }

    /// # Errors
    /// When it can't be opened with the present keys, or is another piece than that.
    pub async fn open_call(
        &self,
        call: Uuid,
        piece: PieceOf,
        sealed: &str,
    ) -> Result<SecretBytes, VaultError> {
        let keys = self.local.keys().await;
        let refused = |why: String| VaultError::Refused(format!("a call of another node: {why}"));
        let opened = keys
            .open(sealed, &piece.of(call))
            .map_err(|error| refused(error.to_string()))?;
        if opened.epoch != piece.number() {
            return Err(refused("its pieces were changed about".to_owned()));
        }
        Ok(opened.bytes)
    }
}
