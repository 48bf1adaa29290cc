//! Files that were put up become messages: one, or an album (core.telegram.org/api/files#albums-grouped-media).

use grammers_client::tl;
use tl::enums::{InputMedia, Updates};

use super::{
    formatting,
    outcome::{made_in, not_sent, outcome, planned_in, refused, unknown},
    resolve::input_peer,
    send::reply_to,
    shared::Shared,
};
use crate::{
    domain::{ChatId, Making, MessageError, NewMedia, Outcome, PutUp, Schedule},
    telegram::{
        CallError,
        error::{Failure, meaning},
    },
};

/// Every file of it has been put up.
pub(super) async fn send(shared: &Shared, chat: ChatId, media: &NewMedia) -> Outcome {
    let shown: Option<Vec<_>> = media
        .items
        .iter()
        .map(|item| item.uploaded.put_up.as_ref().map(shown))
        .collect();
    let Some(shown) = shown.filter(|shown| !shown.is_empty()) else {
        return not_sent("a file is not at Telegram yet");
    };
    let unreachable = || refused("PEER_ID_INVALID", meaning("PEER_ID_INVALID"));
    let peer = match input_peer(shared, chat).await {
        Ok(peer) => peer,
        Err(CallError::Unresolvable) => return unreachable(),
        Err(passing) => return not_sent(&passing.to_string()),
    };
    let reply_to = match reply_to(shared, peer.clone(), &media.place, None).await {
        Ok(reply_to) => reply_to,
        Err(CallError::Unresolvable) => return unreachable(),
        Err(error) => return not_sent(&error.to_string()),
    };
    let mut formats = Vec::with_capacity(media.items.len());
    for item in &media.items {
        match formatting::outgoing(shared, &item.entities).await {
            Ok(entities) => formats.push(entities),
            Err(error) => return not_sent(&error.to_string()),
        }
    }
    shared.hurry(chat);
    let multi_media: Vec<tl::enums::InputSingleMedia> = media
        .makes
        .iter()
        .zip(&media.items)
        .zip(shown.into_iter().zip(formats))
        .map(|((making, item), (media, entities))| {
            tl::types::InputSingleMedia {
                media,
                random_id: making.random_id,
                message: item.caption.clone(),
                entities,
            }
            .into()
        })
        .collect();
    let answer = match <[_; 1]>::try_from(multi_media) {
        Ok([tl::enums::InputSingleMedia::Media(one)]) => {
            shared
                .try_call(&single(media.schedule, peer, reply_to, one))
                .await
        }
        Err(several) => {
            shared
                .try_call(&album(media.schedule, peer, reply_to, several))
                .await
        }
    };
    match answer {
        Ok(updates) => {
            let ids: Vec<i64> = media.makes.iter().map(|making| making.random_id).collect();
            planned_in(&updates, &ids).unwrap_or_else(|| accepted(updates, &media.makes))
        }
        Err(failure) => match forgotten(&failure) {
            Some(error) => Outcome::NotPutUp(error),
            None => outcome(failure),
        },
    }
}

/// What was put up is no longer there: it goes up again, under the same random ids.
pub(super) fn forgotten(failure: &Failure) -> Option<MessageError> {
    let Failure::Rpc {
        code: 400, name, ..
    } = failure
    else {
        return None;
    };
    let forgotten = name.starts_with("FILE_REFERENCE")
        || matches!(
            name.as_str(),
            "MEDIA_EMPTY" | "FILE_ID_INVALID" | "PHOTO_ID_INVALID" | "DOCUMENT_INVALID"
        );
    forgotten.then(|| MessageError {
        code: name.clone(),
        message: meaning(name).to_owned(),
    })
}

fn single(
    schedule: Option<Schedule>,
    peer: tl::enums::InputPeer,
    reply_to: Option<tl::enums::InputReplyTo>,
    one: tl::types::InputSingleMedia,
) -> tl::functions::messages::SendMedia {
    tl::functions::messages::SendMedia {
        silent: false,
        background: false,
        clear_draft: true,
        noforwards: false,
        update_stickersets_order: false,
        invert_media: false,
        allow_paid_floodskip: false,
        peer,
        reply_to,
        media: one.media,
        message: one.message,
        random_id: one.random_id,
        reply_markup: None,
        entities: one.entities,
        schedule_date: schedule.map(Schedule::seconds),
        schedule_repeat_period: None,
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        allow_paid_stars: None,
        suggested_post: None,
    }
}

fn album(
    schedule: Option<Schedule>,
    peer: tl::enums::InputPeer,
    reply_to: Option<tl::enums::InputReplyTo>,
    multi_media: Vec<tl::enums::InputSingleMedia>,
) -> tl::functions::messages::SendMultiMedia {
    tl::functions::messages::SendMultiMedia {
        silent: false,
        background: false,
        clear_draft: true,
        noforwards: false,
        update_stickersets_order: false,
        invert_media: false,
        allow_paid_floodskip: false,
        peer,
        reply_to,
        multi_media,
        schedule_date: schedule.map(Schedule::seconds),
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        allow_paid_stars: None,
    }
}

/// Which messages our random ids became.
fn accepted(updates: Updates, makes: &[Making]) -> Outcome {
    let random_ids: Vec<i64> = makes.iter().map(|making| making.random_id).collect();
    let made = made_in(updates, &random_ids);
    if made.is_empty() {
        return unknown("Telegram's answer names none of the messages");
    }
    Outcome::Done { made }
}

/// As a message shows what was put up.
pub(super) fn shown(put_up: &PutUp) -> InputMedia {
    if put_up.photo {
        let id = tl::types::InputPhoto {
            id: put_up.id,
            access_hash: put_up.access_hash,
            file_reference: put_up.reference.clone(),
        };
        return tl::types::InputMediaPhoto {
            spoiler: false,
            live_photo: false,
            id: id.into(),
            ttl_seconds: None,
            video: None,
        }
        .into();
    }
    let id = tl::types::InputDocument {
        id: put_up.id,
        access_hash: put_up.access_hash,
        file_reference: put_up.reference.clone(),
    };
    tl::types::InputMediaDocument {
        spoiler: false,
        id: id.into(),
        video_cover: None,
        video_timestamp: None,
        ttl_seconds: None,
        query: None,
    }
    .into()
}
