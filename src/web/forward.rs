//! Forwarding: several messages of one chat to several chats.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{
    Access, ApiError, Service, copies,
    outgoing::{GENERAL, check_can_order, check_schedule, idempotency_key, number},
    whole,
};
use crate::{
    domain::{ConversationId, MessageRowId},
    store::QueueForward,
};

/// Telegram takes no more messages in one call.
const MOST_MESSAGES: usize = 100;
const MOST_CHATS: usize = 20;

#[derive(Deserialize)]
pub struct Forward {
    message_ids: Vec<whole::Number>,
    conversation_ids: Vec<whole::Number>,
    hide_origin: Option<bool>,
    topic_id: Option<String>,
    scheduled_for: Option<String>,
}

pub async fn forward_messages(
    service: web::Data<Service>,
    access: Access,
    request: HttpRequest,
    body: web::Json<Forward>,
) -> Result<HttpResponse, ApiError> {
    let messages = distinct(&body.message_ids);
    if !(1..=MOST_MESSAGES).contains(&messages.len()) {
        return Err(ApiError::unprocessable(
            "message_ids_invalid",
            "message_ids names 1 to 100 messages",
        ));
    }
    let chats = distinct(&body.conversation_ids);
    if !(1..=MOST_CHATS).contains(&chats.len()) {
        return Err(ApiError::unprocessable(
            "conversation_ids_invalid",
            "conversation_ids names 1 to 20 conversations",
        ));
    }
    // Whoever may see one message of a chat may see them all; the store holds them to be of one.
    service.message(&access, MessageRowId(messages[0])).await?;
    let topic_id = number(
        body.topic_id.as_deref(),
        "invalid_topic_id",
        "topic_id is the id of a topic of the one forum that is named",
    )?;
    if topic_id.is_some() && chats.len() > 1 {
        return Err(ApiError::unprocessable(
            "invalid_topic_id",
            "a topic is of one forum: name that conversation alone",
        ));
    }
    let idempotency_key = idempotency_key(&request)?;
    let (mut accounts, mut schedule) = (Vec::new(), None);
    for id in &chats {
        let conversation = service.conversation(&access, ConversationId(*id)).await?;
        let account = service.account(&access, conversation.account_id).await?;
        let key = idempotency_key.as_deref();
        check_can_order(&service, &account, &conversation, key).await?;
        let when = body.scheduled_for.as_deref();
        schedule = check_schedule(&service, when, &conversation, key).await?;
        if !accounts.contains(&conversation.account_id) {
            accounts.push(conversation.account_id);
        }
    }
    let messages: Vec<MessageRowId> = messages.into_iter().map(MessageRowId).collect();
    copies::check(&service, &access, &messages, &accounts).await?;
    let queue = QueueForward {
        messages,
        to: chats.into_iter().map(ConversationId).collect(),
        topic_id: topic_id.filter(|topic| *topic != GENERAL),
        hide_origin: body.hide_origin.unwrap_or(false),
        schedule,
        idempotency_key,
    };
    let messages = service.store.queue_forward(queue).await?;
    Ok(HttpResponse::Accepted().json(json!({ "messages": messages })))
}

/// Each once, in order.
fn distinct(ids: &[whole::Number]) -> Vec<i64> {
    let mut once = Vec::new();
    for whole::Number(id) in ids {
        if !once.contains(id) {
            once.push(*id);
        }
    }
    once
}
