//! System C: send as the user. One account per `user_id`.

use std::time::Duration;

use actix_web::{HttpResponse, http::StatusCode, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    caller::Caller,
    owned::{self, Owned, Person, Verified},
    qr,
    words::Said,
};
use crate::{
    domain::{Login, LoginStep, SecretText, mask_phone},
    telegram::SignInMethod,
    web::{
        ApiError, Service,
        doors::{Owner, random_text},
        login::check_phone,
        whole,
    },
};

const LONGEST_USER_ID: usize = 255;
/// A caller waits this long for Telegram to tell who is signed in.
const PATIENCE: Duration = Duration::from_secs(5);

/// A text, or a number as a text: old callers send both.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub enum Id {
    Text(String),
    Number(#[serde(deserialize_with = "whole::given")] i64),
}

impl Id {
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.trim().to_owned(),
            Self::Number(number) => number.to_string(),
        }
    }
}

pub fn owner_of(user_id: &Id) -> Result<Owner, ApiError> {
    let user_id = user_id.text();
    if user_id.is_empty() || user_id.len() > LONGEST_USER_ID {
        return Err(ApiError::unprocessable(
            "user_id_invalid",
            "user_id has 1 to 255 bytes",
        ));
    }
    Ok(Owner::user(&user_id))
}

/// The account of a user who is signed in.
pub async fn authorized(service: &Service, owner: &Owner) -> Result<Owned, ApiError> {
    let owned = known(service, owner).await?;
    if owned.is_connected() {
        return Ok(owned);
    }
    if owned.needs_login() {
        return Err(owned::login_required());
    }
    Err(ApiError::conflict(
        "not_authorized",
        "this user is not signed in: start with /telegram/user/auth/start",
    ))
}

async fn known(service: &Service, owner: &Owner) -> Result<Owned, ApiError> {
    owned::find(service, owner)
        .await?
        .ok_or_else(|| ApiError::not_found("unknown_user", "user"))
}

#[derive(Deserialize)]
pub struct Start {
    user_id: Id,
    phone_number: SecretText,
}

pub async fn start(caller: Caller, body: web::Json<Start>) -> Result<HttpResponse, ApiError> {
    let owner = owner_of(&body.user_id)?;
    let phone = check_phone(&body.phone_number)?;
    let label = label_of(&body.user_id.text());
    let (begun, login) = owned::begin(&caller, &owner, &label, SignInMethod::Phone(phone)).await?;
    caller.note.account(begun.id());
    Ok(under_way(&caller, &login))
}

fn under_way(caller: &Caller, login: &Login) -> HttpResponse {
    let status = match login.step {
        LoginStep::Email => "email_needed",
        _ => "code_sent",
    };
    HttpResponse::Ok().json(json!({
        "status": status,
        // Telegram's own stays here: with it and the code anybody could sign in.
        "phone_code_hash": random_text(),
        "message": caller.say_step(login),
    }))
}

#[derive(Deserialize)]
pub struct Named {
    user_id: Id,
}

/// The code once more, by the next way.
pub async fn resend(caller: Caller, body: web::Json<Named>) -> Result<HttpResponse, ApiError> {
    let owned = known(&caller, &owner_of(&body.user_id)?).await?;
    caller.note.account(owned.id());
    let login = owned::resend(&caller, owned.id()).await?;
    Ok(under_way(&caller, &login))
}

#[derive(Deserialize)]
pub struct Email {
    user_id: Id,
    email: SecretText,
}

/// The e-mail address that Telegram wants the account to have.
pub async fn email(caller: Caller, body: web::Json<Email>) -> Result<HttpResponse, ApiError> {
    let body = body.into_inner();
    let owned = known(&caller, &owner_of(&body.user_id)?).await?;
    caller.note.account(owned.id());
    let login = owned::set_email(&caller, owned.id(), body.email).await?;
    Ok(under_way(&caller, &login))
}

/// For numbers that no code leads to; a password goes to `verify`.
pub async fn qr(caller: Caller, body: web::Json<Named>) -> Result<HttpResponse, ApiError> {
    let owner = owner_of(&body.user_id)?;
    let label = label_of(&body.user_id.text());
    let (login, _) = qr::start(&caller, &owner, &label).await?;
    Ok(HttpResponse::Ok().json(qr::described(Some(&login))))
}

