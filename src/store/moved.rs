//! Moved: messages that are still to be made, and whose group became a supergroup. They are made there.

use super::{
    job_error::JobResult,
    orders::Known,
    sql::sql,
    tx::{Tx, scope_of},
};
use crate::domain::{ChatId, ConversationId, EventBody, MessageRowId, Peer};

impl Tx<'_> {
    /// The order and what it makes belong to the supergroup from now on, with their random ids. What they answered has no
    /// number there.
    pub fn follow(&mut self, known: &Known, to: &Peer) -> JobResult<()> {
        let (account, from) = (&known.account, known.key);
        if account.removed {
            return Ok(());
        }
        self.put_peer(account, to)?;
        let key = self.conversation_for(account, to.id)?;
        let now = self.now.millis();
        let fields = &self.conversation(key)?.fields;
        let (conversation, chat_id) = (fields.id, fields.chat_id.clone());
        let at = now.max(fields.last_message_at);
        let rows: Vec<i64> = known.makes().map(|(row, _)| row).collect();
        for row in &rows {
            sql("UPDATE messages SET conversation_id = ?, chat_id = ?, scope = ?, timestamp = ?, reply_to = NULL, \
                 quote = NULL, topic_id = NULL WHERE id = ?")
            .number(conversation)
            .text(&chat_id)
            .number(scope_of(to.id))
            .number(at)
            .number(*row)
            .run(self.conn)?;
        }
        sql("UPDATE orders SET conversation_id = ?, state = 'queued', above = NULL, attempts = 0, unanswered_ms = 0, \
             last_at = NULL, wait_of = NULL, held = NULL, wait_ms = NULL, retry_at = NULL WHERE id = ?")
        .number(conversation)
        .number(known.row.id)
        .run(self.conn)?;
        let last = self.conversation(from)?.fields.last_message;
        if last.is_some_and(|last| rows.contains(&last)) {
            self.summarise_anew(from)?;
        }
        let body = EventBody::MessageDeleted {
            account_id: account.id,
            conversation_id: ConversationId(known.row.conversation_id),
            chat_id: ChatId::from_marked(from.1),
            ids: rows.iter().copied().map(MessageRowId).collect(),
            message_ids: Vec::new(),
            deleted_at: self.now,
        };
        self.emit(account, body)?;
        self.release_settled(account, from)?;
        // Nothing more is written there.
        self.lose_peer(account, ChatId::from_marked(from.1))?;
        let left = self.show_conversation(from)?;
        self.emit(
            account,
            EventBody::ConversationUpdated { conversation: left },
        )?;
        for row in rows {
            self.announce_sent(account, key, row)?;
        }
        Ok(())
    }
}
