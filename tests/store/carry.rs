//! A store goes from its file to PostgreSQL and back: every row of every table, also what changes meanwhile.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    time::Instant,
};

use diesel::connection::SimpleConnection;
use switchboard::{
    domain::{AccountId, ChatId},
    store::{Carry, CarryEnd, MessagesFrom, NoSink, ServerUrl, Store, StoreConfig, StoreHandle},
};
use tempfile::TempDir;

use super::carried_tables::{
    ROWS, filled, of_file, of_server, open, rows_of, same, tables, value, words,
};
use crate::{
    engine,
    world::{LIMIT, until},
};

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

pub fn said(output: &Output) -> String {
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

pub fn at(path: &Path) -> StoreConfig {
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
pub fn carry(file: &Path, url: &str) -> Carry {
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

pub fn ended(child: &mut Child) -> bool {
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

pub async fn texts(store: &StoreHandle, account: AccountId) -> Vec<String> {
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
