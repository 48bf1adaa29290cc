//! Answers that the stream, or an order of ours, has overtaken: what stands unsent or waits, names, and what is not stored yet.

use std::{sync::Arc, time::Instant};

use switchboard::{
    domain::{
        AccountId, Batch, Change, ChatDraft, ChatId, DialogRecord, IncomingMessage, Note,
        OrderKind, Outcome, Peer, PeerFlags, Position, Timestamp,
    },
    store::{ContactBook, ContactQuery, HistoryStretch},
};

use super::{
    basics::reply,
    content::{CHAT, noted, reaction},
    spans,
};
use crate::world::{World, batch, message, new, own, person, sent};

fn draft(text: &str, at: Timestamp) -> ChatDraft {
    ChatDraft {
        text: text.to_owned(),
        ..ChatDraft::empty(at)
    }
}

fn drafted(draft: ChatDraft) -> Change {
    Change::Drafted {
        chat: CHAT,
        topic_id: None,
        draft,
    }
}

fn listed(draft: Option<ChatDraft>) -> Change {
    Change::Dialog(DialogRecord {
        chat: CHAT,
        unread: 0,
        read_inbox_max_id: 5,
        read_outbox_max_id: 0,
        archived: false,
        marked_unread: false,
        draft,
        muted_until: None,
        top_message: 5,
        channel_pts: None,
    })
}

async fn answered(world: &World, mut asked: Batch, changes: Vec<Change>) {
    asked.changes = changes;
    world.store.record_batch(asked).await.unwrap();
}

async fn in_field(world: &World, account: AccountId) -> Option<String> {
    let conversation = world.conversation(account, CHAT).await;
    conversation.draft.map(|draft| draft.text)
}

async fn chat_of(world: &World) -> AccountId {
    let account = world.account().await.id;
    world
        .record(account, vec![new(message(CHAT, 5, "a word"))])
        .await;
    account
}

/// Protects what somebody typed, here or on the phone, from answers that were on their way: neither is it taken away, nor does it
/// come back after it was taken away or sent.
#[actix::test]
async fn an_old_answer_changes_no_draft() {
    let world = World::new();
    let account = chat_of(&world).await;
    let conversation = world.conversation(account, CHAT).await.id;
    let early = Timestamp::from_seconds(1_700_000_500);

    // Typed on the phone.
    let asked = Batch::asking(account);
    world
        .record(account, vec![drafted(draft("phone", early))])
        .await;
    answered(&world, asked, vec![listed(None)]).await;
    assert_eq!(in_field(&world, account).await.as_deref(), Some("phone"));

    // Typed here, and Telegram has it.
    let asked = Batch::asking(account);
    let typed = Some(draft("here", Timestamp::now()));
    let set = world.store.set_draft(conversation, None, typed).await;
    set.unwrap();
    let mut orders = world.store.pending_orders(account).await.unwrap();
    let order = orders.pop().unwrap();
    assert_eq!(order.kind(), OrderKind::Draft);
    let done = Outcome::Changed(Vec::new());
    world.store.settle_order(&order, done).await.unwrap();
    let empty = ChatDraft::empty(Timestamp::from_seconds(0));
    answered(&world, asked, vec![drafted(empty)]).await;
    assert_eq!(in_field(&world, account).await.as_deref(), Some("here"));

    // Whoever asks now learns how it is now.
    answered(&world, Batch::asking(account), vec![listed(None)]).await;
    assert_eq!(in_field(&world, account).await, None);
}

/// Protects what was typed in one second: Telegram's word of the first half takes the second, which is on its way there, from nobody.
#[actix::test]
async fn of_two_drafts_of_one_second_the_one_on_its_way_stays() {
    let world = World::new();
    let account = chat_of(&world).await;
    let conversation = world.conversation(account, CHAT).await.id;
    let typed =
        |text: &str, millis: i64| draft(text, Timestamp::from_millis(1_700_000_500_000 + millis));
    let put = world
        .store
        .set_draft(conversation, None, Some(typed("half a word", 900)));
    put.await.unwrap();
    let now = Batch::asking(account);
    answered(&world, now, vec![listed(Some(typed("half", 0)))]).await;
    world.record(account, vec![drafted(typed("half", 0))]).await;
    assert_eq!(
        in_field(&world, account).await.as_deref(),
        Some("half a word")
    );
    assert_eq!(world.store.pending_orders(account).await.unwrap().len(), 1);
    world
        .record(account, vec![drafted(typed("newer", 1_000))])
        .await;
    assert_eq!(in_field(&world, account).await.as_deref(), Some("newer"));
    assert_eq!(world.store.pending_orders(account).await.unwrap().len(), 0);
}

