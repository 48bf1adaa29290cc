//! Spans as rows.

use diesel::{QueryResult, QueryableByName};

use super::{
    engine::Conn,
    sql::{Flag, Number, sql},
};
use crate::domain::{Span, Spans};

#[derive(QueryableByName)]
struct SpanRow {
    #[diesel(sql_type = Number)]
    low: i32,
    #[diesel(sql_type = Number)]
    high: i32,
    #[diesel(sql_type = Flag)]
    open: bool,
}

pub(in crate::store) fn spans_of(conn: &mut Conn, conversation: i64) -> QueryResult<Spans> {
    let rows = sql("SELECT low, high, open FROM spans WHERE conversation_id = ? ORDER BY low")
        .number(conversation)
        .load::<SpanRow>(conn)?;
    Ok(Spans::of(rows.into_iter().map(|row| Span {
        low: row.low,
        high: row.high,
        open: row.open,
    })))
}

/// Where a chat's open span begins.
pub(in crate::store) fn open_from(conn: &mut Conn, conversation: i64) -> QueryResult<Option<i32>> {
    Ok(spans_of(conn, conversation)?
        .topmost()
        .filter(|span| span.open)
        .map(|span| span.low))
}
