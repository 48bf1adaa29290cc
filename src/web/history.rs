//! History: a conversation's messages, from the store and, where that ends, from Telegram.
//!
//! `next_cursor` is null at the chat's beginning and nowhere else. What is stored never waits long for Telegram; where
//! nothing is stored and Telegram is not to be had, the answer says so and what to do.

use std::time::Duration;

use actix_web::{HttpResponse, http::StatusCode, web};
use serde::Deserialize;
use serde_json::json;

use super::{Access, ApiError, Service, conversations::check_limit};
use crate::{
    account::{FetchError, compare_between, fetch_between, fetch_down_to},
    domain::{AccountState, Conversation, ConversationId, MessageRowId},
    store::{MessagePage, MessagesFrom, PageEnd, StoreError},
    telegram::{CallError, LinkHandle},
};

/// How long stored messages wait for the older ones that would fill their page.
const STORED_WAIT: Duration = Duration::from_secs(3);
/// How long somebody waits who has nothing to read yet.
const EMPTY_WAIT: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
pub struct ListMessages {
    cursor: Option<String>,
    around: Option<i64>,
    around_message_id: Option<i32>,
    after: Option<i64>,
    limit: Option<u32>,
}

impl ListMessages {
    fn from(self) -> Result<MessagesFrom, ApiError> {
        let mut ways = [
            self.cursor.map(MessagesFrom::Cursor),
            self.around.map(|id| MessagesFrom::Around(MessageRowId(id))),
            self.around_message_id.map(MessagesFrom::AroundNumber),
            self.after.map(|id| MessagesFrom::After(MessageRowId(id))),
        ]
        .into_iter()
        .flatten();
        let from = ways.next().unwrap_or_default();
        if ways.next().is_some() {
            return Err(ApiError::bad_request(
                "invalid_cursor",
                "give one of cursor, around, around_message_id and after",
            ));
        }
        Ok(from)
    }
}

pub async fn list_messages(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    query: web::Query<ListMessages>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    let query = query.into_inner();
    let limit = check_limit(query.limit)?;
    let from = query.from()?;
    if matches!(from, MessagesFrom::Newest) {
        looked_at(&service, &conversation).await;
    }
    let page = messages_page(&service, &conversation, from, limit).await?;
    Ok(HttpResponse::Ok().json(json!({
        "messages": page.messages,
        "next_cursor": page.next_cursor,
        "prev_cursor": page.prev_cursor,
    })))
}

/// What a channel missed comes before what others missed when somebody looks at it.
async fn looked_at(service: &Service, conversation: &Conversation) {
    let chat = conversation.chat_id;
    if chat.channel_id().is_some()
        && let Some(link) = service.supervisor.link(conversation.account_id).await
    {
        link.hurry(chat);
    }
}

#[derive(Deserialize)]
pub struct ListMedia {
    cursor: Option<String>,
    limit: Option<u32>,
}

/// Of what is stored: Telegram is not asked.
pub async fn list_media(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    query: web::Query<ListMedia>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    let query = query.into_inner();
    let limit = check_limit(query.limit)?;
    let page = service
        .store
        .list_media(conversation.id, query.cursor, limit)
        .await?;
    Ok(HttpResponse::Ok().json(json!({
        "messages": page.items,
        "next_cursor": page.next_cursor,
    })))
}

/// A page from the store. Where that is not whole, or was not compared since the account was away, Telegram is asked
/// first.
pub async fn messages_page(
    service: &Service,
    conversation: &Conversation,
    from: MessagesFrom,
    limit: u32,
) -> Result<MessagePage, ApiError> {
    let list = |from| service.store.list_messages(conversation.id, from, limit);
    let page = match (list(from.clone()).await, &from) {
        (Ok(page), _) => page,
        (Err(StoreError::MessageNotFound), MessagesFrom::AroundNumber(number)) => {
            fetch_quoted(service, conversation, *number).await?;
            return Ok(list(from).await?);
        }
        (Err(error), _) => return Err(error.into()),
    };
    if compare(service, conversation, &page).await {
        return Box::pin(complete(
            service,
            conversation,
            from.clone(),
            limit,
            list(from).await?,
        ))
        .await;
    }
    complete(service, conversation, from, limit, page).await
}

