//! Webhook secrets: addresses of webhooks and what their posts are signed with, sealed like sessions.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    Vault, VaultError,
    cipher::{Binding, Purpose},
    keyring::Keyring,
    local::next_epoch,
};
use crate::{
    domain::{AccountId, SecretText},
    store::WebhookRow,
};

/// What nobody who reads the database may learn of a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookSecrets {
    /// Its path may be a secret of the receiver's.
    pub url: SecretText,
    pub secret: SecretText,
}

#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    url: &'a str,
    secret: &'a str,
}

const fn to(id: Uuid) -> Binding {
    Binding {
        account: AccountId(id),
        api_id: 0,
        purpose: Purpose::Webhook,
    }
}

impl Vault {
    /// # Errors
    /// When the operating system gives no random bytes.
    pub async fn seal_webhook(
        &self,
        id: Uuid,
        secrets: &WebhookSecrets,
    ) -> Result<String, VaultError> {
        let kept = Kept {
            url: secrets.url.expose(),
            secret: secrets.secret.expose(),
        };
        let kept = serde_json::to_vec(&kept).map(Zeroizing::new);
        let kept = kept.map_err(|error| VaultError::Refused(error.to_string()))?;
        let keys = self.local.keys().await;
        keys.seal(&to(id), next_epoch(0), &kept)
            .map_err(|error| VaultError::Refused(error.to_string()))
    }

    /// # Errors
    /// When it can't be opened with the present keys.
    pub async fn open_webhook(&self, row: &WebhookRow) -> Result<WebhookSecrets, VaultError> {
        let keys = self.local.keys().await;
        let mut opened = keys.open(&row.sealed, &to(row.id));
        // A change of the master key may have sealed it anew since it was read.
        if opened.is_err() {
            let all = self.local.store.webhooks().await?;
            if let Some(now) = all.iter().find(|one| one.id == row.id) {
                opened = keys.open(&now.sealed, &to(now.id));
            }
        }
        let opened = opened
            .map_err(|error| VaultError::Refused(format!("the webhook {}: {error}", row.id)))?;
        let kept: Kept<'_> = serde_json::from_slice(opened.bytes.expose())
            .map_err(|_| VaultError::Refused(format!("the webhook {}: no webhook", row.id)))?;
        Ok(WebhookSecrets {
            url: SecretText::new(kept.url),
            secret: SecretText::new(kept.secret),
        })
    }
}

/// The envelope anew, where it needs that.
pub(super) fn resealed(keys: &Keyring, row: &WebhookRow) -> Option<String> {
    keys.resealed(&row.sealed, &to(row.id))
}
