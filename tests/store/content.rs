//! Content: reactions, votes, views and previews change a stored message; what it is found by; what old rows get.

use std::time::Duration;

use switchboard::{
    domain::{
        AccountId, Button, ButtonKind, Change, ChatId, Details, Extra, IncomingMessage, Media,
        MediaDetail, MediaKind, MessageObject, Note, NotedMessage, ObjectContent, Page, Poll,
        PollOption, Reaction, StoredMessage, Timestamp, Todo, TodoItem,
    },
    store::{MessagesFrom, SearchQuery, StoreConfig},
};
use tempfile::TempDir;

use crate::{
    engine, rows,
    world::{World, batch, message, new, person, until, until_reread},
};

pub const CHAT: ChatId = ChatId::user(7);

fn reaction(emoji: &str, count: i32, mine: bool) -> Reaction {
    Reaction {
        emoji: emoji.to_owned(),
        count,
        mine,
        custom_emoji_id: None,
        paid: false,
        who: Vec::new(),
    }
}

fn poll(votes: [Option<i32>; 2]) -> Poll {
    let option = |text: &str, votes, key: &str| PollOption {
        text: text.to_owned(),
        votes,
        key: key.to_owned(),
        ..PollOption::default()
    };
    Poll {
        id: "77".to_owned(),
        question: "Which colour?".to_owned(),
        options: vec![
            option("Red", votes[0], "01"),
            option("Blue", votes[1], "02"),
        ],
        ..Poll::default()
    }
}

fn asking(poll: Poll) -> Option<Media> {
    Some(
        Media {
            name: Some(poll.question.clone()),
            ..Media::of(MediaKind::Poll)
        }
        .with(MediaDetail::Poll(poll)),
    )
}

fn with_extra(message: IncomingMessage, extra: Extra) -> IncomingMessage {
    IncomingMessage {
        extra: Some(Box::new(extra)),
        ..message
    }
}

fn noted(message_id: i32, note: Note) -> Change {
    Change::Noted {
        message: NotedMessage::Message {
            chat: CHAT,
            message_id,
        },
        note,
    }
}

async fn shown(world: &World, account: AccountId, id: i32) -> StoredMessage {
    let conversation = world.conversation(account, CHAT).await;
    let page = world
        .store
        .list_messages(conversation.id, MessagesFrom::Newest, 200)
        .await
        .unwrap();
    let wanted = Some(id.to_string());
    page.messages
        .into_iter()
        .find(|message| message.message_id == wanted)
        .unwrap()
}

async fn from_history(world: &World, account: AccountId, message: IncomingMessage) {
    let mut batch = batch(account, vec![Change::Message(message)]);
    (batch.backfilled, batch.position) = (true, None);
    world.store.record_batch(batch).await.unwrap();
}

