//! Server: one connection to PostgreSQL, and the schema there.

use std::{future::poll_fn, time::Duration};

use diesel::{
    ConnectionError, QueryResult, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    pg::Pg,
    result::{ConnectionResult, Error},
    sql_types::Text,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::time::timeout;

use super::{
    Result, ServerUrl, StoreError,
    copying::{Copying, WORTH},
    cover,
    event_columns::{EventColumns, Mark},
    gathered::Gathered,
    migrations::{Schema, broken, compared, versions_of},
    sql::{Flag, Key, Number, One, Row, Runs, Statement, sql},
    trouble::{unavailable, words_of},
    value::Gather,
    wire::{Postgres, is_gone, sockets, waited},
};

/// A name of its own: what lies in `public` Supabase shows to the world.
const MAKE_SCHEMA: &str = "CREATE SCHEMA IF NOT EXISTS switchboard;";

/// What each session is told. The server forgets a client whose machine went away within half a minute, and with it what that
/// one held.
const SESSION: &str = "SET search_path TO switchboard; SET client_min_messages TO warning; SET jit TO off; \
     SET timezone TO 'UTC'; SET lock_timeout TO '10s'; SET idle_in_transaction_session_timeout TO '60s'; \
     SET default_transaction_isolation TO 'read committed'; \
     SET tcp_keepalives_idle TO 10; SET tcp_keepalives_interval TO 5; SET tcp_keepalives_count TO 3; \
     SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') = 'off';";

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations-postgres");

/// Held while the schema is made: "switchbd" as a number.
const LOCK: i64 = 0x7377_6974_6368_6264;

/// How long a server may take to let somebody in.
const CONNECT: Duration = Duration::from_secs(15);

/// What a statement may take that somebody waits for.
pub(super) const STATEMENT: Duration = Duration::from_secs(30);

/// The oldest that the tests run on.
const OLDEST: i64 = 15;

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

fn too_old(found: String) -> Result<StoreError> {
    Ok(StoreError::SchemaTooOld {
        found,
        needed: versions_of::<Pg>(&MIGRATIONS)?.pop().unwrap_or_default(),
    })
}

/// What a server says of itself.
#[derive(QueryableByName, Clone, PartialEq, Eq, Debug)]
pub(super) struct Standing {
    #[diesel(sql_type = Number)]
    pub version: i64,
    #[diesel(sql_type = Text)]
    pub encoding: String,
    #[diesel(sql_type = Flag)]
    pub replica: bool,
    /// Its clock, in milliseconds.
    #[diesel(sql_type = Number)]
    pub clock: i64,
}

/// One connection to a server.
pub(crate) struct Server {
    conn: Postgres,
    gathered: Gathered,
    /// New rows on their way.
    copying: Option<Copying>,
    /// All rows go by statements.
    pub(super) one_by_one: bool,
    changes: i64,
    /// A statement of the transaction failed: PostgreSQL refuses all that follows, and would end it without a word.
    failed: bool,
    /// The server, or the way to it, is gone.
    broken: bool,
}

impl Server {
    /// Connects, with the store's own schema in sight. No statement takes longer than `limit`.
    pub fn connect(url: &ServerUrl, limit: Duration) -> ConnectionResult<Self> {
        let bad = |error: &dyn std::fmt::Display| ConnectionError::BadConnection(error.to_string());
        let tls = cover::connector(url).map_err(|error| bad(&error))?;
        let config = url.config();
        let connecting = sockets().map_err(|error| bad(&error))?.spawn(async move {
            let connected = timeout(CONNECT, config.connect(tls)).await;
            let (client, mut connection) = connected
                .map_err(|_| "no answer in time".to_owned())?
                .map_err(|error| words_of(&error))?;
            // Ends with the client. What the server says beside its answers nobody here waits for.
            tokio::runtime::Handle::current().spawn(async move {
                while let Some(Ok(_)) = poll_fn(|cx| connection.poll_message(cx)).await {}
            });
            Ok::<_, String>(client)
        });
        let client = waited(None, connecting)
            .ok_or_else(|| bad(&"no answer in time"))?
            .map_err(|error| bad(&error))?
            .map_err(|error| bad(&error))?;
        let mut conn = Postgres::new(client);
        conn.allow(Some(limit))
            .and_then(|()| conn.batch_execute(SESSION))
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(Self {
            conn,
            gathered: Gathered::default(),
            copying: None,
            one_by_one: false,
            changes: 0,
            failed: false,
            broken: false,
        })
    }

    /// How long a statement may take; `None`: as long as it likes.
    pub fn allow(&mut self, limit: Option<Duration>) -> QueryResult<()> {
        self.ask(|conn| conn.allow(limit))
    }

    /// For work that takes its time, and that nobody else waits for.
    pub fn connect_for_long(url: &ServerUrl) -> ConnectionResult<Self> {
        let mut server = Self::connect(url, STATEMENT)?;
        server
            .allow(None)
            .and_then(|()| server.batch("SET idle_in_transaction_session_timeout TO 0;"))
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(server)
    }

    /// Statements that have no values, for what no [`Statement`] is.
    pub fn batch(&mut self, texts: &str) -> QueryResult<()> {
        self.ask(|conn| conn.batch_execute(texts))
    }

    pub fn is_broken(&self) -> bool {
        self.broken || self.conn.is_closed()
    }

    /// Is it one that can hold the store?
    pub(super) fn look_at(&mut self) -> QueryResult<Standing> {
        let standing = sql(
            "SELECT CAST(current_setting('server_version_num') AS BIGINT) / 10000 AS version, \
             current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS replica, \
             CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS clock",
        );
        standing.get_result(self)
    }

    /// A server that can't hold the store is refused with what to do about it.
    pub fn refuse_unfit(&mut self) -> Result<()> {
        let standing = self.look_at().map_err(|error| broken("open", &error))?;
        let reason = match standing {
            Standing { version, .. } if version < OLDEST => {
                format!("the server is PostgreSQL {version}, and this needs {OLDEST} or newer")
            }
            Standing { encoding, .. } if encoding != "UTF8" => format!(
                "the database has the encoding {encoding}, and needs UTF8: make another one with `createdb --encoding=UTF8 --template=template0`"
            ),
            Standing { replica: true, .. } => {
                "the server is a replica, which can only be read: name the primary, or all of them (host one,two)".to_owned()
            }
            _ => return Ok(()),
        };
        Err(StoreError::Unfit { reason })
    }

    /// Makes the schema what this version needs; two that start at once do it one after the other.
    pub fn migrate(&mut self) -> Result<()> {
        // A large table takes its time, and somebody else's migration is waited for.
        let lock = format!("SET lock_timeout TO 0; SELECT pg_advisory_lock({LOCK});");
        let unlock = format!("SELECT pg_advisory_unlock({LOCK}); SET lock_timeout TO '10s';");
        self.conn
            .allow(None)
            .and_then(|()| self.batch(&lock))
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
            .and_then(|()| self.conn.allow(Some(STATEMENT)))
            .map_err(|error| broken("migrate", &error))?;
        made
    }

    /// Makes the schema where there is none; otherwise it has to be this version's.
    pub fn make(&mut self) -> Result<()> {
        match self.schema()? {
            Schema::Older { found } => Err(too_old(found)?),
            _ => self.migrate(),
        }
    }

    /// `false`: there is no schema yet.
    pub fn is_ours(&mut self) -> Result<bool> {
        match self.schema()? {
            Schema::None => Ok(false),
            Schema::Ours => Ok(true),
            Schema::Newer { found } => Err(too_new(found)),
            Schema::Older { found } => Err(too_old(found)?),
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
        self.settle()?;
        self.changes += 1;
        let answer = query(&mut self.conn);
        self.noted(answer)
    }

    /// Numbers events, marks and commits, as one; the last number. [`super::numbering`] and [`super::marked`] say why.
    pub(super) fn commit(&mut self, mark: &Mark, events: &EventColumns) -> QueryResult<i64> {
        self.settle()?;
        self.may_commit()?;
        self.changes += 1;
        let answer = self.conn.commit(mark, events);
        self.noted(answer)
    }

    /// What was gathered for this text, and what comes of it from now on, goes as a stream.
    fn copy(&mut self, text: &str) -> QueryResult<()> {
        let Some(group) = self.gathered.take_of(text) else {
            return Ok(());
        };
        let begun = Copying::begin(&mut self.conn, &group);
        self.copying = Some(self.noted(begun)?);
        Ok(())
    }

    fn noted<T>(&mut self, answer: QueryResult<T>) -> QueryResult<T> {
        if let Err(error) = &answer
            && !matches!(error, Error::NotFound)
        {
            self.failed = true;
            self.broken |= is_gone(error) || unavailable(error);
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

    fn gather<K: Key>(&mut self, statement: Statement<'_, K>, which: Gather) -> QueryResult<()> {
        self.changes += 1;
        let (text, values) = statement.parts();
        let (key, new) = match which {
            Gather::All => (None, false),
            Gather::Last(key) => (Some(key), false),
            Gather::New => (None, !self.one_by_one),
        };
        if new && let Some(copying) = self.copying.as_mut().filter(|one| one.is_of(text)) {
            let added = copying.add(&self.conn, values);
            return self.noted(added);
        }
        let Some(rows) = self.gathered.add(text, values, key) else {
            return Err(Error::QueryBuilderError("values of several types".into()));
        };
        if new && rows >= WORTH && self.copying.is_none() {
            return self.copy(text);
        }
        match self.gathered.is_full() {
            true => self.settle(),
            false => Ok(()),
        }
    }

    fn has_gathered(&self, text: &str) -> bool {
        self.gathered.has(text)
    }

    fn settle(&mut self) -> QueryResult<()> {
        let copying = self.copying.take();
        if copying.is_none() && self.gathered.is_empty() {
            return Ok(());
        }
        let groups = self.gathered.take();
        let written = self.conn.write_all(copying, &groups);
        self.noted(written)
    }

    fn taking_back(&mut self) {
        self.gathered = Gathered::default();
        self.copying = None;
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