/// Protects from sending the same words twice: what was sent does not stand in the field again, whether the list of chats comes
/// while the reply waits, or was on its way while it went out.
#[actix::test]
async fn what_is_sent_does_not_come_back_as_a_draft() {
    let world = World::new();
    let account = chat_of(&world).await;
    let conversation = world.conversation(account, CHAT).await.id;
    let early = Timestamp::from_seconds(1_700_000_500);
    world
        .record(account, vec![drafted(draft("the words", early))])
        .await;
    let queued = reply(conversation, "the words", None);
    let queued = world.store.queue_reply(queued).await.unwrap();
    let reply = queued.message.id;
    assert_eq!(in_field(&world, account).await, None);
    let still = || vec![listed(Some(draft("the words", early)))];
    answered(&world, Batch::asking(account), still()).await;
    assert_eq!(in_field(&world, account).await, None, "it waits");
    let asked = Batch::asking(account);
    world.mark(reply).await;
    world.settle(reply, sent(6)).await;
    answered(&world, asked, still()).await;
    assert_eq!(in_field(&world, account).await, None, "it was sent");
    let later = draft("more", Timestamp::now());
    let asked = Batch::asking(account);
    answered(&world, asked, vec![listed(Some(later))]).await;
    assert_eq!(in_field(&world, account).await.as_deref(), Some("more"));
}

/// Protects callers from a message that never was: one that went out, was changed or withdrawn while what waits was listed is
/// neither there once more nor as it was before.
#[actix::test]
async fn an_old_list_of_what_waits_brings_nothing_back() {
    let world = World::new();
    let account = chat_of(&world).await;
    let conversation = world.conversation(account, CHAT).await.id;
    let waits = |id: i32, text: &str| IncomingMessage {
        date: Timestamp::from_seconds(2_000_000_000),
        ..own(CHAT, id, text)
    };
    let old = vec![waits(1, "one"), waits(2, "two"), waits(3, "three")];
    let change = old.iter().cloned().map(Change::Scheduled).collect();
    world.record(account, change).await;
    let known = world.store.scheduled_numbers(conversation).await.unwrap();
    let asked_at = Instant::now();
    let out = |ids: Vec<i32>, sent: Vec<i32>| Change::Unscheduled {
        chat: CHAT,
        ids,
        sent,
    };
    let happened = vec![
        new(own(CHAT, 6, "one")),
        out(vec![1], vec![6]),
        Change::Scheduled(waits(2, "two, changed")),
        out(vec![3], Vec::new()),
    ];
    world.record(account, happened).await;
    world.ear.names();
    let compared = world
        .store
        .compare_scheduled(conversation, known, (old, asked_at))
        .await;
    compared.unwrap();
    let waiting = world.store.list_scheduled(conversation).await.unwrap();
    let texts: Vec<_> = waiting.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(texts, ["two, changed"]);
    assert_eq!(world.ear.names(), Vec::<&str>::new());
}

async fn page(world: &World, asked: Batch, chat: ChatId, numbers: &[i32]) {
    let account = asked.account_id;
    let changes = numbers.iter().map(|id| new(message(chat, *id, "a word")));
    let stretch = HistoryStretch {
        chat,
        batch: Arc::new(Batch {
            changes: changes.collect(),
            ..asked
        }),
        before: numbers.iter().max().unwrap() + 1,
        above: 0,
        oldest: numbers.iter().copied().min(),
        complete: false,
        asked: world.store.holes(account).await.unwrap(),
        left: None,
        archive: false,
    };
    world.store.record_stretch(stretch).await.unwrap();
}

