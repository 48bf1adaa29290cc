//! Engine: what the services of these tests keep their rows in. A file each; or a database each of one PostgreSQL, for a fleet that
//! asks for it and, with `SWITCHBOARD_TESTS_DATABASE=postgres`, for all of them.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::de::DeserializeOwned;

use super::{cluster::Cluster, place};

/// All services are on PostgreSQL.
pub fn everywhere() -> bool {
    match std::env::var("SWITCHBOARD_TESTS_DATABASE").as_deref() {
        Ok("postgres") => true,
        Ok(other) => panic!("SWITCHBOARD_TESTS_DATABASE: {other:?} is no engine"),
        Err(_) => false,
    }
}

pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

fn names() -> &'static Mutex<HashMap<PathBuf, String>> {
    static NAMES: OnceLock<Mutex<HashMap<PathBuf, String>>> = OnceLock::new();
    NAMES.get_or_init(Mutex::default)
}

/// Databases that have a server for themselves.
fn servers() -> &'static Mutex<HashMap<String, &'static Cluster>> {
    static SERVERS: OnceLock<Mutex<HashMap<String, &'static Cluster>>> = OnceLock::new();
    SERVERS.get_or_init(Mutex::default)
}

fn server_of(database: &str) -> &'static Cluster {
    let servers = servers().lock().unwrap();
    servers.get(database).copied().unwrap_or_else(cluster)
}

/// A database for a data directory on a server that no other test uses: whoever ends the server ends it for nobody else. Its files are in
/// memory where those of the data directory are.
pub fn apart(data_dir: &Path) {
    // Two tests may ask at once, and a server takes its time to start.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("apart_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let memory = place::roomy_memory().filter(|memory| data_dir.starts_with(memory));
    let parent = memory.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let server: &Cluster = Box::leak(Box::new(Cluster::start_in(&parent, |_| Vec::new())));
    server.sql("postgres", &format!("create database {name}"));
    servers().lock().unwrap().insert(name.clone(), server);
    names().lock().unwrap().insert(data_dir.to_owned(), name);
}

/// The database of a data directory, made where there is none yet.
pub fn database_for(data_dir: &Path) -> String {
    let mut names = names().lock().unwrap();
    let next = format!("system_{}", names.len());
    names
        .entry(data_dir.to_owned())
        .or_insert_with(|| {
            cluster().sql("postgres", &format!("create database {next}"));
            next
        })
        .clone()
}

/// Where the rows of a data directory are, if they are on PostgreSQL.
pub fn database_of(data_dir: &Path) -> Option<String> {
    names().lock().unwrap().get(data_dir).cloned()
}

pub fn url_of(database: &str) -> String {
    let directory = server_of(database).directory.display();
    format!("postgres:///{database}?host={directory}&user=postgres")
}

/// The rows of a question, read by PostgreSQL's own client.
pub fn rows<T: DeserializeOwned>(database: &str, question: &str) -> Vec<T> {
    let answer = server_of(database).sql(database, &as_json(question));
    serde_json::from_str(&answer).expect("rows as JSON")
}

/// `None`: the server is away.
pub fn try_rows<T: DeserializeOwned>(database: &str, question: &str) -> Option<Vec<T>> {
    let answer = server_of(database).try_sql(database, &as_json(question));
    Some(serde_json::from_str(&answer.ok()?).expect("rows as JSON"))
}

fn as_json(question: &str) -> String {
    format!(
        "set search_path to switchboard; set default_transaction_read_only to on; \
         select coalesce(json_agg(row_to_json(x)), '[]') from ({question}) x"
    )
}

/// From now on the database of this data directory is the one of this name on this server.
pub fn lies_on(data_dir: &Path, database: &str, server: &'static Cluster) {
    let mut servers = servers().lock().unwrap();
    servers.insert(database.to_owned(), server);
    names()
        .lock()
        .unwrap()
        .insert(data_dir.to_owned(), database.to_owned());
}

/// Whatever is said, to the server that has the database.
pub fn sql_of(database: &str, text: &str) -> String {
    server_of(database).sql(database, text)
}

/// From now on a database takes no writes, as of a server that became a replica, or takes them again. Whoever is connected is cut off.
pub fn take_no_writes(database: &str, none: bool) {
    let server = server_of(database);
    let word = if none { "on" } else { "off" };
    server.sql(
        "postgres",
        &format!("alter database {database} set default_transaction_read_only to {word}"),
    );
    server.sql(
        "postgres",
        &format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'"
        ),
    );
}

/// As a power cut would, for the server alone (which is to be one [`apart`]): it ends all of its sessions in the middle, and recovers from its log.
pub fn crash(database: &str) {
    let server = server_of(database);
    let pid = server.sql(
        "postgres",
        &format!(
            "select pid from pg_stat_activity where datname = '{database}' and state <> 'idle' \
             or datname = '{database}' order by state = 'idle' limit 1"
        ),
    );
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &pid])
        .status()
        .unwrap();
    assert!(killed.success());
    super::cluster::wait_for("PostgreSQL after a crash", || {
        server.try_sql("postgres", "select 1").is_ok()
    });
}

/// A server that answers nothing, and is not gone either; it goes on when this is dropped.
pub struct Halted(Vec<String>);

/// From now on nothing comes of the server of this database, which is to be one [`apart`].
pub fn halt(database: &str) -> Halted {
    let directory = &server_of(database).directory;
    let file = std::fs::read_to_string(directory.join("data/postmaster.pid")).unwrap();
    let postmaster = file.lines().next().unwrap().trim().to_owned();
    signal("-STOP", std::slice::from_ref(&postmaster));
    // No further ones from now on.
    let children = format!("/proc/{postmaster}/task/{postmaster}/children");
    let children = std::fs::read_to_string(children).unwrap();
    let mut all: Vec<String> = children.split_whitespace().map(str::to_owned).collect();
    signal("-STOP", &all);
    all.push(postmaster);
    Halted(all)
}

/// Some may have ended by themselves.
fn signal(signal: &str, pids: &[String]) {
    let _ = std::process::Command::new("kill")
        .arg(signal)
        .args(pids)
        .stderr(std::process::Stdio::null())
        .status();
}

impl Drop for Halted {
    fn drop(&mut self) {
        signal("-CONT", &self.0);
    }
}
