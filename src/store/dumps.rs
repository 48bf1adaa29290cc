//! Dumps: a copy of the store on PostgreSQL, made by `pg_dump` at one moment while the service writes; and one put in the place of
//! the store by `pg_restore`. What a copy means is [`super::copies`]'.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{ErrorKind, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use diesel::{QueryResult, QueryableByName, sql_types::Text};

use super::{
    CopyContents, Result, ServerUrl, StoreError,
    copies::{GivenOut, contents_of, how_far, prepare},
    engine::Conn,
    hold::Hold,
    migrations::broken,
    row_blocks::LAST_ROW,
    server::{STATEMENT, Server},
    sql::{One, sql},
    transaction,
};
use crate::domain::Timestamp;

/// How an archive of `pg_dump` begins.
const MARK: &[u8] = b"PGDMP";

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    t: String,
}

fn reached(url: &ServerUrl) -> Result<Server> {
    let server = Server::connect(url, STATEMENT);
    server.map_err(|error| unavailable(&error))
}

fn unavailable(error: &impl ToString) -> StoreError {
    StoreError::Unavailable {
        reason: error.to_string(),
    }
}

/// Copies the store as it is at one moment to `to`, which must not be there.
///
/// # Errors
/// [`StoreError::Unavailable`]: no server, no room, no `pg_dump`, or the file is there already.
pub fn dump_out(url: &ServerUrl, to: &Path) -> Result<CopyContents> {
    let server = Server::connect_for_long(url);
    let mut server = server.map_err(|error| unavailable(&error))?;
    // One of another version is copied as well: that is what somebody does before an upgrade.
    if let Ok(false) = server.is_ours() {
        return Err(broken("backup", &"there is no store in this database"));
    }
    let made = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(to)
        .map_err(|error| unavailable(&error))?;
    // Counted at the moment that is copied, which is held until then.
    let mut conn = Conn::Postgres(Box::new(server));
    let dumped = dump(&mut conn, url, to);
    let contents = dumped.and_then(|contents| {
        made.sync_all().map_err(|error| unavailable(&error))?;
        Ok(contents)
    });
    if contents.is_err() {
        // What is there is no copy.
        let _ = std::fs::remove_file(to);
    }
    contents
}

fn dump(conn: &mut Conn, url: &ServerUrl, to: &Path) -> Result<CopyContents> {
    let counted = (|| {
        transaction::begin_reading(conn)?;
        let contents = contents_of(conn)?;
        let moment = sql("SELECT pg_export_snapshot() AS t").get_result::<Word>(conn)?;
        QueryResult::Ok((contents, moment.t))
    })();
    let (contents, moment) = counted.map_err(|error| broken("backup", &error))?;
    let mut command = Command::new("pg_dump");
    command
        .args(["--format=custom", "--schema=switchboard", "--no-owner"])
        .args(["--no-privileges", "--no-password"])
        .arg(format!("--snapshot={moment}"))
        .arg("--file")
        .arg(to);
    run(command, url)?;
    Ok(contents)
}

/// Puts a copy in the place of the store. What was there before is kept in another schema, which is named.
///
/// # Errors
/// [`StoreError::InUse`] while a service runs, [`StoreError::SchemaTooNew`] for the copy of a newer version,
/// [`StoreError::Broken`] for what is no copy. Then nothing was changed.
pub fn put_dump_in_place(url: &ServerUrl, copy: &Path) -> Result<(CopyContents, Option<String>)> {
    if !is_dump(copy).map_err(|error| unavailable(&error))? {
        return Err(broken(
            "restore",
            &"this is no copy of a store on PostgreSQL",
        ));
    }
    let hold = Hold::take(url)?;
    let mut server = reached(url)?;
    server.refuse_unfit()?;
    let before = has_schema(&mut server)
        .map_err(|error| broken("restore", &error))?
        .then(|| given_out(&mut server).ok());
    let kept = match before {
        None => None,
        Some(_) => {
            let name = format!("switchboard_before_{}", Timestamp::now().millis() / 1000);
            rename(&mut server, "switchboard", &name)?;
            Some(name)
        }
    };
    let put = put(url, copy).and_then(|()| {
        // Of this version, and of a later day than that of the copy.
        let mut server = reached(url)?;
        server.migrate()?;
        let mut conn = Conn::Postgres(Box::new(server));
        conn.as_one(|conn| {
            prepare(conn, before.flatten())?;
            contents_of(conn)
        })
        .map_err(|error| broken("restore", &error))
    });
    if put.is_err() {
        server
            .batch("DROP SCHEMA IF EXISTS switchboard CASCADE;")
            .map_err(|error| broken("restore", &error))?;
        if let Some(name) = &kept {
            rename(&mut server, name, "switchboard")?;
        }
    }
    hold.let_go();
    Ok((put?, kept))
}

/// A store of before its rows were counted by a sequence has none.
fn given_out(server: &mut Server) -> QueryResult<GivenOut> {
    let mut far = how_far(server)?;
    if let Ok(row) = sql(LAST_ROW).get_result::<One>(server) {
        far.message = far.message.max(row.n);
    }
    Ok(far)
}

fn is_dump(copy: &Path) -> std::io::Result<bool> {
    let mut head = [0; MARK.len()];
    match File::open(copy)?.read_exact(&mut head) {
        Ok(()) => Ok(head == MARK),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn has_schema(server: &mut Server) -> QueryResult<bool> {
    let found = sql("SELECT nspname AS t FROM pg_namespace WHERE nspname = 'switchboard'");
    Ok(!found.load::<Word>(server)?.is_empty())
}

fn rename(server: &mut Server, from: &str, to: &str) -> Result<()> {
    server
        .batch(&format!("ALTER SCHEMA {from} RENAME TO {to};"))
        .map_err(|error| broken("restore", &error))
}

fn put(url: &ServerUrl, copy: &Path) -> Result<()> {
    let mut command = Command::new("pg_restore");
    command
        .args(["--exit-on-error", "--single-transaction", "--no-owner"])
        .args(["--no-privileges", "--no-password", "--dbname"])
        .arg(url.database())
        .arg(copy);
    run(command, url)
}

/// Where the server is, and the password, go by the environment: a command line can be read by everybody.
fn run(mut command: Command, url: &ServerUrl) -> Result<()> {
    let program = command.get_program().to_owned();
    let program = program.to_string_lossy();
    let environment: Vec<(&str, OsString)> = url.for_tools();
    let output = command
        .envs(environment)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => unavailable(&format!(
                "{program} is missing: install PostgreSQL's tools (Debian's package postgresql-client), of the server's version or newer"
            )),
            _ => unavailable(&error),
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    let first = lines.first().copied().unwrap_or("it ended without a word");
    Err(unavailable(&format!("{program}: {first}")))
}
