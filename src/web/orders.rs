//! Orders about messages that are there: edited, deleted, reacted to and pinned. Each is committed before it is answered; what
//! became of it is told as events.

use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{
    Access, ApiError, Service,
    form::{Form, is_form},
    optional::{Given, given},
    outgoing::{check_can_send, check_reply, idempotency_key, was_taken},
    replace, whole,
    wording::Formatted,
};
use crate::{
    domain::{
        AccountId, Conversation, ConversationId, Deed, MediaKind, MessageRowId, OrderId,
        StoredMessage,
    },
    store::{Discard, QueueDeed, QueuedDeed},
};

/// Telegram takes no more in one call.
const MOST_MESSAGES: usize = 100;
/// Of the longest emoji, in bytes: families and flags are several signs.
const LONGEST_EMOJI: usize = 64;

#[derive(Deserialize)]
pub struct Edit {
    text: String,
    #[serde(flatten)]
    formatted: Formatted,
}

/// Words as JSON, another file as a form.
pub async fn edit_message(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Error> {
    let id = MessageRowId(*id);
    if !is_form(&request) {
        let body = web::Json::<Edit>::from_request(&request, &mut body.into_inner()).await?;
        let body = body.into_inner();
        return Ok(edit_text(&service, &access, id, &request, body).await?);
    }
    let mut form = Form::open(&request, body);
    match replace::file_of(&service, &access, id, &request, &mut form).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            form.drain().await;
            Err(error.into())
        }
    }
}

async fn edit_text(
    service: &Service,
    access: &Access,
    id: MessageRowId,
    request: &HttpRequest,
    body: Edit,
) -> Result<HttpResponse, ApiError> {
    let message = service.message(access, id).await?;
    let (text, wording) = body.formatted.words(body.text)?;
    // Under a file there may be no words at all.
    if !(text.is_empty() && has_file(&message)) {
        check_reply(&text)?;
    }
    let deed = Deed::Edit {
        text,
        entities: wording.entities,
        preview: !wording.no_preview,
    };
    one_message(service, access, request, &message, deed).await
}

pub fn has_file(message: &StoredMessage) -> bool {
    message
        .media
        .as_ref()
        .is_some_and(|media| media.kind != MediaKind::WebPage)
}

#[derive(Deserialize)]
pub struct React {
    #[serde(default, deserialize_with = "given")]
    emoji: Given<String>,
}

pub async fn react_to_message(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    request: HttpRequest,
    body: web::Json<React>,
) -> Result<HttpResponse, ApiError> {
    let message = service.message(&access, MessageRowId(*id)).await?;
    let emoji = body.into_inner().emoji.ok_or_else(bad_emoji)?;
    let plausible = |emoji: &String| {
        (1..=LONGEST_EMOJI).contains(&emoji.len())
            && !emoji
                .chars()
                .any(|letter| letter.is_control() || letter.is_whitespace())
    };
    if !emoji.as_ref().is_none_or(plausible) {
        return Err(bad_emoji());
    }
    one_message(&service, &access, &request, &message, Deed::React { emoji }).await
}

fn bad_emoji() -> ApiError {
    ApiError::unprocessable(
        "emoji_invalid",
        "emoji is one emoji, or null to take the reaction back",
    )
}

#[derive(Deserialize)]
pub struct Pin {
    pinned: bool,
    silent: Option<bool>,
}

pub async fn pin_message(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    request: HttpRequest,
    body: web::Json<Pin>,
) -> Result<HttpResponse, ApiError> {
    let message = service.message(&access, MessageRowId(*id)).await?;
    let deed = Deed::Pin {
        pinned: body.pinned,
        silent: body.silent.unwrap_or(false),
    };
    one_message(&service, &access, &request, &message, deed).await
}

/// For whom messages go.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    Everyone,
    Me,
}

#[derive(Deserialize)]
pub struct DeleteMessages {
    message_ids: Vec<whole::Number>,
    #[serde(rename = "for")]
    whom: Whom,
}

pub async fn delete_messages(
    service: web::Data<Service>,
    access: Access,
    request: HttpRequest,
    body: web::Json<DeleteMessages>,
) -> Result<HttpResponse, ApiError> {
    let ids = &body.message_ids;
    if !(1..=MOST_MESSAGES).contains(&ids.len()) {
        return Err(ApiError::unprocessable(
            "message_ids_invalid",
            "message_ids names 1 to 100 messages",
        ));
    }
    let mut messages = Vec::new();
    for id in ids {
        let id = MessageRowId(id.0);
        if !messages.contains(&id) {
            messages.push(id);
        }
    }
    let first = service.message(&access, messages[0]).await?;
    let conversation = service.conversation(&access, first.conversation_id).await?;
    let deed = deletion(&conversation, body.whom)?;
    let deed = (deed, None);
    let queued = queue(&service, &access, &request, &conversation, messages, deed).await?;
    Ok(HttpResponse::Accepted().json(json!({ "messages": queued.messages })))
}

