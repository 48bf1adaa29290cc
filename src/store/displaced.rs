//! Displaced: rows of a file whose numbers name other messages here.
//!
//! Who wrote a file does not show in a group of the old kind: each member numbers its messages anew, and a file of somebody else's
//! looks like one of ours. What Telegram says of a number counts: the row that a file put there goes, and is told as deleted.

use super::{
    job_error::JobResult,
    message_row::{MessageFields, MessageRecord, chat_of},
    record::Recording,
    search_index,
    tx::Tx,
};
use crate::domain::{ChatId, ConversationId, EventBody, IncomingMessage, MessageRowId};

impl Tx<'_> {
    /// Went the row that stood where this message belongs?
    pub fn displaces(
        &mut self,
        recording: &mut Recording,
        message: &IncomingMessage,
        stored: &MessageRecord,
    ) -> JobResult<bool> {
        let fields = &stored.fields;
        if !is_another(fields, message) {
            return Ok(false);
        }
        let key = (recording.account.no, chat_of(&fields.chat_id).marked());
        search_index::remove(self, fields.id, fields.timestamp)?;
        self.delete_message_row(fields.id)?;
        if self.conversation(key)?.fields.last_message == Some(fields.id) {
            self.summarise_anew(key)?;
        }
        let body = EventBody::MessageDeleted {
            account_id: recording.account.id,
            conversation_id: ConversationId(fields.conversation_id),
            chat_id: ChatId::from_marked(key.1),
            ids: vec![MessageRowId(fields.id)],
            message_ids: fields.message_id.iter().cloned().collect(),
            deleted_at: self.now,
        };
        self.emit(&recording.account, body)?;
        recording.events += 1;
        recording.touch(key);
        Ok(true)
    }
}

/// Telegram gives a number once, and a message keeps its chat and its time; its words change by an edit alone.
fn is_another(stored: &MessageFields, message: &IncomingMessage) -> bool {
    let elsewhere = chat_of(&stored.chat_id) != message.chat;
    let otherwise = stored.text != message.text
        && stored.timestamp != message.date.millis()
        && message.edited_at.is_none();
    stored.backfilled && !stored.held && (elsewhere || otherwise)
}
