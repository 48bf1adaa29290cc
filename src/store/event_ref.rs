//! What is stored of an event.

use diesel::QueryResult;

use super::{
    engine::Conn,
    sql::{One, hot_sql, sql},
};
use crate::domain::{AccountId, EventBody, Seq, StoredMessage, Timestamp};

/// The kinds as stored; the numbers never change.
pub(super) mod kind {
    pub const RECEIVED: i32 = 1;
    pub const SENT: i32 = 2;
    pub const EDITED: i32 = 3;
    pub const DELETED: i32 = 4;
    pub const CONVERSATION: i32 = 5;
    pub const ACCOUNT: i32 = 6;
    pub const REMOVED: i32 = 7;
    pub const LOGIN: i32 = 8;
    pub const REACTED: i32 = 9;
    pub const ORDER: i32 = 10;
}

/// What is stored of an event.
pub(in crate::store) struct EventRef {
    pub kind: i32,
    pub conversation: Option<i64>,
    pub message: Option<i64>,
    pub detail: Option<String>,
}

/// The newest event that can be seen; 0 when there never was one.
pub(super) fn newest(conn: &mut Conn) -> QueryResult<Seq> {
    let newest = sql("SELECT coalesce(max(seq), 0) AS n FROM event_log");
    Ok(Seq(newest.get_result::<One>(conn)?.n))
}

/// A row of the event log that has no number yet.
pub(in crate::store) struct Unnumbered {
    pub at: Timestamp,
    pub account_no: i64,
    pub event: EventRef,
}

impl EventRef {
    pub fn of(body: &EventBody) -> Self {
        let message = |kind, message: &StoredMessage| Self {
            kind,
            conversation: Some(message.conversation_id.0),
            message: Some(message.id.0),
            detail: None,
        };
        let plain = |kind| Self {
            kind,
            conversation: None,
            message: None,
            detail: None,
        };
        match body {
            EventBody::MessageReceived { message: m, .. } => message(kind::RECEIVED, m),
            EventBody::MessageSent { message: m, .. } => message(kind::SENT, m),
            EventBody::MessageEdited { message: m, .. } => message(kind::EDITED, m),
            EventBody::MessageReacted { message: m, .. } => message(kind::REACTED, m),
            EventBody::MessageDeleted {
                conversation_id,
                ids,
                message_ids,
                ..
            } => Self {
                kind: kind::DELETED,
                conversation: Some(conversation_id.0),
                message: None,
                detail: serde_json::to_string(&(ids, message_ids)).ok(),
            },
            EventBody::ConversationUpdated { conversation } => Self {
                kind: kind::CONVERSATION,
                conversation: Some(conversation.id.0),
                message: None,
                detail: None,
            },
            // As it was then: what is done is in no table any more.
            EventBody::OrderUpdated { order } => Self {
                kind: kind::ORDER,
                conversation: Some(order.conversation_id.0),
                message: None,
                detail: serde_json::to_string(order).ok(),
            },
            EventBody::AccountStatus { .. } => plain(kind::ACCOUNT),
            EventBody::AccountRemoved { .. } => plain(kind::REMOVED),
            EventBody::LoginUpdated { .. } => plain(kind::LOGIN),
        }
    }

    pub fn insert(
        &self,
        conn: &mut Conn,
        seq: i64,
        at: Timestamp,
        account_no: i64,
    ) -> QueryResult<()> {
        hot_sql!(
            "INSERT INTO event_log (seq, at, account_no, kind, conversation_id, message_row, detail) \
             VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        .number(seq)
        .number(at.millis())
        .number(account_no)
        .number(self.kind)
        .number_or_null(self.conversation)
        .number_or_null(self.message)
        .text_or_null(self.detail.as_deref())
        .gather(conn)
    }
}

/// For `announce`: whose event it is.
pub(in crate::store) fn account_of_body(body: &EventBody) -> AccountId {
    match body {
        EventBody::MessageReceived { message, .. }
        | EventBody::MessageSent { message, .. }
        | EventBody::MessageEdited { message, .. }
        | EventBody::MessageReacted { message, .. } => message.account_id,
        EventBody::ConversationUpdated { conversation } => conversation.account_id,
        EventBody::OrderUpdated { order } => order.account_id,
        EventBody::AccountStatus { account } => account.id,
        EventBody::MessageDeleted { account_id, .. }
        | EventBody::AccountRemoved { account_id }
        | EventBody::LoginUpdated { account_id, .. } => *account_id,
    }
}
