//! Echoes: our own messages in the stream, told by what is in flight and by nothing else.

use std::time::Duration;

use switchboard::{
    domain::{
        AccountId, Change, ChatId, MessageError, MessageRowId, MessageStatus, OrderState, Outcome,
    },
    store::{Discard, QueueReply, StoreConfig, StoreError},
};

use crate::{
    rows,
    world::{World, batch, message, new, own, sent, until},
};

/// Queued and right before its call.
pub async fn in_flight(
    world: &World,
    account: AccountId,
    chat: ChatId,
    text: &str,
) -> MessageRowId {
    let id = queued(world, account, chat, text).await;
    assert!(world.mark(id).await);
    world.ear.names();
    id
}

async fn queued(world: &World, account: AccountId, chat: ChatId, text: &str) -> MessageRowId {
    let conversation = world.conversation(account, chat).await.id;
    let queued = world
        .store
        .queue_reply(QueueReply {
            conversation,
            text: text.to_owned(),
            wording: Default::default(),
            reply_to: None,
            topic_id: None,
            schedule: None,
            idempotency_key: None,
        })
        .await
        .unwrap();
    queued.message.id
}

async fn talk(world: &World) -> (AccountId, ChatId) {
    let account = world.account().await.id;
    let chat = ChatId::user(7);
    world
        .record(account, vec![new(message(chat, 1, "question"))])
        .await;
    (account, chat)
}

/// Protects the phone: nothing has left this desk yet, so the same text written elsewhere is another message.
#[actix::test]
async fn while_a_reply_only_waits_the_same_text_from_the_phone_is_told_at_once() {
    let world = World::new();
    let (account, chat) = talk(&world).await;
    queued(&world, account, chat, "ok").await;
    world.ear.names();
    world.record(account, vec![new(own(chat, 2, "ok"))]).await;
    assert_eq!(world.ear.names(), ["message_sent"]);
    assert_eq!(world.texts(account, chat).await, ["ok", "ok", "question"]);
}

/// Protects the desk from seeing a reply twice when Telegram made another text of it.
#[actix::test]
async fn whatever_its_text_an_echo_is_held_while_a_reply_is_in_flight() {
    let world = World::new();
    let (account, chat) = talk(&world).await;
    let reply = in_flight(&world, account, chat, "an  answer").await;
    world
        .record(account, vec![new(own(chat, 2, "an answer"))])
        .await;
    assert!(world.ear.names().is_empty(), "held");
    world.settle(reply, sent(2)).await.unwrap();
    assert_eq!(world.ear.names(), ["message_sent"]);
    assert_eq!(world.texts(account, chat).await, ["an answer", "question"]);
}

/// Protects other chats and older messages: what can't be the echo is not held.
#[actix::test]
async fn only_what_can_be_the_echo_is_held() {
    let world = World::new();
    let (account, chat) = talk(&world).await;
    let other = ChatId::user(8);
    world
        .record(account, vec![new(message(other, 9, "over here"))])
        .await;
    let reply = in_flight(&world, account, chat, "answer").await;
    world
        .record(account, vec![new(own(other, 10, "answer"))])
        .await;
    assert_eq!(world.ear.names(), ["message_sent"], "another chat");
    // Seven was given out before the reply was: nine was known by then.
    world
        .record(account, vec![new(own(chat, 7, "answer"))])
        .await;
    assert_eq!(world.ear.names(), ["message_sent"], "an older number");
    world
        .record(account, vec![new(own(chat, 11, "answer"))])
        .await;
    assert!(world.ear.names().is_empty(), "held");
    world.settle(reply, sent(11)).await.unwrap();
    assert_eq!(world.texts(account, chat).await.len(), 3);
}

/// Protects what was written on the phone while a reply was refused, flooded, taken back or given up: it is shown.
#[actix::test]
async fn however_a_reply_ends_what_was_held_is_shown() {
    let error = MessageError {
        code: "CHAT_WRITE_FORBIDDEN".to_owned(),
        message: "not allowed".to_owned(),
    };
    let flood = Outcome::Flood {
        wait: Duration::from_secs(30),
    };
    let not_sent = Outcome::NotSent {
        reason: "not connected".to_owned(),
    };
    for end in ["refused", "flood", "not sent", "given up", "discarded"] {
        let world = World::new();
        let (account, chat) = talk(&world).await;
        let reply = in_flight(&world, account, chat, "hello").await;
        world
            .record(account, vec![new(own(chat, 2, "hello"))])
            .await;
        assert!(world.ear.names().is_empty(), "held");
        match end {
            "refused" => drop(world.settle(reply, Outcome::Refused(error.clone())).await),
            "flood" => drop(world.settle(reply, flood.clone()).await),
            "not sent" => drop(world.settle(reply, not_sent.clone()).await),
            "given up" => drop(world.give_up(reply, error.clone()).await),
            _ => {
                let taken = world.store.discard_message(reply, Discard::Anyway).await;
                taken.unwrap();
            }
        }
        let names = world.ear.names();
        assert!(names.contains(&"message_sent"), "{end}: {names:?}");
        let wanted = if end == "discarded" { 2 } else { 3 };
        assert_eq!(world.texts(account, chat).await.len(), wanted, "{end}");
    }
}

