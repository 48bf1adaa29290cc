//! The whole message in its row: the same whichever way it came, and gone with it.

use switchboard::{
    domain::{
        AccountId, Change, ChatId, Entity, EntityKind, ForwardedFrom, IncomingMessage,
        MessageObject, Timestamp,
    },
    store::{QueueReply, StoreConfig},
};

use crate::{
    rows,
    world::{World, batch, message, new, own, person, sent_at, until},
};

const CHAT: ChatId = ChatId::user(7);
const EDITED: i64 = 1_700_001_000;

fn object(mark: u8) -> Option<MessageObject> {
    Some(MessageObject {
        layer: 230,
        bytes: vec![mark; 40],
    })
}

fn bold(length: i32) -> Entity {
    Entity::of(EntityKind::Bold, 0, length)
}

/// A message that has everything.
fn rich(message: IncomingMessage) -> IncomingMessage {
    IncomingMessage {
        entities: vec![bold(3)],
        album_id: Some(i64::MAX - 1),
        forwarded_from: Some(ForwardedFrom {
            id: Some(ChatId::user(8)),
            name: None,
            date: Timestamp::from_seconds(5),
        }),
        quote: Some("a part".to_owned()),
        reply_to: Some(1),
        object: object(1),
        ..message
    }
}

fn edited(message: IncomingMessage) -> IncomingMessage {
    IncomingMessage {
        text: "after the edit".to_owned(),
        edited_at: Some(Timestamp::from_seconds(EDITED)),
        entities: vec![bold(5)],
        object: object(2),
        ..message
    }
}

/// Everything in the file of one message but its row id, how it was told, and the message's former texts.
fn row(world: &World, account: AccountId, number: i32) -> String {
    let query = format!(
        "SELECT json_array(m.message_no, m.chat_id, m.direction, m.status, m.text, m.timestamp, m.sender_id, m.sender_name, \
         m.reply_to, m.topic_id, m.edited_at, m.deleted_at, m.media, m.service, m.masked, m.entities, m.album_id, \
         m.forwarded_from, m.quote, o.layer, hex(o.object)) AS t \
         FROM messages m LEFT JOIN message_objects o ON o.message_row = m.id \
         WHERE m.telegram_account_id = '{account}' AND m.message_no = {number}"
    );
    let found = rows::texts(&world.path, &query);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

fn objects(world: &World) -> i64 {
    rows::number(&world.path, "SELECT count(*) AS n FROM message_objects")
}

/// A way in which a message comes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Live,
    Late,
    History,
    Edit,
}

async fn came(world: &World, account: AccountId, way: Way, message: IncomingMessage) {
    let mut batch = batch(
        account,
        vec![match way {
            Way::Edit => Change::Edited(message),
            _ => Change::Message(message),
        }],
    );
    batch.late = matches!(way, Way::Late);
    batch.backfilled = matches!(way, Way::History);
    if batch.backfilled {
        batch.position = None;
    }
    world.store.record_batch(batch).await.unwrap();
}

/// Protects the faithful copy: one message is one row, byte for byte, in whatever ways and order its versions came.
#[actix::test]
async fn a_message_is_the_same_row_whichever_way_it_came() {
    use Way::{Edit, History, Late, Live};
    let [first, last] = [
        rich(message(CHAT, 5, "before the edit")),
        edited(rich(message(CHAT, 5, "before the edit"))),
    ];
    let unedited: [&[(Way, u8)]; 5] = [
        &[(Live, 1)],
        &[(Late, 1)],
        &[(History, 1)],
        &[(History, 1), (Live, 1)],
        &[(Live, 1), (History, 1), (Late, 1)],
    ];
    let with_edit: [&[(Way, u8)]; 8] = [
        &[(History, 2)],
        &[(Late, 2)],
        &[(Edit, 2)],
        &[(Live, 1), (Edit, 2)],
        &[(Live, 1), (History, 2)],
        &[(Edit, 2), (Live, 1)],
        &[(History, 2), (Live, 1), (Edit, 2)],
        &[(History, 1), (Edit, 2), (Late, 2)],
    ];
    for ways in [&unedited[..], &with_edit[..]] {
        let mut found = Vec::new();
        for steps in ways {
            let world = World::new();
            let account = world.account().await.id;
            world
                .record(account, vec![new(message(CHAT, 1, "question"))])
                .await;
            for (way, version) in *steps {
                let version = if *version == 1 { &first } else { &last };
                came(&world, account, *way, version.clone()).await;
            }
            let text = row(&world, account, 5).replace(&account.to_string(), "");
            found.push((steps, text));
            assert_eq!(objects(&world), 1, "{steps:?}");
        }
        for (steps, text) in &found {
            assert_eq!(text, &found[0].1, "{steps:?}");
        }
    }
}

