//! Retention: what is too old goes, with everything that hangs on it, stays gone, and overtakes nobody who waits for it.

use std::time::Duration;

use switchboard::{
    domain::{
        Account, AccountId, Change, ChatId, IncomingMessage, KeepFor, Retention, Seq, Timestamp,
    },
    store::{AccountPatch, SearchQuery, StoreConfig, WouldGo},
};
use tempfile::TempDir;

use crate::{
    engine, rows,
    world::{World, batch, message, new, until},
};

const DAY: i64 = 24 * 3600 * 1000;

/// Looks for what is too old all the time.
pub fn eager(path: &std::path::Path, days: Option<u32>) -> StoreConfig {
    StoreConfig {
        keep: KeepFor {
            messages_days: days,
            ..KeepFor::default()
        },
        retire_every: Duration::from_millis(50),
        ..StoreConfig::at(path)
    }
}

fn aged(chat: ChatId, id: i32, text: &str, days: i64) -> IncomingMessage {
    let at = Timestamp::now().millis() - days * DAY + i64::from(id);
    IncomingMessage {
        date: Timestamp::from_millis(at / 1000 * 1000),
        ..message(chat, id, text)
    }
}

fn old(chat: ChatId, id: i32) -> IncomingMessage {
    aged(chat, id, &format!("bygone {id}"), 30)
}

fn fresh(chat: ChatId, id: i32) -> IncomingMessage {
    aged(chat, id, &format!("recent {id}"), 0)
}

async fn keep(world: &World, account: &Account, days: u32) {
    let patch = AccountPatch {
        retention: Some(Retention {
            messages_days: Some(days),
            media_days: None,
        }),
        ..AccountPatch::default()
    };
    world.store.patch_account(account.id, patch).await.unwrap();
}

fn stored(world: &World, account: AccountId, more: &str) -> i64 {
    let query = format!(
        "SELECT count(*) AS n FROM messages WHERE telegram_account_id = '{account}' {more}"
    );
    rows::number(&world.path, &query)
}

async fn until_stored(world: &World, account: AccountId, more: &str, wanted: i64) {
    until("the rows that are kept", || async {
        match stored(world, account, more) {
            found if found == wanted => Ok(()),
            found => Err(found.to_string()),
        }
    })
    .await;
}

/// As whoever posts the webhook writes it down.
async fn posted_to(world: &World, hook: &str, seq: Seq, lanes: Vec<(AccountId, Option<Seq>)>) {
    let store = &world.store;
    let epoch = store.claim_webhook(hook.to_owned(), false).await.unwrap();
    let moved = store.move_webhook(hook.to_owned(), epoch.unwrap(), seq, lanes);
    assert!(moved.await.unwrap());
}

async fn hits(world: &World, account: AccountId, word: &str) -> usize {
    let query = SearchQuery {
        q: word.to_owned(),
        account_ids: vec![account],
        ..SearchQuery::default()
    };
    world.store.search(query).await.unwrap().items.len()
}

async fn from_history(world: &World, account: AccountId, changes: Vec<Change>) {
    let mut batch = batch(account, changes);
    batch.backfilled = true;
    world.store.record_batch(batch).await.unwrap();
}

