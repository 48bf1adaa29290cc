//! Drafts: what stands in the field of a chat, or of a topic of a forum, and is not sent, as Telegram has it.

use std::time::Instant;

use diesel::{
    QueryableByName,
    sql_types::{Nullable, Text},
};

use super::{
    Result, StoreHandle,
    conversation_row::topic_drafts,
    heard::{Topic, Worth},
    job_error::JobResult,
    message_row::{account_of, from_json, json},
    orders::{Known, NewOrder},
    record::Recording,
    sql::{Number, One, sql},
    tx::Tx,
};
use crate::domain::{
    AccountId, ChatDraft, ChatId, Conversation, ConversationId, Deed, EventBody, OrderId,
    OrderKind, OrderStatus,
};

/// Topics of one chat whose fields are kept here; what is older stays at Telegram.
const MOST_TOPICS: usize = 100;

/// A field: a chat's own (and so that of a forum's General), or that of a topic.
pub(in crate::store) type Field = ((i64, i64), Option<i32>);

/// A field by its chat and topic, and the words in it.
pub type DraftedField = ((ChatId, Option<i32>), String);

#[derive(QueryableByName)]
struct DraftedRow {
    #[diesel(sql_type = Number)]
    chat: i64,
    #[diesel(sql_type = Nullable<Text>)]
    draft: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    drafts: Option<String>,
}

fn heard_of((key, topic): Field) -> Topic {
    Topic::Draft(key.0, key.1, topic.unwrap_or(0))
}

impl Tx<'_> {
    /// Typed on another device, or sent from there.
    pub fn record_draft(
        &mut self,
        recording: &mut Recording,
        chat: ChatId,
        topic_id: Option<i32>,
        draft: &ChatDraft,
    ) -> JobResult<()> {
        let key = (recording.account.no, chat.marked());
        if self.find_conversation(key.0, key.1)?.is_none() {
            return Ok(());
        }
        if let Some(topic) = topic_id.filter(|_| !draft.text.is_empty()) {
            self.want_topic(recording, chat, topic)?;
        }
        if self.take_draft(recording, (key, topic_id), draft)? {
            recording.touch(key);
        }
        let topic = heard_of((key, topic_id));
        self.heard(recording, topic);
        Ok(())
    }

    /// What Telegram has, unless something newer is on its way there, or came since it was asked. Does another text stand there now?
    pub fn take_draft(
        &mut self,
        recording: &Recording,
        field: Field,
        theirs: &ChatDraft,
    ) -> JobResult<bool> {
        let heard = &self.state.heard;
        if recording.backfilled
            && heard.worth(heard_of(field), recording.read_at) == Worth::Overtaken
        {
            return Ok(false);
        }
        let waiting = self.waiting_drafts(field)?;
        // Of one second, too: theirs may be the one that was put there from here before, and whatever it is, ours is about to replace it.
        if waiting.iter().any(|(_, ours)| !ours.is_older_than(theirs)) {
            return Ok(false);
        }
        if !theirs.text.is_empty() && self.goes_out(field, theirs)? {
            return Ok(false);
        }
        let kept = (!theirs.text.is_empty()).then_some(theirs);
        if !self.put_draft(field, kept)? {
            return Ok(false);
        }
        for (known, _) in waiting {
            self.end_order(&known, OrderStatus::TakenBack)?;
        }
        Ok(true)
    }

    /// What was written is on its way: Telegram clears the field with it.
    pub fn forget_draft(&mut self, field: Field) -> JobResult<()> {
        self.drop_drafts(field)?;
        self.field_changed(field);
        self.put_draft(field, None).map(drop)
    }

    /// What stands in a field was changed from here just now, or Telegram has just carried that out: answers that were asked for
    /// before may not know.
    pub fn field_changed(&mut self, field: Field) {
        self.state.heard.note(heard_of(field), Instant::now());
    }

    /// Is a message on its way that was written after this stood there? Telegram takes it away with that message.
    fn goes_out(&mut self, (key, topic): Field, draft: &ChatDraft) -> JobResult<bool> {
        let conversation = self.conversation(key)?.fields.id;
        let second = draft.at.millis() / 1000 * 1000;
        Ok(sql(
            "SELECT count(*) AS n FROM orders o JOIN order_messages om ON om.order_id = o.id AND om.random_id IS NOT NULL \
             JOIN messages m ON m.id = om.message_row \
             WHERE o.conversation_id = ? AND o.kind IN ('text', 'media') AND o.state IN ('queued', 'in_flight', 'unanswered') \
             AND coalesce(m.topic_id, 0) = ? AND m.timestamp >= ?",
        )
        .number(conversation)
        .number(topic.unwrap_or(0))
        .number(second)
        .get_result::<One>(self.conn)?
        .n > 0)
    }

    /// What Telegram has not been told of yet is overtaken.
    fn drop_drafts(&mut self, field: Field) -> JobResult<()> {
        for (known, _) in self.waiting_drafts(field)? {
            if !known.row.state().may_have_arrived() || !known.row.state().is_pending() {
                self.end_order(&known, OrderStatus::TakenBack)?;
            }
        }
        Ok(())
    }

    /// The orders that tell Telegram of this field, and what they say.
    fn waiting_drafts(&mut self, (key, field): Field) -> JobResult<Vec<(Known, ChatDraft)>> {
        let conversation = self.conversation(key)?.fields.id;
        let ids = sql("SELECT id AS n FROM orders WHERE conversation_id = ? AND kind = 'draft'")
            .number(conversation)
            .load::<One>(self.conn)?;
        let mut waiting = Vec::new();
        for One { n: id } in ids {
            let Some(known) = self.order(OrderId(id))? else {
                continue;
            };
            let deed = known.row.payload.as_deref().and_then(from_json::<Deed>);
            if let Some(Deed::Draft { draft, topic_id }) = deed
                && topic_id == field
            {
                waiting.push((known, draft));
            }
        }
        Ok(waiting)
    }

    /// Is it another one than before?
    fn put_draft(&mut self, (key, topic): Field, draft: Option<&ChatDraft>) -> JobResult<bool> {
        let fields = &mut self.conversation(key)?.fields;
        let says = |draft: &ChatDraft| {
            (
                draft.text.clone(),
                draft.entities.clone(),
                draft.reply_to_message_id,
            )
        };
        let same = |before: Option<&ChatDraft>| before.map(says) == draft.map(says);
        let Some(topic) = topic else {
            let before: Option<ChatDraft> = fields.draft.as_deref().and_then(from_json);
            if same(before.as_ref()) {
                return Ok(false);
            }
            fields.draft = draft.and_then(json);
            self.mark_conversation(key);
            return Ok(true);
        };
        let mut drafts = topic_drafts(fields.topic_drafts.as_deref());
        if same(drafts.get(&topic)) {
            return Ok(false);
        }
        match draft {
            Some(draft) => drafts.insert(topic, draft.clone()),
            None => drafts.remove(&topic),
        };
        if drafts.len() > MOST_TOPICS {
            let oldest = drafts.iter().min_by_key(|(_, draft)| draft.at.millis());
            let oldest = oldest.map(|(topic, _)| *topic);
            drafts.retain(|topic, _| Some(*topic) != oldest);
        }
        fields.topic_drafts = (!drafts.is_empty()).then(|| json(&drafts)).flatten();
        self.mark_conversation(key);
        Ok(true)
    }

    fn set_draft(
        &mut self,
        (id, topic_id): (ConversationId, Option<i32>),
        draft: Option<&ChatDraft>,
    ) -> JobResult<Conversation> {
        let key = self.conversation_key(id)?;
        let account_id = account_of(&self.conversation(key)?.fields.telegram_account_id);
        let account = self.living_account(account_id)?;
        let changed = self.put_draft((key, topic_id), draft)?;
        let conversation = self.show_conversation(key)?;
        if changed {
            self.field_changed((key, topic_id));
            self.drop_drafts((key, topic_id))?;
            let draft = draft.cloned().unwrap_or_else(|| ChatDraft::empty(self.now));
            let payload = json(&Deed::Draft { draft, topic_id });
            let order = NewOrder {
                kind: OrderKind::Draft,
                payload: payload.as_deref(),
                messages: &[],
            };
            self.add_order(&account, key, &order)?;
            let conversation = conversation.clone();
            self.emit(&account, EventBody::ConversationUpdated { conversation })?;
        }
        Ok(conversation)
    }
}

