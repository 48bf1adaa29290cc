//! Disk: a full one, a locked file and one that turned read-only stop the service from taking messages, are told, and heal
//! by themselves.

use std::{
    fs::File,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::PersonSpec;

use crate::support::{compare::until_equal, fleet::Fleet, wait};

/// As long as a backup tool or a person at an SQLite shell may hold it.
const LOCKED: Duration = Duration::from_secs(30);

async fn until_ready(fleet: &Fleet, ready: StatusCode) -> Value {
    let (_, body) = wait::until(
        &format!("/health/ready to answer {ready}"),
        || fleet.api.call(Method::GET, "/health/ready", None),
        |(status, _)| *status == ready,
    )
    .await;
    body
}

/// Fills the disk under a directory to its last byte.
fn fill_disk(dir: &Path) -> PathBuf {
    let path = dir.join("filler");
    let mut file = File::create(&path).unwrap();
    let mut piece = vec![7; 1 << 20];
    while !piece.is_empty() {
        match file.write_all(&piece) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => {
                piece.truncate(piece.len() / 2);
            }
            Err(error) => panic!("the disk can't be filled: {error}"),
        }
    }
    path
}

/// Protects against a full disk: the position stays, replies are refused, everything comes once there is room.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_cursor_and_heals() {
    let fleet = Fleet::builder().accounts(1).disk("8m").start().await;
    let account = fleet.accounts[0].clone();
    let telegram = &fleet.telegram;
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(person, account.user, "there is room");
    let conversation = fleet.conversation(&account, person).await;
    // The service has its disk to itself; the way there is through its process.
    let root = PathBuf::from(format!("/proc/{}/root", fleet.service().pid()));
    let inside = root.join(fleet.data_dir().strip_prefix("/").unwrap());
    let filler = fill_disk(&inside);

    let long = "x".repeat(4_000);
    let mut said = 0;
    let full = wait::until(
        "the disk to be noticed",
        || {
            telegram.say(person, account.user, &format!("message {said} {long}"));
            said += 1;
            fleet.api.call(Method::GET, "/health/ready", None)
        },
        |(status, _)| *status == StatusCode::SERVICE_UNAVAILABLE,
    )
    .await;
    let reason = full.1["store"]["reason"].as_str().unwrap();
    assert!(reason.contains("full"), "{reason}");
    let path = format!("/conversations/{}/reply", conversation["id"]);
    let reply = json!({ "text": "no room for this" });
    let (status, body) = fleet.api.call(Method::POST, &path, Some(reply)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");

    std::fs::remove_file(filler).unwrap();
    until_ready(&fleet, StatusCode::OK).await;
    telegram.say(person, account.user, "there is room again");
    until_equal(&fleet, &account, person).await;
    fleet
        .api
        .post(&path, json!({ "text": "room for this" }))
        .await;
    fleet
        .wait_for_message(&conversation, "room for this", "sent")
        .await;
}

/// Protects against another process that holds the write lock: nothing is lost, and it is told while it lasts.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_thirty_seconds_is_told_and_healed() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let telegram = &fleet.telegram;
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(person, account.user, "before");
    let conversation = fleet.conversation(&account, person).await;
    // Read to its beginning, so that nobody has to ask Telegram for what came before.
    let id = conversation["id"].as_i64().unwrap();
    assert_eq!(fleet.api.messages(id).await.len(), 1);

    let file = fleet.data_dir().join("switchboard.db");
    let mut other = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
    other
        .batch_execute("PRAGMA busy_timeout = 20000; BEGIN IMMEDIATE")
        .unwrap();
    let held = Instant::now();
    let mut said = 0;
    while held.elapsed() < LOCKED {
        telegram.say(person, account.user, &format!("message {said}"));
        said += 1;
        // What was read before the lock can still be read.
        assert_eq!(fleet.api.messages(id).await.len(), 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let locked = until_ready(&fleet, StatusCode::SERVICE_UNAVAILABLE).await;
    let reason = locked["store"]["reason"].as_str().unwrap();
    assert!(reason.contains("locked"), "{reason}");
    other.batch_execute("ROLLBACK").unwrap();

    until_ready(&fleet, StatusCode::OK).await;
    until_equal(&fleet, &account, person).await;
}

/// The database's files, which nobody may write any more, not even who has them open already.
struct Frozen(Vec<PathBuf>);

impl Frozen {
    /// `None` where this user or this file system can't do it.
    fn freeze(dir: &Path) -> Option<Self> {
        let files = ["switchboard.db", "switchboard.db-wal"].map(|name| dir.join(name));
        let frozen = Self(files.into());
        frozen.mark("+i").then_some(frozen)
    }

    fn mark(&self, how: &str) -> bool {
        let done = Command::new("chattr").arg(how).args(&self.0).status();
        done.is_ok_and(|status| status.success())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.mark("-i");
    }
}

/// Protects against a file that turns read-only under the running service, as after a trouble of the disk: the position
/// stays, replies are refused, and everything comes once it can be written again. Needs root.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_turns_read_only_stops_the_cursor_and_heals() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let telegram = &fleet.telegram;
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(person, account.user, "before");
    let conversation = fleet.conversation(&account, person).await;

    let Some(frozen) = Frozen::freeze(&fleet.data_dir()) else {
        eprintln!("left out: this user may not make files immutable here");
        return;
    };
    let mut said = 0;
    let (_, stopped) = wait::until(
        "the file to be noticed",
        || {
            telegram.say(person, account.user, &format!("message {said}"));
            said += 1;
            fleet.api.call(Method::GET, "/health/ready", None)
        },
        |(status, _)| *status == StatusCode::SERVICE_UNAVAILABLE,
    )
    .await;
    let reason = stopped["store"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("I/O error") || reason.contains("readonly"),
        "{reason}"
    );
    let path = format!("/conversations/{}/reply", conversation["id"]);
    let reply = json!({ "text": "can't be kept" });
    let (status, body) = fleet.api.call(Method::POST, &path, Some(reply)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");

    drop(frozen);
    until_ready(&fleet, StatusCode::OK).await;
    telegram.say(person, account.user, "after");
    until_equal(&fleet, &account, person).await;
    let kept = json!({ "text": "can be kept" });
    fleet.api.post(&path, kept).await;
    fleet
        .wait_for_message(&conversation, "can be kept", "sent")
        .await;
}
