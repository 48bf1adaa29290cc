//! Where a chat's spans begin: chats that were joined, listed, or told of before the stream had them.

use std::sync::Arc;

use switchboard::{
    domain::{Batch, Change, ChatId, DialogRecord, Hole, IncomingMessage, Position, Timestamp},
    store::{HistoryStretch, OwedWork},
};

use crate::{
    spans::{account, answer, at, hole, live, stream, told},
    world::{World, message, new},
};

pub fn listed(chat: ChatId, top_message: i32, pts: Option<i32>) -> Change {
    Change::Dialog(DialogRecord {
        chat,
        unread: 0,
        read_inbox_max_id: 0,
        read_outbox_max_id: 0,
        archived: false,
        marked_unread: false,
        draft: None,
        muted_until: None,
        top_message,
        channel_pts: pts,
    })
}

/// Protects news from a list of chats that is ahead of the stream, when that breaks off before it has got there.
#[actix::test]
async fn a_list_ahead_of_the_stream_takes_no_news_away() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::user(7);
    live(&world, id, chat, &[10]).await;
    hole(&world, id, Hole::Account).await;
    let mut list = Batch::empty(id);
    list.backfilled = true;
    list.asked = Some(world.store.holes(id).await.unwrap());
    list.changes = vec![new(message(chat, 40, "newest")), listed(chat, 40, None)];
    world.store.record_batch(list).await.unwrap();
    live(&world, id, chat, &[20, 22]).await;
    hole(&world, id, Hole::Account).await;
    live(&world, id, chat, &[50]).await;
    assert_eq!(
        told(&world),
        [(10, false), (20, false), (22, false), (50, false)]
    );
    let conversation = world.conversation(id, chat).await.id;
    let fetch = |above, before| OwedWork::Fetch {
        conversation,
        chat,
        gap: 11,
        above,
        before,
    };
    // What the stream did not get to, and what is known to be nothing between two that it brought.
    assert_eq!(
        world.store.next_owed(id).await.unwrap(),
        Some(fetch(22, 40))
    );
    answer(&world, id, chat, (22, 40), &[39, 30], true).await;
    assert_eq!(
        world.store.next_owed(id).await.unwrap(),
        Some(fetch(10, 20))
    );
    answer(&world, id, chat, (10, 20), &[15], true).await;
    assert!(world.store.tell_owed(conversation, 11).await.unwrap());
    assert_eq!(told(&world), [15, 30, 39, 40].map(|number| (number, true)));
}

/// Protects a chat that the account joined in our time and was never watched: what came since is owed, down to the first
/// message that is older, and told; what is older is history.
#[actix::test]
async fn what_came_since_a_chat_was_joined_is_owed() {
    let world = World::new();
    let id = account(&world).await;
    let now = Timestamp::now().millis() / 1000;
    let joined = Timestamp::from_seconds(now + 60);
    let post = |number: i32| {
        new(IncomingMessage {
            // One a minute, the third of which is the first since then.
            date: Timestamp::from_seconds(now + 60 * i64::from(number - 2)),
            ..message(ChatId::channel(70), number, "c")
        })
    };
    for (chat, since, owes) in [
        (70, joined, true),
        (71, Timestamp::from_seconds(now - 60), false),
    ] {
        let mut list = Batch::empty(id);
        list.backfilled = true;
        list.asked = Some(world.store.holes(id).await.unwrap());
        list.joined = vec![(ChatId::channel(chat), since)];
        list.changes = vec![listed(ChatId::channel(chat), 5, Some(9))];
        world.store.record_batch(list).await.unwrap();
        let owed = world.store.next_owed(id).await.unwrap();
        assert_eq!(owed.is_some(), owes, "{chat}");
        if !owes {
            continue;
        }
        told(&world);
        let conversation = world.conversation(id, ChatId::channel(chat)).await.id;
        for (numbers, before) in [(&[5, 4][..], 0), (&[3, 2], 4)] {
            let mut batch = Batch::empty(id);
            batch.backfilled = true;
            batch.changes = numbers.iter().map(|number| post(*number)).collect();
            let stretch = HistoryStretch {
                chat: ChatId::channel(chat),
                batch: Arc::new(batch),
                before,
                above: 0,
                oldest: numbers.iter().copied().min(),
                complete: false,
                asked: world.store.holes(id).await.unwrap(),
                left: None,
                archive: false,
            };
            world.store.record_stretch(stretch).await.unwrap();
        }
        let tell = OwedWork::Tell {
            conversation,
            gap: 3,
        };
        assert_eq!(world.store.next_owed(id).await.unwrap(), Some(tell));
        assert!(world.store.tell_owed(conversation, 3).await.unwrap());
        assert_eq!(told(&world), [(3, true), (4, true), (5, true)]);
        assert_eq!(world.store.next_owed(id).await.unwrap(), None);
    }
}

