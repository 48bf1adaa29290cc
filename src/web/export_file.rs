//! A message's file inside a page, in base64, as it comes.

use actix_web::web::Bytes;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{StreamExt, stream::BoxStream};

use super::{Service, media_names::safe_type};
use crate::{
    domain::{Media, StoredMessage},
    media::{MediaError, OfMessage, Wanted},
    transfer::embedded,
};

/// Larger files are named: browsers don't show pages with them.
const LARGEST: u64 = 32 << 20;

/// A file on its way into a page.
pub struct Embedded {
    bytes: BoxStream<'static, Result<Bytes, MediaError>>,
    /// What does not fill three bytes yet.
    rest: Vec<u8>,
    after: Option<String>,
}

impl Embedded {
    pub async fn next(&mut self) -> Option<Bytes> {
        self.after.as_ref()?;
        match self.bytes.next().await {
            Some(Ok(bytes)) => {
                self.rest.extend_from_slice(&bytes);
                let whole = self.rest.len() / 3 * 3;
                let text = STANDARD.encode(self.rest.get(..whole).unwrap_or_default());
                self.rest.drain(..whole);
                Some(text.into())
            }
            end => {
                if let Some(Err(error)) = end {
                    log::info!(target: "switchboard::web", "a file of an exported page is not whole: {error}");
                }
                let after = self.after.take().unwrap_or_default();
                Some(format!("{}{after}", STANDARD.encode(&self.rest)).into())
            }
        }
    }
}

/// What stands before the file, and the file; or why there is none.
pub async fn open(
    service: &Service,
    message: &StoredMessage,
    wanted: bool,
) -> (String, Option<Embedded>) {
    let Some(media) = &message.media else {
        return (String::new(), None);
    };
    if !wanted {
        return (named(media, "not asked for"), None);
    }
    match coming(service, message, media).await {
        Ok((before, file)) => (before, Some(file)),
        Err(why) => (named(media, &why), None),
    }
}

fn named(media: &Media, why: &str) -> String {
    let name = media.name.as_deref().unwrap_or("file");
    let size = media
        .size
        .map_or_else(String::new, |size| format!(", {size} bytes"));
    crate::transfer::missing_file(&format!("{name}{size}: {why}"))
}

async fn coming(
    service: &Service,
    message: &StoredMessage,
    media: &Media,
) -> Result<(String, Embedded), String> {
    let large = "larger than 32 MiB".to_owned();
    if media.size.is_some_and(|size| size.unsigned_abs() > LARGEST) {
        return Err(large);
    }
    let number = message.message_id.as_deref().and_then(|id| id.parse().ok());
    let of = OfMessage {
        row: message.id,
        chat: message.chat_id,
        message_id: number.ok_or("not sent")?,
        thumb: false,
    };
    let told = |error: MediaError| error.to_string();
    let files = service
        .media
        .files(message.account_id, of)
        .await
        .map_err(told)?;
    let location = files.file.ok_or("there is no file")?;
    let kind = safe_type(location.mime.as_deref());
    let wanted = Wanted {
        account: message.account_id,
        location,
        message: Some(of),
    };
    let opened = service.media.open(&wanted, 0).await.map_err(told)?;
    if opened.size > LARGEST {
        return Err(large);
    }
    let embed = embedded(media, kind);
    let size = opened.size;
    let file = Embedded {
        bytes: Box::pin(opened.stream(0..size)),
        rest: Vec::new(),
        after: Some(embed.after),
    };
    Ok((embed.before, file))
}
