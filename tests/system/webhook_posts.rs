//! Posts of webhooks, verified by libraries of others, and with files.

use std::process::Stdio;

use reqwest::{Method, StatusCode};
use serde_json::json;
use switchboard_simulator::{PersonSpec, world::Media};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

use super::webhook_calls::allowing;
use crate::support::{forms::digest, python, tokens};

/// Protects receivers that nobody here wrote: the library of Standard Webhooks verifies the posts of both kinds of webhooks,
/// and refuses those that were meant for another.
#[tokio::test(flavor = "multi_thread")]
async fn the_library_of_standard_webhooks_verifies_posts() {
    let python = python::with("callers").await;
    let fleet = allowing("127.0.0.1").start().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = json!({ "url": format!("http://127.0.0.1:{port}/events") });
    let made = fleet.api.post("/webhooks", url.clone()).await;
    let other = fleet.api.post("/webhooks", url).await;
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/callers/webhook_receiver.py"
    );
    let mut receiver = Command::new(python)
        .args([script, &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let secret = format!("{}\n", made["secret"].as_str().unwrap());
    let mut input = receiver.stdin.take().unwrap();
    input.write_all(secret.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(receiver.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "ready");
    for (made, said, taken) in [(&made, "took test", true), (&other, "refused", false)] {
        let id = made["webhook"]["id"].as_str().unwrap();
        let path = format!("/webhooks/{id}/test");
        let answer = fleet.api.post(&path, json!({})).await;
        assert_eq!(answer["answer"]["taken"], taken, "{answer}");
        assert_eq!(lines.next_line().await.unwrap().unwrap(), said);
    }
}

/// Protects receivers of files: the address in a post is opened by the receiver's own token, byte for byte; a token that does not
/// see the account, or none, opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_opens_the_file_of_a_post_with_its_token() {
    let python = python::with("callers").await;
    let fleet = allowing("127.0.0.1").accounts(2).start().await;
    let boss = tokens::create(&fleet.data_dir(), "boss", "admin");
    let bearer = |token: &str| {
        fleet
            .api
            .with_header("authorization", &format!("Bearer {token}"))
    };
    let boss = bearer(&boss);
    let mut receivers = Vec::new();
    for account in &fleet.accounts {
        let body = json!({ "name": account.id, "scope": "read", "account_ids": [account.id] });
        let made = boss.post("/tokens", body).await;
        receivers.push(made["secret"].as_str().unwrap().to_owned());
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url =
        json!({ "url": format!("http://127.0.0.1:{port}/events"), "events": ["message_received"] });
    let made = boss.post("/webhooks", url).await;
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/callers/webhook_receiver.py"
    );
    let mut receiver = Command::new(python)
        .args([script, &port.to_string()])
        .arg(format!("http://{}", fleet.address()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let said = format!("{}\n{}\n", made["secret"].as_str().unwrap(), receivers[0]);
    let mut input = receiver.stdin.take().unwrap();
    input.write_all(said.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(receiver.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "ready");
    let telegram = &fleet.telegram;
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let mut posted = Vec::new();
    for (account, seen) in [(&fleet.accounts[0], true), (&fleet.accounts[1], false)] {
        let media = Media::Document {
            name: "plan.bin".to_owned(),
            mime: "application/octet-stream".to_owned(),
            size: 70_000,
        };
        let id = telegram.say_media(person, account.user, media, "the plan");
        let file = telegram.file_of(account.user, person, id);
        let bytes = telegram.file_bytes(file, "").unwrap();
        assert_eq!(
            lines.next_line().await.unwrap().unwrap(),
            "took message_received"
        );
        let wanted = match seen {
            true => format!("opened 200 {}", digest(&bytes)),
            false => "opened 404".to_owned(),
        };
        assert_eq!(lines.next_line().await.unwrap().unwrap(), wanted);
        let path = format!("/accounts/{}", account.id);
        posted.push(boss.get(&path).await["account"]["id"].clone());
    }
    let all = boss.get("/conversations").await;
    let mine = all["conversations"].as_array().unwrap().iter();
    let mine = mine.filter(|one| one["account_id"] == posted[0]);
    let id = mine.map(|one| one["last_message"]["id"].clone()).next();
    let path = format!("/messages/{}/media", id.unwrap());
    let (status, _) = fleet.api.call(Method::GET, &path, None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
