//! Everyday work: messages come, replies go, lists are read, events are numbered.

use switchboard::{
    domain::{Change, ChatId, DialogRecord, IncomingMessage, Position, Timestamp},
    store::{MessagesFrom, QueueReply},
};

use crate::world::{World, batch, message, new, own, person};

pub fn reply(
    conversation: switchboard::domain::ConversationId,
    text: &str,
    key: Option<&str>,
) -> QueueReply {
    QueueReply {
        conversation,
        text: text.to_owned(),
        wording: Default::default(),
        reply_to: None,
        topic_id: None,
        schedule: None,
        idempotency_key: key.map(str::to_owned),
    }
}

/// Protects: a message is stored once, with its sender, its conversation, the unread counter and the position.
#[actix::test]
async fn a_message_is_stored_once_and_announced_once_with_its_position() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    world.ear.names();
    let mut first = batch(account.id, vec![new(message(chat, 1, "hello"))]);
    first.peers = vec![person(7, "Client Seven")];
    first.position = Some(Position {
        pts: 5,
        qts: 1,
        date: 100,
        seq: 2,
        channels: vec![(99, 3)],
    });
    let recorded = world.store.record_batch(first.clone()).await.unwrap();
    assert_eq!((recorded.new_messages, recorded.events), (1, 1));
    let again = world.store.record_batch(first).await.unwrap();
    assert_eq!((again.new_messages, again.events), (0, 0));
    assert_eq!(world.ear.names(), ["message_received"]);
    let conversation = world.conversation(account.id, chat).await;
    assert_eq!(conversation.title, "Client Seven");
    assert_eq!(conversation.unread, 1);
    let last = conversation.last_message.unwrap();
    assert_eq!(last.text, "hello");
    assert_eq!(last.sender.as_ref().unwrap().name, "Client Seven");
    let world = world.reopened().await;
    let position = world.store.position(account.id).await.unwrap().unwrap();
    assert_eq!((position.pts, position.seq), (5, 2));
    assert_eq!(
        world.store.channel_positions(account.id).await.unwrap(),
        [(99, 3)]
    );
    let account = world.store.get_account(account.id).await.unwrap().unwrap();
    assert_eq!(account.unread, 1);
    assert!(account.last_update_at.is_some());
}

/// Protects: the same id in two accounts, and in a channel, are different messages.
#[actix::test]
async fn the_same_id_in_another_account_or_channel_is_another_message() {
    let world = World::new();
    let (one, two) = (world.account().await, world.account().await);
    let chat = ChatId::user(7);
    let channel = ChatId::channel(70);
    for account in [&one, &two] {
        let recorded = world
            .record(
                account.id,
                vec![new(message(chat, 1, "a")), new(message(channel, 1, "b"))],
            )
            .await;
        assert_eq!(recorded.new_messages, 2);
    }
    assert_eq!(world.texts(one.id, chat).await, ["a"]);
    assert_eq!(world.texts(two.id, channel).await, ["b"]);
}

/// Protects: edits replace the text, deletions keep it and mark it, also when they come before the message.
#[actix::test]
async fn edits_and_deletions_apply_also_to_messages_that_come_later() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(
            account.id,
            vec![
                new(message(chat, 1, "first")),
                new(message(chat, 2, "second")),
            ],
        )
        .await;
    let mut edited = message(chat, 1, "first, better");
    edited.edited_at = Some(Timestamp::from_seconds(1_700_000_500));
    world.record(account.id, vec![Change::Edited(edited)]).await;
    world
        .record(
            account.id,
            vec![Change::Deleted {
                channel: None,
                message_ids: vec![2, 9],
            }],
        )
        .await;
    let conversation = world.conversation(account.id, chat).await;
    assert_eq!(conversation.unread, 1);
    assert_eq!(conversation.last_message.unwrap().text, "first, better");
    let mut late = batch(account.id, vec![new(message(chat, 9, "buried"))]);
    late.backfilled = true;
    world.store.record_batch(late).await.unwrap();
    let page = world
        .store
        .list_messages(conversation.id, MessagesFrom::Newest, 0)
        .await
        .unwrap();
    let seen: Vec<_> = page
        .messages
        .iter()
        .map(|m| (m.text.as_str(), m.deleted_at.is_some()))
        .collect();
    assert_eq!(
        seen,
        [("buried", true), ("second", true), ("first, better", false)]
    );
    let channel_delete = Change::Deleted {
        channel: Some(1),
        message_ids: vec![1],
    };
    world.record(account.id, vec![channel_delete]).await;
    let first = world
        .store
        .list_messages(conversation.id, MessagesFrom::Newest, 0)
        .await
        .unwrap();
    assert!(
        first.messages[2].deleted_at.is_none(),
        "a channel's deletion is not a private chat's"
    );
}

