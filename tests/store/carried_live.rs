//! A store that goes over while it is written.

use std::{future::ready, sync::Arc};

use switchboard::{
    domain::ChatId,
    store::{
        Carry, CarryEnd, CarryError, NoSink, SearchQuery, ServerUrl, Store, StoreError, StoreHandle,
    },
};
use tempfile::TempDir;

use super::{
    carried_tables::{open, words},
    carry::{at, carry, texts},
};
use crate::{
    engine, rows,
    world::{batch, message, new, new_account, until},
};

/// The source is stopped once the last session of its service has ended.
async fn held(carry: &mut Carry) {
    until("the service's sessions to end", || {
        let held = carry.hold().unwrap();
        ready(held.then_some(()).ok_or_else(|| "they stay".to_owned()))
    })
    .await;
}

async fn hits(store: &StoreHandle, q: &str) -> Result<usize, StoreError> {
    let query = SearchQuery {
        q: q.to_owned(),
        account_ids: Vec::new(),
        limit: 50,
        cursor: None,
    };
    store.search(query).await.map(|page| page.items.len())
}

/// Protects a desk that can't stop for long: what is written while rows go over is there afterwards, found by the same words, and numbered on.
#[actix::test]
async fn a_store_goes_over_while_it_is_written() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("switchboard.db");
    let source = Store::open(at(&file), Arc::new(NoSink)).unwrap();
    let account = source.create_account(new_account()).await.unwrap().id;
    let write = async |store: &StoreHandle, numbers: std::ops::Range<i32>| {
        let changes = numbers
            .map(|number| {
                new(message(
                    ChatId::user(7),
                    number,
                    &format!("said{number} aloud"),
                ))
            })
            .collect();
        store.record_batch(batch(account, changes)).await.unwrap();
    };
    write(&source, 1..1000).await;
    let server = dir.path().join("server");
    let mut carry = carry(&file, &engine::url(&server));
    let rounds = actix::Arbiter::new();
    let (tell, told) = tokio::sync::oneshot::channel();
    rounds.spawn_fn(move || {
        let written: Vec<i64> = (0..6).map(|_| carry.round().unwrap().written).collect();
        let _ = tell.send((carry, written));
    });
    let mut told = told;
    let mut number = 1000;
    let (mut carry, written) = loop {
        write(&source, number..number + 5).await;
        number += 5;
        if let Ok(done) = told.try_recv() {
            break done;
        }
    };
    // The later rounds carried what was written beside them; one may be over before a slow disk has taken anything.
    assert!(
        written[1..].iter().any(|written| *written > 0),
        "{written:?}"
    );
    write(&source, number..number + 5).await;
    number += 5;
    let (seq, ours) = (
        source.last_seq().await.unwrap(),
        texts(&source, account).await,
    );
    assert_eq!(ours.len() as i32, number - 1);
    source.close().await;
    assert!(carry.hold().unwrap());
    carry.finish().unwrap();
    let target = Store::open(engine::placed(at(&server)), Arc::new(NoSink)).unwrap();
    assert_eq!(target.last_seq().await.unwrap(), seq);
    assert_eq!(texts(&target, account).await, ours);
    assert_eq!(
        hits(&target, &format!("said{} alo", number - 1))
            .await
            .unwrap(),
        1
    );
    assert_eq!(hits(&target, "said77 alo").await.unwrap(), 1);
    // Numbers and the index go on.
    write(&target, number..number + 1).await;
    assert_eq!(target.last_seq().await.unwrap().0, seq.0 + 1);
    until("the index to be fed", async || {
        match hits(&target, &format!("said{number}")).await {
            Ok(1) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    target.close().await;
    rounds.stop();
    drop(target);
    // On the way back, too: rows that were given out and deleted are not given out again.
    let newest = rows::number(&server, "SELECT max(id) AS n FROM messages");
    engine::change(
        &server,
        &format!("DELETE FROM messages WHERE id = {newest}"),
    );
    let back = dir.path().join("back.db");
    let mut carry = Carry::open(
        &CarryEnd::Server(ServerUrl::parse(&engine::url(&server), None).unwrap()),
        &CarryEnd::File(back.clone()),
    )
    .unwrap();
    held(&mut carry).await;
    carry.finish().unwrap();
    let store = Store::open(at(&back), Arc::new(NoSink)).unwrap();
    write(&store, number + 1..number + 2).await;
    store.close().await;
    let next = words(&mut open(&back), "SELECT max(id) AS t FROM messages");
    assert!(
        next[0].parse::<i64>().unwrap() > newest,
        "{next:?} {newest}"
    );
}

/// Protects an account from being used at two places: while a service runs on PostgreSQL nothing is taken from it.
#[actix::test]
async fn a_server_that_is_in_use_is_not_left() {
    let dir = TempDir::new().unwrap();
    let server = dir.path().join("server");
    let store = Store::open(engine::placed(at(&server)), Arc::new(NoSink)).unwrap();
    let from = CarryEnd::Server(ServerUrl::parse(&engine::url(&server), None).unwrap());
    let to = CarryEnd::File(dir.path().join("home.db"));
    let mut carry = Carry::open(&from, &to).unwrap();
    carry.round().unwrap();
    assert!(!carry.hold().unwrap());
    let into = Carry::open(&to, &from);
    assert!(
        matches!(into, Err(CarryError::Unready(_) | CarryError::InUse(_))),
        "{into:?}"
    );
    store.close().await;
    drop(store);
    held(&mut carry).await;
    carry.finish().unwrap();
}
