//! Wire: diesel's connection to PostgreSQL, on a client that is Rust throughout.
//!
//! diesel's own needs a library of the system's, and tells of an error only its text, which may be in any language. Here it
//! carries PostgreSQL's code ([`super::trouble`] reads it), and every wait has a limit.

mod bound;
mod commit;
mod found;

use std::{
    collections::HashMap,
    io::{self, Cursor},
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
    pg::{Pg, PgQueryBuilder, PgTypeMetadata},
    query_builder::{
        Query, QueryBuilder, QueryFragment, QueryId, bind_collector::RawBytesBindCollector,
    },
    result::{DatabaseErrorKind, Error},
};
use futures_util::TryStreamExt;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, CopyInSink, types::Type};

use self::{
    bound::{Bound, NoLookup},
    found::{Found, Rows},
};
use super::{
    copying::Form,
    trouble::{Told, client_error},
};

/// Statements that are kept prepared; then all of them are prepared anew.
const PREPARED: usize = 1024;

/// Beyond what the server is told to allow a statement: it answers nothing any more.
const SILENCE: Duration = Duration::from_secs(10);

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
            Some(bytes) if *of == Type::TEXT => Bound::text(bytes),
            value => Bound::of(value),
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
        Ok(Rows::of(rows))
    }
}

impl MigrationConnection for Postgres {
    fn setup(&mut self) -> QueryResult<usize> {
        self.batch_execute(CREATE_MIGRATIONS_TABLE).map(|()| 0)
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
