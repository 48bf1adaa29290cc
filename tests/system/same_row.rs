//! Same row: one message live, in a difference, in a hole and from history is one row, byte for byte, in every kind of chat.

use std::{collections::BTreeMap, path::Path, time::Duration};

use grammers_tl_types::{Deserializable as _, enums, types};
use serde_json::Value;
use switchboard_simulator::{
    AccountSpec, Effect, Fault, PersonSpec,
    world::{Draft, Form, Media, Spot},
};

use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    oracle::until_faithful,
    rows,
    town::{CHANNELS, calls, go_away},
    wait,
};

/// What no two accounts have in common, or what says how a message was told.
const OWN: [&str; 7] = [
    "id",
    "account_no",
    "conversation_id",
    "telegram_account_id",
    "backfilled",
    "late",
    "random_id",
];
/// In chats where each account has numbers of its own.
const NUMBERS: [&str; 5] = [
    "message_no",
    "message_id",
    "timestamp",
    "edited_at",
    "sender_id",
];

/// Every column of each message of a chat, with its kept object; by text.
fn stored(
    file: &Path,
    account: &FleetAccount,
    chat: i64,
    numbered: bool,
) -> BTreeMap<String, Value> {
    let columns = rows::texts(file, "SELECT name AS t FROM pragma_table_info('messages')");
    let pairs: Vec<String> = columns
        .iter()
        .filter(|name| !OWN.contains(&name.as_str()))
        .filter(|name| numbered || !NUMBERS.contains(&name.as_str()))
        .map(|name| format!("'{name}', m.{name}"))
        .collect();
    let query = format!(
        "SELECT json_object({}, 'layer', o.layer, 'object', hex(o.object)) AS t FROM messages m \
         LEFT JOIN message_objects o ON o.message_row = m.id \
         WHERE m.telegram_account_id = '{}' AND m.chat_id = '{chat}' AND m.service IS NULL",
        pairs.join(", "),
        account.id
    );
    let found = rows::texts(file, &query).into_iter().map(|row| {
        let mut row: Value = serde_json::from_str(&row).unwrap();
        row["object"] = without_own(&row["object"], numbered);
        (row["text"].as_str().unwrap().to_owned(), row)
    });
    found.collect()
}

/// The object without what Telegram gives each account another of: the hash that opens a photo, and a mailbox's numbers.
fn without_own(object: &Value, numbered: bool) -> Value {
    let Some(hex) = object.as_str().filter(|hex| !hex.is_empty()) else {
        return Value::Null;
    };
    let bytes = rows::inflated(hex);
    let enums::Message::Message(mut message) = enums::Message::from_bytes(&bytes).unwrap() else {
        return Value::Null;
    };
    if let Some(enums::MessageMedia::Photo(media)) = &mut message.media
        && let Some(enums::Photo::Photo(photo)) = &mut media.photo
    {
        photo.access_hash = 0;
    }
    if !numbered {
        (message.id, message.date, message.edit_date) = (0, 0, None);
        message.from_id = None;
    }
    format!("{message:?}").into()
}

fn bold() -> Form {
    Form {
        entities: vec![
            types::MessageEntityBold {
                offset: 0,
                length: 4,
            }
            .into(),
        ],
        ..Form::default()
    }
}

fn drafts(topic: i32) -> Vec<Draft> {
    let draft = |text: &str, form: Form| Draft {
        form,
        spot: Spot { topic, thread: 0 },
        ..Draft::text(text)
    };
    vec![
        draft("plain", Form::default()),
        draft("bold words", bold()),
        draft("bold words, once", bold()),
        Draft {
            media: Some(Media::Photo {
                width: 800,
                height: 600,
            }),
            ..draft("a photo", Form::default())
        },
    ]
}

