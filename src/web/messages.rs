//! Messages: a failed reply again, or a waiting one taken back.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::{Access, ApiError, Scope, Service, conversations::check_can_send};
use crate::domain::MessageRowId;

pub async fn retry_message(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    access.require(Scope::Send)?;
    let message = service.message(&access, MessageRowId(*id)).await?;
    check_can_send(&service.account(&access, message.account_id).await?)?;
    let message = service.store.retry_message(message.id).await?;
    service.supervisor.wake_outbox(message.account_id).await;
    Ok(HttpResponse::Accepted().json(json!({ "message": message })))
}

pub async fn discard_message(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    access.require(Scope::Send)?;
    let message = service.message(&access, MessageRowId(*id)).await?;
    service.store.discard_message(message.id).await?;
    service.supervisor.wake_outbox(message.account_id).await;
    Ok(HttpResponse::NoContent().finish())
}
