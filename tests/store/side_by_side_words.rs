//! Two nodes at one database: whatever either writes is found by its words.

use switchboard::{
    domain::{Change, ChatId},
    store::{SearchQuery, StoreConfig, StoreHandle},
};
use tempfile::TempDir;

use super::side_by_side::{BATCHES, two};
use crate::{
    engine, rows,
    world::{World, message, new, until},
};

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
