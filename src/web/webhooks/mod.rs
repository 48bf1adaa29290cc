//! Webhooks over REST: made, listed, changed, paused, tried out, set back, removed. A secret is in one answer and nowhere else.
//!
//! Those of the configuration are listed beside them, and can be tried out alone.

mod checks;
mod shown;

use std::{collections::HashMap, time::Duration};

use actix_web::{HttpResponse, http::StatusCode, web};
use serde::Deserialize;
use serde_json::json;
use url::Url;
use uuid::Uuid;

pub use self::checks::EVENTS;
use self::{
    checks::{A_DAY, check_filter, check_patience, check_url},
    shown::{configured, described, shown},
};
use super::{
    ApiError, Service,
    audit::Note,
    events::invalid_after,
    optional::{Given, given},
};
use crate::{
    domain::{AccountId, SecretText, Seq, Timestamp},
    store::{Changed, StoreError, WebhookChange, WebhookFilter, WebhookRow},
    vault::{VaultError, WebhookSecrets},
    webhooks::{Hook, Signer},
};

/// Each has connections and a place in the log of its own.
const MOST: i64 = 100;
/// Tries of a change that another node is quicker with.
const CHANGES: usize = 8;

impl Service {
    /// Serves what was made over REST before.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn start_webhooks(&self) -> Result<(), StoreError> {
        self.agree_with_webhooks(&mut HashMap::new()).await
    }

    /// Other nodes make, change and remove webhooks, too: what is served here goes by the rows. Until the service stops.
    pub async fn follow_webhooks(&self) {
        let mut changes = self.store.changes(Changed::Webhooks);
        let mut unreadable = HashMap::new();
        while changes.changed().await.is_ok() {
            if let Err(error) = self.agree_with_webhooks(&mut unreadable).await {
                log::debug!(target: "switchboard::webhooks", "what other nodes made of webhooks can't be read for now: {error}");
            }
        }
    }

    /// `unreadable`: said already.
    async fn agree_with_webhooks(
        &self,
        unreadable: &mut HashMap<Uuid, WebhookRow>,
    ) -> Result<(), StoreError> {
        let _turn = self.webhooks.turn().await;
        let rows = self.store.webhooks().await?;
        let mut served = self.webhooks.made().await;
        for row in rows.into_iter().filter(|row| row.is_active) {
            if served.remove(&row.id.to_string()).as_ref() == Some(&row)
                || unreadable.get(&row.id) == Some(&row)
            {
                continue;
            }
            match hook_of(self, &row).await {
                Ok(hook) => self.webhooks.start(hook).await,
                Err(error) => {
                    log::error!(target: "switchboard::webhooks", "{error}; it is not served: make it anew");
                    self.webhooks.halt(&row.id.to_string()).await;
                    unreadable.insert(row.id, row);
                }
            }
        }
        for gone in served.into_keys() {
            self.webhooks.halt(&gone).await;
        }
        Ok(())
    }
}

async fn hook_of(service: &Service, row: &WebhookRow) -> Result<Hook, VaultError> {
    let secrets = service.vault.open_webhook(row).await?;
    let url = Url::parse(secrets.url.expose());
    let url =
        url.map_err(|_| VaultError::Refused(format!("the webhook {}: no address", row.id)))?;
    Ok(Hook {
        id: row.id.to_string(),
        url,
        signer: Signer::of_its_own(secrets.secret),
        filter: row.filter.clone(),
        patience: Duration::from_secs(u64::try_from(row.patience_s).unwrap_or(0)),
        guard: Some(service.webhooks.guard().clone()),
        row: Some(row.clone()),
    })
}

pub async fn list_webhooks(service: web::Data<Service>) -> Result<HttpResponse, ApiError> {
    let mut all = Vec::new();
    for hook in service.webhooks.configured() {
        all.push(configured(&service, hook).await);
    }
    for row in service.store.webhooks().await? {
        all.push(described(&service, &row).await);
    }
    Ok(HttpResponse::Ok().json(json!({ "webhooks": all })))
}

