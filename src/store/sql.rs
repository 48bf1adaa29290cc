//! Statement: a fixed SQL text with its values, prepared once per connection.
//!
//! diesel prepares updates and upserts anew each time, which costs more than running them; this type lets its
//! statement cache keep them. Texts are constants of this folder, values are always bound.

use std::marker::PhantomData;

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl,
    deserialize::{self, FromSql},
    pg::{Pg, PgValue},
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{BigInt, Binary, Bool, Integer, Nullable, SqlType, Text, Untyped},
    sqlite::{Sqlite, SqliteConnection},
};

use super::{
    dialect,
    value::{Gather, Value},
    wire::Postgres,
};

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
        const VALUES: usize = $crate::store::sql::values_of($text);
        $crate::store::sql::Statement::<Own>::new($text, Vec::with_capacity(VALUES))
    }};
}
pub(in crate::store) use hot_sql;

/// PostgreSQL's clock, in milliseconds; nodes' own may differ.
macro_rules! server_now {
    () => {
        "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
    };
}
pub(in crate::store) use server_now;

/// How many values a text has.
pub(in crate::store) const fn values_of(text: &str) -> usize {
    let (text, mut at, mut values) = (text.as_bytes(), 0, 0);
    while at < text.len() {
        if text[at] == b'?' {
            values += 1;
        }
        at += 1;
    }
    values
}

impl<'a, K> Statement<'a, K> {
    pub const fn new(sql: &'a str, values: Vec<Value<'a>>) -> Self {
        Self {
            sql,
            values,
            key: PhantomData,
        }
    }

    pub fn number(mut self, value: impl Whole) -> Self {
        self.values.push(Value::Number(value.into()));
        self
    }

    pub fn flag(mut self, value: bool) -> Self {
        self.values.push(Value::Flag(value));
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

    pub fn number_or_null(mut self, value: Option<impl Whole>) -> Self {
        self.values.push(Value::NoNumber(value.map(Into::into)));
        self
    }

    pub fn flag_or_null(mut self, value: Option<bool>) -> Self {
        self.values.push(Value::NoFlag(value));
        self
    }

    pub fn text_or_null(mut self, value: Option<&'a str>) -> Self {
        self.values.push(Value::NoText(value));
        self
    }

    /// It changes nothing.
    pub fn reads(&self) -> bool {
        self.sql.trim_start().starts_with("SELECT")
    }

    /// Runs it; how many rows it touched.
    pub fn run(self, conn: &mut impl Runs) -> QueryResult<usize>
    where
        K: Key,
    {
        conn.run(self)
    }

    /// Runs it, together with others like it where that is cheaper: at the latest before anything else is asked. Whoever has to
    /// know how many rows it touched runs it.
    pub fn gather(self, conn: &mut impl Runs) -> QueryResult<()>
    where
        K: Key,
    {
        conn.gather(self, Gather::All)
    }

    /// The same, for a row whose key is not there yet: many of them are written cheaper still.
    pub fn gather_new(self, conn: &mut impl Runs) -> QueryResult<()>
    where
        K: Key,
    {
        conn.gather(self, Gather::New)
    }

    /// The same, where of several with one key only the last counts.
    pub fn gather_last(self, conn: &mut impl Runs, key: [i64; 2]) -> QueryResult<()>
    where
        K: Key,
    {
        conn.gather(self, Gather::Last(key))
    }

    pub(super) fn parts(&self) -> (&str, &[Value<'a>]) {
        (self.sql, &self.values)
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

/// The next value; a macro, because diesel's passes over the two engines' queries have no type in common.
macro_rules! bind {
    ($out:expr, $value:expr) => {
        match $value {
            Value::Number(number) => $out.push_bind_param::<BigInt, i64>(number)?,
            Value::Flag(flag) => $out.push_bind_param::<Bool, bool>(flag)?,
            Value::Text(text) => $out.push_bind_param::<Text, &str>(text)?,
            Value::Bytes(bytes) => $out.push_bind_param::<Binary, &[u8]>(bytes)?,
            Value::NoNumber(number) => {
                $out.push_bind_param::<Nullable<BigInt>, Option<i64>>(number)?;
            }
            Value::NoFlag(flag) => $out.push_bind_param::<Nullable<Bool>, Option<bool>>(flag)?,
            Value::NoText(text) => $out.push_bind_param::<Nullable<Text>, Option<&str>>(text)?,
        }
    };
}

impl<K> QueryFragment<Sqlite> for Statement<'_, K> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(self.sql);
        // With each value diesel writes a ? of its own, where the text has them already: those go into a comment.
        out.push_sql(" --");
        for value in &self.values {
            bind!(out, value);
        }
        Ok(())
    }
}

impl<K> QueryFragment<Pg> for Statement<'_, K> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let text = dialect::text_of(self.sql);
        let mut pieces = text.split('?');
        out.push_sql(pieces.next().unwrap_or_default());
        for (value, piece) in self.values.iter().zip(pieces) {
            bind!(out, value);
            out.push_sql(piece);
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

impl<K> RunQueryDsl<Postgres> for Statement<'_, K> {}

/// What may be bound as a number; a `bool` is a flag.
pub(in crate::store) trait Whole: Into<i64> {}

impl Whole for i64 {}
impl Whole for i32 {}
impl Whole for u32 {}
impl Whole for u16 {}
impl Whole for u8 {}

/// A column that holds a whole number, however wide an engine makes it.
#[derive(SqlType)]
pub(in crate::store) struct Number;

impl FromSql<Number, Sqlite> for i64 {
    fn from_sql(value: diesel::sqlite::SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        <Self as FromSql<BigInt, Sqlite>>::from_sql(value)
    }
}

impl FromSql<Number, Sqlite> for i32 {
    fn from_sql(value: diesel::sqlite::SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        <Self as FromSql<Integer, Sqlite>>::from_sql(value)
    }
}

impl FromSql<Number, Pg> for i64 {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match *value.as_bytes() {
            [flag] => Ok(flag.into()),
            [a, b] => Ok(i16::from_be_bytes([a, b]).into()),
            [a, b, c, d] => Ok(i32::from_be_bytes([a, b, c, d]).into()),
            [a, b, c, d, e, f, g, h] => Ok(Self::from_be_bytes([a, b, c, d, e, f, g, h])),
            _ => Err("a column is no whole number".into()),
        }
    }
}

impl FromSql<Number, Pg> for i32 {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let wide = <i64 as FromSql<Number, Pg>>::from_sql(value)?;
        Ok(Self::try_from(wide)?)
    }
}

/// A column that is true or false; of a number, whether it is another than 0.
#[derive(SqlType)]
pub(in crate::store) struct Flag;

impl FromSql<Flag, Sqlite> for bool {
    fn from_sql(value: diesel::sqlite::SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        <Self as FromSql<Bool, Sqlite>>::from_sql(value)
    }
}

impl FromSql<Flag, Pg> for bool {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(<i64 as FromSql<Number, Pg>>::from_sql(value)? != 0)
    }
}

