//! Where in its chat a message stands, and what it is about, by its reply header (core.telegram.org/api/forum): in a topic other than General a
//! plain message "answers" the topic's first one, and an answer names that one apart.

use grammers_client::tl;
use tl::enums::{MessageAction, MessageReplyHeader, Peer};

use super::{clean, some};

/// The message replied to, when it is in the same chat. Being in a forum topic is no reply by itself.
pub(super) fn replied_to(header: &MessageReplyHeader) -> Option<i32> {
    let MessageReplyHeader::Header(header) = header else {
        return None;
    };
    if header.reply_to_peer_id.is_some() || header.forum_topic && header.reply_to_top_id.is_none() {
        return None;
    }
    header.reply_to_msg_id
}

/// The message replied to, when it is in another chat.
pub(super) fn elsewhere(header: &MessageReplyHeader) -> Option<(&Peer, i32)> {
    let MessageReplyHeader::Header(header) = header else {
        return None;
    };
    Some((header.reply_to_peer_id.as_ref()?, header.reply_to_msg_id?))
}

/// The topic. `reply_to_top_id` alone says nothing: threads of comments have it too.
pub(super) fn topic(header: &MessageReplyHeader) -> Option<i32> {
    match header {
        MessageReplyHeader::Header(header) if header.forum_topic => {
            header.reply_to_top_id.or(header.reply_to_msg_id)
        }
        _ => None,
    }
}

/// The message that begins a topic is in it.
pub(super) fn topic_begun(id: i32, action: &MessageAction) -> Option<i32> {
    matches!(action, MessageAction::TopicCreate(_)).then_some(id)
}

/// The part of the message replied to that it is about.
pub(super) fn quote(header: &mut MessageReplyHeader) -> Option<String> {
    match header {
        MessageReplyHeader::Header(header) => {
            header.quote_text.take().map(clean::text).and_then(some)
        }
        MessageReplyHeader::MessageReplyStoryHeader(_) => None,
    }
}
