//! Scheduled: messages that wait at Telegram for their time.
//!
//! Each has a row of its own, which no list of messages shows (`held` is [`SCHEDULED`]), and Telegram's number among the
//! scheduled ones of its chat. When it goes out, the row becomes that message: whoever asked for it finds it under the same
//! id. What Telegram does not name is marked deleted: the chat has it, or it was withdrawn.

use std::time::Instant;

use diesel::QueryableByName;

use super::{
    Result, StoreHandle,
    account_row::KnownAccount,
    heard::{Topic, Worth},
    job_error::JobResult,
    message_row::{Carried, MessageRecord, UNNUMBERED, account_of, select_messages},
    order_row::{OrderMessage, in_flight},
    record::Recording,
    sql::{Number, One, sql},
    tx::{Tx, scope_of},
};
use crate::domain::{
    AccountId, ChatId, ConversationId, EventBody, IncomingMessage, MessageRowId, OrderId, Schedule,
    StoredMessage,
};

/// What `held` is of them: neither shown nor the echo of anything.
pub(in crate::store) const SCHEDULED: i64 = 2;
/// As `messages.timestamp`; Telegram's own bound is 100 in a chat.
const LISTED: i64 = 200;

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = Number)]
    conversation: i64,
    #[diesel(sql_type = Number)]
    chat: i64,
}

