//! Replies: pending, sent, taken back, and the echo that is the same message.

use std::time::Duration;

use switchboard::{
    domain::{Change, ChatId, MessageError, MessageStatus, Outcome},
    store::{Discard, StoreError},
};

use super::basics::reply;
use crate::world::{World, message, new, own, sent};

/// Protects: a reply is pending with one random id, is sent, and its echo is the same row.
#[actix::test]
async fn a_reply_is_pending_then_sent_and_its_echo_is_the_same_message() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "question"))])
        .await;
    let conversation = world.conversation(account.id, chat).await;
    world.ear.names();
    let queued = world
        .store
        .queue_reply(reply(conversation.id, "answer", Some("k")))
        .await
        .unwrap();
    assert_eq!(queued.message.status, MessageStatus::Pending);
    let repeated = world
        .store
        .queue_reply(reply(conversation.id, "answer", Some("k")))
        .await
        .unwrap();
    assert!(repeated.repeated);
    assert_eq!(repeated.message.id, queued.message.id);
    assert!(matches!(
        world
            .store
            .queue_reply(reply(conversation.id, "other", Some("k")))
            .await,
        Err(StoreError::IdempotencyConflict)
    ));
    let pending = world.store.pending_orders(account.id).await.unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(
        world
            .store
            .get_account(account.id)
            .await
            .unwrap()
            .unwrap()
            .outbox_pending,
        1
    );
    let sent = sent(2);
    let message = world.settle(queued.message.id, sent.clone()).await.unwrap();
    assert_eq!(
        (message.status, message.message_id.as_deref()),
        (MessageStatus::Sent, Some("2"))
    );
    world.settle(queued.message.id, sent).await.unwrap();
    world
        .record(account.id, vec![new(own(chat, 2, "answer"))])
        .await;
    assert_eq!(world.ear.names(), ["message_sent", "message_sent"]);
    assert_eq!(world.texts(account.id, chat).await, ["answer", "question"]);
    assert!(
        world
            .store
            .pending_orders(account.id)
            .await
            .unwrap()
            .is_empty()
    );
}

/// Protects: an echo that is faster than Telegram's answer never shows up as a second message.
#[actix::test]
async fn an_echo_before_the_answer_is_never_a_second_message() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "question"))])
        .await;
    let conversation = world.conversation(account.id, chat).await;
    let queued = world
        .store
        .queue_reply(reply(conversation.id, "answer", None))
        .await
        .unwrap();
    let id = queued.message.id;
    assert!(world.mark(id).await);
    world.ear.names();
    world
        .record(account.id, vec![new(own(chat, 2, "answer"))])
        .await;
    assert!(world.ear.names().is_empty(), "the echo is held back");
    assert_eq!(world.texts(account.id, chat).await, ["answer", "question"]);
    let pending = world.store.pending_orders(account.id).await.unwrap();
    world
        .record(
            account.id,
            vec![Change::Sent {
                random_id: pending[0].work.makes()[0].random_id,
                message_id: 2,
            }],
        )
        .await;
    assert_eq!(world.ear.names(), ["message_sent"]);
    let message = world
        .store
        .get_message(queued.message.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (message.status, message.message_id.as_deref()),
        (MessageStatus::Sent, Some("2"))
    );
    assert_eq!(world.texts(account.id, chat).await, ["answer", "question"]);
}

/// Protects the order on a desk: replies that the stream confirms before their answers are dated in whole seconds, as all that
/// Telegram dates, and stand by their numbers within one.
#[actix::test]
async fn a_reply_that_the_stream_confirms_is_dated_as_telegram_does() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "question"))])
        .await;
    let conversation = world.conversation(account.id, chat).await;
    let answer = reply(conversation.id, "answer", None);
    let queued = world.store.queue_reply(answer).await.unwrap();
    assert!(world.mark(queued.message.id).await);
    let pending = world.store.pending_orders(account.id).await.unwrap();
    let arrived = Change::Sent {
        random_id: pending[0].work.makes()[0].random_id,
        message_id: 2,
    };
    world.record(account.id, vec![arrived]).await;
    let stored = world.store.get_message(queued.message.id).await.unwrap();
    let sent = stored.unwrap().timestamp.millis();
    let made = queued.message.timestamp.millis();
    assert_eq!(sent, made - made % 1000);
}

/// Protects: the same text written on the phone at the same time is shown as its own message.
#[actix::test]
async fn the_same_text_from_another_device_is_shown_once_it_is_known_to_be_different() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "question"))])
        .await;
    let conversation = world.conversation(account.id, chat).await;
    let queued = world
        .store
        .queue_reply(reply(conversation.id, "ok", None))
        .await
        .unwrap();
    let id = queued.message.id;
    assert!(world.mark(id).await);
    world
        .record(account.id, vec![new(own(chat, 2, "ok"))])
        .await;
    world.ear.names();
    world.settle(queued.message.id, sent(3)).await.unwrap();
    assert_eq!(world.ear.names(), ["message_sent", "message_sent"]);
    assert_eq!(
        world.texts(account.id, chat).await,
        ["ok", "ok", "question"]
    );
}

/// Protects: refused, flooded and unknown outcomes are told, and can be repeated or taken back as far as that is safe.
#[actix::test]
async fn a_reply_can_be_taken_back_only_while_it_surely_was_not_sent() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "question"))])
        .await;
    let conversation = world.conversation(account.id, chat).await;
    let queued = world
        .store
        .queue_reply(reply(conversation.id, "answer", Some("k")))
        .await
        .unwrap();
    let id = queued.message.id;
    let flood = Outcome::Flood {
        wait: Duration::from_secs(30),
    };
    let waiting = world.settle(id, flood).await.unwrap();
    assert!(waiting.retry_at.is_some());
    assert!(world.mark(id).await);
    assert!(matches!(
        world.store.discard_message(id, Discard::Settled).await,
        Err(StoreError::MayHaveArrived)
    ));
    let unknown = Outcome::Unknown {
        reason: "line cut".to_owned(),
    };
    world.settle(id, unknown).await.unwrap();
    assert!(matches!(
        world.store.discard_message(id, Discard::Settled).await,
        Err(StoreError::MayHaveArrived)
    ));
    let error = MessageError {
        code: "CHAT_WRITE_FORBIDDEN".to_owned(),
        message: "not allowed".to_owned(),
    };
    let failed = world
        .settle(id, Outcome::Refused(error.clone()))
        .await
        .unwrap();
    assert_eq!(
        (failed.status, failed.error),
        (MessageStatus::Failed, Some(error))
    );
    assert!(
        world
            .store
            .pending_orders(account.id)
            .await
            .unwrap()
            .is_empty()
    );
    let again = world.store.retry_message(id).await.unwrap();
    assert_eq!((again.status, again.error), (MessageStatus::Pending, None));
    // The refusal was of the second attempt; of the first nobody knows.
    assert!(matches!(
        world.store.discard_message(id, Discard::Settled).await,
        Err(StoreError::MayHaveArrived)
    ));
    world
        .store
        .discard_message(id, Discard::Anyway)
        .await
        .unwrap();
    assert_eq!(world.texts(account.id, chat).await, ["question"]);
    assert!(!world.mark(id).await);
    let fresh = world
        .store
        .queue_reply(reply(conversation.id, "answer", Some("k")))
        .await
        .unwrap();
    assert_ne!(fresh.message.id, id, "row ids are never given out twice");
}
