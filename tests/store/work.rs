//! What one node at a time does, with two stores on one database.

use std::time::Duration;

use switchboard::{
    domain::{ChatId, Seq, Timestamp},
    store::{Changed, StoreConfig, WebhookChange, WebhookFilter, WebhookRow},
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    engine, rows,
    world::{LIMIT, World, message, new, until},
};

fn two() -> (TempDir, World, World) {
    let dir = TempDir::new().unwrap();
    let config = || StoreConfig::at(dir.path().join("switchboard.db"));
    let worlds = (World::at(config()), World::at(config()));
    (dir, worlds.0, worlds.1)
}

fn webhook() -> WebhookRow {
    WebhookRow {
        id: Uuid::new_v4(),
        sealed: "sealed".to_owned(),
        filter: WebhookFilter::default(),
        patience_s: 60,
        is_active: true,
        created_at: Timestamp::now(),
    }
}

fn count(world: &World, of: &str) -> i64 {
    rows::number(&world.path, &format!("SELECT count(*) AS n FROM {of}"))
}

/// Protects receivers of webhooks: a webhook is one node's to post, whoever else wants to; what is written down of its place is by
/// that node alone, under the lease of then; it goes to another one when it is let go of, set back or not renewed, and nobody posts one
/// that is paused or gone.
#[actix::test]
async fn a_webhook_is_one_nodes_at_a_time() {
    let (_dir, one, other) = two();
    let row = webhook();
    let hook = row.id.to_string();
    assert!(one.store.add_webhook(row.clone(), 9).await.unwrap());
    let claim = async |world: &World| {
        let claimed = world.store.claim_webhook(hook.clone(), true).await;
        claimed.unwrap()
    };
    let moved = async |world: &World, epoch: i64, seq: i64| {
        let moved = world
            .store
            .move_webhook(hook.clone(), epoch, Seq(seq), Vec::new());
        moved.await.unwrap()
    };
    let place = || rows::number(&one.path, "SELECT seq AS n FROM webhook_cursors");
    assert_eq!(claim(&one).await, Some(1));
    assert_eq!(claim(&other).await, None);
    assert_eq!(claim(&one).await, Some(1), "a renewal");
    assert!(moved(&one, 1, 5).await);
    assert!(!moved(&other, 1, 6).await);
    assert_eq!(place(), 5);

    // Let go of: whoever waits hears of it.
    let mut heard = other.store.changes(Changed::Work);
    heard.borrow_and_update();
    let work = format!("webhook:{hook}");
    let held = vec![(work.clone(), 1)];
    one.store.let_go_of_work(held).await.unwrap();
    tokio::time::timeout(LIMIT, heard.changed())
        .await
        .expect("nothing was heard")
        .unwrap();
    assert_eq!(claim(&other).await, Some(2));
    assert_eq!(claim(&one).await, None);
    assert!(!moved(&one, 1, 7).await, "it was that one's once");
    assert!(moved(&other, 2, 8).await);

    // Set back by a node that does not post it: whoever does begins anew.
    one.store.place_webhook(hook.clone(), Seq(3)).await.unwrap();
    assert!(!moved(&other, 2, 9).await);
    assert_eq!(place(), 3);
    let again = claim(&other).await.unwrap();
    assert!(again > 2);

    // Not renewed: after its time and a while more, and not before.
    let ends = |ago: i64| {
        let text = "UPDATE work_leases SET expires_at = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
        engine::change(
            &one.path,
            &format!("{text} - {ago} WHERE name LIKE 'webhook:%';"),
        );
    };
    ends(14_000);
    assert_eq!(claim(&one).await, None);
    ends(16_000);
    let taken = claim(&one).await.unwrap();
    assert!(taken > again && !moved(&other, again, 10).await);

    let paused = WebhookRow {
        is_active: false,
        ..row.clone()
    };
    let change = async |seen: &WebhookRow, row: &WebhookRow| {
        let changed = other.store.change_webhook(seen.clone(), row.clone());
        changed.await.unwrap()
    };
    assert_eq!(change(&row, &paused).await, WebhookChange::Made);
    assert_eq!(change(&row, &row).await, WebhookChange::Otherwise);
    assert_eq!(claim(&one).await, None, "paused");
    assert_eq!(change(&paused, &row).await, WebhookChange::Made);
    assert_eq!(claim(&one).await, Some(taken));
    assert!(other.store.remove_webhook(row.id).await.unwrap());
    assert_eq!(claim(&one).await, None, "gone");
    assert!(!moved(&one, taken, 11).await);
    assert_eq!(change(&row, &paused).await, WebhookChange::Gone);
    assert_eq!(count(&one, "webhook_cursors"), 0);
    assert_eq!(count(&one, "work_leases WHERE name LIKE 'webhook:%'"), 0);
    one.store.close().await;
    other.store.close().await;
}

/// Protects what nobody owns any more: the rows of a removed account go, whichever node removed it; one node does that, and at its end
/// the other one goes on.
#[actix::test]
async fn what_is_nobodys_is_looked_after_by_one_node() {
    let (_dir, one, other) = two();
    let remove = async |world: &World| {
        let account = world.account().await.id;
        world
            .record(account, vec![new(message(ChatId::user(7), 1, "private"))])
            .await;
        world.store.remove_account(account, false).await.unwrap();
    };
    let gone = async || {
        until("the rows of removed accounts to go", async || {
            match count(&one, "accounts WHERE purge") + count(&one, "messages") {
                0 => Ok(()),
                left => Err(left.to_string()),
            }
        })
        .await;
    };
    let held = || count(&one, "work_leases WHERE owner IS NOT NULL");
    remove(&one).await;
    remove(&other).await;
    gone().await;
    assert_eq!(held(), 1);
    one.store.close().await;
    remove(&other).await;
    gone().await;
    assert_eq!(held(), 1);
    other.store.close().await;
    assert_eq!(held(), 0);
}

/// Protects who is told of changes from missing one: a word that was not heard is made up for.
#[actix::test]
async fn changes_are_told_to_the_other_node() {
    let (_dir, one, other) = two();
    let mut webhooks = other.store.changes(Changed::Webhooks);
    webhooks.borrow_and_update();
    one.store.add_webhook(webhook(), 9).await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), webhooks.changed())
        .await
        .expect("it was not told within a second")
        .unwrap();
    webhooks.borrow_and_update();
    tokio::time::timeout(Duration::from_secs(10), webhooks.changed())
        .await
        .expect("nobody looks without a word")
        .unwrap();
    one.store.close().await;
    other.store.close().await;
}
