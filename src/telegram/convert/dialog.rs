//! One row of the dialog list, and how long a chat is muted.

use grammers_client::tl;

use super::{chat_id, entities::entities};
use crate::domain::{ChatDraft, DialogRecord, Timestamp};

/// The archive's folder (core.telegram.org/api/folders).
pub(super) const ARCHIVE: i32 = 1;

/// `None` for folders and communities: they are no chats.
pub(in crate::telegram) fn record(dialog: tl::enums::Dialog, self_id: i64) -> Option<DialogRecord> {
    let tl::enums::Dialog::Dialog(dialog) = dialog else {
        return None;
    };
    Some(DialogRecord {
        chat: chat_id(&dialog.peer, self_id),
        unread: dialog.unread_count,
        read_inbox_max_id: dialog.read_inbox_max_id,
        read_outbox_max_id: dialog.read_outbox_max_id,
        muted_until: muted_until(&dialog.notify_settings),
        archived: dialog.folder_id == Some(ARCHIVE),
        marked_unread: dialog.unread_mark,
        draft: dialog.draft.and_then(draft),
        top_message: dialog.top_message,
        channel_pts: dialog.pts,
    })
}

/// `None`: there is none. What is no text (a file, a rich text) stays where it was typed.
pub(super) fn draft(draft: tl::enums::DraftMessage) -> Option<ChatDraft> {
    let tl::enums::DraftMessage::Message(draft) = draft else {
        return None;
    };
    if draft.message.is_empty() {
        return None;
    }
    let reply_to_message_id = match draft.reply_to {
        Some(tl::enums::InputReplyTo::Message(to)) => Some(to.reply_to_msg_id),
        _ => None,
    };
    let entities = entities(&draft.message, draft.entities);
    Some(ChatDraft {
        entities,
        text: draft.message,
        reply_to_message_id,
        at: Timestamp::from_seconds(i64::from(draft.date)),
    })
}

/// Telegram says "for ever" as the greatest 32-bit moment, and "not" as zero or a moment that has passed.
pub(super) fn muted_until(settings: &tl::enums::PeerNotifySettings) -> Option<Timestamp> {
    let tl::enums::PeerNotifySettings::Settings(settings) = settings;
    let until = Timestamp::from_seconds(i64::from(settings.mute_until?));
    (until > Timestamp::now()).then_some(until)
}
