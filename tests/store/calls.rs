//! What nodes ask each other, as rows of a real PostgreSQL.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use switchboard::{
    domain::AccountId,
    store::{
        CALLS_CHANNEL, CallPart, CallRows, CallState, Heard, LeaseBook, LeaseTimes, Listener,
        NewCall, NodeRow, ServerUrl, StoreError, Way,
    },
};
use uuid::Uuid;

use crate::{
    engine,
    world::{World, until},
};

pub const LASTS: Duration = Duration::from_secs(30);

/// A node on the database of a world, which says that it lives.
pub struct Node {
    pub id: Uuid,
    pub rows: CallRows,
}

pub fn node(world: &World) -> Node {
    let url = ServerUrl::parse(&engine::url(&world.path), None).unwrap();
    let row = NodeRow {
        id: Uuid::new_v4(),
        name: "node".to_owned(),
        address: None,
        home: None,
    };
    let times = LeaseTimes {
        lasts: 45_000,
        given_up: 25_000,
        grace: 15_000,
    };
    LeaseBook::open(&url, row.clone(), times)
        .unwrap()
        .renew(None)
        .unwrap();
    Node {
        id: row.id,
        rows: CallRows::open(&url, row.id).unwrap(),
    }
}

pub fn call(account: AccountId) -> NewCall {
    NewCall {
        id: Uuid::new_v4(),
        account,
        sealed: "v1.a.call".to_owned(),
        again: true,
        lasts: LASTS,
    }
}

fn part(number: i64) -> CallPart {
    CallPart {
        number,
        sealed: format!("v1.a.part{number}"),
    }
}

fn rows_left(world: &World) -> i64 {
    engine::rows::number(
        &world.path,
        "SELECT (SELECT count(*) FROM node_calls) + (SELECT count(*) FROM node_call_parts) AS n",
    )
}

/// Words heard, one a line; `listening` for each time it began to listen.
fn listening(world: &World) -> (Listener, Arc<Mutex<Vec<String>>>) {
    let url = ServerUrl::parse(&engine::url(&world.path), None).unwrap();
    let words: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&words);
    let listener = Listener::start(&url, &[CALLS_CHANNEL], move |word| {
        let word = match word {
            Heard::Listening => "listening".to_owned(),
            Heard::Said { payload, .. } => payload.to_owned(),
        };
        heard.lock().unwrap().push(word);
    })
    .unwrap();
    (listener, words)
}

async fn until_heard(words: &Mutex<Vec<String>>, count: usize, word: &str) {
    until(word, async || {
        let heard = words.lock().unwrap();
        match heard.iter().filter(|one| *one == word).count() >= count {
            true => Ok(()),
            false => Err(format!("{heard:?}")),
        }
    })
    .await;
}

