//! Rows: the service's database file, opened read-only. It tells what is stored and changes nothing.

use std::path::Path;

use diesel::{
    Connection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text},
    sqlite::SqliteConnection,
};

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Words {
    #[diesel(sql_type = Text)]
    t: String,
}

fn open(file: &Path) -> SqliteConnection {
    SqliteConnection::establish(&format!("file:{}?mode=ro", file.display())).unwrap()
}

/// `SELECT … AS n`: one number.
pub fn number(file: &Path, query: &str) -> i64 {
    sql_query(query)
        .get_result::<Number>(&mut open(file))
        .unwrap()
        .n
}

/// `SELECT … AS t`: texts.
pub fn texts(file: &Path, query: &str) -> Vec<String> {
    sql_query(query)
        .load::<Words>(&mut open(file))
        .unwrap()
        .into_iter()
        .map(|words| words.t)
        .collect()
}
