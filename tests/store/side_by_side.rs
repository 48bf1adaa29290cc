//! Two stores on one database, as two nodes have them: what each gives out never meets what the other does.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use switchboard::{
    domain::{AccountId, Change, ChatId, IncomingMessage, Media, MediaKind, MessageObject, Seq},
    store::{NewAccount, StoreConfig, StoreError, StoreHandle},
};
use tempfile::TempDir;

use crate::{
    content::{CHAT, reader},
    engine, rows,
    world::{World, batch, message, new, new_account, until, until_reread},
};

/// Batches of each writer, and messages of each batch.
pub const BATCHES: i32 = 60;
const MESSAGES: i32 = 3;
/// Writers of each store, each to a chat of its own.
const WRITERS: i64 = 4;

pub async fn two() -> (TempDir, World, World) {
    let dir = TempDir::new().unwrap();
    let config = || StoreConfig::at(dir.path().join("switchboard.db"));
    let worlds = (World::at(config()), World::at(config()));
    (dir, worlds.0, worlds.1)
}

/// One writer: its batches one after the other.
async fn write(store: StoreHandle, account: AccountId, chat: ChatId) {
    // All chats of an account have their numbers in common.
    let first = i32::try_from(chat.marked()).unwrap() * BATCHES * MESSAGES;
    for round in 0..BATCHES {
        let changes = (1..=MESSAGES)
            .map(|number| {
                new(message(
                    chat,
                    first + round * MESSAGES + number,
                    "side by side",
                ))
            })
            .collect();
        store.record_batch(batch(account, changes)).await.unwrap();
    }
}

/// Reads what follows, as a listener does that comes from another node, until it has seen all.
async fn listen(store: StoreHandle, done: Arc<AtomicBool>) -> i64 {
    let mut last = Seq(0);
    loop {
        let over = done.load(Ordering::Acquire);
        let events = store.events_after(last, 1000).await.unwrap();
        for event in &events {
            assert_eq!(
                event.seq.0,
                last.0 + 1,
                "the next number was not visible yet"
            );
            last = event.seq;
        }
        if over && events.is_empty() {
            return last.0;
        }
    }
}

