//! System B: a business connects the number that its customers know. One licence, one active session.

use std::{
    future::{Ready, ready},
    time::Duration,
};

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::StatusCode, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    caller::Caller,
    owned::{self, Owned, Person, Verified},
    qr,
    words::Said,
};
use crate::{
    domain::{CodeChannel, Login, LoginStep, SecretText, Timestamp},
    telegram::SignInMethod,
    web::{
        ApiError,
        doors::{Owner, OwnerKind},
        login::check_phone,
    },
};

/// A caller waits this long for Telegram to tell who is signed in.
const PATIENCE: Duration = Duration::from_secs(5);

/// A caller that says which licence it is for.
pub struct Licensed {
    caller: Caller,
    licence: Owner,
}

impl FromRequest for Licensed {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Caller::of(request).and_then(Self::new))
    }
}

impl Licensed {
    fn new(caller: Caller) -> Result<Self, ApiError> {
        let owner = caller.access.owner.clone();
        let licence = owner
            .filter(|owner| owner.kind == OwnerKind::Licence)
            .ok_or_else(|| {
                ApiError::new(
                    StatusCode::UNAUTHORIZED,
                    "licence_required",
                    "say which licence this is for: send X-License-Key, or a token of scope licence",
                )
            })?;
        Ok(Self { caller, licence })
    }

    async fn owned(&self) -> Result<Option<Owned>, ApiError> {
        owned::find(&self.caller, &self.licence).await
    }

    /// Notes which started sign-in is the valid one.
    async fn set_pending(&self, started: Option<String>) -> Result<(), ApiError> {
        let owners = &self.caller.doors.owners;
        Ok(owners.set_pending(&self.licence, started).await?)
    }

    async fn check_free(&self) -> Result<(), ApiError> {
        match self.owned().await? {
            Some(owned) if owned.is_connected() => Err(ApiError::conflict(
                "already_connected",
                "this licence has a connected number: disconnect it first",
            )),
            _ => Ok(()),
        }
    }

    /// The account whose sign-in goes by this name, and when it was started.
    async fn signing_in(
        &self,
        phone: Option<&SecretText>,
        named: &SecretText,
    ) -> Result<(Owned, String), ApiError> {
        let owned = self.owned().await?.ok_or_else(session_not_found)?;
        let started = owned.record.pending.clone();
        let started = started.filter(|started| session_id(phone, started) == named.expose());
        let started = started.ok_or_else(session_not_found)?;
        self.caller.note.account(owned.id());
        Ok((owned, started))
    }

    /// How far it is, and by which name it goes on.
    fn under_way(&self, login: &Login, phone: &SecretText, started: &str) -> HttpResponse {
        let mut answer = json!({
            "success": true,
            "message": self.caller.say_step(login),
            "session_id": session_id(Some(phone), started),
            "phone_number": phone.expose(),
        });
        // Only where it is so: most callers know nothing but a code of digits.
        if login.step == LoginStep::Email {
            answer["needs_email"] = json!(true);
        }
        if matches!(
            login.code_via,
            Some(CodeChannel::SmsWord | CodeChannel::SmsPhrase)
        ) {
            answer["code_is_words"] = json!(true);
        }
        HttpResponse::Ok().json(answer)
    }

    async fn connected(&self) -> Result<(Owned, Person), ApiError> {
        let owned = self.owned().await?.ok_or_else(not_connected)?;
        if owned.needs_login() {
            return Err(owned::login_required());
        }
        if !owned.is_connected() {
            return Err(not_connected());
        }
        let person = owned::person(&self.caller, &owned.account, PATIENCE).await?;
        Ok((owned, person))
    }
}

#[derive(Deserialize)]
pub struct Start {
    phone_number: SecretText,
}

pub async fn start(licensed: Licensed, body: web::Json<Start>) -> Result<HttpResponse, ApiError> {
    let Licensed { caller, licence } = &licensed;
    let phone = check_phone(&body.phone_number)?;
    licensed.check_free().await?;
    let label = label_of(licence);
    let method = SignInMethod::Phone(phone.clone());
    let (begun, login) = owned::begin(caller, licence, &label, method).await?;
    caller.note.account(begun.id());
    // Names this start; an older one is void from now on. The number itself is not part of what is kept.
    let started = started_now();
    licensed.set_pending(Some(started.clone())).await?;
    Ok(licensed.under_way(&login, &phone, &started))
}