/// Protects who has to delete, and who asked for nothing: messages from before go with their former texts and their words in the
/// index, on the account that says so alone; history, edits and repeats bring none back, nobody owes or asks for them, and a restart
/// changes nothing. What would go was told before.
#[actix::test]
async fn what_is_too_old_goes_and_stays_gone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(eager(&path, None));
    let (short, long) = (world.account().await, world.account().await);
    let (chat, quiet) = (ChatId::user(7), ChatId::channel(9));
    for account in [&short, &long] {
        for id in 1..=450 {
            world.record(account.id, vec![new(old(chat, id))]).await;
        }
        let edited = IncomingMessage {
            edited_at: Some(Timestamp::now()),
            text: "bygone and rewritten".to_owned(),
            ..old(chat, 450)
        };
        world
            .record(
                account.id,
                vec![Change::Edited(edited), new(fresh(chat, 451))],
            )
            .await;
        world.record(account.id, vec![new(old(quiet, 3))]).await;
    }
    until("the index to be fed", || async {
        let found = [
            hits(&world, short.id, "bygone").await,
            hits(&world, short.id, "recent").await,
        ];
        if found.contains(&0) {
            Err(format!("{found:?}"))
        } else {
            Ok(())
        }
    })
    .await;
    let before = stored(&world, short.id, "");
    assert_eq!(before, 452);
    let told = world.store.would_go(short.id, 7).await.unwrap();
    assert_eq!(told.messages, 451);
    assert!(told.bytes > 451 * 120, "{told:?}");
    assert_eq!(
        world.store.would_go(short.id, 60).await.unwrap(),
        WouldGo::default()
    );
    assert_eq!(
        stored(&world, short.id, ""),
        before,
        "asking deletes nothing"
    );
    let newest_row = rows::number(&path, "SELECT max(id) AS n FROM messages");

    keep(&world, &short, 7).await;
    until_stored(&world, short.id, "", 1).await;
    assert_eq!(stored(&world, long.id, ""), before, "the other one's stay");
    assert_eq!(hits(&world, short.id, "bygone").await, 0);
    assert_eq!(hits(&world, short.id, "recent").await, 1);
    let versions = "SELECT count(*) AS n FROM message_versions";
    assert_eq!(rows::number(&path, versions), 1, "the other one's");
    let listed = world.conversation(short.id, quiet).await;
    assert!(listed.last_message.is_none());
    assert!(listed.last_message_at.is_some(), "it keeps its place");

    let brought_again = async |world: &World| {
        from_history(
            world,
            short.id,
            (1..=40).map(|id| new(old(chat, id))).collect(),
        )
        .await;
        let edited = IncomingMessage {
            edited_at: Some(Timestamp::now()),
            ..old(chat, 8)
        };
        let events = rows::number(&world.path, "SELECT max(seq) AS n FROM event_log");
        world
            .record(
                short.id,
                vec![
                    Change::Edited(edited),
                    new(old(chat, 9)),
                    new(old(quiet, 3)),
                ],
            )
            .await;
        assert_eq!(
            rows::number(&world.path, "SELECT max(seq) AS n FROM event_log"),
            events,
            "no news"
        );
        assert_eq!(stored(world, short.id, ""), 1);
        let conversation = world.conversation(short.id, chat).await;
        let spans = world.store.spans(conversation.id).await.unwrap();
        assert_eq!(spans.missing(1, None), None, "{spans:?}");
        assert!(world.store.next_owed(short.id).await.unwrap().is_none());
        assert!(world.store.next_stale(short.id).await.unwrap().is_none());
        assert_eq!(
            world
                .store
                .newest_number(world.conversation(short.id, quiet).await.id)
                .await
                .unwrap(),
            Some(3),
            "it can still be marked as read"
        );
    };
    brought_again(&world).await;
    world.store.close().await;
    let world = World::at(eager(&path, None));
    brought_again(&world).await;
    world.record(short.id, vec![new(fresh(chat, 452))]).await;
    let next_row = rows::number(&path, "SELECT max(id) AS n FROM messages");
    assert!(next_row > newest_row, "no row has another one's number");
    assert_eq!(stored(&world, short.id, ""), 2);
    assert_eq!(stored(&world, long.id, ""), before);

    // For all, but for whom says otherwise.
    keep(&world, &long, 0).await;
    world.store.close().await;
    let world = World::at(eager(&path, Some(7)));
    let third = world.account().await;
    world
        .record(third.id, vec![new(old(chat, 1)), new(fresh(chat, 2))])
        .await;
    until_stored(&world, third.id, "", 1).await;
    assert_eq!(stored(&world, long.id, ""), before);
}

/// Protects who still waits: events that a webhook has not got, late news that was not told, and what an order is about.
#[actix::test]
async fn what_somebody_waits_for_is_not_overtaken() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(StoreConfig::at(&path));
    let account = world.account().await;
    let [told, owed, plain] = [1, 2, 3].map(ChatId::user);
    world
        .record(account.id, (1..=20).map(|id| new(old(told, id))).collect())
        .await;
    for (chat, from) in [(owed, 101), (plain, 201)] {
        let changes = (from..from + 20).map(|id| new(old(chat, id))).collect();
        from_history(&world, account.id, changes).await;
    }
    let hook = "hook".to_owned();
    posted_to(&world, &hook, Seq(0), Vec::new()).await;
    let conversation = world.conversation(account.id, owed).await.id.0;
    world.store.close().await;
    engine::change(
        &path,
        &format!(
            "INSERT INTO owed (conversation_id, low, high) VALUES ({conversation}, 111, 130);"
        ),
    );
    let world = World::at(eager(&path, Some(7)));
    let of = |chat: ChatId| format!("AND chat_id = '{chat}'");
    // Chats are looked at in the order of their numbers.
    until_stored(&world, account.id, &of(plain), 0).await;
    assert_eq!(stored(&world, account.id, &of(told)), 20);
    assert_eq!(stored(&world, account.id, &of(owed)), 10);
    // An account that it is behind with.
    let last = world.store.last_seq().await.unwrap();
    let behind = vec![(account.id, Some(Seq(0)))];
    posted_to(&world, &hook, last, behind).await;
    from_history(&world, account.id, vec![new(old(plain, 301))]).await;
    until_stored(&world, account.id, &of(plain), 0).await;
    assert_eq!(stored(&world, account.id, &of(told)), 20);

    posted_to(&world, &hook, last, vec![(account.id, None)]).await;
    until_stored(&world, account.id, &of(told), 0).await;
    assert_eq!(
        stored(&world, account.id, &of(owed)),
        10,
        "still to be told"
    );
}