impl Tx<'_> {
    /// One that was scheduled or changed, here or on another device.
    pub fn record_scheduled(
        &mut self,
        recording: &mut Recording,
        message: &IncomingMessage,
    ) -> JobResult<()> {
        let account = recording.account.clone();
        let key = self.conversation_for(&account, message.chat)?;
        let conversation = self.conversation(key)?.fields.id;
        let topic = Topic::Scheduled(conversation, message.message_id);
        if recording.backfilled
            && self.state.heard.worth(topic, recording.read_at) == Worth::Overtaken
        {
            return Ok(());
        }
        self.heard(recording, topic);
        if let Some(known) = self.scheduled(conversation, message.message_id)? {
            return self.change_scheduled(recording, key, &known, message);
        }
        // The answer to the order says whether this is its message; if it is not, the list is compared when it is looked at.
        if self.is_scheduling(conversation)? {
            return Ok(());
        }
        let id = self.next_message_row()?;
        let carried = Carried::of(message);
        let chat_id = self.conversation(key)?.fields.chat_id.clone();
        sql(
            "INSERT INTO messages (id, account_no, scope, message_no, conversation_id, telegram_account_id, chat_id, \
             direction, text, timestamp, status, reply_to, topic_id, media, entities, album_id, held, scheduled_id, \
             scheduled_for) VALUES (?, ?, ?, ?, ?, ?, ?, 'outgoing', ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .number(id)
        .number(account.no)
        .number(scope_of(message.chat))
        .number(UNNUMBERED + id)
        .number(conversation)
        .text(&account.id_text)
        .text(&chat_id)
        .text(&message.text)
        .number(self.now.millis())
        .number_or_null(message.reply_to)
        .number_or_null(message.topic_id)
        .text_or_null(carried.media.as_deref())
        .text_or_null(carried.entities.as_deref())
        .number_or_null(carried.album_id)
        .number(SCHEDULED)
        .number(message.message_id)
        .number(schedule_of(message).seconds())
        .run(self.conn)?;
        self.announce_sent(&account, key, id)?;
        recording.events += 1;
        Ok(())
    }

    fn change_scheduled(
        &mut self,
        recording: &mut Recording,
        key: (i64, i64),
        known: &MessageRecord,
        message: &IncomingMessage,
    ) -> JobResult<()> {
        let fields = &known.fields;
        let carried = Carried::of(message);
        let at = i64::from(schedule_of(message).seconds());
        let same = fields.text == message.text
            && fields.entities == carried.entities
            && fields.scheduled_for == Some(at);
        // A number is not given out again: what was withdrawn stays so.
        if same || fields.deleted_at.is_some() {
            return Ok(());
        }
        sql("UPDATE messages SET text = ?, entities = ?, scheduled_for = ? WHERE id = ?")
            .text(&message.text)
            .text_or_null(carried.entities.as_deref())
            .number(at)
            .number(fields.id)
            .run(self.conn)?;
        let account = recording.account.clone();
        self.announce_sent(&account, key, fields.id)?;
        recording.events += 1;
        Ok(())
    }

    /// They no longer wait: sent, as these messages, or withdrawn.
    pub fn record_unscheduled(
        &mut self,
        recording: &mut Recording,
        chat: ChatId,
        ids: &[i32],
        sent: &[i32],
    ) -> JobResult<()> {
        let key = (recording.account.no, chat.marked());
        if self.find_conversation(key.0, key.1)?.is_none() {
            return Ok(());
        }
        let conversation = self.conversation(key)?.fields.id;
        let account = recording.account.clone();
        for (at, id) in ids.iter().enumerate() {
            self.heard(recording, Topic::Scheduled(conversation, *id));
            let Some(known) = self.scheduled(conversation, *id)? else {
                continue;
            };
            if known.fields.deleted_at.is_some() {
                continue;
            }
            recording.events += 1;
            match sent.get(at) {
                Some(number) => self.came_out(&known, *number)?,
                None => self.withdraw(&account, key, &known)?,
            }
        }
        self.release_settled(&account, key)
    }

    /// What an order made waits at Telegram under this number.
    pub fn bind_scheduled(&mut self, made: OrderMessage, scheduled_id: i32) -> JobResult<()> {
        let row = made.message_row;
        let Some(own) = MessageRecord::load(self.conn, row)? else {
            return Ok(());
        };
        let account = self
            .account(account_of(&own.fields.telegram_account_id))?
            .clone();
        let key = self.conversation_key(ConversationId(own.fields.conversation_id))?;
        self.drop_making(OrderId(made.order_id), row)?;
        self.field_changed((key, own.fields.topic_id));
        let other = self.scheduled(own.fields.conversation_id, scheduled_id)?;
        if let Some(other) = other.filter(|other| other.fields.id != row) {
            self.delete_message_row(other.fields.id)?;
            self.tell_gone(&account, key, &other)?;
        }
        sql("UPDATE messages SET scheduled_id = ?, status = 'pending' WHERE id = ?")
            .number(scheduled_id)
            .number(row)
            .run(self.conn)?;
        self.announce_sent(&account, key, row)?;
        self.release_settled(&account, key)
    }

    fn withdraw(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        known: &MessageRecord,
    ) -> JobResult<()> {
        sql("UPDATE messages SET deleted_at = ? WHERE id = ?")
            .number(self.now.millis())
            .number(known.fields.id)
            .run(self.conn)?;
        self.tell_gone(account, key, known)
    }

    fn tell_gone(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        record: &MessageRecord,
    ) -> JobResult<()> {
        let body = EventBody::MessageDeleted {
            account_id: account.id,
            conversation_id: ConversationId(record.fields.conversation_id),
            chat_id: ChatId::from_marked(key.1),
            ids: vec![MessageRowId(record.fields.id)],
            message_ids: Vec::new(),
            deleted_at: self.now,
        };
        Ok(self.emit(account, body)?)
    }

    fn scheduled(
        &mut self,
        conversation: i64,
        scheduled_id: i32,
    ) -> JobResult<Option<MessageRecord>> {
        Ok(sql(select_messages!(
            "WHERE m.conversation_id = ? AND m.scheduled_id = ? AND m.held AND m.held = 2"
        ))
        .number(conversation)
        .number(scheduled_id)
        .load::<MessageRecord>(self.conn)?
        .pop())
    }

    /// Is something to be scheduled there whose number is not known yet?
    fn is_scheduling(&mut self, conversation: i64) -> JobResult<bool> {
        Ok(sql(concat!(
            "SELECT count(*) AS n FROM orders o JOIN order_messages om ON om.order_id = o.id AND om.random_id IS NOT NULL \
             JOIN messages m ON m.id = om.message_row AND m.scheduled_for IS NOT NULL \
             WHERE o.conversation_id = ? AND o.state IN ",
            in_flight!()
        ))
        .number(conversation)
        .get_result::<One>(self.conn)?
        .n > 0)
    }

    /// All that waits in a chat, as Telegram listed it when it was asked. `known`: what was known to wait before it was asked.
    fn compare_scheduled(
        &mut self,
        id: ConversationId,
        known: &[i32],
        (listed, asked_at): (&[IncomingMessage], Instant),
    ) -> JobResult<()> {
        let key = self.conversation_key(id)?;
        let account_id = account_of(&self.conversation(key)?.fields.telegram_account_id);
        let account = self.living_account(account_id)?;
        let mut recording = Recording::of_history(account);
        recording.read_at = asked_at;
        for message in listed {
            self.record_scheduled(&mut recording, message)?;
        }
        let gone: Vec<i32> = known
            .iter()
            .copied()
            .filter(|id| !listed.iter().any(|message| message.message_id == *id))
            .collect();
        self.record_unscheduled(&mut recording, ChatId::from_marked(key.1), &gone, &[])?;
        self.tell_touched(recording)?;
        Ok(())
    }
}

