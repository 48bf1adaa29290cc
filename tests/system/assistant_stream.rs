//! The assistant's answer, streamed and sent.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, PersonSpec};

use super::user_api::authorize;
use crate::support::{
    assistant::{Assistant, Behaviour},
    fleet::{Fleet, FleetBuilder, phone},
    wait,
};

struct Scene {
    fleet: Fleet,
    assistant: Assistant,
    user: i64,
    person: i64,
}

async fn scene() -> Scene {
    scene_of(Fleet::builder()).await
}

async fn scene_of(builder: FleetBuilder) -> Scene {
    let assistant = Assistant::start().await;
    let fleet = builder
        .env("ASSISTANT_URL", &assistant.url)
        .env("ASSISTANT_KEY", "secret-of-the-assistant")
        .env("ASSISTANT_MODEL", "small")
        .start()
        .await;
    let number = phone(71);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Writer"));
    let person = fleet
        .telegram
        .add_person(PersonSpec::new("Contact one").username("contact_one"));
    authorize(&fleet, &fleet.api, "user123", &number).await;
    Scene {
        fleet,
        assistant,
        user,
        person,
    }
}

pub fn question(send_as_user: bool) -> Value {
    json!({
        "user_id": "user123",
        "send_to_telegram": true,
        "send_as_user": send_as_user,
        "recipient_id": "contact_one",
        "messages": [{ "role": "user", "content": "Write to them" }],
    })
}

impl Scene {
    async fn ask(&self, body: Value) -> reqwest::Response {
        let request = self.fleet.api.request(Method::POST, "/message_stream");
        request.json(&body).send().await.unwrap()
    }

    /// All events of one stream.
    async fn events(&self, body: Value) -> Vec<Value> {
        let response = self.ask(body).await;
        assert_eq!(response.status(), StatusCode::OK);
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        let text = response.text().await.unwrap();
        text.lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }

    fn sent(&self) -> Vec<String> {
        self.fleet.telegram.texts(self.user, self.person)
    }
}

fn said(events: &[Value]) -> String {
    let pieces = events.iter().filter(|event| event["type"] == "content");
    pieces
        .map(|event| event["content"].as_str().unwrap())
        .collect()
}

/// Protects the answer on its way: streamed piece by piece, then sent whole and in order, and the last event says so.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_streamed_and_then_sent_from_the_users_account() {
    let scene = scene().await;
    let long = "word ".repeat(1000);
    let pieces = vec!["Hello ".to_owned(), "there. ".to_owned(), long.clone()];
    scene
        .assistant
        .behave(Behaviour::Says(pieces, Duration::from_millis(20)));

    let events = scene.events(question(true)).await;
    assert_eq!(said(&events), format!("Hello there. {long}"));
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["status"], &last["sent"]),
        (&json!("done"), &json!("ok"), &json!(true))
    );
    let sent = scene.sent();
    assert_eq!(last["message_ids"].as_array().unwrap().len(), sent.len());
    assert_eq!(sent.len(), 2, "5,013 units are two messages");
    let joined = sent.join(" ");
    assert!(
        joined
            .split_whitespace()
            .eq(said(&events).split_whitespace())
    );
    let asked = scene.assistant.asked();
    assert_eq!(asked[0]["model"], "small");
    assert_eq!(asked[0]["stream"], true);
    assert_eq!(asked[0]["messages"][0]["content"], "Write to them");

    // Without the wish to send as the user, it is a stream and nothing else.
    let events = scene.events(question(false)).await;
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["sent"]),
        (&json!("done"), &json!(false))
    );
    assert_eq!(scene.sent().len(), 2);
    assert!(
        !scene
            .fleet
            .service()
            .log()
            .contains("secret-of-the-assistant")
    );
}

