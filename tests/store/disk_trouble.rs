//! A disk that is full, read-only, or not there any more.

use std::{
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Command, Stdio},
    sync::Arc,
};

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use switchboard::{
    domain::{ChatId, Position},
    store::{NoSink, Store, StoreConfig, StoreError},
};
use tempfile::TempDir;

use super::trouble::impatient;
use crate::{
    crash::path_of_parent,
    world::{World, batch, message, new, until},
};

/// Not a test: writes until the file may not grow any more, then gets room again and writes on.
#[actix::test]
#[ignore = "run by the test that limits the size of its files"]
async fn writer_on_a_full_disk() {
    let world = World::at(impatient(&path_of_parent()));
    let account = world.account().await;
    let chat = ChatId::user(7);
    let mut done = 0;
    let error = loop {
        let text = "x".repeat(2000);
        let changes = (1..=20)
            .map(|n| new(message(chat, done + n, &text)))
            .collect();
        let mut batch = batch(account.id, changes);
        batch.position = Some(Position {
            pts: done + 20,
            ..Position::default()
        });
        match world.store.record_batch(batch).await {
            Ok(_) => done += 20,
            Err(error) => break error,
        }
        assert!(done < 100_000, "the limit is never met");
    };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(!world.store.health().ok);
    let position = world.store.position(account.id).await.unwrap().unwrap();
    assert_eq!(position.pts, done, "nothing of the failed write is there");
    let (_, hard) = rlimit::Resource::FSIZE.get().unwrap();
    rlimit::Resource::FSIZE.set(hard, hard).unwrap();
    let recorded = until("room again", || async {
        world
            .store
            .record_batch(batch(
                account.id,
                vec![new(message(chat, done + 1, "after"))],
            ))
            .await
            .map_err(|error| format!("{error:?}"))
    })
    .await;
    assert_eq!(recorded.new_messages, 1);
    assert!(world.store.health().ok);
    println!("\nhealed after {done}");
}

/// Protects: a disk without room stops the writes whole, and they go on when there is room.
#[test]
fn a_full_disk_stops_writes_whole_and_heals() {
    let dir = TempDir::new().unwrap();
    let exe = std::env::current_exe().unwrap();
    // The shell ignores the signal of the limit for us; the limit is soft, so the child can lift it.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -S -f 6000; exec \"$0\" \"$@\""])
        .arg(exe)
        .args([
            "--exact",
            "disk_trouble::writer_on_a_full_disk",
            "--ignored",
            "--nocapture",
        ])
        .env("STORE_TEST_PATH", dir.path().join("switchboard.db"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("healed after "),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Protects: a file that was moved away is not replaced by an empty one; back again, the same service goes on with it.
#[actix::test]
async fn a_file_moved_away_is_never_replaced_by_an_empty_one() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(impatient(&path));
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "before"))])
        .await;
    // After a trouble the writer opens the file anew, and then it is not there.
    let mut other = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    other
        .batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE")
        .unwrap();
    let away = dir.path().join("away.db");
    let meanwhile = || batch(account.id, vec![new(message(chat, 2, "meanwhile"))]);
    assert!(world.store.record_batch(meanwhile()).await.is_err());
    std::fs::rename(&path, &away).unwrap();
    let failed = world.store.record_batch(meanwhile()).await;
    assert!(
        matches!(failed, Err(StoreError::Unavailable { .. })),
        "{failed:?}"
    );
    assert!(!path.exists(), "no empty file in its place");
    std::fs::rename(&away, &path).unwrap();
    other.batch_execute("COMMIT").unwrap();
    until("writable again", || async {
        world
            .store
            .record_batch(meanwhile())
            .await
            .map_err(|error| format!("{error:?}"))
    })
    .await;
    assert_eq!(world.texts(account.id, chat).await, ["meanwhile", "before"]);
}

/// Not a test: opens a file that may only be read, and again when it may be written.
#[actix::test]
#[ignore = "run by the test that gives it a user of its own"]
async fn opener_of_a_read_only_file() {
    let path = path_of_parent();
    let refused = Store::open(impatient(&path), Arc::new(NoSink));
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    // SQLite gives the files beside it the same mode.
    for name in ["", "-wal", "-shm"] {
        let file = format!("{}{name}", path.display());
        if std::path::Path::new(&file).exists() {
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
    let world = World::at(StoreConfig::at(&path));
    world.account().await;
    println!("\nhealed");
}

/// Protects: a file that may only be read is told as such and left as it is; writable again, it is opened.
#[actix::test]
async fn a_read_only_file_is_refused_until_it_is_writable() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(StoreConfig::at(&path));
    world.account().await;
    world.store.close().await;
    drop(world);
    let log = path.with_extension("db-wal");
    until("the file is closed", || async {
        if log.exists() {
            Err("open".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    // root may write everything, so the child is somebody else; it runs a copy that it can reach.
    let exe = dir.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &exe).unwrap();
    let mut command = Command::new(&exe);
    command
        .args([
            "--exact",
            "disk_trouble::opener_of_a_read_only_file",
            "--ignored",
            "--nocapture",
        ])
        .env("STORE_TEST_PATH", &path)
        .current_dir(dir.path());
    if rustix::process::geteuid().is_root() {
        for owned in [dir.path(), &path] {
            std::os::unix::fs::chown(owned, Some(65_534), Some(65_534)).unwrap();
        }
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("healed"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
