//! The event log: numbers and references, rendered from what the rows are when somebody asks.

use std::{collections::HashMap, sync::Arc};

use diesel::{QueryResult, QueryableByName};

use super::{
    Result, StoreHandle,
    account_row::AccountRow,
    conversations,
    engine::Conn,
    event_ref::{kind, newest},
    message_row::from_json,
    messages,
    schema::event_log,
    sql::{One, sql},
};
use crate::domain::{
    Account, AccountId, Conversation, Event, EventBody, MessageRowId, Seq, StoredMessage, Timestamp,
};

/// Events read at once at most.
const READ_MAX: u32 = 1000;

#[derive(QueryableByName, Debug)]
#[diesel(table_name = event_log)]
struct EventRow {
    seq: i64,
    at: i64,
    account_no: i64,
    kind: i32,
    conversation_id: Option<i64>,
    message_row: Option<i64>,
    detail: Option<String>,
}

/// The rows that a page of events speaks of, each read once.
struct Rows {
    accounts: HashMap<i64, (AccountId, Option<Account>)>,
    conversations: HashMap<i64, Conversation>,
    messages: HashMap<i64, Arc<StoredMessage>>,
}

impl Rows {
    fn read(conn: &mut Conn, events: &[EventRow]) -> QueryResult<Self> {
        let distinct = |ids: &mut Vec<i64>| {
            ids.sort_unstable();
            ids.dedup();
        };
        let mut accounts: Vec<i64> = events.iter().map(|event| event.account_no).collect();
        let mut conversations: Vec<i64> = events
            .iter()
            .filter_map(|event| event.conversation_id)
            .collect();
        let mut messages: Vec<i64> = events
            .iter()
            .filter_map(|event| event.message_row)
            .collect();
        distinct(&mut accounts);
        distinct(&mut conversations);
        distinct(&mut messages);
        Ok(Self {
            accounts: AccountRow::by_numbers(conn, &accounts)?
                .into_iter()
                .map(|row| (row.no(), (row.account_id(), row.listed())))
                .collect(),
            conversations: conversations::by_ids(conn, &conversations)?
                .into_iter()
                .map(|conversation| (conversation.id.0, conversation))
                .collect(),
            messages: messages::by_ids(conn, &messages)?
                .into_iter()
                .map(|message| (message.id.0, Arc::new(message)))
                .collect(),
        })
    }

    /// `None` only for an account that never was: the log and the accounts are written together.
    fn render(&self, row: &EventRow) -> Option<Event> {
        let (account_id, account) = self.accounts.get(&row.account_no)?;
        let account_id = *account_id;
        let gone = || EventBody::AccountRemoved { account_id };
        let status = || match account {
            Some(account) => EventBody::AccountStatus {
                account: Box::new(account.clone()),
            },
            None => gone(),
        };
        let conversation = row
            .conversation_id
            .and_then(|id| self.conversations.get(&id));
        let message = row.message_row.and_then(|id| self.messages.get(&id));
        let body = match (row.kind, conversation, message) {
            (kind::ACCOUNT | kind::LOGIN, ..) => status(),
            (kind::REMOVED, ..) => gone(),
            // History was deleted with its account.
            (_, None, _) => gone(),
            (kind::CONVERSATION, Some(conversation), _) => EventBody::ConversationUpdated {
                conversation: conversation.clone(),
            },
            (kind::DELETED, Some(conversation), _) => deleted(conversation, row),
            (kind::ORDER, Some(conversation), _) => match row.detail.as_deref().map(from_json) {
                Some(Some(order)) => EventBody::OrderUpdated { order },
                _ => EventBody::ConversationUpdated {
                    conversation: conversation.clone(),
                },
            },
            (_, Some(conversation), None) => taken_back(conversation, row),
            (kind::EDITED, Some(conversation), Some(message)) => EventBody::MessageEdited {
                message: Arc::clone(message),
                conversation: conversation.clone(),
            },
            (kind::REACTED, Some(conversation), Some(message)) => EventBody::MessageReacted {
                message: Arc::clone(message),
                conversation: conversation.clone(),
            },
            (kind::SENT, Some(conversation), Some(message)) => EventBody::MessageSent {
                message: Arc::clone(message),
                conversation: conversation.clone(),
            },
            (_, Some(conversation), Some(message)) => EventBody::MessageReceived {
                message: Arc::clone(message),
                conversation: conversation.clone(),
            },
        };
        Some(Event {
            seq: Seq(row.seq),
            at: Timestamp::from_millis(row.at),
            account_id,
            body,
            read_at: None,
            of_sign_in: row.kind == kind::LOGIN,
        })
    }
}

