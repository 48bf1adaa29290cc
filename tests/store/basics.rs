//! Everyday work: messages come, replies go, lists are read, events are numbered.

use std::time::Duration;

use switchboard::{
    domain::{
        AccountState, Change, ChatId, DialogRecord, EventBody, IncomingMessage, MessageError,
        MessageStatus, Outcome, Position, Seq, StateChange, Timestamp,
    },
    store::{
        ConversationFilter, Discard, MessagesFrom, PageEnd, QueueReply, SearchQuery, StoreError,
    },
};

use crate::world::{World, batch, message, new, own, person, sent, until};

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

/// Protects: pages join without gap or repeat in both directions, and a wrong cursor is refused.
#[actix::test]
async fn pages_of_messages_join_without_gap_or_repeat() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    let messages = (101..=125).map(|id| {
        let mut message = message(chat, id, &format!("m{id}"));
        // Several in one second: the id decides.
        message.date = Timestamp::from_seconds(1_700_000_000 + i64::from(id / 4));
        new(message)
    });
    world.record(account.id, messages.collect()).await;
    let id = world.conversation(account.id, chat).await.id;
    let (mut from, mut seen) = (MessagesFrom::Newest, Vec::new());
    let last = loop {
        let page = world
            .store
            .list_messages(id, from.clone(), 10)
            .await
            .unwrap();
        seen.extend(page.messages.iter().map(|message| message.text.clone()));
        // The end of the store is not the chat's beginning: the page goes on at Telegram from its cursor.
        let cursor = page.next_cursor.clone().unwrap();
        if let Some(end) = page.ends {
            assert_ne!(end, PageEnd::Beginning);
            break page;
        }
        from = MessagesFrom::Cursor(cursor);
    };
    let all: Vec<String> = (101..=125).rev().map(|id| format!("m{id}")).collect();
    assert_eq!(seen, all);
    let newer = last.prev_cursor.unwrap();
    let page = world
        .store
        .list_messages(id, MessagesFrom::Cursor(newer), 10)
        .await
        .unwrap();
    assert_eq!(page.messages.first().unwrap().text, "m115");
    assert_eq!(page.messages.last().unwrap().text, "m106");
    let middle = page.messages[4].id;
    let around = world
        .store
        .list_messages(id, MessagesFrom::Around(middle), 5)
        .await
        .unwrap();
    let texts: Vec<_> = around
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(texts, ["m113", "m112", "m111", "m110", "m109"]);
    assert!(matches!(
        world
            .store
            .list_messages(id, MessagesFrom::Cursor("nonsense".to_owned()), 0)
            .await,
        Err(StoreError::InvalidCursor)
    ));
}

