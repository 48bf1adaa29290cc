//! Tokens over REST: made, listed, ended, given another text. The text is in one answer and nowhere else.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ApiError, Scope, Service,
    audit::Note,
    doors::{new_token, sha256_hex},
};
use crate::{
    domain::{AccountId, SecretText, Timestamp},
    store::{NewToken, TokenRecord},
};

const LONGEST_NAME: usize = 64;
/// Accounts that one token may be for.
const MOST_ACCOUNTS: usize = 1000;

pub async fn list_tokens(service: web::Data<Service>) -> Result<HttpResponse, ApiError> {
    let tokens = service.store.tokens().await?;
    let now = Timestamp::now();
    let tokens: Vec<Value> = tokens.iter().map(|token| described(token, now)).collect();
    Ok(HttpResponse::Ok().json(json!({ "tokens": tokens })))
}

#[derive(Deserialize)]
pub struct MakeToken {
    name: String,
    scope: String,
    account_ids: Option<Vec<AccountId>>,
    expires_at: Option<Timestamp>,
}

pub async fn make_token(
    service: web::Data<Service>,
    note: Note,
    body: web::Json<MakeToken>,
) -> Result<HttpResponse, ApiError> {
    let body = body.into_inner();
    let name = check_name(&body.name)?;
    let scope = Scope::parse(&body.scope).ok_or_else(|| {
        ApiError::unprocessable(
            "scope_invalid",
            "scope is one of read, send, admin and licence",
        )
    })?;
    if body.expires_at.is_some_and(|end| end <= Timestamp::now()) {
        return Err(ApiError::unprocessable(
            "expires_at_invalid",
            "expires_at lies in the past",
        ));
    }
    if let Some(accounts) = &body.account_ids {
        check_accounts(&service, scope, accounts).await?;
    }
    let text = new_token();
    let token = NewToken {
        name: name.clone(),
        scope: scope.as_str().to_owned(),
        hash: sha256_hex(text.expose()),
        expires_at: body.expires_at,
        launched_by: None,
        accounts: body.account_ids,
    };
    let record = service.store.make_token(token).await?;
    note.fact("token", record.id);
    note.fact("name", format_args!("{name:?}"));
    note.fact("scope", scope.as_str());
    Ok(shown(StatusCode::CREATED, &record, &text))
}

fn check_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let length = name.chars().count();
    if (1..=LONGEST_NAME).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(ApiError::unprocessable(
        "name_invalid",
        "a token's name has 1 to 64 characters on one line",
    ))
}

async fn check_accounts(
    service: &Service,
    scope: Scope,
    accounts: &[AccountId],
) -> Result<(), ApiError> {
    let invalid = |why: &str| Err(ApiError::unprocessable("account_ids_invalid", why));
    if scope == Scope::Licence {
        return invalid("a licence has its own account and no list of them");
    }
    if accounts.is_empty() || accounts.len() > MOST_ACCOUNTS {
        return invalid("account_ids names 1 to 1000 accounts; leave it out for all of them");
    }
    let known = service.store.list_accounts().await?;
    let known = |id: &AccountId| known.iter().any(|account| account.id == *id);
    if accounts.iter().all(known) {
        return Ok(());
    }
    invalid("account_ids names an account that there is not")
}

pub async fn revoke_token(
    service: web::Data<Service>,
    note: Note,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    note.fact("token", *id);
    if !service.store.revoke_token(*id).await? {
        return Err(unknown());
    }
    // The answer says that it is over: so it is.
    service.doors.tokens.watch().look().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Another text for the same token: what belongs to it stays, what the text before opened ends.
pub async fn rotate_token(
    service: web::Data<Service>,
    note: Note,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    note.fact("token", *id);
    let text = new_token();
    let hash = sha256_hex(text.expose());
    let record = service.store.rotate_token(*id, hash).await?;
    let record = record.ok_or_else(unknown)?;
    service.doors.tokens.watch().look().await?;
    Ok(shown(StatusCode::OK, &record, &text))
}

fn unknown() -> ApiError {
    ApiError::not_found("token_not_found", "token, or it has ended")
}

fn shown(status: StatusCode, record: &TokenRecord, text: &SecretText) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({
            "token": described(record, Timestamp::now()),
            "secret": text.expose(),
        }))
}

fn described(token: &TokenRecord, now: Timestamp) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "scope": token.scope,
        "account_ids": token.accounts,
        "owner": token.owner.as_ref().map(|id| format!("licence:{id}")),
        "state": token.state(now).as_str(),
        "created_at": token.created_at,
        "last_used_at": token.last_used_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
    })
}
