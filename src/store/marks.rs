//! Deletions and read marks.

use std::{collections::BTreeMap, time::Instant};

use diesel::{QueryableByName, sql_types::Text};

use super::{
    Result, StoreHandle,
    account_row::KnownAccount,
    heard::Topic,
    job_error::JobResult,
    record::Recording,
    search_index,
    sql::{Flag, Number, One, sql},
    tx::Tx,
};
use crate::domain::{ChatId, Conversation, ConversationId, EventBody, MessageRowId, Span};

/// Messages of a cleared history that are marked in its own transaction.
const CLEARED: i64 = 5_000;
/// And in one event.
const TOLD_AT_ONCE: usize = 500;

#[derive(QueryableByName, Debug)]
struct Target {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Number)]
    chat: i64,
    #[diesel(sql_type = Number)]
    timestamp: i64,
    #[diesel(sql_type = Text)]
    direction: String,
    #[diesel(sql_type = Flag)]
    backfilled: bool,
    #[diesel(sql_type = Flag)]
    gone: bool,
    #[diesel(sql_type = Flag)]
    held: bool,
}

#[derive(QueryableByName)]
struct TombstoneRow {
    #[diesel(sql_type = Number)]
    account_no: i64,
    #[diesel(sql_type = Number)]
    scope: i64,
}

#[derive(QueryableByName)]
struct DeletedAt {
    #[diesel(sql_type = Number)]
    deleted_at: i64,
}

