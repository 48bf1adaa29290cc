//! Deeds: orders for something to be done to messages, or a chat, that are there.

use diesel::{QueryableByName, sql_types::Text};

use super::{
    Discard, QueueDeed, QueuedDeed, QueuedFile, Result, StoreError, StoreHandle,
    idempotency::MessagesKey,
    job_error::JobResult,
    message_row::{MessageRecord, account_of, json},
    order_row::{OrderMessage, OrderRow, makes_messages, select_orders},
    orders::{Known, NewOrder, stored},
    sql::{Number, sql},
    tx::Tx,
};
use crate::domain::{
    AccountId, ChatId, ConversationId, Deed, OrderId, OrderStatus, StoredMessage, StoredOrder,
};

/// Orders of one conversation that are listed; more don't wait at the same time.
const LISTED: i64 = 500;

#[derive(QueryableByName)]
struct Listed {
    #[diesel(embed)]
    order: OrderRow,
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = Number)]
    chat: i64,
}

/// As it is queued, the same at every run of its job.
struct Ask {
    queue: QueueDeed,
    /// What an edit brings.
    file: Option<QueuedFile>,
    payload: String,
    call: Option<MessagesKey>,
}

impl Ask {
    fn new(queue: QueueDeed, file: Option<QueuedFile>) -> Option<Self> {
        let payload = json(&queue.deed)?;
        let asked = queue.asked.as_ref().unwrap_or(&queue.deed);
        let mut parts: Vec<Vec<u8>> = vec![json(asked)?.into_bytes()];
        parts.extend(queue.messages.iter().map(|id| id.0.to_be_bytes().to_vec()));
        if let Some(QueuedFile { file, sha256 }) = &file {
            let said = [sha256.as_str(), file.name.as_str(), file.shape.as_str()];
            parts.extend(said.map(|text| text.as_bytes().to_vec()));
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let call = MessagesKey::of(queue.idempotency_key.as_deref(), &parts);
        Some(Self {
            queue,
            file,
            payload,
            call,
        })
    }
}

impl Tx<'_> {
    fn queue_deed(&mut self, ask: &Ask) -> JobResult<QueuedDeed> {
        let queue = &ask.queue;
        let conversation = queue.conversation;
        let key = self.conversation_key(conversation)?;
        let account_id = account_of(&self.conversation(key)?.fields.telegram_account_id);
        let account = self.living_account(account_id)?;
        if let Some(messages) = self.first_call(conversation.0, ask.call.as_ref())? {
            return Ok(QueuedDeed {
                messages,
                conversation: self.show_conversation(key)?,
                ordered: false,
            });
        }
        let mut rows = Vec::new();
        for id in &queue.messages {
            let record =
                MessageRecord::load(self.conn, id.0)?.ok_or(StoreError::MessageNotFound)?;
            if is_wanted(
                &record,
                conversation,
                ChatId::from_marked(key.1),
                &queue.deed,
            )? {
                rows.push((id.0, None));
            }
        }
        let ordered = queue.deed.is_about_chat() || !rows.is_empty();
        if ordered {
            let order = NewOrder {
                kind: queue.deed.kind(),
                payload: Some(&ask.payload),
                messages: &rows,
            };
            let id = self.add_order(&account, key, &order)?;
            if let Some(new) = &ask.file {
                self.add_edit_file(account.no, id, &new.file)?;
            }
            let known = self.order(id)?.ok_or(StoreError::OrderNotFound)?;
            self.announce_order(&known)?;
        }
        let asked: Vec<i64> = queue.messages.iter().map(|id| id.0).collect();
        self.keep_key(conversation.0, ask.call.as_ref(), &asked)?;
        Ok(QueuedDeed {
            messages: self.messages_of(&asked)?,
            conversation: self.show_conversation(key)?,
            ordered,
        })
    }

    fn messages_of(&mut self, rows: &[i64]) -> JobResult<Vec<StoredMessage>> {
        let mut messages = Vec::new();
        for row in rows {
            let record = MessageRecord::load(self.conn, *row)?;
            messages.extend(record.map(MessageRecord::into_message));
        }
        Ok(messages)
    }

    /// An order by itself, which makes no messages.
    fn deed(&mut self, id: OrderId) -> JobResult<Known> {
        let known = self.order(id)?.ok_or(StoreError::OrderNotFound)?;
        if known.makes().next().is_some() {
            return Err(StoreError::OrderNotFound.into());
        }
        Ok(known)
    }

    fn retry_deed(&mut self, id: OrderId) -> JobResult<StoredOrder> {
        let known = self.deed(id)?;
        if known.account.removed {
            return Err(StoreError::AccountNotFound.into());
        }
        if !known.row.state().is_pending() || known.row.retry_at.is_some() {
            self.retry_order(&known)?;
        }
        Ok(self.deed(id)?.stored())
    }

    fn drop_deed(&mut self, id: OrderId, how: Discard) -> JobResult<()> {
        let known = self.deed(id)?;
        if !how.allows(known.row.state()) {
            return Err(StoreError::MayBeDone.into());
        }
        self.end_order(&known, OrderStatus::TakenBack)
    }
}

