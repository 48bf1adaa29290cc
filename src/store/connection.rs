//! Connections: how the file is opened for writing, for reading and for moving the log into the file.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::ErrorKind,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use diesel::{
    Connection, ConnectionError, QueryResult, QueryableByName, connection::SimpleConnection,
    result::Error, sqlite::SqliteConnection,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use r2d2::{ManageConnection, Pool};

use super::{
    Result, ServerUrl, StoreConfig, StoreError,
    engine::Conn,
    migrations::{Schema, broken, compared, versions_of},
    server::{STATEMENT, Server},
    sql::{Number, One, sql},
};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// One try for the write lock; patience is the actor's, which stays responsive in between.
pub(super) const BUSY_MILLIS: u32 = 200;

/// A look at the tokens on a server.
const WATCHED: Duration = Duration::from_secs(5);

/// Somebody else who makes the schema of a new file is waited for.
const MIGRATION_MILLIS: u32 = 10_000;

pub(super) use super::trouble::unavailable;

pub(super) type Readers = Pool<Reading>;

/// Telegram repeats what isn't covered by the stored position, but nobody repeats a reply: so FULL.
/// The log is moved into the file by `checkpoint.rs`, not by whichever commit happens to be the thousandth.
const WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -6144; \
     PRAGMA temp_store = MEMORY;";
const READER: &str =
    "PRAGMA query_only = ON; PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY;";

/// A file that is there. Without `mode=rw` SQLite would put an empty one in the place of one that was moved away.
fn existing(path: &Path) -> String {
    let mut uri = String::from("file:");
    for letter in path.to_string_lossy().chars() {
        match letter {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            letter => uri.push(letter),
        }
    }
    uri.push_str("?mode=rw");
    uri
}

/// The file and what SQLite puts beside it, which gets the rights of the file.
fn make_private(path: &Path) -> std::io::Result<()> {
    let made = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let Ok(found) = fs::metadata(&name) else {
            continue;
        };
        let mode = found.permissions().mode();
        // What the owner took from itself stays taken.
        let private = Permissions::from_mode(mode & 0o700);
        if mode & 0o077 != 0
            && let Err(error) = fs::set_permissions(&name, private)
        {
            log::warn!(target: "switchboard::store", "others on this machine may read {name:?}, and that can't be changed: {error}");
        }
    }
    Ok(())
}

fn connect(url: &str) -> Result<SqliteConnection, ConnectionError> {
    let mut conn = SqliteConnection::establish(url)?;
    conn.batch_execute(&format!("PRAGMA busy_timeout = {BUSY_MILLIS};"))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// The one connection that writes; makes the file when it is not there.
pub(super) fn create(path: &Path) -> Result<SqliteConnection, ConnectionError> {
    make_private(path).map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
    writer_at(&path.to_string_lossy())
}

/// The one connection that writes, opened again.
pub(super) fn writer(path: &Path) -> Result<SqliteConnection, ConnectionError> {
    writer_at(&existing(path))
}

fn writer_at(url: &str) -> Result<SqliteConnection, ConnectionError> {
    let mut conn = connect(url)?;
    conn.batch_execute(WRITER)
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// A connection that reads the tokens again and again.
fn watcher(path: &Path) -> Result<SqliteConnection, ConnectionError> {
    let mut conn = connect(&existing(path))?;
    conn.batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -64;")
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// A connection that can't be opened, as an error of what it was wanted for.
pub(super) fn as_query_error(error: ConnectionError) -> Error {
    Error::DatabaseError(
        diesel::result::DatabaseErrorKind::Unknown,
        Box::new(error.to_string()),
    )
}

/// A connection that moves pages from the log into the file while the writer goes on.
pub(super) fn checkpointer(path: &Path) -> Result<SqliteConnection, ConnectionError> {
    let mut conn = connect(&existing(path))?;
    conn.batch_execute("PRAGMA synchronous = FULL; PRAGMA cache_size = -64;")
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// Where the rows are.
#[derive(Clone, Debug)]
pub enum Place {
    File(PathBuf),
    Server(ServerUrl),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(url) => write!(f, "the schema switchboard in {}", url.shown()),
        }
    }
}

impl Place {
    pub(super) fn of(config: &StoreConfig) -> Self {
        match &config.server {
            None => Self::File(config.path.clone()),
            Some(url) => Self::Server(url.clone()),
        }
    }

    /// The one connection that writes, opened again.
    pub(super) fn writer(&self) -> Result<Conn, ConnectionError> {
        match self {
            Self::File(path) => writer(path).map(Conn::Sqlite),
            Self::Server(url) => Server::connect(url, STATEMENT)
                .map(Box::new)
                .map(Conn::Postgres),
        }
    }

    /// A connection that reads the tokens again and again.
    pub(super) fn watcher(&self) -> Result<Conn, ConnectionError> {
        match self {
            Self::File(path) => watcher(path).map(Conn::Sqlite),
            Self::Server(_) => self.reader(WATCHED),
        }
    }

    /// A server is told how long a question may take; who asks a file gives up by itself.
    pub(super) fn reader(&self, limit: Duration) -> Result<Conn, ConnectionError> {
        match self {
            Self::File(path) => {
                let mut conn = SqliteConnection::establish(&existing(path))?;
                // A reader meets a lock only while somebody else recovers or vacuums the file.
                conn.batch_execute("PRAGMA busy_timeout = 5000;")
                    .and_then(|()| conn.batch_execute(READER))
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Conn::Sqlite(conn))
            }
            Self::Server(url) => {
                let mut server = Server::connect(url, limit)?;
                server
                    .batch("SET default_transaction_read_only = on;")
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Conn::Postgres(Box::new(server)))
            }
        }
    }
}

