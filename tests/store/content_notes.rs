//! What is learned of a message after it came: reactions, votes, views, hidden edits and pins.

use switchboard::domain::{
    AccountId, Button, ButtonKind, Change, ChatId, Details, Extra, IncomingMessage, Media,
    MediaDetail, MediaKind, Note, NotedMessage, Page, Poll, Reaction, Timestamp, Todo, TodoItem,
};

use super::content::{CHAT, asking, noted, poll, reaction, shown, versions};
use crate::{
    rows,
    world::{World, batch, message, new, person},
};

fn with_extra(message: IncomingMessage, extra: Extra) -> IncomingMessage {
    IncomingMessage {
        extra: Some(Box::new(extra)),
        ..message
    }
}

async fn from_history(world: &World, account: AccountId, message: IncomingMessage) {
    let mut batch = batch(account, vec![Change::Message(message)]);
    (batch.backfilled, batch.position) = (true, None);
    world.store.record_batch(batch).await.unwrap();
}

/// Protects reactions: they change without a version, each change is told once, and those of others leave ours alone.
#[actix::test]
async fn reactions_change_a_message_and_are_told() {
    let world = World::new();
    let account = world.account().await.id;
    world
        .record(account, vec![new(message(CHAT, 5, "hello"))])
        .await;
    world.ear.names();
    let note = |reactions: Vec<Reaction>, min| noted(5, Note::Reactions { reactions, min });
    let first = vec![reaction("👍", 1, true)];
    world
        .record(account, vec![note(first.clone(), false)])
        .await;
    world.record(account, vec![note(first, false)]).await;
    assert_eq!(world.ear.names(), ["message_reacted"]);
    world
        .record(
            account,
            vec![note(
                vec![reaction("👍", 2, false), reaction("🔥", 1, false)],
                true,
            )],
        )
        .await;
    let wanted = vec![reaction("👍", 2, true), reaction("🔥", 1, false)];
    assert_eq!(
        shown(&world, account, 5).await.reactions,
        Some(wanted.clone())
    );
    // What is told is what is stored, also later.
    let last = world.ear.heard().pop().unwrap();
    assert_eq!(last.body.name(), "message_reacted");
    let logged = world
        .store
        .events_after(switchboard::domain::Seq(last.seq.0 - 1), 1)
        .await
        .unwrap();
    assert_eq!(logged[0].body, last.body);
    world.ear.names();
    // Taken back, as history tells it.
    from_history(&world, account, message(CHAT, 5, "hello")).await;
    assert_eq!(shown(&world, account, 5).await.reactions, None);
    assert_eq!(world.ear.names(), ["message_reacted"]);
    // An edit that is Telegram's own bookkeeping.
    let edit = with_extra(
        message(CHAT, 5, "hello"),
        Extra {
            reactions: wanted,
            ..Extra::default()
        },
    );
    world.record(account, vec![Change::Edited(edit)]).await;
    assert_eq!(world.ear.names(), ["message_reacted"]);
    assert_eq!(versions(&world), 0);
    world.record(account, vec![noted(99, Note::Views(4))]).await;
    assert_eq!(world.ear.names(), [""; 0]);
}

/// Protects polls: votes arrive by the poll alone, and leave the question and our own vote as they were.
#[actix::test]
async fn votes_find_their_poll() {
    let world = World::new();
    let account = world.account().await.id;
    let mut mine = poll([Some(1), Some(0)]);
    mine.options[0].mine = true;
    let asked = IncomingMessage {
        media: asking(mine),
        ..message(CHAT, 5, "")
    };
    world.record(account, vec![new(asked)]).await;
    world.ear.names();
    let results = Poll {
        question: String::new(),
        voters: Some(4),
        min: true,
        results_only: true,
        ..poll([Some(1), Some(3)])
    };
    let votes = Change::Noted {
        message: NotedMessage::Poll(77),
        note: Note::Poll(Box::new(results)),
    };
    world.record(account, vec![votes.clone(), votes]).await;
    assert_eq!(world.ear.names(), ["message_edited"]);
    let stored = shown(&world, account, 5).await;
    let now = stored.media.as_ref().unwrap().poll().unwrap();
    let votes: Vec<_> = now
        .options
        .iter()
        .map(|one| (one.text.as_str(), one.votes, one.mine))
        .collect();
    assert_eq!(votes, [("Red", Some(1), true), ("Blue", Some(3), false)]);
    assert_eq!(
        (now.voters, now.question.as_str()),
        (Some(4), "Which colour?")
    );
    assert_eq!((stored.edited_at, versions(&world)), (None, 0));
}

