//! Copies: files of messages that go on to chats of another account. Nobody but their own account can show them to
//! Telegram: they are fetched, and staged once more for whoever sends them.

use std::time::Duration;

use actix_web::web;
use futures_util::{StreamExt, pin_mut};
use tokio::time::timeout;

use super::{Access, ApiError, Service, media, replies};
use crate::{
    domain::{AccountId, ConversationId, MediaKind, MessageRowId, StoredMessage},
    staging::{As, Guised, Offered},
    store::{CopiedFile, QueueForward, StoreError},
};

/// For one file: two gibibytes at ten megabits a second.
const LIMIT: Duration = Duration::from_secs(1800);

/// What was staged, for which message and where to.
pub struct Copies(Vec<(MessageRowId, ConversationId, Guised)>);

/// Stages the files of these messages for every conversation of another account.
pub async fn stage(
    service: &Service,
    access: &Access,
    messages: &[MessageRowId],
    to: &[(AccountId, ConversationId)],
) -> Result<Copies, ApiError> {
    let mut copies = Vec::new();
    for id in messages {
        let message = service.message(access, *id).await?;
        for (account, conversation) in to {
            if *account == message.account_id {
                continue;
            }
            if let Some(wanted) = wanted_as(&message)? {
                let copy = copy(service, access, &message, *account, wanted);
                let copy = service.doors.meanwhile(access, timeout(LIMIT, copy));
                let copy = copy.await?.map_err(|_| {
                    ApiError::unavailable(
                        "media_unavailable",
                        "the file did not come from Telegram in time; nothing was sent",
                    )
                })??;
                copies.push((*id, *conversation, copy));
            }
        }
    }
    Ok(Copies(copies))
}

/// As what its file goes out once more; `None`: it has words alone.
fn wanted_as(message: &StoredMessage) -> Result<Option<Option<As>>, ApiError> {
    let Some(media) = &message.media else {
        return Ok(None);
    };
    if media.vanishes_after.is_some() {
        return Err(StoreError::NotCopyable.into());
    }
    Ok(Some(match media.kind {
        MediaKind::WebPage => return Ok(None),
        MediaKind::Photo => Some(As::Photo),
        MediaKind::Voice => Some(As::Voice),
        MediaKind::Document => Some(As::File),
        MediaKind::Video | MediaKind::Animation | MediaKind::Audio => None,
        _ => return Err(StoreError::NotCopyable.into()),
    }))
}

async fn copy(
    service: &Service,
    access: &Access,
    message: &StoredMessage,
    account: AccountId,
    wanted: Option<As>,
) -> Result<Guised, ApiError> {
    let opened = media::opened(service, access, message.id).await?;
    let size = opened.size;
    let most = replies::largest_file(service, account, Some(size)).await;
    let mut writer = service.staging.begin(account, most, Some(size))?;
    let pieces = opened.stream(0..size);
    pin_mut!(pieces);
    while let Some(piece) = pieces.next().await {
        let piece = media::told(service, message.account_id, piece).await?;
        writer.write(&piece).await?;
    }
    let media = message.media.as_ref();
    let offered = Offered {
        name: media.and_then(|media| media.name.clone()),
        mime: media.and_then(|media| media.mime.clone()),
        // Telegram cleared it when it was sent.
        keep_metadata: true,
        waveform: media.and_then(|media| media.waveform.clone()),
    };
    let staged = writer.finish().await?;
    Ok(Guised::look(&service.staging, staged, offered, wanted).await?)
}

impl Copies {
    pub fn named(&self) -> Vec<CopiedFile> {
        let named = |(message, to, guised): &(MessageRowId, ConversationId, Guised)| CopiedFile {
            message: *message,
            to: *to,
            file: guised.file.clone(),
        };
        self.0.iter().map(named).collect()
    }

    /// Queues the forward, and rings. Its commit goes on to its end whether or not the caller still waits; what no order names
    /// then (the call was a repeat) is taken away by the outbox.
    pub async fn committed(
        self,
        service: web::Data<Service>,
        queue: QueueForward,
        accounts: Vec<AccountId>,
    ) -> Result<Vec<StoredMessage>, ApiError> {
        let commit = actix_web::rt::spawn(async move {
            let queued = service.store.queue_forward(queue).await;
            for (.., guised) in self.0 {
                match &queued {
                    Ok(_) => drop(guised.staged.keep()),
                    // It may be committed yet.
                    Err(StoreError::NoAnswer { .. }) => guised.staged.leave(),
                    Err(_) => {}
                }
            }
            if queued.is_ok() {
                for account in accounts {
                    service.supervisor.wake_outbox(account).await;
                }
            }
            queued
        });
        Ok(commit.await.map_err(|_| StoreError::Closed)??)
    }
}
