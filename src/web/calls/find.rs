//! Find: the account that a call is about, before anything else is known of it.
//!
//! `None`: there is none, or it can't be told; then the call is refused wherever it is run.

use actix_web::{
    HttpMessage,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    http::header,
    web::{Bytes, BytesMut},
};
use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::goes::By;
use crate::{
    domain::{AccountId, ConversationId, MessageRowId, OrderId},
    store::OfAccount,
    web::{
        Access, ApiError, Service,
        doors::Owner,
        error::payload_error,
        form::is_form_type,
        repeats::{body_of, put_back},
    },
};

/// In a form `user_id` stands before the first file.
const MOST_AHEAD: usize = 64 << 10;

pub async fn account(
    request: &mut ServiceRequest,
    service: &Service,
    access: &Access,
    by: By,
) -> Result<Option<AccountId>, ApiError> {
    let thing = match by {
        By::Account => return Ok(id(request)),
        By::Conversation => id(request).map(|id| OfAccount::Conversation(ConversationId(id))),
        By::Message => id(request).map(|id| OfAccount::Message(MessageRowId(id))),
        By::Order => id(request).map(|id| OfAccount::Order(OrderId(id))),
        By::Messages => {
            let body = body(request).await?;
            let first = body.pointer("/message_ids/0").and_then(whole);
            first.map(|id| OfAccount::Message(MessageRowId(id)))
        }
        By::User => {
            let user_id = match is_form(request) {
                true => ahead(request, "user_id").await?,
                false => text(body(request).await?.get("user_id")),
            };
            return of_user(service, user_id).await;
        }
        By::UserInPath => {
            let user_id = segment(request, "{user_id}");
            return of_user(service, user_id).await;
        }
        By::Licence => match &access.owner {
            Some(owner) => return of(service, owner).await,
            None => return Ok(None),
        },
        By::Visitor => return of(service, &access.portal_owner()).await,
    };
    match thing {
        Some(thing) => Ok(service.store.account_of(thing).await?),
        None => Ok(None),
    }
}

async fn of(service: &Service, owner: &Owner) -> Result<Option<AccountId>, ApiError> {
    Ok(service.doors.owners.look(owner).await?)
}

async fn of_user(
    service: &Service,
    user_id: Option<String>,
) -> Result<Option<AccountId>, ApiError> {
    match user_id {
        Some(user_id) => of(service, &Owner::user(user_id.trim())).await,
        None => Ok(None),
    }
}

/// `{id}` of the path.
pub fn id<T: std::str::FromStr>(request: &ServiceRequest) -> Option<T> {
    segment(request, "{id}")?.parse().ok()
}

/// What stands in the path for a name of its pattern; the handler reads it in the same way, later.
fn segment(request: &ServiceRequest, name: &str) -> Option<String> {
    let pattern = request.match_pattern()?;
    let at = pattern.split('/').position(|part| part == name)?;
    let part = request.path().split('/').nth(at)?;
    let whole: String = url::form_urlencoded::parse(part.replace('+', "%2B").as_bytes())
        .next()?
        .0
        .into_owned();
    Some(whole)
}

/// A number, or one as a text.
pub fn whole(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The whole body, which stays where it was.
pub async fn body(request: &mut ServiceRequest) -> Result<Value, ApiError> {
    let body = body_of(request).await?;
    let value = serde_json::from_slice(&body).unwrap_or_default();
    put_back(request, body);
    Ok(value)
}

pub fn is_form(request: &ServiceRequest) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(is_form_type)
}

/// A field that stands at the beginning of a form. What was read for it is put back.
async fn ahead(request: &mut ServiceRequest, name: &str) -> Result<Option<String>, ApiError> {
    let mut parts = request.take_payload();
    let mut read = BytesMut::new();
    let mut found = None;
    while found.is_none() && read.len() < MOST_AHEAD {
        let Some(part) = parts.next().await else {
            break;
        };
        read.extend_from_slice(&part.map_err(payload_error)?);
        found = field(&read, name);
    }
    let again = stream::once(async move { Ok::<Bytes, PayloadError>(read.freeze()) });
    let again = again.chain(parts).fuse();
    request.set_payload(Payload::Stream {
        payload: Box::pin(again),
    });
    Ok(found)
}

/// The text of a field, once it is there whole (RFC 7578).
fn field(read: &[u8], name: &str) -> Option<String> {
    let read = String::from_utf8_lossy(read);
    let (_, rest) = read.split_once(&format!("name=\"{name}\""))?;
    let (_, rest) = rest.split_once("\r\n\r\n")?;
    let (text, _) = rest.split_once("\r\n--")?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects files that programs send as a user: the account is known before the first byte of a file is read, and not before its name
    /// is there whole.
    #[test]
    fn a_field_of_a_form_is_read_once_it_is_whole() {
        let form = "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhi\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"user_id\"\r\n\r\n4711\r\n--b\r\n";
        let whole = form.len() - 3;
        assert_eq!(field(form.as_bytes(), "user_id").as_deref(), Some("4711"));
        assert_eq!(field(&form.as_bytes()[..whole - 4], "user_id"), None);
        assert_eq!(field(form.as_bytes(), "recipient_id"), None);
    }
}