/// Of one that is sent.
pub async fn delete_message(
    service: &Service,
    access: &Access,
    request: &HttpRequest,
    message: &StoredMessage,
    whom: Whom,
) -> Result<HttpResponse, ApiError> {
    let conversation = service
        .conversation(access, message.conversation_id)
        .await?;
    let deed = deletion(&conversation, whom)?;
    one_message(service, access, request, message, deed).await
}

fn deletion(conversation: &Conversation, whom: Whom) -> Result<Deed, ApiError> {
    if whom == Whom::Me && conversation.chat_id.channel_id().is_some() {
        return Err(ApiError::unprocessable(
            "only_for_everyone",
            "messages of supergroups and channels are deleted for everyone",
        ));
    }
    Ok(Deed::Delete {
        for_everyone: whom == Whom::Everyone,
    })
}

pub async fn list_orders(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    let orders = service.store.list_orders(conversation.id).await?;
    Ok(HttpResponse::Ok().json(json!({ "orders": orders })))
}

pub async fn retry_order(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let (id, _) = seen_order(&service, &access, *id).await?;
    let order = service.store.retry_deed(id).await?;
    check_can_send(&service.account(&access, order.account_id).await?)?;
    Ok(HttpResponse::Accepted().json(json!({ "order": order })))
}

#[derive(Deserialize)]
pub struct DropOrder {
    /// Also while it may be on its way.
    force: Option<bool>,
}

pub async fn drop_order(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    query: web::Query<DropOrder>,
) -> Result<HttpResponse, ApiError> {
    let (id, account) = seen_order(&service, &access, *id).await?;
    let how = match query.force {
        Some(true) => Discard::Anyway,
        _ => Discard::Settled,
    };
    service.store.drop_deed(id, how).await?;
    // What it was bringing goes no further.
    service.supervisor.wake_outbox(account);
    Ok(HttpResponse::NoContent().finish())
}

async fn seen_order(
    service: &Service,
    access: &Access,
    id: i64,
) -> Result<(OrderId, AccountId), ApiError> {
    let id = OrderId(id);
    service
        .store
        .order_account(id)
        .await?
        .filter(|account| access.sees(*account))
        .map(|account| (id, account))
        .ok_or_else(|| ApiError::not_found("order_not_found", "order"))
}

/// A deed, and what was asked for where that is less.
pub struct Asked((Deed, Option<Deed>));

impl From<Deed> for Asked {
    fn from(deed: Deed) -> Self {
        Self((deed, None))
    }
}

impl From<(Deed, Deed)> for Asked {
    fn from((deed, asked): (Deed, Deed)) -> Self {
        Self((deed, Some(asked)))
    }
}

pub async fn one_message(
    service: &Service,
    access: &Access,
    request: &HttpRequest,
    message: &StoredMessage,
    deed: impl Into<Asked>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service
        .conversation(access, message.conversation_id)
        .await?;
    let messages = vec![message.id];
    let queued = queue(
        service,
        access,
        request,
        &conversation,
        messages,
        deed.into().0,
    )
    .await?;
    let message = queued.messages.first();
    Ok(HttpResponse::Accepted().json(json!({ "message": message })))
}

pub async fn queue(
    service: &Service,
    access: &Access,
    request: &HttpRequest,
    conversation: &Conversation,
    messages: Vec<MessageRowId>,
    (deed, asked): (Deed, Option<Deed>),
) -> Result<QueuedDeed, ApiError> {
    // One call may be several orders about a chat; a caller's keys have no spaces.
    let kind = deed.kind().as_str();
    let key = idempotency_key(request)?;
    let idempotency_key = match deed.is_about_chat() {
        true => key.map(|key| format!("{key} {kind}")),
        false => key,
    };
    let account = service.account(access, conversation.account_id).await?;
    if let Err(refused) = check_can_send(&account)
        && !was_taken(service, conversation.id, idempotency_key.as_deref()).await?
    {
        return Err(refused);
    }
    let queue = QueueDeed {
        conversation: conversation.id,
        messages,
        deed,
        asked,
        idempotency_key,
    };
    Ok(service.store.queue_deed(queue).await?)
}
