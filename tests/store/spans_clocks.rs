//! What an absence leaves behind that shows late: what may have changed, whatever the clocks say, what was held back, and read marks.

use std::sync::Arc;

use switchboard::{
    domain::{Batch, Change, ChatId, EventBody, Hole},
    store::{Discard, HistoryStretch},
};

use crate::{
    echoes::in_flight,
    spans::{account, answer, hole, live, stream},
    world::{World, message, new, own},
};

/// Protects edits and deletions of an absence from a clock that is years ahead of Telegram's: what is new is new beside the newest
/// message, not beside this machine's day.
#[actix::test]
async fn what_may_have_changed_is_compared_whatever_the_clock_says() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::user(7);
    live(&world, id, chat, &[10, 20]).await;
    hole(&world, id, Hole::Account).await;
    live(&world, id, chat, &[21]).await;
    let work = world.store.next_stale(id).await.unwrap();
    let work = work.expect("the stretch before the hole");
    assert_eq!((work.chat, work.low, work.high), (chat, 10, 20));
    let unseen = answer(&world, id, chat, (9, 21), &[20], true).await;
    assert_eq!(unseen, [10], "its fate is asked for by its number");
}

/// Protects a message from the phone that was missed while a reply had no answer: it is held as that reply perhaps, the gap is told
/// without it, and it is told, as late, once the reply is something else.
#[actix::test]
async fn what_was_missed_and_held_is_told_when_it_is_released() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::user(7);
    live(&world, id, chat, &[10]).await;
    let reply = in_flight(&world, id, chat, "no answer yet").await;
    hole(&world, id, Hole::Account).await;
    live(&world, id, chat, &[40]).await;
    let mut batch = Batch::empty(id);
    batch.backfilled = true;
    batch.changes = vec![new(own(chat, 30, "from the phone"))];
    let stretch = HistoryStretch {
        chat,
        batch: Arc::new(batch),
        before: 40,
        above: 10,
        oldest: Some(30),
        complete: true,
        asked: world.store.holes(id).await.unwrap(),
        left: None,
        archive: false,
    };
    world.store.record_stretch(stretch).await.unwrap();
    let conversation = world.conversation(id, chat).await.id;
    world.ear.heard();
    assert!(world.store.tell_owed(conversation, 11).await.unwrap());
    let told = || {
        let heard = world.ear.heard();
        let sent = heard.iter().filter_map(|event| match &event.body {
            EventBody::MessageSent { message, .. } if message.text == "from the phone" => {
                Some(message.late)
            }
            _ => None,
        });
        sent.collect::<Vec<_>>()
    };
    assert!(told().is_empty(), "held");
    world
        .store
        .discard_message(reply, Discard::Anyway)
        .await
        .unwrap();
    assert_eq!(told(), [true]);
}

/// Protects the count of unread messages from a mark of the phone's that stands behind what came after it, as in a difference.
#[actix::test]
async fn what_came_after_a_read_mark_stays_unread() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::user(7);
    live(&world, id, chat, &[10]).await;
    let read = |max_id, still_unread| Change::ReadInbox {
        chat,
        max_id,
        still_unread: Some(still_unread),
    };
    let difference = vec![
        new(message(chat, 11, "read on the phone")),
        new(message(chat, 12, "not read")),
        read(11, 0),
    ];
    let batch = stream(id, difference);
    world.store.record_batch(batch).await.unwrap();
    assert_eq!(world.conversation(id, chat).await.unread, 1);
    // What is not here Telegram counts.
    let batch = stream(id, vec![read(12, 4)]);
    world.store.record_batch(batch).await.unwrap();
    assert_eq!(world.conversation(id, chat).await.unread, 4);
}
