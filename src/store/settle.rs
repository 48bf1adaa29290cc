//! Settling: Telegram's word on a reply.
//!
//! The same message may show up three ways, in any order: as the answer to the send, as the pair (random id, message id)
//! in the stream, and as an outgoing message in the stream. All of them end in the one row that the desk knows:
//! - an echo that comes after the number is bound is that row again;
//! - an echo that comes before is held (`echoes`); the binding makes the two rows one.

use diesel::RunQueryDsl;

use super::{
    Result, StoreError, StoreHandle,
    account_row::KnownAccount,
    job_error::JobResult,
    message_row::MessageRecord,
    order_row::{OrderRow, select_orders, state_text, waiting_text},
    search_index,
    sql::sql,
    tx::{Tx, scope_of},
};
use crate::domain::{
    ChatId, ConversationId, EventBody, MessageError, MessageRowId, OrderState, SendOutcome,
    StoredMessage, Timestamp, Wait, Waiting,
};

impl Tx<'_> {
    /// The pair (random id, message id) from the stream. How many events it made.
    pub fn bind_random_id(
        &mut self,
        account: &KnownAccount,
        random_id: i64,
        message_id: i32,
    ) -> JobResult<usize> {
        let found = sql(select_orders!(
            "FROM outbox o WHERE o.account_no = ? AND o.random_id = ?"
        ))
        .number(account.no)
        .number(random_id)
        .load::<OrderRow>(self.conn)?
        .pop();
        // Settled already, or sent by another device.
        let Some(row) = found else {
            return Ok(0);
        };
        self.bind(MessageRowId(row.message_row), message_id, None)?;
        Ok(1)
    }

    /// The reply is this message of Telegram's.
    fn bind(
        &mut self,
        id: MessageRowId,
        message_id: i32,
        date: Option<Timestamp>,
    ) -> JobResult<StoredMessage> {
        let (account, key, own, _) = self.outgoing(id)?;
        let scope = scope_of(ChatId::from_marked(key.1));
        let number = i64::from(message_id);
        sql("DELETE FROM outbox WHERE message_row = ?")
            .number(id.0)
            .run(self.conn)?;
        search_index::remove(self, id.0, own.fields.timestamp)?;
        let echo = MessageRecord::find(self.conn, account.no, scope, number)?
            .filter(|echo| echo.fields.id != id.0);
        match &echo {
            Some(echo) => self.move_echo(&account, key, echo, &own)?,
            None => self.give_number(
                id,
                message_id,
                date.unwrap_or(Timestamp::from_millis(own.fields.timestamp)),
            )?,
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
        let message = self.announce_sent(&account, key, id.0)?;
        self.release_settled(&account, key)?;
        Ok(message)
    }

    fn give_number(&mut self, id: MessageRowId, message_id: i32, date: Timestamp) -> JobResult<()> {
        sql("UPDATE messages SET message_no = ?, message_id = ?, status = 'sent', timestamp = ? WHERE id = ?")
            .number(message_id)
            .text(&message_id.to_string())
            .number(date.millis())
            .number(id.0)
            .run(self.conn)?;
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
        sql("UPDATE messages SET id = ?, direction = 'outgoing', status = 'sent', held = 0, backfilled = 0, \
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

    fn settle(&mut self, id: MessageRowId, outcome: &SendOutcome) -> JobResult<StoredMessage> {
        let (account, key, record, row) = self.outgoing(id)?;
        let Some(row) = row else {
            return self.settled_before(key, record, outcome);
        };
        let wait_of = |whose, length| Some(Wait { whose, length });
        let (state, wait) = match outcome {
            SendOutcome::Sent { message_id, date } => {
                return self.bind(id, *message_id, Some(*date));
            }
            SendOutcome::Refused(error) => {
                return self.fail(&account, key, id, OrderState::Failed, error);
            }
            SendOutcome::Flood { wait } => (not_arrived(&row), wait_of(Waiting::Account, *wait)),
            SendOutcome::SlowMode { wait } => (not_arrived(&row), wait_of(Waiting::Chat, *wait)),
            SendOutcome::NotSent { .. } => (not_arrived(&row), None),
            SendOutcome::Unknown { .. } => (OrderState::Unanswered, None),
        };
        // It failed meanwhile, because its account was removed: what does not end it changes nothing.
        if !row.state().is_pending() {
            return Ok(record.into_message());
        }
        // What never left is no news, and goes out as soon as it can.
        let pause = match outcome {
            SendOutcome::NotSent { .. } => None,
            _ => Some(wait.map_or_else(|| row.tries().pause(), |wait| wait.length)),
        };
        sql("UPDATE outbox SET state = ?, attempts = attempts + 1, wait_of = ?, wait_ms = ?, retry_at = ? \
             WHERE message_row = ?")
        .text(state_text(state))
        .text_or_null(wait.map(|wait| waiting_text(wait.whose)))
        .number_or_null(wait.map(|wait| i64::try_from(wait.length.as_millis()).unwrap_or(i64::MAX)))
        .number_or_null(pause.map(|pause| self.now.plus(pause).millis()))
        .number(id.0)
        .run(self.conn)?;
        let message = if pause.is_some() {
            self.announce_sent(&account, key, id.0)?
        } else {
            let unsent = MessageRecord::load(self.conn, id.0)?;
            unsent.ok_or(StoreError::MessageNotFound)?.into_message()
        };
        if state == OrderState::Queued {
            self.release_settled(&account, key)?;
        }
        Ok(message)
    }

    /// Without a definite answer for as long as it was waited for. Settled meanwhile: that stands.
    fn give_up(&mut self, id: MessageRowId, error: &MessageError) -> JobResult<StoredMessage> {
        let (account, key, record, row) = self.outgoing(id)?;
        match row {
            Some(row) if row.state().is_pending() => {
                self.fail(&account, key, id, OrderState::GivenUp, error)
            }
            _ => Ok(record.into_message()),
        }
    }

    fn fail(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        id: MessageRowId,
        state: OrderState,
        error: &MessageError,
    ) -> JobResult<StoredMessage> {
        sql("UPDATE outbox SET state = ?, attempts = attempts + 1, wait_of = NULL, wait_ms = NULL, retry_at = NULL, \
             error_code = ?, error_message = ? WHERE message_row = ?")
        .text(state_text(state))
        .text(&error.code)
        .text(&error.message)
        .number(id.0)
        .run(self.conn)?;
        sql("UPDATE messages SET status = 'failed' WHERE id = ?")
            .number(id.0)
            .run(self.conn)?;
        let message = self.announce_sent(account, key, id.0)?;
        self.release_settled(account, key)?;
        Ok(message)
    }

    /// The stream was faster: the row is bound. Only Telegram's date may be new.
    fn settled_before(
        &mut self,
        key: (i64, i64),
        record: MessageRecord,
        outcome: &SendOutcome,
    ) -> JobResult<StoredMessage> {
        let fields = &record.fields;
        if let SendOutcome::Sent { message_id, date } = outcome
            && fields.message_no == i64::from(*message_id)
            && fields.timestamp != date.millis()
        {
            search_index::remove(self, fields.id, fields.timestamp)?;
            sql("UPDATE messages SET timestamp = ? WHERE id = ?")
                .number(date.millis())
                .number(fields.id)
                .run(self.conn)?;
            if fields.deleted_at.is_none() {
                search_index::add(
                    self,
                    fields.id,
                    date.millis(),
                    &fields.text,
                    fields.media.as_deref(),
                )?;
            }
            self.changed_in_place(key, fields.id)?;
        }
        let record =
            MessageRecord::load(self.conn, fields.id)?.ok_or(StoreError::MessageNotFound)?;
        Ok(record.into_message())
    }
}

/// This attempt surely made no message; one before it may have.
fn not_arrived(row: &OrderRow) -> OrderState {
    match row.state() {
        OrderState::InFlight => OrderState::Queued,
        before => before,
    }
}

impl StoreHandle {
    /// What one attempt to send ended with. Event `message_sent` when something visible changed.
    ///
    /// # Errors
    /// [`StoreError::MessageNotFound`], or as every write; then settle again, it does no harm.
    pub async fn settle_outgoing(
        &self,
        id: MessageRowId,
        outcome: SendOutcome,
    ) -> Result<StoredMessage> {
        self.job("settle_outgoing", move |tx| tx.settle(id, &outcome))
            .await
    }

    /// There was no definite answer within the patience. Event `message_sent` (failed), unless it was settled before.
    ///
    /// # Errors
    /// [`StoreError::MessageNotFound`], or as every write; then give up again, it does no harm.
    pub async fn give_up_outgoing(
        &self,
        id: MessageRowId,
        error: MessageError,
    ) -> Result<StoredMessage> {
        self.job("give_up_outgoing", move |tx| tx.give_up(id, &error))
            .await
    }
}
