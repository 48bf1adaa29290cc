//! Signing in to the portal: by code and password, or by a QR code.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PATIENCE, Visitor, described_user, session::step_word};
use crate::{
    domain::{Login, SecretText},
    telegram::SignInMethod,
    web::{
        ApiError,
        integrations::{
            owned::{self, Verified},
            qr,
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
    Ok(HttpResponse::Ok().json(described_step(&visitor, &login)))
}

fn described_step(visitor: &Visitor, login: &Login) -> Value {
    json!({
        "success": true,
        "status": step_word(login),
        "message": visitor.say_step(login),
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
    let owned = visitor.signing_in().await?;
    let login = owned::resend(&visitor, owned.id()).await?;
    Ok(HttpResponse::Ok().json(described_step(&visitor, &login)))
}

#[derive(Deserialize)]
pub struct AuthEmail {
    email: SecretText,
}

/// The e-mail address that Telegram wants the account to have.
pub async fn auth_email(
    visitor: Visitor,
    body: web::Json<AuthEmail>,
) -> Result<HttpResponse, ApiError> {
    let owned = visitor.signing_in().await?;
    let login = owned::set_email(&visitor, owned.id(), body.into_inner().email).await?;
    Ok(HttpResponse::Ok().json(described_step(&visitor, &login)))
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
    let owned = visitor.signing_in().await?;
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
        Verified::NextCode(login) => Ok(HttpResponse::Ok().json(described_step(&visitor, &login))),
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
    let (login, _) = qr::start(&visitor, &visitor.owner, "Portal").await?;
    Ok(HttpResponse::Ok().json(qr::described(Some(&login))))
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

pub async fn qr_status(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let owned = visitor.owned().await?;
    Ok(HttpResponse::Ok().json(qr::status(&visitor, owned.as_ref())))
}
