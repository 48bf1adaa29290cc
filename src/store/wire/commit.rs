//! Commit: how a transaction ends: what was gathered is written, events get their numbers, and the mark says that all of it is there.

use diesel::{QueryResult, result::Error};
use futures_util::future::{join, try_join_all};
use tokio_postgres::types::{ToSql, Type};

use super::Postgres;
use crate::store::{
    copying::Copying,
    dialect::text_of,
    event_columns::{CHANNEL, EventColumns, Mark},
    gathered::{Column, Group, for_many},
    sql::server_now,
};

/// [`crate::store::marked`]: one that comes too late is refused.
const MARKED: &str = concat!(
    "UPDATE commit_marks SET mark = CASE WHEN mark = $1 THEN $2 ELSE -1 END, at = ",
    server_now!(),
    " WHERE writer = $3"
);
const MARKED_TYPES: [Type; 3] = [Type::INT8, Type::INT8, Type::TEXT];

/// The same, and events get the numbers after the newest one, whose row is held from here to the commit.
const NUMBERED: &str = concat!(
    "WITH marked AS (UPDATE commit_marks SET mark = CASE WHEN mark = $9 THEN $10 ELSE -1 END, at = ",
    server_now!(),
    " WHERE writer = $11), \
     newest AS (UPDATE event_counter SET n = n + $1 RETURNING n), \
     put AS (INSERT INTO event_log (seq, at, account_no, kind, conversation_id, message_row, detail) \
     SELECT newest.n - $1 + v.place, v.at, v.account_no, v.kind, v.conversation_id, v.message_row, v.detail FROM newest, \
     unnest($2, $3, $4, $5, $6, $7) WITH ORDINALITY AS v (at, account_no, kind, conversation_id, message_row, detail, place)) \
     SELECT n, pg_notify($8, CAST(n AS TEXT)) FROM newest"
);
const NUMBERED_TYPES: [Type; 11] = [
    Type::INT8,
    Type::INT8_ARRAY,
    Type::INT8_ARRAY,
    Type::INT4_ARRAY,
    Type::INT8_ARRAY,
    Type::INT8_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT,
    Type::INT8,
    Type::INT8,
    Type::TEXT,
];

impl Postgres {
    /// What was gathered, on one way there and back, once the stream has ended.
    pub fn write_all(&mut self, copying: Option<Copying>, groups: &[Group]) -> QueryResult<()> {
        // Nothing is prepared before the stream has ended.
        let known = (groups.iter()).all(|group| self.for_many.contains_key(&group.text));
        let (now, copying) = match known {
            true => (None, copying),
            false => (copying, None),
        };
        if let Some(copying) = now {
            self.wait(copying.finish())?;
        }
        let mut statements = Vec::with_capacity(groups.len());
        for group in groups {
            statements.push(self.prepared_for_many(group)?);
        }
        let client = &self.client;
        let written = groups.iter().zip(&statements).map(|(group, statement)| {
            let values: Vec<&(dyn ToSql + Sync)> =
                group.columns.iter().map(Column::values).collect();
            async move { client.execute(statement, &values).await }
        });
        let copied = async move {
            match copying {
                Some(copying) => copying.finish().await,
                None => Ok(()),
            }
        };
        // In this order. Where the first fails the others do, and say nothing of it.
        self.wait(async {
            let (copied, written) = join(copied, try_join_all(written)).await;
            copied?;
            written.map(drop)
        })
    }

    /// Numbers events after the newest one, writes them, tells of it, marks the transaction and commits, in one write to the server.
    pub fn commit(&mut self, mark: &Mark, events: &EventColumns) -> QueryResult<i64> {
        if events.count() == 0 {
            return self.commit_without(mark).map(|()| 0);
        }
        let numbered = match &self.numbered {
            Some(numbered) => numbered.clone(),
            None => {
                let made = self.wait(self.client.prepare_typed(NUMBERED, &NUMBERED_TYPES))?;
                self.numbered.insert(made).clone()
            }
        };
        let (count, client) = (events.count(), &self.client);
        let values: [&(dyn ToSql + Sync); 11] = [
            &count,
            &events.at,
            &events.account_no,
            &events.kind,
            &events.conversation,
            &events.message,
            &events.detail,
            &CHANNEL,
            &mark.before,
            &mark.after,
            &mark.writer,
        ];
        // In this order. Where the first fails the second takes everything back, and says nothing of it.
        self.wait(async {
            let (last, committed) = futures_util::future::join(
                client.query_one(&numbered, &values),
                client.batch_execute("COMMIT"),
            )
            .await;
            let last = last?.try_get(0)?;
            committed.map(|()| last)
        })
    }

    fn commit_without(&mut self, mark: &Mark) -> QueryResult<()> {
        let marked = match &self.marked {
            Some(marked) => marked.clone(),
            None => {
                let made = self.wait(self.client.prepare_typed(MARKED, &MARKED_TYPES))?;
                self.marked.insert(made).clone()
            }
        };
        let client = &self.client;
        let values: [&(dyn ToSql + Sync); 3] = [&mark.before, &mark.after, &mark.writer];
        self.wait(async {
            let (done, committed) = futures_util::future::join(
                client.execute(&marked, &values),
                client.batch_execute("COMMIT"),
            )
            .await;
            done?;
            committed
        })
    }

    fn prepared_for_many(&mut self, group: &Group) -> QueryResult<tokio_postgres::Statement> {
        if let Some(statement) = self.for_many.get(&group.text) {
            return Ok(statement.clone());
        }
        let text = for_many(&text_of(&group.text))
            .ok_or_else(|| Error::QueryBuilderError("no statement for many rows".into()))?;
        let types: Vec<Type> = group.columns.iter().map(Column::of_type).collect();
        let statement = self.wait(self.client.prepare_typed(&text, &types))?;
        self.for_many.insert(group.text.clone(), statement.clone());
        Ok(statement)
    }
}
