//! Conversations: the list, replies and read marks.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{
    Access, ApiError, Service,
    outgoing::{
        GENERAL, check_can_order, check_can_send, check_reply, check_schedule, idempotency_key,
        number, seen_at_telegram,
    },
    recipient,
    wording::{Formatted, NewQuote},
};
use crate::{
    domain::{
        Account, AccountId, Conversation, ConversationId, ConversationKind, Quote, SecretText,
        Wording,
    },
    store::{ConversationFilter, QueueReply, QueueSend, Queued, StoreError, Target},
};

const LONGEST_PAGE: u32 = 200;

#[derive(Deserialize)]
pub struct ListConversations {
    account_id: Option<String>,
    kind: Option<String>,
    unread: Option<bool>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub async fn list_conversations(
    service: web::Data<Service>,
    access: Access,
    query: web::Query<ListConversations>,
) -> Result<HttpResponse, ApiError> {
    let query = query.into_inner();
    let Some(account_ids) = chosen_accounts(&access, query.account_id.as_deref())? else {
        return Ok(HttpResponse::Ok().json(json!({ "conversations": [], "next_cursor": null })));
    };
    let filter = ConversationFilter {
        account_ids,
        kind: query.kind.as_deref().map(check_kind).transpose()?,
        unread: query.unread.unwrap_or(false),
        q: query.q.filter(|q| !q.trim().is_empty()),
        cursor: query.cursor,
        limit: check_limit(query.limit)?,
    };
    let page = service.store.list_conversations(filter).await?;
    Ok(HttpResponse::Ok().json(json!({
        "conversations": page.items,
        "next_cursor": page.next_cursor,
    })))
}

/// `account_id=a,b` cut down to what the caller sees. `None`: nothing is left to look at.
pub fn chosen_accounts(
    access: &Access,
    asked: Option<&str>,
) -> Result<Option<Vec<AccountId>>, ApiError> {
    let mut ids = Vec::new();
    for text in asked
        .unwrap_or_default()
        .split(',')
        .filter(|text| !text.is_empty())
    {
        let id = text.parse().map_err(|_| {
            ApiError::bad_request(
                "invalid_account_id",
                "account_id is a UUID, or several with commas",
            )
        })?;
        ids.push(id);
    }
    let asked_for_some = !ids.is_empty();
    let Some(visible) = &access.accounts else {
        return Ok(Some(ids));
    };
    if !asked_for_some {
        ids.clone_from(visible);
    }
    ids.retain(|id| visible.contains(id));
    Ok((!ids.is_empty()).then_some(ids))
}

fn check_kind(text: &str) -> Result<ConversationKind, ApiError> {
    ConversationKind::parse(text).ok_or_else(|| {
        ApiError::bad_request(
            "invalid_kind",
            "kind is private, bot, group, supergroup or channel",
        )
    })
}

pub fn check_limit(limit: Option<u32>) -> Result<u32, ApiError> {
    match limit {
        None => Ok(50),
        Some(limit) if (1..=LONGEST_PAGE).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::bad_request(
            "invalid_limit",
            "limit is a number from 1 to 200",
        )),
    }
}

pub async fn get_conversation(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    Ok(HttpResponse::Ok().json(json!({ "conversation": conversation })))
}

pub async fn list_topics(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    let topics = service.store.list_topics(conversation.id).await?;
    Ok(HttpResponse::Ok().json(json!({ "topics": topics })))
}

#[derive(Deserialize)]
pub struct Reply {
    text: String,
    #[serde(flatten)]
    formatted: Formatted,
    quote: Option<NewQuote>,
    reply_to_message_id: Option<String>,
    topic_id: Option<String>,
    scheduled_for: Option<String>,
}

pub async fn queue_reply(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    request: HttpRequest,
    body: web::Json<Reply>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    let account = service.account(&access, conversation.account_id).await?;
    let key = idempotency_key(&request)?;
    let queued = reply(&service, (&conversation, &account), body.into_inner(), key).await?;
    Ok(queued_answer(&queued, false))
}

