//! Media: the files of messages and the photos of chats, in ranges, never as a page.

use std::ops::Range;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        Method, StatusCode,
        header::{self, ByteRangeSpec, EntityTag, IfNoneMatch, IfRange},
    },
    web::{self, Bytes},
};
use serde::Deserialize;

use super::{
    Access, ApiError, Service,
    media_names::{disposition, safe_type},
};
use crate::{
    domain::{
        Account, AccountId, AccountState, ChatId, ConversationId, FileLocation, MessageRowId, Thumb,
    },
    media::{MediaError, OfMessage, Wanted},
};

/// A file never changes under its name; it is asked for again all the same, because whoever asks may no longer see it.
const KEEP_AND_ASK: &str = "private, no-cache";
/// Pictures in lists, and the photos of chats, which change.
const SMALL_KEEP: &str = "private, max-age=3600";
/// Nothing in it is run, whatever it is.
const SANDBOX: &str = "sandbox; default-src 'none'";

pub async fn get_media(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let (account, of) = message(&service, &access, MessageRowId(*id), false).await?;
    let files = service.media.files(account, of).await;
    let files = told(&service, account, files).await?;
    let location = files.file.ok_or_else(no_file)?;
    serve(
        &request,
        &service,
        account,
        location,
        Some(of),
        KEEP_AND_ASK,
    )
    .await
}

pub async fn get_thumb(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let (account, of) = message(&service, &access, MessageRowId(*id), true).await?;
    let files = service.media.files(account, of).await;
    let files = told(&service, account, files).await?;
    match files.thumb.ok_or_else(no_file)? {
        Thumb::At(location) => {
            serve(&request, &service, account, location, Some(of), SMALL_KEEP).await
        }
        Thumb::Inline(bytes) => {
            let mut answer = HttpResponse::Ok();
            headers(&mut answer, "image/jpeg", "inline", SMALL_KEEP);
            Ok(answer.body(bytes))
        }
    }
}

#[derive(Deserialize)]
pub struct PhotoQuery {
    /// `nothing`: 204 where there is no photo, or none can be had now. A page that shows letters then calls that no error.
    #[serde(rename = "else")]
    otherwise: Option<String>,
}

/// The photo of a person or a chat, as it is now.
pub async fn get_photo(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    query: web::Query<PhotoQuery>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    let (account, chat) = (conversation.account_id, conversation.chat_id);
    let answer = present_photo(&request, &service, account, chat).await;
    let nothing = query.otherwise.as_deref() == Some("nothing");
    match answer {
        Err(error) if nothing && error.status != StatusCode::INTERNAL_SERVER_ERROR => {
            Ok(no_photo(&error))
        }
        answer => answer,
    }
}

/// That there is none is kept as long as a photo is; what went wrong is not kept.
fn no_photo(error: &ApiError) -> HttpResponse {
    let keep = if error.status == StatusCode::NOT_FOUND {
        SMALL_KEEP
    } else {
        "no-store"
    };
    HttpResponse::NoContent()
        .insert_header((header::CACHE_CONTROL, keep))
        .finish()
}

async fn present_photo(
    request: &HttpRequest,
    service: &Service,
    account: AccountId,
    chat: ChatId,
) -> Result<HttpResponse, ApiError> {
    match photo(request, service, account, chat).await {
        // What was known of it is old.
        Err(error) if error.status == StatusCode::GONE => {
            service.media.forget_photo(account, chat);
            photo(request, service, account, chat).await
        }
        answer => answer,
    }
}

async fn photo(
    request: &HttpRequest,
    service: &Service,
    account: AccountId,
    chat: ChatId,
) -> Result<HttpResponse, ApiError> {
    let photo = service.media.chat_photo(account, chat).await;
    let photo = told(service, account, photo).await?;
    let location = photo.ok_or_else(|| ApiError::not_found("photo_not_found", "photo"))?;
    serve(request, service, account, location, None, SMALL_KEEP).await
}

async fn message(
    service: &Service,
    access: &Access,
    id: MessageRowId,
    thumb: bool,
) -> Result<(AccountId, OfMessage), ApiError> {
    let message = service.message(access, id).await?;
    let number = message.message_id.as_deref().and_then(|id| id.parse().ok());
    let number = number.filter(|_| message.media.is_some());
    let of = OfMessage {
        row: id,
        chat: message.chat_id,
        message_id: number.ok_or_else(no_file)?,
        thumb,
    };
    Ok((message.account_id, of))
}

fn no_file() -> ApiError {
    ApiError::not_found("media_not_found", "file")
}

