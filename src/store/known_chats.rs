//! Conversations in the writer's memory: found, made, renamed and summarised.

use std::sync::Arc;

use super::{
    account_row::KnownAccount,
    conversation_row::{
        ConversationFields, ConversationRow, Waits, find_key, kind_of, select_conversations,
    },
    job_error::JobResult,
    message_row::MessageRecord,
    sql::{One, sql},
    tx::Tx,
};
use crate::domain::{ChatId, Conversation, ConversationId, Peer, StoredMessage};

impl Tx<'_> {
    /// The remembered conversation of this chat, if there is one.
    pub fn find_conversation(
        &mut self,
        account_no: i64,
        chat: i64,
    ) -> JobResult<Option<&mut ConversationRow>> {
        let key = (account_no, chat);
        if !self.state.conversations.contains_key(&key) {
            let found = sql(select_conversations!(
                "WHERE c.account_no = ? AND c.chat = ?"
            ))
            .number(account_no)
            .number(chat)
            .load::<ConversationFields>(self.conn)?
            .pop();
            let Some(fields) = found else {
                return Ok(None);
            };
            let row = ConversationRow::read(self.conn, fields)?;
            self.state.conversations.insert(key, row);
        }
        Ok(self.state.conversations.get_mut(&key))
    }

    /// By row id; its key in memory.
    pub fn conversation_key(&mut self, id: ConversationId) -> JobResult<(i64, i64)> {
        let found = sql(select_conversations!("WHERE c.id = ?"))
            .number(id.0)
            .load::<ConversationFields>(self.conn)?
            .pop()
            .ok_or(super::StoreError::ConversationNotFound)?;
        let key = (found.account_no, found.chat);
        if !self.state.conversations.contains_key(&key) {
            let row = ConversationRow::read(self.conn, found)?;
            self.state.conversations.insert(key, row);
        }
        Ok(key)
    }

    /// The remembered row; it must have been found before in this job.
    pub fn conversation(&mut self, key: (i64, i64)) -> JobResult<&mut ConversationRow> {
        self.find_conversation(key.0, key.1)?
            .ok_or_else(|| super::StoreError::ConversationNotFound.into())
    }

    /// The conversation will be written with the next flush.
    pub fn mark_conversation(&mut self, key: (i64, i64)) {
        self.mark(key, Waits::Whole);
    }

    /// What a message changes of it will be written: which is the newest, and how many are unread.
    pub fn mark_newest(&mut self, key: (i64, i64)) {
        self.mark(key, Waits::Newest);
    }

    fn mark(&mut self, key: (i64, i64), waits: Waits) {
        let Some(row) = self.state.conversations.get_mut(&key) else {
            return;
        };
        if row.waits == Waits::Nothing {
            self.state.dirty_conversations.push(key);
        }
        if row.waits != Waits::Whole {
            row.waits = waits;
        }
    }

    pub fn show_conversation(&mut self, key: (i64, i64)) -> JobResult<Conversation> {
        let now = self.now;
        Ok(self.conversation(key)?.show(now))
    }

    /// Finds it or makes it, with the name and kind that the table of peers knows.
    pub fn conversation_for(
        &mut self,
        account: &KnownAccount,
        chat: ChatId,
    ) -> JobResult<(i64, i64)> {
        let key = (account.no, chat.marked());
        if self.find_conversation(key.0, key.1)?.is_some() {
            return Ok(key);
        }
        let peer = self
            .known_peer(account.no, chat)?
            .map(|known| known.peer.clone());
        let flags = peer.as_ref().map(|peer| peer.flags);
        let kind = kind_of(chat, flags);
        let chat_text = chat.to_string();
        let title = peer
            .as_ref()
            .map(|peer| peer.name.clone())
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| chat_text.clone());
        let username = peer.as_ref().and_then(|peer| peer.username.clone());
        let can_send = flags.is_none_or(|flags| flags.can_send);
        let key_text = find_key(&title, username.as_deref());
        let id = sql(
            "INSERT INTO conversations (telegram_account_id, chat_id, account_no, chat, kind, title, username, \
             find_key, can_send) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id AS n",
        )
        .text(&account.id_text)
        .text(&chat_text)
        .number(account.no)
        .number(chat.marked())
        .text(kind.as_str())
        .text(&title)
        .text_or_null(username.as_deref())
        .text(&key_text)
        .flag(can_send)
        .get_result::<One>(self.conn)?
        .n;
        let fields = ConversationFields {
            id,
            telegram_account_id: account.id_text.clone(),
            chat_id: chat_text,
            last_message_at: 0,
            account_no: account.no,
            chat: chat.marked(),
            kind: kind.as_str().to_owned(),
            title,
            username,
            unread: 0,
            can_send,
            last_message: None,
            muted_until: None,
            read_inbox_max_id: 0,
            read_outbox_max_id: 0,
            top_message: 0,
            counted_to: 0,
            archived: false,
            marked_unread: false,
            blocked: false,
            draft: None,
            topic_drafts: None,
            kept_above: 0,
        };
        self.state.conversations.insert(
            key,
            ConversationRow {
                fields,
                last: None,
                last_no: 0,
                open_from: None,
                waits: Waits::Nothing,
            },
        );
        Ok(key)
    }

    /// A peer's new name, kind or rights, carried over to its conversation. Did anything visible change?
    pub fn rename_conversation(&mut self, account_no: i64, peer: &Peer) -> JobResult<bool> {
        let Some(row) = self.find_conversation(account_no, peer.id.marked())? else {
            return Ok(false);
        };
        let kind = kind_of(peer.id, Some(peer.flags)).as_str();
        let fields = &mut row.fields;
        let title = if peer.name.is_empty() {
            fields.title.clone()
        } else {
            peer.name.clone()
        };
        if fields.title == title
            && fields.username == peer.username
            && fields.kind == kind
            && fields.can_send == peer.flags.can_send
        {
            return Ok(false);
        }
        fields.title = title;
        fields.username.clone_from(&peer.username);
        kind.clone_into(&mut fields.kind);
        fields.can_send = peer.flags.can_send;
        self.mark_conversation((account_no, peer.id.marked()));
        Ok(true)
    }

    /// A message was stored: is it the newest? Then the summary shows it.
    pub fn summarise(
        &mut self,
        key: (i64, i64),
        message: &Arc<StoredMessage>,
        no: i64,
    ) -> JobResult<()> {
        let row = self.conversation(key)?;
        let at = message.timestamp.millis();
        let same = row.fields.last_message == Some(message.id.0);
        if !same && (at, no) < (row.fields.last_message_at, row.last_no) {
            return Ok(());
        }
        row.fields.last_message = Some(message.id.0);
        row.fields.last_message_at = at;
        row.last_no = no;
        row.last = Some(Arc::clone(message));
        self.mark_newest(key);
        Ok(())
    }

    /// The newest message went away or moved: look which is the newest now.
    pub fn summarise_anew(&mut self, key: (i64, i64)) -> JobResult<()> {
        let id = self.conversation(key)?.fields.id;
        let newest = sql(super::message_row::select_messages!(
            "WHERE m.conversation_id = ? AND m.deleted_at IS NULL AND m.held = 0 \
             ORDER BY m.timestamp DESC, m.message_no DESC LIMIT 1"
        ))
        .number(id)
        .load::<MessageRecord>(self.conn)?
        .pop();
        let row = self.conversation(key)?;
        row.fields.last_message = newest.as_ref().map(|record| record.fields.id);
        row.fields.last_message_at = newest.as_ref().map_or(0, |record| record.fields.timestamp);
        row.last_no = newest.as_ref().map_or(0, |record| record.fields.message_no);
        row.last = newest.map(MessageRecord::into_message).map(Arc::new);
        self.mark_newest(key);
        Ok(())
    }
}
