//! Topics: what a forum's topics are called, by the service messages that say so.

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Integer, Text},
};

use super::{
    Result, StoreHandle,
    engine::Conn,
    message_row::topic,
    sql::sql,
    tx::{Tx, scope_of},
};
use crate::domain::{ConversationId, Extra, IncomingMessage, Topic};

/// Topics of one answer.
const MOST: i64 = 1000;

#[derive(QueryableByName)]
pub(super) struct Titled {
    #[diesel(sql_type = Integer)]
    pub id: i32,
    #[diesel(sql_type = Text)]
    pub title: String,
}

impl Tx<'_> {
    /// A message that says what its topic is called now.
    pub fn note_topic(&mut self, account_no: i64, message: &IncomingMessage) -> QueryResult<()> {
        let Some(id) = message.topic_id else {
            return Ok(());
        };
        let title = message.extra.as_deref().and_then(Extra::topic_title);
        let Some(title) = title else { return Ok(()) };
        let scope = scope_of(message.chat);
        self.put_topic(
            (account_no, scope, id),
            title,
            i64::from(message.message_id),
        )
    }

    /// The newest message that says it counts, in whatever order they come.
    pub fn put_topic(
        &mut self,
        key: (i64, i64, i32),
        title: &str,
        said_by: i64,
    ) -> QueryResult<()> {
        sql("INSERT INTO topics (account_no, scope, topic_id, title, said_by) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (account_no, scope, topic_id) DO UPDATE SET title = excluded.title, said_by = excluded.said_by \
             WHERE excluded.said_by >= topics.said_by")
        .number(key.0)
        .number(key.1)
        .number(key.2)
        .text(title)
        .number(said_by)
        .run(self.conn)?;
        Ok(())
    }
}

/// As a message shows it.
pub(super) fn titled(conn: &mut Conn, key: (i64, i64, i32)) -> QueryResult<Topic> {
    let found = sql("SELECT topic_id AS id, title FROM topics WHERE account_no = ? AND scope = ? AND topic_id = ?")
        .number(key.0)
        .number(key.1)
        .number(key.2)
        .load::<Titled>(conn)?
        .pop();
    Ok(topic(key.2, found.map(|found| found.title)))
}

impl StoreHandle {
    /// A forum's topics as far as their titles are known, newest first; General is none of them.
    ///
    /// # Errors
    /// As every read.
    pub async fn list_topics(&self, conversation: ConversationId) -> Result<Vec<Topic>> {
        self.read("list_topics", move |conn| {
            let rows = sql("SELECT t.topic_id AS id, t.title FROM conversations c \
                            JOIN topics t ON t.account_no = c.account_no AND t.scope = -1000000000000 - c.chat \
                            WHERE c.id = ? ORDER BY t.topic_id DESC LIMIT ?")
                .number(conversation.0)
                .number(MOST)
                .load::<Titled>(conn)?;
            Ok(rows.into_iter().map(|row| topic(row.id, Some(row.title))).collect())
        })
        .await
    }
}