/// Protects the faithful copy: in a channel, a supergroup, a topic of a forum and a private chat, plain, formatted, edited,
/// with a photo, theirs and our own, a message is the same row for who was there, who was away for a moment, who was away for
/// too long, and who came later.
#[tokio::test(flavor = "multi_thread")]
async fn one_message_is_one_row_whichever_way_it_came() {
    let mut fleet = Fleet::builder().accounts(3).start().await;
    let file = fleet.data_dir().join("switchboard.db");
    let telegram = fleet.telegram.clone();
    let number = phone(41);
    let newcomer = telegram.add_account(AccountSpec::new(&number, "Newcomer"));
    let mut users: Vec<i64> = fleet.accounts.iter().map(|account| account.user).collect();
    users.push(newcomer);
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let mut members = vec![person];
    members.extend(&users);
    let chats = [
        telegram.add_channel("Channel", &members),
        telegram.add_supergroup("Supergroup", &members),
        telegram.add_forum("Forum", &members),
    ];
    let topic = telegram.add_topic(chats[2], person, "Topic").unwrap();
    for user in &users {
        telegram.say(person, *user, "before");
    }
    for chat in &chats[..2] {
        telegram.say(person, *chat, "before");
    }
    let accounts = fleet.accounts.clone();
    for account in &accounts {
        until_faithful(&fleet, account, &[person, chats[0], chats[1]]).await;
    }
    telegram.advance(Duration::from_secs(2));
    let away = [1, 2].map(|index| go_away(&fleet, accounts[index].user));

    for (chat, topic) in [(chats[0], 0), (chats[1], 0), (chats[2], topic)] {
        for draft in drafts(topic) {
            let text = draft.text.clone();
            let id = telegram.post(person, chat, draft);
            if text.ends_with("once") {
                telegram
                    .edit(person, chat, id, "bold words, edited")
                    .unwrap();
            }
        }
    }
    for user in &users {
        for (from, chat, whose) in [(person, *user, "theirs"), (*user, person, "mine")] {
            // A photo is another one each time.
            let texts = drafts(0).into_iter().filter(|draft| draft.media.is_none());
            for mut draft in texts {
                draft.text = format!("{} {whose}", draft.text);
                let text = draft.text.clone();
                let id = telegram.post(from, chat, draft);
                if text.contains("once") {
                    telegram
                        .edit(from, chat, id, &format!("bold words, edited {whose}"))
                        .unwrap();
                }
            }
        }
    }
    let user = accounts[2].user;
    let mut faults = vec![Fault::new(Effect::DifferenceTooLong).account(user).times(1)];
    for chat in chats {
        let too_long = Fault::new(Effect::ChannelDifferenceTooLong).account(user);
        faults.push(too_long.channel(CHANNELS - chat).times(1));
    }
    let faults: Vec<_> = (faults.into_iter())
        .map(|fault| telegram.set_fault(fault))
        .collect();
    let history = calls(&fleet, "messages.getHistory");
    telegram.wire().clear_fault(away[0]);
    until_faithful(
        &fleet,
        &accounts[1],
        &[person, chats[0], chats[1], chats[2]],
    )
    .await;
    assert_eq!(
        calls(&fleet, "messages.getHistory"),
        history,
        "a difference tells all"
    );
    telegram.wire().clear_fault(away[1]);
    let late = fleet.sign_in("Newcomer", number, newcomer).await;

    let there = &accounts[0];
    for (chat, numbered) in [
        (chats[0], true),
        (chats[1], true),
        (chats[2], true),
        (person, false),
    ] {
        let rows = |account: &FleetAccount| {
            let mut rows = stored(&file, account, chat, numbered);
            rows.remove("before");
            rows
        };
        let wanted = wait::until(
            "the live rows",
            || async { rows(there) },
            |rows| rows.len() == if numbered { 4 } else { 6 },
        )
        .await;
        for account in [&accounts[1], &accounts[2], &late] {
            let same = wait::until(
                "as many rows",
                || async { rows(account) },
                |rows| rows.len() >= wanted.len() && *rows == wanted,
            );
            same.await;
        }
    }
    for fault in faults {
        assert_eq!(telegram.fault_hits(fault), 1, "the fault did not strike");
    }
}