fn versions(world: &World) -> i64 {
    rows::number(&world.path, "SELECT count(*) AS n FROM message_versions")
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

/// Protects who asks while a message is being edited: its texts are of one moment, the one of now among them.
#[actix::test]
async fn the_texts_of_a_message_are_told_together() {
    let world = World::new();
    let account = world.account().await.id;
    world
        .record(account, vec![new(message(CHAT, 5, "first"))])
        .await;
    let edit = IncomingMessage {
        edited_at: Some(Timestamp::from_seconds(1_700_001_000)),
        ..message(CHAT, 5, "second")
    };
    world.record(account, vec![Change::Edited(edit)]).await;
    let id = shown(&world, account, 5).await.id;
    let versions = world.store.versions(id).await.unwrap();
    let told: Vec<_> = versions
        .iter()
        .map(|one| (one.text.as_str(), one.replaced_at.is_some()))
        .collect();
    assert_eq!(told, [("first", true), ("second", false)]);
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

async fn found(world: &World, q: &str) -> Vec<Option<String>> {
    let query = SearchQuery {
        q: q.to_owned(),
        account_ids: Vec::new(),
        limit: 50,
        cursor: None,
    };
    let page = world.store.search(query).await.unwrap();
    page.items
        .into_iter()
        .map(|hit| hit.message.message_id)
        .collect()
}

/// Protects search: what is asked, whom a contact names and what a file is called are found, an edit moves it.
#[actix::test]
async fn media_are_found_by_their_names() {
    let world = World::new();
    let account = world.account().await.id;
    let named = |id, kind, name: &str, text: &str| IncomingMessage {
        media: Some(Media {
            name: Some(name.to_owned()),
            ..Media::of(kind)
        }),
        ..message(CHAT, id, text)
    };
    let changes = vec![
        new(IncomingMessage {
            media: asking(poll([None, None])),
            ..message(CHAT, 1, "")
        }),
        new(named(
            2,
            MediaKind::Document,
            "invoice-march.pdf",
            "the papers",
        )),
        new(named(3, MediaKind::Contact, "Amal Saleh", "")),
        new(named(4, MediaKind::Sticker, "colour", "")),
    ];
    world.record(account, changes).await;
    for (q, id) in [
        ("colour", "1"),
        ("march", "2"),
        ("papers", "2"),
        ("saleh", "3"),
    ] {
        until(q, async || match found(&world, q).await {
            hits if hits == [Some(id.to_owned())] => Ok(()),
            hits => Err(format!("{hits:?}")),
        })
        .await;
    }
    let edit = IncomingMessage {
        edited_at: Some(Timestamp::from_seconds(1_700_001_000)),
        ..named(2, MediaKind::Document, "invoice-april.pdf", "the papers")
    };
    world.record(account, vec![Change::Edited(edit)]).await;
    assert_eq!(found(&world, "april").await, [Some("2".to_owned())]);
    assert_eq!(found(&world, "march").await, []);
}

pub fn reader(object: &MessageObject) -> Option<ObjectContent> {
    (object.layer == 230).then(|| ObjectContent {
        media: asking(poll([Some(1), Some(2)])),
        entities: Vec::new(),
        extra: Some(Box::new(Extra {
            reactions: vec![reaction("👍", 1, false)],
            details: Details {
                protected: true,
                ..Details::default()
            },
            ..Extra::default()
        })),
        object: Some(MessageObject {
            layer: 230,
            bytes: b"less".to_vec(),
        }),
    })
}

/// Protects what was stored before this version knew content: it comes out of the kept objects by itself, whatever came
/// since stands, and nobody is told.
#[actix::test]
async fn rows_from_before_get_what_their_objects_say() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(StoreConfig::at(&path));
    let account = world.account().await.id;
    let kept = |id: i32, layer: i32| IncomingMessage {
        media: Some(Media {
            name: Some("Which colour?".to_owned()),
            ..Media::of(MediaKind::Poll)
        }),
        object: Some(MessageObject {
            layer,
            bytes: vec![1; 20],
        }),
        ..message(CHAT, id, "")
    };
    let plain = message(CHAT, 6, "plain");
    world
        .record(
            account,
            vec![
                new(kept(5, 230)),
                new(plain),
                new(kept(7, 1)),
                new(kept(8, 230)),
            ],
        )
        .await;
    let since = vec![reaction("🔥", 2, true)];
    let note = Note::Reactions {
        reactions: since.clone(),
        min: false,
    };
    world.record(account, vec![noted(8, note)]).await;
    world.store.close().await;
    // As the migration leaves a file.
    engine::change(
        &path,
        "INSERT INTO meta (key, value) SELECT 'reread_to', max(id) FROM messages;",
    );

    let world = World::at(StoreConfig {
        reader: Some(reader),
        ..StoreConfig::at(&path)
    });
    until_reread(&path).await;
    let [five, six, seven, eight] = [5, 6, 7, 8].map(|id| shown(&world, account, id));
    let five = five.await;
    assert_eq!(five.reactions, Some(vec![reaction("👍", 1, false)]));
    assert!(five.details.unwrap().protected);
    assert_eq!(
        five.media.unwrap().poll().unwrap().options[1].votes,
        Some(2)
    );
    let six = six.await;
    assert_eq!((six.reactions, six.details), (None, None));
    assert_eq!(seven.await.media.unwrap().poll(), None);
    assert_eq!(eight.await.reactions, Some(since));
    let less = "SELECT count(*) AS n FROM message_objects WHERE length(object) = 4";
    assert_eq!(rows::number(&path, less), 2);
    assert_eq!(world.ear.names(), [""; 0]);
    // The poll is found by its votes now.
    let votes = Change::Noted {
        message: NotedMessage::Poll(77),
        note: Note::Poll(Box::new(poll([Some(9), Some(9)]))),
    };
    world.record(account, vec![votes]).await;
    assert_eq!(world.ear.names(), ["message_edited", "message_edited"]);
    tokio::time::timeout(Duration::from_secs(9), world.store.close())
        .await
        .unwrap();
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