fn impatient(path: &std::path::Path) -> StoreConfig {
    StoreConfig {
        hold: Duration::from_millis(300),
        ..StoreConfig::at(path)
    }
}

/// Protects the phone from a reply that hangs: what was held for long enough is shown. If it turns out to be the reply
/// all the same, there is one message in the end.
#[actix::test]
async fn what_was_held_for_long_enough_is_shown_and_taken_back_if_it_was_the_reply() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::at(impatient(&dir.path().join("switchboard.db")));
    let (account, chat) = talk(&world).await;
    let reply = in_flight(&world, account, chat, "hello").await;
    let reason = "line cut".to_owned();
    world
        .settle(reply, Outcome::Unknown { reason })
        .await
        .unwrap();
    world.ear.names();
    world
        .record(
            account,
            vec![new(own(chat, 2, "hello")), new(own(chat, 3, "hello"))],
        )
        .await;
    assert!(world.ear.names().is_empty(), "held");
    let mut names = Vec::new();
    until("both to be shown", || {
        names.extend(world.ear.names());
        let all = names.len() == 2;
        let last = format!("{names:?}");
        async move { all.then_some(()).ok_or(last) }
    })
    .await;
    assert_eq!(names, ["message_sent", "message_sent"]);
    assert_eq!(world.texts(account, chat).await.len(), 4);
    world.settle(reply, sent(2)).await.unwrap();
    assert_eq!(world.ear.names(), ["message_deleted", "message_sent"]);
    let message = world.store.get_message(reply).await.unwrap().unwrap();
    assert_eq!(message.message_id.as_deref(), Some("2"));
    assert_eq!(
        world.texts(account, chat).await,
        ["hello", "hello", "question"]
    );
}

/// Protects a restart: held stays held, is bound by the next run or shown by it, and the order is known as unanswered.
#[actix::test]
async fn the_next_run_binds_or_shows_what_the_last_one_held() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(impatient(&path));
    let (account, chat) = talk(&world).await;
    let reply = in_flight(&world, account, chat, "hello").await;
    world
        .record(account, vec![new(own(chat, 2, "hello"))])
        .await;
    world.store.close().await;

    let world = World::at(impatient(&path));
    until("it to be shown", || {
        let names = world.ear.names();
        async move {
            (names == ["message_sent"])
                .then_some(())
                .ok_or(format!("{names:?}"))
        }
    })
    .await;
    let pending = world.store.pending_orders(account).await.unwrap();
    assert_eq!(pending[0].tries.state, OrderState::InFlight);
    assert_eq!(pending[0].tries.above, Some(1));
    world.mark(reply).await;
    let pending = world.store.pending_orders(account).await.unwrap();
    assert_eq!(pending[0].tries.state, OrderState::Unanswered);
}

/// Protects what Telegram told of a message before it was bound: its text, its edit and its deletion are the row's.
#[actix::test]
async fn what_became_of_a_held_echo_stands_when_it_is_bound() {
    let world = World::new();
    let (account, chat) = talk(&world).await;
    let reply = in_flight(&world, account, chat, "hello").await;
    world
        .record(account, vec![new(own(chat, 2, "hello"))])
        .await;
    let gone = Change::Deleted {
        channel: None,
        message_ids: vec![2],
    };
    world.record(account, vec![gone]).await;
    world.settle(reply, sent(2)).await.unwrap();
    let message = world.store.get_message(reply).await.unwrap().unwrap();
    assert_eq!(message.status, MessageStatus::Sent);
    assert!(message.deleted_at.is_some());
    let rows = "SELECT count(*) AS n FROM messages WHERE message_no = 2";
    assert_eq!(rows::number(&world.path, rows), 1);
    assert_eq!(
        rows::number(&world.path, "SELECT count(*) AS n FROM orders"),
        0
    );
}

