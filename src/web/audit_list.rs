//! `GET /audit`: what was noted.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, Service, conversations::check_limit, events::invalid_after};
use crate::store::AuditRecord;

#[derive(Deserialize)]
pub struct After {
    #[serde(default)]
    after: i64,
    limit: Option<u32>,
    /// The last ones instead, whatever `after` says.
    newest: Option<bool>,
}

/// What was noted after an entry, oldest first.
pub async fn list_audit(
    service: web::Data<Service>,
    query: web::Query<After>,
) -> Result<HttpResponse, ApiError> {
    let limit = check_limit(query.limit)?;
    if query.after < 0 {
        return Err(invalid_after());
    }
    let records = match query.newest {
        Some(true) => service.store.newest_audit(limit).await?,
        _ => service.store.audit_after(query.after, limit).await?,
    };
    let next = records.last().map_or(query.after, |last| last.id);
    let entries: Vec<Value> = records.iter().map(described).collect();
    Ok(HttpResponse::Ok().json(json!({ "entries": entries, "next_after": next })))
}

fn described(record: &AuditRecord) -> Value {
    json!({
        "id": record.id,
        "at": record.at,
        "action": record.action,
        "by": record.caller,
        "token_id": record.token_id,
        "ip": record.ip,
        "account_id": record.account_id,
        "detail": record.detail,
    })
}