/// Protects a reaction to a message, and the clearing of a history, that came while the first page with those messages was on its
/// way: what the page says of them is not the last word.
#[actix::test]
async fn what_came_before_its_message_was_stored_is_looked_at_again() {
    let world = World::new();
    let account = spans::account(&world).await;
    let here = CHAT;
    let channel = ChatId::channel(70);
    let mut first = spans::stream(
        account,
        vec![
            new(message(here, 50, "top")),
            new(message(channel, 50, "top")),
        ],
    );
    first.position = Some(Position {
        channels: vec![(70, 5)],
        ..spans::at(2)
    });
    world.store.record_batch(first).await.unwrap();
    let stale = async |chat| {
        let conversation = world.conversation(account, chat).await.id;
        world
            .store
            .stale_between(conversation, 1, 49)
            .await
            .unwrap()
    };

    page(&world, Batch::asking(account), here, &[40, 41]).await;
    assert_eq!(stale(here).await, None);
    let asked = Batch::asking(account);
    let note = Note::Reactions {
        reactions: vec![reaction("❤", 1, false)],
        min: false,
    };
    world
        .store
        .record_batch(spans::stream(account, vec![noted(30, note)]))
        .await
        .unwrap();
    page(&world, asked, here, &[30, 31]).await;
    assert_eq!(stale(here).await, Some((30, 31)));

    let asked = Batch::asking(account);
    let cleared = Change::ClearedBelow {
        chat: channel,
        min_id: 49,
    };
    world
        .store
        .record_batch(spans::stream(account, vec![cleared]))
        .await
        .unwrap();
    page(&world, asked, channel, &[30, 31]).await;
    assert_eq!(stale(channel).await, Some((30, 31)));
    page(&world, Batch::asking(account), channel, &[30, 31]).await;
    assert_eq!(stale(channel).await, None);
}

async fn met(world: &World, asked: Batch, peers: Vec<Peer>) {
    let batch = Batch { peers, ..asked };
    world.store.record_batch(batch).await.unwrap();
}

/// Protects what people and chats are called, and whether one may write there, from an answer that was on its way when that changed.
#[actix::test]
async fn an_old_answer_gives_nobody_his_old_name_back() {
    let world = World::new();
    let account = chat_of(&world).await;
    met(
        &world,
        batch(account, Vec::new()),
        vec![person(7, "Before")],
    )
    .await;
    let asked = Batch::asking(account);
    met(&world, batch(account, Vec::new()), vec![person(7, "After")]).await;
    met(&world, asked, vec![person(7, "Before")]).await;
    assert_eq!(world.conversation(account, CHAT).await.title, "After");

    let asked = Batch::asking(account);
    world
        .record(account, vec![Change::LostChat { chat: CHAT }])
        .await;
    met(&world, asked, vec![person(7, "After")]).await;
    assert!(!world.conversation(account, CHAT).await.can_send);

    // Part of somebody is no word that holds back all of him.
    let asked = Batch::asking(account);
    let part = Peer {
        access_hash: None,
        flags: PeerFlags {
            min: true,
            ..PeerFlags::default()
        },
        ..person(8, "Part")
    };
    met(&world, batch(account, Vec::new()), vec![part]).await;
    met(&world, asked, vec![person(8, "Whole")]).await;
    let known = world.store.peer(account, ChatId::user(8)).await.unwrap();
    assert_eq!(known, Some(person(8, "Whole")));
    met(&world, Batch::asking(account), vec![person(7, "Again")]).await;
    let chat = world.conversation(account, CHAT).await;
    assert_eq!((chat.title.as_str(), chat.can_send), ("Again", true));
}

/// Protects somebody who was put into the address book while it was being told: he is in it, and it is asked for again.
#[actix::test]
async fn an_old_address_book_takes_nobody_out() {
    let world = World::new();
    let account = world.account().await.id;
    let book = || ContactBook {
        contacts: vec![(ChatId::user(7), false)],
        peers: vec![person(7, "Seven")],
    };
    let asked_at = Instant::now();
    let added = world.store.add_contact(account, person(8, "Eight")).await;
    added.unwrap();
    let put = async |asked_at| {
        let told = world
            .store
            .put_contacts(account, (9, asked_at), Some(book()));
        told.await.unwrap();
        let query = ContactQuery {
            account,
            q: None,
            cursor: None,
            limit: 50,
            visible: None,
        };
        let page = world.store.list_contacts(query).await.unwrap();
        let names = page.items.into_iter().map(|one| one.name);
        let mark = world.store.contact_list_mark(account).await.unwrap();
        (names.collect::<Vec<_>>(), mark.fetched_at.is_some())
    };
    let both = vec!["Eight".to_owned(), "Seven".to_owned()];
    assert_eq!(put(asked_at).await, (both, false));
    assert_eq!(put(Instant::now()).await, (vec!["Seven".to_owned()], true));
}
