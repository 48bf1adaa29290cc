//! Content: reactions, votes, views and previews change a stored message; what it is found by; what old rows get.

use std::time::Duration;

use switchboard::{
    domain::{
        AccountId, Change, ChatId, Details, Extra, IncomingMessage, Media, MediaDetail, MediaKind,
        MessageObject, Note, NotedMessage, ObjectContent, Poll, PollOption, Reaction,
        StoredMessage, Timestamp,
    },
    store::{MessagesFrom, SearchQuery, StoreConfig},
};
use tempfile::TempDir;

use crate::{
    engine, rows,
    world::{World, message, new, until, until_reread},
};

pub const CHAT: ChatId = ChatId::user(7);

pub fn reaction(emoji: &str, count: i32, mine: bool) -> Reaction {
    Reaction {
        emoji: emoji.to_owned(),
        count,
        mine,
        custom_emoji_id: None,
        paid: false,
        who: Vec::new(),
    }
}

pub fn poll(votes: [Option<i32>; 2]) -> Poll {
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

pub fn asking(poll: Poll) -> Option<Media> {
    Some(
        Media {
            name: Some(poll.question.clone()),
            ..Media::of(MediaKind::Poll)
        }
        .with(MediaDetail::Poll(poll)),
    )
}

pub fn noted(message_id: i32, note: Note) -> Change {
    Change::Noted {
        message: NotedMessage::Message {
            chat: CHAT,
            message_id,
        },
        note,
    }
}

pub async fn shown(world: &World, account: AccountId, id: i32) -> StoredMessage {
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

pub fn versions(world: &World) -> i64 {
    rows::number(&world.path, "SELECT count(*) AS n FROM message_versions")
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

pub async fn found(world: &World, q: &str) -> Vec<Option<String>> {
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
