//! Binding: what an order was to make is a message of Telegram's: its number, and the one row that is left of the two.

use super::{
    StoreError,
    account_row::KnownAccount,
    job_error::JobResult,
    message_row::{MessageRecord, account_of, chat_of},
    order_row::OrderMessage,
    search_index,
    sql::sql,
    tx::{Tx, scope_of},
};
use crate::domain::{
    Change, ChatId, ConversationId, EventBody, IncomingMessage, Made, MessageRowId, OrderId,
    Timestamp,
};

/// Whose numbering a number is of.
#[derive(Clone, Copy)]
enum Numbered {
    Sent,
    Waits,
    Unclear,
}

/// What is known of a message beside its number.
#[derive(Clone, Copy)]
pub(super) struct Told {
    date: Timestamp,
    album_id: Option<i64>,
}

impl From<&Made> for Told {
    fn from(made: &Made) -> Self {
        Self {
            date: made.date,
            album_id: made.album_id,
        }
    }
}

impl From<&IncomingMessage> for Told {
    fn from(message: &IncomingMessage) -> Self {
        Self {
            date: message.date,
            album_id: message.album_id,
        }
    }
}

impl Tx<'_> {
    /// The pair (random id, message id) from the stream. How many events it made.
    pub fn bind_random_id(
        &mut self,
        account: &KnownAccount,
        random_id: i64,
        message_id: i32,
        beside: &[Change],
    ) -> JobResult<usize> {
        // None: settled already, or sent by another device.
        let Some(found) = OrderMessage::by_random_id(self.conn, account.no, random_id)? else {
            return Ok(0);
        };
        match self.kind_of_number(found, message_id, beside)? {
            Numbered::Sent => {
                let told = self.told_beside(found, message_id, beside)?;
                self.bind(found, message_id, told)?;
            }
            Numbered::Waits => self.bind_scheduled(found, message_id)?,
            Numbered::Unclear => return Ok(0),
        }
        Ok(1)
    }

    /// The pair is followed by the message itself.
    fn told_beside(
        &mut self,
        made: OrderMessage,
        number: i32,
        beside: &[Change],
    ) -> JobResult<Option<Told>> {
        let Some(record) = MessageRecord::load(self.conn, made.message_row)? else {
            return Ok(None);
        };
        let chat = chat_of(&record.fields.chat_id);
        Ok(beside.iter().find_map(|change| match change {
            Change::Message(message) if message.message_id == number && message.chat == chat => {
                Some(Told::from(message))
            }
            _ => None,
        }))
    }

    /// Of what is to wait, the number may be one of the scheduled ones, or, when its time has come, of a message: which it is
    /// says what stands beside it, or else the answer to the order.
    fn kind_of_number(
        &mut self,
        made: OrderMessage,
        number: i32,
        beside: &[Change],
    ) -> JobResult<Numbered> {
        let record = MessageRecord::load(self.conn, made.message_row)?;
        if record.is_none_or(|record| record.fields.scheduled_for.is_none()) {
            return Ok(Numbered::Sent);
        }
        let told = beside.iter().find_map(|change| match change {
            Change::Scheduled(message) if message.message_id == number => Some(Numbered::Waits),
            Change::Message(message) if message.message_id == number => Some(Numbered::Sent),
            _ => None,
        });
        Ok(told.unwrap_or(Numbered::Unclear))
    }

    /// What waited is this message now.
    pub fn came_out(&mut self, own: &MessageRecord, number: i32) -> JobResult<()> {
        let told = Told {
            date: Timestamp::from_seconds(self.now.millis() / 1000),
            album_id: None,
        };
        self.become_sent(own, number, Some(told))
    }

    /// What the order was to make is this message of Telegram's.
    pub(super) fn bind(
        &mut self,
        made: OrderMessage,
        message_id: i32,
        told: Option<Told>,
    ) -> JobResult<()> {
        let id = MessageRowId(made.message_row);
        let own = MessageRecord::load(self.conn, id.0)?.ok_or(StoreError::MessageNotFound)?;
        self.drop_making(OrderId(made.order_id), id.0)?;
        self.become_sent(&own, message_id, told)
    }

    fn become_sent(
        &mut self,
        own: &MessageRecord,
        message_id: i32,
        told: Option<Told>,
    ) -> JobResult<()> {
        let id = MessageRowId(own.fields.id);
        let account = self
            .account(account_of(&own.fields.telegram_account_id))?
            .clone();
        let key = (account.no, chat_of(&own.fields.chat_id).marked());
        // What stood in its field went with it.
        self.field_changed((key, own.fields.topic_id));
        let scope = scope_of(ChatId::from_marked(key.1));
        let number = i64::from(message_id);
        search_index::remove(self, id.0, own.fields.timestamp)?;
        let echo = MessageRecord::find(self.conn, account.no, scope, number)?
            .filter(|echo| echo.fields.id != id.0);
        match &echo {
            Some(echo) => self.move_echo(&account, key, echo, own)?,
            None => {
                // The stream's word alone has no date. Within a second numbers tell the order, so it is a whole one as Telegram's are.
                let told = told.unwrap_or_else(|| Told {
                    date: Timestamp::from_seconds(own.fields.timestamp / 1000),
                    album_id: None,
                });
                self.give_number(id, message_id, told)?;
            }
        }
        if let Some(at) = self.tombstone(account.no, scope, number)? {
            sql("UPDATE messages SET deleted_at = coalesce(deleted_at, ?) WHERE id = ?")
                .number(at)
                .number(id.0)
                .run(self.conn)?;
        }
        let bound = MessageRecord::load(self.conn, id.0)?.ok_or(StoreError::MessageNotFound)?;
        let gone = bound.fields.deleted_at.is_some();
        if !gone {
            search_index::add(
                self,
                id.0,
                bound.fields.timestamp,
                &bound.fields.text,
                bound.fields.media.as_deref(),
            )?;
        }
        let row = self.conversation(key)?;
        row.fields.top_message = row.fields.top_message.max(message_id);
        self.mark_conversation(key);
        // Its time or number moved: it may not be the newest any more.
        let last = self.conversation(key)?.fields.last_message;
        if gone || last == Some(id.0) || echo.is_some_and(|echo| last == Some(echo.fields.id)) {
            self.summarise_anew(key)?;
        }
        self.announce_sent(&account, key, id.0)?;
        self.release_settled(&account, key)
    }

    fn give_number(&mut self, id: MessageRowId, message_id: i32, told: Told) -> JobResult<()> {
        sql("UPDATE messages SET message_no = ?, message_id = ?, status = 'sent', timestamp = ?, held = 0, \
             scheduled_for = NULL, scheduled_id = NULL, album_id = coalesce(?, album_id) WHERE id = ?")
            .number(message_id)
            .text(&message_id.to_string())
            .number(told.date.millis())
            .number_or_null(told.album_id)
            .number(id.0)
            .run(self.conn)?;
        // It may be above all others.
        self.state.tops.clear();
        self.state.absent.clear();
        Ok(())
    }

    /// What Telegram told of the message stands, whatever columns that is in; only the row's id becomes the reply's. The
    /// desk hears of the other id if it had seen it.
    fn move_echo(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        echo: &MessageRecord,
        own: &MessageRecord,
    ) -> JobResult<()> {
        let (echo, own) = (&echo.fields, &own.fields);
        search_index::remove(self, echo.id, echo.timestamp)?;
        self.delete_message_row(own.id)?;
        sql("UPDATE messages SET id = ?, direction = 'outgoing', status = 'sent', held = 0, backfilled = FALSE, \
             sender_id = coalesce(sender_id, ?), reply_to = coalesce(?, reply_to) WHERE id = ?")
        .number(own.id)
        .number_or_null(own.sender_id)
        .number_or_null(own.reply_to)
        .number(echo.id)
        .run(self.conn)?;
        for text in [
            "UPDATE message_versions SET message_row = ? WHERE message_row = ?",
            "UPDATE message_objects SET message_row = ? WHERE message_row = ?",
            "UPDATE media_keys SET message_row = ? WHERE message_row = ?",
            "UPDATE order_messages SET message_row = ? WHERE message_row = ?",
        ] {
            sql(text).number(own.id).number(echo.id).run(self.conn)?;
        }
        if echo.held || echo.deleted_at.is_some() {
            return Ok(());
        }
        let body = EventBody::MessageDeleted {
            account_id: account.id,
            conversation_id: ConversationId(echo.conversation_id),
            chat_id: ChatId::from_marked(key.1),
            ids: vec![MessageRowId(echo.id)],
            message_ids: Vec::new(),
            deleted_at: self.now,
        };
        Ok(self.emit(account, body)?)
    }
}