/// Protects what a node is asked for another one: it reaches whoever takes it, once, the answer comes back in order, and no row of it
/// stays.
#[actix::test]
async fn a_call_is_taken_once_answered_in_order_and_leaves_nothing() {
    let world = World::new();
    let (asker, owner) = (node(&world), node(&world));
    let (_listener, words) = listening(&world);
    until_heard(&words, 1, "listening").await;
    let account = AccountId::random();
    let asked = call(account);
    asker.rows.give(asked.clone()).await.unwrap();
    until_heard(&words, 1, &account.to_string()).await;
    assert_eq!(owner.rows.waiting().await.unwrap(), [account]);
    assert!(
        owner
            .rows
            .take(&[AccountId::random()], 9)
            .await
            .unwrap()
            .is_empty(),
        "a call of another account"
    );
    assert_eq!(
        asker.rows.state(asked.id, LASTS).await.unwrap(),
        CallState::Waits
    );

    let accounts = [account];
    let (one, two) = tokio::join!(owner.rows.take(&accounts, 9), asker.rows.take(&accounts, 9));
    let (one, two) = (one.unwrap(), two.unwrap());
    // Whoever was faster.
    let owner = if one.is_empty() { &asker } else { &owner };
    let taken: Vec<_> = one.into_iter().chain(two).collect();
    assert_eq!(taken.len(), 1, "taken by one alone");
    assert_eq!((taken[0].id, &*taken[0].sealed), (asked.id, "v1.a.call"));
    assert!(!taken[0].begun_before);
    assert_eq!(
        asker.rows.state(asked.id, LASTS).await.unwrap(),
        CallState::Runs
    );
    assert!(
        !asker.rows.withdraw(asked.id).await.unwrap(),
        "it has begun"
    );

    for number in [1, 0, 2] {
        assert!(
            owner
                .rows
                .put(asked.id, Way::Told, part(number))
                .await
                .unwrap()
        );
    }
    assert!(asker.rows.put(asked.id, Way::Asked, part(0)).await.unwrap());
    assert_eq!(
        owner.rows.unread(asked.id, Way::Told).await.unwrap(),
        Some(3)
    );
    until_heard(&words, 4, &asked.id.to_string()).await;
    let told = asker.rows.read(asked.id, Way::Told, LASTS).await.unwrap();
    assert_eq!(told, [part(0), part(1), part(2)]);
    assert_eq!(
        owner.rows.unread(asked.id, Way::Told).await.unwrap(),
        Some(0)
    );
    // Whoever writes hears that there is room.
    until_heard(&words, 5, &asked.id.to_string()).await;
    assert!(
        asker
            .rows
            .read(asked.id, Way::Told, LASTS)
            .await
            .unwrap()
            .is_empty()
    );

    asker.rows.remove(asked.id).await.unwrap();
    assert!(!owner.rows.put(asked.id, Way::Told, part(3)).await.unwrap());
    assert_eq!(owner.rows.unread(asked.id, Way::Told).await.unwrap(), None);
    assert_eq!(
        owner.rows.state(asked.id, LASTS).await.unwrap(),
        CallState::Gone
    );
    assert_eq!(rows_left(&world), 0);
    world.store.close().await;
}

/// Protects calls from the death of the node that began them, and from being run by two nodes that live.
#[actix::test]
async fn a_call_that_a_dead_node_began_is_taken_up_by_the_next_one() {
    let world = World::new();
    let (asker, first, next) = (node(&world), node(&world), node(&world));
    let account = AccountId::random();
    let asked = NewCall {
        again: false,
        ..call(account)
    };
    asker.rows.give(asked.clone()).await.unwrap();
    assert_eq!(first.rows.take(&[account], 9).await.unwrap().len(), 1);
    assert!(next.rows.waiting().await.unwrap().is_empty());
    assert!(next.rows.take(&[account], 9).await.unwrap().is_empty());

    engine::change(
        &world.path,
        &format!("UPDATE nodes SET silent = TRUE WHERE id = '{}'", first.id),
    );
    assert_eq!(
        asker.rows.state(asked.id, LASTS).await.unwrap(),
        CallState::Orphaned
    );
    assert_eq!(next.rows.waiting().await.unwrap(), [account]);
    let taken = next.rows.take(&[account], 9).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert!(taken[0].begun_before && !taken[0].again);
    let lives = async |node: &Node| asker.rows.lives(&node.id.to_string()).await.unwrap();
    assert!(lives(&next).await && !lives(&first).await);
    assert_eq!(
        asker.rows.state(asked.id, LASTS).await.unwrap(),
        CallState::Runs
    );

    // What a node took and does not know of is anybody's again.
    next.rows.give_back(&[asked.id]).await.unwrap();
    assert!(asker.rows.take(&[account], 9).await.unwrap().is_empty());
    next.rows.give_back(&[]).await.unwrap();
    let taken = asker.rows.take(&[account], 9).await.unwrap();
    assert!(taken.len() == 1 && !taken[0].begun_before);
    world.store.close().await;
}

