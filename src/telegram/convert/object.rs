//! Object: Telegram's own form of a message that is more than what a row holds, for whoever understands it better later.
//!
//! It is made after codes were masked, so that it has none either.

use std::{
    cell::RefCell,
    io::Read as _,
    sync::atomic::{AtomicU64, Ordering},
};

use flate2::{Compress, Compression, FlushCompress, Status, read::DeflateDecoder};
use grammers_client::tl;
use tl::{Deserializable as _, Identifiable, LAYER, Serializable, enums::MessageReplyHeader};

use crate::domain::MessageObject;

/// Largest object that is kept.
const LIMIT: usize = 64 * 1024;
/// Largest one before it was deflated.
const MOST: u64 = 16 * 1024 * 1024;
/// What is smaller is kept as it is, in one stored block (RFC 1951, 3.2.4): there is little to win.
const SMALL: usize = 512;

thread_local! {
    /// Setting one up costs more than most objects.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// Of a message that is not plain.
pub(super) fn of_message(message: &tl::types::Message) -> Option<MessageObject> {
    kept(tl::types::Message::CONSTRUCTOR_ID, message, message.id)
}

pub(super) fn of_service(message: &tl::types::MessageService) -> Option<MessageObject> {
    kept(
        tl::types::MessageService::CONSTRUCTOR_ID,
        message,
        message.id,
    )
}

fn kept(constructor: u32, message: &impl Serializable, id: i32) -> Option<MessageObject> {
    let mut bytes = Vec::with_capacity(SMALL);
    constructor.serialize(&mut bytes);
    message.serialize(&mut bytes);
    let Some(deflated) = deflated(&bytes) else {
        static LEFT_OUT: AtomicU64 = AtomicU64::new(0);
        let count = LEFT_OUT.fetch_add(1, Ordering::Relaxed) + 1;
        log::debug!(
            target: "switchboard::telegram",
            "object too large to be kept message={id} bytes={} so_far={count}",
            bytes.len()
        );
        return None;
    };
    Some(MessageObject {
        layer: LAYER,
        bytes: deflated,
    })
}

/// `None`: it is of another schema, or no message at all.
pub(super) fn inflated(object: &MessageObject) -> Option<tl::enums::Message> {
    if object.layer != LAYER {
        return None;
    }
    let mut bytes = Vec::new();
    DeflateDecoder::new(object.bytes.as_slice())
        .take(MOST)
        .read_to_end(&mut bytes)
        .ok()?;
    tl::enums::Message::from_bytes(&bytes).ok()
}

/// `None`: it is too large.
fn deflated(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < SMALL {
        let length = u16::try_from(bytes.len()).ok()?;
        let mut block = Vec::with_capacity(bytes.len() + 5);
        block.push(1);
        block.extend(length.to_le_bytes());
        block.extend((!length).to_le_bytes());
        block.extend(bytes);
        return Some(block);
    }
    DEFLATE.with_borrow_mut(|deflate| {
        deflate.reset();
        // Bytes that can't be deflated grow by five for each 16 KiB or so.
        let room = (bytes.len() + bytes.len() / 100 + 64).min(LIMIT);
        let mut block = Vec::with_capacity(room);
        let status = deflate.compress_vec(bytes, &mut block, FlushCompress::Finish);
        block.shrink_to_fit();
        matches!(status, Ok(Status::StreamEnd)).then_some(block)
    })
}

/// Does its row say all of it? Every field is named, so that those of a new layer are decided upon.
pub(super) fn is_plain(message: &tl::types::Message) -> bool {
    let tl::types::Message {
        // In the row, or said by the chat.
        out: _,
        post: _,
        edit_hide: _,
        id: _,
        from_id: _,
        peer_id,
        date: _,
        message: _,
        edit_date: _,
        // Of this account's reading, and of the past.
        media_unread: _,
        legacy: _,
        mentioned,
        silent,
        from_scheduled,
        pinned,
        noforwards,
        invert_media,
        offline,
        video_processing_pending,
        paid_suggested_post_stars,
        paid_suggested_post_ton,
        from_boosts_applied,
        from_rank,
        saved_peer_id,
        fwd_from,
        via_bot_id,
        via_business_bot_id,
        guestchat_via_from,
        reply_to,
        media,
        reply_markup,
        entities,
        views,
        forwards,
        replies,
        post_author,
        grouped_id,
        reactions,
        restriction_reason,
        ttl_period,
        quick_reply_shortcut_id,
        effect,
        factcheck,
        report_delivery_until_date,
        paid_message_stars,
        suggested_post,
        schedule_repeat_period,
        summary_from_language,
        rich_message,
    } = message;
    let flagged = *mentioned
        || *silent
        || *from_scheduled
        || *pinned
        || *noforwards
        || *invert_media
        || *offline
        || *video_processing_pending
        || *paid_suggested_post_stars
        || *paid_suggested_post_ton;
    let elsewhere = saved_peer_id
        .as_ref()
        .is_some_and(|thread| thread != peer_id);
    !flagged
        && !elsewhere
        && from_boosts_applied.is_none()
        && from_rank.is_none()
        && fwd_from.is_none()
        && via_bot_id.is_none()
        && via_business_bot_id.is_none()
        && guestchat_via_from.is_none()
        && reply_to.as_ref().is_none_or(is_plain_reply)
        && media.is_none()
        && reply_markup.is_none()
        && entities.as_ref().is_none_or(Vec::is_empty)
        && views.is_none()
        && forwards.is_none()
        && replies.as_ref().is_none_or(nobody_replied)
        && post_author.is_none()
        && grouped_id.is_none()
        && reactions.is_none()
        && restriction_reason.is_none()
        && ttl_period.is_none()
        && quick_reply_shortcut_id.is_none()
        && effect.is_none()
        && factcheck.is_none()
        && report_delivery_until_date.is_none()
        && paid_message_stars.is_none()
        && suggested_post.is_none()
        && schedule_repeat_period.is_none()
        && summary_from_language.is_none()
        && rich_message.is_none()
}

/// Of a message in the same chat, or in a topic: both are in the row.
fn is_plain_reply(header: &MessageReplyHeader) -> bool {
    let MessageReplyHeader::Header(header) = header else {
        return false;
    };
    let tl::types::MessageReplyHeader {
        reply_to_scheduled,
        forum_topic,
        quote,
        reply_to_ephemeral,
        reply_to_msg_id: _,
        reply_to_peer_id,
        reply_from,
        reply_media,
        reply_to_top_id,
        quote_text,
        quote_entities,
        quote_offset,
        todo_item_id,
        poll_option,
    } = header;
    !(*reply_to_scheduled || *quote || *reply_to_ephemeral)
        && (*forum_topic || reply_to_top_id.is_none())
        && reply_to_peer_id.is_none()
        && reply_from.is_none()
        && reply_media.is_none()
        && quote_text.is_none()
        && quote_entities.is_none()
        && quote_offset.is_none()
        && todo_item_id.is_none()
        && poll_option.is_none()
}

/// Every message of a supergroup may say so.
fn nobody_replied(replies: &tl::enums::MessageReplies) -> bool {
    let tl::enums::MessageReplies::Replies(replies) = replies;
    !replies.comments && replies.replies == 0
}