/// Protects the reader of an assistant that writes Markdown: it comes formatted, also where a long answer is cut; the caller's
/// stream has it as it was written.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_markdown_is_sent_formatted() {
    let scene = scene_of(Fleet::builder().accounts(1)).await;
    let reader = scene.fleet.accounts[0].clone();
    scene.fleet.telegram.say(reader.user, scene.user, "hello");
    scene
        .fleet
        .telegram
        .say(scene.user, reader.user, "hello you");
    let there = scene.fleet.conversation(&reader, scene.user).await;
    let words = "word ".repeat(1000);
    let written = format!("**{}** `end` \\*", words.trim_end());
    scene
        .assistant
        .behave(Behaviour::Says(vec![written.clone()], Duration::ZERO));
    let mut body = question(true);
    body["format"] = json!("markdown");
    body["recipient_id"] = json!(reader.user);
    let heard = wait::until(
        "the account to know the reader",
        || scene.events(body.clone()),
        |events| events.last().unwrap()["type"] == "done",
    )
    .await;
    assert_eq!(said(&heard), written);
    assert_eq!(
        heard.last().unwrap()["message_ids"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let path = format!("/conversations/{}/messages", there["id"]);
    let page = wait::until(
        "both parts",
        || scene.fleet.api.get(&path),
        |page| page["messages"].as_array().unwrap().len() == 4,
    )
    .await;
    let shown = |message: &Value| -> Vec<(String, i64, i64)> {
        let entities = message["entities"].as_array().unwrap().iter();
        let number = |one: &Value, field: &str| one[field].as_i64().unwrap();
        let one = |one: &Value| {
            let kind = one["type"].as_str().unwrap().to_owned();
            (kind, number(one, "offset"), number(one, "length"))
        };
        entities.map(one).collect()
    };
    let [last, first] = [&page["messages"][0], &page["messages"][1]];
    let bold = |text: &Value| {
        let units = text.as_str().unwrap().trim_end_matches(" end *").len();
        ("bold".to_owned(), 0, i64::try_from(units).unwrap())
    };
    assert_eq!(shown(first), [bold(&first["text"])]);
    let (.., end) = bold(&last["text"]);
    let code = ("code".to_owned(), end + 1, 3);
    assert_eq!(shown(last), [bold(&last["text"]), code]);
    let whole = format!(
        "{} {}",
        first["text"].as_str().unwrap(),
        last["text"].as_str().unwrap()
    );
    assert_eq!(whole, format!("{} end *", words.trim_end()));
}

/// Protects a caller whose line broke: under the same key the answer is told again, and neither asked for nor sent twice; one
/// that came to nothing may be asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_under_a_key_is_sent_once() {
    let scene = scene().await;
    let pieces = vec!["Hello ".to_owned(), "there.".to_owned()];
    let told = async |key: &str, body: Value| {
        let request = scene.fleet.api.request(Method::POST, "/message_stream");
        let request = request.header("idempotency-key", key).json(&body);
        let answer = request.send().await.unwrap();
        let replayed = answer.headers().contains_key("idempotency-replayed");
        let kind = answer.headers()["content-type"].clone();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        // What only shows that the line stands is not a part of it.
        let text: String = text
            .lines()
            .filter(|line| line.starts_with("data: ") && !line.contains("sending"))
            .collect();
        (status, replayed, kind, text)
    };
    scene.assistant.behave(Behaviour::Refuses);
    let (_, replayed, _, text) = told("one", question(true)).await;
    assert!(!replayed && text.contains("assistant_refused"), "{text}");
    scene
        .assistant
        .behave(Behaviour::Says(pieces, Duration::from_millis(5)));
    let first = told("one", question(true)).await;
    assert!(!first.1 && first.3.contains("\"sent\":true"), "{first:?}");
    let asked = scene.assistant.asked().len();
    let again = wait::until(
        "the answer to be kept",
        || told("one", question(true)),
        |(status, ..)| *status == StatusCode::OK,
    )
    .await;
    assert_eq!((again.1, &again.2, &again.3), (true, &first.2, &first.3));
    assert_eq!(
        (scene.assistant.asked().len(), scene.sent().len()),
        (asked, 1)
    );
    let (status, ..) = told("one", question(false)).await;
    assert_eq!(
        status,
        StatusCode::CONFLICT,
        "another call under the same key"
    );
}

/// Protects recipients: an answer that is not whole is never sent, and the caller is told what happened.
#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_never_sent() {
    let scene = scene().await;
    for (behaviour, code) in [
        (Behaviour::BreaksOff, "assistant_broke_off"),
        (Behaviour::Garbage, "assistant_unreadable"),
        (Behaviour::Refuses, "assistant_refused"),
        (Behaviour::Says(vec![], Duration::ZERO), "assistant_empty"),
    ] {
        scene.assistant.behave(behaviour);
        let events = scene.events(question(true)).await;
        let last = events.last().unwrap();
        assert_eq!(
            (&last["type"], &last["code"]),
            (&json!("error"), &json!(code)),
            "{last}"
        );
        assert_eq!(last["sent"], false);
    }
    assert!(scene.sent().is_empty());
}

/// Protects a person who changed their mind: cut by the caller, nothing is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_sends_nothing() {
    let scene = scene().await;
    let pieces = (0..40).map(|number| format!("piece {number} ")).collect();
    scene
        .assistant
        .behave(Behaviour::Says(pieces, Duration::from_millis(50)));
    let response = scene.ask(question(true)).await;
    let mut stream = response.bytes_stream();
    stream.next().await.unwrap().unwrap();
    drop(stream);

    // A later answer that is sent whole proves that the first had its time.
    wait::until(
        "the assistant to be asked",
        || async { scene.assistant.asked().len() },
        |asked| *asked == 1,
    )
    .await;
    let pieces = (0..50).map(|_| "later ".to_owned()).collect();
    scene
        .assistant
        .behave(Behaviour::Says(pieces, Duration::from_millis(50)));
    let events = scene.events(question(true)).await;
    assert_eq!(events.last().unwrap()["type"], "done");
    let sent = scene.sent();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].starts_with("later"));
}

/// Protects callers of a service that has no assistant: they are told so at once.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_assistant_the_stream_is_refused() {
    let fleet = Fleet::builder().start().await;
    let (status, body) = fleet
        .api
        .call(Method::POST, "/message_stream", Some(question(true)))
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["code"], "assistant_missing");
    assert!(body["message"].as_str().unwrap().contains("ASSISTANT_URL"));
}
