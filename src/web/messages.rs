//! Messages: a failed reply again, a waiting one taken back, a sent one deleted, a masked code shown.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Access, ApiError, Service,
    audit::Note,
    orders::{Whom, delete_message},
    outgoing::check_can_send,
};
use crate::{
    domain::{Account, AccountState, MessageRowId},
    store::Discard,
};

/// What became of a reply, for instance.
pub async fn get_message(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let message = service.message(&access, MessageRowId(*id)).await?;
    Ok(HttpResponse::Ok().json(json!({ "message": message })))
}

/// Every text that it had, the one of now last.
pub async fn list_versions(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let message = service.message(&access, MessageRowId(*id)).await?;
    let versions = service.store.versions(message.id).await?;
    let versions: Vec<_> = versions
        .iter()
        .map(|version| json!({ "text": version.text, "replaced_at": version.replaced_at }))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "versions": versions })))
}

pub async fn retry_message(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let message = service.message(&access, MessageRowId(*id)).await?;
    check_can_send(&service.account(&access, message.account_id).await?)?;
    let message = service.store.retry_message(message.id).await?;
    Ok(HttpResponse::Accepted().json(json!({ "message": message })))
}

#[derive(Deserialize)]
pub struct DiscardMessage {
    /// Also while it may be on its way.
    force: Option<bool>,
    /// Of one that is sent.
    #[serde(rename = "for")]
    whom: Option<Whom>,
}

pub async fn discard_message(
    service: web::Data<Service>,
    access: Access,
    request: HttpRequest,
    id: web::Path<i64>,
    query: web::Query<DiscardMessage>,
) -> Result<HttpResponse, ApiError> {
    let message = service.message(&access, MessageRowId(*id)).await?;
    if let (Some(whom), Some(_)) = (query.whom, &message.message_id) {
        return delete_message(&service, &access, &request, &message, whom).await;
    }
    let how = if query.force == Some(true) {
        Discard::Anyway
    } else {
        Discard::Settled
    };
    service.store.discard_message(message.id, how).await?;
    service.supervisor.wake_outbox(message.account_id);
    Ok(HttpResponse::NoContent().finish())
}

/// A masked message as Telegram has it now. Kept nowhere; who asked is.
pub async fn reveal_message(
    service: web::Data<Service>,
    access: Access,
    note: Note,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let message = service.message(&access, MessageRowId(*id)).await?;
    let number = message.message_id.as_deref().and_then(|id| id.parse().ok());
    let Some(number) = number.filter(|_| message.masked) else {
        return Err(ApiError::conflict(
            "message_not_masked",
            "nothing was taken out of this message",
        ));
    };
    let account = service.account(&access, message.account_id).await?;
    let Some(link) = service.supervisor.link(account.id).await else {
        return Err(away(&account));
    };
    let Some(text) = link.reveal(message.chat_id, number).await? else {
        return Err(ApiError::new(
            StatusCode::GONE,
            "message_gone",
            "Telegram no longer has this message",
        ));
    };
    service.doors.still(&access)?;
    note.account(account.id);
    note.label(&account.label);
    note.fact("message", message.id.0);
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "text": text.expose() })))
}

fn away(account: &Account) -> ApiError {
    let label = &account.label;
    let what = match account.state {
        AccountState::NeedsLogin | AccountState::SignedOut | AccountState::SigningIn => {
            "sign it in to see the code"
        }
        AccountState::Banned => "Telegram has banned it",
        AccountState::Stopped => "start it to see the code",
        AccountState::Failed => "restart it to see the code",
        _ => {
            return ApiError::unavailable(
                "telegram_unreachable",
                format!(
                    "the code is at Telegram and {label} is not connected: try again in a moment"
                ),
            );
        }
    };
    ApiError::conflict(
        "account_unavailable",
        format!("the code is at Telegram and {label} is not connected: {what}"),
    )
}
