//! Rows: the service's database file, opened read-only. It tells what is stored and changes nothing.

use std::{io::Read, path::Path};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text},
    sqlite::SqliteConnection,
};
use flate2::read::DeflateDecoder;

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
    number_in(&mut open(file), query)
}

/// `SELECT … AS t`: texts.
pub fn texts(file: &Path, query: &str) -> Vec<String> {
    texts_in(&mut open(file), query)
}

/// A kept object as it was before it was deflated, from `SELECT hex(object)`.
#[allow(dead_code, reason = "shared by several test binaries")]
pub fn inflated(hex: &str) -> Vec<u8> {
    let deflated: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    let mut bytes = Vec::new();
    DeflateDecoder::new(&deflated[..])
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

/// [`number`], of a file that is open.
pub fn number_in(conn: &mut SqliteConnection, query: &str) -> i64 {
    sql_query(query).get_result::<Number>(conn).unwrap().n
}

/// [`texts`], of a file that is open.
pub fn texts_in(conn: &mut SqliteConnection, query: &str) -> Vec<String> {
    let all: Vec<Words> = sql_query(query).load(conn).unwrap();
    all.into_iter().map(|words| words.t).collect()
}