/// Protects: reading, here or elsewhere, empties the counters of the conversation and of its account.
#[actix::test]
async fn read_marks_move_forward_only_and_the_counters_follow() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    let messages = (1..=5).map(|id| new(message(chat, id, "m"))).collect();
    world.record(account.id, messages).await;
    let read = |max_id| Change::ReadInbox {
        chat,
        max_id,
        still_unread: None,
    };
    world.record(account.id, vec![read(3)]).await;
    assert_eq!(world.conversation(account.id, chat).await.unread, 2);
    world.record(account.id, vec![read(2)]).await;
    assert_eq!(world.conversation(account.id, chat).await.unread, 2);
    let conversation = world.conversation(account.id, chat).await;
    let conversation = world.store.mark_read(conversation.id, None).await.unwrap();
    assert_eq!(
        (conversation.unread, conversation.read_inbox_max_id),
        (0, 5)
    );
    assert_eq!(
        world
            .store
            .get_account(account.id)
            .await
            .unwrap()
            .unwrap()
            .unread,
        0
    );
}

/// Protects the unread counter when Telegram's numbers come out of order: each live message counts once, and what
/// Telegram counted itself is not counted again.
#[actix::test]
async fn messages_out_of_order_are_counted_once() {
    let world = World::new();
    let account = world.account().await.id;
    let chat = ChatId::user(7);
    let unread = || async { world.conversation(account, chat).await.unread };
    let live = |id: i32| vec![new(message(chat, id, "m"))];
    let history = |id: i32| {
        let mut history = batch(account, live(id));
        history.backfilled = true;
        history.position = None;
        history
    };
    world.record(account, live(11)).await;
    world.record(account, live(10)).await;
    assert_eq!(unread().await, 2, "10 came after 11");

    world
        .record(account, vec![new(own(chat, 14, "from the phone"))])
        .await;
    world.record(account, live(13)).await;
    world.record(account, live(13)).await;
    assert_eq!(unread().await, 3, "13 came after the reply to it");

    let edited = Change::Edited(IncomingMessage {
        edited_at: Some(Timestamp::from_seconds(1_700_000_100)),
        ..message(chat, 12, "edited before it was told")
    });
    world.record(account, vec![edited]).await;
    assert_eq!(unread().await, 3, "an edit alone is no news");
    world.record(account, live(12)).await;
    assert_eq!(unread().await, 4, "12 is news once it is told");

    let listed = DialogRecord {
        chat,
        unread: 6,
        read_inbox_max_id: 9,
        read_outbox_max_id: 0,
        archived: false,
        marked_unread: false,
        draft: None,
        muted_until: None,
        top_message: 20,
        channel_pts: None,
    };
    world.store.record_batch(history(20)).await.unwrap();
    world.record(account, vec![Change::Dialog(listed)]).await;
    assert_eq!(unread().await, 6, "Telegram's own count");
    world.record(account, live(19)).await;
    world.record(account, live(20)).await;
    assert_eq!(unread().await, 6, "19 and 20 are in Telegram's count");
    world.store.record_batch(history(21)).await.unwrap();
    assert_eq!(unread().await, 6, "history is no news");
    world.record(account, live(22)).await;
    world.record(account, live(21)).await;
    assert_eq!(unread().await, 8);

    let read = Change::ReadInbox {
        chat,
        max_id: 19,
        still_unread: None,
    };
    world.record(account, vec![read]).await;
    assert_eq!(unread().await, 3, "20, 21 and 22 are left");
    world.record(account, live(18)).await;
    assert_eq!(unread().await, 3, "18 lies below what is read");
    let deleted = Change::Deleted {
        channel: None,
        message_ids: vec![20, 18],
    };
    world.record(account, vec![deleted]).await;
    assert_eq!(unread().await, 2);
}