/// Protects: the list of conversations is newest first, filtered, and pages join.
#[actix::test]
async fn conversations_are_listed_newest_first_and_filtered() {
    let world = World::new();
    let (one, two) = (world.account().await, world.account().await);
    for user in 1..=7 {
        let mut batch = batch(
            one.id,
            vec![new(message(ChatId::user(user), user as i32, "m"))],
        );
        batch.peers = vec![person(user, &format!("Client {user}"))];
        world.store.record_batch(batch).await.unwrap();
    }
    world
        .record(two.id, vec![new(message(ChatId::channel(5), 1, "news"))])
        .await;
    let (mut cursor, mut titles) = (None, Vec::new());
    loop {
        let filter = ConversationFilter {
            account_ids: vec![one.id],
            cursor,
            limit: 3,
            ..ConversationFilter::default()
        };
        let page = world.store.list_conversations(filter).await.unwrap();
        titles.extend(
            page.items
                .into_iter()
                .map(|conversation| conversation.title),
        );
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let wanted: Vec<String> = (1..=7).rev().map(|user| format!("Client {user}")).collect();
    assert_eq!(titles, wanted);
    let count = |filter: ConversationFilter| async {
        world
            .store
            .list_conversations(filter)
            .await
            .unwrap()
            .items
            .len()
    };
    assert_eq!(count(ConversationFilter::default()).await, 8);
    assert_eq!(
        count(ConversationFilter {
            account_ids: vec![one.id, two.id],
            unread: true,
            ..Default::default()
        })
        .await,
        8
    );
    assert_eq!(
        count(ConversationFilter {
            q: Some("CLIENT 3".to_owned()),
            ..Default::default()
        })
        .await,
        1
    );
    assert_eq!(
        count(ConversationFilter {
            q: Some("@user4".to_owned()),
            ..Default::default()
        })
        .await,
        1
    );
    let kind = Some(switchboard::domain::ConversationKind::Supergroup);
    assert_eq!(
        count(ConversationFilter {
            kind,
            ..Default::default()
        })
        .await,
        1
    );
}

/// Protects: replayed events are the announced ones, by number, and survive a restart.
#[actix::test]
async fn the_event_log_replays_what_was_announced() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "hello"))])
        .await;
    world
        .store
        .set_account_state(account.id, StateChange::to(AccountState::Online))
        .await
        .unwrap();
    world
        .store
        .set_account_state(account.id, StateChange::to(AccountState::Online))
        .await
        .unwrap();
    let heard = world.ear.heard();
    let numbers: Vec<i64> = heard.iter().map(|event| event.seq.0).collect();
    assert_eq!(numbers, [1, 2, 3], "an unchanged state is not announced");
    let world = world.reopened().await;
    let replayed = world.store.events_after(Seq(0), 100).await.unwrap();
    let names = |events: &[std::sync::Arc<switchboard::domain::Event>]| {
        events
            .iter()
            .map(|event| (event.seq, event.body.name()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&replayed), names(&heard));
    assert_eq!(world.store.last_seq().await.unwrap(), Seq(3));
    assert_eq!(world.store.oldest_seq().await.unwrap(), Seq(1));
    let EventBody::MessageReceived { message, .. } = &replayed[1].body else {
        panic!("{:?}", replayed[1]);
    };
    assert_eq!(message.text, "hello");
    world.record(account.id, vec![new(message_two(chat))]).await;
    assert_eq!(world.ear.heard()[0].seq, Seq(4));
}

fn message_two(chat: ChatId) -> switchboard::domain::IncomingMessage {
    message(chat, 2, "again")
}

/// Protects: words are found by their beginning, whatever their case and accents, with the places marked.
#[actix::test]
async fn messages_are_found_by_their_words() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(
            account.id,
            vec![
                new(message(chat, 1, "Café au lait")),
                new(message(chat, 2, "tea, please")),
            ],
        )
        .await;
    let query = |q: &str| SearchQuery {
        q: q.to_owned(),
        ..SearchQuery::default()
    };
    let hits = until("the index is fed", || async {
        let page = world.store.search(query("cafe")).await.unwrap();
        if page.items.is_empty() {
            Err("nothing".to_owned())
        } else {
            Ok(page.items)
        }
    })
    .await;
    assert_eq!(hits[0].message.text, "Café au lait");
    assert_eq!(hits[0].highlights, [(0, 4)]);
    assert_eq!(
        world.store.search(query("plea")).await.unwrap().items.len(),
        1
    );
    let mut edited = message(chat, 2, "coffee instead");
    edited.edited_at = Some(Timestamp::from_seconds(1_800_000_000));
    world.record(account.id, vec![Change::Edited(edited)]).await;
    assert!(
        world
            .store
            .search(query("tea"))
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(
        world
            .store
            .search(query("coffee"))
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    world
        .record(
            account.id,
            vec![Change::Deleted {
                channel: None,
                message_ids: vec![2],
            }],
        )
        .await;
    assert!(
        world
            .store
            .search(query("coffee"))
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert!(matches!(
        world.store.search(query("--")).await,
        Err(StoreError::EmptyQuery)
    ));
}
