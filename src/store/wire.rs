//! Wire: diesel's connection to PostgreSQL, on a client that is Rust throughout.
//!
//! diesel's own needs a library of the system's, and tells of an error only its text, which may be in any language. Here it
//! carries PostgreSQL's code ([`super::trouble`] reads it), and every wait has a limit.

use std::{
    collections::HashMap,
    io::{self, Cursor},
    num::NonZeroU32,
    sync::OnceLock,
    time::Duration,
};

use diesel::{
    ConnectionError, ConnectionResult, QueryResult,
    connection::{
        AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, Instrumentation,
        LoadConnection, SimpleConnection,
    },
    expression::QueryMetadata,
    migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection},
    pg::{Pg, PgMetadataLookup, PgQueryBuilder, PgTypeMetadata, PgValue, TypeOidLookup},
    query_builder::{
        Query, QueryBuilder, QueryFragment, QueryId, bind_collector::RawBytesBindCollector,
    },
    result::{DatabaseErrorKind, Error},
    row::{Field, PartialRow, Row, RowIndex, RowSealed},
};
use futures_util::{
    TryStreamExt,
    future::{join, try_join_all},
};
use tokio::runtime::Runtime;
use tokio_postgres::{
    Client, CopyInSink,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut},
};

use super::{
    copying::{Copying, Form},
    dialect::text_of,
    event_columns::{CHANNEL, EventColumns, Mark},
    gathered::{Column, Group, for_many},
    sql::server_now,
    trouble::{Told, client_error},
};

/// Statements that are kept prepared; then all of them are prepared anew.
const PREPARED: usize = 1024;

/// Beyond what the server is told to allow a statement: it answers nothing any more.
const SILENCE: Duration = Duration::from_secs(10);

/// [`super::marked`]: one that comes too late is refused.
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

/// The thread that reads and writes the sockets of all connections.
pub(super) fn sockets() -> io::Result<&'static Runtime> {
    static SOCKETS: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = SOCKETS.get() {
        return Ok(runtime);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("store-sockets")
        .enable_all()
        .build()?;
    Ok(SOCKETS.get_or_init(|| runtime))
}

/// Waits by sleeping, also where a runtime of its own stands above it. `None`: for too long.
pub(super) fn waited<F: Future>(limit: Option<Duration>, future: F) -> Option<F::Output> {
    // The task of tokio's that waits here can't be told to let others in between.
    let Some(limit) = limit else {
        return Some(futures_executor::block_on(tokio::task::unconstrained(
            future,
        )));
    };
    let _clock = sockets().ok()?.enter();
    let limited = tokio::time::timeout(limit, future);
    futures_executor::block_on(tokio::task::unconstrained(limited)).ok()
}

pub(in crate::store) struct Postgres {
    client: Client,
    known: HashMap<String, tokio_postgres::Statement>,
    /// By the text of one row.
    for_many: HashMap<String, tokio_postgres::Statement>,
    pub(super) forms: HashMap<String, Form>,
    numbered: Option<tokio_postgres::Statement>,
    marked: Option<tokio_postgres::Statement>,
    transactions: AnsiTransactionManager,
    instrumentation: Option<Box<dyn Instrumentation>>,
    /// What the server is told to allow a statement.
    limit: Option<Duration>,
}

impl Postgres {
    pub fn new(client: Client) -> Self {
        Self {
            client,
            known: HashMap::new(),
            for_many: HashMap::new(),
            forms: HashMap::new(),
            numbered: None,
            marked: None,
            transactions: AnsiTransactionManager::default(),
            instrumentation: None,
            limit: None,
        }
    }