impl Tx<'_> {
    /// Text is kept, the message is marked. Unknown ones leave a mark of their own for when history brings them.
    pub fn record_deleted(
        &mut self,
        recording: &mut Recording,
        channel: Option<i64>,
        message_ids: &[i32],
    ) -> JobResult<()> {
        let scope = channel.unwrap_or(0);
        let mut told: BTreeMap<i64, (Vec<MessageRowId>, Vec<String>)> = BTreeMap::new();
        for message_id in message_ids {
            let Some(chat) = self.delete_one(&recording.account, scope, *message_id)? else {
                continue;
            };
            let (ids, texts) = told.entry(chat.1).or_default();
            ids.push(MessageRowId(chat.0));
            texts.push(message_id.to_string());
        }
        for (chat, (ids, message_ids)) in told {
            let key = (recording.account.no, chat);
            let fields = &self.conversation(key)?.fields;
            let body = EventBody::MessageDeleted {
                account_id: recording.account.id,
                conversation_id: ConversationId(fields.id),
                chat_id: ChatId::from_marked(chat),
                ids,
                message_ids,
                deleted_at: self.now,
            };
            self.emit(&recording.account, body)?;
            recording.events += 1;
            // The summary and the counter changed too.
            recording.touch(key);
        }
        Ok(())
    }

    /// A chat's history up to this message is gone for this account: what is here of it is marked, and there is
    /// nothing left to fetch. Of a long history the older part is found when it is compared, so that nobody waits for it.
    pub fn record_cleared(
        &mut self,
        recording: &mut Recording,
        chat: ChatId,
        min_id: i32,
    ) -> JobResult<()> {
        let key = (recording.account.no, chat.marked());
        let Some(row) = self.find_conversation(key.0, key.1)? else {
            return Ok(());
        };
        let conversation = row.fields.id;
        self.heard(recording, Topic::Cleared(key.0, key.1));
        let rows = sql(
            "SELECT message_no AS n FROM messages INDEXED BY messages_by_conversation WHERE conversation_id = ? \
             AND message_no <= ? AND deleted_at IS NULL ORDER BY timestamp DESC, message_no DESC LIMIT ?",
        )
        .number(conversation)
        .number(min_id)
        .number(CLEARED)
        .load::<One>(self.conn)?;
        let gone: Vec<i32> = rows
            .iter()
            .filter_map(|row| row.n.try_into().ok())
            .collect();
        for portion in gone.chunks(TOLD_AT_ONCE) {
            self.record_deleted(recording, chat.channel_id(), portion)?;
        }
        if min_id < 1 {
            return Ok(());
        }
        let mut spans = self.spans(key)?;
        spans.cover(Span::closed(1, min_id));
        self.keep_spans(key, &spans)?;
        if let Some(lowest) = gone.iter().min().filter(|_| gone.len() as i64 == CLEARED) {
            self.outdated(conversation, 1, lowest - 1)?;
        }
        Ok(())
    }

    /// (row, chat) of a message that was there and is now marked, if the desk has to know.
    fn delete_one(
        &mut self,
        account: &KnownAccount,
        scope: i64,
        message_id: i32,
    ) -> JobResult<Option<(i64, i64)>> {
        let target = sql(
            "SELECT m.id, CAST(m.chat_id AS BIGINT) AS chat, m.timestamp, m.direction, m.backfilled, \
             m.deleted_at IS NOT NULL AS gone, m.held FROM messages m \
             WHERE m.account_no = ? AND m.scope = ? AND m.message_no = ?",
        )
        .number(account.no)
        .number(scope)
        .number(message_id)
        .load::<Target>(self.conn)?
        .pop();
        let Some(target) = target else {
            self.bury(account.no, scope, i64::from(message_id))?;
            return Ok(None);
        };
        if target.gone {
            return Ok(None);
        }
        sql("UPDATE messages SET deleted_at = ? WHERE id = ?")
            .number(self.now.millis())
            .number(target.id)
            .run(self.conn)?;
        search_index::remove(self, target.id, target.timestamp)?;
        let key = (account.no, target.chat);
        let row = self.conversation(key)?;
        let was_unread = target.direction == "incoming"
            && (!target.backfilled || message_id <= row.fields.counted_to)
            && message_id > row.fields.read_inbox_max_id
            && row.fields.unread > 0;
        if was_unread {
            row.fields.unread -= 1;
            self.mark_conversation(key);
            self.add_unread(account.id, -1)?;
        }
        if self.conversation(key)?.fields.last_message == Some(target.id) {
            self.summarise_anew(key)?;
        }
        Ok((!target.held).then_some((target.id, target.chat)))
    }

    fn bury(&mut self, account_no: i64, scope: i64, message_no: i64) -> JobResult<()> {
        self.tombstone_scopes()?;
        sql("INSERT INTO tombstones (account_no, scope, message_no, deleted_at) VALUES (?, ?, ?, ?) \
             ON CONFLICT (account_no, scope, message_no) DO NOTHING")
        .number(account_no)
        .number(scope)
        .number(message_no)
        .number(self.now.millis())
        .run(self.conn)?;
        if let Some(scopes) = &mut self.state.tombstones {
            scopes.insert((account_no, scope));
        }
        Ok(())
    }

    fn tombstone_scopes(&mut self) -> JobResult<()> {
        if self.state.tombstones.is_none() {
            let rows = sql("SELECT DISTINCT account_no, scope FROM tombstones")
                .load::<TombstoneRow>(self.conn)?;
            self.state.tombstones =
                Some(rows.iter().map(|row| (row.account_no, row.scope)).collect());
        }
        Ok(())
    }

    /// When the message was deleted, if that was known before the message itself.
    pub fn tombstone(
        &mut self,
        account_no: i64,
        scope: i64,
        message_no: i64,
    ) -> JobResult<Option<i64>> {
        self.tombstone_scopes()?;
        let any = self
            .state
            .tombstones
            .as_ref()
            .is_some_and(|scopes| scopes.contains(&(account_no, scope)));
        if !any {
            return Ok(None);
        }
        Ok(
            sql("SELECT deleted_at FROM tombstones WHERE account_no = ? AND scope = ? AND message_no = ?")
                .number(account_no)
                .number(scope)
                .number(message_no)
                .load::<DeletedAt>(self.conn)?
                .pop()
                .map(|row| row.deleted_at),
        )
    }

    /// This account read up to `max_id`, here or elsewhere. An older mark than the stored one says nothing.
    pub fn record_read(
        &mut self,
        recording: &mut Recording,
        chat: ChatId,
        max_id: i32,
        still_unread: Option<i32>,
    ) -> JobResult<()> {
        let key = (recording.account.no, chat.marked());
        if self.find_conversation(key.0, key.1)?.is_none() {
            return Ok(());
        }
        let read = self.move_read_mark(&recording.account, key, max_id, still_unread)?;
        self.heard(recording, Topic::MarkedUnread(key.0, key.1));
        // Whoever reads a chat takes its mark off.
        if self.take_mark_off(key)? || read {
            recording.touch(key);
        }
        Ok(())
    }

    fn move_read_mark(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        max_id: i32,
        still_unread: Option<i32>,
    ) -> JobResult<bool> {
        let fields = &self.conversation(key)?.fields;
        let (top, counted_to) = (fields.top_message, fields.counted_to);
        if max_id < fields.read_inbox_max_id
            || (max_id == fields.read_inbox_max_id && fields.unread == 0)
        {
            return Ok(false);
        }
        let here = match max_id >= top {
            true => 0,
            false => self.count_unread_above(key, max_id, counted_to)?,
        };
        // Telegram counted when the mark moved. What came after it stands before it in a difference, which has messages first.
        let unread = still_unread.map_or(here, |count| here.max(count.into()));
        let row = self.conversation(key)?;
        let changed = row.fields.unread != unread || row.fields.read_inbox_max_id != max_id;
        let difference = unread - row.fields.unread;
        row.fields.unread = unread;
        row.fields.read_inbox_max_id = max_id;
        self.mark_conversation(key);
        self.add_unread(account.id, difference)?;
        Ok(changed)
    }

    fn take_mark_off(&mut self, key: (i64, i64)) -> JobResult<bool> {
        let marked = &mut self.conversation(key)?.fields.marked_unread;
        let was = std::mem::take(marked);
        if was {
            self.mark_conversation(key);
        }
        Ok(was)
    }

    fn mark_read(&mut self, id: ConversationId, up_to: Option<i32>) -> JobResult<Conversation> {
        let key = self.conversation_key(id)?;
        let fields = &self.conversation(key)?.fields;
        let account_id = super::message_row::account_of(&fields.telegram_account_id);
        let top = fields.top_message;
        let account = self.account(account_id)?.clone();
        let up_to = up_to.map_or(top, |up_to| up_to.min(top));
        let read = self.move_read_mark(&account, key, up_to, None)?;
        let topic = Topic::MarkedUnread(key.0, key.1);
        self.state.heard.note(topic, Instant::now());
        let changed = self.take_mark_off(key)? || read;
        let conversation = self.show_conversation(key)?;
        if changed {
            self.emit(
                &account,
                EventBody::ConversationUpdated {
                    conversation: conversation.clone(),
                },
            )?;
        }
        Ok(conversation)
    }
}

impl StoreHandle {
    /// Up to this Telegram message id; `None`: everything. Event `conversation_updated` if something changed.
    ///
    /// # Errors
    /// [`super::StoreError::ConversationNotFound`], or as every write.
    pub async fn mark_read(
        &self,
        conversation: ConversationId,
        up_to: Option<i32>,
    ) -> Result<Conversation> {
        self.job("mark_read", move |tx| tx.mark_read(conversation, up_to))
            .await
    }
}