/// Queues a reply of text. Whoever asks rings the outbox.
pub async fn reply(
    service: &Service,
    (conversation, account): (&Conversation, &Account),
    body: Reply,
    idempotency_key: Option<String>,
) -> Result<Queued, ApiError> {
    let (text, mut wording) = body.formatted.words(body.text)?;
    check_reply(&text)?;
    wording.quote = checked_quote(body.quote, body.reply_to_message_id.as_deref())?;
    let reply_to = number(
        body.reply_to_message_id.as_deref(),
        "invalid_reply_to",
        "reply_to_message_id is a message_id of this chat",
    )?;
    let topic_id = number(
        body.topic_id.as_deref(),
        "invalid_topic_id",
        "topic_id is the id of a topic of this forum",
    )?;
    let key = idempotency_key.as_deref();
    let when = body.scheduled_for.as_deref();
    let schedule = check_schedule(service, when, conversation, key).await?;
    check_can_order(service, account, conversation, key).await?;
    let reply = QueueReply {
        schedule,
        conversation: conversation.id,
        text,
        wording,
        reply_to: reply_to.map(Target::Stored),
        topic_id: topic_id.filter(|topic| *topic != GENERAL),
        idempotency_key,
    };
    let queued = match service.store.queue_reply(reply.clone()).await {
        Err(StoreError::ReplyToUnknown) => {
            let target = seen_at_telegram(service, conversation, reply_to).await?;
            let reply_to = Some(target);
            service
                .store
                .queue_reply(QueueReply { reply_to, ..reply })
                .await?
        }
        queued => queued?,
    };
    Ok(queued)
}

fn checked_quote(
    quote: Option<NewQuote>,
    reply_to: Option<&str>,
) -> Result<Option<Quote>, ApiError> {
    let Some(quote) = quote else {
        return Ok(None);
    };
    let invalid = || {
        ApiError::unprocessable(
            "invalid_quote",
            "a quote is a part of the message that reply_to_message_id names, 1 to 1024 UTF-16 units long",
        )
    };
    let quote = quote.quote().filter(|_| reply_to.is_some());
    quote.map(Some).ok_or_else(invalid)
}

#[derive(Deserialize)]
pub struct Send {
    recipient: SecretText,
    text: String,
    #[serde(flatten)]
    formatted: Formatted,
}

pub async fn queue_send(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
    request: HttpRequest,
    body: web::Json<Send>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    let body = body.into_inner();
    let words = body.formatted.words(body.text)?;
    check_reply(&words.0)?;
    let key = idempotency_key(&request)?;
    let resolved = match check_can_send(&account) {
        Ok(()) => {
            let (words, key) = (words.clone(), key.clone());
            resolved_send(&service, *id, &body.recipient, words, key).await
        }
        Err(refused) => Err(refused),
    };
    let send = match resolved {
        Ok(send) => send,
        // What was taken under this key is answered as taken, though the recipient can't be looked for any more.
        Err(refused) => taken_send(&service, *id, words, key)
            .await?
            .ok_or(refused)?,
    };
    let queued = service.store.queue_send(send).await?;
    Ok(queued_answer(&queued, true))
}

/// The same call as it was when its key was new.
async fn taken_send(
    service: &Service,
    account: AccountId,
    (text, wording): (String, Wording),
    idempotency_key: Option<String>,
) -> Result<Option<QueueSend>, ApiError> {
    let Some(key) = idempotency_key else {
        return Ok(None);
    };
    let chat = service.store.chat_under_key(account, key.clone()).await?;
    Ok(chat.map(|chat| QueueSend {
        account,
        chat,
        peer: None,
        text,
        wording,
        idempotency_key: Some(key),
    }))
}

/// Finds the recipient, so that whoever can't be written to is told at once.
pub async fn resolved_send(
    service: &Service,
    account: AccountId,
    recipient: &SecretText,
    (text, wording): (String, Wording),
    idempotency_key: Option<String>,
) -> Result<QueueSend, ApiError> {
    let recipient = recipient::parse(recipient)?;
    let link = service.link(account).await?;
    let peer = link.resolve(&recipient).await?;
    Ok(QueueSend {
        account,
        chat: peer.id,
        peer: Some(peer),
        text,
        wording,
        idempotency_key,
    })
}

fn queued_answer(queued: &Queued, with_conversation: bool) -> HttpResponse {
    let mut answer = json!({ "message": queued.message });
    if with_conversation {
        answer["conversation"] = json!(queued.conversation);
    }
    HttpResponse::Accepted().json(answer)
}

pub async fn mark_read(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let before = service.conversation(&access, ConversationId(*id)).await?;
    let newest = service.store.newest_number(before.id).await?;
    let conversation = service.store.mark_read(before.id, newest).await?;
    if let (Some(newest), Some(link)) = (newest, service.supervisor.link(before.account_id).await)
        && let Err(error) = link.mark_read(before.chat_id, newest).await
    {
        log::warn!(target: "switchboard::web", "account={} Telegram was not told of a read mark: {error}", before.account_id);
    }
    Ok(HttpResponse::Ok().json(json!({ "conversation": conversation })))
}
