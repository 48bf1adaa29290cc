//! Settling: Telegram's word on an order.
//!
//! The same message may show up three ways, in any order: as the answer to the send, as the pair (random id, message id)
//! in the stream, and as an outgoing message in the stream. All of them end in the one row that the desk knows:
//! - an echo that comes after the number is bound is that row again;
//! - an echo that comes before is held (`echoes`); the binding makes the two rows one.

use super::{
    Result, StoreHandle,
    job_error::JobResult,
    message_row::{MessageRecord, account_of, chat_of},
    order_row::{OrderRow, held_text, state_text, waiting_text},
    orders::Known,
    record::Recording,
    search_index,
    sql::sql,
    tx::Tx,
};
use crate::domain::{
    Change, Made, MessageError, Order, OrderId, OrderState, OrderStatus, Outcome, Planned, Wait,
    Waiting,
};

impl Tx<'_> {
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
                self.take_changes(Recording::live(known.account.clone()), changes)?;
                return self.end_order(&known, OrderStatus::Done);
            }
            Outcome::AsItIs { asked_at, changes } => {
                let found = Recording::found(known.account.clone(), *asked_at);
                self.take_changes(found, changes)?;
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
                Some(making) => self.bind(*making, one.message_id, Some(one.into()))?,
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

    /// What Telegram's answer says of what the order concerns.
    fn take_changes(&mut self, mut recording: Recording, changes: &[Change]) -> JobResult<()> {
        if recording.account.removed {
            return Ok(());
        }
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
                self.take_changes(Recording::live(account), changes)
            }
            Outcome::AsItIs { asked_at, changes } => {
                let account = self.account(order.account_id)?.clone();
                self.take_changes(Recording::found(account, *asked_at), changes)
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
