//! A file that can't be written for a while: nothing is half done, nothing changes its order, and it heals by itself.

use std::{
    future::Future,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use futures_util::future::{join, join_all};
use switchboard::{
    domain::{ChatId, Position},
    store::{NoSink, Store, StoreConfig, StoreError},
};
use tempfile::TempDir;

use crate::{
    crash::{child, path_of_parent},
    world::{World, batch, message, new, until},
};

/// Protects everybody from futures that nobody polls for a while, as those of one account's orders are not while its outbox waits
/// for another read: a turn to read is never theirs to keep.
#[actix::test]
async fn reads_that_nobody_polls_hold_up_no_other() {
    let world = World::new();
    let mut begun: Vec<_> = (0..50).map(|_| Box::pin(world.store.last_seq())).collect();
    std::future::poll_fn(|context| {
        for read in &mut begun {
            drop(read.as_mut().poll(context));
        }
        std::task::Poll::Ready(())
    })
    .await;
    let read = tokio::time::timeout(Duration::from_secs(5), world.store.oldest_seq()).await;
    assert!(read.expect("its turn never came").is_ok());
    drop(begun);
}

fn impatient(path: &std::path::Path) -> StoreConfig {
    StoreConfig {
        patience: Duration::from_millis(700),
        ..StoreConfig::at(path)
    }
}

/// Not a test: holds the write lock until its stdin ends.
#[test]
#[ignore = "run by the test that wants a lock held"]
fn holder_of_the_lock() {
    let mut conn = SqliteConnection::establish(&path_of_parent().to_string_lossy()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE;")
        .unwrap();
    println!("\nheld");
    std::io::stdout().flush().unwrap();
    std::io::stdin().lines().for_each(drop);
    conn.batch_execute("COMMIT").unwrap();
}

/// Protects: a lock held by another process longer than the patience fails the write and nothing else, shows in the
/// health, and is over when the lock is.
#[actix::test]
async fn a_lock_of_another_process_is_waited_for_then_told_and_heals() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(impatient(&path));
    let account = world.account().await;
    let chat = ChatId::user(7);
    let mut holder = child("trouble::holder_of_the_lock", &path);
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "held"));
    let failed = world
        .store
        .record_batch(batch(account.id, vec![new(message(chat, 1, "lost?"))]))
        .await;
    assert!(
        matches!(failed, Err(StoreError::Unavailable { .. })),
        "{failed:?}"
    );
    let health = world.store.health();
    assert!(!health.ok && health.reason.is_some(), "{health:?}");
    assert_eq!(
        world.store.list_accounts().await.unwrap().len(),
        1,
        "reading goes on"
    );
    drop(holder.stdin.take());
    holder.wait().unwrap();
    until("healthy again", || async {
        if world.store.health().ok {
            Ok(())
        } else {
            Err(format!("{:?}", world.store.health()))
        }
    })
    .await;
    let recorded = world
        .record(account.id, vec![new(message(chat, 1, "lost?"))])
        .await;
    assert_eq!(
        recorded.new_messages, 1,
        "the failed write left nothing behind"
    );
}

/// Ends the other's lock when the store has noticed it.
async fn let_go_once_felt(world: &World, other: &mut SqliteConnection) {
    until("the lock is felt", || async {
        if world.store.health().ok {
            Err("healthy".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    other.batch_execute("COMMIT").unwrap();
}

/// Protects: writes that wait for a short lock all happen, in the order in which they were asked for.
#[actix::test]
async fn writes_behind_a_short_lock_happen_in_their_order() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(StoreConfig::at(&path));
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "first"))])
        .await;
    let mut other = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    other
        .batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE")
        .unwrap();
    world.ear.names();
    let writes: Vec<_> = (2..40)
        .map(|id| {
            let store = world.store.clone();
            actix::spawn(async move {
                store
                    .record_batch(batch(account.id, vec![new(message(chat, id, "next"))]))
                    .await
            })
        })
        .collect();
    let_go_once_felt(&world, &mut other).await;
    for write in writes {
        assert_eq!(write.await.unwrap().unwrap().new_messages, 1);
    }
    let ids: Vec<i32> = world
        .ear
        .heard()
        .iter()
        .filter_map(|event| match &event.body {
            switchboard::domain::EventBody::MessageReceived { message, .. } => {
                message.message_id.clone()
            }
            _ => None,
        })
        .map(|id| id.parse().unwrap())
        .collect();
    assert_eq!(ids, (2..40).collect::<Vec<_>>());
}

