//! Health: is the process alive, and is it able to do its work? Both answer within seconds, whatever hangs.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde_json::json;
use tokio::time::timeout;

use super::{Access, Service, nodes};
use crate::{
    domain::{StoreFault, Timestamp},
    store::StoreHealth,
};

/// Whoever asks has a limit of its own, often of ten seconds.
const LIMIT: Duration = Duration::from_secs(4);

/// Alive as long as every loop comes round.
pub async fn get_live(service: web::Data<Service>) -> HttpResponse {
    let stuck = service.loops.stuck(LIMIT).await;
    if stuck.is_empty() {
        HttpResponse::Ok().json(json!({ "status": "ok" }))
    } else {
        log::error!(target: "switchboard", "loops that do not come round: {stuck:?}");
        let body = json!({ "status": "unavailable", "stuck": stuck });
        HttpResponse::ServiceUnavailable().json(body)
    }
}

/// Ready as long as messages can be stored and read; a vault that is away is told, and does no harm.
pub async fn get_ready(service: web::Data<Service>, access: Access) -> HttpResponse {
    let store = store_health(&service).await;
    let fault = store.fault.as_ref().map(StoreFault::told);
    let vault = service.vault.status().seen_by(|id| access.sees(id));
    let (waiting, longest) = service.webhooks.figures().waiting();
    let body = json!({
        "status": if store.ok { "ok" } else { "unavailable" },
        "store": {
            "ok": store.ok, "since": store.since, "reason": store.reason,
            "reason_code": fault.as_ref().map(|(code, _)| code), "reason_params": fault.as_ref().map(|(_, params)| params),
        },
        "vault": vault,
        "webhooks": { "accounts_waiting": waiting, "waiting_seconds": longest.as_secs() },
        "node": nodes::of_this(&service.ownership),
    });
    if store.ok {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable().json(body)
    }
}

/// What the last write told, and whether it can be read now.
pub(super) async fn store_health(service: &Service) -> StoreHealth {
    let told = service.store.health();
    if !told.ok {
        return told;
    }
    let (reason, fault) = match timeout(LIMIT, service.store.last_seq()).await {
        Ok(Ok(_)) => return told,
        Ok(Err(error)) => {
            let text = error.to_string();
            let fault = StoreFault::of(&text);
            (text, fault)
        }
        Err(_) => {
            let seconds = LIMIT.as_secs();
            let text = format!("the database was not read within {seconds} s");
            (text, StoreFault::NotRead { seconds })
        }
    };
    StoreHealth {
        ok: false,
        since: Timestamp::now(),
        reason: Some(reason),
        fault: Some(fault),
    }
}
