//! The engine of this test binary: PostgreSQL, with a database of its own for every file that a test names.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
};

use switchboard::store::{ServerUrl, StoreConfig};

use crate::cluster::Cluster;

#[derive(Default)]
struct Databases(Mutex<HashMap<PathBuf, String>>);

fn cluster() -> &'static (Cluster, Databases) {
    static CLUSTER: OnceLock<(Cluster, Databases)> = OnceLock::new();
    CLUSTER.get_or_init(|| (Cluster::start(), Databases::default()))
}

fn database(path: &Path) -> String {
    let (cluster, databases) = cluster();
    let mut known = databases.0.lock().unwrap();
    let next = format!("store_{}", known.len());
    known
        .entry(path.to_owned())
        .or_insert_with(|| {
            cluster.sql("postgres", &format!("create database {next}"));
            next
        })
        .clone()
}

/// How many lives of chats are played through; each takes seconds here.
pub const SEEDS: u64 = 4;

pub fn placed(config: StoreConfig) -> StoreConfig {
    StoreConfig {
        server: Some(ServerUrl::parse(&url(&config.path), None).unwrap()),
        ..config
    }
}

/// The same database as an address.
pub fn url(path: &Path) -> String {
    let directory = cluster().0.directory.display();
    format!(
        "postgres:///{}?host={directory}&user=postgres",
        database(path)
    )
}

/// `None`: there is no such table yet.
pub fn try_number(path: &Path, query: &str) -> Option<i64> {
    let answer = cluster().0.try_sql(&database(path), query).ok()?;
    answer.parse().ok()
}

pub fn change(path: &Path, text: &str) {
    asked(path, text);
}

/// Is this text anywhere in the database?
pub fn holds(path: &Path, text: &str) -> bool {
    let dump = cluster().0.dump(&database(path));
    assert!(dump.contains("login_attempts"));
    dump.contains(text)
}

fn asked(path: &Path, text: &str) -> String {
    let text = text
        .replace("json_array(", "json_build_array(")
        .replace("hex(o.object)", "encode(o.object, 'hex')");
    let text = format!("set search_path to switchboard; {text}");
    cluster().0.sql(&database(path), &text)
}

/// What `rows` reads from a file, from the database.
pub mod rows {
    use std::path::Path;

    /// `SELECT … AS n`: one number.
    pub fn number(file: &Path, query: &str) -> i64 {
        super::asked(file, query).parse().unwrap()
    }

    /// `SELECT … AS t`: texts.
    pub fn texts(file: &Path, query: &str) -> Vec<String> {
        super::asked(file, query)
            .lines()
            .map(str::to_owned)
            .collect()
    }
}
