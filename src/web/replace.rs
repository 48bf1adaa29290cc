//! Replace: another file for a message that was sent.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::{
    Access, ApiError, Service,
    form::Form,
    outgoing::{check_can_send, idempotency_key, was_taken},
    replies,
};
use crate::{
    domain::{Deed, FileShape, MediaKind, MessageRowId, StoredMessage, Wording, check_entities},
    store::{QueueDeed, QueuedFiles},
};

/// Reads the form, and queues the edit.
pub async fn file_of(
    service: &web::Data<Service>,
    access: &Access,
    id: MessageRowId,
    request: &HttpRequest,
    form: &mut Form,
) -> Result<HttpResponse, ApiError> {
    let message = service.message(access, id).await?;
    let account = service.account(access, message.account_id).await?;
    let idempotency_key = idempotency_key(request)?;
    let key = idempotency_key.as_deref();
    if let Err(refused) = check_can_send(&account).and_then(|()| check_replaceable(&message))
        && !was_taken(service, message.conversation_id, key).await?
    {
        return Err(refused);
    }
    replies::read_files(service, account.id, form).await?;
    let given = form.field("text")?.is_some();
    let (text, wording) = match given {
        true => replies::caption(service, account.id, replies::words(form)?).await?,
        false => caption_of(&message),
    };
    let files = form.guise(&service.staging).await?;
    let [file] = &replies::named(&files)[..] else {
        return Err(ApiError::unprocessable(
            "too_many_files",
            "a message has one file: give the one that is to stand there",
        ));
    };
    if file.file.shape == FileShape::Voice {
        return Err(ApiError::unprocessable(
            "voice_alone",
            "a voice message can't stand in for another file",
        ));
    }
    let edit = QueueDeed {
        conversation: message.conversation_id,
        messages: vec![message.id],
        deed: Deed::Edit {
            text,
            entities: wording.entities,
            preview: true,
        },
        // The caption that it has may be another one when the call comes again.
        asked: (!given).then(|| Deed::Edit {
            text: String::new(),
            entities: Vec::new(),
            preview: false,
        }),
        idempotency_key,
    };
    let (store, file) = (service.store.clone(), file.clone());
    let queueing = async move {
        let queued = store.queue_replacement(edit, file).await?;
        Ok(QueuedFiles {
            messages: queued.messages,
            conversation: queued.conversation,
            repeated: !queued.ordered,
        })
    };
    let (queued, _) = replies::committed(files, queueing).await;
    let message = queued?.messages.pop();
    Ok(HttpResponse::Accepted().json(json!({ "message": message })))
}

/// Telegram changes no others (core.telegram.org/method/messages.editMessage).
fn check_replaceable(message: &StoredMessage) -> Result<(), ApiError> {
    use MediaKind as K;
    let kind = message.media.as_ref().map(|media| media.kind);
    match kind {
        Some(K::Photo | K::Video | K::Animation | K::Audio | K::Document) => Ok(()),
        _ => Err(ApiError::unprocessable(
            "not_replaceable",
            "only a photo, a video, an audio or another file can be replaced",
        )),
    }
}

/// As it is now. What formats it and can't be sent is left out.
fn caption_of(message: &StoredMessage) -> (String, Wording) {
    let entities = message.entities.as_deref().unwrap_or_default();
    let wording = Wording {
        entities: check_entities(&message.text, entities).unwrap_or_default(),
        ..Wording::default()
    };
    (message.text.clone(), wording)
}
