//! Topics: what a forum's topics are called, by the service messages that say so; Telegram is asked for the others.

use diesel::{QueryResult, QueryableByName, sql_types::Text};

use super::{
    Result, StoreHandle,
    engine::Conn,
    job_error::JobResult,
    message_row::topic,
    record::Recording,
    sql::{Number, hot_sql, sql},
    tx::{Tx, scope_of},
};
use crate::domain::{AccountId, ChatId, ConversationId, Extra, ForumTopic, IncomingMessage, Topic};

/// Topics of one answer.
const MOST: i64 = 1000;
/// Topics that Telegram is asked for at once.
const AT_ONCE: i64 = 100;
/// The topic that every forum has; it is named by the page's language.
const GENERAL: i32 = 1;

#[derive(QueryableByName)]
struct Unknown {
    #[diesel(sql_type = Number)]
    scope: i64,
    #[diesel(sql_type = Number)]
    id: i32,
}

#[derive(QueryableByName)]
pub(super) struct Titled {
    #[diesel(sql_type = Number)]
    pub id: i32,
    #[diesel(sql_type = Text)]
    pub title: String,
}

impl Tx<'_> {
    /// A message that says what its topic is called now, or is of one that nothing has named.
    pub fn note_topic(
        &mut self,
        recording: &mut Recording,
        message: &IncomingMessage,
    ) -> QueryResult<()> {
        let Some(id) = message.topic_id else {
            return Ok(());
        };
        let title = message.extra.as_deref().and_then(Extra::topic_title);
        let Some(title) = title else {
            return self.want_topic(recording, message.chat, id);
        };
        let scope = scope_of(message.chat);
        self.put_topic(
            (recording.account.no, scope, id),
            title,
            i64::from(message.message_id),
        )
    }

    /// Its title is asked for, unless it is known or there is none.
    pub fn want_topic(
        &mut self,
        recording: &mut Recording,
        chat: ChatId,
        topic: i32,
    ) -> QueryResult<()> {
        let key = (recording.account.no, scope_of(chat), topic);
        let new = hot_sql!(
            "INSERT INTO unknown_topics (account_no, scope, topic_id) SELECT ?, ?, ? WHERE NOT EXISTS \
             (SELECT 1 FROM topics WHERE account_no = ? AND scope = ? AND topic_id = ?) \
             ON CONFLICT (account_no, scope, topic_id) DO NOTHING"
        )
        .number(key.0)
        .number(key.1)
        .number(key.2)
        .number(key.0)
        .number(key.1)
        .number(key.2)
        .run(self.conn)?;
        recording.unknown_topics |= new > 0;
        Ok(())
    }

    /// The chat is listed anew: what was refused of it may be given now.
    pub fn forgive_topics(&mut self, account_no: i64, chat: ChatId) -> QueryResult<()> {
        sql("UPDATE unknown_topics SET gone = 0 WHERE account_no = ? AND scope = ? AND gone = 1")
            .number(account_no)
            .number(scope_of(chat))
            .run(self.conn)?;
        Ok(())
    }

    /// As Telegram tells of them when it is asked.
    pub fn record_topics(
        &mut self,
        recording: &mut Recording,
        chat: ChatId,
        topics: &[ForumTopic],
        gone: &[i32],
    ) -> JobResult<()> {
        let (account_no, scope) = (recording.account.no, scope_of(chat));
        let key = (account_no, chat.marked());
        let known = self.find_conversation(key.0, key.1)?.is_some();
        for topic in topics.iter().filter(|topic| topic.id != GENERAL) {
            let before = titled(self.conn, (account_no, scope, topic.id))?.title;
            let said_by = i64::from(topic.top_message);
            self.put_topic((account_no, scope, topic.id), &topic.title, said_by)?;
            if known && before.as_deref() != Some(&topic.title) {
                recording.touch(key);
            }
            if let Some(draft) = &topic.draft {
                self.record_draft(recording, chat, Some(topic.id), draft)?;
            }
        }
        for topic in gone {
            sql("UPDATE unknown_topics SET gone = 1 WHERE account_no = ? AND scope = ? AND topic_id = ?")
                .number(account_no)
                .number(scope)
                .number(*topic)
                .run(self.conn)?;
        }
        Ok(())
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
        sql("DELETE FROM unknown_topics WHERE account_no = ? AND scope = ? AND topic_id = ?")
            .number(key.0)
            .number(key.1)
            .number(key.2)
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
    /// Topics of one chat that are still to be asked for.
    ///
    /// # Errors
    /// As every read.
    pub async fn next_unknown_topics(
        &self,
        account: AccountId,
    ) -> Result<Option<(ChatId, Vec<i32>)>> {
        self.read("next_unknown_topics", move |conn| {
            let rows = sql("SELECT scope, topic_id AS id FROM unknown_topics \
                            WHERE account_no = (SELECT no FROM accounts WHERE id = ?) AND gone = 0 \
                            ORDER BY scope, topic_id LIMIT ?")
            .text(&account.to_string())
            .number(AT_ONCE)
            .load::<Unknown>(conn)?;
            let Some(scope) = rows.first().map(|row| row.scope) else {
                return Ok(None);
            };
            let of_chat = rows.iter().filter(|row| row.scope == scope);
            Ok(Some((
                ChatId::channel(scope),
                of_chat.map(|row| row.id).collect(),
            )))
        })
        .await
    }

    /// Telegram has no answer to these.
    ///
    /// # Errors
    /// As every write.
    pub async fn give_up_topics(
        &self,
        account: AccountId,
        chat: ChatId,
        topics: Vec<i32>,
    ) -> Result<()> {
        self.job("give_up_topics", move |tx| {
            let account = tx.living_account(account)?.clone();
            let mut recording = Recording::of_history(account);
            tx.record_topics(&mut recording, chat, &[], &topics)
        })
        .await
    }

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
