//! Deeds: messages edited, deleted, reacted to and pinned, chats cleared. Judged by the simulator's ledger, the database file
//! and a WebSocket that only listens.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::world::LedgerMessage;

use crate::support::{
    fleet::{Fleet, FleetAccount},
    live::Live,
    rows, wait,
};

pub const DELETE: &str = "messages.deleteMessages";

const CLEAR: &str = "messages.deleteHistory";

pub struct Talk {
    pub fleet: Fleet,
    pub account: FleetAccount,
    pub person: i64,
    pub conversation: Value,
}

impl Talk {
    pub async fn start() -> Self {
        let (fleet, account, person, conversation) = Fleet::with_a_chat().await;
        Self {
            fleet,
            account,
            person,
            conversation,
        }
    }

    pub fn id(&self) -> i64 {
        self.conversation["id"].as_i64().unwrap()
    }

    /// A message of ours that Telegram has.
    pub async fn sent(&self, text: &str) -> Value {
        self.fleet.api.reply(self.id(), text).await;
        let conversation = &self.conversation;
        self.fleet
            .wait_for_message(conversation, text, "sent")
            .await
    }

    pub async fn received(&self, text: &str) -> Value {
        self.fleet
            .telegram
            .say(self.person, self.account.user, text);
        let conversation = &self.conversation;
        self.fleet
            .wait_for_message(conversation, text, "received")
            .await
    }

    /// As Telegram has it.
    pub fn theirs(&self, message: &Value) -> LedgerMessage {
        theirs(&self.fleet, &self.account, self.person, message)
    }

    pub fn notices(&self) -> usize {
        let ledger = self.fleet.telegram.ledger_of(self.account.user);
        let chat = ledger[&self.person].messages.iter();
        chat.filter(|message| message.service).count()
    }

    /// A call that has to be taken.
    pub async fn order(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.fleet.api.call(method, path, body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{path}: {answer}");
        answer
    }

    pub async fn refused(&self, method: Method, path: &str, body: Option<Value>) -> String {
        let (status, answer) = self.fleet.api.call(method, path, body).await;
        assert!(status.is_client_error(), "{path}: {status} {answer}");
        answer["error"]["code"].as_str().unwrap().to_owned()
    }

    pub fn waiting(&self) -> i64 {
        let file = self.fleet.data_dir().join("switchboard.db");
        rows::number(&file, "SELECT count(*) AS n FROM orders")
    }

    pub async fn until_done(&self) {
        let none = async || self.waiting();
        wait::until("every order to be done", none, |left| *left == 0).await;
    }
}

pub fn theirs(fleet: &Fleet, account: &FleetAccount, chat: i64, message: &Value) -> LedgerMessage {
    let number: i32 = message["message_id"].as_str().unwrap().parse().unwrap();
    let ledger = fleet.telegram.ledger_of(account.user);
    let messages = &ledger[&chat].messages;
    let found = messages.iter().find(|message| message.id == number);
    found.unwrap().clone()
}

pub fn path(message: &Value, rest: &str) -> String {
    format!("/messages/{}{rest}", message["id"])
}

/// Reads until the order of a kind has its last word; answers with every frame until then.
pub async fn until_ended(live: &mut Live, kind: &str) -> Vec<Value> {
    let mut frames = Vec::new();
    loop {
        let frame = live.next().await;
        let order = &frame["data"]["order"];
        let ended = order["kind"] == kind && order["status"] != "pending";
        frames.push(frame);
        if ended {
            return frames;
        }
    }
}

pub fn told<'f>(frames: &'f [Value], event: &str) -> Vec<&'f Value> {
    frames
        .iter()
        .filter(|frame| frame["event"] == event)
        .collect()
}

