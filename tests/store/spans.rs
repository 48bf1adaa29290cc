//! Spans: nothing that came is missing, everything that was missed is told once, whatever happens meanwhile.

use std::sync::Arc;

use switchboard::{
    domain::{
        AccountId, Batch, Change, ChatId, DialogRecord, EventBody, Hole, IncomingMessage, Position,
        Span, Timestamp,
    },
    store::{HistoryStretch, MessagesFrom, OwedWork, PageEnd},
};

use crate::{
    rows,
    world::{World, message, new, own},
};

pub async fn account(world: &World) -> AccountId {
    let id = world.account().await.id;
    world.store.begin_anew(id, at(1)).await.unwrap();
    id
}

pub fn at(pts: i32) -> Position {
    Position {
        pts,
        ..Position::default()
    }
}

pub fn stream(account: AccountId, changes: Vec<Change>) -> Batch {
    let mut batch = Batch::empty(account);
    batch.changes = changes;
    batch.position = Some(at(2));
    batch
}

pub async fn live(world: &World, account: AccountId, chat: ChatId, ids: &[i32]) {
    let changes = ids
        .iter()
        .map(|id| new(message(chat, *id, "live")))
        .collect();
    world
        .store
        .record_batch(stream(account, changes))
        .await
        .unwrap();
}

pub async fn hole(world: &World, account: AccountId, hole: Hole) {
    let mut batch = stream(account, Vec::new());
    batch.holes = vec![hole];
    world.store.record_batch(batch).await.unwrap();
}

/// Telegram's answer for a stretch: these messages, newest first.
pub async fn answer(
    world: &World,
    account: AccountId,
    chat: ChatId,
    (above, before): (i32, i32),
    ids: &[i32],
    complete: bool,
) -> Vec<i32> {
    let mut batch = Batch::empty(account);
    batch.backfilled = true;
    batch.changes = ids
        .iter()
        .map(|id| new(message(chat, *id, "missed")))
        .collect();
    let stretch = HistoryStretch {
        chat,
        batch: Arc::new(batch),
        before,
        above,
        oldest: ids.iter().copied().min(),
        complete,
        asked: world.store.holes(account).await.unwrap(),
        left: None,
        archive: false,
    };
    world.store.record_stretch(stretch).await.unwrap().unseen
}

pub async fn spans(world: &World, account: AccountId, chat: ChatId) -> Vec<Span> {
    let conversation = world.conversation(account, chat).await;
    let spans = world.store.spans(conversation.id).await.unwrap();
    spans.iter().collect()
}

/// (number, late) of what was told as received since the last call.
pub fn told(world: &World) -> Vec<(i32, bool)> {
    let heard = world.ear.heard();
    world.ear.names();
    heard
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::MessageReceived { message, .. } => Some((
                message.message_id.as_ref().unwrap().parse().unwrap(),
                message.late,
            )),
            _ => None,
        })
        .collect()
}

/// Protects what came while the account was away: one live message does not hide the gap below it, the gap is fetched
/// from its top down over a restart, and then told in order, once, as late.
#[actix::test]
async fn what_was_missed_is_fetched_and_told_in_order() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::user(7);
    live(&world, id, chat, &[10, 20]).await;
    hole(&world, id, Hole::Account).await;
    assert_eq!(spans(&world, id, chat).await, [Span::closed(10, 20)]);
    live(&world, id, chat, &[40]).await;
    assert_eq!(told(&world), [(10, false), (20, false), (40, false)]);
    let conversation = world.conversation(id, chat).await.id;
    let fetch = |before| {
        Some(OwedWork::Fetch {
            conversation,
            chat,
            gap: 21,
            above: 20,
            before,
        })
    };
    assert_eq!(world.store.next_owed(id).await.unwrap(), fetch(40));
    answer(&world, id, chat, (20, 40), &[39, 35], false).await;
    let world = world.reopened().await;
    assert_eq!(world.store.next_owed(id).await.unwrap(), fetch(35));
    assert_eq!(told(&world), [], "nothing is told before the gap is whole");
    answer(&world, id, chat, (20, 35), &[30], true).await;
    let tell = OwedWork::Tell {
        conversation,
        gap: 21,
    };
    assert_eq!(world.store.next_owed(id).await.unwrap(), Some(tell));
    let all = world.store.tell_owed(conversation, 21).await.unwrap();
    assert!(all);
    assert_eq!(told(&world), [(30, true), (35, true), (39, true)]);
    assert_eq!(world.store.next_owed(id).await.unwrap(), None);
    assert_eq!(spans(&world, id, chat).await, [Span::open(10, 39)]);
    assert_eq!(world.conversation(id, chat).await.unread, 6);
}