pub async fn qr_status(
    caller: Caller,
    user_id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let owner = owner_of(&Id::Text(user_id.into_inner()))?;
    let owned = owned::find(&caller, &owner).await?;
    Ok(HttpResponse::Ok().json(qr::status(&caller, owned.as_ref())))
}

/// A user id may well be a phone number, and those are never shown whole.
fn label_of(user_id: &str) -> String {
    let digits = user_id.chars().filter(char::is_ascii_digit).count();
    if digits >= 7
        && user_id
            .chars()
            .all(|letter| "+-() 0123456789".contains(letter))
    {
        return format!("User {}", mask_phone(user_id));
    }
    let short: String = user_id
        .chars()
        .filter(|letter| !letter.is_control())
        .take(48)
        .collect();
    format!("User {short}")
}

#[derive(Deserialize)]
pub struct Verify {
    user_id: Id,
    phone_code: Option<Code>,
    password: Option<SecretText>,
}

/// `"12345"` or `12345`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Text(SecretText),
    Number(#[serde(deserialize_with = "whole::given")] i64),
}

pub async fn verify(caller: Caller, body: web::Json<Verify>) -> Result<HttpResponse, ApiError> {
    let body = body.into_inner();
    let owner = owner_of(&body.user_id)?;
    let owned = known(&caller, &owner).await?;
    let code = body.phone_code.map(|code| match code {
        Code::Text(text) => text,
        Code::Number(number) => SecretText::new(number.to_string()),
    });
    caller.note.account(owned.id());
    match owned::verify(&caller, &owner, owned.id(), code, body.password).await? {
        Verified::PasswordNeeded => Err(owned::password_needed(
            &caller,
            owned.id(),
            "password_needed",
        )),
        Verified::NextCode(login) => Ok(under_way(&caller, &login)),
        Verified::Done => {
            caller.note.action("signed_in");
            let owned = authorized(&caller, &owner).await?;
            let person = owned::person(&caller, &owned.account, PATIENCE).await?;
            Ok(HttpResponse::Ok().json(json!({
                "status": "authorized",
                "message": caller.say(Said::Connected),
                "user": user_info(&person),
            })))
        }
    }
}

fn user_info(person: &Person) -> Value {
    json!({
        "id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "username": person.username,
        "phone_number": person.phone,
    })
}

pub async fn status(caller: Caller, user_id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let owner = owner_of(&Id::Text(user_id.into_inner()))?;
    // Callers ask before they start: a user that was never here is one who is not signed in.
    let connected = owned::find(&caller, &owner)
        .await?
        .filter(Owned::is_connected);
    let Some(owned) = connected else {
        return Ok(HttpResponse::Ok().json(json!({
            "status": "ok",
            "authorized": false,
            "user_info": null,
        })));
    };
    let person = match owned::person(&caller, &owned.account, PATIENCE).await {
        Ok(person) => Some(person),
        Err(error) if error.status == StatusCode::CONFLICT => None,
        Err(error) => return Err(error),
    };
    Ok(HttpResponse::Ok().json(json!({
        "status": "ok",
        "authorized": person.is_some(),
        "user_info": person.as_ref().map(user_info),
    })))
}

pub async fn disconnect(caller: Caller, body: web::Json<Named>) -> Result<HttpResponse, ApiError> {
    let owner = owner_of(&body.user_id)?;
    let owned = known(&caller, &owner).await?;
    caller.note.account(owned.id());
    let (_, log_out) = caller.supervisor.partings().sign_out(owned.id()).await?;
    Ok(HttpResponse::Ok().json(json!({
        "status": "ok",
        "success": true,
        "message": caller.say(Said::disconnected(log_out)),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects phone numbers: one that serves as a user id is not written out as the account's label.
    #[test]
    fn a_user_id_that_is_a_number_is_masked_in_the_label() {
        assert_eq!(label_of("user123"), "User user123");
        assert_eq!(label_of("+99966 21 234"), "User +999***234");
    }
}
