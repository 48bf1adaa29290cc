//! Retention and the file: it becomes smaller, messages come meanwhile, and a kill in the middle leaves nothing half-done.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    time::Duration,
};

use switchboard::domain::{ChatId, IncomingMessage, Timestamp};
use tempfile::TempDir;

use crate::{
    crash::{child, path_of_parent},
    retention::eager,
    rows,
    world::{World, message, new, until},
};

const OLD: i32 = 3_000;

fn left(path: &std::path::Path) -> i64 {
    rows::number(
        path,
        "SELECT count(*) AS n FROM messages WHERE text LIKE 'bygone%'",
    )
}

/// Not a test: lets what is too old go, and tells how much is left, until it is killed.
#[actix::test]
#[ignore = "run by the test that kills it"]
async fn keeper_that_is_killed() {
    let world = World::at(eager(&path_of_parent(), Some(7)));
    loop {
        println!("\nleft {}", left(&world.path));
        std::io::stdout().flush().unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Protects a disk that fills up and a service that is killed while it makes room: what went is whole or not gone, the next start goes
/// on, live messages come between, and the file is small in the end.
#[actix::test]
async fn the_file_shrinks_while_messages_come_and_after_a_kill() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(switchboard::store::StoreConfig::at(&path));
    let account = world.account().await;
    let chat = ChatId::user(7);
    let long = "x".repeat(3_000);
    let month_ago = Timestamp::now().millis() / 1000 - 30 * 24 * 3600;
    for from in (0..OLD).step_by(100) {
        let changes = (from + 1..=from + 100).map(|id| {
            new(IncomingMessage {
                date: Timestamp::from_seconds(month_ago + i64::from(id)),
                ..message(chat, id, &format!("bygone {id} {long}"))
            })
        });
        world.record(account.id, changes.collect()).await;
    }
    world.store.close().await;
    let large = fs::metadata(&path).unwrap().len();
    assert!(large > 9 << 20, "{large}");

    let mut keeper = child("retention_file::keeper_that_is_killed", &path);
    let lines = BufReader::new(keeper.stdout.take().unwrap()).lines();
    let lines = lines.map_while(Result::ok);
    let seen = lines.filter_map(|line| line.strip_prefix("left ")?.parse::<i64>().ok());
    let struck = seen
        .into_iter()
        .find(|left| (1..i64::from(OLD)).contains(left));
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    assert!(struck.is_some(), "it was killed in the middle");

    let half = left(&path);
    assert!((1..i64::from(OLD)).contains(&half), "{half}");
    let number = |query: &str| rows::number(&path, query);
    assert_eq!(
        number("SELECT min(message_no) - 1 AS n FROM messages"),
        number("SELECT kept_above AS n FROM conversations"),
        "rows and what is said of them are of one piece"
    );
    assert_eq!(
        number(
            "SELECT count(*) AS n FROM spans WHERE low = 1 AND high >= (SELECT kept_above FROM conversations)"
        ),
        1
    );

    let world = World::at(eager(&path, Some(7)));
    let mut between = 0;
    let mut id = OLD;
    while left(&path) > 0 {
        id += 1;
        let live = IncomingMessage {
            date: Timestamp::now(),
            ..message(chat, id, "recent")
        };
        world.record(account.id, vec![new(live)]).await;
        between += 1;
    }
    assert!(between > 20, "{between} live messages came meanwhile");
    assert_eq!(
        number("SELECT count(*) AS n FROM messages"),
        i64::from(id - OLD)
    );
    until("the file to be small", || async {
        match fs::metadata(&path).unwrap().len() {
            small if small < large / 2 => Ok(()),
            size => Err(format!("{size} of {large}")),
        }
    })
    .await;
    let ends = number("SELECT count(*) AS n FROM messages_search_idx");
    assert!(ends > 0);
}