/// Protects what is said in a new group while the account is away: the list of chats had told of the group before that, and the stream,
/// which had not asked yet, begins with it only afterwards.
#[actix::test]
async fn a_stream_that_begins_above_the_list_of_chats_owes_what_lies_between() {
    for (begins, gap) in [(1, None), (9, Some((1, 8)))] {
        let world = World::new();
        let id = account(&world).await;
        let chat = ChatId::channel(70);
        let joined = Timestamp::from_seconds(1_600_000_000);
        let mut list = Batch::empty(id);
        list.backfilled = true;
        list.asked = Some(world.store.holes(id).await.unwrap());
        list.joined = vec![(chat, joined)];
        list.changes = vec![new(message(chat, 1, "first")), listed(chat, 1, Some(1))];
        world.store.record_batch(list).await.unwrap();
        assert_eq!(world.store.next_owed(id).await.unwrap(), None);

        let mut met = stream(id, Vec::new());
        met.joined = vec![(chat, joined)];
        met.holes = vec![Hole::ChannelBegins {
            channel_id: 70,
            pts: begins,
        }];
        met.changes = vec![new(message(chat, 8, "newest")), listed(chat, 8, Some(9))];
        met.position = Some(Position {
            channels: vec![(70, begins)],
            ..at(3)
        });
        world.store.record_batch(met).await.unwrap();
        let owed = world.store.next_owed(id).await.unwrap();
        let found = owed.map(|work| match work {
            OwedWork::Fetch { above, before, .. } => (above, before),
            OwedWork::Tell { .. } => panic!("nothing of it is here"),
        });
        assert_eq!(found, gap, "the stream begins at {begins}");
    }
}

/// Protects a group that became a supergroup while the account was away: it is in there for longer than with us, and yet
/// what came since all was stored is news.
#[actix::test]
async fn a_chat_that_the_stream_tells_of_owes_what_came_since() {
    let world = World::new();
    let id = account(&world).await;
    let chat = ChatId::channel(70);
    let mut first = stream(id, Vec::new());
    first.position = Some(Position {
        date: 1_700_000_500,
        ..at(2)
    });
    world.store.record_batch(first).await.unwrap();
    let mut met = stream(id, Vec::new());
    met.joined = vec![(chat, Timestamp::from_seconds(1_600_000_000))];
    met.changes = vec![listed(chat, 3, Some(9))];
    met.position = Some(Position {
        channels: vec![(70, 9)],
        date: 1_700_000_500,
        ..at(3)
    });
    world.store.record_batch(met).await.unwrap();
    let conversation = world.conversation(id, chat).await.id;
    let fetch = OwedWork::Fetch {
        conversation,
        chat,
        gap: 1,
        above: 0,
        before: 0,
    };
    assert_eq!(world.store.next_owed(id).await.unwrap(), Some(fetch));
    let post = |number: i32| {
        new(IncomingMessage {
            date: Timestamp::from_seconds(1_700_000_498 + i64::from(number)),
            ..message(chat, number, "c")
        })
    };
    let mut batch = Batch::empty(id);
    batch.backfilled = true;
    batch.changes = vec![post(3), post(2), post(1)];
    let stretch = HistoryStretch {
        chat,
        batch: Arc::new(batch),
        before: 0,
        above: 0,
        oldest: Some(1),
        complete: true,
        asked: world.store.holes(id).await.unwrap(),
        left: None,
        archive: false,
    };
    world.store.record_stretch(stretch).await.unwrap();
    told(&world);
    assert!(world.store.tell_owed(conversation, 2).await.unwrap());
    assert_eq!(told(&world), [(2, true), (3, true)]);
}