/// Fills the gap that a page ends at.
async fn complete(
    service: &Service,
    conversation: &Conversation,
    from: MessagesFrom,
    limit: u32,
    page: MessagePage,
) -> Result<MessagePage, ApiError> {
    let (above, before) = match page.ends {
        Some(PageEnd::Gap { above, before }) if !matches!(from, MessagesFrom::After(_)) => {
            (above, before)
        }
        _ => return Ok(page),
    };
    let missing = i32::try_from(limit).unwrap_or(100);
    let wait = if page.messages.is_empty() {
        EMPTY_WAIT
    } else {
        STORED_WAIT
    };
    let fetched = fetch(service, conversation, wait, async |link| {
        fetch_between(
            &service.store,
            &link,
            conversation,
            (above, before),
            missing,
        )
        .await
    })
    .await;
    let error = match fetched {
        Ok(()) => {
            let page = service
                .store
                .list_messages(conversation.id, from, limit)
                .await?;
            if page.messages.is_empty() && page.ends != Some(PageEnd::Beginning) {
                return Err(not_now(
                    "Telegram shows nothing older of this chat for now; try again later",
                ));
            }
            return Ok(page);
        }
        Err(error) => error,
    };
    // What is stored is still good to read, also beyond the gap.
    let page = service
        .store
        .list_messages_across(conversation.id, from, limit)
        .await?;
    if page.messages.is_empty() {
        return Err(error);
    }
    log::info!(target: "switchboard::web", "account={} older history is not to be had for now: {error}", conversation.account_id);
    Ok(page)
}

/// What may have changed while the account was away is compared before it is shown, if Telegram answers in time.
async fn compare(service: &Service, conversation: &Conversation, page: &MessagePage) -> bool {
    let numbers = page
        .messages
        .iter()
        .filter_map(|message| message.message_id.as_deref()?.parse::<i32>().ok());
    let (Some(low), Some(high)) = (numbers.clone().min(), numbers.max()) else {
        return false;
    };
    let stale = service
        .store
        .stale_between(conversation.id, low, high)
        .await;
    let Ok(Some(stretch)) = stale else {
        return false;
    };
    let compared = fetch(service, conversation, STORED_WAIT, async |link| {
        compare_between(&service.store, &link, conversation, stretch).await
    })
    .await;
    compared.is_ok()
}

/// Brings a quoted message from before what is stored.
async fn fetch_quoted(
    service: &Service,
    conversation: &Conversation,
    message_id: i32,
) -> Result<(), ApiError> {
    let spans = service.store.spans(conversation.id).await?;
    if spans.containing(message_id).is_some() {
        return Err(StoreError::MessageNotFound.into());
    }
    let arrived = fetch(service, conversation, EMPTY_WAIT, async |link| {
        fetch_down_to(&service.store, &link, conversation, message_id).await
    })
    .await?;
    if arrived {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "message_too_far",
        "that message lies too far back to be fetched at once; ask again to go on from here",
    ))
}

/// Asks Telegram through the account's link, within `wait`.
async fn fetch<T>(
    service: &Service,
    conversation: &Conversation,
    wait: Duration,
    work: impl AsyncFnOnce(LinkHandle) -> Result<T, FetchError>,
) -> Result<T, ApiError> {
    let Some(link) = service.supervisor.link(conversation.account_id).await else {
        return Err(no_link(service, conversation).await);
    };
    match tokio::time::timeout(wait, work(link)).await {
        Ok(Ok(done)) => Ok(done),
        // As it is with chats that were left before our time and came by an import.
        Ok(Err(FetchError::Call(CallError::Unresolvable))) => Err(not_now(
            "this account can't find this chat at Telegram, so nothing else of it is to be had",
        )),
        Ok(Err(FetchError::Call(error))) => Err(error.into()),
        Ok(Err(FetchError::Store(error))) => Err(error.into()),
        Err(_) => Err(CallError::TimedOut.into()),
    }
}

async fn no_link(service: &Service, conversation: &Conversation) -> ApiError {
    let account = match service.store.get_account(conversation.account_id).await {
        Ok(account) => account,
        Err(error) => return error.into(),
    };
    let Some(account) = account else {
        return not_now("older messages can't be fetched: their account was removed");
    };
    let what = match account.state {
        AccountState::NeedsLogin | AccountState::SignedOut | AccountState::SigningIn => {
            "sign it in to fetch them"
        }
        AccountState::Banned => "Telegram has banned it",
        AccountState::Stopped => "start it to fetch them",
        AccountState::Failed => "restart it to fetch them",
        _ => "try again in a moment",
    };
    not_now(format!(
        "older messages are at Telegram and {} is not connected: {what}",
        account.label
    ))
}

fn not_now(message: impl Into<String>) -> ApiError {
    ApiError::unavailable("history_unavailable", message)
}