/// Is there something to do? `Err`: it can't be done to this message.
fn is_wanted(
    record: &MessageRecord,
    conversation: ConversationId,
    chat: ChatId,
    deed: &Deed,
) -> Result<bool> {
    let fields = &record.fields;
    if fields.conversation_id != conversation.0 {
        return Err(StoreError::SeveralConversations);
    }
    let numbered = match deed.is_about_scheduled() {
        true => fields.scheduled_id.is_some(),
        false => fields.message_id.is_some(),
    };
    if !numbered && fields.deleted_at.is_none() {
        return Err(StoreError::NotSentYet);
    }
    if fields.deleted_at.is_some() {
        return match deed {
            Deed::Delete { .. } | Deed::Withdraw => Ok(false),
            _ => Err(StoreError::MessageDeleted),
        };
    }
    // The posts of a channel are its admins' in common.
    let is_edit = matches!(deed, Deed::Edit { .. });
    if is_edit && fields.direction != "outgoing" && chat.channel_id().is_none() {
        return Err(StoreError::NotOurs);
    }
    Ok(true)
}

impl StoreHandle {
    /// Orders something to be done to messages, or to a chat. Event `order_updated` (pending).
    ///
    /// # Errors
    /// [`StoreError::ConversationNotFound`], [`StoreError::MessageNotFound`], [`StoreError::AccountNotFound`] (it was
    /// removed), [`StoreError::IdempotencyConflict`], [`StoreError::NotSentYet`], [`StoreError::MessageDeleted`],
    /// [`StoreError::NotOurs`], [`StoreError::SeveralConversations`], or as every write. Nothing is stored then.
    pub async fn queue_deed(&self, queue: QueueDeed) -> Result<QueuedDeed> {
        self.queue_any_deed(queue, None).await
    }

    /// As [`Self::queue_deed`]: an edit that puts another file into its message. With the commit the staged file belongs to it.
    ///
    /// # Errors
    /// As of [`Self::queue_deed`].
    pub async fn queue_replacement(&self, edit: QueueDeed, file: QueuedFile) -> Result<QueuedDeed> {
        self.queue_any_deed(edit, Some(file)).await
    }

    async fn queue_any_deed(
        &self,
        queue: QueueDeed,
        file: Option<QueuedFile>,
    ) -> Result<QueuedDeed> {
        let call = "queue_deed";
        let cause = || "a deed can't be written down".to_owned();
        let ask = Ask::new(queue, file).ok_or_else(|| StoreError::Broken {
            call,
            cause: cause(),
        })?;
        self.job(call, move |tx| tx.queue_deed(&ask)).await
    }

    /// The orders of a conversation that are not done and make no messages, oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn list_orders(&self, conversation: ConversationId) -> Result<Vec<StoredOrder>> {
        self.read("list_orders", move |conn| {
            let rows = sql(concat!(
                select_orders!(
                    ", c.telegram_account_id AS account, c.chat FROM orders o JOIN conversations c ON c.id = o.conversation_id \
                     WHERE o.conversation_id = ? AND o.kind NOT IN "
                ),
                makes_messages!(),
                " ORDER BY o.id LIMIT ?",
            ))
            .number(conversation.0)
            .number(LISTED)
            .load::<Listed>(conn)?;
            let mut orders = Vec::new();
            for row in rows {
                let messages = OrderMessage::of(conn, row.order.order_id())?;
                let chat = ChatId::from_marked(row.chat);
                orders.push(stored(&row.order, &messages, account_of(&row.account), chat));
            }
            Ok(orders)
        })
        .await
    }

    /// Whose order it is; `None`: it is done, or was taken back.
    ///
    /// # Errors
    /// As every read.
    pub async fn order_account(&self, id: OrderId) -> Result<Option<AccountId>> {
        self.read("order_account", move |conn| {
            let rows = sql(select_orders!(
                ", c.telegram_account_id AS account, c.chat FROM orders o JOIN conversations c ON c.id = o.conversation_id \
                 WHERE o.id = ?"
            ))
            .number(id.0)
            .load::<Listed>(conn)?;
            Ok(rows.first().map(|row| account_of(&row.account)))
        })
        .await
    }

    /// A failed or waiting one again, as soon as it can be, with a patience of its own. Event `order_updated`.
    ///
    /// # Errors
    /// [`StoreError::OrderNotFound`], [`StoreError::AccountNotFound`] (it was removed), or as every write.
    pub async fn retry_deed(&self, id: OrderId) -> Result<StoredOrder> {
        self.job("retry_deed", move |tx| tx.retry_deed(id)).await
    }

    /// Takes one back that is not done. Event `order_updated` (taken back).
    ///
    /// # Errors
    /// [`StoreError::OrderNotFound`], [`StoreError::MayBeDone`], or as every write.
    pub async fn drop_deed(&self, id: OrderId, how: Discard) -> Result<()> {
        self.job("drop_deed", move |tx| tx.drop_deed(id, how)).await
    }
}
