//! System C: a message, with or without files, sent as the user and confirmed.

use std::time::Duration;

use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{
    caller::Caller,
    confirmed::{self, Confirming},
    owned::Owned,
    user::{Id, authorized, owner_of},
};
use crate::{
    domain::{SecretText, StoredMessage, Timestamp, Wording},
    staging::{Guised, Offered},
    web::{
        ApiError,
        conversations::resolved_send,
        fetched,
        form::{Form, Wishes, guised, is_form},
        outgoing::{check_can_send, check_reply, idempotency_key},
        replies,
        wording::Formatted,
    },
};

/// How long a message may take to be confirmed.
pub const CONFIRM_LIMIT: Duration = Duration::from_secs(30);
/// Bytes a second that a file goes up with at least, for a caller who waits.
const SLOWEST: u64 = 256 * 1024;

#[derive(Deserialize)]
pub struct Send {
    user_id: Id,
    recipient_id: Id,
    text: Option<String>,
    #[serde(flatten)]
    formatted: Formatted,
    /// Instead of a file itself.
    file_url: Option<String>,
    file_name: Option<String>,
    #[serde(rename = "as")]
    wanted: Option<String>,
}

/// Text, a file by its address, or a form with files.
pub async fn send(
    caller: Caller,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Error> {
    if !is_form(&request) {
        let body = web::Json::<Send>::from_request(&request, &mut body.into_inner()).await?;
        let key = idempotency_key(&request)?;
        let mut body = body.into_inner();
        return Ok(match body.file_url.take() {
            Some(url) => send_fetched(&caller, body, &url, key).await?,
            None => send_text(&caller, body, key).await?,
        });
    }
    let mut form = Form::open(&request, body);
    match send_form(&caller, &request, &mut form).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            form.drain().await;
            Err(error.into())
        }
    }
}

async fn send_text(
    caller: &Caller,
    body: Send,
    key: Option<String>,
) -> Result<HttpResponse, ApiError> {
    let owner = owner_of(&body.user_id)?;
    let words = body.formatted.words(body.text.unwrap_or_default())?;
    check_reply(&words.0)?;
    let owned = authorized(caller, &owner).await?;
    check_can_send(&owned.account)?;
    let recipient = SecretText::new(body.recipient_id.text());
    let message = resolved_send(caller, owned.id(), &recipient, words, key).await?;
    let message = confirmed::send(caller, message, CONFIRM_LIMIT).await?;
    Ok(sent(&[message]))
}

async fn send_fetched(
    caller: &Caller,
    body: Send,
    url: &str,
    key: Option<String>,
) -> Result<HttpResponse, ApiError> {
    let owner = owner_of(&body.user_id)?;
    let wishes = Wishes::of(|name| {
        Ok(match name {
            "as" => body.wanted.as_deref(),
            _ => None,
        })
    })?;
    let owned = authorized(caller, &owner).await?;
    check_can_send(&owned.account)?;
    let words = (body.text.unwrap_or_default(), body.formatted);
    let words = replies::caption(caller, owned.id(), words).await?;
    let most = replies::largest_file(caller, owned.id(), None).await;
    let place = (&caller.staging, owned.id(), most);
    let fetching = fetched::fetch(caller.webhooks.guard(), url, place);
    let (staged, offered) = caller.doors.meanwhile(&caller.access, fetching).await??;
    let offered = Offered {
        name: body.file_name.or(offered.name),
        ..offered
    };
    let files = guised(&caller.staging, vec![(staged, offered)], &wishes).await?;
    let recipient = SecretText::new(body.recipient_id.text());
    send_files(caller, &owned, &recipient, (words, key), files).await
}

async fn send_form(
    caller: &Caller,
    request: &HttpRequest,
    form: &mut Form,
) -> Result<HttpResponse, ApiError> {
    let key = idempotency_key(request)?;
    form.read_fields().await?;
    let named = |name: &str| -> Result<Id, ApiError> {
        let text = form.field(name)?.ok_or_else(|| {
            ApiError::unprocessable(
                "invalid_field",
                "user_id and recipient_id stand in the form before its first file",
            )
        })?;
        Ok(Id::Text(text.to_owned()))
    };
    let owner = owner_of(&named("user_id")?)?;
    let recipient = SecretText::new(named("recipient_id")?.text());
    let owned = authorized(caller, &owner).await?;
    check_can_send(&owned.account)?;
    replies::read_files(caller, owned.id(), form).await?;
    let words = replies::caption(caller, owned.id(), replies::words(form)?).await?;
    let files = form.guise(&caller.staging).await?;
    send_files(caller, &owned, &recipient, (words, key), files).await
}

/// Answers when Telegram has them: that takes as long as they are large.
async fn send_files(
    caller: &Caller,
    owned: &Owned,
    recipient: &SecretText,
    (words, key): ((String, Wording), Option<String>),
    files: Vec<Guised>,
) -> Result<HttpResponse, ApiError> {
    let send = resolved_send(caller, owned.id(), recipient, words, key).await?;
    let bytes: u64 = files.iter().map(|one| one.file.size).sum();
    let limit = CONFIRM_LIMIT + Duration::from_secs(bytes / SLOWEST);
    let mut confirming = Confirming::begin(caller, limit);
    let (store, named) = (caller.store.clone(), replies::named(&files));
    let queueing = async move { store.queue_send_files(send, named).await };
    let (queued, _) = replies::committed(files, queueing).await;
    let messages = confirming.all(queued?.messages).await?;
    Ok(sent(&messages))
}

fn sent(messages: &[StoredMessage]) -> HttpResponse {
    let first = messages.first();
    let mut answer = json!({
        "status": "ok",
        "success": true,
        "message_id": first.and_then(message_id),
        "date": first.map(|message| plain_date(message.timestamp)),
    });
    if first.is_some_and(|message| message.media.is_some()) {
        answer["message_ids"] = messages.iter().map(message_id).collect();
    }
    HttpResponse::Ok().json(answer)
}

/// Telegram's id as a number.
pub fn message_id(message: &StoredMessage) -> Option<i64> {
    message.message_id.as_deref()?.parse().ok()
}

/// UTC without a zone, as these callers know it: `2024-01-15T12:00:00`.
fn plain_date(at: Timestamp) -> String {
    let text = at.to_string();
    text.split('.').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects old callers, who parse dates without a zone.
    #[test]
    fn a_date_is_written_without_fraction_and_zone() {
        assert_eq!(
            plain_date(Timestamp::from_seconds(1_705_320_000)),
            "2024-01-15T12:00:00"
        );
    }
}
