//! Many new messages at once, which go to PostgreSQL as a stream: what they are, and what becomes of them where it breaks.

use std::sync::Arc;

use switchboard::{
    domain::{
        AccountId, Batch, Change, ChatId, IncomingMessage, Media, MediaKind, MessageObject,
        Position, Timestamp,
    },
    store::{NewAccount, NoSink, Store, StoreConfig, StoreError},
};
use tempfile::TempDir;

use crate::{
    engine, rows,
    two_engines::of_file,
    world::{World, batch, message, new, new_account, person, until},
};

/// More than go by a statement, and more than go in one piece.
const MANY: i32 = 400;

const ROWS: &str = "SELECT id || '|' || account_no || '|' || scope || '|' || message_no || '|' || conversation_id || '|' || chat_id || '|' || \
     message_id || '|' || direction || '|' || text || '|' || timestamp || '|' || status || '|' || coalesce(sender_id, 0) || '|' || \
     coalesce(sender_name, '-') || '|' || coalesce(reply_to, 0) || '|' || coalesce(topic_id, 0) || '|' || coalesce(edited_at, 0) || '|' || \
     coalesce(media, '-') || '|' || coalesce(service, '-') || '|' || CASE WHEN backfilled THEN 1 ELSE 0 END || '|' || \
     CASE WHEN masked THEN 1 ELSE 0 END || '|' || coalesce(album_id, 0) || '|' || coalesce(extra, '-') AS t FROM messages ORDER BY id";

fn various(number: i32) -> IncomingMessage {
    let chat = ChatId::user(i64::from(7 + number % 3));
    let mut one = message(
        chat,
        number,
        &format!("No. {number}, é 日本 👍🏽 \\N \\. \t'"),
    );
    match number % 7 {
        1 => one.text = String::new(),
        2 => one.reply_to = Some(number - 1),
        3 => one.media = Some(Media::of(MediaKind::Photo)),
        // Whether it is an echo is looked up, and what was gathered is written before.
        4 => one.outgoing = number + 7 > MANY,
        5 => one.edited_at = Some(Timestamp::from_seconds(1_800_000_000)),
        6 => {
            one.sender_name = Some("Somebody".to_owned());
            one.album_id = Some(i64::MAX);
            one.object = Some(MessageObject {
                layer: 230,
                bytes: vec![0, 255, 7],
            });
        }
        _ => one.text = "x".repeat(40_000),
    }
    one
}

fn many(account: AccountId, text: impl Fn(i32) -> String) -> Batch {
    let changes = (1..=MANY).map(|number| {
        let chat = ChatId::user(i64::from(number % 5 + 1));
        new(message(chat, number, &text(number)))
    });
    let mut batch = batch(account, changes.collect());
    // Whom the writer does not know it looks for, and what was gathered is written before.
    batch.peers.extend((1..=5).map(|id| person(id, "Known")));
    batch.position = Some(Position {
        pts: MANY,
        ..Position::default()
    });
    batch
}

fn number(world: &World, query: &str) -> i64 {
    rows::number(&world.path, query)
}

/// Protects every column of a message from the way it goes: what a stream has stored is what SQLite stores.
#[actix::test]
async fn what_is_copied_is_what_the_other_engine_has() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let file = Store::open(StoreConfig::at(&path), Arc::new(NoSink)).unwrap();
    let world = World::new();
    engine::change(
        &world.path,
        "CREATE TABLE seen (t TEXT); CREATE FUNCTION see() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN \
         INSERT INTO switchboard.seen VALUES (current_query()); RETURN NULL; END; $$; \
         CREATE TRIGGER sees AFTER INSERT ON messages FOR EACH STATEMENT EXECUTE FUNCTION see();",
    );
    let id = AccountId::random();
    for store in [&file, &world.store] {
        let account = store.create_account(NewAccount {
            id,
            ..new_account()
        });
        account.await.unwrap();
        let changes: Vec<Change> = (1..=MANY).map(|number| new(various(number))).collect();
        let mut batch = batch(id, changes);
        batch.peers.extend((7..=9).map(|id| person(id, "Known")));
        let recorded = store.record_batch(batch).await.unwrap();
        assert_eq!(recorded.new_messages, MANY as usize);
    }
    file.close().await;
    world.store.close().await;
    let ours = rows::texts(&world.path, ROWS);
    assert_eq!(ours.len(), MANY as usize);
    let ours: std::collections::BTreeSet<String> = ours.into_iter().collect();
    let theirs = of_file(&path, ROWS);
    let of_one: Vec<_> = ours.symmetric_difference(&theirs).collect();
    assert!(of_one.is_empty(), "in one engine alone: {of_one:#?}");
    let copied = "SELECT count(*) AS n FROM seen WHERE t LIKE 'COPY messages %'";
    assert!(number(&world, copied) > 0, "no stream was begun");
    let objects = "SELECT count(*) AS n FROM message_objects";
    assert_eq!(number(&world, objects), i64::from(MANY / 7));
}

