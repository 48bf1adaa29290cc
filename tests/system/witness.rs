//! Witness: a client that nobody here wrote is the other side of what is done, and says what it hears.

use std::{process::Stdio, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, PersonSpec};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{
    senders::workshop,
    support::{
        fleet::{Fleet, phone},
        forms::{Form, paper, photo},
        python, wait,
    },
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

struct Witness {
    /// Ends with the test.
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Witness {
    /// `command` runs a client that signs in with the number that it is told.
    async fn start(fleet: &Fleet, mut command: Command, number: &str) -> Self {
        let control = fleet
            .telegram
            .serve_control(([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        let mut child = command
            .arg(number)
            .env("SIMULATOR_CONTROL", format!("http://{control}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut witness = Self {
            _child: child,
            lines,
        };
        witness.hears("ready").await;
        witness
    }

    /// The next that it hears of this kind.
    async fn hears(&mut self, kind: &str) -> Value {
        let heard = async {
            loop {
                let line = self
                    .lines
                    .next_line()
                    .await
                    .unwrap()
                    .expect("it still runs");
                let Ok(heard) = serde_json::from_str::<Value>(&line) else {
                    continue;
                };
                if heard["heard"] == kind {
                    return heard;
                }
            }
        };
        let limit = tokio::time::timeout(wait::LIMIT, heard);
        limit
            .await
            .unwrap_or_else(|_| panic!("it never heard {kind}"))
    }
}

/// Protects the other side: each deed reaches a client of another make as it was meant.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_hears_what_is_done() {
    let mut command = Command::new(python::with("foreign").await);
    command
        .arg(format!("{ROOT}/tests/senders/telethon_witness.py"))
        .env("PYTHONPATH", format!("{ROOT}/simulator/tests/telethon"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    hears_what_is_done(command).await;
}

/// Protects the same with a client of another ecosystem.
#[tokio::test(flavor = "multi_thread")]
async fn mtcute_hears_what_is_done() {
    let mut command = Command::new("node");
    command
        .arg("mtcute_witness.mjs")
        .current_dir(workshop().await);
    hears_what_is_done(command).await;
}

async fn hears_what_is_done(command: Command) {
    let fleet = Fleet::builder().accounts(1).start().await;
    let telegram = &fleet.telegram;
    let account = fleet.accounts[0].clone();
    let number = phone(53);
    let other = telegram.add_account(AccountSpec::new(&number, "Other side"));
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(other, account.user, "two apples and three pears");
    telegram.say(person, account.user, "pass it on");
    let here = fleet.conversation(&account, other).await;
    let elsewhere = fleet.conversation(&account, person).await;
    let question = fleet
        .wait_for_message(&here, "two apples and three pears", "received")
        .await;
    let passed = fleet
        .wait_for_message(&elsewhere, "pass it on", "received")
        .await;
    let mut witness = Witness::start(&fleet, command, &number).await;

    let reply = json!({
        "text": "**three**, please", "format": "markdown", "quote": { "text": "three pears" },
        "reply_to_message_id": question["message_id"],
    });
    fleet
        .api
        .post(&format!("/conversations/{}/reply", here["id"]), reply)
        .await;
    let heard = witness.hears("new").await;
    assert_eq!(heard["text"], "three, please");
    assert_eq!(heard["quote"], "three pears");
    assert_eq!(heard["entities"], json!([["MessageEntityBold", 0, 5]]));
    let ours = fleet.wait_for_message(&here, "three, please", "sent").await;
    let order = async |method: Method, path: String, body: Option<Value>| {
        let (status, answer) = fleet.api.call(method, &path, body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    };
    let path = |message: &Value, rest: &str| format!("/messages/{}{rest}", message["id"]);

    let edit = json!({ "text": "__four__, please", "format": "markdown" });
    order(Method::PATCH, path(&ours, ""), Some(edit)).await;
    let heard = witness.hears("edited").await;
    assert_eq!(heard["text"], "four, please");
    assert_eq!(heard["entities"], json!([["MessageEntityItalic", 0, 4]]));

    order(
        Method::PUT,
        path(&question, "/reaction"),
        Some(json!({ "emoji": "👍" })),
    )
    .await;
    assert_eq!(witness.hears("edited").await["reactions"], json!(["👍"]));
    order(
        Method::PUT,
        path(&ours, "/pin"),
        Some(json!({ "pinned": true })),
    )
    .await;
    assert_eq!(witness.hears("pinned").await["pinned"], true);
    let body = json!({ "message_ids": [passed["id"]], "conversation_ids": [here["id"]] });
    order(Method::POST, "/messages/forward".to_owned(), Some(body)).await;
    loop {
        let heard = witness.hears("new").await;
        if heard["text"] == "pass it on" {
            assert_eq!(heard["forwarded"], true);
            break;
        }
    }
    order(Method::DELETE, path(&ours, "?for=everyone"), None).await;
    assert_eq!(witness.hears("deleted").await["count"], 1);

    let list = paper(1, 70_000);
    let picture = photo(2, 40, 30);
    for (caption, sample) in [("list", &list), ("picture", &picture)] {
        let form = Form::default().field("text", caption).add(sample);
        let path = format!("/conversations/{}/reply", here["id"]);
        let (status, answer) = fleet.api.form(&path, form).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let heard = witness.hears("new").await;
        assert_eq!(heard["text"], caption);
        assert_eq!(heard["sha256"], sample.sha256(), "{heard}");
    }

    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3_600);
    let body = json!({ "text": "goodbye", "scheduled_for": format!("{later:.3}") });
    fleet
        .api
        .post(&format!("/conversations/{}/reply", here["id"]), body)
        .await;
    let waiting = async || telegram.scheduled(account.user, other).len();
    wait::until("it to wait", waiting, |waiting| *waiting == 1).await;
    telegram.advance(Duration::from_secs(7_200));
    assert_eq!(witness.hears("new").await["text"], "goodbye");
}
