//! Signing in to the portal: by code and password, or by a QR code.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PATIENCE, Visitor, described_user};
use crate::{
    domain::{Login, LoginStep, SecretText},
    telegram::SignInMethod,
    web::{
        ApiError,
        integrations::{
            owned::{self, Verified},
            words::Said,
        },
        login::check_phone,
    },
};

#[derive(Deserialize)]
pub struct AuthPhone {
    phone: SecretText,
}

pub async fn auth_phone(
    visitor: Visitor,
    body: web::Json<AuthPhone>,
) -> Result<HttpResponse, ApiError> {
    let method = SignInMethod::Phone(check_phone(&body.phone)?);
    let (begun, login) = owned::begin(&visitor, &visitor.owner, "Portal", method).await?;
    visitor.note.account(begun.id());
    Ok(HttpResponse::Ok().json(described_code(&visitor, &login)))
}

fn described_code(visitor: &Visitor, login: &Login) -> Value {
    json!({
        "success": true,
        "status": "code_sent",
        "message": visitor.say_code_sent(login),
        "code_via": login.code_via,
        "code_hint": login.code_hint,
        "code_length": login.code_length,
        "resend_at": login.resend_at,
        "resend_via": login.resend_via,
        "expires_at": login.expires_at,
    })
}

/// The code once more, by the next way.
pub async fn auth_resend(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let owned = visitor.owned().await?.ok_or_else(|| {
        ApiError::conflict("no_login", "no sign-in is under way: start one first")
    })?;
    visitor.note.account(owned.id());
    let login = visitor.supervisor.sign_ins().resend(owned.id()).await?;
    Ok(HttpResponse::Ok().json(described_code(&visitor, &login)))
}

#[derive(Deserialize)]
pub struct AuthVerify {
    code: Option<SecretText>,
    password: Option<SecretText>,
}

pub async fn auth_verify(
    visitor: Visitor,
    body: web::Json<AuthVerify>,
) -> Result<HttpResponse, ApiError> {
    let body = body.into_inner();
    let owned = visitor.owned().await?.ok_or_else(|| {
        ApiError::conflict("no_login", "no sign-in is under way: start one first")
    })?;
    visitor.note.account(owned.id());
    match owned::verify(
        &visitor,
        &visitor.owner,
        owned.id(),
        body.code,
        body.password,
    )
    .await?
    {
        Verified::PasswordNeeded => Err(owned::password_needed(
            &visitor,
            owned.id(),
            "password_needed",
        )),
        Verified::Done => {
            visitor.note.action("signed_in");
            let owned = visitor.signed_in().await?;
            let person = owned::person(&visitor, &owned.account, PATIENCE).await?;
            Ok(HttpResponse::Ok().json(json!({
                "success": true,
                "status": "authorized",
                "message": visitor.say(Said::Connected),
                "user": described_user(&person),
            })))
        }
    }
}

/// Starts a QR sign-in; one that waits to be scanned is shown again instead.
pub async fn auth_qr(visitor: Visitor, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    check_own_page(&request)?;
    let running = visitor
        .owned()
        .await?
        .and_then(|owned| visitor.supervisor.sign_ins().login_of(owned.id()))
        .filter(|login| login.step == LoginStep::Scan);
    let login = match running {
        Some(login) => login,
        None => {
            let (begun, login) =
                owned::begin(&visitor, &visitor.owner, "Portal", SignInMethod::Qr).await?;
            visitor.note.account(begun.id());
            login
        }
    };
    Ok(HttpResponse::Ok().json(described_qr(Some(&login))))
}

/// This GET starts something, so a link on another site must not be enough to call it.
fn check_own_page(request: &HttpRequest) -> Result<(), ApiError> {
    let from = request
        .headers()
        .get("sec-fetch-site")
        .and_then(|value| value.to_str().ok());
    match from {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(ApiError::forbidden(
            "cross_site",
            "this request comes from another site's page; only the portal itself and programs may call",
        )),
    }
}

fn described_qr(login: Option<&Login>) -> Value {
    let qr = login.and_then(|login| login.qr.as_ref());
    let status = match login.map(|login| login.step) {
        Some(LoginStep::Scan) if qr.is_some_and(|qr| qr.scanned) => "scanned",
        Some(LoginStep::Scan) => "pending",
        Some(LoginStep::Password) => "password_needed",
        Some(LoginStep::Done) => "authorized",
        Some(LoginStep::Code | LoginStep::Email) | None => "expired",
    };
    json!({
        "success": true,
        "status": status,
        "url": qr.map(|qr| &qr.url),
        "svg": qr.map(|qr| &qr.svg),
        "expires_at": qr.map(|qr| qr.expires_at),
    })
}

pub async fn qr_status(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let owned = visitor.owned().await?;
    let login = owned
        .as_ref()
        .and_then(|owned| visitor.supervisor.sign_ins().login_of(owned.id()));
    let mut answer = described_qr(login.as_ref());
    if login.is_none() && owned.is_some_and(|owned| owned.is_connected()) {
        answer["status"] = json!("authorized");
    }
    Ok(HttpResponse::Ok().json(answer))
}
