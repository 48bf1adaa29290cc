//! Server: one connection to PostgreSQL, and the schema there.

use std::{error::Error as _, sync::OnceLock, time::Duration};

use diesel::{
    ConnectionError, QueryResult, RunQueryDsl,
    connection::SimpleConnection,
    pg::Pg,
    result::{ConnectionResult, Error},
};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::BlockOn};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::runtime::Runtime;
use tokio_postgres::config::Host;

use super::{
    Result, ServerUrl, StoreError,
    migrations::{Schema, broken, compared, versions_of},
    sql::{Key, One, Row, Runs, Statement, sql},
    trouble::unavailable,
    wire::{Postgres, Waiting},
};

/// A name of its own: what lies in `public` Supabase shows to the world.
const MAKE_SCHEMA: &str = "CREATE SCHEMA IF NOT EXISTS switchboard;";
const USE_SCHEMA: &str = "SET search_path TO switchboard;";

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations-postgres");

/// Held while the schema is made: "switchbd" as a number.
const LOCK: i64 = 0x7377_6974_6368_6264;

/// How long a server may take to let somebody in.
const CONNECT: Duration = Duration::from_secs(5);

/// The thread that reads and writes the sockets of all connections.
fn sockets() -> std::io::Result<&'static Runtime> {
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