/// Protects the database from calls of nodes that ended, and accounts from calls that nobody waits for any more.
#[actix::test]
async fn a_call_that_is_given_up_is_run_by_nobody() {
    let world = World::new();
    let (asker, owner) = (node(&world), node(&world));
    let account = AccountId::random();
    let (late, back) = (call(account), call(account));
    asker.rows.give(back.clone()).await.unwrap();
    assert!(asker.rows.put(back.id, Way::Asked, part(0)).await.unwrap());
    assert!(asker.rows.withdraw(back.id).await.unwrap());
    assert_eq!(rows_left(&world), 0, "a part stayed");

    let brief = NewCall {
        lasts: Duration::ZERO,
        ..late
    };
    asker.rows.give(brief.clone()).await.unwrap();
    assert!(owner.rows.waiting().await.unwrap().is_empty());
    assert!(owner.rows.take(&[account], 9).await.unwrap().is_empty());
    assert_eq!(
        owner.rows.sweep().await.unwrap(),
        0,
        "it may be answered this moment"
    );
    engine::change(
        &world.path,
        "UPDATE node_calls SET expires_at = expires_at - 61000",
    );
    assert_eq!(owner.rows.sweep().await.unwrap(), 1);
    assert_eq!(rows_left(&world), 0);

    // Of a node that is dead by the time the server's clock is set back by an hour.
    asker.rows.give(call(account)).await.unwrap();
    engine::change(
        &world.path,
        "UPDATE node_calls SET expires_at = expires_at + 3600000",
    );
    assert!(owner.rows.waiting().await.unwrap().is_empty());
    assert!(owner.rows.take(&[account], 9).await.unwrap().is_empty());
    assert_eq!(owner.rows.sweep().await.unwrap(), 0);
    engine::change(
        &world.path,
        "UPDATE node_calls SET expires_at = expires_at - 61000",
    );
    assert_eq!(owner.rows.sweep().await.unwrap(), 1);
    // One that lives says so again.
    let lives = call(account);
    asker.rows.give(lives.clone()).await.unwrap();
    engine::change(
        &world.path,
        "UPDATE node_calls SET expires_at = expires_at + 3600000",
    );
    asker.rows.state(lives.id, LASTS).await.unwrap();
    assert_eq!(owner.rows.take(&[account], 9).await.unwrap().len(), 1);
    asker.rows.remove(lives.id).await.unwrap();
    world.store.close().await;
}

/// Protects nodes from a word that never comes: who listens does so again after the server has cut it off, and says so.
#[actix::test]
async fn who_listens_does_so_again_when_it_was_cut_off() {
    let world = World::new();
    let (_listener, words) = listening(&world);
    until_heard(&words, 1, "listening").await;
    engine::rows::number(
        &world.path,
        "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    );
    until_heard(&words, 2, "listening").await;
    let account = AccountId::random();
    node(&world).rows.give(call(account)).await.unwrap();
    until_heard(&words, 1, &account.to_string()).await;
    world.store.close().await;
}

/// Protects the wait for a reply that was given to another node: rows on their way wait for no disk, and reach no copy of the log.
#[actix::test]
async fn calls_are_not_logged() {
    let world = World::new();
    let logged = engine::rows::number(
        &world.path,
        "SELECT count(*) AS n FROM pg_class WHERE relname IN ('node_calls', 'node_call_parts') AND relpersistence <> 'u'",
    );
    assert_eq!(logged, 0);
    world.store.close().await;
}

/// Protects whoever asks just when the server goes away and comes back: they are told that it passes, if anything, and never that
/// something is broken here.
#[actix::test]
async fn a_server_that_was_away_is_no_fault_of_a_call() {
    let world = World::new();
    let asker = node(&world);
    let account = AccountId::random();
    for _ in 0..20 {
        asker.rows.give(call(account)).await.unwrap();
        asker.rows.waiting().await.unwrap();
        engine::change(
            &world.path,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();",
        );
        for answer in [
            asker.rows.give(call(account)).await.map(drop),
            asker.rows.waiting().await.map(drop),
        ] {
            let passes = answer.as_ref().err().is_none_or(StoreError::passes);
            assert!(passes, "{answer:?}");
        }
        until("the server", async || {
            asker
                .rows
                .waiting()
                .await
                .map_err(|error| error.to_string())
        })
        .await;
    }
}
