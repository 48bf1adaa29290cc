//! Health: is the process alive, and is it able to do its work?

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::{Access, Service};

pub async fn get_live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// Ready as long as messages can be stored; a vault that is away is told, and does no harm.
pub async fn get_ready(service: web::Data<Service>, access: Access) -> HttpResponse {
    let store = service.store.health();
    let vault = service.vault.status().seen_by(|id| access.sees(id));
    let (waiting, longest) = service.webhooks.figures().waiting();
    let body = json!({
        "status": if store.ok { "ok" } else { "unavailable" },
        "store": { "ok": store.ok, "since": store.since, "reason": store.reason },
        "vault": vault,
        "webhooks": { "accounts_waiting": waiting, "waiting_seconds": longest.as_secs() },
    });
    if store.ok {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable().json(body)
    }
}