/// Protects a chat's history: an edit of a message from long ago moves no border, and what lies between is fetched.
#[actix::test]
async fn an_edit_of_something_unknown_moves_no_border() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::user(7);
    live(&world, id, chat, &[600]).await;
    let edited = IncomingMessage {
        edited_at: Some(Timestamp::from_seconds(1_700_009_000)),
        ..message(chat, 5, "edited today")
    };
    world
        .store
        .record_batch(stream(id, vec![Change::Edited(edited)]))
        .await
        .unwrap();
    assert_eq!(told(&world), [(600, false)]);
    let conversation = world.conversation(id, chat).await.id;
    let page = world
        .store
        .list_messages(conversation, MessagesFrom::Newest, 50)
        .await
        .unwrap();
    assert_eq!(page.messages.len(), 1);
    let gap = PageEnd::Gap {
        above: 0,
        before: 600,
    };
    assert_eq!(page.ends, Some(gap));
}

/// Protects a channel that can't be followed for a while: the time between is owed when it is listed again.
#[actix::test]
async fn a_channel_that_comes_back_owes_the_time_between() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::channel(70);
    let mut first = stream(id, vec![new(message(chat, 30, "c"))]);
    first.position = Some(Position {
        channels: vec![(70, 5)],
        ..at(2)
    });
    world.store.record_batch(first).await.unwrap();
    let lost = Hole::ChannelLost {
        channel_id: 70,
        reason: "CHANNEL_PRIVATE".to_owned(),
    };
    hole(&world, id, lost).await;
    assert_eq!(world.store.channel_position(id, 70).await.unwrap(), None);
    let mut listed = Batch::empty(id);
    listed.backfilled = true;
    listed.asked = Some(world.store.holes(id).await.unwrap());
    listed.changes = vec![
        Change::Dialog(DialogRecord {
            chat,
            unread: 3,
            read_inbox_max_id: 30,
            read_outbox_max_id: 0,
            archived: false,
            marked_unread: false,
            draft: None,
            muted_until: None,
            top_message: 33,
            channel_pts: Some(9),
        }),
        new(message(chat, 33, "newest")),
    ];
    world.store.record_batch(listed).await.unwrap();
    assert_eq!(world.store.channel_position(id, 70).await.unwrap(), Some(9));
    assert_eq!(
        spans(&world, id, chat).await,
        [Span::closed(30, 30), Span::open(33, 33)]
    );
    answer(&world, id, chat, (30, 33), &[32, 31], true).await;
    told(&world);
    let conversation = world.conversation(id, chat).await.id;
    world.store.tell_owed(conversation, 31).await.unwrap();
    assert_eq!(told(&world), [(31, true), (32, true), (33, true)]);
    assert_eq!(
        world.conversation(id, chat).await.unread,
        3,
        "as Telegram counted"
    );
}

/// Protects what Telegram once refused to give: when the chat comes back it is asked for again.
#[actix::test]
async fn what_was_refused_is_asked_for_again_when_the_chat_is_listed() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::user(7);
    live(&world, id, chat, &[10]).await;
    hole(&world, id, Hole::Account).await;
    live(&world, id, chat, &[40]).await;
    let conversation = world.conversation(id, chat).await.id;
    let refused = "CHANNEL_PRIVATE".to_owned();
    world
        .store
        .refuse_owed(conversation, 11, refused, false)
        .await
        .unwrap();
    assert!(world.store.tell_owed(conversation, 11).await.unwrap());
    assert_eq!(world.store.next_owed(id).await.unwrap(), None);
    hole(&world, id, Hole::Account).await;
    let mut listed = Batch::empty(id);
    listed.backfilled = true;
    listed.asked = Some(world.store.holes(id).await.unwrap());
    listed.changes = vec![Change::Dialog(DialogRecord {
        chat,
        unread: 0,
        read_inbox_max_id: 40,
        read_outbox_max_id: 0,
        archived: false,
        marked_unread: false,
        draft: None,
        muted_until: None,
        top_message: 40,
        channel_pts: None,
    })];
    world.store.record_batch(listed).await.unwrap();
    let fetch = OwedWork::Fetch {
        conversation,
        chat,
        gap: 11,
        above: 10,
        before: 40,
    };
    assert_eq!(world.store.next_owed(id).await.unwrap(), Some(fetch));
}