/// Protects whoever shares a transaction with rows that the server refuses in the middle of a stream: theirs stand, of the others
/// nothing does, and the position stays where it was.
#[actix::test]
async fn a_stream_that_breaks_leaves_nothing_and_takes_nobody_along() {
    let world = World::new();
    engine::change(
        &world.path,
        "ALTER TABLE messages ADD CHECK (text <> 'refused');",
    );
    let mut accounts = Vec::new();
    for _ in 0..3 {
        accounts.push(world.account().await.id);
    }
    let before = number(&world, "SELECT max(seq) AS n FROM event_log");
    let recorded = |place: usize| {
        let refused = (place == 1).then_some(MANY * 3 / 4);
        let text = move |number| match Some(number) == refused {
            true => "refused".to_owned(),
            false => "stored".to_owned(),
        };
        world.store.record_batch(many(accounts[place], text))
    };
    let (first, refused, last) = tokio::join!(recorded(0), recorded(1), recorded(2));
    let Err(StoreError::Broken { cause, .. }) = &refused else {
        panic!("{refused:?}");
    };
    assert!(cause.ends_with("(SQLSTATE 23514)"), "{cause}");
    for stored in [first, last] {
        assert_eq!(stored.unwrap().new_messages, MANY as usize);
    }
    let positions = [MANY, 0, MANY].map(i64::from);
    for (id, pts) in accounts.iter().zip(positions) {
        let of_account = format!("account_no = (SELECT no FROM accounts WHERE id = '{id}')");
        let stored = number(
            &world,
            &format!("SELECT count(*) AS n FROM messages WHERE {of_account}"),
        );
        let told =
            format!("SELECT count(*) AS n FROM event_log WHERE seq > {before} AND {of_account}");
        let reached =
            format!("SELECT coalesce(max(pts), 0) AS n FROM account_positions WHERE {of_account}");
        assert_eq!((stored, number(&world, &told)), (pts, pts));
        assert_eq!(number(&world, &reached), pts);
    }
    let numbers =
        "SELECT max(seq) - count(*) - (SELECT min(seq) FROM event_log) + 1 AS n FROM event_log";
    assert_eq!(number(&world, numbers), 0, "a number is missing");
    assert!(world.store.health().ok);
    world.store.close().await;
}

/// Protects a message that is there, though the writer takes its number for a new one: it is not stored twice, nobody is told of
/// it as news, and the others of its batch are.
#[actix::test]
async fn a_number_that_is_taken_after_all_is_found_in_the_stream() {
    let world = World::new();
    let id = world.account().await.id;
    let first = new(message(ChatId::user(2), 1, "first"));
    world.record(id, vec![first]).await;
    engine::change(
        &world.path,
        "CREATE TEMPORARY TABLE another AS SELECT * FROM messages; \
         UPDATE another SET id = 9000000, message_no = 201, message_id = '201'; \
         INSERT INTO messages SELECT * FROM another;",
    );
    world.ear.names();
    let next = many(id, |_| "next".to_owned());
    let recorded = world.store.record_batch(next).await.unwrap();
    let stored = number(&world, "SELECT count(*) AS n FROM messages");
    let all = (recorded.new_messages, stored);
    assert_eq!(all, (MANY as usize - 2, i64::from(MANY)));
    let told = world.ear.names();
    let news = told.iter().filter(|name| **name == "message_received");
    assert_eq!(news.count(), MANY as usize - 2);
    world.store.close().await;
}

/// Protects messages from a server that goes away in the middle of a stream: they are stored once, when it is back.
#[actix::test]
async fn a_stream_whose_server_goes_away_is_written_once_it_is_back() {
    let world = World::new();
    let id = world.account().await.id;
    engine::change(
        &world.path,
        "CREATE SEQUENCE ended; \
         CREATE FUNCTION end_once() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN \
         IF NEW.message_no = 300 AND nextval('switchboard.ended') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; \
         RETURN NEW; END; $$; \
         CREATE TRIGGER ends BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION end_once();",
    );
    let batch = many(id, |_| "whole".to_owned());
    let recorded = world.store.record_batch(batch).await.unwrap();
    assert_eq!(recorded.new_messages, MANY as usize);
    assert_eq!(number(&world, "SELECT last_value AS n FROM ended"), 2);
    for table in ["messages", "event_log WHERE kind = 1"] {
        let stored = number(&world, &format!("SELECT count(*) AS n FROM {table}"));
        assert_eq!(stored, i64::from(MANY), "{table}");
    }
    until("healthy again", async || {
        let health = world.store.health();
        if health.ok {
            Ok(())
        } else {
            Err(format!("{health:?}"))
        }
    })
    .await;
    world.store.close().await;
}