fn rendered(conn: &mut Conn, events: &[EventRow]) -> QueryResult<Vec<Arc<Event>>> {
    let rows = Rows::read(conn, events)?;
    Ok(events
        .iter()
        .filter_map(|event| rows.render(event))
        .map(Arc::new)
        .collect())
}

fn deleted(conversation: &Conversation, row: &EventRow) -> EventBody {
    let (ids, message_ids) = row
        .detail
        .as_deref()
        .and_then(|text| serde_json::from_str::<(Vec<MessageRowId>, Vec<String>)>(text).ok())
        .unwrap_or_default();
    EventBody::MessageDeleted {
        account_id: conversation.account_id,
        conversation_id: conversation.id,
        chat_id: conversation.chat_id,
        ids,
        message_ids,
        deleted_at: Timestamp::from_millis(row.at),
    }
}

/// A reply that was taken back, or an echo that turned out to be one of ours: the row is not there any more.
fn taken_back(conversation: &Conversation, row: &EventRow) -> EventBody {
    EventBody::MessageDeleted {
        account_id: conversation.account_id,
        conversation_id: conversation.id,
        chat_id: conversation.chat_id,
        ids: row.message_row.map(MessageRowId).into_iter().collect(),
        message_ids: Vec::new(),
        deleted_at: Timestamp::from_millis(row.at),
    }
}

fn number(conn: &mut Conn, text: &'static str) -> QueryResult<Seq> {
    Ok(Seq(sql(text).get_result::<One>(conn)?.n))
}

impl StoreHandle {
    /// What was committed for one account after `after` and up to `end`, as [`events_after`](Self::events_after) gives it.
    ///
    /// # Errors
    /// As every read.
    pub async fn events_of(
        &self,
        account: AccountId,
        after: Seq,
        end: Seq,
        limit: u32,
    ) -> Result<Vec<Arc<Event>>> {
        self.read("events_of", move |conn| {
            let account = account.to_string();
            let events = sql("SELECT seq, at, account_no, kind, conversation_id, message_row, detail FROM event_log \
                              WHERE seq > ? AND seq <= ? AND account_no = (SELECT no FROM accounts WHERE id = ?) \
                              ORDER BY seq LIMIT ?")
            .number(after.0)
            .number(end.0)
            .text(&account)
            .number(limit.clamp(1, READ_MAX))
            .load::<EventRow>(conn)?;
            rendered(conn, &events)
        })
        .await
    }

    /// What was committed after `seq`, in order; at most 1,000 at once, rendered from what the rows are now.
    ///
    /// A `login_updated` comes back as the account's status: what a sign-in shows is never stored.
    ///
    /// # Errors
    /// As every read.
    pub async fn events_after(&self, seq: Seq, limit: u32) -> Result<Vec<Arc<Event>>> {
        self.read("events_after", move |conn| {
            let events = sql("SELECT seq, at, account_no, kind, conversation_id, message_row, detail FROM event_log \
                              WHERE seq > ? ORDER BY seq LIMIT ?")
            .number(seq.0)
            .number(limit.clamp(1, READ_MAX))
            .load::<EventRow>(conn)?;
            rendered(conn, &events)
        })
        .await
    }

    /// The oldest event that can still be replayed; 1 when there never was one.
    ///
    /// # Errors
    /// As every read.
    pub async fn oldest_seq(&self) -> Result<Seq> {
        self.read("oldest_seq", |conn| {
            number(conn, "SELECT coalesce(min(seq), 1) AS n FROM event_log")
        })
        .await
    }

    /// The newest event; 0 when there never was one.
    ///
    /// # Errors
    /// As every read.
    pub async fn last_seq(&self) -> Result<Seq> {
        self.read("last_seq", newest).await
    }
}
