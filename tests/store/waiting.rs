//! Orders that wait: who hears of them, and that of one account only so much does.

use std::time::Instant;

use futures_util::poll;
use switchboard::{
    domain::{Change, ChatDraft, ChatId, MessageRowId, Timestamp},
    store::{Discard, QueueReply, StoreError},
};

use crate::{
    rows,
    world::{LIMIT, World, message},
};

/// Protects replies whose caller has gone, or given up waiting while the store was slow: what is committed goes out all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_heard_of_though_nobody_waits_for_its_answer() {
    let world = World::new();
    let (account, other) = (world.account().await.id, world.account().await.id);
    let chat = ChatId::user(7);
    let hello = Change::Message(message(chat, 1, "hello"));
    world.record(account, vec![hello]).await;
    let reply = QueueReply {
        conversation: world.conversation(account, chat).await.id,
        text: "hello back".to_owned(),
        wording: Default::default(),
        reply_to: None,
        topic_id: None,
        schedule: None,
        idempotency_key: None,
    };
    assert!(!world.ear.has_orders(account), "nothing was ordered yet");
    let mut queued = Box::pin(world.store.queue_reply(reply));
    assert!(poll!(&mut queued).is_pending());
    drop(queued);
    let began = Instant::now();
    while !world.ear.has_orders(account) {
        assert!(began.elapsed() < LIMIT, "nobody heard of it");
        tokio::task::yield_now().await;
    }
    let query = "SELECT count(*) AS n FROM orders";
    assert_eq!(rows::number(&world.path, query), 1, "it is committed first");
    assert!(!world.ear.has_orders(other));
}

/// Protects memory, the disk and everybody else: of one account only so much waits; one order too many is refused and stores
/// nothing, its drafts and other accounts are taken as before, and there is room again when something is out.
#[tokio::test(flavor = "multi_thread")]
async fn of_one_account_only_so_much_waits() {
    const MOST: i64 = 5_000;
    let world = World::new();
    let (account, other) = (world.account().await.id, world.account().await.id);
    let (chat, theirs) = (ChatId::user(7), ChatId::user(8));
    let hello = || Change::Message(message(chat, 1, "hello"));
    world.record(account, vec![hello()]).await;
    let more = Change::Message(message(theirs, 1, "hello"));
    world.record(other, vec![more]).await;
    let here = world.conversation(account, chat).await.id;
    let there = world.conversation(other, theirs).await.id;
    let reply = |conversation, number: i64| {
        let store = world.store.clone();
        async move {
            let reply = QueueReply {
                conversation,
                text: number.to_string(),
                wording: Default::default(),
                reply_to: None,
                topic_id: None,
                schedule: None,
                idempotency_key: None,
            };
            store.queue_reply(reply).await
        }
    };
    for part in 0..MOST / 100 {
        let replies = (0..100).map(|number| reply(here, part * 100 + number));
        for queued in futures_util::future::join_all(replies).await {
            queued.unwrap();
        }
    }
    let stored = || {
        let query = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM orders) AS n";
        rows::number(&world.path, query)
    };
    let before = stored();
    let refused = reply(here, MOST).await.unwrap_err();
    assert!(matches!(refused, StoreError::OutboxFull), "{refused}");
    assert_eq!(stored(), before);
    reply(there, 1).await.unwrap();
    let draft = ChatDraft {
        text: "half".to_owned(),
        ..ChatDraft::empty(Timestamp::now())
    };
    world
        .store
        .set_draft(here, None, Some(draft))
        .await
        .unwrap();
    let query = "SELECT max(message_row) AS n FROM order_messages WHERE account_no = 1";
    let last = MessageRowId(rows::number(&world.path, query));
    let taken = world.store.discard_message(last, Discard::Unsent).await;
    taken.unwrap();
    reply(here, MOST + 1).await.unwrap();
}
