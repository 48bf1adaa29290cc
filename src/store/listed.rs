//! Listed: what Telegram's list of chats says of one.

use super::{
    conversation_row::ConversationFields,
    heard::{Topic, Worth},
    job_error::JobResult,
    record::Recording,
    tx::Tx,
};
use crate::domain::{ChatDraft, DialogRecord, Timestamp};

impl Tx<'_> {
    pub fn record_dialog(
        &mut self,
        recording: &mut Recording,
        dialog: &DialogRecord,
    ) -> JobResult<()> {
        let known = self.find_conversation(recording.account.no, dialog.chat.marked())?;
        let before = known.map(|row| shown_marks(&row.fields));
        let key = self.conversation_for(&recording.account, dialog.chat)?;
        if let (Some(channel), Some(pts)) = (dialog.chat.channel_id(), dialog.channel_pts) {
            self.seed_channel(recording.account.no, channel, pts)?;
            self.forgive_topics(recording.account.no, dialog.chat)?;
        }
        let fields = &mut self.conversation(key)?.fields;
        fields.counted_to = fields.counted_to.max(dialog.top_message);
        let (top, counted_to) = (fields.top_message, fields.counted_to);
        // Live messages may have come since Telegram counted.
        let since = if top > dialog.top_message {
            self.count_unread_above(key, dialog.top_message, counted_to)?
        } else {
            0
        };
        // And we may have read further than Telegram knew.
        let (theirs, ours) = (
            dialog.read_inbox_max_id,
            self.conversation(key)?.fields.read_inbox_max_id,
        );
        let read = if theirs < ours {
            self.count_unread_above(key, theirs, counted_to)?
                - self.count_unread_above(key, ours, counted_to)?
        } else {
            0
        };
        let (account, chat) = key;
        let heard = &self.state.heard;
        let overtaken = |topic| heard.worth(topic, recording.read_at) == Worth::Overtaken;
        let muted = overtaken(Topic::Muted(account, chat));
        let archived = overtaken(Topic::Archived(account, chat));
        let marked = overtaken(Topic::MarkedUnread(account, chat));
        let row = self.conversation(key)?;
        let fields = &mut row.fields;
        let unread = (i64::from(dialog.unread) + since - read).max(0);
        let difference = unread - fields.unread;
        fields.unread = unread;
        fields.read_inbox_max_id = fields.read_inbox_max_id.max(dialog.read_inbox_max_id);
        fields.read_outbox_max_id = fields.read_outbox_max_id.max(dialog.read_outbox_max_id);
        if !muted {
            fields.muted_until = dialog.muted_until.map(Timestamp::millis);
        }
        if !archived {
            fields.archived = dialog.archived;
        }
        if !marked {
            fields.marked_unread = dialog.marked_unread;
        }
        fields.top_message = fields.top_message.max(dialog.top_message);
        self.mark_conversation(key);
        // One that has no date is older than whatever waits here.
        let none = ChatDraft::empty(Timestamp::from_seconds(0));
        let draft = dialog.draft.as_ref().unwrap_or(&none);
        let drafted = self.take_draft(recording, (key, None), draft)?;
        self.add_unread(recording.account.id, difference)?;
        // The top of the list is looked at now and then, and mostly says what is known.
        if drafted || before != Some(shown_marks(&self.conversation(key)?.fields)) {
            recording.touch(key);
        }
        Ok(())
    }
}

/// As the desk shows it.
fn shown_marks(fields: &ConversationFields) -> impl PartialEq + use<> {
    (
        (fields.unread, fields.muted_until),
        (fields.read_inbox_max_id, fields.read_outbox_max_id),
        (fields.archived, fields.marked_unread),
    )
}