/// What the server said, or the client where no server was reached.
fn told(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => said.message().to_owned(),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

impl ServerUrl {
    /// Where it leads, without a password.
    pub(super) fn told(&self) -> String {
        let Ok(config) = self.as_str().parse::<tokio_postgres::Config>() else {
            return "postgres://".to_owned();
        };
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts: Vec<String> = hosts.collect();
        let ports: Vec<String> = config.get_ports().iter().map(ToString::to_string).collect();
        let name = config.get_dbname().or_else(|| config.get_user());
        let colon = if ports.is_empty() { "" } else { ":" };
        format!(
            "postgres://{}{colon}{}/{}",
            hosts.join(","),
            ports.join(","),
            name.unwrap_or_default()
        )
    }
}

/// A schema that this version does not know is left alone.
fn too_new(found: String) -> StoreError {
    StoreError::SchemaTooNew {
        found,
        known: versions_of::<Pg>(&MIGRATIONS)
            .ok()
            .and_then(|mut known| known.pop())
            .unwrap_or_default(),
    }
}

/// One connection to a server.
pub(crate) struct Server {
    conn: Postgres,
    changes: i64,
    /// A statement of the transaction failed: PostgreSQL refuses all that follows, and would end it without a word.
    failed: bool,
    /// The server, or the way to it, is gone.
    broken: bool,
}

impl Server {
    /// Connects, with the store's own schema in sight.
    pub fn connect(url: &ServerUrl) -> ConnectionResult<Self> {
        let bad = |error: &dyn std::fmt::Display| ConnectionError::BadConnection(error.to_string());
        let mut config: tokio_postgres::Config =
            url.as_str()
                .parse()
                .map_err(|error: tokio_postgres::Error| {
                    ConnectionError::InvalidConnectionUrl(error.to_string())
                })?;
        config
            .connect_timeout(CONNECT)
            .application_name("switchboard");
        let connecting = sockets().map_err(|error| bad(&error))?.spawn(async move {
            let (client, connection) = config
                .connect(tokio_postgres::NoTls)
                .await
                .map_err(|error| ConnectionError::BadConnection(told(&error)))?;
            AsyncPgConnection::try_from_client_and_connection(client, connection).await
        });
        let conn = Waiting
            .block_on(connecting)
            .map_err(|error| bad(&error))??;
        let mut server = Self {
            conn: conn.into(),
            changes: 0,
            failed: false,
            broken: false,
        };
        server
            .conn
            .batch_execute(USE_SCHEMA)
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(server)
    }

    /// Statements that have no values, for what no [`Statement`] is.
    pub fn batch(&mut self, texts: &str) -> QueryResult<()> {
        self.ask(|conn| conn.batch_execute(texts))
    }

    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Makes the schema what this version needs; two that start at once do it one after the other.
    pub fn migrate(&mut self) -> Result<()> {
        let lock = format!("SELECT pg_advisory_lock({LOCK});");
        let unlock = format!("SELECT pg_advisory_unlock({LOCK});");
        self.batch(&lock)
            .and_then(|()| self.batch(MAKE_SCHEMA))
            .map_err(|error| broken("migrate", &error))?;
        let made = match self.schema()? {
            Schema::Ours => Ok(()),
            Schema::Newer { found } => Err(too_new(found)),
            Schema::None | Schema::Older { .. } => self
                .conn
                .run_pending_migrations(MIGRATIONS)
                .map(drop)
                .map_err(|error| broken("migrate", &error)),
        };
        self.batch(&unlock)
            .map_err(|error| broken("migrate", &error))?;
        made
    }

    /// Makes the schema where there is none; otherwise it has to be this version's.
    pub fn make(&mut self) -> Result<()> {
        match self.schema()? {
            Schema::Older { found } => Err(StoreError::SchemaTooOld {
                found,
                needed: versions_of::<Pg>(&MIGRATIONS)?.pop().unwrap_or_default(),
            }),
            _ => self.migrate(),
        }
    }

    /// `false`: there is no schema yet. One of another version is an error.
    pub fn is_ours(&mut self) -> Result<bool> {
        match self.schema()? {
            Schema::None => Ok(false),
            Schema::Ours => Ok(true),
            Schema::Newer { found } => Err(too_new(found)),
            Schema::Older { found } => Err(StoreError::SchemaTooOld {
                found,
                needed: versions_of::<Pg>(&MIGRATIONS)?.pop().unwrap_or_default(),
            }),
        }
    }

    fn schema(&mut self) -> Result<Schema> {
        let table = sql("SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'switchboard' AND tablename = '__diesel_schema_migrations'")
            .get_result::<One>(self)
            .map_err(|error| broken("open", &error))?;
        if table.n == 0 {
            return Ok(Schema::None);
        }
        let found = self
            .conn
            .applied_migrations()
            .map_err(|error| broken("open", &error))?
            .iter()
            .map(ToString::to_string)
            .collect();
        Ok(compared(found, &versions_of::<Pg>(&MIGRATIONS)?))
    }

    /// Rises with every statement that may have changed something.
    pub const fn changes(&self) -> i64 {
        self.changes
    }

    /// Runs a query, and remembers how it went.
    pub(in crate::store) fn ask<T>(
        &mut self,
        query: impl FnOnce(&mut Postgres) -> QueryResult<T>,
    ) -> QueryResult<T> {
        self.changes += 1;
        let answer = query(&mut self.conn);
        if let Err(error) = &answer
            && !matches!(error, Error::NotFound)
        {
            self.failed = true;
            self.broken |= unavailable(error);
        }
        answer
    }
}

impl Runs for Server {
    fn run<K: Key>(&mut self, statement: Statement<'_, K>) -> QueryResult<usize> {
        self.ask(|conn| RunQueryDsl::execute(statement, conn))
    }

    fn rows<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<Vec<R>> {
        let reads = statement.reads();
        let before = self.changes;
        let rows = self.ask(|conn| RunQueryDsl::load(statement, conn))?;
        if reads {
            self.changes = before;
        }
        Ok(rows)
    }

    fn row<K: Key, R: Row>(&mut self, statement: Statement<'_, K>) -> QueryResult<R> {
        let reads = statement.reads();
        let before = self.changes;
        let row = self.ask(|conn| RunQueryDsl::get_result(statement, conn));
        if reads && matches!(row, Ok(_) | Err(Error::NotFound)) {
            self.changes = before;
        }
        row
    }

    fn may_commit(&self) -> QueryResult<()> {
        if self.failed {
            return Err(Error::RollbackTransaction);
        }
        Ok(())
    }

    fn taken_back(&mut self) {
        self.failed = false;
    }
}