    /// How long a statement may take; `None`: as long as it likes.
    pub fn allow(&mut self, limit: Option<Duration>) -> QueryResult<()> {
        let millis = limit.map_or(0, |limit| limit.as_millis());
        self.limit = limit;
        self.batch_execute(&format!("SET statement_timeout = {millis};"))
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(super) fn wait<T>(
        &self,
        future: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> QueryResult<T> {
        match waited(self.limit.map(|limit| limit + SILENCE), future) {
            Some(answer) => answer.map_err(Told::error),
            None => Err(client_error("the server does not answer")),
        }
    }

    fn prepared<T: QueryFragment<Pg>>(
        &mut self,
        query: &T,
    ) -> QueryResult<(tokio_postgres::Statement, Vec<Bound>)> {
        let mut text = PgQueryBuilder::default();
        query.to_sql(&mut text, &Pg)?;
        let text = text.finish();
        let mut values = RawBytesBindCollector::<Pg>::new();
        query.collect_binds(&mut values, &mut NoLookup, &Pg)?;
        let statement = match self.known.get(&text) {
            Some(statement) => statement.clone(),
            None => {
                let types = types_of(&values.metadata)?;
                let statement = self.wait(self.client.prepare_typed(&text, &types))?;
                if self.known.len() >= PREPARED {
                    self.known.clear();
                }
                self.known.insert(text, statement.clone());
                statement
            }
        };
        let types = statement.params().iter();
        let bound = types.zip(values.binds).map(|(of, value)| match value {
            Some(bytes) if *of == Type::TEXT => Bound(Some(storable(bytes))),
            value => Bound(value),
        });
        Ok((statement.clone(), bound.collect()))
    }
}

impl Postgres {
    pub(super) fn prepare(
        &self,
        text: &str,
        types: &[Type],
    ) -> QueryResult<tokio_postgres::Statement> {
        self.wait(self.client.prepare_typed(text, types))
    }

    pub(super) fn copy(
        &self,
        statement: &tokio_postgres::Statement,
    ) -> QueryResult<CopyInSink<Cursor<Vec<u8>>>> {
        self.wait(self.client.copy_in(statement))
    }

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

/// No text of PostgreSQL's has the character 0.
fn storable(text: Vec<u8>) -> Vec<u8> {
    if !text.contains(&0) {
        return text;
    }
    let pieces: Vec<&[u8]> = text.split(|byte| *byte == 0).collect();
    pieces.join("\u{fffd}".as_bytes())
}

fn types_of(metadata: &[PgTypeMetadata]) -> QueryResult<Vec<Type>> {
    metadata
        .iter()
        .map(|one| {
            let oid = one
                .oid()
                .map_err(|error| Error::SerializationError(Box::new(error)))?;
            Type::from_oid(oid).ok_or_else(|| Error::SerializationError("a type of its own".into()))
        })
        .collect()
}

impl SimpleConnection for Postgres {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.wait(self.client.batch_execute(query))
    }
}

impl ConnectionSealed for Postgres {}

impl Connection for Postgres {
    type Backend = Pg;
    type TransactionManager = AnsiTransactionManager;

    fn establish(_: &str) -> ConnectionResult<Self> {
        Err(ConnectionError::BadConnection(
            "connections are made by the server's own part".to_owned(),
        ))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        let (statement, values) = self.prepared(source)?;
        let rows = self.wait(self.client.execute_raw(&statement, values))?;
        Ok(usize::try_from(rows).unwrap_or(usize::MAX))
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        &mut self.transactions
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        &mut self.instrumentation
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.instrumentation = Some(Box::new(instrumentation));
    }

    fn set_prepared_statement_cache_size(&mut self, _: CacheSize) {}
}

impl LoadConnection for Postgres {
    type Cursor<'conn, 'query> = Rows;
    type Row<'conn, 'query> = Found;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Rows>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
        Pg: QueryMetadata<T::SqlType>,
    {
        let (statement, values) = self.prepared(&source)?;
        let rows = self.wait(async {
            let rows = self.client.query_raw(&statement, values).await?;
            rows.try_collect::<Vec<_>>().await
        })?;
        Ok(Rows(rows.into_iter()))
    }
}

impl MigrationConnection for Postgres {
    fn setup(&mut self) -> QueryResult<usize> {
        self.batch_execute(CREATE_MIGRATIONS_TABLE).map(|()| 0)
    }
}

/// The rows of an answer.
pub(in crate::store) struct Rows(std::vec::IntoIter<tokio_postgres::Row>);

impl Iterator for Rows {
    type Item = QueryResult<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(Ok(Found(self.0.next()?)))
    }
}

/// A row, as diesel takes it apart.
pub(in crate::store) struct Found(tokio_postgres::Row);

impl RowSealed for Found {}

impl<'a> Row<'a, Pg> for Found {
    type Field<'f>
        = Cell<'f>
    where
        'a: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.0.len()
    }

    fn get<'b, I>(&'b self, index: I) -> Option<Cell<'b>>
    where
        'a: 'b,
        Self: RowIndex<I>,
    {
        let index = self.idx(index)?;
        let column = self.0.columns().get(index)?;
        Some(Cell {
            name: column.name(),
            oid: Oid(NonZeroU32::new(column.type_().oid())?),
            bytes: self.0.try_get::<_, Option<Bytes<'b>>>(index).ok()?,
        })
    }

    fn partial_row(&self, range: std::ops::Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl RowIndex<usize> for Found {
    fn idx(&self, index: usize) -> Option<usize> {
        (index < self.0.len()).then_some(index)
    }
}

impl<'a> RowIndex<&'a str> for Found {
    fn idx(&self, name: &'a str) -> Option<usize> {
        let columns = self.0.columns();
        columns.iter().position(|column| column.name() == name)
    }
}

pub(in crate::store) struct Cell<'a> {
    name: &'a str,
    oid: Oid,
    bytes: Option<Bytes<'a>>,
}

impl<'a> Field<'a, Pg> for Cell<'a> {
    fn field_name(&self) -> Option<&str> {
        Some(self.name)
    }

    fn value(&self) -> Option<PgValue<'_>> {
        let Bytes(bytes) = self.bytes.as_ref()?;
        Some(PgValue::new(bytes, &self.oid))
    }
}

struct Oid(NonZeroU32);

impl TypeOidLookup for Oid {
    fn lookup(&self) -> NonZeroU32 {
        self.0
    }
}

/// A value as it came.
struct Bytes<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Bytes<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A value as diesel has written it.
#[derive(Debug)]
struct Bound(Option<Vec<u8>>);

impl ToSql for Bound {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match &self.0 {
            None => Ok(IsNull::Yes),
            Some(bytes) => {
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.to_sql(of, out)
    }
}

/// No type of the store's is one that the server would have to be asked for.
struct NoLookup;

impl PgMetadataLookup for NoLookup {
    fn lookup_type(&mut self, _: &str, _: Option<&str>) -> PgTypeMetadata {
        PgTypeMetadata::new(0, 0)
    }
}

/// Nothing can be asked on the connection any more.
pub(super) fn is_gone(error: &Error) -> bool {
    matches!(
        error,
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _,
        )
    )
}
