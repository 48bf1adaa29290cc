//! Orders: from the moment somebody gave them to Telegram's definite word.
//!
//! What an order makes has its random ids committed with it; they never change, and Telegram answers a repeated one with
//! the first message.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Result, StoreError, StoreHandle,
    account_row::KnownAccount,
    job_error::JobResult,
    message_row::{MessageRecord, account_of, from_json, json},
    order_row::{OrderMessage, OrderRow, pending, state_text},
    sql::{One, sql},
    tx::{Tx, scope_of},
};
use crate::domain::{
    AccountId, ChatId, ConversationId, Deed, EventBody, MessageError, MessageRowId, Order, OrderId,
    OrderKind, OrderState, OrderStatus, StoredMessage, StoredOrder, Timestamp, Wording,
};

/// Orders of one account that may wait at the same time.
const MOST_WAITING: i64 = 5_000;

/// A random id, never 0.
pub(in crate::store) fn random_id() -> i64 {
    loop {
        let mut bytes = [0_u8; 8];
        // Without the system's random source nothing in this service is safe; uuid asks the same source.
        if getrandom::fill(&mut bytes).is_err() {
            bytes.copy_from_slice(&uuid::Uuid::new_v4().as_u128().to_be_bytes()[..8]);
        }
        let id = i64::from_be_bytes(bytes);
        if id != 0 {
            return id;
        }
    }
}

pub(in crate::store) struct NewOrder<'a> {
    pub kind: OrderKind,
    /// JSON: what its kind needs beside its messages.
    pub payload: Option<&'a str>,
    /// Rows, in order; with a random id each that it is to make.
    pub messages: &'a [(i64, Option<i64>)],
}

/// An order, where it belongs, and the rows of what it still is to make.
pub(in crate::store) struct Known {
    pub account: KnownAccount,
    pub key: (i64, i64),
    pub row: OrderRow,
    pub messages: Vec<OrderMessage>,
}

impl Known {
    pub fn makes(&self) -> impl Iterator<Item = (i64, i64)> {
        let made = |message: &OrderMessage| Some((message.message_row, message.random_id?));
        self.messages.iter().filter_map(made)
    }

    pub fn stored(&self) -> StoredOrder {
        let chat = ChatId::from_marked(self.key.1);
        stored(&self.row, &self.messages, self.account.id, chat)
    }
}

pub(in crate::store) fn stored(
    row: &OrderRow,
    messages: &[OrderMessage],
    account_id: AccountId,
    chat_id: ChatId,
) -> StoredOrder {
    let state = row.state();
    let ids = messages.iter();
    StoredOrder {
        id: row.order_id(),
        account_id,
        conversation_id: ConversationId(row.conversation_id),
        chat_id,
        // A kind that this version does not know is loaded by nothing that tells of it.
        kind: OrderKind::parse(&row.kind).unwrap_or(OrderKind::Text),
        status: OrderStatus::of(state),
        delivery: Some(state),
        messages: ids.map(|one| MessageRowId(one.message_row)).collect(),
        error: row.error_code.clone().map(|code| MessageError {
            code,
            message: row.error_message.clone().unwrap_or_default(),
        }),
        retry_at: row.retry_at.map(Timestamp::from_millis),
    }
}

