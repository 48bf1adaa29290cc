//! Drafts: what stands in the field of a chat and is not sent, as Telegram has it.

use super::{
    Result, StoreHandle,
    job_error::JobResult,
    message_row::{account_of, from_json, json},
    orders::NewOrder,
    record::Recording,
    sql::{One, sql},
    tx::Tx,
};
use crate::domain::{
    ChatDraft, ChatId, Conversation, ConversationId, Deed, EventBody, OrderId, OrderKind,
    OrderStatus,
};

impl Tx<'_> {
    /// Typed on another device, or sent from there.
    pub fn record_draft(
        &mut self,
        recording: &mut Recording,
        chat: ChatId,
        draft: Option<&ChatDraft>,
    ) -> JobResult<()> {
        let key = (recording.account.no, chat.marked());
        if self.find_conversation(key.0, key.1)?.is_some() && self.put_draft(key, draft)? {
            // What waits here is older than what the other device has at Telegram.
            self.drop_drafts(key)?;
            recording.touch(key);
        }
        Ok(())
    }

    /// What was written is on its way: Telegram clears the field with it.
    pub fn forget_draft(&mut self, key: (i64, i64)) -> JobResult<()> {
        self.drop_drafts(key)?;
        self.put_draft(key, None).map(drop)
    }

    /// What Telegram has not been told of yet is overtaken.
    fn drop_drafts(&mut self, key: (i64, i64)) -> JobResult<()> {
        let conversation = self.conversation(key)?.fields.id;
        let overtaken = sql(
            "SELECT id AS n FROM orders WHERE conversation_id = ? AND kind = 'draft' \
                             AND state IN ('queued', 'failed', 'given_up')",
        )
        .number(conversation)
        .load::<One>(self.conn)?;
        for One { n: id } in overtaken {
            if let Some(known) = self.order(OrderId(id))? {
                self.end_order(&known, OrderStatus::TakenBack)?;
            }
        }
        Ok(())
    }

    /// Is it another one than before?
    fn put_draft(&mut self, key: (i64, i64), draft: Option<&ChatDraft>) -> JobResult<bool> {
        let fields = &mut self.conversation(key)?.fields;
        let before: Option<ChatDraft> = fields.draft.as_deref().and_then(from_json);
        let says = |draft: &ChatDraft| {
            (
                draft.text.clone(),
                draft.entities.clone(),
                draft.reply_to_message_id,
            )
        };
        if before.as_ref().map(says) == draft.map(says) {
            return Ok(false);
        }
        fields.draft = draft.and_then(json);
        self.mark_conversation(key);
        Ok(true)
    }

    fn set_draft(
        &mut self,
        id: ConversationId,
        draft: Option<&ChatDraft>,
    ) -> JobResult<(Conversation, bool)> {
        let key = self.conversation_key(id)?;
        let account_id = account_of(&self.conversation(key)?.fields.telegram_account_id);
        let account = self.living_account(account_id)?;
        let changed = self.put_draft(key, draft)?;
        let conversation = self.show_conversation(key)?;
        if changed {
            self.drop_drafts(key)?;
            let draft = draft.cloned().unwrap_or_else(|| ChatDraft::empty(self.now));
            let payload = json(&Deed::Draft { draft });
            let order = NewOrder {
                kind: OrderKind::Draft,
                payload: payload.as_deref(),
                messages: &[],
            };
            self.add_order(&account, key, &order)?;
            let conversation = conversation.clone();
            self.emit(&account, EventBody::ConversationUpdated { conversation })?;
        }
        Ok((conversation, changed))
    }
}

impl StoreHandle {
    /// What stands in a field of the desk now, and the order that tells Telegram. Event `conversation_updated`; `false`: it was there already.
    ///
    /// # Errors
    /// [`super::StoreError::ConversationNotFound`], or as every write.
    pub async fn set_draft(
        &self,
        conversation: ConversationId,
        draft: Option<ChatDraft>,
    ) -> Result<(Conversation, bool)> {
        self.job("set_draft", move |tx| {
            tx.set_draft(conversation, draft.as_ref())
        })
        .await
    }
}
