//! The whole message: what is more than plain text is one row with its object, whichever way Telegram told of it.

use std::path::Path;

use grammers_tl_types::{Deserializable as _, LAYER, enums, types};
use serde_json::{Value, json};
use switchboard_simulator::{
    AccountSpec, PersonSpec,
    world::{ChatRef, Draft, Form, Media},
};

use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    rows, wait,
};

fn bold(offset: i32, length: i32) -> enums::MessageEntity {
    types::MessageEntityBold { offset, length }.into()
}

fn link(offset: i32, length: i32) -> enums::MessageEntity {
    let url = "https://example.org/behind".to_owned();
    types::MessageEntityTextUrl {
        offset,
        length,
        url,
    }
    .into()
}

fn draft(text: &str, form: Form) -> Draft {
    Draft {
        form,
        ..Draft::text(text)
    }
}

/// All that the file says of an account's messages of a chat, but row ids and how they were told.
fn stored(file: &Path, account: &FleetAccount, chat: i64) -> Vec<String> {
    let query = format!(
        "SELECT json_array(m.message_no, m.direction, m.status, m.text, m.timestamp, m.sender_id, m.sender_name, m.reply_to, \
         m.topic_id, m.edited_at, m.deleted_at, m.media, m.service, m.masked, m.entities, m.album_id, m.forwarded_from, \
         m.quote, o.layer, hex(o.object)) AS t \
         FROM messages m LEFT JOIN message_objects o ON o.message_row = m.id \
         WHERE m.telegram_account_id = '{}' AND m.chat_id = '{chat}' ORDER BY m.message_no",
        account.id
    );
    rows::texts(file, &query)
}

/// The kept object of a message, as Telegram's type.
fn object(row: &str) -> Option<enums::Message> {
    let row: Value = serde_json::from_str(row).unwrap();
    assert_eq!(*row.get(18)?.as_i64().as_ref()?, i64::from(LAYER));
    let hex = row[19].as_str().unwrap();
    let bytes = rows::inflated(hex);
    Some(enums::Message::from_bytes(&bytes).unwrap())
}

/// A row without what Telegram gives each account another of: the hash that opens a photo.
fn without_hash(row: &str) -> String {
    let mut fields: Value = serde_json::from_str(row).unwrap();
    let mut message = object(row);
    if let Some(enums::Message::Message(message)) = &mut message
        && let Some(enums::MessageMedia::Photo(media)) = &mut message.media
        && let Some(enums::Photo::Photo(photo)) = &mut media.photo
    {
        photo.access_hash = 0;
    }
    fields[19] = format!("{message:?}").into();
    fields.to_string()
}

fn at_telegram(fleet: &Fleet, account: &FleetAccount, chat: i64, id: i32) -> enums::Message {
    let chat = ChatRef::from(chat);
    fleet.telegram.look(|world| {
        let gid = world.find(account.user, chat, id).unwrap();
        world.message_tl(account.user, id, chat, gid)
    })
}

