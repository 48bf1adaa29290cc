//! Forwards: to several chats at once, as albums, without their origin, to another account, and exactly once.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{
    ChatRef, Draft, Effect, Fault, Media, PersonSpec,
    world::{Form as SentForm, LedgerMessage},
};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    forms::{Form, paper},
    rows, wait,
};

const FORWARD: &str = "messages.forwardMessages";

struct Town {
    fleet: Fleet,
    account: FleetAccount,
    people: [i64; 3],
    chats: Vec<Value>,
}

impl Town {
    async fn start(accounts: usize) -> Self {
        let fleet = Fleet::builder().accounts(accounts).start().await;
        let account = fleet.accounts[0].clone();
        let people = [1, 2, 3].map(|number| {
            fleet
                .telegram
                .add_person(PersonSpec::new(&format!("Contact {number}")))
        });
        let mut chats = Vec::new();
        for person in people {
            fleet.telegram.say(person, account.user, "hello");
            chats.push(fleet.conversation(&account, person).await);
        }
        Self {
            fleet,
            account,
            people,
            chats,
        }
    }

    async fn said(&self, text: &str) -> Value {
        self.fleet
            .telegram
            .say(self.people[0], self.account.user, text);
        self.fleet
            .wait_for_message(&self.chats[0], text, "received")
            .await
    }

    /// What Telegram has of ours in a chat.
    fn ours(&self, chat: i64) -> Vec<LedgerMessage> {
        let ledger = self.fleet.telegram.ledger_of(self.account.user);
        let chat = ledger[&chat].messages.iter();
        chat.filter(|message| message.out).cloned().collect()
    }

    async fn forward(&self, body: Value) -> (StatusCode, Value) {
        self.fleet
            .api
            .call(Method::POST, "/messages/forward", Some(body))
            .await
    }

    async fn until_done(&self) {
        let file = self.fleet.data_dir().join("switchboard.db");
        let left = async || rows::number(&file, "SELECT count(*) AS n FROM orders");
        wait::until("every order to be done", left, |left| *left == 0).await;
    }
}