/// A row by the names of its columns, the same from every engine.
pub(in crate::store) trait Row:
    QueryableByName<Sqlite> + QueryableByName<Pg> + 'static
{
}

impl<R: QueryableByName<Sqlite> + QueryableByName<Pg> + 'static> Row for R {}

/// What a [`Statement`] runs on: a connection of the store, or a file by itself.
pub(in crate::store) trait Runs {
    /// How many rows it touched.
    fn run<K: Key>(&mut self, statement: Statement<'_, K>) -> QueryResult<usize>;

    fn rows<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<Vec<R>>;

    /// The first one; [`Error::NotFound`] where there is none.
    fn row<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<R>;

    /// [`Statement::gather`]
    fn gather<K: Key>(&mut self, statement: Statement<'_, K>, _: Gather) -> QueryResult<()> {
        self.run(statement).map(drop)
    }

    /// Rows of this text are gathered, and not written yet.
    fn has_gathered(&self, _: &str) -> bool {
        false
    }

    /// Writes what was gathered.
    fn settle(&mut self) -> QueryResult<()> {
        Ok(())
    }

    /// What was gathered is not to be written.
    fn taking_back(&mut self) {}

    /// Refuses where the engine would end a transaction that has failed as if it were committed.
    fn may_commit(&self) -> QueryResult<()> {
        Ok(())
    }

    /// What failed since the transaction, or the savepoint, began is taken back.
    fn taken_back(&mut self) {}
}

impl Runs for SqliteConnection {
    fn run<K: Key>(&mut self, statement: Statement<'_, K>) -> QueryResult<usize> {
        RunQueryDsl::execute(statement, self)
    }

    fn rows<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<Vec<R>> {
        RunQueryDsl::load(statement, self)
    }

    fn row<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<R> {
        RunQueryDsl::get_result(statement, self)
    }
}

/// One number of one row.
#[derive(QueryableByName)]
pub(in crate::store) struct One {
    #[diesel(sql_type = Number)]
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