/// Protects the faithful copy: formatted, grouped, quoting, forwarded and rich messages are the same rows for an account
/// that was there, for one that was away and for one that came later; their objects are Telegram's own.
#[tokio::test(flavor = "multi_thread")]
async fn the_whole_message_is_kept_live_from_a_difference_and_from_history() {
    let mut fleet = Fleet::builder().accounts(2).start().await;
    let file = fleet.data_dir().join("switchboard.db");
    let [there, away] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let number = phone(41);
    let spec = AccountSpec::new(&number, "Newcomer");
    let newcomer = fleet.telegram.add_account(spec);
    let telegram = &fleet.telegram;
    let [person, other] =
        ["Contact one", "Contact two"].map(|name| telegram.add_person(PersonSpec::new(name)));
    let members = [person, other, there.user, away.user, newcomer];
    let group = telegram.add_supergroup("Team", &members);
    telegram.say(person, group, "plain");
    for account in [&there, &away] {
        let conversation = fleet.conversation(account, group).await;
        fleet
            .wait_for_message(&conversation, "plain", "received")
            .await;
    }
    fleet.set_active(&away, false).await;

    let telegram = &fleet.telegram;
    let marks = vec![bold(0, 4), link(5, 4)];
    let form = Form {
        entities: marks.clone(),
        ..Form::default()
    };
    let marked = telegram.post(person, group, draft("bold link", form));
    for caption in ["first of the album", "second of the album"] {
        let album = Draft {
            media: Some(Media::Photo {
                width: 800,
                height: 600,
            }),
            ..draft(
                caption,
                Form {
                    album: Some(1_234_567_890_123_456_789),
                    ..Form::default()
                },
            )
        };
        telegram.post(person, group, album);
    }
    let reply_to = telegram.look(|world| world.find(person, ChatRef::from(group), marked));
    let quoting = Draft {
        reply_to,
        ..draft(
            "about that",
            Form {
                quote: Some("link".to_owned()),
                ..Form::default()
            },
        )
    };
    telegram.post(other, group, quoting);
    telegram.forward(other, group, marked, group).unwrap();
    let rich = Form {
        rich: true,
        ..Form::default()
    };
    telegram.post(person, group, draft("a heading\na paragraph", rich));
    let form = Form {
        entities: marks,
        ..Form::default()
    };
    let edited = telegram.post(person, group, draft("bold link, once", form));
    telegram
        .edit(person, group, edited, "bold link, edited")
        .unwrap();

    let conversation = fleet.conversation(&there, group).await;
    let shown = async |text: &str| {
        fleet
            .wait_for_message(&conversation, text, "received")
            .await
    };
    let entities = json!([
        { "type": "bold", "offset": 0, "length": 4 },
        { "type": "text_url", "offset": 5, "length": 4, "url": "https://example.org/behind" },
    ]);
    let last = shown("bold link, edited").await;
    assert_eq!(last["entities"], entities, "{last}");
    let album = shown("second of the album").await;
    assert_eq!(album["album_id"], "1234567890123456789", "{album}");
    assert_eq!(album["entities"], Value::Null, "{album}");
    let quote = shown("about that").await;
    assert_eq!(
        (&quote["quote"], &quote["reply_to_message_id"]),
        (&json!("link"), &json!(marked.to_string())),
        "{quote}"
    );
    shown("a heading\na paragraph").await;
    let forwarded = fleet
        .api
        .messages(conversation["id"].as_i64().unwrap())
        .await
        .into_iter()
        .find(|message| message["forwarded_from"] != Value::Null)
        .unwrap();
    assert_eq!(forwarded["entities"], entities, "{forwarded}");
    let from = &forwarded["forwarded_from"];
    assert_eq!(from["id"], person.to_string(), "{from}");
    assert_eq!(from["name"], "Contact one", "{from}");

    fleet.set_active(&away, true).await;
    let late = fleet.sign_in("Newcomer", number, newcomer).await;
    let wanted = stored(&file, &there, group);
    let same: Vec<String> = wanted.iter().map(|row| without_hash(row)).collect();
    assert!(wanted.len() >= 8, "{wanted:#?}");
    for account in [&away, &late] {
        wait::until(
            "the same rows",
            async || {
                let rows = stored(&file, account, group);
                rows.iter().map(|row| without_hash(row)).collect::<Vec<_>>()
            },
            |rows| *rows == same,
        )
        .await;
    }
    let mut kept = 0;
    for row in &wanted {
        let numbered: Value = serde_json::from_str(row).unwrap();
        let id = i32::try_from(numbered[0].as_i64().unwrap()).unwrap();
        if let Some(object) = object(row) {
            assert_eq!(object, at_telegram(&fleet, &there, group, id));
            kept += 1;
        }
    }
    // Everything but the plain one.
    assert_eq!(kept, wanted.len() - 1, "{wanted:#?}");
}

/// Protects what Telegram marks in a reply of ours: in a private chat only the short answer to the send tells it.
#[tokio::test(flavor = "multi_thread")]
async fn what_telegram_marks_in_a_reply_is_kept() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let file = fleet.data_dir().join("switchboard.db");
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, account.user, "where is it?");
    let conversation = fleet.conversation(&account, person).await;
    let id = conversation["id"].as_i64().unwrap();
    let text = "😀 see https://example.org/here";
    fleet.api.reply(id, text).await;
    fleet.wait_for_message(&conversation, text, "sent").await;
    let marks = "SELECT coalesce(entities, '') AS t FROM messages WHERE direction = 'outgoing'";
    let marks = wait::until(
        "the marks",
        || async { rows::texts(&file, marks) },
        |marks| marks.iter().any(|one| !one.is_empty()),
    )
    .await;
    let marks: Value = serde_json::from_str(&marks[0]).unwrap();
    let wanted = json!({ "type": "url", "offset": 7, "length": 24 });
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(marks[0][name], *value, "{marks}");
    }
    let stored = stored(&file, &account, person);
    let number = fleet.telegram.ledger_of(account.user)[&person]
        .messages
        .last()
        .unwrap()
        .id;
    let kept = object(&stored[1]);
    assert!(kept.is_some(), "number {number} has its object");
}

/// Protects private chats, whose messages Telegram tells short: marks and quotes are there as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_short_update_brings_the_whole_message() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let file = fleet.data_dir().join("switchboard.db");
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, account.user, "plain");
    let conversation = fleet.conversation(&account, person).await;
    let form = Form {
        entities: vec![bold(0, 4)],
        ..Form::default()
    };
    let id = fleet
        .telegram
        .post(person, account.user, draft("bold", form));
    let message = fleet
        .wait_for_message(&conversation, "bold", "received")
        .await;
    assert_eq!(message["entities"][0]["type"], "bold", "{message}");
    let rows = stored(&file, &account, person);
    assert_eq!(object(&rows[0]), None);
    assert_eq!(
        object(&rows[1]),
        Some(at_telegram(&fleet, &account, person, id))
    );
}