pub async fn get_webhook(
    service: web::Data<Service>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let hook = service
        .webhooks
        .configured()
        .iter()
        .find(|hook| hook.id == *id);
    let webhook = match hook {
        Some(hook) => configured(&service, hook).await,
        None => described(&service, &find(&service, &id).await?).await,
    };
    Ok(HttpResponse::Ok().json(json!({ "webhook": webhook })))
}

#[derive(Deserialize)]
pub struct MakeWebhook {
    url: SecretText,
    events: Option<Vec<String>>,
    account_ids: Option<Vec<AccountId>>,
    owner: Option<String>,
    #[serde(default, deserialize_with = "super::whole::maybe")]
    patience: Option<i64>,
    #[serde(default)]
    paused: bool,
}

pub async fn make_webhook(
    service: web::Data<Service>,
    note: Note,
    body: web::Json<MakeWebhook>,
) -> Result<HttpResponse, ApiError> {
    let body = body.into_inner();
    let url = check_url(&service, &body.url).await?;
    let filter = WebhookFilter {
        events: body.events,
        accounts: body.account_ids,
        owner: body.owner,
    };
    check_filter(&service, &filter).await?;
    let patience_s = check_patience(body.patience.unwrap_or(A_DAY))?;
    let secrets = WebhookSecrets {
        url: SecretText::new(url),
        secret: Signer::new_secret().map_err(ApiError::internal)?,
    };
    let id = Uuid::new_v4();
    let row = WebhookRow {
        id,
        sealed: service.vault.seal_webhook(id, &secrets).await?,
        filter,
        patience_s,
        is_active: !body.paused,
        created_at: Timestamp::now(),
    };
    let _turn = service.webhooks.turn().await;
    if !service.store.add_webhook(row.clone(), MOST).await? {
        return Err(ApiError::conflict(
            "too_many_webhooks",
            "there are 100 webhooks already",
        ));
    }
    note.fact("webhook", id);
    serve(&service, &row).await?;
    Ok(shown(&service, StatusCode::CREATED, &row, Some(&secrets.secret)).await)
}

#[derive(Deserialize)]
pub struct ChangeWebhook {
    url: Option<SecretText>,
    #[serde(default, deserialize_with = "given")]
    events: Given<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    account_ids: Given<Vec<AccountId>>,
    #[serde(default, deserialize_with = "given")]
    owner: Given<String>,
    #[serde(default, deserialize_with = "super::whole::maybe")]
    patience: Option<i64>,
    paused: Option<bool>,
    #[serde(default)]
    rotate_secret: bool,
}

/// Its place in the log stays: what it was not told yet, it is told under the new settings.
pub async fn change_webhook(
    service: web::Data<Service>,
    note: Note,
    id: web::Path<String>,
    body: web::Json<ChangeWebhook>,
) -> Result<HttpResponse, ApiError> {
    let body = body.into_inner();
    let url = match &body.url {
        Some(url) => Some(SecretText::new(check_url(&service, url).await?)),
        None => None,
    };
    let _turn = service.webhooks.turn().await;
    for _ in 0..CHANGES {
        let seen = find(&service, &id).await?;
        let mut row = seen.clone();
        let secret = apply(&service, &mut row, &body, url.as_ref()).await?;
        match service.store.change_webhook(seen, row.clone()).await? {
            WebhookChange::Gone => return Err(unknown()),
            WebhookChange::Otherwise => continue,
            WebhookChange::Made => {}
        }
        note.fact("webhook", row.id);
        if body.rotate_secret {
            note.fact("secret", "rotated");
        }
        serve(&service, &row).await?;
        return Ok(shown(&service, StatusCode::OK, &row, secret.as_ref()).await);
    }
    Err(ApiError::internal(
        "a webhook that is changed elsewhere all the while",
    ))
}