/// Protects what is passed on: each message reaches each chat once, with its origin or without, and the rows that the caller was
/// given become those messages.
#[tokio::test(flavor = "multi_thread")]
async fn messages_go_on_to_several_chats() {
    let town = Town::start(1).await;
    let (one, two) = (town.said("two boxes").await, town.said("by friday").await);
    let to = [town.chats[1]["id"].clone(), town.chats[2]["id"].clone()];
    let body = json!({ "message_ids": [two["id"], one["id"]], "conversation_ids": to });
    let keyed = town.fleet.api.with_header("idempotency-key", "forward-1");
    let mut given = Value::Null;
    for _ in 0..2 {
        let (status, answer) = keyed
            .call(Method::POST, "/messages/forward", Some(body.clone()))
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let ids: Vec<_> = answer["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].clone())
            .collect();
        assert_eq!(ids.len(), 4, "{answer}");
        assert!(given.is_null() || given == json!(ids));
        given = json!(ids);
    }
    town.until_done().await;
    for person in &town.people[1..] {
        let texts: Vec<_> = town.ours(*person).into_iter().map(|one| one.text).collect();
        assert_eq!(texts, ["two boxes", "by friday"]);
    }
    for id in given.as_array().unwrap() {
        let seen = town.fleet.api.get(&format!("/messages/{id}")).await;
        assert_eq!(seen["message"]["status"], "sent");
        assert_eq!(seen["message"]["forwarded_from"]["name"], "Contact 1");
    }
    let hidden =
        json!({ "message_ids": [one["id"]], "conversation_ids": [to[0]], "hide_origin": true });
    let (_, answer) = town.forward(hidden).await;
    town.until_done().await;
    let seen = town
        .fleet
        .api
        .get(&format!("/messages/{}", answer["messages"][0]["id"]))
        .await;
    assert_eq!(seen["message"]["forwarded_from"], Value::Null);
    assert_eq!(seen["message"]["text"], "two boxes");
}

/// Protects albums: they go in one call and stay one.
#[tokio::test(flavor = "multi_thread")]
async fn an_album_stays_an_album() {
    let town = Town::start(1).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let text = format!("picture {number}");
        let draft = Draft {
            media: Some(Media::Photo {
                width: 40,
                height: 30,
            }),
            form: SentForm {
                album: Some(77),
                ..SentForm::default()
            },
            ..Draft::text(text.clone())
        };
        town.fleet
            .telegram
            .post(town.people[0], ChatRef::User(town.account.user), draft);
        ids.push(
            town.fleet
                .wait_for_message(&town.chats[0], &text, "received")
                .await["id"]
                .clone(),
        );
    }
    let body = json!({ "message_ids": ids, "conversation_ids": [town.chats[1]["id"]] });
    let (status, answer) = town.forward(body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let album = &answer["messages"][0]["album_id"];
    assert!(
        album.is_string() && *album == answer["messages"][2]["album_id"],
        "{answer}"
    );
    town.until_done().await;
    assert_eq!(town.fleet.telegram.ledger().methods[FORWARD], 1);
    let ours = town.ours(town.people[1]);
    assert_eq!(ours.len(), 3);
    assert!(
        ours.iter()
            .all(|one| one.album != 0 && one.album == ours[0].album),
        "{ours:?}"
    );
}

/// Protects other accounts' chats: a text and a file go there as copies of ours, byte for byte, once under one key; what
/// can't be written again is refused.
#[tokio::test(flavor = "multi_thread")]
async fn texts_and_files_are_copied_to_another_account() {
    let town = Town::start(2).await;
    let other = town.fleet.accounts[1].clone();
    let telegram = &town.fleet.telegram;
    telegram.say(town.people[1], other.user, "over here");
    let there = town.fleet.conversation(&other, town.people[1]).await;
    let said = town.said("pass it on").await;
    let body = json!({ "message_ids": [said["id"]], "conversation_ids": [there["id"]] });
    let (status, answer) = town.forward(body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    town.fleet
        .wait_for_message(&there, "pass it on", "sent")
        .await;
    assert_eq!(
        telegram.texts(other.user, town.people[1]),
        ["over here", "pass it on"]
    );

    let photo = Media::Photo {
        width: 40,
        height: 30,
    };
    telegram.say_media(town.people[0], town.account.user, photo, "look");
    let look = town
        .fleet
        .wait_for_message(&town.chats[0], "look", "received")
        .await;
    let body = json!({ "message_ids": [look["id"]], "conversation_ids": [there["id"], town.chats[2]["id"]] });
    let keyed = town.fleet.api.with_header("idempotency-key", "copy-1");
    for _ in 0..2 {
        let (status, answer) = keyed
            .call(Method::POST, "/messages/forward", Some(body.clone()))
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        assert_eq!(answer["messages"][0]["media"]["kind"], "photo", "{answer}");
    }
    town.fleet.wait_for_message(&there, "look", "sent").await;
    town.until_done().await;
    let file = format!("/messages/{}/media", look["id"]);
    let file = town.fleet.api.request(Method::GET, &file).send().await;
    let file = file.unwrap().bytes().await.unwrap();
    let copy = theirs(&town, &other, town.people[1]).pop().unwrap();
    assert_eq!(copy.file.unwrap().sha256, sha256(&file));
    assert_eq!(theirs(&town, &other, town.people[1]).len(), 2);
    assert_eq!(
        town.ours(town.people[2]).len(),
        1,
        "in its own account it is forwarded"
    );

    let papers = [paper(1, 90_000), paper(2, 60_000)];
    let form = papers
        .iter()
        .fold(Form::default().field("text", "lists"), Form::add);
    let path = format!("/conversations/{}/reply", town.chats[0]["id"]);
    let (_, answer) = town.fleet.api.form(&path, form).await;
    let ids: Vec<Value> = (0..2)
        .map(|at| answer["messages"][at]["id"].clone())
        .collect();
    town.until_done().await;
    let body = json!({ "message_ids": ids, "conversation_ids": [there["id"]] });
    let (status, answer) = town.forward(body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    town.until_done().await;
    let album = theirs(&town, &other, town.people[1]).split_off(2);
    let sums: Vec<String> = album
        .iter()
        .map(|one| one.file.clone().unwrap().sha256)
        .collect();
    assert_eq!(sums, [papers[0].sha256(), papers[1].sha256()]);
    assert_eq!(
        (album[0].text.as_str(), album[1].text.as_str()),
        ("lists", "")
    );
    assert!(album[0].album != 0 && album[0].album == album[1].album);

    let sticker = Media::Sticker {
        emoji: "🙂".to_owned(),
    };
    telegram.say_media(town.people[0], town.account.user, sticker, "");
    let file = town.fleet.data_dir().join("switchboard.db");
    let query = "SELECT coalesce(max(id), 0) AS n FROM messages WHERE json_extract(media, '$.kind') = 'sticker'";
    let look = async || rows::number(&file, query);
    let sticker = wait::until("the sticker", look, |row| *row > 0).await;
    let body = json!({ "message_ids": [sticker], "conversation_ids": [there["id"]] });
    let (_, answer) = town.forward(body).await;
    assert_eq!(answer["error"]["code"], "not_copyable");
    let staged = async || {
        let folder = town.fleet.data_dir().join("staged").join(&other.id);
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    };
    wait::until("an empty folder", staged, |left| *left == 0).await;
}

/// Protects copies: each is an order like everything else. Its call is answered before a byte of the file came; whatever happens
/// after that, `kill -9` included, it arrives once and whole; from an account that is not there it fails in words, and goes on
/// when it is back. `SWITCHBOARD_KILLS` takes another number.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_an_order_and_arrives_once_whatever_breaks() {
    let mut town = Town::start(2).await;
    let other = town.fleet.accounts[1].clone();
    town.fleet
        .telegram
        .say(town.people[1], other.user, "over here");
    let there = town.fleet.conversation(&other, town.people[1]).await;
    let kills = std::env::var("SWITCHBOARD_KILLS").map_or(4, |text| text.parse().unwrap());
    let mut chance = StdRng::seed_from_u64(20_261_203);
    let mut wanted = Vec::new();
    for round in 0..=kills {
        let text = format!("round {round}");
        let paper = Media::Document {
            name: format!("list-{round}.pdf"),
            mime: "application/pdf".to_owned(),
            size: 70_000 + i64::from(round),
        };
        let telegram = &town.fleet.telegram;
        telegram.say_media(town.people[0], town.account.user, paper, &text);
        let source = town
            .fleet
            .wait_for_message(&town.chats[0], &text, "received")
            .await;
        let id = source["message_id"].as_str().unwrap().parse().unwrap();
        let number = telegram.file_of(town.account.user, town.people[0], id);
        wanted.push(sha256(&telegram.file_bytes(number, "").unwrap()));
        let body = json!({ "message_ids": [source["id"]], "conversation_ids": [there["id"]] });
        if round == kills {
            let account = town.account.clone();
            town.fleet.set_active(&account, false).await;
            let (_, answer) = town.forward(body).await;
            let path = format!("/messages/{}", answer["messages"][0]["id"]);
            let failed = wait::until(
                "the failure",
                async || town.fleet.api.get(&path).await["message"].clone(),
                |message| message["status"] == "failed",
            )
            .await;
            assert_eq!(failed["error"]["code"], "account_unavailable", "{failed}");
            town.fleet.set_active(&account, true).await;
            town.fleet
                .api
                .post(&format!("{path}/retry"), json!({}))
                .await;
            town.until_done().await;
            break;
        }
        // Where it is killed: as its file comes, as it goes up, as it becomes a message.
        let calls = [
            "upload.getFile",
            "upload.saveFilePart",
            "messages.sendMedia",
        ];
        let call = calls[round as usize % calls.len()];
        let effect = match call {
            "upload.getFile" => Effect::NeverAnswer,
            _ => Effect::SlowAnswer { millis: 60 },
        };
        let fault = telegram.set_fault(Fault::new(effect).on(call).times(1));
        let (status, answer) = town.forward(body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let (message, kind) = (&answer["messages"][0], "document");
        assert_eq!(
            (&message["status"], &message["media"]["kind"]),
            (&json!("pending"), &json!(kind))
        );
        let hits = async || town.fleet.telegram.fault_hits(fault);
        wait::until(call, hits, |hits| *hits > 0).await;
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..60))).await;
        town.fleet.kill_service();
        town.fleet.telegram.clear_faults();
        town.fleet.start_service();
        town.until_done().await;
    }
    let arrived = theirs(&town, &other, town.people[1]);
    let sums: Vec<String> = arrived
        .into_iter()
        .map(|one| one.file.unwrap().sha256)
        .collect();
    assert_eq!(sums, wanted);
    let file = town.fleet.data_dir().join("switchboard.db");
    assert_eq!(
        rows::number(&file, "SELECT count(*) AS n FROM order_copies"),
        0
    );
    let staged = async || {
        let folder = town.fleet.data_dir().join("staged").join(&other.id);
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    };
    wait::until("an empty folder", staged, |left| *left == 0).await;
}