impl Tx<'_> {
    pub fn add_order(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        order: &NewOrder<'_>,
    ) -> JobResult<OrderId> {
        // Of drafts there is one for each field.
        if order.kind != OrderKind::Draft && self.waiting_orders(account.no)? >= MOST_WAITING {
            return Err(StoreError::OutboxFull.into());
        }
        let conversation = self.conversation(key)?.fields.id;
        let id = sql(
            "INSERT INTO orders (account_no, conversation_id, kind, payload) VALUES (?, ?, ?, ?) RETURNING id AS n",
        )
        .number(account.no)
        .number(conversation)
        .text(order.kind.as_str())
        .text_or_null(order.payload)
        .get_result::<One>(self.conn)?
        .n;
        for (ordinal, (row, random_id)) in (0_i64..).zip(order.messages) {
            sql("INSERT INTO order_messages (order_id, ordinal, account_no, message_row, random_id) VALUES (?, ?, ?, ?, ?)")
                .number(id)
                .number(ordinal)
                .number(account.no)
                .number(*row)
                .number_or_null(*random_id)
                .run(self.conn)?;
        }
        self.state.ordered.insert(account.id);
        Ok(OrderId(id))
    }

    fn waiting_orders(&mut self, account_no: i64) -> JobResult<i64> {
        let waiting = sql(concat!(
            "SELECT count(*) AS n FROM (SELECT 1 FROM orders WHERE account_no = ? AND state IN ",
            pending!(),
            " LIMIT ?) AS waiting"
        ))
        .number(account_no)
        .number(MOST_WAITING)
        .get_result::<One>(self.conn)?;
        Ok(waiting.n)
    }

    /// `None`: it is done, or was taken back.
    pub fn order(&mut self, id: OrderId) -> JobResult<Option<Known>> {
        let Some(row) = OrderRow::load(self.conn, id)? else {
            return Ok(None);
        };
        let messages = OrderMessage::of(self.conn, id)?;
        let key = self.conversation_key(ConversationId(row.conversation_id))?;
        let account_id = account_of(&self.conversation(key)?.fields.telegram_account_id);
        let account = self.account(account_id)?.clone();
        Ok(Some(Known {
            account,
            key,
            row,
            messages,
        }))
    }

    pub fn drop_order(&mut self, id: OrderId) -> JobResult<()> {
        for text in [
            "DELETE FROM order_messages WHERE order_id = ?",
            "DELETE FROM edit_files WHERE order_id = ?",
            "DELETE FROM orders WHERE id = ?",
        ] {
            sql(text).number(id.0).run(self.conn)?;
        }
        Ok(())
    }

    /// This message is no longer to be made. With the last one the order is done.
    pub fn drop_making(&mut self, order: OrderId, row: i64) -> JobResult<()> {
        sql("DELETE FROM order_messages WHERE message_row = ? AND random_id IS NOT NULL")
            .number(row)
            .run(self.conn)?;
        self.drop_order_file(row)?;
        self.drop_order_copy(row)?;
        let left = sql(
            "SELECT count(*) AS n FROM order_messages WHERE order_id = ? AND random_id IS NOT NULL",
        )
        .number(order.0)
        .get_result::<One>(self.conn)?
        .n;
        if left == 0 {
            self.drop_order(order)?;
        }
        Ok(())
    }

    /// The message as it is now goes into the summary and to the desk.
    pub fn announce_sent(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        row: i64,
    ) -> JobResult<Arc<StoredMessage>> {
        let record = MessageRecord::load(self.conn, row)?.ok_or(StoreError::MessageNotFound)?;
        let no = record.fields.message_no;
        let message = Arc::new(record.into_message());
        // What waits for its time is in no list yet.
        if message.deleted_at.is_none() && message.scheduled_for.is_none() {
            self.summarise(key, &message, no)?;
        }
        let conversation = self.show_conversation(key)?;
        self.emit(
            account,
            EventBody::MessageSent {
                message: Arc::clone(&message),
                conversation,
            },
        )?;
        Ok(message)
    }

    /// What waits, fails or goes on is told of each message that the order makes; of an order that makes none it is told
    /// by itself.
    pub fn announce_order(&mut self, known: &Known) -> JobResult<()> {
        for (row, _) in known.makes() {
            self.announce_sent(&known.account, known.key, row)?;
        }
        if known.makes().next().is_some() {
            return Ok(());
        }
        let Some(now) = self.order(known.row.order_id())? else {
            return Ok(());
        };
        self.tell_order(&now, now.stored())
    }

    fn tell_order(&mut self, known: &Known, order: StoredOrder) -> JobResult<()> {
        Ok(self.emit(&known.account, EventBody::OrderUpdated { order })?)
    }

    /// Of an order that makes no messages: it is told of once more, and gone.
    pub fn end_order(&mut self, known: &Known, status: OrderStatus) -> JobResult<()> {
        self.drop_order(known.row.order_id())?;
        if known.row.kind == OrderKind::Draft.as_str() {
            let deed = known.row.payload.as_deref().and_then(from_json::<Deed>);
            if let Some(Deed::Draft { topic_id, .. }) = deed {
                self.field_changed((known.key, topic_id));
            }
            // They come while somebody types: of theirs only a failure is told, and its end.
            if known.row.state().is_pending() {
                return Ok(());
            }
        }
        let order = StoredOrder {
            status,
            delivery: None,
            error: None,
            retry_at: None,
            ..known.stored()
        };
        self.tell_order(known, order)
    }

    /// From here on it may be at Telegram, and what comes of our own in its chat may be its echo.
    fn mark_in_flight(
        &mut self,
        id: OrderId,
        making: usize,
        unanswered: Duration,
    ) -> JobResult<bool> {
        let Some(known) = self.order(id)? else {
            return Ok(false);
        };
        let row = &known.row;
        // A message of it was taken back, or has its number, since it was read.
        if !row.state().is_pending() || known.makes().count() != making {
            return Ok(false);
        }
        let (state, above) = match row.state() {
            OrderState::Queued => {
                let scope = scope_of(ChatId::from_marked(known.key.1));
                let above = self.newest_number(&known.account, scope)?;
                (OrderState::InFlight, Some(above))
            }
            // Nothing was heard of the call before.
            _ => (OrderState::Unanswered, row.above),
        };
        sql("UPDATE orders SET state = ?, above = ?, unanswered_ms = ?, last_at = ?, wait_of = NULL, held = NULL, wait_ms = NULL, \
             retry_at = NULL WHERE id = ?")
        .text(state_text(state))
        .number_or_null(above)
        .number(i64::try_from(unanswered.as_millis()).unwrap_or(i64::MAX))
        .number(self.now.millis())
        .number(id.0)
        .run(self.conn)?;
        Ok(true)
    }

    fn newest_number(&mut self, account: &KnownAccount, scope: i64) -> JobResult<i64> {
        Ok(
            sql("SELECT coalesce(max(message_no), 0) AS n FROM messages \
                WHERE account_no = ? AND scope = ? AND message_no < 4294967296")
            .number(account.no)
            .number(scope)
            .get_result::<One>(self.conn)?
            .n,
        )
    }
}

