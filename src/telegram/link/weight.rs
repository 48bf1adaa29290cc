//! Weight: how many bytes a part of a batch holds, itself and what it points at.

use crate::domain::{Change, IncomingMessage, Media, Peer};

/// What the allocator adds to a block.
const BLOCK: usize = 16;

fn text(text: &str) -> usize {
    if text.is_empty() {
        0
    } else {
        text.len() + BLOCK
    }
}

fn some(text: Option<&String>) -> usize {
    text.map_or(0, |content| self::text(content))
}

pub(super) fn peer(peer: &Peer) -> usize {
    size_of::<Peer>() + text(&peer.name) + some(peer.username.as_ref())
}

pub(super) fn change(change: &Change) -> usize {
    let outside = match change {
        Change::Message(message) | Change::Edited(message) => self::message(message),
        Change::Deleted { message_ids, .. } => message_ids.len() * 4 + BLOCK,
        _ => 0,
    };
    size_of::<Change>() + outside
}

fn message(message: &IncomingMessage) -> usize {
    text(&message.text)
        + some(message.sender_name.as_ref())
        + some(message.service.as_ref())
        + message.media.as_ref().map_or(0, media)
}

fn media(media: &Media) -> usize {
    some(media.name.as_ref()) + some(media.mime.as_ref()) + some(media.thumb.as_ref())
}
