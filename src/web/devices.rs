//! Devices: where else an account is signed in at Telegram, and the end of one of these sign-ins.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::{Access, ApiError, Service, audit::Note};
use crate::{
    domain::{Account, AccountId},
    telegram::{CallError, LinkHandle},
};

pub async fn list_sessions(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    let sessions = link_of(&service, &account).await?.sessions().await?;
    Ok(HttpResponse::Ok().json(json!({ "sessions": sessions })))
}

pub async fn end_session(
    service: web::Data<Service>,
    access: Access,
    note: Note,
    path: web::Path<(AccountId, String)>,
) -> Result<HttpResponse, ApiError> {
    let (id, hash) = path.into_inner();
    let account = service.account(&access, id).await?;
    let Ok(hash) = hash.parse::<i64>() else {
        return Err(ApiError::not_found("device_session_not_found", "session"));
    };
    if hash == 0 {
        return Err(ApiError::conflict(
            "session_in_use",
            "this is the session that the service itself uses: sign the account out instead",
        ));
    }
    let ended = link_of(&service, &account).await?.end_session(hash).await;
    match ended {
        Ok(true) => {}
        Ok(false) => return Err(ApiError::not_found("device_session_not_found", "session")),
        Err(CallError::Rejected { code, .. }) if code == "FRESH_RESET_AUTHORISATION_FORBIDDEN" => {
            return Err(ApiError::conflict(
                "session_too_new",
                "Telegram lets a sign-in end others only after 24 hours: end it on the phone, or try again tomorrow",
            ));
        }
        Err(error) => return Err(error.into()),
    }
    note.account(id);
    note.label(&account.label);
    Ok(HttpResponse::NoContent().finish())
}

async fn link_of(service: &Service, account: &Account) -> Result<LinkHandle, ApiError> {
    service.supervisor.link(account.id).await.ok_or_else(|| {
        let words = "its sessions are at Telegram, and this account is not connected";
        match account.state.accepts_replies() {
            true => ApiError::unavailable("telegram_unreachable", words),
            false => ApiError::conflict("account_unavailable", words),
        }
    })
}