/// Protects what the desk is told: the columns come out as they went in, with the name that the forwarded peer has.
#[actix::test]
async fn what_a_message_carries_is_told_and_read_alike() {
    let world = World::new();
    let account = world.account().await.id;
    let mut news = batch(account, vec![new(rich(message(CHAT, 5, "hello")))]);
    news.peers = vec![person(7, "Client Seven"), person(8, "Client Eight")];
    world.store.record_batch(news).await.unwrap();
    let told = world.ear.heard().into_iter().find_map(|event| {
        serde_json::to_value(&event.body).unwrap()["data"]
            .get("message")
            .cloned()
    });
    let told = told.unwrap();
    let id = world
        .conversation(account, CHAT)
        .await
        .last_message
        .unwrap()
        .id;
    let read = world.store.get_message(id).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), told);
    let from = told["forwarded_from"].as_object().unwrap();
    assert_eq!(
        (&from["id"], &from["name"]),
        (&"8".into(), &"Client Eight".into())
    );
    assert_eq!(told["album_id"], (i64::MAX - 1).to_string());
    assert_eq!(told["quote"], "a part");
    assert_eq!(
        told["entities"],
        serde_json::json!([{ "type": "bold", "offset": 0, "length": 3 }])
    );
}

/// Protects edits that take away: the old version's marks and object are not left behind.
#[actix::test]
async fn an_edit_to_plain_text_leaves_no_object() {
    let world = World::new();
    let account = world.account().await.id;
    came(&world, account, Way::Live, rich(message(CHAT, 5, "hello"))).await;
    let plain = IncomingMessage {
        edited_at: Some(Timestamp::from_seconds(EDITED)),
        ..message(CHAT, 5, "hello")
    };
    came(&world, account, Way::Edit, plain).await;
    assert_eq!(objects(&world), 0);
    let id = world
        .conversation(account, CHAT)
        .await
        .last_message
        .unwrap()
        .id;
    let read = world.store.get_message(id).await.unwrap().unwrap();
    assert_eq!(
        (read.entities, read.album_id, read.quote),
        (None, None, None)
    );
}

/// Protects our own replies: whatever was first, the answer or the echo, the row has what Telegram made of the text.
#[actix::test]
async fn a_reply_gets_what_telegram_made_of_it() {
    let mut found = Vec::new();
    for echo_first in [true, false] {
        let world = World::new();
        let account = world.account().await.id;
        world
            .record(account, vec![new(message(CHAT, 1, "question"))])
            .await;
        let conversation = world.conversation(account, CHAT).await.id;
        let reply = QueueReply {
            conversation,
            text: "see example.org".to_owned(),
            wording: Default::default(),
            reply_to: None,
            topic_id: None,
            schedule: None,
            idempotency_key: None,
        };
        let id = world.store.queue_reply(reply).await.unwrap().message.id;
        world.mark(id).await;
        let echo = IncomingMessage {
            entities: vec![bold(3)],
            object: object(1),
            ..own(CHAT, 9, "see example.org")
        };
        let sent = sent_at(9, echo.date);
        if echo_first {
            came(&world, account, Way::Live, echo).await;
            world.settle(id, sent).await.unwrap();
        } else {
            world.settle(id, sent).await.unwrap();
            came(&world, account, Way::Live, echo).await;
            assert_eq!(world.ear.names().last(), Some(&"message_edited"));
        }
        let read = world.store.get_message(id).await.unwrap().unwrap();
        assert_eq!(read.entities, Some(vec![bold(3)]));
        assert_eq!(objects(&world), 1);
        found.push(row(&world, account, 9));
    }
    let [first, second] = &found[..] else {
        panic!()
    };
    assert_eq!(first, second);
}

