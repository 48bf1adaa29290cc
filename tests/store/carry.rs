//! A store goes from its file to PostgreSQL and back: every row of every table, also what changes meanwhile.

use std::{
    collections::BTreeMap,
    future::ready,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    time::Instant,
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{Bool, Text},
    sqlite::SqliteConnection,
};
use switchboard::{
    domain::{AccountId, ChatId},
    store::{
        Carry, CarryEnd, CarryError, MessagesFrom, NoSink, SearchQuery, ServerUrl, Store,
        StoreConfig, StoreError, StoreHandle,
    },
};
use tempfile::TempDir;

use crate::{
    engine, rows,
    world::{LIMIT, batch, message, new, new_account, until},
};

/// Of each table; more than are compared at once.
const ROWS: i64 = 1203;

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    t: String,
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    needed: bool,
    #[diesel(sql_type = Bool)]
    key: bool,
}

struct Table {
    name: String,
    columns: Vec<Column>,
}

fn open(file: &Path) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
    conn.batch_execute("PRAGMA foreign_keys = OFF; PRAGMA busy_timeout = 10000;")
        .unwrap();
    conn
}

fn words(conn: &mut SqliteConnection, query: &str) -> Vec<String> {
    let found: Vec<Word> = sql_query(query).load(conn).unwrap();
    found.into_iter().map(|word| word.t).collect()
}

