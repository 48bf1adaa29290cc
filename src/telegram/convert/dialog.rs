//! One row of the dialog list, and how long a chat is muted.

use grammers_client::tl;

use super::{chat_id, entities::entities};
use crate::domain::{ChatDraft, DialogRecord, ForumTopic, Timestamp, clean};

/// The archive's folder (core.telegram.org/api/folders).
pub(super) const ARCHIVE: i32 = 1;
/// The topic that every forum has (core.telegram.org/api/forum).
const GENERAL: i32 = 1;

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
        draft: dialog
            .draft
            .map(draft)
            .filter(|draft| !draft.text.is_empty()),
        top_message: dialog.top_message,
        channel_pts: dialog.pts,
    })
}

/// With an empty text there is none. What is no text (a file, a rich text) stays where it was typed.
pub(super) fn draft(draft: tl::enums::DraftMessage) -> ChatDraft {
    let at = |date: i32| Timestamp::from_seconds(i64::from(date));
    let draft = match draft {
        // One that has no date is older than whatever has one.
        tl::enums::DraftMessage::Empty(none) => {
            return ChatDraft::empty(at(none.date.unwrap_or(0)));
        }
        tl::enums::DraftMessage::Message(draft) => draft,
    };
    if draft.message.is_empty() {
        return ChatDraft::empty(at(draft.date));
    }
    let reply_to_message_id = match draft.reply_to {
        // Apps name the topic's first message, or none, where only the topic is meant.
        Some(tl::enums::InputReplyTo::Message(to)) => Some(to.reply_to_msg_id)
            .filter(|answered| *answered != 0 && to.top_msg_id != Some(*answered)),
        _ => None,
    };
    ChatDraft {
        entities: entities(&draft.message, draft.entities),
        text: clean::text(draft.message),
        reply_to_message_id,
        at: at(draft.date),
    }
}

/// The topic whose field a draft stands in; General's is the chat's own.
pub(super) fn draft_topic(top_message: Option<i32>) -> Option<i32> {
    top_message.filter(|topic| *topic != GENERAL)
}

/// `Err`: there is no such topic any more.
pub(in crate::telegram) fn topic(topic: tl::enums::ForumTopic) -> Result<ForumTopic, i32> {
    match topic {
        tl::enums::ForumTopic::Deleted(gone) => Err(gone.id),
        tl::enums::ForumTopic::Topic(topic) => Ok(ForumTopic {
            id: topic.id,
            title: clean::line(topic.title),
            top_message: topic.top_message,
            // In short Telegram says nothing of it.
            draft: (!topic.short).then(|| match topic.draft {
                Some(known) => draft(known),
                None => ChatDraft::empty(Timestamp::from_seconds(0)),
            }),
        }),
    }
}

/// Telegram says "for ever" as the greatest 32-bit moment, and "not" as zero or a moment that has passed.
pub(super) fn muted_until(settings: &tl::enums::PeerNotifySettings) -> Option<Timestamp> {
    let tl::enums::PeerNotifySettings::Settings(settings) = settings;
    let until = Timestamp::from_seconds(i64::from(settings.mute_until?));
    (until > Timestamp::now()).then_some(until)
}