/// Protects `/ws?after=` and webhooks from events that they would never hear of, and rows from being two nodes': numbers go up by one
/// in the order in which they can be seen, whoever writes, also where writes are refused in between.
#[actix::test]
async fn what_two_nodes_write_has_one_order_and_no_gap() {
    let (_dir, one, other) = two().await;
    engine::change(
        &one.path,
        "ALTER TABLE accounts ADD CHECK (label <> 'refused');",
    );
    let done = Arc::new(AtomicBool::new(false));
    let listeners: Vec<_> = [&one, &other]
        .map(|world| actix::spawn(listen(world.store.clone(), Arc::clone(&done))))
        .into();
    let mut writers = Vec::new();
    for world in [&one, &other] {
        let account = world.account().await.id;
        for chat in 1..=WRITERS {
            let store = world.store.clone();
            writers.push(actix::spawn(write(store, account, ChatId::user(chat))));
        }
        let store = world.store.clone();
        writers.push(actix::spawn(async move {
            for _ in 0..BATCHES {
                let refused = store.create_account(NewAccount {
                    label: "refused".to_owned(),
                    ..new_account()
                });
                let refused = refused.await;
                assert!(matches!(refused, Err(StoreError::Broken { .. })));
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::Release);
    let last = rows::number(&one.path, "SELECT max(seq) AS n FROM event_log");
    for listener in listeners {
        assert_eq!(listener.await.unwrap(), last);
    }
    let messages = 2 * WRITERS * i64::from(BATCHES * MESSAGES);
    assert_eq!(
        rows::number(&one.path, "SELECT count(*) AS n FROM messages"),
        messages
    );
    assert!(last > messages);
    // Each announced its own, in order, and both together all.
    let mut told = BTreeSet::new();
    for world in [&one, &other] {
        let heard: Vec<i64> = world.ear.heard().iter().map(|event| event.seq.0).collect();
        assert!(heard.is_sorted());
        assert!(heard.len() as i64 > messages / 2);
        for seq in heard {
            assert!(told.insert(seq), "{seq} was told by both");
        }
    }
    assert_eq!(told, (1..=last).collect());
    assert_eq!(rows::number(&one.path, "SELECT n FROM event_counter"), last);
    one.store.close().await;
    other.store.close().await;
}

/// Protects what is remembered from being an account's of before it was at another node: unread counts, names, the newest message.
#[actix::test]
async fn an_account_that_comes_back_is_read_anew() {
    let (_dir, one, other) = two().await;
    let account = one.account().await.id;
    let chat = ChatId::user(7);
    one.record(account, vec![new(message(chat, 1, "first"))])
        .await;
    other.store.forget_accounts(vec![account]).await.unwrap();
    let deleted = Change::Deleted {
        channel: None,
        message_ids: vec![3],
    };
    let second = new(message(chat, 2, "second"));
    other.record(account, vec![second, deleted]).await;
    one.store.forget_accounts(vec![account]).await.unwrap();
    // The one that was deleted there before it came is known as deleted.
    let late = [3, 4].map(|number| new(message(chat, number, "late")));
    one.record(account, late.into()).await;
    let conversation = one.conversation(account, chat).await;
    assert_eq!(conversation.unread, 3);
    let deleted =
        "SELECT count(*) AS n FROM messages WHERE deleted_at IS NOT NULL AND message_no = 3";
    assert_eq!(rows::number(&one.path, deleted), 1);
    let unread = "SELECT unread AS n FROM accounts";
    assert_eq!(rows::number(&one.path, unread), 3);
    one.store.close().await;
    other.store.close().await;
}

/// Protects a desk at one node from missing what happens at another, or hearing it twice or out of order, also while the way on which
/// nodes hear of each other is cut again and again.
#[actix::test]
async fn what_one_node_commits_is_told_at_the_other_once_and_in_order() {
    let (_dir, one, other) = two().await;
    let mut writers = Vec::new();
    for world in [&one, &other] {
        let account = world.account().await.id;
        for chat in 1..=WRITERS {
            let store = world.store.clone();
            writers.push(actix::spawn(write(store, account, ChatId::user(chat))));
        }
    }
    let cut = "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity \
               WHERE datname = current_database() AND query LIKE 'LISTEN %'";
    let mut cuts = 0;
    for writer in writers {
        cuts += rows::number(&one.path, cut);
        writer.await.unwrap();
    }
    assert!(cuts > 0, "nothing was cut");
    let last = rows::number(&one.path, "SELECT max(seq) AS n FROM event_log");
    for world in [&one, &other] {
        until("all of it told", async || {
            let told = world.ear.numbers();
            match told.last() {
                Some(seq) if *seq == last => Ok(()),
                seq => Err(format!("{seq:?} of {last}")),
            }
        })
        .await;
        let told = world.ear.numbers();
        let first = told[0];
        assert!(told.iter().copied().eq(first..=last), "{told:?}");
        assert!(first <= 2, "it listens from its start on: {first}");
    }
    one.store.close().await;
    other.store.close().await;
}

/// Protects what people see from waiting for the next look: another node's event is told as soon as it is committed.
#[actix::test]
async fn a_word_of_another_node_is_heard_at_once() {
    let (_dir, one, other) = two().await;
    let account = one.account().await.id;
    let mut slowest = Duration::ZERO;
    for number in 1..=20 {
        one.record(account, vec![new(message(ChatId::user(7), number, "now"))])
            .await;
        let (told, began) = (one.ear.numbers().len(), Instant::now());
        until("it is told there", async || {
            match other.ear.numbers().len() {
                there if there == told => Ok(()),
                there => Err(format!("{there} of {told}")),
            }
        })
        .await;
        if number > 1 {
            slowest = slowest.max(began.elapsed());
        }
    }
    println!("told at the other node within {slowest:?}");
    assert!(slowest < Duration::from_millis(700), "{slowest:?}");
    one.store.close().await;
    other.store.close().await;
}

/// Protects what another node writes while rows from before are read anew: it stands.
#[actix::test]
async fn what_another_node_writes_meanwhile_is_not_read_over() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(StoreConfig::at(&path));
    let account = world.account().await.id;
    let kept = IncomingMessage {
        media: Some(Media::of(MediaKind::Poll)),
        object: Some(MessageObject {
            layer: 230,
            bytes: vec![1; 20],
        }),
        ..message(CHAT, 5, "")
    };
    world.record(account, vec![new(kept)]).await;
    world.store.close().await;
    engine::change(
        &path,
        "INSERT INTO meta (key, value) SELECT 'reread_to', max(id) FROM messages;",
    );
    let at = path.clone();
    let other = std::thread::spawn(move || {
        engine::change(
            &at,
            "BEGIN; UPDATE messages SET media = NULL, extra = NULL; DELETE FROM message_objects; SELECT pg_sleep(3); COMMIT;",
        );
    });
    until("the other node to be at it", async || {
        let waits = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        match rows::number(&path, waits) {
            0 => Err("nobody sleeps".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    let world = World::at(StoreConfig {
        reader: Some(reader),
        ..StoreConfig::at(&path)
    });
    until_reread(&path).await;
    other.join().unwrap();
    let changed = "SELECT count(*) AS n FROM messages WHERE media IS NOT NULL OR extra IS NOT NULL";
    assert_eq!(rows::number(&path, changed), 0);
    world.store.close().await;
}