/// Opens connections that read.
pub(super) struct Reading {
    place: Place,
    limit: Duration,
}

impl ManageConnection for Reading {
    type Connection = Conn;
    type Error = ConnectionError;

    fn connect(&self) -> Result<Conn, ConnectionError> {
        self.place.reader(self.limit)
    }

    /// Asks nobody: what the server has ended is known here.
    fn is_valid(&self, conn: &mut Conn) -> Result<(), ConnectionError> {
        match conn.is_broken() {
            false => Ok(()),
            true => Err(ConnectionError::BadConnection("was ended".to_owned())),
        }
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        thread::panicking() || conn.is_broken()
    }
}

pub(super) fn readers(config: &StoreConfig) -> Result<Readers> {
    Pool::builder()
        .max_size(config.readers.max(1))
        .min_idle(Some(1))
        .connection_timeout(Duration::from_secs(5))
        .test_on_check_out(true)
        .build(Reading {
            place: Place::of(config),
            limit: config.read_limit,
        })
        .map_err(|error| StoreError::Unavailable {
            reason: error.to_string(),
        })
}

/// Makes the schema what this version needs. The service alone does that: commands leave the file of another version
/// as it is.
pub(super) fn migrate(conn: &mut SqliteConnection) -> Result<()> {
    match schema_of(conn)? {
        Schema::Ours => Ok(()),
        Schema::Newer { found } => Err(too_new(found)),
        Schema::None | Schema::Older { .. } => run_migrations(conn),
    }
}

/// Makes the schema of a file that has none; otherwise it has to be this version's.
pub(super) fn make(conn: &mut SqliteConnection) -> Result<()> {
    if is_ours(conn)? {
        return Ok(());
    }
    run_migrations(conn)
}

/// `false`: the file has no schema yet.
pub(super) fn is_ours(conn: &mut SqliteConnection) -> Result<bool> {
    match schema_of(conn)? {
        Schema::None => Ok(false),
        Schema::Ours => Ok(true),
        Schema::Newer { found } => Err(too_new(found)),
        Schema::Older { found } => Err(StoreError::SchemaTooOld {
            found,
            needed: known()?.pop().unwrap_or_default(),
        }),
    }
}

/// As one, and under the write lock: a first start and a first token may meet.
fn run_migrations(conn: &mut SqliteConnection) -> Result<()> {
    let waiting = conn
        .batch_execute(&format!("PRAGMA busy_timeout = {MIGRATION_MILLIS};"))
        .map_err(|error| broken("migrate", &error));
    waiting?;
    conn.immediate_transaction(|conn| conn.run_pending_migrations(MIGRATIONS).map(drop))
        .map_err(|error: Box<dyn std::error::Error + Send + Sync>| broken("migrate", &error))?;
    conn.batch_execute(&format!("PRAGMA busy_timeout = {BUSY_MILLIS};"))
        .map_err(|error| broken("migrate", &error))
}

/// A schema this version does not know is left alone: writing into it would damage it.
fn too_new(found: String) -> StoreError {
    StoreError::SchemaTooNew {
        found,
        known: known()
            .ok()
            .and_then(|mut known| known.pop())
            .unwrap_or_default(),
    }
}

/// This version's migrations, oldest first.
fn known() -> Result<Vec<String>> {
    versions_of::<diesel::sqlite::Sqlite>(&MIGRATIONS)
}

fn schema_of(conn: &mut SqliteConnection) -> Result<Schema> {
    let table =
        sql("SELECT count(*) AS n FROM sqlite_schema WHERE name = '__diesel_schema_migrations'")
            .get_result::<One>(conn)
            .map_err(|error| broken("open", &error))?;
    if table.n == 0 {
        return Ok(Schema::None);
    }
    let found = conn
        .applied_migrations()
        .map_err(|error| broken("open", &error))?
        .iter()
        .map(ToString::to_string)
        .collect();
    Ok(compared(found, &known()?))
}

/// SQLite opens a file that it may not write without a word, and complains at the first write.
///
/// Somebody else's lock is no reason not to start: the writer waits for it.
pub(super) fn refuse_read_only(conn: &mut SqliteConnection) -> Result<()> {
    let tried =
        conn.batch_execute("BEGIN IMMEDIATE; INSERT INTO meta (key, value) VALUES ('probe', '');");
    // There is nothing to take back when it did not begin.
    let _ = conn.batch_execute("ROLLBACK");
    match tried {
        Err(error) if error.to_string().contains("readonly") => Err(StoreError::Unavailable {
            reason: error.to_string(),
        }),
        _ => Ok(()),
    }
}

/// How full the log is, in pages.
#[derive(QueryableByName, Clone, Copy, Debug)]
pub(super) struct LogFill {
    #[diesel(sql_type = Number)]
    pub log: i64,
    /// Of them, those that are in the file as well.
    #[diesel(sql_type = Number)]
    pub checkpointed: i64,
}

pub(super) fn log_fill(conn: &mut SqliteConnection) -> QueryResult<LogFill> {
    sql("PRAGMA wal_checkpoint(NOOP)").get_result(conn)
}

/// Moves pages from the log into the file. `PASSIVE` waits for nobody, `TRUNCATE` for readers and then empties the log.
pub(super) fn checkpoint(conn: &mut SqliteConnection, mode: &'static str) -> QueryResult<()> {
    conn.batch_execute(&format!("PRAGMA wal_checkpoint({mode})"))
}
