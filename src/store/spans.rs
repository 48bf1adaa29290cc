//! Spans as rows, what is owed between them, and what may be out of date.

use diesel::QueryableByName;

use super::{
    Result, StoreHandle,
    job_error::JobResult,
    span_rows::spans_of,
    sql::{Number, One, sql},
    tx::Tx,
};
use crate::domain::{ConversationId, Spans};

impl Tx<'_> {
    pub fn spans(&mut self, key: (i64, i64)) -> JobResult<Spans> {
        let conversation = self.conversation(key)?.fields.id;
        Ok(spans_of(self.conn, conversation)?)
    }

    pub fn keep_spans(&mut self, key: (i64, i64), spans: &Spans) -> JobResult<()> {
        let row = self.conversation(key)?;
        let conversation = row.fields.id;
        row.open_from = spans
            .topmost()
            .filter(|span| span.open)
            .map(|span| span.low);
        sql("DELETE FROM spans WHERE conversation_id = ?")
            .number(conversation)
            .run(self.conn)?;
        for span in spans.iter() {
            sql("INSERT INTO spans (conversation_id, low, high, open) VALUES (?, ?, ?, ?)")
                .number(conversation)
                .number(span.low)
                .number(span.high)
                .flag(span.open)
                .run(self.conn)?;
        }
        Ok(())
    }

    /// This stretch may be out of date: a hole came after it was asked for, or what Telegram left out of it is not known yet.
    pub fn outdated(&mut self, conversation: i64, low: i32, high: i32) -> JobResult<()> {
        sql(
            "INSERT INTO stale (conversation_id, low, high) SELECT ?, ?, ? WHERE ? <= ? AND NOT EXISTS \
             (SELECT 1 FROM stale WHERE conversation_id = ? AND low <= ? AND high >= ?) \
             ON CONFLICT (conversation_id, low) DO UPDATE SET high = max(stale.high, excluded.high)",
        )
        .number(conversation)
        .number(low)
        .number(high)
        .number(low)
        .number(high)
        .number(conversation)
        .number(low)
        .number(high)
        .run(self.conn)?;
        Ok(())
    }

    /// What was compared with Telegram just now is out of date no longer. `counts`: it was a page worth the name.
    pub fn compared(
        &mut self,
        conversation: i64,
        (low, high): (i32, i32),
        counts: bool,
    ) -> JobResult<()> {
        let rows = sql("SELECT low, high, pages FROM stale WHERE conversation_id = ? AND low <= ? AND high >= ?")
            .number(conversation)
            .number(high)
            .number(low)
            .load::<StaleRow>(self.conn)?;
        for row in rows {
            sql("DELETE FROM stale WHERE conversation_id = ? AND low = ?")
                .number(conversation)
                .number(row.low)
                .run(self.conn)?;
            let rests = [(row.low, low - 1), (high.saturating_add(1), row.high)];
            for (low, high) in rests.into_iter().filter(|(low, high)| low <= high) {
                sql("INSERT INTO stale (conversation_id, low, high, pages) VALUES (?, ?, ?, ?)")
                    .number(conversation)
                    .number(low)
                    .number(high)
                    .number(row.pages + i32::from(counts))
                    .run(self.conn)?;
            }
        }
        Ok(())
    }
}

#[derive(QueryableByName)]
struct StaleRow {
    #[diesel(sql_type = Number)]
    low: i32,
    #[diesel(sql_type = Number)]
    high: i32,
    #[diesel(sql_type = Number)]
    pages: i32,
}

impl StoreHandle {
    /// Up to which message number a conversation is deliberately not kept; 0: all of it may be.
    ///
    /// # Errors
    /// As every read.
    pub async fn kept_above(&self, conversation: ConversationId) -> Result<i32> {
        self.read("kept_above", move |conn| {
            let above = sql("SELECT kept_above AS n FROM conversations WHERE id = ?")
                .number(conversation.0)
                .load::<One>(conn)?
                .pop();
            Ok(above.map_or(0, |above| i32::try_from(above.n).unwrap_or(i32::MAX)))
        })
        .await
    }

    /// Which stretches of a conversation are here.
    ///
    /// # Errors
    /// As every read.
    pub async fn spans(&self, conversation: ConversationId) -> Result<Spans> {
        self.read("spans", move |conn| spans_of(conn, conversation.0))
            .await
    }
}