/// What a text has beside its message.
#[derive(Serialize, Deserialize, Default)]
pub(in crate::store) struct TextPayload {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote_offset: Option<i32>,
}

impl TextPayload {
    /// `None`: nothing beside the message itself.
    pub fn of(wording: &Wording) -> Option<String> {
        let payload = Self {
            preview: wording.no_preview.then_some(false),
            quote_offset: wording.quote.as_ref().and_then(|quote| quote.offset),
        };
        let says = payload.preview.is_some() || payload.quote_offset.is_some();
        says.then(|| json(&payload)).flatten()
    }
}

impl StoreHandle {
    /// Right before the call to Telegram. `unanswered`: how long there has been no definite answer while the line stood.
    /// `false`: it or a part of it was taken back, is done or has failed; don't make the call.
    ///
    /// # Errors
    /// As every write; then don't make the call.
    pub async fn mark_order_in_flight(&self, order: &Order, unanswered: Duration) -> Result<bool> {
        let (id, making) = (order.id, order.work.makes().len());
        self.job("mark_order_in_flight", move |tx| {
            tx.mark_in_flight(id, making, unanswered)
        })
        .await
    }

    /// How many orders wait, over all accounts.
    ///
    /// # Errors
    /// As every read.
    pub async fn count_pending(&self) -> Result<i64> {
        self.read("count_pending", |conn| {
            Ok(sql(concat!(
                "SELECT count(*) AS n FROM orders o WHERE o.state IN ",
                pending!()
            ))
            .get_result::<One>(conn)?
            .n)
        })
        .await
    }
}