/// Protects posts: views only rise, a preview comes once, and an edit of the buttons alone is told without a version.
#[actix::test]
async fn views_previews_and_buttons_change_a_message() {
    let world = World::new();
    let account = world.account().await.id;
    let page = |pending: bool, title: Option<&str>| {
        Media {
            name: title.map(str::to_owned),
            ..Media::of(MediaKind::WebPage)
        }
        .with(MediaDetail::Page(Page {
            id: "9".to_owned(),
            url: Some("https://example.org/".to_owned()),
            site: None,
            title: title.map(str::to_owned),
            description: None,
            author: None,
            pending,
        }))
    };
    let post = IncomingMessage {
        media: Some(page(true, None)),
        ..with_extra(
            message(CHAT, 5, "see https://example.org/"),
            Extra {
                details: Details {
                    views: Some(3),
                    ..Details::default()
                },
                ..Extra::default()
            },
        )
    };
    world.record(account, vec![new(post.clone())]).await;
    world.ear.names();
    for views in [9, 4] {
        world
            .record(account, vec![noted(5, Note::Views(views))])
            .await;
    }
    assert_eq!(world.ear.names(), ["message_edited"]);
    let preview = Change::Noted {
        message: NotedMessage::Page(9),
        note: Note::Page(Some(Box::new(page(false, Some("Example page"))))),
    };
    world.record(account, vec![preview.clone(), preview]).await;
    assert_eq!(world.ear.names(), ["message_edited"]);
    assert_eq!(
        rows::number(&world.path, "SELECT count(*) AS n FROM media_keys"),
        0
    );
    let buttons = vec![vec![Button {
        text: "Open".to_owned(),
        kind: ButtonKind::Callback,
        url: None,
        copies: None,
        user_id: None,
    }]];
    let edit = IncomingMessage {
        media: Some(page(false, Some("Example page"))),
        edited_at: Some(Timestamp::from_seconds(1_700_001_000)),
        ..with_extra(
            post,
            Extra {
                buttons: buttons.clone(),
                ..Extra::default()
            },
        )
    };
    world.record(account, vec![Change::Edited(edit)]).await;
    assert_eq!(world.ear.names(), ["message_edited"]);
    let stored = shown(&world, account, 5).await;
    assert_eq!((stored.buttons, versions(&world)), (Some(buttons), 0));
    assert_eq!(stored.media.unwrap().name.as_deref(), Some("Example page"));
}

