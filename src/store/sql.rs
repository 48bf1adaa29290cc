//! Statement: a fixed SQL text with its values, prepared once per connection.
//!
//! diesel prepares updates and upserts anew each time, which costs more than running them; this type lets its
//! statement cache keep them. Texts are constants of this folder, values are always bound.

use diesel::{
    QueryResult, RunQueryDsl,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{BigInt, Binary, Nullable, Text, Untyped},
    sqlite::{Sqlite, SqliteConnection},
};

enum Value<'a> {
    Number(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    NoNumber(Option<i64>),
    NoText(Option<&'a str>),
}

/// `?` stands for the next value; texts of statements carry no other question mark.
pub(in crate::store) struct Statement<'a> {
    sql: &'a str,
    values: Vec<Value<'a>>,
}

pub(in crate::store) const fn sql(sql: &str) -> Statement<'_> {
    Statement {
        sql,
        values: Vec::new(),
    }
}

impl<'a> Statement<'a> {
    pub fn number(mut self, value: impl Into<i64>) -> Self {
        self.values.push(Value::Number(value.into()));
        self
    }

    pub fn text(mut self, value: &'a str) -> Self {
        self.values.push(Value::Text(value));
        self
    }

    pub fn bytes(mut self, value: &'a [u8]) -> Self {
        self.values.push(Value::Bytes(value));
        self
    }

    pub fn number_or_null(mut self, value: Option<impl Into<i64>>) -> Self {
        self.values.push(Value::NoNumber(value.map(Into::into)));
        self
    }

    pub fn text_or_null(mut self, value: Option<&'a str>) -> Self {
        self.values.push(Value::NoText(value));
        self
    }

    /// Runs it; how many rows it touched.
    pub fn run(self, conn: &mut SqliteConnection) -> QueryResult<usize> {
        self.execute(conn)
    }
}

impl QueryFragment<Sqlite> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut rest = self.sql;
        for value in &self.values {
            let (head, tail) = rest.split_once('?').unwrap_or((rest, ""));
            out.push_sql(head);
            rest = tail;
            match value {
                Value::Number(number) => out.push_bind_param::<BigInt, i64>(number)?,
                Value::Text(text) => out.push_bind_param::<Text, &str>(text)?,
                Value::Bytes(bytes) => out.push_bind_param::<Binary, &[u8]>(bytes)?,
                Value::NoNumber(number) => {
                    out.push_bind_param::<Nullable<BigInt>, Option<i64>>(number)?;
                }
                Value::NoText(text) => {
                    out.push_bind_param::<Nullable<Text>, Option<&str>>(text)?;
                }
            }
        }
        out.push_sql(rest);
        Ok(())
    }
}

impl QueryId for Statement<'_> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}

impl RunQueryDsl<SqliteConnection> for Statement<'_> {}

/// One number of one row.
#[derive(diesel::QueryableByName)]
pub(in crate::store) struct One {
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// A list of ids as one value, for `IN (SELECT value FROM json_each(?))`: one statement for every length.
pub(in crate::store) fn id_list(ids: &[i64]) -> String {
    let mut text = String::with_capacity(ids.len() * 8 + 2);
    text.push('[');
    for (index, id) in ids.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&id.to_string());
    }
    text.push(']');
    text
}
