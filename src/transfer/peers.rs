//! Peers in the layout: a kind and a bare number.

use serde_json::Value;

use crate::domain::{ChatId, PeerKind};

pub(super) fn peer_text(id: ChatId) -> String {
    match id.kind() {
        PeerKind::User(id) => format!("user{id}"),
        PeerKind::Group(id) => format!("chat{id}"),
        PeerKind::Channel(id) => format!("channel{id}"),
    }
}

/// `user1`, `chat1`, `channel1`; older files have bare numbers of users.
pub(super) fn peer_of(value: &Value) -> Option<ChatId> {
    let number = |text: &str| text.parse::<i64>().ok().filter(|id| *id > 0);
    match value {
        Value::String(text) => {
            let of = |kind: &str| text.strip_prefix(kind).and_then(number);
            let user = of("user").map(ChatId::user);
            let channel = || of("channel").map(ChatId::channel);
            user.or_else(channel)
                .or_else(|| of("chat").map(ChatId::group))
        }
        Value::Number(id) => id.as_i64().filter(|id| *id > 0).map(ChatId::user),
        _ => None,
    }
}
