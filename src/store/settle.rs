//! Settling: Telegram's word on a reply, and the echo of our own messages in the update stream.
//!
//! The same message may show up three ways, in any order: as the answer to the send, as the pair (random id, message id)
//! in the stream, and as an outgoing message in the stream. All of them end in the one row that the desk knows:
//! - an echo that comes after the id is bound is that row again;
//! - an echo that comes before, with the text of a reply still waiting in the chat, is stored but held back; the binding
//!   makes the two rows one;
//! - a held row that turns out to be something else (written on a phone at the same time) is shown then.

use std::time::Duration;

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Text},
};

use super::{
    Result, StoreError, StoreHandle,
    job::JobResult,
    message_row::MessageRecord,
    outbox::{OutboxRow, select_outbox},
    search_index,
    sql::sql,
    tx::{KnownAccount, Tx, scope_of},
};
use crate::domain::{
    ChatId, ConversationId, EventBody, MessageError, MessageRowId, SendOutcome, StoredMessage,
    Timestamp,
};

/// Longest pause between attempts without a definite answer.
const MAX_PAUSE: Duration = Duration::from_secs(60);

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    text: String,
}

impl Tx<'_> {
    /// Is this own message perhaps the echo of a reply that still waits here? Telegram trims what it is sent.
    pub fn may_be_echo(&mut self, key: (i64, i64), text: &str) -> JobResult<bool> {
        let conversation = self.conversation(key)?.fields.id;
        let waiting = self.waiting_texts(conversation)?;
        Ok(waiting.iter().any(|row| row.text.trim() == text.trim()))
    }

    fn waiting_texts(&mut self, conversation: i64) -> JobResult<Vec<TextRow>> {
        Ok(sql(
            "SELECT m.id, m.text FROM outbox o JOIN messages m ON m.id = o.message_row \
                 WHERE o.conversation_id = ? AND o.failed = 0",
        )
        .number(conversation)
        .load(self.conn)?)
    }

    /// Own messages that were held back and can't be the echo of anything that still waits: the desk sees them now.
    pub fn release_held(&mut self, account: &KnownAccount, key: (i64, i64)) -> JobResult<()> {
        let conversation = self.conversation(key)?.fields.id;
        let held = sql(
            "SELECT id, text FROM messages WHERE conversation_id = ? AND held ORDER BY message_no",
        )
        .number(conversation)
        .load::<TextRow>(self.conn)?;
        if held.is_empty() {
            return Ok(());
        }
        let waiting = self.waiting_texts(conversation)?;
        for row in held {
            if waiting
                .iter()
                .any(|other| other.text.trim() == row.text.trim())
            {
                continue;
            }
            sql("UPDATE messages SET held = 0 WHERE id = ?")
                .number(row.id)
                .run(self.conn)?;
            let deleted = MessageRecord::load(self.conn, row.id)?
                .is_none_or(|record| record.fields.deleted_at.is_some());
            if !deleted {
                self.announce_sent(account, key, row.id)?;
            }
        }
        Ok(())
    }

    /// The pair (random id, message id) from the stream. How many events it made.
    pub fn bind_random_id(
        &mut self,
        account: &KnownAccount,
        random_id: i64,
        message_id: i32,
    ) -> JobResult<usize> {
        let found = sql(select_outbox!("WHERE o.account_no = ? AND o.random_id = ?"))
            .number(account.no)
            .number(random_id)
            .load::<OutboxRow>(self.conn)?
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
        let echo = MessageRecord::find(self.conn, account.no, scope, number)?
            .filter(|echo| echo.fields.id != id.0);
        if let Some(echo) = &echo {
            self.take_out(&account, key, echo)?;
        }
        let buried = self.tombstone(account.no, scope, number)?;
        let echo = echo.map(|echo| echo.fields);
        let own = own.fields;
        let timestamp = echo
            .as_ref()
            .map(|echo| echo.timestamp)
            .or(date.map(Timestamp::millis))
            .unwrap_or(own.timestamp);
        let text = echo.as_ref().map_or(&own.text, |echo| &echo.text);
        let deleted_at = echo.as_ref().and_then(|echo| echo.deleted_at).or(buried);
        sql(
            "UPDATE messages SET message_no = ?, message_id = ?, status = 'sent', timestamp = ?, text = ?, \
             edited_at = ?, deleted_at = ?, media = ?, service = ?, sender_id = ?, reply_to = ? WHERE id = ?",
        )
        .number(number)
        .text(&message_id.to_string())
        .number(timestamp)
        .text(text)
        .number_or_null(echo.as_ref().and_then(|echo| echo.edited_at))
        .number_or_null(deleted_at)
        .text_or_null(echo.as_ref().and_then(|echo| echo.media.as_deref()))
        .text_or_null(echo.as_ref().and_then(|echo| echo.service.as_deref()))
        .number_or_null(echo.as_ref().and_then(|echo| echo.sender_id).or(own.sender_id))
        .number_or_null(own.reply_to.or(echo.as_ref().and_then(|echo| echo.reply_to)))
        .number(id.0)
        .run(self.conn)?;
        sql("DELETE FROM outbox WHERE message_row = ?")
            .number(id.0)
            .run(self.conn)?;
        search_index::remove(self, id.0, own.timestamp)?;
        if deleted_at.is_none() {
            search_index::add(self, id.0, timestamp, text)?;
        }
        let row = self.conversation(key)?;
        row.fields.top_message = row.fields.top_message.max(message_id);
        self.mark_conversation(key);
        // Its time or number moved: it may not be the newest any more.
        if self.conversation(key)?.fields.last_message == Some(id.0) || deleted_at.is_some() {
            self.summarise_anew(key)?;
        }
        let message = self.announce_sent(&account, key, id.0)?;
        self.release_held(&account, key)?;
        Ok(message)
    }

    /// The echo's row goes; the reply's row takes its place. The desk hears of it only if it had been shown.
    fn take_out(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        echo: &MessageRecord,
    ) -> JobResult<()> {
        let fields = &echo.fields;
        search_index::remove(self, fields.id, fields.timestamp)?;
        self.delete_message_row(fields.id)?;
        if self.conversation(key)?.fields.last_message == Some(fields.id) {
            self.summarise_anew(key)?;
        }
        if fields.held || fields.deleted_at.is_some() {
            return Ok(());
        }
        let body = EventBody::MessageDeleted {
            account_id: account.id,
            conversation_id: ConversationId(fields.conversation_id),
            chat_id: ChatId::from_marked(key.1),
            ids: vec![MessageRowId(fields.id)],
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
        match outcome {
            SendOutcome::Sent { message_id, date } => self.bind(id, *message_id, Some(*date)),
            SendOutcome::Refused(error) => self.refuse(&account, key, id, error),
            SendOutcome::Flood { wait } | SendOutcome::SlowMode { wait } => {
                sql("UPDATE outbox SET attempts = attempts + 1, maybe_sent = 0, retry_at = ? WHERE message_row = ?")
                    .number(self.now.plus(*wait).millis())
                    .number(id.0)
                    .run(self.conn)?;
                self.announce_sent(&account, key, id.0)
            }
            SendOutcome::Unknown { .. } | SendOutcome::NotSent { .. } => {
                let exponent = u32::try_from(row.attempts).unwrap_or(0).min(6);
                let pause = Duration::from_secs(1 << exponent).min(MAX_PAUSE);
                sql("UPDATE outbox SET attempts = attempts + 1, maybe_sent = 1, retry_at = ? WHERE message_row = ?")
                    .number(self.now.plus(pause).millis())
                    .number(id.0)
                    .run(self.conn)?;
                self.announce_sent(&account, key, id.0)
            }
        }
    }

    fn refuse(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        id: MessageRowId,
        error: &MessageError,
    ) -> JobResult<StoredMessage> {
        sql("UPDATE outbox SET failed = 1, maybe_sent = 0, attempts = attempts + 1, retry_at = NULL, error_code = ?, \
             error_message = ? WHERE message_row = ?")
        .text(&error.code)
        .text(&error.message)
        .number(id.0)
        .run(self.conn)?;
        sql("UPDATE messages SET status = 'failed' WHERE id = ?")
            .number(id.0)
            .run(self.conn)?;
        let message = self.announce_sent(account, key, id.0)?;
        self.release_held(account, key)?;
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
                search_index::add(self, fields.id, date.millis(), &fields.text)?;
            }
            self.changed_in_place(key, fields.id)?;
        }
        let record =
            MessageRecord::load(self.conn, fields.id)?.ok_or(StoreError::MessageNotFound)?;
        Ok(record.into_message())
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
}
