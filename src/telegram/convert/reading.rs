//! Reading: what a kept object says, for rows from before that was known of messages.

use grammers_client::tl;

use super::{entities, extra, media, object, people::People, rich};
use crate::domain::{MessageObject, ObjectContent, PeerKind};

/// `None` when it is of no known schema.
pub(crate) fn read(object: &MessageObject) -> Option<ObjectContent> {
    // Whom the account belongs to is said by no object, and nothing here asks for it; names are the rows'.
    let people = People {
        self_id: 0,
        peers: &[],
    };
    match object::inflated(object)? {
        tl::enums::Message::Empty(_) => None,
        tl::enums::Message::Service(message) => {
            let chat = super::chat_id(&message.peer_id, 0);
            let who = match &message.from_id {
                Some(from) => Some(super::chat_id(from, 0)),
                None if message.out => None,
                None => (!matches!(chat.kind(), PeerKind::Group(_))).then_some(chat),
            };
            Some(ObjectContent {
                media: None,
                entities: Vec::new(),
                extra: Some(extra::of_service(&message, who, &people)),
                object: None,
            })
        }
        tl::enums::Message::Message(mut message) => {
            let extra = extra::of_message(&message, &people);
            let kept = message
                .media
                .as_mut()
                .filter(|media| media::vanishes(media))
                .map(|media| {
                    let whole = media.clone();
                    media::without_vanishing(media);
                    whole
                });
            let object = kept
                .is_some()
                .then(|| object::of_message(&message))
                .flatten();
            let described = kept.or(message.media.take());
            let mut marks = entities::entities(&message.message, message.entities.take());
            if let Some(rich) = message
                .rich_message
                .take()
                .filter(|_| message.message.is_empty())
            {
                marks = rich::flat(rich).entities();
            }
            Some(ObjectContent {
                media: described.and_then(|media| media::describe(media, &people)),
                entities: marks,
                extra,
                object,
            })
        }
    }
}