/// Seconds with a fraction, as the old system named its sessions.
fn started_now() -> String {
    let millis = Timestamp::now().millis();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

fn session_id(phone: Option<&SecretText>, started: &str) -> String {
    let by = phone.map_or("qr", SecretText::expose);
    format!("temp_{by}_{started}")
}

/// Which start is meant.
#[derive(Deserialize)]
pub struct Started {
    phone_number: SecretText,
    session_id: SecretText,
}

/// The code once more, by the next way.
pub async fn resend(
    licensed: Licensed,
    body: web::Json<Started>,
) -> Result<HttpResponse, ApiError> {
    let Started {
        phone_number,
        session_id,
    } = body.into_inner();
    let phone = check_phone(&phone_number)?;
    let (owned, started) = licensed.signing_in(Some(&phone), &session_id).await?;
    let login = owned::resend(&licensed.caller, owned.id()).await?;
    Ok(licensed.under_way(&login, &phone, &started))
}

#[derive(Deserialize)]
pub struct Email {
    phone_number: SecretText,
    session_id: SecretText,
    email: SecretText,
}

/// The e-mail address that Telegram wants the account to have.
pub async fn email(licensed: Licensed, body: web::Json<Email>) -> Result<HttpResponse, ApiError> {
    let body = body.into_inner();
    let phone = check_phone(&body.phone_number)?;
    let (owned, started) = licensed.signing_in(Some(&phone), &body.session_id).await?;
    let login = owned::set_email(&licensed.caller, owned.id(), body.email).await?;
    Ok(licensed.under_way(&login, &phone, &started))
}

/// For numbers that no code leads to; a password goes to `verify`, without a number.
pub async fn qr(licensed: Licensed) -> Result<HttpResponse, ApiError> {
    licensed.check_free().await?;
    let Licensed { caller, licence } = &licensed;
    let (login, is_new) = qr::start(caller, licence, &label_of(licence)).await?;
    let pending = licensed
        .owned()
        .await?
        .and_then(|owned| owned.record.pending);
    let started = match pending.filter(|_| !is_new) {
        Some(started) => started,
        None => started_now(),
    };
    licensed.set_pending(Some(started.clone())).await?;
    let mut answer = qr::described(Some(&login));
    answer["session_id"] = json!(session_id(None, &started));
    Ok(HttpResponse::Ok().json(answer))
}

pub async fn qr_status(licensed: Licensed) -> Result<HttpResponse, ApiError> {
    let owned = licensed.owned().await?;
    Ok(HttpResponse::Ok().json(qr::status(&licensed.caller, owned.as_ref())))
}

fn label_of(licence: &Owner) -> String {
    format!("Licence {}", licence.short())
}

#[derive(Deserialize)]
pub struct Verify {
    phone_number: Option<SecretText>,
    code: Option<SecretText>,
    session_id: SecretText,
    password: Option<SecretText>,
}

pub async fn verify(licensed: Licensed, body: web::Json<Verify>) -> Result<HttpResponse, ApiError> {
    let Licensed { caller, licence } = &licensed;
    let body = body.into_inner();
    let phone = body.phone_number.as_ref().map(check_phone).transpose()?;
    let (owned, started) = licensed
        .signing_in(phone.as_ref(), &body.session_id)
        .await?;
    match owned::verify(caller, licence, owned.id(), body.code, body.password).await? {
        Verified::Done => {}
        Verified::PasswordNeeded => {
            return Err(owned::password_needed(caller, owned.id(), "needs_password"));
        }
        Verified::NextCode(login) => {
            let phone = phone.ok_or_else(session_not_found)?;
            return Ok(licensed.under_way(&login, &phone, &started));
        }
    }
    caller.note.action("signed_in");
    licensed.set_pending(None).await?;
    let (owned, person) = licensed.connected().await?;
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "message": caller.say(Said::Connected),
        "user": user(&person),
        "config_id": owned.record.id,
    })))
}

fn session_not_found() -> ApiError {
    ApiError::not_found("session_not_found", "session: start again")
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
pub async fn test(licensed: Licensed) -> Result<HttpResponse, ApiError> {
    let (_, person) = licensed.connected().await?;
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "message": licensed.caller.say(Said::Works),
        "user": user(&person),
    })))
}

pub async fn config(licensed: Licensed) -> Result<HttpResponse, ApiError> {
    let owned = licensed.owned().await?;
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

pub async fn disconnect(licensed: Licensed) -> Result<HttpResponse, ApiError> {
    let caller = &licensed.caller;
    let owned = licensed
        .owned()
        .await?
        .filter(|owned| owned.is_connected() || owned.needs_login() || owned.is_stopped())
        .ok_or_else(not_connected)?;
    caller.note.account(owned.id());
    let (_, log_out) = caller.supervisor.partings().sign_out(owned.id()).await?;
    licensed.set_pending(None).await?;
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "message": caller.say(Said::disconnected(log_out)),
    })))
}
