//! Scheduled: messages that wait at Telegram for their time, listed, changed, sent now or withdrawn; and drafts.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::{
    Access, ApiError, Service,
    orders::{has_file, one_message},
    outgoing::{GENERAL, check_reply, check_schedule, idempotency_key, number, was_taken},
    wording::Formatted,
};
use crate::{
    account::scheduled::compare,
    domain::{
        ChatDraft, Conversation, ConversationId, ConversationKind, Deed, MessageRowId, Schedule,
        StoredMessage, Timestamp, Wording, check_text,
    },
};

/// For Telegram to list what waits; after that it is what was told last.
const COMPARE_LIMIT: Duration = Duration::from_secs(5);

pub async fn list_scheduled(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    let compared = is_compared(&service, &conversation).await;
    let messages = service.store.list_scheduled(conversation.id).await?;
    Ok(HttpResponse::Ok().json(json!({ "messages": messages, "compared": compared })))
}

/// Was Telegram heard just now?
async fn is_compared(service: &Service, conversation: &Conversation) -> bool {
    let Some(link) = service.supervisor.link(conversation.account_id).await else {
        return false;
    };
    let comparing = compare(&service.store, &link, conversation.id, conversation.chat_id);
    match timeout(COMPARE_LIMIT, comparing).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            log::info!(target: "switchboard::web", "account={} what waits for its time is told as it was stored: {error}", conversation.account_id);
            false
        }
        Err(_) => false,
    }
}

#[derive(Deserialize)]
pub struct Reschedule {
    text: Option<String>,
    #[serde(flatten)]
    formatted: Formatted,
    scheduled_for: Option<String>,
}

pub async fn reschedule_message(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    request: HttpRequest,
    body: web::Json<Reschedule>,
) -> Result<HttpResponse, ApiError> {
    let key = idempotency_key(&request)?;
    let (message, kept) = waiting(&service, &access, *id, key.as_deref()).await?;
    let conversation = service
        .conversation(&access, message.conversation_id)
        .await?;
    let body = body.into_inner();
    let when = body.scheduled_for.as_deref();
    let given = check_schedule(&service, when, &conversation, key.as_deref()).await?;
    let (text, wording) = match body.text {
        None => (None, Wording::default()),
        Some(text) => {
            let (text, wording) = body.formatted.words(text)?;
            if !(text.is_empty() && has_file(&message)) {
                check_reply(&text)?;
            }
            (Some(text), wording)
        }
    };
    let deed = |at: Option<Schedule>| Deed::Reschedule {
        text: text.clone(),
        entities: wording.entities.clone(),
        preview: !wording.no_preview,
        at: at.unwrap_or(Schedule::At(Timestamp::from_seconds(0))),
    };
    // The time that it has may be another one when the call comes again.
    let both = (deed(given.or(kept)), deed(given));
    one_message(&service, &access, &request, &message, both).await
}

pub async fn send_now(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let key = idempotency_key(&request)?;
    let (message, _) = waiting(&service, &access, *id, key.as_deref()).await?;
    one_message(&service, &access, &request, &message, Deed::SendNow).await
}

pub async fn withdraw_message(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let key = idempotency_key(&request)?;
    let (message, _) = waiting(&service, &access, *id, key.as_deref()).await?;
    one_message(&service, &access, &request, &message, Deed::Withdraw).await
}

/// With the time that it waits for; without one it waits no longer, and the call is a repeat.
async fn waiting(
    service: &Service,
    access: &Access,
    id: i64,
    key: Option<&str>,
) -> Result<(StoredMessage, Option<Schedule>), ApiError> {
    let message = service.message(access, MessageRowId(id)).await?;
    let at = message.scheduled_for;
    if at.is_none() && !was_taken(service, message.conversation_id, key).await? {
        return Err(ApiError::conflict(
            "message_not_scheduled",
            "this message does not wait for a time",
        ));
    }
    Ok((message, at))
}

#[derive(Deserialize)]
pub struct NewDraft {
    text: String,
    #[serde(flatten)]
    formatted: Formatted,
    reply_to_message_id: Option<String>,
    topic_id: Option<String>,
}

/// Kept here at once; Telegram is told by an order, which outlasts everything.
pub async fn put_draft(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    body: web::Json<NewDraft>,
) -> Result<HttpResponse, ApiError> {
    let before = service.conversation(&access, ConversationId(*id)).await?;
    let body = body.into_inner();
    let reply_to_message_id = number(
        body.reply_to_message_id.as_deref(),
        "invalid_reply_to",
        "reply_to_message_id is a message_id of this chat",
    )?;
    let topic_id = number(
        body.topic_id.as_deref(),
        "invalid_topic_id",
        "topic_id is the id of a topic of this forum",
    )?;
    let topic_id = topic_id.filter(|topic| *topic != GENERAL);
    if topic_id.is_some() && before.kind != ConversationKind::Supergroup {
        return Err(ApiError::unprocessable(
            "invalid_topic_id",
            "this conversation is no forum, and has no topics",
        ));
    }
    let (text, wording) = body.formatted.words(body.text)?;
    let draft = ChatDraft {
        entities: wording.entities,
        text,
        reply_to_message_id,
        at: Timestamp::now(),
    };
    let kept = (!draft.text.trim().is_empty()).then_some(draft);
    if let Some(draft) = &kept {
        check_text(&draft.text)
            .map_err(|error| ApiError::unprocessable("text_too_long", error.to_string()))?;
    }
    let conversation = service.store.set_draft(before.id, topic_id, kept).await?;
    Ok(HttpResponse::Ok().json(json!({ "conversation": conversation })))
}
