//! Place: where a webhook is in the event log, and the name under which nodes claim it.

use crate::store::{StoreError, StoreHandle, WebhookPlace};

/// Where it was; a new address begins at the present.
///
/// # Errors
/// When the store can't be read or written.
pub async fn place_of(store: &StoreHandle, id: &str) -> Result<WebhookPlace, StoreError> {
    if let Some(place) = store.webhook_place(id.to_owned()).await? {
        return Ok(place);
    }
    let seq = store.last_seq().await?;
    store.begin_webhook(id.to_owned(), seq).await?;
    // Another node may have begun it meanwhile.
    Ok(store
        .webhook_place(id.to_owned())
        .await?
        .unwrap_or(WebhookPlace {
            seq,
            behind: Vec::new(),
        }))
}

/// As its lease is called.
pub fn work_of(hook: &str) -> String {
    format!("webhook:{hook}")
}
