//! Answers that the stream has overtaken: asked for before something came, and stored after it.

use switchboard::domain::{
    AccountId, Batch, Change, ChatDraft, ChatId, ChatMark, DialogRecord, IncomingMessage, Note,
    Outcome, Timestamp,
};

use super::{
    content::{CHAT, noted, reaction, shown},
    spans,
};
use crate::{
    rows,
    world::{World, batch, message, new},
};

fn edited(text: &str) -> IncomingMessage {
    IncomingMessage {
        edited_at: Some(Timestamp::from_seconds(1_700_001_000)),
        ..message(CHAT, 5, text)
    }
}

fn told(account: AccountId, changes: Vec<Change>) -> Batch {
    batch(account, changes)
}

async fn answered(world: &World, mut asked: Batch, changes: Vec<Change>) {
    asked.changes = changes;
    world.store.record_batch(asked).await.unwrap();
}

/// Protects the later of two edits in one second, and a reaction, from a page that was on its way when they came.
#[actix::test]
async fn a_page_takes_nothing_back_that_came_after_it_was_asked_for() {
    let world = World::new();
    let account = world.account().await.id;
    world
        .record(account, vec![new(message(CHAT, 5, "first"))])
        .await;
    let asked = Batch::asking(account);
    let edits = vec![
        Change::Edited(edited("second")),
        Change::Edited(edited("third")),
    ];
    world
        .store
        .record_batch(told(account, edits))
        .await
        .unwrap();
    answered(&world, asked, vec![new(edited("second"))]).await;
    assert_eq!(shown(&world, account, 5).await.text, "third");

    let asked = Batch::asking(account);
    let heart = vec![reaction("❤", 1, false)];
    let note = Note::Reactions {
        reactions: heart.clone(),
        min: false,
    };
    let note = told(account, vec![noted(5, note)]);
    world.store.record_batch(note).await.unwrap();
    world.ear.names();
    answered(&world, asked, vec![new(edited("third"))]).await;
    assert_eq!(shown(&world, account, 5).await.reactions, Some(heart));
    assert_eq!(world.ear.names(), Vec::<&str>::new());

    // Whoever asks now learns how it is now.
    answered(&world, Batch::asking(account), vec![new(edited("fourth"))]).await;
    let now = shown(&world, account, 5).await;
    assert_eq!((now.text.as_str(), now.reactions), ("fourth", None));
}

/// Protects what somebody just did to a chat (muted, archived, marked, read) from a list of chats that was on its way.
#[actix::test]
async fn a_list_of_chats_takes_nothing_back_that_came_after_it_was_asked_for() {
    let world = World::new();
    let account = world.account().await.id;
    let numbers = (1..=6).map(|id| new(message(CHAT, id, "a word")));
    world.record(account, numbers.collect()).await;
    let listed = DialogRecord {
        chat: CHAT,
        unread: 6,
        read_inbox_max_id: 0,
        read_outbox_max_id: 0,
        archived: false,
        marked_unread: false,
        draft: None,
        muted_until: None,
        top_message: 6,
        channel_pts: None,
    };
    let asked = Batch::asking(account);
    let until = Some(Timestamp::from_seconds(2_000_000_000));
    let mark = |mark| Change::Marked { chat: CHAT, mark };
    let done = vec![
        Change::ReadInbox {
            chat: CHAT,
            max_id: 4,
            still_unread: Some(2),
        },
        Change::Muted { chat: CHAT, until },
        mark(ChatMark::Archived(true)),
        mark(ChatMark::Unread(true)),
    ];
    world.store.record_batch(told(account, done)).await.unwrap();
    answered(&world, asked, vec![Change::Dialog(listed.clone())]).await;
    let chat = world.conversation(account, CHAT).await;
    assert_eq!(chat.unread, 2, "5 and 6 are left");
    assert!(chat.muted);
    assert!(chat.archived && chat.marked_unread);

    let listed = DialogRecord {
        read_inbox_max_id: 4,
        unread: 2,
        ..listed
    };
    let asked = Batch::asking(account);
    answered(&world, asked, vec![Change::Dialog(listed)]).await;
    let chat = world.conversation(account, CHAT).await;
    assert_eq!((chat.unread, chat.muted), (2, false));
    assert!(!chat.archived && !chat.marked_unread);
}

/// Protects edits of an absence in a busy chat: Telegram allows them for two days, so all of two days is compared, and not the
/// newest thousand messages alone; what is older waits until somebody looks.
#[actix::test]
async fn all_that_people_may_still_change_is_compared() {
    const OLD: i32 = 1_500;
    const ALL: i32 = 4_000;
    let world = World::new();
    let id = spans::account(&world).await;
    let chat = ChatId::user(7);
    let now = Timestamp::now().millis() / 1_000;
    let said = |number: i32| {
        let days = if number <= OLD { 3 } else { 0 };
        IncomingMessage {
            date: Timestamp::from_seconds(now - days * 24 * 3600),
            ..message(chat, number, "live")
        }
    };
    for from in (1..ALL).step_by(500) {
        let some = (from..from + 500).map(|number| new(said(number)));
        let batch = spans::stream(id, some.collect());
        world.store.record_batch(batch).await.unwrap();
    }
    spans::hole(&world, id, switchboard::domain::Hole::Account).await;
    let next = spans::stream(id, vec![new(said(ALL + 1))]);
    world.store.record_batch(next).await.unwrap();
    spans::answer(&world, id, chat, (ALL, ALL + 1), &[], true).await;
    let mut compared_to = ALL;
    while let Some(work) = world.store.next_stale(id).await.unwrap() {
        let page: Vec<i32> = (work.low..=work.high).rev().take(100).collect();
        compared_to = *page.last().unwrap();
        let asked = (work.low - 1, work.high + 1);
        spans::answer(&world, id, chat, asked, &page, false).await;
    }
    assert_eq!(compared_to, OLD + 1);
    let rest = rows::texts(&world.path, "SELECT low || ' to ' || high AS t FROM stale");
    assert_eq!(rest, [format!("1 to {OLD}")]);
}

/// Protects people from old messages as news, and the stretches between what the stream brought and what it did not: how a message is,
/// asked for because an order's first answer was lost, is an answer, and moves no border.
#[actix::test]
async fn what_an_order_asks_for_is_no_news() {
    let world = World::new();
    let account = world.account().await.id;
    let history = Batch::asking(account);
    answered(&world, history, vec![new(message(CHAT, 5, "long ago"))]).await;
    let elsewhere = message(ChatId::user(8), 20, "from the stream");
    world.record(account, vec![new(elsewhere)]).await;
    let began = || rows::number(&world.path, "SELECT live_from AS n FROM account_positions");
    assert_eq!(began(), 20);

    let conversation = world.conversation(account, CHAT).await.id;
    let words = ChatDraft {
        text: "words".to_owned(),
        ..ChatDraft::empty(Timestamp::now())
    };
    let set = world.store.set_draft(conversation, None, Some(words)).await;
    set.unwrap();
    let order = world.store.pending_orders(account).await.unwrap().remove(0);
    world.ear.names();
    let found = Outcome::AsItIs {
        asked_at: Batch::asking(account).read_at,
        changes: vec![new(edited("as it is"))],
    };
    world.store.settle_order(&order, found).await.unwrap();
    assert_eq!(shown(&world, account, 5).await.text, "as it is");
    let told = world.ear.names();
    assert!(!told.contains(&"message_received"), "{told:?}");
    assert_eq!(world.conversation(account, CHAT).await.unread, 0);
    assert_eq!(began(), 20);
}
