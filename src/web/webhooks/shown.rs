//! Shown: a webhook as REST tells of it.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use serde_json::{Value, json};

use crate::{domain::SecretText, store::WebhookRow, web::Service, webhooks::Hook};

pub(super) async fn shown(
    service: &Service,
    status: StatusCode,
    row: &WebhookRow,
    secret: Option<&SecretText>,
) -> HttpResponse {
    let mut answer = json!({ "webhook": described(service, row).await });
    if let Some(secret) = secret {
        answer["secret"] = json!(secret.expose());
    }
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(answer)
}

pub(super) async fn described(service: &Service, row: &WebhookRow) -> Value {
    let secrets = service.vault.open_webhook(row).await.ok();
    let idle = match (&secrets, row.is_active) {
        (None, _) => "unreadable",
        (Some(_), true) => "failing",
        (Some(_), false) => "paused",
    };
    let mut webhook = json!({
        "id": row.id,
        "source": "rest",
        "url": secrets.map(|secrets| secrets.url.expose().to_owned()),
        "events": row.filter.events,
        "account_ids": row.filter.accounts,
        "owner": row.filter.owner,
        "patience": row.patience_s,
        "created_at": row.created_at,
    });
    add_standing(service, &row.id.to_string(), idle, &mut webhook).await;
    webhook
}

pub(super) async fn configured(service: &Service, hook: &Hook) -> Value {
    let mut webhook = json!({
        "id": hook.id,
        "source": "configuration",
        "url": hook.url.as_str(),
        "events": null,
        "account_ids": null,
        "owner": hook.filter.owner,
        "patience": hook.patience.as_secs(),
        "created_at": null,
    });
    add_standing(service, &hook.id, "failing", &mut webhook).await;
    webhook
}

async fn add_standing(service: &Service, id: &str, idle: &str, webhook: &mut Value) {
    let now = service.webhooks.now(id).await;
    webhook["state"] = match &now {
        Some(now) if now.failing => json!("failing"),
        Some(_) => json!("active"),
        None => json!(idle),
    };
    webhook["last_taken_at"] = json!(now.as_ref().and_then(|now| now.last_taken_at));
    webhook["last_error"] = json!(now.as_ref().and_then(|now| now.last_error.as_ref()));
    let waiting = now.map_or((0, 0), |now| (now.accounts_waiting, now.waiting_seconds));
    webhook["accounts_waiting"] = json!(waiting.0);
    webhook["waiting_seconds"] = json!(waiting.1);
}
