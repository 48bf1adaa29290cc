//! A file that can't be written for a while: nothing is half done, nothing changes its order, and it heals by itself.

use std::{
    future::Future,
    io::{BufRead, BufReader, Write},
    sync::Arc,
    time::Duration,
};

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use futures_util::future::{join, join_all};
use switchboard::{
    domain::ChatId,
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

pub fn impatient(path: &std::path::Path) -> StoreConfig {
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
