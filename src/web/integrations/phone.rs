//! System B: a business connects the number that its customers know. One licence, one active session.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    owned::{self, Owned, Person, Verified},
    shape::Face,
    words::Said,
};
use crate::{
    domain::{SecretText, Timestamp},
    telegram::SignInMethod,
    web::{
        Access, ApiError, Service, accounts,
        doors::{Owner, OwnerKind},
        login::check_phone,
    },
};

/// A caller waits this long for Telegram to tell who is signed in.
const PATIENCE: Duration = Duration::from_secs(5);

fn licence(access: &Access) -> Result<Owner, ApiError> {
    access
        .owner
        .clone()
        .filter(|owner| owner.kind == OwnerKind::Licence)
        .ok_or_else(|| {
            ApiError::new(
                actix_web::http::StatusCode::UNAUTHORIZED,
                "licence_required",
                "say which licence this is for: send X-License-Key, or a token of scope licence",
            )
        })
}

fn said(request: &HttpRequest, said: Said) -> &'static str {
    said.text(Face::Phone.language(request.headers()))
}

#[derive(Deserialize)]
pub struct Start {
    phone_number: SecretText,
}

pub async fn start(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
    body: web::Json<Start>,
) -> Result<HttpResponse, ApiError> {
    access.require(crate::web::Scope::Send)?;
    let licence = licence(&access)?;
    let phone = check_phone(&body.phone_number)?;
    if owned::find(&service, &licence)
        .await?
        .is_some_and(|owned| owned.is_connected())
    {
        return Err(ApiError::conflict(
            "already_connected",
            "this licence has a connected number: disconnect it first",
        ));
    }
    let label = format!("Licence {}", licence.short());
    let method = SignInMethod::Phone(phone.clone());
    owned::begin(&service, &licence, &label, method).await?;
    // Names this start; an older one is void from now on. The number itself is not part of what is kept.
    let started = started_now();
    service
        .doors
        .owners
        .set_pending(&licence, Some(started.clone()))
        .await?;
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "message": said(&request, Said::CodeSent),
        "session_id": session_id(&phone, &started),
        "phone_number": phone.expose(),
    })))
}

/// Seconds with a fraction, as the old system named its sessions.
fn started_now() -> String {
    let millis = Timestamp::now().millis();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

fn session_id(phone: &SecretText, started: &str) -> String {
    format!("temp_{}_{started}", phone.expose())
}

#[derive(Deserialize)]
pub struct Verify {
    phone_number: SecretText,
    code: Option<SecretText>,
    session_id: SecretText,
    password: Option<SecretText>,
}

pub async fn verify(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
    body: web::Json<Verify>,
) -> Result<HttpResponse, ApiError> {
    access.require(crate::web::Scope::Send)?;
    let licence = licence(&access)?;
    let body = body.into_inner();
    let phone = check_phone(&body.phone_number)?;
    let owned = owned::find(&service, &licence).await?.filter(|owned| {
        let pending = owned.record.pending.as_deref();
        pending.is_some_and(|started| session_id(&phone, started) == body.session_id.expose())
    });
    let Some(owned) = owned else {
        return Err(ApiError::not_found(
            "session_not_found",
            "session: start again",
        ));
    };
    let verified = owned::verify(&service, &licence, owned.id(), body.code, body.password).await?;
    if verified == Verified::PasswordNeeded {
        return Err(ApiError::conflict(
            "needs_password",
            "this account has two-step verification: send the password as well",
        ));
    }
    service.doors.owners.set_pending(&licence, None).await?;
    let (owned, person) = connected(&service, &licence).await?;
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "message": said(&request, Said::Connected),
        "user": user(&person),
        "config_id": owned.record.id,
    })))
}

async fn connected(service: &Service, licence: &Owner) -> Result<(Owned, Person), ApiError> {
    let owned = owned::find(service, licence)
        .await?
        .ok_or_else(not_connected)?;
    if owned.needs_login() {
        return Err(owned::login_required());
    }
    if !owned.is_connected() {
        return Err(not_connected());
    }
    let person = owned::person(service, &owned.account, PATIENCE).await?;
    Ok((owned, person))
}

fn not_connected() -> ApiError {
    ApiError::not_found(
        "not_connected",
        "connection: this licence has no number yet",
    )
}

fn user(person: &Person) -> Value {
    json!({
        "id": person.id,
        "phone": person.phone,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "username": person.username,
    })
}

/// Asks Telegram whether the session still works.
pub async fn test(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    let (_, person) = connected(&service, &licence(&access)?).await?;
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "message": said(&request, Said::Works),
        "user": user(&person),
    })))
}

pub async fn config(service: web::Data<Service>, access: Access) -> Result<HttpResponse, ApiError> {
    let owned = owned::find(&service, &licence(&access)?).await?;
    let config = owned.filter(|owned| owned.is_connected() || owned.needs_login());
    Ok(HttpResponse::Ok().json(json!({ "config": config.as_ref().map(described) })))
}

fn described(owned: &Owned) -> Value {
    let account = &owned.account;
    let user = account.user.as_ref();
    json!({
        "id": owned.record.id,
        "phone_number": account.phone,
        "phone_number_masked": account.phone,
        "user_id": user.map(|user| user.id),
        "user_first_name": user.map(|user| &user.first_name),
        "user_last_name": user.and_then(|user| user.last_name.as_ref()),
        "user_username": user.and_then(|user| user.username.as_ref()),
        "is_active": owned.is_connected(),
        "last_synced_at": account.last_update_at,
        "created_at": owned.record.created_at,
        "updated_at": owned.record.updated_at.max(account.state_since),
    })
}

pub async fn disconnect(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    access.require(crate::web::Scope::Send)?;
    let licence = licence(&access)?;
    let owned = owned::find(&service, &licence)
        .await?
        .filter(|owned| owned.is_connected() || owned.needs_login())
        .ok_or_else(not_connected)?;
    accounts::sign_out(&service, owned.id()).await?;
    service.doors.owners.set_pending(&licence, None).await?;
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "message": said(&request, Said::Disconnected),
    })))
}
