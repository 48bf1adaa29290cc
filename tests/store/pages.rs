//! Lists: pages of messages, conversations, the event log and the search.

use switchboard::{
    domain::{AccountState, Change, ChatId, EventBody, Seq, StateChange, Timestamp},
    store::{ConversationFilter, MessagesFrom, PageEnd, SearchQuery, StoreError},
};

use crate::world::{World, batch, message, new, person, until};

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
