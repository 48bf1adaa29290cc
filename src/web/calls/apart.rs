//! Apart: messages forwarded to chats of several accounts, which may be at several nodes: each account's chats are a call of their own,
//! and the answers are put together. Under a key each of them is kept with its own account, so that a repeat finds all of them.

use std::net::IpAddr;

use actix_web::{
    HttpResponse,
    body::MessageBody,
    dev::ServiceRequest,
    http::StatusCode,
    web::{Bytes, Data},
};
use serde_json::{Value, json};

use super::{
    Elsewhere, PATIENCE,
    ask::ask,
    find::{self, whole},
    nobody,
    question::{Body, Question},
};
use crate::{
    domain::{AccountId, ConversationId},
    store::OfAccount,
    web::{Access, ApiError, Service},
};

pub async fn forward(
    request: &mut ServiceRequest,
    service: &Data<Service>,
    elsewhere: &Elsewhere,
    access: &Access,
    ip: IpAddr,
) -> Result<Option<HttpResponse>, ApiError> {
    let body = find::body(request).await?;
    let Some(chats) = body["conversation_ids"].as_array() else {
        return Ok(None);
    };
    let mut accounts: Vec<(AccountId, Vec<Value>)> = Vec::new();
    for chat in chats {
        let Some(id) = whole(chat) else {
            return Ok(None);
        };
        let of = OfAccount::Conversation(ConversationId(id));
        // One that nobody knows is refused wherever the call is run.
        let Some(account) = service.store.account_of(of).await? else {
            return Ok(None);
        };
        match accounts.iter_mut().find(|(known, _)| *known == account) {
            Some((_, chats)) => chats.push(chat.clone()),
            None => accounts.push((account, vec![chat.clone()])),
        }
    }
    if accounts.iter().all(|(account, _)| elsewhere.has(*account)) {
        return Ok(None);
    }
    let mut messages = Vec::new();
    for (account, chats) in accounts {
        let mut part = body.clone();
        part["conversation_ids"] = json!(chats);
        let question = Question::of(request, access, ip, account);
        let part = Body::Whole(part.to_string().into());
        let answer = ask(service, elsewhere, question, part, PATIENCE).await?;
        let answer = answer.ok_or_else(nobody)?;
        if answer.status() != StatusCode::ACCEPTED {
            return Ok(Some(answer));
        }
        let told: Bytes = answer.into_body().try_into_bytes().unwrap_or_default();
        let told: Value = serde_json::from_slice(&told).map_err(ApiError::internal)?;
        messages.extend(told["messages"].as_array().cloned().unwrap_or_default());
    }
    Ok(Some(
        HttpResponse::Accepted().json(json!({ "messages": messages })),
    ))
}