/// Telegram has the moment in the place of the date.
fn schedule_of(message: &IncomingMessage) -> Schedule {
    let seconds = message.date.millis() / 1000;
    Schedule::from_seconds(i32::try_from(seconds).unwrap_or(i32::MAX))
}

impl StoreHandle {
    /// What waits in a conversation, the next to go out first; also what is still on its way to Telegram, and what failed.
    ///
    /// # Errors
    /// As every read.
    pub async fn list_scheduled(&self, conversation: ConversationId) -> Result<Vec<StoredMessage>> {
        self.read("list_scheduled", move |conn| {
            let rows = sql(select_messages!(
                "WHERE m.conversation_id = ? AND m.held AND m.held = 2 AND m.deleted_at IS NULL \
                 ORDER BY m.scheduled_for, m.id LIMIT ?"
            ))
            .number(conversation.0)
            .number(LISTED)
            .load::<MessageRecord>(conn)?;
            Ok(rows.into_iter().map(MessageRecord::into_message).collect())
        })
        .await
    }

    /// Telegram's numbers of what waits there.
    ///
    /// # Errors
    /// As every read.
    pub async fn scheduled_numbers(&self, conversation: ConversationId) -> Result<Vec<i32>> {
        self.read("scheduled_numbers", move |conn| {
            let rows = sql("SELECT scheduled_id AS n FROM messages WHERE conversation_id = ? AND held AND held = 2 \
                            AND scheduled_id IS NOT NULL AND deleted_at IS NULL")
            .number(conversation.0)
            .load::<One>(conn)?;
            Ok(rows.iter().filter_map(|row| row.n.try_into().ok()).collect())
        })
        .await
    }

    /// Chats of an account in which something waits.
    ///
    /// # Errors
    /// As every read.
    pub async fn chats_with_scheduled(
        &self,
        account: AccountId,
    ) -> Result<Vec<(ConversationId, ChatId)>> {
        self.read("chats_with_scheduled", move |conn| {
            let rows = sql("SELECT DISTINCT c.id AS conversation, c.chat FROM messages m JOIN conversations c ON c.id = m.conversation_id \
                            WHERE m.held AND m.held = 2 AND m.scheduled_id IS NOT NULL AND m.deleted_at IS NULL \
                            AND c.account_no = (SELECT no FROM accounts WHERE id = ?)")
            .text(&account.to_string())
            .load::<Waiting>(conn)?;
            let chat = |row: Waiting| (ConversationId(row.conversation), ChatId::from_marked(row.chat));
            Ok(rows.into_iter().map(chat).collect())
        })
        .await
    }

    /// As Telegram listed it. Events as for what comes live.
    ///
    /// # Errors
    /// As every write.
    pub async fn compare_scheduled(
        &self,
        conversation: ConversationId,
        known: Vec<i32>,
        (listed, asked_at): (Vec<IncomingMessage>, Instant),
    ) -> Result<()> {
        self.job("compare_scheduled", move |tx| {
            tx.compare_scheduled(conversation, &known, (&listed, asked_at))
        })
        .await
    }
}
