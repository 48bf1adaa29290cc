//! System E: the chat portal's calls, with their trailing slashes and without.

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
    domain::{
        ChatId, Conversation, Direction, Login, LoginStep, SecretText, StoredMessage, Timestamp,
    },
    store::{ConversationFilter, MessagesFrom},
    telegram::SignInMethod,
    web::{
        Access, ApiError, Scope, Service, accounts, conversations::check_limit, doors::Owner,
        history::messages_page, login::check_phone,
    },
};

/// A page waits this long for Telegram to tell who is signed in.
const PATIENCE: Duration = Duration::from_secs(5);
const ATTEMPTS_SHOWN: u32 = 20;

fn log_operation(what: &str, owner: &Owner) {
    log::info!(target: "switchboard::portal", "operation={what} owner={}", owner.short());
}

fn said(request: &HttpRequest, said: Said) -> &'static str {
    said.text(Face::Portal.language(request.headers()))
}

async fn signed_in(service: &Service, owner: &Owner) -> Result<Owned, ApiError> {
    match owned::find(service, owner).await? {
        Some(owned) if owned.is_connected() => Ok(owned),
        Some(owned) if owned.needs_login() => Err(owned::login_required()),
        _ => Err(ApiError::conflict(
            "not_authorized",
            "nobody is signed in: sign in by phone number or QR code first",
        )),
    }
}

pub async fn session_status(
    service: web::Data<Service>,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    let owner = access.portal_owner();
    log_operation("session_status", &owner);
    let owned = owned::find(&service, &owner).await?;
    let authorized = owned.as_ref().is_some_and(Owned::is_connected);
    let has_session = authorized || owned.as_ref().is_some_and(Owned::needs_login);
    let login = owned
        .as_ref()
        .and_then(|owned| service.supervisor.sign_ins().login_of(owned.id()));
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

const fn step_word(login: &Login) -> &'static str {
    match login.step {
        LoginStep::Code => "code_sent",
        LoginStep::Password => "password_needed",
        LoginStep::Scan => "pending",
        LoginStep::Done => "authorized",
    }
}

#[derive(Deserialize)]
pub struct AuthPhone {
    phone: SecretText,
}

pub async fn auth_phone(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
    body: web::Json<AuthPhone>,
) -> Result<HttpResponse, ApiError> {
    access.require(Scope::Send)?;
    let owner = access.portal_owner();
    log_operation("auth_phone", &owner);
    let method = SignInMethod::Phone(check_phone(&body.phone)?);
    let (_, login) = owned::begin(&service, &owner, "Portal", method).await?;
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "status": "code_sent",
        "message": said(&request, Said::CodeSent),
        "code_length": login.code_length,
        "expires_at": login.expires_at,
    })))
}

#[derive(Deserialize)]
pub struct AuthVerify {
    code: Option<SecretText>,
    password: Option<SecretText>,
}

pub async fn auth_verify(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
    body: web::Json<AuthVerify>,
) -> Result<HttpResponse, ApiError> {
    access.require(Scope::Send)?;
    let owner = access.portal_owner();
    log_operation("auth_verify", &owner);
    let body = body.into_inner();
    let owned = owned::find(&service, &owner).await?.ok_or_else(|| {
        ApiError::conflict("no_login", "no sign-in is under way: start one first")
    })?;
    match owned::verify(&service, &owner, owned.id(), body.code, body.password).await? {
        Verified::PasswordNeeded => Err(ApiError::conflict(
            "password_needed",
            "this account has two-step verification: enter its password",
        )),
        Verified::Done => {
            let owned = signed_in(&service, &owner).await?;
            let person = owned::person(&service, &owned.account, PATIENCE).await?;
            Ok(HttpResponse::Ok().json(json!({
                "success": true,
                "status": "authorized",
                "message": said(&request, Said::Connected),
                "user": described_user(&person),
            })))
        }
    }
}

fn described_user(person: &Person) -> Value {
    json!({
        "id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "username": person.username,
        "phone": person.phone,
    })
}