/// Protects the person at the desk: what is done to a message is ordered, done at Telegram, and told as it is told from any
/// other device.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_edited_reacted_to_pinned_and_deleted() {
    let talk = Talk::start().await;
    let (ours, incoming) = (talk.sent("frist").await, talk.received("and you?").await);
    let mut live = talk.fleet.live(None).await;

    let edit =
        json!({ "text": "first", "entities": [{ "type": "bold", "offset": 0, "length": 5 }] });
    let answer = talk
        .order(Method::PATCH, &path(&ours, ""), Some(edit))
        .await;
    let note = &answer["message"]["orders"][0];
    assert_eq!(
        (&note["kind"], &note["status"]),
        (&json!("edit"), &json!("pending"))
    );
    let edited = live.until(|frame| frame["event"] == "message_edited").await;
    let message = &edited["data"]["message"];
    assert_eq!(message["text"], "first");
    assert_eq!(message["entities"][0]["type"], "bold");
    assert_eq!(talk.theirs(&ours).former_texts, ["frist"]);

    let react = json!({ "emoji": "👍" });
    let reaction = path(&incoming, "/reaction");
    talk.order(Method::PUT, &reaction, Some(react)).await;
    live.until(|frame| frame["event"] == "message_reacted")
        .await;
    let reacted = talk.fleet.api.get(&path(&incoming, "")).await;
    let shown = &reacted["message"]["reactions"][0];
    assert_eq!(
        (&shown["emoji"], &shown["mine"]),
        (&json!("👍"), &json!(true))
    );
    assert_eq!(
        talk.theirs(&incoming).reactions,
        [("👍".to_owned(), talk.account.user)]
    );
    talk.order(Method::PUT, &reaction, Some(json!({ "emoji": null })))
        .await;
    talk.until_done().await;
    assert!(talk.theirs(&incoming).reactions.is_empty());

    let pin = path(&incoming, "/pin");
    talk.order(Method::PUT, &pin, Some(json!({ "pinned": true })))
        .await;
    talk.until_done().await;
    assert!(talk.theirs(&incoming).pinned);
    let is_pinned = async || {
        let seen = talk.fleet.api.get(&path(&incoming, "")).await;
        seen["message"]["details"]["pinned"] == true
    };
    wait::until("the pin to be seen", is_pinned, |pinned| *pinned).await;
    talk.order(Method::PUT, &pin, Some(json!({ "pinned": false })))
        .await;
    talk.until_done().await;
    assert!(!talk.theirs(&incoming).pinned);

    let deletion = path(&incoming, "?for=everyone");
    talk.order(Method::DELETE, &deletion, None).await;
    let frames = until_ended(&mut live, "delete").await;
    let gone = told(&frames, "message_deleted");
    assert_eq!(gone[0]["data"]["ids"], json!([incoming["id"]]));
    assert!(talk.theirs(&incoming).deleted);
    // Nothing looked as if an update were missing.
    assert_eq!(
        talk.fleet
            .telegram
            .ledger()
            .methods
            .get("updates.getDifference"),
        Some(&1)
    );
}

/// Protects both sides of a chat: "for me" takes nothing away from anybody else, several go at once, and a whole chat goes
/// up to what was there when it was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn several_messages_and_whole_chats_are_deleted_for_one_side_or_for_both() {
    let mut talk = Talk::start().await;
    let other = talk
        .fleet
        .telegram
        .add_account(switchboard_simulator::AccountSpec {
            phone: crate::support::fleet::phone(90),
            first_name: "Other side".into(),
            ..Default::default()
        });
    talk.fleet
        .telegram
        .say(other, talk.account.user, "from the other side");
    talk.conversation = talk.fleet.conversation(&talk.account, other).await;
    talk.person = other;
    let mut sent = Vec::new();
    for text in ["one", "two", "three"] {
        sent.push(talk.sent(text).await);
    }
    let left = |user: i64, chat: i64| talk.fleet.telegram.texts(user, chat);
    let (own, theirs) = (talk.account.user, other);
    let for_me = json!({ "message_ids": [sent[0]["id"], sent[1]["id"]], "for": "me" });
    let answer = talk
        .order(Method::POST, "/messages/delete", Some(for_me.clone()))
        .await;
    assert_eq!(answer["messages"].as_array().unwrap().len(), 2);
    talk.until_done().await;
    assert_eq!(left(own, other), ["from the other side", "three"]);
    assert_eq!(
        left(theirs, own),
        ["from the other side", "one", "two", "three"]
    );
    // What is gone already is no error and no order.
    talk.order(Method::POST, "/messages/delete", Some(for_me))
        .await;
    assert_eq!(talk.waiting(), 0);

    let clear = format!("/conversations/{}/clear", talk.id());
    talk.order(Method::POST, &clear, Some(json!({ "for": "everyone" })))
        .await;
    talk.until_done().await;
    assert!(left(own, other).is_empty());
    assert_eq!(left(theirs, own), ["one", "two"]);
    let messages = talk.fleet.api.messages(talk.id()).await;
    assert!(
        messages
            .iter()
            .all(|message| message["deleted_at"].is_string()),
        "{messages:?}"
    );
}

/// Protects a long chat: Telegram clears it in steps, and all of them are taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_chat_is_cleared_to_its_end() {
    let talk = Talk::start().await;
    for number in 0..250 {
        talk.fleet
            .telegram
            .say(talk.person, talk.account.user, &format!("line {number}"));
    }
    talk.received("the last").await;
    let clear = format!("/conversations/{}/clear", talk.id());
    talk.order(Method::POST, &clear, Some(json!({ "for": "me" })))
        .await;
    talk.until_done().await;
    assert!(
        talk.fleet
            .telegram
            .texts(talk.account.user, talk.person)
            .is_empty()
    );
    assert_eq!(talk.fleet.telegram.ledger().methods[CLEAR], 3);
    assert_eq!(
        talk.fleet
            .telegram
            .ledger()
            .methods
            .get("updates.getDifference"),
        Some(&1)
    );
    let file = talk.fleet.data_dir().join("switchboard.db");
    let there = "SELECT count(*) AS n FROM messages WHERE deleted_at IS NULL";
    assert_eq!(rows::number(&file, there), 0);
}
