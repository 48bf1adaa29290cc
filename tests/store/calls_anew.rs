//! Calls that two nodes have: one that seemed to be dead and another one that took them up, or two that begin at once.

use switchboard::{
    domain::AccountId,
    store::{CallPart, Way},
};

use crate::{
    calls::{LASTS, Node, call, node},
    engine,
    kept_answers::{begun, key},
    side_by_side::two,
    world::World,
};

/// Protects whoever waits for an answer that a node had begun to give when it died, or seemed to: what it said stands, nothing is said twice,
/// and whoever took the call up is not told that something is broken. One that wakes up says nothing of it any more.
#[actix::test]
async fn what_a_dead_node_told_of_a_call_stands() {
    let world = World::new();
    let (asker, first, next) = (node(&world), node(&world), node(&world));
    let account = AccountId::random();
    let asked = call(account);
    asker.rows.give(asked.clone()).await.unwrap();
    let told = |node: &Node, number: i64| {
        let part = CallPart {
            number,
            sealed: format!("v1.{}.{number}", node.id),
        };
        let rows = node.rows.clone();
        async move { rows.put(asked.id, Way::Told, part).await }
    };
    assert!(!told(&first, 0).await.unwrap(), "it has not taken the call");
    assert_eq!(first.rows.take(&[account], 9).await.unwrap().len(), 1);
    assert!(told(&first, 0).await.unwrap());

    engine::change(
        &world.path,
        &format!("UPDATE nodes SET silent = TRUE WHERE id = '{}'", first.id),
    );
    assert_eq!(next.rows.take(&[account], 9).await.unwrap().len(), 1);
    for number in [0, 1] {
        assert!(told(&next, number).await.unwrap());
    }
    // It was stopped, and goes on.
    assert!(!told(&first, 1).await.unwrap());
    assert!(!told(&first, 2).await.unwrap());
    let read = asker.rows.read(asked.id, Way::Told, LASTS).await.unwrap();
    let read: Vec<_> = read.into_iter().map(|part| part.sealed).collect();
    assert_eq!(
        read,
        [format!("v1.{}.0", first.id), format!("v1.{}.1", next.id)]
    );
    world.store.close().await;
}

/// Protects callers who repeat a call at another node while the first one is being begun: one of the two begins it, and the other one is
/// told which; neither that something is broken.
#[actix::test]
async fn a_key_that_two_nodes_take_at_once_is_taken_by_one() {
    let (_dir, one, two) = two().await;
    for round in 0..40 {
        let key = || key(&round.to_string());
        let calls = (begun("one"), begun("two"));
        let taken = tokio::join!(
            one.store.claim_answer(key(), calls.0.clone()),
            two.store.claim_answer(key(), calls.1.clone())
        );
        match (taken.0.unwrap(), taken.1.unwrap()) {
            (None, Some(known)) => assert_eq!(known, calls.0),
            (Some(known), None) => assert_eq!(known, calls.1),
            both => panic!("{both:?}"),
        }
    }
    one.store.close().await;
    two.store.close().await;
}