/// Starts a QR sign-in; one that waits to be scanned is shown again instead.
pub async fn auth_qr(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    access.require(Scope::Send)?;
    check_own_page(&request)?;
    let owner = access.portal_owner();
    log_operation("auth_qr", &owner);
    let running = owned::find(&service, &owner)
        .await?
        .and_then(|owned| service.supervisor.sign_ins().login_of(owned.id()))
        .filter(|login| login.step == LoginStep::Scan);
    let login = match running {
        Some(login) => login,
        None => {
            owned::begin(&service, &owner, "Portal", SignInMethod::Qr)
                .await?
                .1
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
        Some(LoginStep::Code) | None => "expired",
    };
    json!({
        "success": true,
        "status": status,
        "url": qr.map(|qr| &qr.url),
        "svg": qr.map(|qr| &qr.svg),
        "expires_at": qr.map(|qr| qr.expires_at),
    })
}

pub async fn qr_status(
    service: web::Data<Service>,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    let owner = access.portal_owner();
    log_operation("qr_status", &owner);
    let owned = owned::find(&service, &owner).await?;
    let login = owned
        .as_ref()
        .and_then(|owned| service.supervisor.sign_ins().login_of(owned.id()));
    let mut answer = described_qr(login.as_ref());
    if login.is_none() && owned.is_some_and(|owned| owned.is_connected()) {
        answer["status"] = json!("authorized");
    }
    Ok(HttpResponse::Ok().json(answer))
}

#[derive(Deserialize)]
pub struct Paging {
    cursor: Option<String>,
    limit: Option<u32>,
}

pub async fn list_chats(
    service: web::Data<Service>,
    access: Access,
    query: web::Query<Paging>,
) -> Result<HttpResponse, ApiError> {
    let owner = access.portal_owner();
    log_operation("list_chats", &owner);
    let owned = signed_in(&service, &owner).await?;
    let query = query.into_inner();
    let filter = ConversationFilter {
        account_ids: vec![owned.id()],
        cursor: query.cursor,
        limit: check_limit(query.limit)?,
        ..ConversationFilter::default()
    };
    let page = service.store.list_conversations(filter).await?;
    let chats: Vec<Value> = page.items.iter().map(described_chat).collect();
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "chats": chats,
        "next_cursor": page.next_cursor,
    })))
}

fn described_chat(chat: &Conversation) -> Value {
    json!({
        "id": chat.chat_id,
        "title": chat.title,
        "type": chat.kind,
        "username": chat.username,
        "unread_count": chat.unread,
        "can_send": chat.can_send,
        "last_message": chat.last_message.as_ref().map(described_message),
        "last_message_at": chat.last_message_at,
    })
}

fn described_message(message: &StoredMessage) -> Value {
    json!({
        "id": super::user::message_id(message),
        "chat_id": message.chat_id,
        "text": message.text,
        "date": message.timestamp,
        "out": message.direction == Direction::Outgoing,
        "direction": message.direction,
        "status": message.status,
        "sender": message.sender,
        "reply_to_message_id": message.reply_to_message_id,
        "edited_at": message.edited_at,
        "deleted_at": message.deleted_at,
        "media": message.media,
        "service": message.service,
    })
}

pub async fn list_messages(
    service: web::Data<Service>,
    access: Access,
    chat_id: web::Path<ChatId>,
    query: web::Query<Paging>,
) -> Result<HttpResponse, ApiError> {
    let owner = access.portal_owner();
    log_operation("list_messages", &owner);
    let owned = signed_in(&service, &owner).await?;
    let conversation = service
        .store
        .conversation_of(owned.id(), *chat_id)
        .await?
        .ok_or_else(|| ApiError::not_found("chat_not_found", "chat"))?;
    let query = query.into_inner();
    let limit = check_limit(query.limit)?;
    let from = query
        .cursor
        .map_or(MessagesFrom::Newest, MessagesFrom::Cursor);
    let page = messages_page(&service, &conversation, from, limit).await?;
    let messages: Vec<Value> = page.messages.iter().map(described_message).collect();
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "chat": described_chat(&conversation),
        "messages": messages,
        "next_cursor": page.next_cursor,
    })))
}

pub async fn user_info(
    service: web::Data<Service>,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    let owner = access.portal_owner();
    log_operation("user_info", &owner);
    let owned = signed_in(&service, &owner).await?;
    let person = owned::person(&service, &owned.account, PATIENCE).await?;
    Ok(HttpResponse::Ok().json(json!({ "success": true, "user": described_user(&person) })))
}

pub async fn session_reset(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    access.require(Scope::Send)?;
    let owner = access.portal_owner();
    log_operation("session_reset", &owner);
    if let Some(owned) = owned::find(&service, &owner).await? {
        accounts::sign_out(&service, owned.id()).await?;
    }
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "status": "ok",
        "message": said(&request, Said::Disconnected),
    })))
}

pub async fn session_info(
    service: web::Data<Service>,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    let owner = access.portal_owner();
    log_operation("session_info", &owner);
    let Some(owned) = owned::find(&service, &owner).await? else {
        return Ok(HttpResponse::Ok().json(json!({ "success": true, "session": null })));
    };
    let attempts = service
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
    let since: Timestamp = account.state_since;
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "session": {
            "account_id": account.id,
            "authorized": owned.is_connected(),
            "state": account.state,
            "state_reason": account.state_reason,
            "state_since": since,
            "phone": account.phone,
            "user": account.user,
            "created_at": owned.record.created_at,
            "last_update_at": account.last_update_at,
            "attempts": attempts,
        },
    })))
}
