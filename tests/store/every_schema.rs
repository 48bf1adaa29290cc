//! Every schema: a database of each that ever was, with rows in all its tables, becomes one of today's and loses none of them.

use diesel::{
    Connection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    migration::{Migration, MigrationSource},
    sql_query,
    sql_types::{BigInt, Bool, Text},
    sqlite::{Sqlite, SqliteConnection},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
/// Of each table.
const ROWS: i64 = 3;
/// Tables of which an upgrade takes rows, and why.
const TAKES: [(&str, &str); 2] = [
    ("fill_jobs", "what they were to fetch, spans say better"),
    ("outbox", "its rows became orders"),
];

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    t: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    generated: bool,
}

/// Its own tables: none of SQLite, of the migrations, or of the search index.
fn tables(conn: &mut SqliteConnection) -> Vec<String> {
    let names: Vec<Name> = sql_query(
        "SELECT name AS t FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_\\_%' ESCAPE '\\' \
         AND name NOT LIKE 'messages\\_search%' ESCAPE '\\' ORDER BY name",
    )
    .load(conn)
    .unwrap();
    names.into_iter().map(|name| name.t).collect()
}

fn count(conn: &mut SqliteConnection, table: &str) -> i64 {
    let query = format!("SELECT count(*) AS n FROM {table}");
    sql_query(query).get_result::<Count>(conn).unwrap().n
}

/// Rows of any values that fit the columns' types.
fn fill(conn: &mut SqliteConnection) {
    conn.batch_execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;")
        .unwrap();
    for table in tables(conn) {
        let columns: Vec<Column> = sql_query(format!(
            "SELECT name, upper(type) AS kind, hidden > 1 AS generated FROM pragma_table_xinfo('{table}')"
        ))
        .load(conn)
        .unwrap();
        let columns: Vec<Column> = columns.into_iter().filter(|one| !one.generated).collect();
        let names: Vec<&str> = columns.iter().map(|one| one.name.as_str()).collect();
        for row in 1..=ROWS {
            let values: Vec<String> = columns.iter().map(|column| value(column, row)).collect();
            conn.batch_execute(&format!(
                "INSERT OR IGNORE INTO {table} (\"{}\") VALUES ({});",
                names.join("\", \""),
                values.join(", ")
            ))
            .unwrap_or_else(|error| panic!("{table}: {error}"));
        }
        assert!(count(conn, &table) > 0, "{table} stayed empty");
    }
}

fn value(column: &Column, row: i64) -> String {
    match column.kind.as_str() {
        kind if kind.contains("INT") || kind.contains("BOOL") => row.to_string(),
        kind if kind.contains("BLOB") => "x'0001020304050607'".to_owned(),
        kind if kind.contains("REAL") || kind.contains("DOUBLE") => "1.5".to_owned(),
        _ if column.name.contains("id") => format!("'00000000-0000-4000-8000-00000000000{row}'"),
        // JSON is read by some of the migrations.
        _ if ["media", "payload", "extra", "detail", "filter"].contains(&column.name.as_str()) => {
            "'{}'".to_owned()
        }
        _ => format!("'text {row}'"),
    }
}

/// Protects people who skipped versions: whichever schema their database has, its rows survive every migration that follows, and
/// the file is whole afterwards.
#[test]
fn a_database_of_every_schema_keeps_its_rows() {
    let all: Vec<Box<dyn Migration<Sqlite>>> = MIGRATIONS.migrations().unwrap();
    assert!(all.len() > 30, "{}", all.len());
    for from in 1..all.len() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        // Makes the list of migrations.
        assert!(conn.applied_migrations().unwrap().is_empty());
        for migration in &all[..from] {
            conn.run_migration(migration).unwrap();
        }
        fill(&mut conn);
        let before: Vec<(String, i64)> = tables(&mut conn)
            .into_iter()
            .map(|table| {
                let rows = count(&mut conn, &table);
                (table, rows)
            })
            .collect();
        let schema = all[from - 1].name().to_string();
        conn.run_pending_migrations(MIGRATIONS)
            .unwrap_or_else(|error| panic!("from {schema}: {error}"));
        let there = tables(&mut conn);
        for (table, rows) in before {
            if TAKES.iter().any(|(taken, _)| *taken == table) {
                continue;
            }
            assert!(there.contains(&table), "from {schema}: {table} is gone");
            let now = count(&mut conn, &table);
            assert!(
                now >= rows,
                "from {schema}: {table} had {rows} rows and has {now}"
            );
        }
        let whole: Name = sql_query("SELECT integrity_check AS t FROM pragma_integrity_check")
            .get_result(&mut conn)
            .unwrap();
        assert_eq!(whole.t, "ok", "from {schema}");
    }
}
