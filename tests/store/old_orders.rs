//! Replies that an earlier version left behind: their flags become states, and nothing of them is lost.

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use switchboard::{
    domain::{AccountId, ChatId, OrderState},
    store::QueueReply,
};

use crate::{
    rows,
    world::{World, message, new, own},
};

const DOWN: [&str; 3] = [
    include_str!("../../migrations/2026-11-30-000800_health/down.sql"),
    include_str!("../../migrations/2026-11-30-000100_order_messages/down.sql"),
    include_str!("../../migrations/2026-11-28-000400_orders/down.sql"),
];

async fn queue(world: &World, account: AccountId, chat: ChatId, text: &str) -> i64 {
    let conversation = world.conversation(account, chat).await.id;
    let reply = QueueReply {
        conversation,
        text: text.to_owned(),
        wording: Default::default(),
        reply_to: None,
        topic_id: None,
        schedule: None,
        idempotency_key: Some(text.to_owned()),
    };
    world.store.queue_reply(reply).await.unwrap().message.id.0
}

/// Protects replies that were waiting, on their way or failed when the service was upgraded.
#[actix::test]
async fn replies_of_an_earlier_version_are_taken_over_with_what_is_known_of_them() {
    let world = World::new();
    let account = world.account().await.id;
    let chat = ChatId::user(7);
    world
        .record(account, vec![new(message(chat, 5, "question"))])
        .await;
    let waiting = queue(&world, account, chat, "waiting").await;
    let on_its_way = queue(&world, account, chat, "on its way").await;
    let failed = queue(&world, account, chat, "failed").await;
    world
        .record(account, vec![new(own(chat, 6, "on its way"))])
        .await;
    world.store.close().await;
    let ids = "SELECT group_concat(random_id) AS t FROM order_messages";
    let before = rows::texts(&world.path, ids);
    let mut file = SqliteConnection::establish(&world.path.display().to_string()).unwrap();
    for down in DOWN {
        file.batch_execute(down).unwrap();
    }
    file.batch_execute(&format!(
        "DELETE FROM __diesel_schema_migrations WHERE version IN ('20261128000400', '20261130000100', '20261130000800'); \
         UPDATE outbox SET maybe_sent = 1, attempts = 3 WHERE message_row = {on_its_way}; \
         UPDATE outbox SET failed = 1, error_code = 'PEER_FLOOD' WHERE message_row = {failed}; \
         UPDATE messages SET held = 1 WHERE message_no = 6;"
    ))
    .unwrap();
    drop(file);

    let world = world.reopened().await;
    assert_eq!(rows::texts(&world.path, ids), before);
    let pending = world.store.pending_orders(account).await.unwrap();
    let states: Vec<_> = pending
        .iter()
        .map(|one| (one.work.makes()[0].row.0, one.tries.state, one.tries.above))
        .collect();
    assert_eq!(
        states,
        [
            (waiting, OrderState::Queued, None),
            (on_its_way, OrderState::Unanswered, Some(5)),
        ]
    );
    // The same call again is the same message.
    assert_eq!(queue(&world, account, chat, "waiting").await, waiting);
    let refused = format!(
        "SELECT count(*) AS n FROM orders o JOIN order_messages m ON m.order_id = o.id WHERE m.message_row = {failed} \
         AND o.kind = 'text' AND o.state = 'failed' AND o.error_code = 'PEER_FLOOD'"
    );
    assert_eq!(rows::number(&world.path, &refused), 1);
}