/// Protects what bots and lists do: an edit that Telegram hides is taken, also after one that was not hidden, and leaves the
/// time of that one; pins come and go on their own.
#[actix::test]
async fn hidden_edits_and_pins_are_taken() {
    let world = World::new();
    let account = world.account().await.id;
    let edited = IncomingMessage {
        text: "edited".to_owned(),
        edited_at: Some(Timestamp::from_seconds(1_700_001_000)),
        ..message(CHAT, 5, "")
    };
    let first = message(CHAT, 5, "first");
    world
        .record(account, vec![new(first), Change::Edited(edited.clone())])
        .await;
    world.ear.names();
    let todo = |done: bool| {
        let item = TodoItem {
            id: 1,
            text: "Bread".to_owned(),
            done_by: None,
            done_at: done.then(|| Timestamp::from_seconds(9)),
        };
        let list = Todo {
            title: "Shopping".to_owned(),
            items: vec![item],
        };
        Media::of(MediaKind::Todo).with(MediaDetail::Todo(list))
    };
    let hidden = IncomingMessage {
        edited_at: None,
        media: Some(todo(false)),
        ..edited.clone()
    };
    world
        .record(account, vec![Change::Edited(hidden.clone())])
        .await;
    let ticked = IncomingMessage {
        media: Some(todo(true)),
        ..hidden
    };
    from_history(&world, account, ticked).await;
    world
        .record(account, vec![noted(5, Note::Pinned(true))])
        .await;
    let stored = shown(&world, account, 5).await;
    assert_eq!(stored.media, Some(todo(true)));
    assert_eq!(stored.edited_at, edited.edited_at);
    assert!(stored.details.unwrap().pinned);
    assert_eq!(world.ear.names(), ["message_edited"; 3]);
    world
        .record(account, vec![noted(5, Note::Pinned(false))])
        .await;
    assert_eq!(shown(&world, account, 5).await.details, None);
    // A text from before the edit says nothing of how the message is now.
    from_history(&world, account, message(CHAT, 5, "first")).await;
    assert_eq!(shown(&world, account, 5).await.media, Some(todo(true)));
}

/// Protects a text from being an old one for ever: of two edits within one second the second was found by a comparison alone.
#[actix::test]
async fn of_two_edits_in_one_second_the_one_that_is_found_later_stands() {
    let world = World::new();
    let account = world.account().await.id;
    let edit = |text: &str| IncomingMessage {
        edited_at: Some(Timestamp::from_seconds(1_700_001_000)),
        ..message(CHAT, 5, text)
    };
    let first = new(message(CHAT, 5, "first"));
    world
        .record(account, vec![first, Change::Edited(edit("second"))])
        .await;
    world.ear.names();
    from_history(&world, account, edit("third")).await;
    assert_eq!(shown(&world, account, 5).await.text, "third");
    assert_eq!(world.ear.names(), ["message_edited"]);
    // What was never edited is as it was sent, and as it was read first.
    from_history(&world, account, message(CHAT, 5, "another")).await;
    assert_eq!(shown(&world, account, 5).await.text, "third");
    assert_eq!(world.ear.names(), Vec::<&str>::new());
}

/// Protects what the list says of a chat from the order in which a group of writes is written: its new name and its newest message
/// both stand.
#[actix::test]
async fn a_new_name_and_the_newest_message_both_stand() {
    let world = World::new();
    let account = world.account().await;
    let (chat, other) = (ChatId::user(7), ChatId::user(8));
    let say = |chat, numbers: std::ops::Range<i32>| {
        let changes = numbers.map(|number| new(message(chat, number, "next")));
        let batch = batch(account.id, changes.collect());
        world.store.record_batch(batch)
    };
    say(chat, 1..2).await.unwrap();
    for round in 0..20 {
        let first = (round + 1) * 100;
        let title = format!("After {round}");
        let mut renamed = batch(account.id, Vec::new());
        renamed.peers.push(person(7, &title));
        // The first one keeps the writer busy until the others wait.
        let written = tokio::join!(
            say(ChatId::user(9), first..first + 60),
            say(other, first + 60..first + 61),
            world.store.record_batch(renamed),
            say(chat, first + 61..first + 62),
        );
        written.0.unwrap();
        written.1.unwrap();
        written.2.unwrap();
        written.3.unwrap();
        let row = rows::texts(
            &world.path,
            "SELECT c.title || ', ' || m.message_no || ', ' || c.unread AS t FROM conversations c \
             JOIN messages m ON m.id = c.last_message WHERE c.chat = 7",
        );
        assert_eq!(row, [format!("{title}, {}, {}", first + 61, round + 2)]);
    }
    world.store.close().await;
}
