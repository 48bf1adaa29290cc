//! Statement: a fixed SQL text with its values, prepared once per connection.
//!
//! diesel prepares updates and upserts anew each time, which costs more than running them; this type lets its
//! statement cache keep them. Texts are constants of this folder, values are always bound.

use std::marker::PhantomData;

use diesel::{
    QueryResult, RunQueryDsl,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{BigInt, Binary, Nullable, Text, Untyped},
    sqlite::{Sqlite, SqliteConnection},
};

use super::engine::{Row, Runs};

pub(in crate::store) enum Value<'a> {
    Number(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    NoNumber(Option<i64>),
    NoText(Option<&'a str>),
}

/// By what the cache of prepared statements knows a text.
pub(in crate::store) trait Key: 'static {
    const OWN: bool;
}

/// By the text itself.
pub(in crate::store) enum ByText {}

impl Key for ByText {
    const OWN: bool = false;
}

/// `?` stands for the next value; texts of statements carry no other question mark.
pub(in crate::store) struct Statement<'a, K = ByText> {
    sql: &'a str,
    values: Vec<Value<'a>>,
    key: PhantomData<K>,
}

pub(in crate::store) const fn sql(sql: &str) -> Statement<'_> {
    Statement::new(sql, Vec::new())
}

/// [`sql`] for what runs with every message: the text has a type of its own, so that finding it prepared does not mean
/// writing it out and hashing it.
macro_rules! hot_sql {
    ($text:expr) => {{
        enum Own {}
        impl $crate::store::sql::Key for Own {
            const OWN: bool = true;
        }
        $crate::store::sql::Statement::<Own>::new($text, Vec::with_capacity(16))
    }};
}
pub(in crate::store) use hot_sql;

impl<'a, K> Statement<'a, K> {
    pub const fn new(sql: &'a str, values: Vec<Value<'a>>) -> Self {
        Self {
            sql,
            values,
            key: PhantomData,
        }
    }

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
    pub fn run(self, conn: &mut impl Runs) -> QueryResult<usize>
    where
        K: Key,
    {
        conn.run(self)
    }

    pub fn load<R: Row>(self, conn: &mut impl Runs) -> QueryResult<Vec<R>>
    where
        K: Key,
    {
        conn.rows(self)
    }

    /// The first row; [`diesel::result::Error::NotFound`] where there is none.
    pub fn get_result<R: Row>(self, conn: &mut impl Runs) -> QueryResult<R>
    where
        K: Key,
    {
        conn.row(self)
    }
}

impl<K> QueryFragment<Sqlite> for Statement<'_, K> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(self.sql);
        // With each value diesel writes a ? of its own, where the text has them already: those go into a comment.
        out.push_sql(" --");
        for value in &self.values {
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
        Ok(())
    }
}

impl<K: Key> QueryId for Statement<'_, K> {
    type QueryId = K;

    const HAS_STATIC_QUERY_ID: bool = K::OWN;
}

impl<K> Query for Statement<'_, K> {
    type SqlType = Untyped;
}

impl<K> RunQueryDsl<SqliteConnection> for Statement<'_, K> {}

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