impl StoreHandle {
    /// What stands in a field of the desk now, and the order that tells Telegram. Event `conversation_updated`, where it was not there already.
    ///
    /// # Errors
    /// [`super::StoreError::ConversationNotFound`], or as every write.
    pub async fn set_draft(
        &self,
        conversation: ConversationId,
        topic_id: Option<i32>,
        draft: Option<ChatDraft>,
    ) -> Result<Conversation> {
        self.job("set_draft", move |tx| {
            tx.set_draft((conversation, topic_id), draft.as_ref())
        })
        .await
    }

    /// Where something stands unsent, and what, as far as that is known here.
    ///
    /// # Errors
    /// As every read.
    pub async fn drafted_fields(&self, account: AccountId) -> Result<Vec<DraftedField>> {
        self.read("drafted_fields", move |conn| {
            let rows = sql(
                "SELECT chat, draft, topic_drafts AS drafts FROM conversations \
                 WHERE account_no = (SELECT no FROM accounts WHERE id = ?) \
                 AND (draft IS NOT NULL OR topic_drafts IS NOT NULL)",
            )
            .text(&account.to_string())
            .load::<DraftedRow>(conn)?;
            let mut fields = Vec::new();
            for row in rows {
                let chat = ChatId::from_marked(row.chat);
                let own: Option<ChatDraft> = row.draft.as_deref().and_then(from_json);
                fields.extend(own.map(|draft| ((chat, None), draft.text)));
                let topics = topic_drafts(row.drafts.as_deref()).into_iter();
                fields.extend(topics.map(|(topic, draft)| ((chat, Some(topic)), draft.text)));
            }
            Ok(fields)
        })
        .await
    }

    /// Has the account anything that could be a forum?
    ///
    /// # Errors
    /// As every read.
    pub async fn has_supergroups(&self, account: AccountId) -> Result<bool> {
        self.read("has_supergroups", move |conn| {
            let found = sql("SELECT count(*) AS n FROM (SELECT 1 FROM conversations \
                              WHERE account_no = (SELECT no FROM accounts WHERE id = ?) AND kind = 'supergroup' LIMIT 1) AS s")
                .text(&account.to_string())
                .get_result::<One>(conn)?;
            Ok(found.n > 0)
        })
        .await
    }
}
