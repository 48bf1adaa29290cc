//! Retries: what did not go out goes once more, or is taken back.

use super::{
    Discard, Result, StoreError, StoreHandle,
    job_error::JobResult,
    message_row::MessageRecord,
    order_row::{OrderRow, state_text},
    orders::Known,
    sql::sql,
    tx::Tx,
};
use crate::domain::{ChatId, ConversationId, EventBody, MessageRowId, OrderState, StoredMessage};

impl Tx<'_> {
    /// The order that is to make this message.
    fn order_making(&mut self, id: MessageRowId) -> JobResult<(MessageRecord, Known)> {
        let record = MessageRecord::load(self.conn, id.0)?.ok_or(StoreError::MessageNotFound)?;
        let row = OrderRow::making(self.conn, id.0)?.ok_or(StoreError::NotWaiting("sent"))?;
        let known = self.order(row.order_id())?;
        Ok((record, known.ok_or(StoreError::NotWaiting("sent"))?))
    }

    fn retry(&mut self, id: MessageRowId) -> JobResult<StoredMessage> {
        let (record, known) = self.order_making(id)?;
        if known.account.removed {
            return Err(StoreError::AccountNotFound.into());
        }
        if known.row.state().is_pending() && known.row.retry_at.is_none() {
            return Ok(record.into_message());
        }
        self.retry_order(&known)?;
        let record = MessageRecord::load(self.conn, id.0)?.ok_or(StoreError::MessageNotFound)?;
        Ok(record.into_message())
    }

    pub fn retry_order(&mut self, known: &Known) -> JobResult<()> {
        let state = known.row.state();
        let next = match state {
            OrderState::Failed => OrderState::Queued,
            OrderState::GivenUp => OrderState::Unanswered,
            pending => pending,
        };
        sql("UPDATE orders SET state = ?, attempts = 0, unanswered_ms = 0, last_at = NULL, wait_of = NULL, held = NULL, wait_ms = NULL, \
             retry_at = NULL, error_code = NULL, error_message = NULL WHERE id = ?")
        .text(state_text(next))
        .number(known.row.id)
        .run(self.conn)?;
        self.state.ordered.insert(known.account.id);
        // What failed goes below what came since.
        if !state.is_pending() {
            let last_message_at = self.conversation(known.key)?.fields.last_message_at;
            let at = self.now.millis().max(last_message_at);
            for (row, _) in known.makes() {
                sql("UPDATE messages SET status = 'pending', timestamp = ? WHERE id = ?")
                    .number(at)
                    .number(row)
                    .run(self.conn)?;
            }
            self.put_up_anew(known)?;
        }
        self.announce_order(known)
    }

    fn discard(&mut self, id: MessageRowId, how: Discard) -> JobResult<()> {
        let (record, known) = self.order_making(id)?;
        if !how.allows(known.row.state()) {
            return Err(StoreError::MayHaveArrived.into());
        }
        let (account, key) = (&known.account, known.key);
        self.drop_making(known.row.order_id(), id.0)?;
        self.forget_keys_of(id.0)?;
        self.delete_message_row(id.0)?;
        if self.conversation(key)?.fields.last_message == Some(id.0) {
            self.summarise_anew(key)?;
        }
        let body = EventBody::MessageDeleted {
            account_id: account.id,
            conversation_id: ConversationId(record.fields.conversation_id),
            chat_id: ChatId::from_marked(key.1),
            ids: vec![id],
            message_ids: Vec::new(),
            deleted_at: self.now,
        };
        self.emit(account, body)?;
        self.release_settled(account, key)?;
        let conversation = self.show_conversation(key)?;
        self.emit(account, EventBody::ConversationUpdated { conversation })?;
        Ok(())
    }
}

impl StoreHandle {
    /// A failed or waiting one goes out again as soon as it can, with its old random id and a patience of its own; with
    /// it whatever else its order makes. Event `message_sent`.
    ///
    /// # Errors
    /// [`StoreError::MessageNotFound`], [`StoreError::NotWaiting`], or as every write.
    pub async fn retry_message(&self, id: MessageRowId) -> Result<StoredMessage> {
        self.job("retry_message", move |tx| tx.retry(id)).await
    }

    /// Takes one back that is not sent; if it did arrive, it comes again as a message from another device. Events
    /// `message_deleted` and `conversation_updated`.
    ///
    /// # Errors
    /// [`StoreError::MessageNotFound`], [`StoreError::NotWaiting`] (it is sent), [`StoreError::MayHaveArrived`], or as
    /// every write.
    pub async fn discard_message(&self, id: MessageRowId, how: Discard) -> Result<()> {
        self.job("discard_message", move |tx| tx.discard(id, how))
            .await
    }
}
