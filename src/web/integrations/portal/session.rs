//! The portal's session: is there one, whose is it, and its end.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::{PATIENCE, Visitor, described_user};
use crate::{
    domain::{LogOut, Login, LoginStep},
    web::{
        ApiError,
        integrations::{
            owned::{self, Owned},
            words::Said,
        },
    },
};

const ATTEMPTS_SHOWN: u32 = 20;

pub async fn session_status(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let owned = visitor.owned().await?;
    let authorized = owned.as_ref().is_some_and(Owned::is_connected);
    let has_session = authorized || owned.as_ref().is_some_and(Owned::needs_login);
    let login = owned
        .as_ref()
        .and_then(|owned| visitor.supervisor.sign_ins().login_of(owned.id()))
        // One that is done may have ended since.
        .filter(|login| login.step != LoginStep::Done || !has_session);
    let status = match &login {
        _ if authorized => "authorized",
        Some(login) => step_word(login),
        None if has_session => "login_required",
        None => "no_session",
    };
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "has_session": has_session,
        "authorized": authorized,
        "status": status,
        "state": owned.map(|owned| owned.account.state),
    })))
}

pub(super) const fn step_word(login: &Login) -> &'static str {
    match login.step {
        LoginStep::Code => "code_sent",
        LoginStep::Email => "email_needed",
        LoginStep::Password => "password_needed",
        LoginStep::Scan => "pending",
        LoginStep::Done => "authorized",
    }
}

pub async fn user_info(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let owned = visitor.signed_in().await?;
    let person = owned::person(&visitor, &owned.account, PATIENCE).await?;
    Ok(HttpResponse::Ok().json(json!({ "success": true, "user": described_user(&person) })))
}

pub async fn session_reset(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let log_out = match visitor.owned().await? {
        Some(owned) => {
            visitor.note.account(owned.id());
            visitor.supervisor.partings().sign_out(owned.id()).await?.1
        }
        None => LogOut::Done,
    };
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "status": "ok",
        "message": visitor.say(Said::disconnected(log_out)),
        "logout": log_out,
    })))
}

pub async fn session_info(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let Some(owned) = visitor.owned().await? else {
        return Ok(HttpResponse::Ok().json(json!({ "success": true, "session": null })));
    };
    let attempts = visitor
        .store
        .list_login_attempts(Some(owned.id()), ATTEMPTS_SHOWN)
        .await?;
    let attempts: Vec<Value> = attempts
        .iter()
        .map(|attempt| {
            json!({
                "kind": attempt.kind,
                "status": attempt.outcome,
                "error_message": attempt.error,
                "created_at": attempt.at,
                "finished_at": attempt.finished_at,
            })
        })
        .collect();
    let account = &owned.account;
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "session": {
            "account_id": account.id,
            "authorized": owned.is_connected(),
            "state": account.state,
            "state_reason": account.state_reason,
            "state_code": account.state_code,
            "state_params": account.state_params,
            "state_since": account.state_since,
            "phone": account.phone,
            "user": account.user,
            "created_at": owned.record.created_at,
            "last_update_at": account.last_update_at,
            "attempts": attempts,
        },
    })))
}