/// Protects the person who takes back what may have arrived: it needs a word of its own, and what did arrive is shown
/// as what it is then.
#[actix::test]
async fn what_may_have_arrived_is_taken_back_only_with_a_word_of_its_own() {
    let world = World::new();
    let (account, chat) = talk(&world).await;
    let reply = in_flight(&world, account, chat, "hello").await;
    for how in [Discard::Unsent, Discard::Settled] {
        assert!(matches!(
            world.store.discard_message(reply, how).await,
            Err(StoreError::MayHaveArrived)
        ));
    }
    let random_id = world.store.pending_orders(account).await.unwrap()[0]
        .work
        .makes()[0]
        .random_id;
    world
        .store
        .discard_message(reply, Discard::Anyway)
        .await
        .unwrap();
    assert!(world.settle(reply, sent(2)).await.is_none());
    let arrived = Change::Sent {
        random_id,
        message_id: 2,
    };
    world
        .record(account, vec![arrived, new(own(chat, 2, "hello"))])
        .await;
    assert_eq!(world.texts(account, chat).await, ["hello", "question"]);
}

/// Protects the truth about a failed reply: only what surely did not arrive goes back to the beginning, and a later
/// refusal to wait does not make an unanswered one unsent.
#[actix::test]
async fn a_wait_after_an_unanswered_call_leaves_it_unanswered() {
    let world = World::new();
    let (account, chat) = talk(&world).await;
    let reply = in_flight(&world, account, chat, "hello").await;
    let state = async || {
        world.store.pending_orders(account).await.unwrap()[0]
            .tries
            .state
    };
    let wait = Duration::from_secs(5);
    for outcome in [
        Outcome::Flood { wait },
        Outcome::SlowMode { wait },
        Outcome::NotSent {
            reason: "away".to_owned(),
        },
    ] {
        world.settle(reply, outcome.clone()).await.unwrap();
        assert_eq!(state().await, OrderState::Queued, "{outcome:?}");
        world.mark(reply).await;
    }
    let reason = "line cut".to_owned();
    world
        .settle(reply, Outcome::Unknown { reason })
        .await
        .unwrap();
    for outcome in [
        Outcome::Flood { wait },
        Outcome::SlowMode { wait },
        Outcome::NotSent {
            reason: "away".to_owned(),
        },
    ] {
        world.settle(reply, outcome.clone()).await.unwrap();
        assert_eq!(state().await, OrderState::Unanswered, "{outcome:?}");
    }
    let error = no_definite_answer();
    let failed = world.give_up(reply, error.clone()).await;
    assert_eq!(
        (failed.status, failed.delivery, failed.error),
        (
            MessageStatus::Failed,
            Some(OrderState::GivenUp),
            Some(error)
        )
    );
    let again = world.store.retry_message(reply).await.unwrap();
    assert_eq!(again.delivery, Some(OrderState::Unanswered));
    // A failure that turns out to have arrived.
    world.give_up(reply, no_definite_answer()).await;
    let random_id = rows::number(&world.path, "SELECT random_id AS n FROM order_messages");
    world
        .store
        .record_batch(batch(
            account,
            vec![Change::Sent {
                random_id,
                message_id: 2,
            }],
        ))
        .await
        .unwrap();
    let message = world.store.get_message(reply).await.unwrap().unwrap();
    assert_eq!(
        (message.status, message.delivery),
        (MessageStatus::Sent, None)
    );
}

/// Protects the truth about a reply that was refused when it was repeated: the account may have been frozen since, and the
/// first attempt may have arrived.
#[actix::test]
async fn a_refusal_of_a_repeat_says_nothing_of_the_attempt_before() {
    let world = World::new();
    let (account, chat) = talk(&world).await;
    let refused = || {
        Outcome::Refused(MessageError {
            code: "FROZEN_METHOD_INVALID".to_owned(),
            message: "frozen".to_owned(),
        })
    };
    let at_once = in_flight(&world, account, chat, "one").await;
    let failed = world.settle(at_once, refused()).await.unwrap();
    assert_eq!(failed.delivery, Some(OrderState::Failed));
    let later = in_flight(&world, account, chat, "two").await;
    let reason = "line cut".to_owned();
    world
        .settle(later, Outcome::Unknown { reason })
        .await
        .unwrap();
    world.mark(later).await;
    let failed = world.settle(later, refused()).await.unwrap();
    assert_eq!(failed.delivery, Some(OrderState::GivenUp));
    assert_eq!(failed.error.unwrap().code, "FROZEN_METHOD_INVALID");
}

fn no_definite_answer() -> MessageError {
    MessageError {
        code: "no_definite_answer".to_owned(),
        message: "look at the chat".to_owned(),
    }
}