/// Protects edits and deletions of an absence on a day on which Telegram gives three messages at a time: all of what may have
/// changed is compared, not the newest thirty.
#[actix::test]
async fn short_pages_are_compared_to_their_end() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::user(7);
    // What is old is compared only when somebody looks.
    let today = |number: i32| {
        let mut said = message(chat, number, "live");
        said.date = Timestamp::now();
        new(said)
    };
    let all = (1..=90).map(today).collect();
    world.store.record_batch(stream(id, all)).await.unwrap();
    hole(&world, id, Hole::Account).await;
    world
        .store
        .record_batch(stream(id, vec![today(91)]))
        .await
        .unwrap();
    answer(&world, id, chat, (90, 91), &[], true).await;
    let mut pages = 0;
    while let Some(work) = world.store.next_stale(id).await.unwrap() {
        let newest = [work.high, work.high - 1, work.high - 2];
        let asked = (work.low - 1, work.high + 1);
        answer(&world, id, chat, asked, &newest, false).await;
        pages += 1;
    }
    assert!(pages >= 30, "{pages} pages of three for 90 messages");
}

/// Protects from showing what an account may no longer see: a cleared history is marked, told, and not asked for again.
#[actix::test]
async fn a_cleared_history_is_marked_and_not_fetched() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::channel(70);
    let mut first = stream(
        id,
        (20..30)
            .map(|number| new(message(chat, number, "c")))
            .collect(),
    );
    first.position = Some(Position {
        channels: vec![(70, 5)],
        ..at(2)
    });
    world.store.record_batch(first).await.unwrap();
    world.ear.names();
    let cleared = Change::ClearedBelow { chat, min_id: 27 };
    world
        .store
        .record_batch(stream(id, vec![cleared]))
        .await
        .unwrap();
    let gone: Vec<String> = world
        .ear
        .heard()
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::MessageDeleted { message_ids, .. } => Some(message_ids.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(gone, ["27", "26", "25", "24", "23", "22", "21", "20"]);
    assert_eq!(spans(&world, id, chat).await, [Span::open(1, 27)]);
    let conversation = world.conversation(id, chat).await;
    assert_eq!(conversation.unread, 2);
    let page = world
        .store
        .list_messages(conversation.id, MessagesFrom::Newest, 50)
        .await
        .unwrap();
    let shown = page.messages.iter().filter(|one| one.deleted_at.is_none());
    assert_eq!(shown.count(), 2);
    assert_eq!(page.ends, Some(PageEnd::Beginning));
}

/// Protects what was missed from our own words: Telegram tells a reply again, whose first answer was lost, and long after a
/// hole; that says nothing of where the stream goes on.
#[actix::test]
async fn a_reply_that_is_told_again_after_a_hole_hides_nothing() {
    for first in [true, false] {
        let world = World::new();
        let id = account(&world).await;
        let (talk, other) = (ChatId::user(7), ChatId::user(8));
        live(&world, id, talk, &[10]).await;
        live(&world, id, other, &[20]).await;
        hole(&world, id, Hole::Account).await;
        let again = async || {
            let told = vec![new(own(talk, 25, "reply"))];
            world.store.record_batch(stream(id, told)).await.unwrap();
        };
        if first {
            again().await;
        }
        live(&world, id, other, &[40]).await;
        if !first {
            again().await;
        }
        live(&world, id, talk, &[42]).await;
        again().await;
        for chat in [talk, other] {
            let all = spans(&world, id, chat).await;
            assert!(
                all.iter().all(|span| span.high <= 20 || span.low >= 40),
                "what came between 20 and 40 is not here: {all:?}"
            );
        }
        let owed = rows::number(
            &world.path,
            "SELECT count(*) AS n FROM owed WHERE high >= 39",
        );
        assert_eq!(owed, 2, "told first: {first}");
    }
}
