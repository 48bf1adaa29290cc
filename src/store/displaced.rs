//! Displaced: rows whose numbers name messages of other chats.
//!
//! In private chats and groups of the old kind an account numbers all messages in one row, and gives each number once. Who wrote a file
//! does not show in such a group, and each of its members numbers its messages anew: what a file of another member's said of a number
//! gives way to what Telegram says of it.

use super::{
    job_error::JobResult,
    message_row::{MessageRecord, chat_of},
    record::Recording,
    search_index,
    tx::Tx,
};
use crate::domain::{ChatId, ConversationId, EventBody, IncomingMessage, MessageRowId};

/// Does the row say something that Telegram says of no such number?
pub(in crate::store) fn is_elsewhere(stored: &MessageRecord, message: &IncomingMessage) -> bool {
    chat_of(&stored.fields.chat_id) != message.chat
}

/// A message keeps its time, and its words change by an edit alone.
pub(in crate::store) fn is_another(stored: &MessageRecord, message: &IncomingMessage) -> bool {
    let fields = &stored.fields;
    (fields.backfilled && !fields.held && message.edited_at.is_none())
        && fields.timestamp != message.date.millis()
        && fields.text != message.text
}

impl Tx<'_> {
    /// The row goes, and is told as deleted.
    pub fn displace(&mut self, recording: &mut Recording, stored: &MessageRecord) -> JobResult<()> {
        let fields = &stored.fields;
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
        Ok(())
    }
}
