//! Hook: one webhook as it is served, wherever it was made.

use std::time::Duration;

use sha2::{Digest, Sha256};
use url::Url;

use super::{address::AddressGuard, signature::Signer};
use crate::{
    config::{Webhook, Webhooks as Config},
    domain::{AccountId, hex},
    store::{WebhookFilter, WebhookRow},
};

#[derive(Clone, Debug)]
pub struct Hook {
    /// Names its place in the log, and itself in what is signed.
    pub id: String,
    pub url: Url,
    pub signer: Signer,
    pub filter: WebhookFilter,
    /// How long an event that a receiver refuses for its own sake is tried.
    pub patience: Duration,
    /// `None`: the operator's own word, which may lead anywhere.
    pub guard: Option<AddressGuard>,
    /// What it was made of over REST. `None`: it stands in the configuration.
    pub row: Option<WebhookRow>,
}

impl Hook {
    #[must_use]
    pub fn configured(hook: &Webhook, config: &Config) -> Self {
        let id = id_of(hook);
        Self {
            url: hook.url.clone(),
            signer: Signer::configured(&config.secret, &id),
            filter: WebhookFilter {
                owner: hook.only.clone(),
                ..WebhookFilter::default()
            },
            patience: config.patience,
            guard: None,
            row: None,
            id,
        }
    }

    /// Is it to be told of this event?
    #[must_use]
    pub fn wants(&self, account: AccountId, owner: Option<&str>, event: &str) -> bool {
        let WebhookFilter {
            events,
            accounts,
            owner: only,
        } = &self.filter;
        let of_owner = only.is_none() || only.as_deref() == owner;
        let of_account = accounts
            .as_ref()
            .is_none_or(|accounts| accounts.contains(&account));
        let of_kind = events
            .as_ref()
            .is_none_or(|events| events.iter().any(|wanted| wanted == event));
        of_owner && of_account && of_kind
    }
}

/// The address with its filter: another filter is another webhook, with a place of its own.
fn id_of(hook: &Webhook) -> String {
    let mut hasher = Sha256::new();
    hasher.update(hook.url.as_str().as_bytes());
    if let Some(only) = &hook.only {
        hasher.update(b"#");
        hasher.update(only.as_bytes());
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let (start, _) = digest.split_at(8);
    hex(start)
}