/// As the file's catalog has them, which is not asked the way the product asks it.
fn tables(conn: &mut SqliteConnection) -> Vec<Table> {
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
fn value(table: &str, column: &Column) -> String {
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
fn rows_of(table: &Table, from: i64, to: i64) -> String {
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
async fn filled() -> (TempDir, PathBuf) {
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

fn of_file(file: &Path) -> BTreeMap<String, Vec<String>> {
    let mut conn = open(file);
    let tables = tables(&mut conn);
    dump(|query| words(&mut conn, query), &tables, true)
}

fn of_server(server: &Path, file: &Path) -> BTreeMap<String, Vec<String>> {
    let tables = tables(&mut open(file));
    dump(|query| engine::rows::texts(server, query), &tables, false)
}

fn same(ours: &BTreeMap<String, Vec<String>>, theirs: &BTreeMap<String, Vec<String>>) {
    for (table, rows) in ours {
        let theirs = &theirs[table];
        assert_eq!(rows.len(), theirs.len(), "{table}");
        for (one, other) in rows.iter().zip(theirs) {
            // PostgreSQL has no text with the character 0.
            assert_eq!(&one.replace('\0', "\u{fffd}"), other, "{table}");
        }
    }
}

fn program(from: &str, to: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command
        .env_clear()
        .args([
            "migrate-store",
            "--patience",
            "0",
            "--from",
            from,
            "--to",
            to,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn migrate(from: &str, to: &str) -> Output {
    program(from, to).output().unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn refused(config: StoreConfig) -> String {
    match Store::open(config, Arc::new(NoSink)) {
        Ok(_) => panic!("a store that is not to be used was opened"),
        Err(error) => error.to_string(),
    }
}

fn at(path: &Path) -> StoreConfig {
    StoreConfig::at(path)
}

/// Protects a person who changes the engine: every row of every table is there, numbers go on where they were, what was left can't be
/// started any more; and the way back is as good.
#[actix::test]
async fn every_row_of_every_table_goes_over_and_back() {
    let (dir, file) = filled().await;
    let url = engine::url(&dir.path().join("server"));
    let server = dir.path().join("server");
    let over = migrate(dir.path().to_str().unwrap(), &url);
    assert!(over.status.success(), "{}", said(&over));
    let told = said(&over);
    assert!(
        told.contains(&format!("peers: {ROWS} rows, sha256 ")),
        "{told}"
    );
    let there = of_server(&server, &file);
    assert!(
        there
            .iter()
            .all(|(name, rows)| name == "access" || rows.len() as i64 == ROWS),
        "{told}"
    );
    same(&of_file(&file), &there);
    assert!(refused(at(&file)).contains("went over to postgres://"));
    let again = migrate(dir.path().to_str().unwrap(), &url);
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));

    let back = TempDir::new().unwrap();
    let over = migrate(&url, back.path().to_str().unwrap());
    assert!(over.status.success(), "{}", said(&over));
    let home = back.path().join("switchboard.db");
    same(&there, &of_file(&home));
    assert!(refused(engine::placed(at(&server))).contains("went over to "));
    let counted = "SELECT name || ' ' || seq AS t FROM sqlite_sequence ORDER BY name";
    assert_eq!(
        words(&mut open(&home), counted),
        words(&mut open(&file), counted)
    );
    // The same sums, whichever way they were made.
    let sums = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains(" rows, sha256 "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(sums(&told), sums(&said(&over)));
    let found = |file: &Path| {
        words(
            &mut open(file),
            "SELECT CAST(rowid AS TEXT) AS t FROM messages_search WHERE messages_search MATCH 'word77* OR behind' ORDER BY 1",
        )
    };
    // 77 and 770 to 779 but those of them that are deleted, and the one with the odd text.
    let wanted = (770..780).chain([77, 5]).filter(|n| n % 7 != 0).count();
    assert_eq!(found(&home).len(), wanted);
    let indexed = engine::rows::number(
        &server,
        "SELECT count(*) AS n FROM messages_search WHERE words @@ CAST('word77:* | behind' AS TSQUERY)",
    );
    assert_eq!(indexed as usize, wanted);
}

/// Opens both ends.
fn carry(file: &Path, url: &str) -> Carry {
    let server = CarryEnd::Server(ServerUrl::parse(url, None).unwrap());
    Carry::open(&CarryEnd::File(file.to_owned()), &server).unwrap()
}

/// Protects what people do between the first round and the stop, in whichever table it shows.
#[actix::test]
async fn a_row_that_changes_meanwhile_is_found_in_every_table() {
    let (dir, file) = filled().await;
    let server = dir.path().join("server");
    let url = engine::url(&server);
    let mut carry = carry(&file, &url);
    assert!(carry.round().unwrap().written > ROWS * 38);
    let settled = carry.round().unwrap();
    assert_eq!(settled.written, 0);
    let before = of_file(&file);
    let mut conn = open(&file);
    for table in tables(&mut conn) {
        if table.name == "access" {
            conn.batch_execute("UPDATE access SET version = version + 100")
                .unwrap();
            continue;
        }
        // One is gone, one is new, one is changed; a table whose columns are all its key has none to change.
        let row = |n: i64| {
            let keys = table.columns.iter().filter(|column| column.key);
            let keys: Vec<String> = keys
                .map(|column| {
                    let value = value(&table.name, column);
                    format!(
                        "\"{}\" = (SELECT {value} FROM (SELECT {n} AS n))",
                        column.name
                    )
                })
                .collect();
            keys.join(" AND ")
        };
        let name = &table.name;
        let mut texts = format!("DELETE FROM \"{name}\" WHERE {};", row(ROWS));
        texts.push_str(&rows_of(&table, 5001, 5001));
        let mut others = table.columns.iter().rev();
        if let Some(changed) = others.find(|column| !column.key && column.kind != "BOOLEAN") {
            texts.push_str(&format!(
                "UPDATE \"{name}\" SET \"{}\" = (SELECT {} FROM (SELECT 7777 AS n)) WHERE {};",
                changed.name,
                value(name, changed),
                row(702)
            ));
        }
        conn.batch_execute(&texts)
            .unwrap_or_else(|error| panic!("{texts}: {error}"));
    }
    // What two rows may not have in common goes from a later to an earlier one, and the other way.
    conn.batch_execute(
        "DELETE FROM messages WHERE id IN (2, 900); UPDATE messages SET message_no = 900, scope = 900, account_no = 900 WHERE id = 3; \
         UPDATE messages SET message_no = 2, scope = 2, account_no = 2 WHERE id = 901; \
         UPDATE order_messages SET random_id = NULL WHERE order_id = 800; \
         UPDATE order_messages SET random_id = 800, account_no = 800 WHERE order_id = 4;",
    )
    .unwrap();
    let after = of_file(&file);
    for (table, rows) in &before {
        assert_ne!(rows, &after[table], "{table} did not change");
    }
    assert!(carry.hold().unwrap());
    let carried = carry.finish().unwrap();
    assert_eq!(carried.len(), after.len());
    same(&after, &of_server(&server, &file));
}

/// Protects the rows from a kill: at whatever moment it comes, no half of a store is started, and the next run finishes.
#[actix::test]
async fn a_run_that_is_killed_is_gone_on_with() {
    let (dir, file) = filled().await;
    let server = dir.path().join("server");
    let url = engine::url(&server);
    let from = dir.path().to_str().unwrap();
    let mut struck = 0;
    for table in ["conversations", "messages", "orders"] {
        let mut child = program(from, &url).spawn().unwrap();
        let began = Instant::now();
        let count = format!("SELECT count(*) AS n FROM switchboard.{table}");
        while engine::try_number(&server, &count).unwrap_or(0) == 0 && began.elapsed() < LIMIT {
            if ended(&mut child) {
                break;
            }
        }
        if !ended(&mut child) {
            child.kill().unwrap();
            struck += 1;
            assert!(refused(engine::placed(at(&server))).contains("is not whole"));
        }
        child.wait().unwrap();
    }
    assert!(struck >= 2, "{struck} kills came in the middle");
    let over = migrate(from, &url);
    assert!(over.status.success(), "{}", said(&over));
    same(&of_file(&file), &of_server(&server, &file));
    // As a kill between the two last commits leaves it.
    let told = file.canonicalize().unwrap();
    engine::change(
        &server,
        &format!(
            "INSERT INTO meta (key, value) VALUES ('carrying', '{{\"from\":\"{}\",\"bonds\":[]}}');",
            told.display()
        ),
    );
    refused(engine::placed(at(&server)));
    refused(at(&file));
    let over = migrate(from, &url);
    assert!(over.status.success(), "{}", said(&over));
    let bonds = "SELECT count(*) AS n FROM pg_constraint WHERE contype = 'f'";
    assert_eq!(engine::rows::number(&server, bonds), 10);
}

fn ended(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_some()
}

/// Protects somebody else's rows, and a person from two halves that look like one store.
#[actix::test]
async fn a_target_that_holds_something_else_is_refused() {
    let (dir, _) = filled().await;
    let from = dir.path().to_str().unwrap();
    let server = dir.path().join("taken");
    let store = Store::open(engine::placed(at(&server)), Arc::new(NoSink)).unwrap();
    store.close().await;
    drop(store);
    let sessions = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'switchboard'";
    until(
        "the last session to end",
        async || match engine::rows::number(&server, sessions) {
            0 => Ok(()),
            others => Err(others.to_string()),
        },
    )
    .await;
    engine::change(
        &server,
        "INSERT INTO keyring_check (key_id, envelope) VALUES ('k', 'e');",
    );
    let url = engine::url(&server);
    let over = migrate(from, &url);
    assert_eq!(over.status.code(), Some(2), "{}", said(&over));
    assert!(
        said(&over).contains("there are rows in `keyring_check`"),
        "{}",
        said(&over)
    );
    assert_eq!(
        engine::rows::number(&server, "SELECT count(*) AS n FROM accounts"),
        0
    );

    // The half of another store.
    let half = dir.path().join("half");
    let url = engine::url(&half);
    let over = migrate(from, &url);
    assert!(over.status.success(), "{}", said(&over));
    engine::change(
        &half,
        "INSERT INTO meta (key, value) VALUES ('carrying', '{\"from\":\"elsewhere\",\"bonds\":[]}');",
    );
    let (other, _) = filled().await;
    let over = migrate(other.path().to_str().unwrap(), &url);
    assert_eq!(over.status.code(), Some(2), "{}", said(&over));
    assert!(
        said(&over).contains("a part of what was being carried over"),
        "{}",
        said(&over)
    );

    let both = migrate(from, from);
    assert_eq!(both.status.code(), Some(2), "{}", said(&both));
    let nothing = TempDir::new().unwrap();
    let none = migrate(nothing.path().to_str().unwrap(), &url);
    assert_eq!(none.status.code(), Some(2), "{}", said(&none));
    assert!(nothing.path().read_dir().unwrap().next().is_none());
}

/// The source is stopped once the last session of its service has ended.
async fn held(carry: &mut Carry) {
    until("the service's sessions to end", || {
        let held = carry.hold().unwrap();
        ready(held.then_some(()).ok_or_else(|| "they stay".to_owned()))
    })
    .await;
}

async fn texts(store: &StoreHandle, account: AccountId) -> Vec<String> {
    let conversation = store
        .conversation_of(account, ChatId::user(7))
        .await
        .unwrap()
        .unwrap();
    let mut texts = Vec::new();
    let mut from = MessagesFrom::Newest;
    loop {
        let page = store
            .list_messages(conversation.id, from, 200)
            .await
            .unwrap();
        texts.extend(page.messages.iter().map(|message| message.text.clone()));
        match page.next_cursor {
            Some(cursor) if page.ends.is_none() => from = MessagesFrom::Cursor(cursor),
            _ => return texts,
        }
    }
}

async fn hits(store: &StoreHandle, q: &str) -> Result<usize, StoreError> {
    let query = SearchQuery {
        q: q.to_owned(),
        account_ids: Vec::new(),
        limit: 50,
        cursor: None,
    };
    store.search(query).await.map(|page| page.items.len())
}

/// Protects a desk that can't stop for long: what is written while rows go over is there afterwards, found by the same words, and numbered on.
#[actix::test]
async fn a_store_goes_over_while_it_is_written() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("switchboard.db");
    let source = Store::open(at(&file), Arc::new(NoSink)).unwrap();
    let account = source.create_account(new_account()).await.unwrap().id;
    let write = async |store: &StoreHandle, numbers: std::ops::Range<i32>| {
        let changes = numbers
            .map(|number| {
                new(message(
                    ChatId::user(7),
                    number,
                    &format!("said{number} aloud"),
                ))
            })
            .collect();
        store.record_batch(batch(account, changes)).await.unwrap();
    };
    write(&source, 1..1000).await;
    let server = dir.path().join("server");
    let mut carry = carry(&file, &engine::url(&server));
    let rounds = actix::Arbiter::new();
    let (tell, told) = tokio::sync::oneshot::channel();
    rounds.spawn_fn(move || {
        let written: Vec<i64> = (0..6).map(|_| carry.round().unwrap().written).collect();
        let _ = tell.send((carry, written));
    });
    let mut told = told;
    let mut number = 1000;
    let (mut carry, written) = loop {
        write(&source, number..number + 5).await;
        number += 5;
        if let Ok(done) = told.try_recv() {
            break done;
        }
    };
    // The later rounds carried what was written beside them; one may be over before a slow disk has taken anything.
    assert!(
        written[1..].iter().any(|written| *written > 0),
        "{written:?}"
    );
    write(&source, number..number + 5).await;
    number += 5;
    let (seq, ours) = (
        source.last_seq().await.unwrap(),
        texts(&source, account).await,
    );
    assert_eq!(ours.len() as i32, number - 1);
    source.close().await;
    assert!(carry.hold().unwrap());
    carry.finish().unwrap();
    let target = Store::open(engine::placed(at(&server)), Arc::new(NoSink)).unwrap();
    assert_eq!(target.last_seq().await.unwrap(), seq);
    assert_eq!(texts(&target, account).await, ours);
    assert_eq!(
        hits(&target, &format!("said{} alo", number - 1))
            .await
            .unwrap(),
        1
    );
    assert_eq!(hits(&target, "said77 alo").await.unwrap(), 1);
    // Numbers and the index go on.
    write(&target, number..number + 1).await;
    assert_eq!(target.last_seq().await.unwrap().0, seq.0 + 1);
    until("the index to be fed", async || {
        match hits(&target, &format!("said{number}")).await {
            Ok(1) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    target.close().await;
    rounds.stop();
    drop(target);
    // On the way back, too: rows that were given out and deleted are not given out again.
    let newest = rows::number(&server, "SELECT max(id) AS n FROM messages");
    engine::change(
        &server,
        &format!("DELETE FROM messages WHERE id = {newest}"),
    );
    let back = dir.path().join("back.db");
    let mut carry = Carry::open(
        &CarryEnd::Server(ServerUrl::parse(&engine::url(&server), None).unwrap()),
        &CarryEnd::File(back.clone()),
    )
    .unwrap();
    held(&mut carry).await;
    carry.finish().unwrap();
    let store = Store::open(at(&back), Arc::new(NoSink)).unwrap();
    write(&store, number + 1..number + 2).await;
    store.close().await;
    let next = words(&mut open(&back), "SELECT max(id) AS t FROM messages");
    assert!(
        next[0].parse::<i64>().unwrap() > newest,
        "{next:?} {newest}"
    );
}

/// Protects an account from being used at two places: while a service runs on PostgreSQL nothing is taken from it.
#[actix::test]
async fn a_server_that_is_in_use_is_not_left() {
    let dir = TempDir::new().unwrap();
    let server = dir.path().join("server");
    let store = Store::open(engine::placed(at(&server)), Arc::new(NoSink)).unwrap();
    let from = CarryEnd::Server(ServerUrl::parse(&engine::url(&server), None).unwrap());
    let to = CarryEnd::File(dir.path().join("home.db"));
    let mut carry = Carry::open(&from, &to).unwrap();
    carry.round().unwrap();
    assert!(!carry.hold().unwrap());
    let into = Carry::open(&to, &from);
    assert!(
        matches!(into, Err(CarryError::Unready(_) | CarryError::InUse(_))),
        "{into:?}"
    );
    store.close().await;
    drop(store);
    held(&mut carry).await;
    carry.finish().unwrap();
}
