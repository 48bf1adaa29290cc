//! Replies: text as JSON, files as a form. What was committed is answered; it goes out by itself.

use std::time::Duration;

use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, web};
use serde_json::json;
use tokio::time::timeout;

use super::{
    Access, ApiError, Service,
    conversations::{self, Reply},
    form::{Form, is_form},
    outgoing::{
        GENERAL, check_can_order, check_schedule, idempotency_key, number, seen_at_telegram,
    },
    wording::Formatted,
};
use crate::{
    domain::{
        Account, AccountId, Conversation, ConversationId, StoredMessage, Wording, check_caption,
    },
    staging::Guised,
    store::{QueueReply, QueuedFile, QueuedFiles, StoreError, Target},
};

/// Telegram takes 4,000 parts of a file; of accounts with Premium twice as many (core.telegram.org/api/files).
const LARGEST_FILE: u64 = 4_000 * 512 * 1024;
/// For Telegram to say whether an account has Premium; nobody's does until it is said.
const PREMIUM_LIMIT: Duration = Duration::from_secs(5);

pub async fn queue_reply(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Error> {
    if !is_form(&request) {
        let reply = web::Json::<Reply>::from_request(&request, &mut body.into_inner()).await?;
        return Ok(conversations::queue_reply(service, access, id, request, reply).await?);
    }
    let mut form = Form::open(&request, body);
    match with_files(service, access, ConversationId(*id), &request, &mut form).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            form.drain().await;
            Err(error.into())
        }
    }
}

async fn with_files(
    service: web::Data<Service>,
    access: Access,
    id: ConversationId,
    request: &HttpRequest,
    form: &mut Form,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, id).await?;
    let account = service.account(&access, conversation.account_id).await?;
    let key = idempotency_key(request)?;
    let messages = reply(&service, (&conversation, &account), key, form).await?;
    let first = messages.first();
    Ok(HttpResponse::Accepted().json(json!({ "message": first, "messages": messages })))
}

/// Reads the form, and queues a message for each of its files.
pub async fn reply(
    service: &web::Data<Service>,
    (conversation, account): (&Conversation, &Account),
    idempotency_key: Option<String>,
    form: &mut Form,
) -> Result<Vec<StoredMessage>, ApiError> {
    check_can_order(service, account, conversation, idempotency_key.as_deref()).await?;
    read_files(service, account.id, form).await?;
    let words = words(form)?;
    let (text, wording) = caption(service, account.id, words).await?;
    let reply_to = number(
        form.field("reply_to_message_id")?,
        "invalid_reply_to",
        "reply_to_message_id is a message_id of this chat",
    )?;
    let topic_id = number(
        form.field("topic_id")?,
        "invalid_topic_id",
        "topic_id is the id of a topic of this forum",
    )?;
    let schedule = form.field("scheduled_for")?.filter(|when| !when.is_empty());
    let key = idempotency_key.as_deref();
    let schedule = check_schedule(service, schedule, conversation, key).await?;
    let reply = QueueReply {
        schedule,
        conversation: conversation.id,
        text,
        wording,
        reply_to: reply_to.map(Target::Stored),
        topic_id: topic_id.filter(|topic| *topic != GENERAL),
        idempotency_key,
    };
    let files = form.guise(&service.staging).await?;
    let queued = match queue(service, reply.clone(), files).await {
        (Err(StoreError::ReplyToUnknown), files) => {
            let target = seen_at_telegram(service, conversation, reply_to).await?;
            let reply_to = Some(target);
            queue(service, QueueReply { reply_to, ..reply }, files)
                .await
                .0?
        }
        (queued, _) => queued?,
    };
    Ok(queued.messages)
}

/// Everything of the form, no file larger than the account may send.
pub async fn read_files(
    service: &Service,
    account: AccountId,
    form: &mut Form,
) -> Result<(), ApiError> {
    let most = largest_file(service, account, form.length()).await;
    form.read(&service.staging, account, most).await
}

/// Bytes of a file that the account may send. `length`: what is known to be the most that comes.
pub async fn largest_file(service: &Service, account: AccountId, length: Option<u64>) -> u64 {
    let large = length.is_none_or(|length| length > LARGEST_FILE);
    match large && is_premium(service, account).await {
        true => 2 * LARGEST_FILE,
        false => LARGEST_FILE,
    }
}

/// What a form says under its first file.
pub fn words(form: &Form) -> Result<(String, Formatted), ApiError> {
    let text = form.field("text")?.unwrap_or_default().to_owned();
    let formatted = Formatted::of_fields(form.field("entities")?, form.field("format")?)?;
    Ok((text, formatted))
}

/// What stands under the first file, and how it is said.
pub async fn caption(
    service: &Service,
    account: AccountId,
    (text, formatted): (String, Formatted),
) -> Result<(String, Wording), ApiError> {
    let (text, wording) = formatted.words(text)?;
    if check_caption(&text, false).is_err() {
        let premium = is_premium(service, account).await;
        check_caption(&text, premium)
            .map_err(|error| ApiError::unprocessable("text_too_long", error.to_string()))?;
    }
    Ok((text, wording))
}

/// Asked only where it matters: it comes and goes.
async fn is_premium(service: &Service, account: AccountId) -> bool {
    let Some(link) = service.supervisor.link(account).await else {
        return false;
    };
    let told = timeout(PREMIUM_LIMIT, link.is_premium()).await;
    matches!(told, Ok(Ok(true)))
}

async fn queue(
    service: &web::Data<Service>,
    reply: QueueReply,
    files: Vec<Guised>,
) -> (Result<QueuedFiles, StoreError>, Vec<Guised>) {
    let (store, named) = (service.store.clone(), named(&files));
    let queueing = async move { store.queue_reply_files(reply, named).await };
    committed(files, queueing).await
}

pub fn named(files: &[Guised]) -> Vec<QueuedFile> {
    let named = |one: &Guised| QueuedFile {
        file: one.file.clone(),
        sha256: one.sha256.clone(),
    };
    files.iter().map(named).collect()
}

/// With the commit the files belong to their order. That goes on to its end whether or not the caller still waits; what was
/// not committed comes back.
pub async fn committed<F>(
    files: Vec<Guised>,
    queueing: F,
) -> (Result<QueuedFiles, StoreError>, Vec<Guised>)
where
    F: Future<Output = Result<QueuedFiles, StoreError>> + 'static,
{
    let commit = actix_web::rt::spawn(async move {
        let queued = queueing.await;
        let mut left = Vec::new();
        match &queued {
            Ok(queued) if queued.repeated => {}
            Ok(_) => {
                for one in files {
                    one.staged.keep();
                }
            }
            // It may be committed yet.
            Err(StoreError::NoAnswer { .. }) => {
                for one in files {
                    one.staged.leave();
                }
            }
            Err(_) => left = files,
        }
        (queued, left)
    });
    let ended = commit.await;
    ended.unwrap_or_else(|_| (Err(StoreError::Closed), Vec::new()))
}
