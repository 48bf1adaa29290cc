//! In which order what was missed is told, beside what comes live.

use switchboard::{
    domain::{ChatId, Hole, Position},
    store::OwedWork,
};

use crate::{
    spans::{account, answer, at, hole, live, spans, stream, told},
    world::{World, message, new},
};

/// Protects news from a page of history that is ahead of the stream: what it brings is told when the stream would have told it,
/// or with what was missed where that broke off, before or after the page.
#[actix::test]
async fn a_page_ahead_of_the_stream_takes_no_news_away() {
    for page_first in [true, false] {
        let world = World::new();
        let id = account(&world).await;
        let chat = ChatId::user(7);
        live(&world, id, chat, &[10, 20]).await;
        if page_first {
            answer(&world, id, chat, (0, 0), &[25, 22, 20, 10], true).await;
            hole(&world, id, Hole::Account).await;
        } else {
            hole(&world, id, Hole::Account).await;
            answer(&world, id, chat, (0, 0), &[25, 22, 20, 10], true).await;
        }
        live(&world, id, chat, &[40]).await;
        assert_eq!(told(&world), [(10, false), (20, false), (40, false)]);
        answer(&world, id, chat, (20, 40), &[30, 25, 22], true).await;
        let conversation = world.conversation(id, chat).await.id;
        assert!(world.store.tell_owed(conversation, 21).await.unwrap());
        let late = [22, 25, 30].map(|number| (number, true));
        assert_eq!(told(&world), late, "the page first: {page_first}");
        assert_eq!(spans(&world, id, chat).await.len(), 1);
        assert_eq!(world.conversation(id, chat).await.unread, 6);
    }
}

/// Protects the order of what was missed: the end of a difference waits for the gap before it, also when Telegram gives
/// only a part of that; what comes live waits for nothing.
#[actix::test]
async fn what_was_missed_is_told_in_number_order() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::user(7);
    live(&world, id, chat, &[10]).await;
    hole(&world, id, Hole::Account).await;
    let late = |number: i32| {
        let mut batch = stream(id, vec![new(message(chat, number, "late"))]);
        batch.late = true;
        batch
    };
    live(&world, id, chat, &[40]).await;
    world.store.record_batch(late(41)).await.unwrap();
    live(&world, id, chat, &[42]).await;
    assert_eq!(told(&world), [(10, false), (40, false), (42, false)]);
    answer(&world, id, chat, (10, 40), &[39, 38], false).await;
    // Comes again, from another side.
    world.store.record_batch(late(39)).await.unwrap();
    assert_eq!(told(&world), []);
    let conversation = world.conversation(id, chat).await.id;
    let refused = "CHANNEL_PRIVATE".to_owned();
    world
        .store
        .refuse_owed(conversation, 11, refused, false)
        .await
        .unwrap();
    let tell = OwedWork::Tell {
        conversation,
        gap: 11,
    };
    assert_eq!(world.store.next_owed(id).await.unwrap(), Some(tell));
    assert!(world.store.tell_owed(conversation, 11).await.unwrap());
    assert_eq!(told(&world), [(38, true), (39, true), (41, true)]);
    assert_eq!(world.store.next_owed(id).await.unwrap(), None);
    world.store.record_batch(late(43)).await.unwrap();
    assert_eq!(told(&world), [(43, true)], "nothing is waited for");
    assert_eq!(world.conversation(id, chat).await.unread, 7);
}

/// The same where the end of the gap was not known when it was noted.
#[actix::test]
async fn late_messages_wait_for_a_gap_without_an_end() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::channel(70);
    let at_channel = |pts| {
        Some(Position {
            channels: vec![(70, pts)],
            ..at(2)
        })
    };
    let mut first = stream(id, vec![new(message(chat, 10, "c"))]);
    first.position = at_channel(5);
    world.store.record_batch(first).await.unwrap();
    let mut lost = stream(id, vec![]);
    lost.holes = vec![Hole::Channel { channel_id: 70 }];
    lost.position = at_channel(30);
    world.store.record_batch(lost).await.unwrap();
    let conversation = world.conversation(id, chat).await.id;
    answer(&world, id, chat, (10, 0), &[20, 15], true).await;
    for number in [21, 22] {
        let mut batch = stream(id, vec![new(message(chat, number, "late"))]);
        batch.late = true;
        batch.position = at_channel(30 + number);
        world.store.record_batch(batch).await.unwrap();
    }
    told(&world);
    assert!(world.store.tell_owed(conversation, 11).await.unwrap());
    let all = [(15, true), (20, true), (21, true), (22, true)];
    assert_eq!(told(&world), all);
}
