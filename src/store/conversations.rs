//! Reading conversations: the list with its filters, and single ones.

use std::{collections::HashMap, sync::Arc};

use diesel::QueryResult;

use super::{
    ConversationFilter, Page, Result, StoreHandle,
    conversation_row::{ConversationFields, select_conversations},
    cursor::{Cursor, List, page_size},
    engine::Conn,
    job_error::JobResult,
    messages,
    sql::{id_list, sql},
};
use crate::domain::{AccountId, ChatId, Conversation, ConversationId, Timestamp};

/// Puts the newest messages beside their conversations, with one query for all.
fn complete(conn: &mut Conn, rows: Vec<ConversationFields>) -> QueryResult<Vec<Conversation>> {
    let newest: Vec<i64> = rows.iter().filter_map(|row| row.last_message).collect();
    let mut newest: HashMap<i64, _> = messages::by_ids(conn, &newest)?
        .into_iter()
        .map(|message| (message.id.0, Arc::new(message)))
        .collect();
    let now = Timestamp::now();
    Ok(rows
        .into_iter()
        .map(|row| {
            let last = row.last_message.and_then(|id| newest.remove(&id));
            row.shown(last, now)
        })
        .collect())
}

pub(in crate::store) fn by_ids(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<Conversation>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sql(select_conversations!(
        "WHERE c.id IN (SELECT value FROM json_each(?)) \
         AND c.account_no NOT IN (SELECT no FROM accounts WHERE purge)"
    ))
    .text(&id_list(ids))
    .load(conn)?;
    complete(conn, rows)
}

/// The list's statement. Which index it walks depends on the filter, so the text does too.
pub(in crate::store) fn list_text(filter: &ConversationFilter) -> String {
    let mut text = String::from(select_conversations!(""));
    let one_account = filter.account_ids.len() == 1;
    text.push_str(match (filter.unread, one_account) {
        (true, _) => "INDEXED BY conversations_unread ",
        (false, true) => "INDEXED BY conversations_by_account ",
        (false, false) => "INDEXED BY conversations_by_time ",
    });
    text.push_str(
        "WHERE (c.last_message_at, c.id) < (?, ?) \
         AND c.account_no NOT IN (SELECT no FROM accounts WHERE purge) ",
    );
    match filter.account_ids.len() {
        0 => {}
        1 => text.push_str("AND c.account_no = (SELECT no FROM accounts WHERE id = ?) "),
        _ => text.push_str(
            "AND c.account_no IN (SELECT no FROM accounts WHERE id IN (SELECT e.value FROM json_each(?) e)) ",
        ),
    }
    if filter.unread {
        text.push_str("AND c.unread > 0 ");
    }
    if filter.kind.is_some() {
        text.push_str("AND c.kind = ? ");
    }
    if filter.q.is_some() {
        text.push_str("AND instr(c.find_key, ?) > 0 ");
    }
    text.push_str("ORDER BY c.last_message_at DESC, c.id DESC LIMIT ?");
    text
}

fn list(conn: &mut Conn, filter: &ConversationFilter) -> JobResult<Page<Conversation>> {
    let limit = page_size(filter.limit);
    let after = match &filter.cursor {
        Some(cursor) => Cursor::of(List::Conversations, cursor)?,
        None => [i64::MAX, i64::MAX, 0],
    };
    let text = list_text(filter);
    let accounts = match filter.account_ids.as_slice() {
        [] => None,
        [one] => Some(one.to_string()),
        several => serde_json::to_string(several).ok(),
    };
    let q = filter.q.as_deref().map(|q| q.trim().to_lowercase());
    let mut statement = sql(&text).number(after[0]).number(after[1]);
    if let Some(accounts) = &accounts {
        statement = statement.text(accounts);
    }
    if let Some(kind) = filter.kind {
        statement = statement.text(kind.as_str());
    }
    if let Some(q) = &q {
        statement = statement.text(q);
    }
    let mut rows = statement
        .number(limit as i64 + 1)
        .load::<ConversationFields>(conn)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(|row| {
        Cursor {
            list: List::Conversations,
            key: [row.last_message_at, row.id, 0],
        }
        .text()
    });
    Ok(Page {
        items: complete(conn, rows)?,
        next_cursor,
    })
}

impl StoreHandle {
    /// Newest first.
    ///
    /// # Errors
    /// [`super::StoreError::InvalidCursor`], or as every read.
    pub async fn list_conversations(
        &self,
        filter: ConversationFilter,
    ) -> Result<Page<Conversation>> {
        let mut filter = filter;
        filter.q = filter.q.filter(|q| !q.trim().is_empty());
        self.ask("list_conversations", move |conn| list(conn, &filter))
            .await
    }

    /// One conversation.
    ///
    /// # Errors
    /// As every read.
    pub async fn get_conversation(&self, id: ConversationId) -> Result<Option<Conversation>> {
        self.read("get_conversation", move |conn| {
            Ok(by_ids(conn, &[id.0])?.pop())
        })
        .await
    }

    /// An account's conversation in this chat.
    ///
    /// # Errors
    /// As every read.
    pub async fn conversation_of(
        &self,
        account: AccountId,
        chat: ChatId,
    ) -> Result<Option<Conversation>> {
        self.read("conversation_of", move |conn| {
            let rows = sql(select_conversations!(
                "WHERE c.account_no = (SELECT no FROM accounts WHERE id = ?) AND c.chat = ?"
            ))
            .text(&account.to_string())
            .number(chat.marked())
            .load(conn)?;
            Ok(complete(conn, rows)?.pop())
        })
        .await
    }
}
