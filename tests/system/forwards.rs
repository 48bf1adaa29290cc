//! Forwards: to several chats at once, as albums, without their origin, to another account, and exactly once.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{
    ChatRef, Draft, Effect, Fault, Media, PersonSpec,
    world::{Form as SentForm, LedgerMessage},
};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    rows, wait,
};

const FORWARD: &str = "messages.forwardMessages";

pub struct Town {
    pub fleet: Fleet,
    pub account: FleetAccount,
    pub people: [i64; 3],
    pub chats: Vec<Value>,
}

impl Town {
    pub async fn start(accounts: usize) -> Self {
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

    pub async fn said(&self, text: &str) -> Value {
        self.fleet
            .telegram
            .say(self.people[0], self.account.user, text);
        self.fleet
            .wait_for_message(&self.chats[0], text, "received")
            .await
    }

    /// What Telegram has of ours in a chat.
    pub fn ours(&self, chat: i64) -> Vec<LedgerMessage> {
        let ledger = self.fleet.telegram.ledger_of(self.account.user);
        let chat = ledger[&chat].messages.iter();
        chat.filter(|message| message.out).cloned().collect()
    }

    pub async fn forward(&self, body: Value) -> (StatusCode, Value) {
        self.fleet
            .api
            .call(Method::POST, "/messages/forward", Some(body))
            .await
    }

    pub async fn until_done(&self) {
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
