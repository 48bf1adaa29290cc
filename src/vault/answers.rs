//! Answers: what calls were asked and answered, sealed, for an answer may be a token or show a sign-in.

use uuid::Uuid;

use super::{
    Vault, VaultError,
    cipher::{Binding, Purpose},
    keyring::Keyring,
    local::next_epoch,
};
use crate::{
    domain::{AccountId, SecretBytes},
    store::KeptAnswer,
};

const fn to(id: Uuid) -> Binding {
    Binding {
        account: AccountId(id),
        api_id: 0,
        purpose: Purpose::Answer,
    }
}

impl Vault {
    /// # Errors
    /// When it is too long, or the operating system gives no random bytes.
    pub async fn seal_answer(&self, id: Uuid, answer: &[u8]) -> Result<String, VaultError> {
        let keys = self.local.keys().await;
        keys.seal(&to(id), next_epoch(0), answer)
            .map_err(|error| VaultError::Refused(error.to_string()))
    }

    /// # Errors
    /// When it can't be opened with the present keys.
    pub async fn open_answer(&self, kept: &KeptAnswer) -> Result<SecretBytes, VaultError> {
        let keys = self.local.keys().await;
        let mut opened = keys.open(&kept.sealed, &to(kept.id));
        // A change of the master key may have sealed it anew since it was read.
        if opened.is_err() {
            let all = self.local.store.kept_answers().await?;
            if let Some(now) = all.iter().find(|one| one.id == kept.id) {
                opened = keys.open(&now.sealed, &to(now.id));
            }
        }
        opened
            .map(|opened| opened.bytes)
            .map_err(|error| VaultError::Refused(format!("a kept answer: {error}")))
    }
}

/// The envelope anew, where it needs that.
pub(super) fn resealed(keys: &Keyring, kept: &KeptAnswer) -> Option<String> {
    keys.resealed(&kept.sealed, &to(kept.id))
}