async fn serve(
    request: &HttpRequest,
    service: &Service,
    account: AccountId,
    location: FileLocation,
    message: Option<OfMessage>,
    keep: &str,
) -> Result<HttpResponse, ApiError> {
    let tag = EntityTag::new_strong(location.key().as_str().to_owned());
    let kind = safe_type(location.mime.as_deref());
    let disposition = disposition(kind, location.name.as_deref());
    if let Some(IfNoneMatch::Items(known)) = request.get_header::<IfNoneMatch>()
        && known.iter().any(|known| known.weak_eq(&tag))
    {
        let mut answer = HttpResponse::NotModified();
        headers(&mut answer, kind, &disposition, keep);
        return Ok(answer.insert_header(header::ETag(tag)).finish());
    }
    let wanted = Wanted {
        account,
        location,
        message,
    };
    // What is only told needs no file, where its size was said.
    let size = wanted.location.size;
    if *request.method() == Method::HEAD
        && let Some(size) = size
    {
        let mut answer = HttpResponse::Ok();
        headers(&mut answer, kind, &disposition, keep);
        answer
            .insert_header(header::ETag(tag))
            .insert_header((header::ACCEPT_RANGES, "bytes"))
            .no_chunking(size);
        return Ok(answer.streaming(futures_util::stream::empty::<Result<Bytes, MediaError>>()));
    }
    let asked = asked_range(request, &tag);
    let from = match (&asked, size) {
        (Some(range), Some(size)) => bounds(range, size)?.start,
        _ => 0,
    };
    let opened = service.media.open(&wanted, from).await;
    let opened = told(service, account, opened).await?;
    let size = opened.size;
    let range = match &asked {
        Some(range) => bounds(range, size)?,
        None => 0..size,
    };
    let mut answer = HttpResponse::Ok();
    headers(&mut answer, kind, &disposition, keep);
    answer
        .insert_header(header::ETag(tag))
        .insert_header((header::ACCEPT_RANGES, "bytes"));
    if asked.is_some() {
        let told = format!(
            "bytes {}-{}/{size}",
            range.start,
            range.end.saturating_sub(1)
        );
        answer
            .status(StatusCode::PARTIAL_CONTENT)
            .insert_header((header::CONTENT_RANGE, told));
    }
    answer.no_chunking(range.end - range.start);
    Ok(answer.streaming(opened.stream(range)))
}

fn headers(answer: &mut HttpResponseBuilder, kind: &str, disposition: &str, keep: &str) {
    answer
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, keep));
}

/// One range of bytes, of the file that whoever asks has a part of. Several at once, or anything else, mean the whole.
fn asked_range(request: &HttpRequest, tag: &EntityTag) -> Option<ByteRangeSpec> {
    let Some(header::Range::Bytes(ranges)) = request.get_header::<header::Range>() else {
        return None;
    };
    if request.headers().contains_key(header::IF_RANGE) {
        match request.get_header::<IfRange>()? {
            IfRange::EntityTag(known) if known.strong_eq(tag) => {}
            _ => return None,
        }
    }
    match ranges.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    }
}

fn bounds(range: &ByteRangeSpec, size: u64) -> Result<Range<u64>, ApiError> {
    match range.to_satisfiable_range(size) {
        Some((first, last)) => Ok(first..last + 1),
        None => Err(ApiError::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "range_not_satisfiable",
            format!("the file has {size} bytes"),
        )
        .of_size(size)),
    }
}

/// What kept a file away, in words for whoever asks for it.
async fn told<T>(
    service: &Service,
    account: AccountId,
    answer: Result<T, MediaError>,
) -> Result<T, ApiError> {
    let error = match answer {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let not_now = |text: String| ApiError::unavailable("media_unavailable", text);
    Err(match error {
        MediaError::Gone => ApiError::new(
            StatusCode::GONE,
            "media_gone",
            "Telegram no longer has this file",
        ),
        MediaError::Wait(wait) => ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "flood_wait",
            MediaError::Wait(wait).to_string(),
        )
        .retry_after(wait),
        MediaError::Away => match service.store.get_account(account).await? {
            Some(account) => away(&account),
            None => not_now("its account was removed".to_owned()),
        },
        MediaError::Network(reason) => {
            log::debug!(target: "switchboard::web", "account={account} a file did not come: {reason}");
            ApiError::unavailable(
                "telegram_unreachable",
                "Telegram did not answer; try again in a moment",
            )
        }
        MediaError::Refused(code) => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "telegram_refused",
            format!("Telegram refused the file: {code}"),
        ),
        MediaError::Busy => {
            not_now("too many files are on their way; try again in a moment".to_owned())
        }
        MediaError::Incomplete(_) | MediaError::Abandoned => {
            not_now("the file did not come whole; try again in a moment".to_owned())
        }
        MediaError::Disk(_) | MediaError::Broken => ApiError::internal(error),
    })
}

fn away(account: &Account) -> ApiError {
    let label = &account.label;
    let what = match account.state {
        AccountState::NeedsLogin | AccountState::SignedOut | AccountState::SigningIn => {
            "sign it in to fetch it"
        }
        AccountState::Banned => "Telegram has banned it",
        AccountState::Stopped => "start it to fetch it",
        AccountState::Failed => "restart it to fetch it",
        _ => "try again in a moment",
    };
    ApiError::unavailable(
        "media_unavailable",
        format!("the file is at Telegram and {label} is not connected: {what}"),
    )
}