/// Protects the bound of the queue: who finds it full waits for a place, and nothing is refused or lost.
#[actix::test]
async fn writes_beyond_the_bound_of_the_queue_wait_for_a_place() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(StoreConfig {
        mailbox: 2,
        ..StoreConfig::at(&path)
    });
    let account = world.account().await;
    let mut other = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let chat = ChatId::user(7);
    let write = |id| {
        let store = &world.store;
        async move {
            store
                .record_batch(batch(account.id, vec![new(message(chat, id, "next"))]))
                .await
        }
    };
    let (writes, ()) = join(
        join_all((1..=50).map(write)),
        let_go_once_felt(&world, &mut other),
    )
    .await;
    for recorded in writes {
        assert_eq!(recorded.unwrap().new_messages, 1);
    }
    assert_eq!(world.texts(account.id, chat).await.len(), 50);
}

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
            "trouble::writer_on_a_full_disk",
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
            "trouble::opener_of_a_read_only_file",
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

/// Protects: one write that fails takes no other of its group along.
#[actix::test]
async fn a_failing_write_takes_nobody_along() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    let stranger = switchboard::domain::AccountId::random();
    let writes: Vec<_> = (1..60)
        .map(|id| {
            let store = world.store.clone();
            let account = if id % 3 == 0 { stranger } else { account.id };
            actix::spawn(async move {
                (
                    id,
                    store
                        .record_batch(batch(account, vec![new(message(chat, id, "m"))]))
                        .await,
                )
            })
        })
        .collect();
    for write in writes {
        let (id, outcome) = write.await.unwrap();
        match outcome {
            Err(StoreError::AccountNotFound) => assert_eq!(id % 3, 0),
            other => assert_eq!(other.unwrap().new_messages, 1),
        }
    }
    let conversation = world.conversation(account.id, chat).await;
    assert_eq!(conversation.unread, 40);
    let numbers: Vec<i64> = world.ear.heard().iter().map(|event| event.seq.0).collect();
    assert_eq!(
        numbers,
        (1..=41).collect::<Vec<_>>(),
        "no gap where a write was taken back"
    );
}

/// Protects: a schema from the future is refused with words, not written into.
#[actix::test]
async fn a_file_of_a_newer_version_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    Store::open(StoreConfig::at(&path), Arc::new(NoSink))
        .unwrap()
        .close()
        .await;
    let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    conn.batch_execute(
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')",
    )
    .unwrap();
    let refused = Store::open(StoreConfig::at(&path), Arc::new(NoSink));
    assert!(
        matches!(refused, Err(StoreError::SchemaTooNew { .. })),
        "{refused:?}"
    );
}

/// Protects: the log beside the file stays small under constant writing.
#[actix::test]
async fn the_log_does_not_grow_without_bound() {
    let world = World::new();
    let account = world.account().await;
    let log = world.path.with_extension("db-wal");
    let mut largest = 0;
    for round in 0..400 {
        let changes = (0..50)
            .map(|n| {
                new(message(
                    ChatId::user(i64::from(n % 10) + 1),
                    round * 50 + n + 1,
                    &"word ".repeat(80),
                ))
            })
            .collect();
        world.record(account.id, changes).await;
        largest = largest.max(std::fs::metadata(&log).map_or(0, |meta| meta.len()));
    }
    assert!(largest < 56 << 20, "{largest} bytes");
}