/// Protects the disk: with a removed account's messages their objects go.
#[actix::test]
async fn objects_go_with_their_messages() {
    let dir = tempfile::TempDir::new().unwrap();
    let world = World::at(StoreConfig::at(dir.path().join("switchboard.db")));
    let (gone, stays) = (world.account().await.id, world.account().await.id);
    for account in [gone, stays] {
        came(&world, account, Way::Live, rich(message(CHAT, 5, "hello"))).await;
    }
    world.store.remove_account(gone, false).await.unwrap();
    until("the purge", async || match objects(&world) {
        1 => Ok(()),
        left => Err(format!("{left} objects")),
    })
    .await;
    row(&world, stays, 5);
}

/// Protects codes that a quote holds, when what it quotes is seen to be Telegram's only in the store (a forward): in
/// either order, in one batch and in two, neither the quote nor its object stays.
#[actix::test]
async fn a_quote_of_a_masked_message_is_dropped() {
    let code = || IncomingMessage {
        masked: true,
        ..own(CHAT, 4, "Login code: \u{2022}")
    };
    let quoting = || IncomingMessage {
        quote: Some("Login code: 12345".to_owned()),
        reply_to: Some(4),
        object: object(3),
        ..message(CHAT, 5, "is that it?")
    };
    let orders: [Vec<Vec<IncomingMessage>>; 4] = [
        vec![vec![code()], vec![quoting()]],
        vec![vec![quoting()], vec![code()]],
        vec![vec![quoting(), code()]],
        vec![vec![code(), quoting()]],
    ];
    for (case, batches) in orders.into_iter().enumerate() {
        let world = World::new();
        let account = world.account().await.id;
        for messages in batches {
            world
                .record(account, messages.into_iter().map(new).collect())
                .await;
        }
        let row = row(&world, account, 5);
        assert!(
            row.contains("is that it?") && !row.contains("12345"),
            "{case}: {row}"
        );
        assert_eq!(objects(&world), 0, "{case}");
    }
    // Taken in another chat: whether the message is known or not.
    let elsewhere = || IncomingMessage {
        reply_to: None,
        quoted: Some((CHAT, 4)),
        ..message(ChatId::channel(70), 5, "is that it?")
    };
    let elsewhere = || IncomingMessage {
        quote: quoting().quote,
        object: object(3),
        ..elsewhere()
    };
    for (case, first) in [Some(code()), None].into_iter().enumerate() {
        let world = World::new();
        let account = world.account().await.id;
        let all = first.into_iter().chain([elsewhere()]);
        world.record(account, all.map(new).collect()).await;
        let row = row(&world, account, 5);
        assert!(
            row.contains("is that it?") && !row.contains("12345"),
            "elsewhere {case}: {row}"
        );
        assert_eq!(objects(&world), 0, "elsewhere {case}");
    }
    // Of anything else it stays.
    let world = World::new();
    let account = world.account().await.id;
    let plain = own(CHAT, 4, "nothing secret");
    world
        .record(account, vec![new(plain.clone()), new(elsewhere())])
        .await;
    assert!(row(&world, account, 5).contains("12345"));
    let world = World::new();
    let account = world.account().await.id;
    world
        .record(account, vec![new(plain), new(quoting())])
        .await;
    assert!(row(&world, account, 5).contains("12345"));
}
