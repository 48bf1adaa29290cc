//! Dying at any moment: what was answered is there afterwards.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use switchboard::{
    domain::{ChatId, Position, Seq},
    store::StoreConfig,
};
use tempfile::TempDir;

use crate::world::{World, batch, message, new};

const PATH: &str = "STORE_TEST_PATH";

/// This test binary again, as another process that runs one of the helpers below.
pub fn child(helper: &str, path: &std::path::Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            helper,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(PATH, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The file that a helper was started for.
pub fn path_of_parent() -> PathBuf {
    PathBuf::from(std::env::var(PATH).expect("started by another test"))
}

/// Not a test: writes batches and tells each one that was answered, until it is killed.
#[actix::test]
#[ignore = "run by the tests that kill it"]
async fn writer_that_is_killed() {
    let world = World::at(StoreConfig::at(path_of_parent()));
    let account = match world.store.list_accounts().await.unwrap().pop() {
        Some(account) => account,
        None => world.account().await,
    };
    let position = world.store.position(account.id).await.unwrap();
    let mut id = position.map_or(0, |position| position.pts);
    loop {
        let changes = (1..=3)
            .map(|n| {
                new(message(
                    ChatId::user(i64::from(n)),
                    id + n,
                    "text of some length",
                ))
            })
            .collect();
        id += 3;
        let mut batch = batch(account.id, changes);
        batch.position = Some(Position {
            pts: id,
            ..Position::default()
        });
        world.store.record_batch(batch).await.unwrap();
        println!("\nacked {id}");
        std::io::stdout().flush().unwrap();
    }
}

/// Protects: no acknowledged row is lost by kill -9, rows and position are of one piece, and the numbers have no gap.
#[actix::test]
async fn killed_at_any_moment_every_answered_batch_is_there() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let mut acked = 0;
    for round in 0..6_u64 {
        let mut child = child("crash::writer_that_is_killed", &path);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut seen, mut first) = (0, None);
        for line in lines {
            let Some(id) = line
                .unwrap()
                .strip_prefix("acked ")
                .map(|id| id.parse::<i32>().unwrap())
            else {
                continue;
            };
            acked = id;
            seen += 1;
            // A different moment each round, after it is warm.
            let begun = *first.get_or_insert_with(Instant::now);
            if seen > 20 && begun.elapsed() > Duration::from_micros(40_000 + round * 7_919) {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let world = World::at(StoreConfig::at(&path));
        let account = world.store.list_accounts().await.unwrap().pop().unwrap();
        let pts = world.store.position(account.id).await.unwrap().unwrap().pts;
        assert!(
            pts >= acked,
            "position {pts} is behind the answered {acked}"
        );
        acked = pts;
        let mut stored = 0;
        for user in 1..=3 {
            let conversation = world.conversation(account.id, ChatId::user(user)).await;
            let newest = world.store.newest_number(conversation.id).await.unwrap();
            assert_eq!(
                newest,
                Some(pts - 3 + user as i32),
                "rows and position are of one piece"
            );
            stored += conversation.unread;
        }
        assert_eq!(stored, i64::from(pts), "every message is there once");
        // One event for the account, one per message.
        assert_eq!(
            world.store.last_seq().await.unwrap(),
            Seq(i64::from(pts) + 1)
        );
        world.store.close().await;
    }
}
