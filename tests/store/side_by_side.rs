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
    store::{NewAccount, SearchQuery, StoreConfig, StoreError, StoreHandle},
};
use tempfile::TempDir;

use crate::{
    content::{CHAT, reader},
    engine, rows,
    world::{World, batch, message, new, new_account, until, until_reread},
};

/// Batches of each writer, and messages of each batch.
const BATCHES: i32 = 60;
const MESSAGES: i32 = 3;
/// Writers of each store, each to a chat of its own.
const WRITERS: i64 = 4;

async fn two() -> (TempDir, World, World) {
    let dir = TempDir::new().unwrap();
    let config = || StoreConfig::at(dir.path().join("switchboard.db"));
    let worlds = (World::at(config()), World::at(config()));
    (dir, worlds.0, worlds.1)
}

async fn hits(store: &StoreHandle, q: &str) -> usize {
    let query = SearchQuery {
        q: q.to_owned(),
        account_ids: Vec::new(),
        limit: 100,
        cursor: None,
    };
    store.search(query).await.unwrap().items.len()
}

/// What is not in the index yet shows in the rows.
async fn until_fed(world: &World) {
    until("nothing left to feed", async || {
        let left = "SELECT count(*) AS n FROM message_blocks b JOIN messages m ON m.id > b.fed AND m.id <= b.last";
        match rows::number(&world.path, left) {
            0 => Ok(()),
            left => Err(left.to_string()),
        }
    })
    .await;
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

/// Protects an account that moves: what its former node stored and had not indexed yet is found by what it says now, and by
/// nothing else, whichever of the two feeds the index when.
#[actix::test]
async fn a_message_that_another_node_changes_is_found_by_what_it_says() {
    let (_dir, one, other) = two().await;
    let account = one.account().await.id;
    let chat = ChatId::user(7);
    for number in 1..=40 {
        let first = new(message(chat, number, "formerly"));
        one.record(account, vec![first]).await;
        other.store.forget_accounts(vec![account]).await.unwrap();
        let mut edited = message(chat, number, "nowadays");
        edited.edited_at = Some(edited.date);
        other.record(account, vec![Change::Edited(edited)]).await;
        one.store.forget_accounts(vec![account]).await.unwrap();
    }
    until("all of it in the index", async || {
        match hits(&one.store, "nowadays").await {
            40 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    until_fed(&one).await;
    assert_eq!(hits(&one.store, "formerly").await, 0);
    one.store.close().await;
    other.store.close().await;
}

/// Protects search from a server whose clock was set ahead: the others take a node for ended that lives, and forget what it had begun.
#[actix::test]
async fn what_is_stored_after_a_node_was_taken_for_ended_is_found() {
    let dir = TempDir::new().unwrap();
    let world = World::at(StoreConfig::at(dir.path().join("switchboard.db")));
    let account = world.account().await.id;
    for (number, text) in [(1, "before"), (2, "after")] {
        let said = new(message(ChatId::user(7), number, text));
        world.record(account, vec![said]).await;
        until("it in the index", async || {
            match hits(&world.store, text).await {
                1 => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
        engine::change(&world.path, "DELETE FROM message_blocks;");
    }
    world.store.close().await;
}

/// Protects what was deleted from staying in the index, when the deletion comes while the index is fed with it.
#[actix::test]
async fn a_message_that_is_deleted_while_it_is_indexed_leaves_no_words() {
    let dir = TempDir::new().unwrap();
    let world = World::at(StoreConfig::at(dir.path().join("switchboard.db")));
    let account = world.account().await.id;
    for round in 0..BATCHES {
        let numbers = 1 + round * 100..=(round + 1) * 100;
        let said = numbers
            .clone()
            .map(|number| new(message(ChatId::user(7), number, "taken back")));
        world.record(account, said.collect()).await;
        for some in numbers.collect::<Vec<_>>().chunks(5) {
            let deleted = Change::Deleted {
                channel: None,
                message_ids: some.to_vec(),
            };
            world.record(account, vec![deleted]).await;
        }
    }
    until_fed(&world).await;
    assert_eq!(
        rows::number(&world.path, "SELECT count(*) AS n FROM messages_search"),
        0
    );
    world.store.close().await;
}

/// Protects search from a node that ended before all it stored was in the index: the next one goes on with it.
#[actix::test]
async fn what_a_node_leaves_behind_is_indexed_by_another() {
    let dir = TempDir::new().unwrap();
    let config = || StoreConfig::at(dir.path().join("switchboard.db"));
    let one = World::at(config());
    let account = one.account().await.id;
    let said = ["left", "behind"];
    let changes = said.iter().zip(1..);
    let changes = changes.map(|(text, number)| new(message(ChatId::user(7), number, text)));
    one.record(account, changes.collect()).await;
    one.store.close().await;
    // As it would have been a moment before.
    engine::change(
        &one.path,
        "DELETE FROM messages_search; UPDATE message_blocks SET fed = first - 1;",
    );
    let other = World::at(config());
    for text in said {
        until("what was left in the index", async || {
            match hits(&other.store, text).await {
                1 => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
    }
    // A block that the index has all of is dropped.
    until(
        "no block of the one that ended",
        async || match rows::number(&other.path, "SELECT count(*) AS n FROM message_blocks") {
            0 => Ok(()),
            left => Err(left.to_string()),
        },
    )
    .await;
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
