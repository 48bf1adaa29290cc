//! Sent: what every way of sending holds a call to, and what its answer tells.

use grammers_tl_types::{
    Cursor, Deserializable, Identifiable, enums, functions::messages as f, types,
};

use super::Call;
use crate::world::{ChatRef, Media, Posted, Refusal, World, bad, utf16_len, view::Detail};

/// The random id of a serialised send, if it is one.
pub fn random_id_of(body: &[u8]) -> Option<i64> {
    let id = u32::from_le_bytes(*body.first_chunk::<4>()?);
    let mut rest = Cursor::from_slice(body.get(4..)?);
    match id {
        f::SendMessage::CONSTRUCTOR_ID => f::SendMessage::deserialize(&mut rest)
            .ok()
            .map(|r| r.random_id),
        f::SendMedia::CONSTRUCTOR_ID => f::SendMedia::deserialize(&mut rest)
            .ok()
            .map(|r| r.random_id),
        _ => None,
    }
}

pub fn check_random_id(world: &World, user: i64, random_id: i64) -> Result<(), Refusal> {
    if random_id == 0 {
        return Err(bad("RANDOM_ID_EMPTY"));
    }
    if world.account(user)?.sending.contains(&random_id) {
        return Err(Refusal::new(500, "RANDOM_ID_DUPLICATE"));
    }
    Ok(())
}

/// Under a file there is room for less.
pub fn check_caption(world: &World, user: i64, text: &str) -> Result<(), Refusal> {
    let premium = world.users.get(&user).is_some_and(|user| user.premium);
    let most = if premium { 4_096 } else { 1_024 };
    if utf16_len(text) > most {
        return Err(bad("MEDIA_CAPTION_TOO_LONG"));
    }
    Ok(())
}

/// `updateMessageID` and the message itself: what the sender is told when short won't do.
pub fn sent_updates(
    world: &World,
    call: &Call,
    chat: ChatRef,
    posted: &[(Posted, i64)],
) -> enums::Updates {
    let mut updates = Vec::new();
    let mut named = Vec::new();
    for (post, random_id) in posted {
        updates.push(
            types::UpdateMessageId {
                id: post.id,
                random_id: *random_id,
            }
            .into(),
        );
        named.push((post.gid, chat));
    }
    for (post, _) in posted {
        let message = world.message_tl(call.user, post.id, chat, post.gid);
        // A message that was there already moves nothing.
        let (pts, pts_count) = (post.pts, i32::from(!post.repeated));
        updates.push(match chat {
            ChatRef::Channel(_) => types::UpdateNewChannelMessage {
                message,
                pts,
                pts_count,
            }
            .into(),
            _ => types::UpdateNewMessage {
                message,
                pts,
                pts_count,
            }
            .into(),
        });
    }
    world.with_cast(
        call.user,
        updates,
        &world.cast_of(call.user, &named),
        Detail::Full,
    )
}

/// What the server makes of media that has no file.
pub fn media_of(media: &enums::InputMedia) -> Result<Media, Refusal> {
    use enums::InputMedia as M;
    Ok(match media {
        M::GeoPoint(geo) => match &geo.geo_point {
            enums::InputGeoPoint::Point(point) => Media::Location {
                latitude: point.lat,
                longitude: point.long,
            },
            enums::InputGeoPoint::Empty => return Err(bad("MEDIA_EMPTY")),
        },
        M::Contact(contact) => Media::Contact {
            phone: contact.phone_number.clone(),
            first_name: contact.first_name.clone(),
            last_name: contact.last_name.clone(),
            user_id: 0,
        },
        M::Poll(poll) => {
            let enums::Poll::Poll(poll) = &poll.poll;
            let text = |text: &enums::TextWithEntities| match text {
                enums::TextWithEntities::Entities(text) => text.text.clone(),
            };
            let answers = poll.answers.iter().map(|answer| match answer {
                enums::PollAnswer::Answer(answer) => text(&answer.text),
                enums::PollAnswer::InputPollAnswer(answer) => text(&answer.text),
            });
            Media::Poll {
                question: text(&poll.question),
                answers: answers.collect(),
            }
        }
        M::Empty => return Err(bad("MEDIA_EMPTY")),
        _ => return Err(bad("MEDIA_INVALID")),
    })
}

/// Seconds after which a picture or file is to vanish.
pub fn ttl_of(media: &enums::InputMedia) -> Option<i32> {
    use enums::InputMedia as M;
    match media {
        M::UploadedPhoto(media) => media.ttl_seconds,
        M::Photo(media) => media.ttl_seconds,
        M::UploadedDocument(media) => media.ttl_seconds,
        M::Document(media) => media.ttl_seconds,
        _ => None,
    }
}
