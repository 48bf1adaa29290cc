//! Settling: Telegram's word on an order.
//!
//! The same message may show up three ways, in any order: as the answer to the send, as the pair (random id, message id)
//! in the stream, and as an outgoing message in the stream. All of them end in the one row that the desk knows:
//! - an echo that comes after the number is bound is that row again;
//! - an echo that comes before is held (`echoes`); the binding makes the two rows one.

use super::{
    Result, StoreError, StoreHandle,
    account_row::KnownAccount,
    job_error::JobResult,
    message_row::{MessageRecord, account_of, chat_of},
    order_row::{OrderMessage, OrderRow, held_text, state_text, waiting_text},
    orders::Known,
    record::Recording,
    search_index,
    sql::sql,
    tx::{Tx, scope_of},
};
use crate::domain::{
    Change, ChatId, ConversationId, EventBody, Made, MessageError, MessageRowId, Order, OrderId,
    OrderState, OrderStatus, Outcome, Planned, Timestamp, Wait, Waiting,
};

/// Whose numbering a number is of.
#[derive(Clone, Copy)]
enum Numbered {
    Sent,
    Waits,
    Unclear,
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
            Numbered::Sent => self.bind(found, message_id, None)?,
            Numbered::Waits => self.bind_scheduled(found, message_id)?,
            Numbered::Unclear => return Ok(0),
        }
        Ok(1)
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
        let now = Timestamp::from_seconds(self.now.millis() / 1000);
        self.become_sent(own, number, Some(now))
    }

    /// What the order was to make is this message of Telegram's.
    fn bind(
        &mut self,
        made: OrderMessage,
        message_id: i32,
        date: Option<Timestamp>,
    ) -> JobResult<()> {
        let id = MessageRowId(made.message_row);
        let own = MessageRecord::load(self.conn, id.0)?.ok_or(StoreError::MessageNotFound)?;
        self.drop_making(OrderId(made.order_id), id.0)?;
        self.become_sent(&own, message_id, date)
    }

    fn become_sent(
        &mut self,
        own: &MessageRecord,
        message_id: i32,
        date: Option<Timestamp>,
    ) -> JobResult<()> {
        let id = MessageRowId(own.fields.id);
        let account = self
            .account(account_of(&own.fields.telegram_account_id))?
            .clone();
        let key = (account.no, chat_of(&own.fields.chat_id).marked());
        let scope = scope_of(ChatId::from_marked(key.1));
        let number = i64::from(message_id);
        search_index::remove(self, id.0, own.fields.timestamp)?;
        let echo = MessageRecord::find(self.conn, account.no, scope, number)?
            .filter(|echo| echo.fields.id != id.0);
        match &echo {
            Some(echo) => self.move_echo(&account, key, echo, own)?,
            None => {
                // The stream's word has no date. Within a second numbers tell the order, so it is a whole one as Telegram's are.
                let made = || Timestamp::from_seconds(own.fields.timestamp / 1000);
                self.give_number(id, message_id, date.unwrap_or_else(made))?;
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

    fn give_number(&mut self, id: MessageRowId, message_id: i32, date: Timestamp) -> JobResult<()> {
        sql("UPDATE messages SET message_no = ?, message_id = ?, status = 'sent', timestamp = ?, held = 0, \
             scheduled_for = NULL, scheduled_id = NULL WHERE id = ?")
            .number(message_id)
            .text(&message_id.to_string())
            .number(date.millis())
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

    fn settle(&mut self, order: &Order, outcome: &Outcome) -> JobResult<()> {
        let Some(known) = self.order(order.id)? else {
            return self.settled_before(order, outcome);
        };
        let wait_of = |whose, length| Some(Wait { whose, length });
        let (state, wait) = match outcome {
            Outcome::Done { made } => return self.done(&known, order, made),
            Outcome::Scheduled { made } => return self.planned(&known, order, made),
            Outcome::Refused(error) => return self.fail(&known, refused(&known.row), error),
            Outcome::Moved { to } => return self.follow(&known, to),
            Outcome::Changed(changes) => {
                self.take_changes(known.account.clone(), changes)?;
                return self.end_order(&known, OrderStatus::Done);
            }
            Outcome::Flood { wait } => (not_arrived(&known.row), wait_of(Waiting::Account, *wait)),
            Outcome::SlowMode { wait } => (not_arrived(&known.row), wait_of(Waiting::Chat, *wait)),
            Outcome::NotPutUp(error) => {
                if !self.put_up_again(&known)? {
                    return self.fail(&known, OrderState::Failed, error);
                }
                (not_arrived(&known.row), None)
            }
            Outcome::Paced { wait, held } => (
                not_arrived(&known.row),
                wait_of(Waiting::Pace(*held), *wait),
            ),
            Outcome::FileAway { wait } => (not_arrived(&known.row), wait_of(Waiting::File, *wait)),
            Outcome::NotSent { .. } => (not_arrived(&known.row), None),
            Outcome::Unknown { .. } => (OrderState::Unanswered, None),
        };
        // It failed meanwhile, because its account was removed: what does not end it changes nothing.
        if !known.row.state().is_pending() {
            return Ok(());
        }
        // What never left is no news, and goes out as soon as it can.
        let pause = match outcome {
            Outcome::NotSent { .. } | Outcome::NotPutUp(_) => None,
            _ => Some(wait.map_or_else(|| known.row.tries().pause(), |wait| wait.length)),
        };
        sql("UPDATE orders SET state = ?, attempts = attempts + 1, wait_of = ?, held = ?, wait_ms = ?, retry_at = ? WHERE id = ?")
            .text(state_text(state))
            .text_or_null(wait.map(|wait| waiting_text(wait.whose)))
            .text_or_null(wait.and_then(|wait| held_text(wait.whose)))
            .number_or_null(wait.map(|wait| i64::try_from(wait.length.as_millis()).unwrap_or(i64::MAX)))
            .number_or_null(pause.map(|pause| self.now.plus(pause).millis()))
            .number(order.id.0)
            .run(self.conn)?;
        if pause.is_some() {
            self.announce_order(&known)?;
        }
        if state == OrderState::Queued {
            self.release_settled(&known.account, known.key)?;
        }
        Ok(())
    }

    /// Each message gets its number. With the last one the order is done; what Telegram did not name goes on as if there
    /// had been no answer.
    fn done(&mut self, known: &Known, order: &Order, made: &[Made]) -> JobResult<()> {
        for one in made {
            let making = known
                .messages
                .iter()
                .find(|making| making.random_id == Some(one.random_id));
            match making {
                Some(making) => self.bind(*making, one.message_id, Some(one.date))?,
                None => self.dated(order, one)?,
            }
        }
        if OrderRow::load(self.conn, order.id)?.is_none() {
            return Ok(());
        }
        if order.kind().makes_messages() {
            let reason = "Telegram's answer names only some of the messages".to_owned();
            return self.settle(order, &Outcome::Unknown { reason });
        }
        self.end_order(known, OrderStatus::Done)
    }

    /// Each message has its number among the scheduled ones.
    fn planned(&mut self, known: &Known, order: &Order, made: &[Planned]) -> JobResult<()> {
        for one in made {
            let making = known
                .messages
                .iter()
                .find(|making| making.random_id == Some(one.random_id));
            if let Some(making) = making {
                self.bind_scheduled(*making, one.scheduled_id)?;
            }
        }
        if OrderRow::load(self.conn, order.id)?.is_none() {
            return Ok(());
        }
        let reason = "Telegram's answer names only some of the messages".to_owned();
        self.settle(order, &Outcome::Unknown { reason })
    }

    /// What Telegram's answer says became of what the order concerns.
    fn take_changes(&mut self, account: KnownAccount, changes: &[Change]) -> JobResult<()> {
        if account.removed {
            return Ok(());
        }
        let mut recording = Recording::live(account);
        for change in changes {
            self.record_change(&mut recording, change)?;
        }
        self.tell_touched(recording)?;
        Ok(())
    }

    /// Without a definite answer for as long as it was waited for. Settled meanwhile: that stands.
    fn give_up(&mut self, id: OrderId, error: &MessageError) -> JobResult<()> {
        match self.order(id)? {
            Some(known) if known.row.state().is_pending() => {
                self.fail(&known, OrderState::GivenUp, error)
            }
            _ => Ok(()),
        }
    }

    fn fail(&mut self, known: &Known, state: OrderState, error: &MessageError) -> JobResult<()> {
        sql("UPDATE orders SET state = ?, attempts = attempts + 1, wait_of = NULL, held = NULL, wait_ms = NULL, retry_at = NULL, \
             error_code = ?, error_message = ? WHERE id = ?")
        .text(state_text(state))
        .text(&error.code)
        .text(&error.message)
        .number(known.row.id)
        .run(self.conn)?;
        for (row, _) in known.makes() {
            sql("UPDATE messages SET status = 'failed' WHERE id = ?")
                .number(row)
                .run(self.conn)?;
        }
        self.announce_order(known)?;
        self.release_settled(&known.account, known.key)
    }

    /// The stream was faster, or it was taken back meanwhile.
    fn settled_before(&mut self, order: &Order, outcome: &Outcome) -> JobResult<()> {
        match outcome {
            Outcome::Done { made } => {
                for one in made {
                    self.dated(order, one)?;
                }
                Ok(())
            }
            Outcome::Changed(changes) => {
                let account = self.account(order.account_id)?.clone();
                self.take_changes(account, changes)
            }
            _ => Ok(()),
        }
    }

    /// The row is bound already. Only Telegram's date may be new.
    fn dated(&mut self, order: &Order, made: &Made) -> JobResult<()> {
        let making = order
            .work
            .makes()
            .iter()
            .find(|making| making.random_id == made.random_id);
        let Some(making) = making else {
            return Ok(());
        };
        let Some(record) = MessageRecord::load(self.conn, making.row.0)? else {
            return Ok(());
        };
        let fields = &record.fields;
        let date = made.date.millis();
        if fields.message_no != i64::from(made.message_id) || fields.timestamp == date {
            return Ok(());
        }
        search_index::remove(self, fields.id, fields.timestamp)?;
        sql("UPDATE messages SET timestamp = ? WHERE id = ?")
            .number(date)
            .number(fields.id)
            .run(self.conn)?;
        if fields.deleted_at.is_none() {
            let media = fields.media.as_deref();
            search_index::add(self, fields.id, date, &fields.text, media)?;
        }
        let account = self
            .account(account_of(&fields.telegram_account_id))?
            .clone();
        let key = (account.no, chat_of(&fields.chat_id).marked());
        self.changed_in_place(key, fields.id)
    }
}

/// A refusal is of this attempt: one before it, of which nothing was heard, may have arrived when the account still might write
/// there.
fn refused(row: &OrderRow) -> OrderState {
    match row.state() {
        OrderState::Unanswered => OrderState::GivenUp,
        _ => OrderState::Failed,
    }
}

/// This attempt surely did nothing; one before it may have.
fn not_arrived(row: &OrderRow) -> OrderState {
    match row.state() {
        OrderState::InFlight => OrderState::Queued,
        before => before,
    }
}

impl StoreHandle {
    /// What one attempt ended with. Events as the outcome has them: `message_sent` of what the order makes when something
    /// visible changed. What was taken back meanwhile is none.
    ///
    /// # Errors
    /// As every write; then settle again, it does no harm.
    pub async fn settle_order(&self, order: &Order, outcome: Outcome) -> Result<()> {
        let order = order.clone();
        self.job("settle_order", move |tx| tx.settle(&order, &outcome))
            .await
    }

    /// There was no definite answer within the patience. Event `message_sent` (failed), unless it was settled before.
    ///
    /// # Errors
    /// As every write; then give up again, it does no harm.
    pub async fn give_up_order(&self, id: OrderId, error: MessageError) -> Result<()> {
        self.job("give_up_order", move |tx| tx.give_up(id, &error))
            .await
    }
}
