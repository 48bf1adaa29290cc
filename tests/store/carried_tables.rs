//! Tables of a store, filled with a row of every kind, and compared.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{Bool, Text},
    sqlite::SqliteConnection,
};
use switchboard::store::{NoSink, Store, StoreConfig};
use tempfile::TempDir;

use crate::engine;

/// Of each table; more than are compared at once.
pub const ROWS: i64 = 1203;

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    t: String,
}

#[derive(QueryableByName)]
pub struct Column {
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Bool)]
    pub needed: bool,
    #[diesel(sql_type = Bool)]
    pub key: bool,
}

pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
}

pub fn open(file: &Path) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
    conn.batch_execute("PRAGMA foreign_keys = OFF; PRAGMA busy_timeout = 10000;")
        .unwrap();
    conn
}

pub fn words(conn: &mut SqliteConnection, query: &str) -> Vec<String> {
    let found: Vec<Word> = sql_query(query).load(conn).unwrap();
    found.into_iter().map(|word| word.t).collect()
}

/// As the file's catalog has them, which is not asked the way the product asks it.
pub fn tables(conn: &mut SqliteConnection) -> Vec<Table> {
    let names = words(
        conn,
        "SELECT DISTINCT tbl_name AS t FROM sqlite_schema WHERE tbl_name NOT LIKE 'messages_search%' \
         AND tbl_name NOT LIKE 'sqlite%' AND tbl_name NOT LIKE '%diesel%' ORDER BY 1",
    );
    assert!(names.len() > 38, "{names:?}");
    names
        .into_iter()
        .map(|name| Table {
            columns: sql_query(format!(
                "SELECT name, upper(type) AS kind, (\"notnull\" OR pk > 0) AS needed, pk > 0 AS key \
                 FROM pragma_table_info('{name}')"
            ))
            .load(conn)
            .unwrap(),
            name,
        })
        .collect()
}

/// What the column of row `n` holds, in SQL.
pub fn value(table: &str, column: &Column) -> String {
    let name = column.name.as_str();
    let value = match (table, name, column.kind.as_str()) {
        ("messages", "direction", _) => "'incoming'".to_owned(),
        ("messages", "status", _) => "'received'".to_owned(),
        ("messages", "media", _) => "'{\"kind\":\"photo\"}'".to_owned(),
        ("messages", "deleted_at", _) => "CASE WHEN n % 7 = 0 THEN n END".to_owned(),
        ("messages", "text", _) => {
            "CASE n WHEN 5 THEN 'before' || char(0) || 'behind' ELSE 'word' || n || ' of all' END"
                .to_owned()
        }
        ("messages", "album_id", _) => "9223372036854775807 - n".to_owned(),
        ("peers", "access_hash", _) => "-9223372036854775807 + n".to_owned(),
        ("orders", "state", _) => "'queued'".to_owned(),
        ("orders", "wait_of", _) => "'chat'".to_owned(),
        ("accounts", "id", _) | (_, "telegram_account_id" | "account_id", _) => {
            "'account-' || n".to_owned()
        }
        (_, _, "BOOLEAN") => "n % 2".to_owned(),
        (_, _, "BLOB") => "CAST(char(1, 233, 128) || n AS BLOB)".to_owned(),
        (_, _, "TEXT") => "'\"ü\\ '' ? {%s} \u{1f44d}\u{200d}' || char(9, 10, 31) || n".to_owned(),
        _ => "n".to_owned(),
    };
    match column.needed || table == "messages" {
        true => value,
        false => format!("CASE WHEN n % 3 > 0 THEN {value} END"),
    }
}

/// Rows `from` to `to` of a table.
pub fn rows_of(table: &Table, from: i64, to: i64) -> String {
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    let values: Vec<String> = table
        .columns
        .iter()
        .map(|column| value(&table.name, column))
        .collect();
    format!(
        "WITH RECURSIVE c (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM c WHERE n < {to}) \
         INSERT INTO \"{}\" ({}) SELECT {} FROM c;",
        table.name,
        names.join(", "),
        values.join(", ")
    )
}

/// A directory with a store whose every table has rows. `access` has one, and keeps it.
pub async fn filled() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("switchboard.db");
    let store = Store::open(StoreConfig::at(&file), Arc::new(NoSink)).unwrap();
    store.close().await;
    let mut conn = open(&file);
    for table in tables(&mut conn) {
        if table.name != "access" {
            conn.batch_execute(&rows_of(&table, 1, ROWS))
                .unwrap_or_else(|error| panic!("{}: {error}", table.name));
        }
    }
    (dir, file)
}

/// Everything but what each engine keeps for itself, table by table.
fn dump(
    mut asked: impl FnMut(&str) -> Vec<String>,
    tables: &[Table],
    file: bool,
) -> BTreeMap<String, Vec<String>> {
    let dumped = tables.iter().map(|table| {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let name = format!("\"{}\"", column.name);
                let text = match column.kind.as_str() {
                    "BLOB" if file => format!("lower(hex({name}))"),
                    "BLOB" => format!("encode({name}, 'hex')"),
                    "BOOLEAN" => format!("CAST(CAST({name} AS INTEGER) AS TEXT)"),
                    _ => format!("CAST({name} AS TEXT)"),
                };
                let line = if file { "char(10)" } else { "chr(10)" };
                format!("coalesce(replace({text}, {line}, '<nl>'), '<null>')")
            })
            .collect();
        let own = match table.name.as_str() {
            "meta" => "key LIKE '\"%'",
            _ => "TRUE",
        };
        let query = format!(
            "SELECT {} AS t FROM \"{}\" WHERE {own}",
            columns.join(" || '|' || "),
            table.name
        );
        let mut found = asked(&query);
        found.sort();
        (table.name.clone(), found)
    });
    dumped.collect()
}

pub fn of_file(file: &Path) -> BTreeMap<String, Vec<String>> {
    let mut conn = open(file);
    let tables = tables(&mut conn);
    dump(|query| words(&mut conn, query), &tables, true)
}

pub fn of_server(server: &Path, file: &Path) -> BTreeMap<String, Vec<String>> {
    let tables = tables(&mut open(file));
    dump(|query| engine::rows::texts(server, query), &tables, false)
}

pub fn same(ours: &BTreeMap<String, Vec<String>>, theirs: &BTreeMap<String, Vec<String>>) {
    for (table, rows) in ours {
        let theirs = &theirs[table];
        assert_eq!(rows.len(), theirs.len(), "{table}");
        for (one, other) in rows.iter().zip(theirs) {
            // PostgreSQL has no text with the character 0.
            assert_eq!(&one.replace('\0', "\u{fffd}"), other, "{table}");
        }
    }
}
