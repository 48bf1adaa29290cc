//! Checks: what a webhook may be asked to do.

use std::time::Duration;

use url::Url;

use crate::{
    domain::{AccountId, SecretText},
    store::WebhookFilter,
    web::{ApiError, Service},
    webhooks::ResolveError,
};

pub(super) const A_DAY: i64 = 24 * 3600;
const LONGEST_URL: usize = 2048;
const MOST_ACCOUNTS: usize = 1000;
const LONGEST_PATIENCE: i64 = 365 * A_DAY;
/// A name that nobody knows in this time may be known later.
const LOOK_UP: Duration = Duration::from_secs(3);
/// What a webhook can be told.
pub const EVENTS: [&str; 9] = [
    "message_received",
    "message_sent",
    "message_edited",
    "message_reacted",
    "message_deleted",
    "conversation_updated",
    "order_updated",
    "account_status",
    "account_removed",
];

pub(super) async fn check_url(service: &Service, text: &SecretText) -> Result<String, ApiError> {
    let invalid = || {
        ApiError::unprocessable(
            "url_invalid",
            "url is an address such as https://receiver.example/events, without a part after #, of at most 2048 characters",
        )
    };
    let refused = |why: String| Err(ApiError::unprocessable("url_not_allowed", why));
    let url = Url::parse(text.expose()).map_err(|_| invalid())?;
    let web = matches!(url.scheme(), "http" | "https") && url.fragment().is_none();
    if !web || url.as_str().len() > LONGEST_URL {
        return Err(invalid());
    }
    let guard = service.webhooks.guard();
    if let Err(error) = guard.check(&url) {
        return refused(error.to_string());
    }
    if let Some(name) = url.domain() {
        let found = tokio::time::timeout(LOOK_UP, guard.resolve(name)).await;
        if let Ok(Err(ResolveError::NotAllowed(error))) = found {
            return refused(error.to_string());
        }
    }
    Ok(url.into())
}

pub(super) async fn check_filter(
    service: &Service,
    filter: &WebhookFilter,
) -> Result<(), ApiError> {
    if let Some(events) = &filter.events {
        let known = |event: &String| EVENTS.contains(&event.as_str());
        if events.is_empty() || !events.iter().all(known) {
            return Err(ApiError::unprocessable(
                "events_invalid",
                format!(
                    "events names some of {}; leave it out for all of them",
                    EVENTS.join(", ")
                ),
            ));
        }
    }
    if let Some(owner) = &filter.owner {
        let kinds = ["licence:", "user:", "portal:"];
        let id = kinds.iter().find_map(|kind| owner.strip_prefix(kind));
        let plain = |id: &str| {
            (1..=64).contains(&id.len())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !id.is_some_and(plain) {
            return Err(ApiError::unprocessable(
                "owner_invalid",
                "owner is licence:, user: or portal: and an id, as GET /tokens shows it; of a user the SHA-256 of the user_id",
            ));
        }
    }
    if let Some(accounts) = &filter.accounts {
        let known = service.store.list_accounts().await?;
        let known = |id: &AccountId| known.iter().any(|account| account.id == *id);
        if accounts.is_empty() || accounts.len() > MOST_ACCOUNTS || !accounts.iter().all(known) {
            return Err(ApiError::unprocessable(
                "account_ids_invalid",
                "account_ids names 1 to 1000 accounts that there are; leave it out for all of them",
            ));
        }
    }
    Ok(())
}

pub(super) fn check_patience(seconds: i64) -> Result<i64, ApiError> {
    if (1..=LONGEST_PATIENCE).contains(&seconds) {
        return Ok(seconds);
    }
    Err(ApiError::unprocessable(
        "patience_invalid",
        "patience is a number of seconds from 1 to 31536000",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::UNTOLD;

    /// Protects what a sign-in shows: nobody can ask for it.
    #[test]
    fn sign_ins_are_no_event_of_a_webhook() {
        assert!(!EVENTS.contains(&UNTOLD));
    }
}