/// What another account has written in a chat.
fn theirs(town: &Town, account: &FleetAccount, chat: i64) -> Vec<LedgerMessage> {
    let ledger = town.fleet.telegram.ledger_of(account.user);
    let chat = ledger[&chat].messages.iter();
    chat.filter(|message| message.out).cloned().collect()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    let sum = sha2::Sha256::digest(bytes);
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Protects a forum's order: what is forwarded there stands in the topic that was named, and a topic is of one forum.
#[tokio::test(flavor = "multi_thread")]
async fn messages_go_on_into_a_topic() {
    let town = Town::start(1).await;
    let telegram = &town.fleet.telegram;
    let forum = telegram.add_forum("Forum", &[town.people[1], town.account.user]);
    let topic = telegram
        .add_topic(forum, town.people[1], "Billing")
        .unwrap();
    let closed = telegram.add_topic(forum, town.people[1], "Closed").unwrap();
    telegram.close_topic(forum, closed).unwrap();
    let there = town.fleet.conversation(&town.account, forum).await;
    let said = town.said("pass it on").await;
    let body = |topic: i32, to: Vec<&Value>| json!({ "message_ids": [said["id"]], "conversation_ids": to, "topic_id": topic.to_string() });
    for to in [topic, 1] {
        let (status, answer) = town.forward(body(to, vec![&there["id"]])).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        town.until_done().await;
    }
    let spots: Vec<i32> = town.ours(forum).iter().map(|one| one.topic).collect();
    assert_eq!(spots, [topic, 0]);
    let (_, answer) = town.forward(body(closed, vec![&there["id"]])).await;
    let path = format!("/messages/{}", answer["messages"][0]["id"]);
    let failed = wait::until(
        "Telegram's refusal",
        async || town.fleet.api.get(&path).await["message"].clone(),
        |message| message["status"] == "failed",
    )
    .await;
    assert_eq!(failed["error"]["code"], "TOPIC_CLOSED");
    let both = vec![&there["id"], &town.chats[1]["id"]];
    let (_, answer) = town.forward(body(topic, both)).await;
    assert_eq!(answer["error"]["code"], "invalid_topic_id");
}

/// Protects against the double and the loss: lines that break before and after Telegram took it, answers that are unreadable,
/// and `kill -9`.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_each_message_goes_on_once() {
    let mut town = Town::start(1).await;
    let mut wanted = Vec::new();
    for (round, effect) in [
        Effect::Cut,
        Effect::CutAfter,
        Effect::Unreadable,
        Effect::SlowAnswer { millis: 150 },
    ]
    .into_iter()
    .enumerate()
    {
        let killed = matches!(effect, Effect::SlowAnswer { .. });
        let text = format!("round {round}");
        let said = town.said(&text).await;
        let fault = town
            .fleet
            .telegram
            .set_fault(Fault::new(effect).on(FORWARD).times(1));
        let body =
            json!({ "message_ids": [said["id"]], "conversation_ids": [town.chats[1]["id"]] });
        let (status, answer) = town.forward(body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        if killed {
            let hit = async || town.fleet.telegram.fault_hits(fault);
            wait::until("the call", hit, |hits| *hits == 1).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            town.fleet.kill_service();
            town.fleet.start_service();
        }
        town.until_done().await;
        assert_eq!(town.fleet.telegram.fault_hits(fault), 1);
        wanted.push(text);
        let texts: Vec<_> = town
            .ours(town.people[1])
            .into_iter()
            .map(|one| one.text)
            .collect();
        assert_eq!(texts, wanted);
        let file = town.fleet.data_dir().join("switchboard.db");
        let query = format!(
            "SELECT count(*) AS n FROM messages WHERE conversation_id = {} AND direction = 'outgoing'",
            town.chats[1]["id"]
        );
        assert_eq!(rows::number(&file, &query), wanted.len() as i64);
    }
}

/// Protects honesty: what a chat keeps for itself fails with Telegram's word, what can be known before is refused at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_go_on_is_refused() {
    let town = Town::start(1).await;
    let telegram = &town.fleet.telegram;
    let channel = telegram.add_channel("Channel", &[town.people[0], town.account.user]);
    telegram.say(town.people[0], channel, "for members");
    telegram.protect(channel, true);
    let conversation = town.fleet.conversation(&town.account, channel).await;
    let kept = town
        .fleet
        .wait_for_message(&conversation, "for members", "received")
        .await;
    let to = town.chats[1]["id"].clone();
    let body = |ids: Value| json!({ "message_ids": ids, "conversation_ids": [to] });
    let (status, answer) = town.forward(body(json!([kept["id"]]))).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let failed = town
        .fleet
        .wait_for_message(&town.chats[1], "for members", "failed")
        .await;
    assert_eq!(failed["error"]["code"], "CHAT_FORWARDS_RESTRICTED");

    let said = town.said("here").await;
    for (refused, code) in [
        (body(json!([])), "message_ids_invalid"),
        (
            body(json!([said["id"], kept["id"]])),
            "several_conversations",
        ),
        (body(json!([999_999])), "message_not_found"),
        (
            json!({ "message_ids": [said["id"]], "conversation_ids": [] }),
            "conversation_ids_invalid",
        ),
        (
            json!({ "message_ids": [said["id"]], "conversation_ids": [conversation["id"]] }),
            "chat_read_only",
        ),
    ] {
        let (_, answer) = town.forward(refused).await;
        assert_eq!(answer["error"]["code"], code);
    }
}