/// The secret, if it is another now.
async fn apply(
    service: &Service,
    row: &mut WebhookRow,
    body: &ChangeWebhook,
    url: Option<&SecretText>,
) -> Result<Option<SecretText>, ApiError> {
    if let Some(events) = &body.events {
        row.filter.events.clone_from(events);
    }
    if let Some(accounts) = &body.account_ids {
        row.filter.accounts.clone_from(accounts);
    }
    if let Some(owner) = &body.owner {
        row.filter.owner.clone_from(owner);
    }
    check_filter(service, &row.filter).await?;
    if let Some(patience) = body.patience {
        row.patience_s = check_patience(patience)?;
    }
    let mut secret = None;
    if url.is_some() || body.rotate_secret {
        let mut secrets = service.vault.open_webhook(row).await?;
        if let Some(url) = url {
            secrets.url = url.clone();
        }
        if body.rotate_secret {
            secrets.secret = Signer::new_secret().map_err(ApiError::internal)?;
            secret = Some(secrets.secret.clone());
        }
        row.sealed = service.vault.seal_webhook(row.id, &secrets).await?;
    }
    if let Some(paused) = body.paused {
        row.is_active = !paused;
    }
    Ok(secret)
}

pub async fn remove_webhook(
    service: web::Data<Service>,
    note: Note,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let _turn = service.webhooks.turn().await;
    let row = find(&service, &id).await?;
    note.fact("webhook", row.id);
    // Ended first: what it wrote down of its place afterwards would stay behind.
    service.webhooks.halt(&id).await;
    service.store.remove_webhook(row.id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Posts a test and says what the receiver answered.
pub async fn test_webhook(
    service: web::Data<Service>,
    note: Note,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let known = service
        .webhooks
        .configured()
        .iter()
        .find(|hook| hook.id == *id);
    let hook = match known {
        Some(hook) => hook.clone(),
        None => hook_of(&service, &find(&service, &id).await?).await?,
    };
    note.fact("webhook", &hook.id);
    let answer = service.webhooks.test(hook).await;
    let answer = answer.ok_or_else(|| ApiError::internal("no client for webhooks"))?;
    note.fact("taken", answer.taken);
    Ok(HttpResponse::Ok().json(json!({ "answer": answer })))
}

#[derive(Deserialize)]
pub struct Replay {
    #[serde(deserialize_with = "super::whole::given")]
    after: i64,
}

/// Everything behind a number is told again, in order.
pub async fn replay_webhook(
    service: web::Data<Service>,
    note: Note,
    id: web::Path<String>,
    body: web::Json<Replay>,
) -> Result<HttpResponse, ApiError> {
    let after = body.after;
    let _turn = service.webhooks.turn().await;
    let row = find(&service, &id).await?;
    if after < 0 {
        return Err(invalid_after());
    }
    // A number from the future belongs to another database.
    let oldest = service.store.oldest_seq().await?;
    if after.saturating_add(1) < oldest.0 || Seq(after) > service.store.last_seq().await? {
        return Err(ApiError::new(
            StatusCode::GONE,
            "resync",
            "events after this number are not known (any more)",
        ));
    }
    service.webhooks.rest(&id).await;
    let placed = service.store.place_webhook(id.clone(), Seq(after)).await;
    // Served again whatever came of it.
    serve(&service, &row).await?;
    placed?;
    note.fact("webhook", row.id);
    note.fact("after", after);
    Ok(shown(&service, StatusCode::ACCEPTED, &row, None).await)
}

/// Lets it run as its row says.
async fn serve(service: &Service, row: &WebhookRow) -> Result<(), ApiError> {
    if row.is_active {
        service.webhooks.start(hook_of(service, row).await?).await;
    } else {
        service.webhooks.halt(&row.id.to_string()).await;
    }
    Ok(())
}

async fn find(service: &Service, id: &str) -> Result<WebhookRow, ApiError> {
    if service
        .webhooks
        .configured()
        .iter()
        .any(|hook| hook.id == id)
    {
        return Err(ApiError::conflict(
            "webhook_configured",
            "this webhook stands in the configuration (SWITCHBOARD_WEBHOOKS): change it there",
        ));
    }
    let rows = service.store.webhooks().await?;
    let is_it = |row: &WebhookRow| row.id.to_string() == id;
    rows.into_iter().find(is_it).ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::not_found("webhook_not_found", "webhook")
}
