//! Chats of the portal, and their messages.

use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Visitor;
use crate::{
    domain::{ChatId, Conversation, Direction, StoredMessage},
    store::{ConversationFilter, MessagesFrom},
    web::{
        ApiError,
        conversations::{self, Reply, check_limit},
        form::{Form, is_form},
        history::messages_page,
        integrations::{owned::Owned, user_send::message_id},
        outgoing::idempotency_key,
        replies,
    },
};

#[derive(Deserialize)]
pub struct Paging {
    cursor: Option<String>,
    limit: Option<u32>,
}

pub async fn list_chats(
    visitor: Visitor,
    query: web::Query<Paging>,
) -> Result<HttpResponse, ApiError> {
    let owned = visitor.signed_in().await?;
    let query = query.into_inner();
    let filter = ConversationFilter {
        account_ids: vec![owned.id()],
        cursor: query.cursor,
        limit: check_limit(query.limit)?,
        ..ConversationFilter::default()
    };
    let page = visitor.store.list_conversations(filter).await?;
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
        "last_message": chat.last_message.as_deref().map(described_message),
        "last_message_at": chat.last_message_at,
    })
}

fn described_message(message: &StoredMessage) -> Value {
    json!({
        "id": message_id(message),
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
        "entities": message.entities,
        "album_id": message.album_id,
        "service": message.service,
        "upload": message.upload,
    })
}

/// Text as JSON, files as a form; it goes out by itself.
pub async fn send_message(
    visitor: Visitor,
    chat_id: web::Path<ChatId>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Error> {
    if !is_form(&request) {
        let body = web::Json::<Reply>::from_request(&request, &mut body.into_inner()).await?;
        let body = body.into_inner();
        return Ok(send_text(&visitor, *chat_id, &request, body).await?);
    }
    let mut form = Form::open(&request, body);
    match send_files(&visitor, *chat_id, &request, &mut form).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            form.drain().await;
            Err(error.into())
        }
    }
}

async fn send_text(
    visitor: &Visitor,
    chat_id: ChatId,
    request: &HttpRequest,
    body: Reply,
) -> Result<HttpResponse, ApiError> {
    let key = idempotency_key(request)?;
    let (owned, conversation) = chat_of(visitor, chat_id).await?;
    let place = (&conversation, &owned.account);
    let queued = conversations::reply(visitor, place, body, key).await?;
    Ok(accepted(&[queued.message]))
}

async fn send_files(
    visitor: &Visitor,
    chat_id: ChatId,
    request: &HttpRequest,
    form: &mut Form,
) -> Result<HttpResponse, ApiError> {
    let key = idempotency_key(request)?;
    let (owned, conversation) = chat_of(visitor, chat_id).await?;
    let place = (&conversation, &owned.account);
    let messages = replies::reply(&visitor.service, place, key, form).await?;
    Ok(accepted(&messages))
}

fn accepted(messages: &[StoredMessage]) -> HttpResponse {
    let messages: Vec<Value> = messages.iter().map(described_message).collect();
    HttpResponse::Accepted().json(json!({ "success": true, "messages": messages }))
}

async fn chat_of(visitor: &Visitor, chat_id: ChatId) -> Result<(Owned, Conversation), ApiError> {
    let owned = visitor.signed_in().await?;
    let conversation = visitor.store.conversation_of(owned.id(), chat_id).await?;
    let conversation = conversation.ok_or_else(|| ApiError::not_found("chat_not_found", "chat"))?;
    Ok((owned, conversation))
}

pub async fn list_messages(
    visitor: Visitor,
    chat_id: web::Path<ChatId>,
    query: web::Query<Paging>,
) -> Result<HttpResponse, ApiError> {
    let (_, conversation) = chat_of(&visitor, *chat_id).await?;
    let query = query.into_inner();
    let limit = check_limit(query.limit)?;
    let from = query
        .cursor
        .map_or(MessagesFrom::Newest, MessagesFrom::Cursor);
    let page = messages_page(&visitor, &conversation, from, limit).await?;
    let messages: Vec<Value> = page.messages.iter().map(described_message).collect();
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "chat": described_chat(&conversation),
        "messages": messages,
        "next_cursor": page.next_cursor,
    })))
}
