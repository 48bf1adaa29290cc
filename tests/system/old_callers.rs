//! Old callers: clients in other languages, and the examples of the descriptions as they were written.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, PersonSpec};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

use crate::support::{
    assistant::{Assistant, Behaviour},
    fleet::{Fleet, phone},
};

/// Runs a client that asks for the code on stdout and takes it on stdin.
async fn run(fleet: &Fleet, program: &str, args: &[&str], number: &str) {
    let mut child = Command::new(program)
        .args(args)
        .env("NO_PROXY", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line == "code?" {
            let code = fleet.code_for(number).await;
            input
                .write_all(format!("{code}\n").as_bytes())
                .await
                .unwrap();
        }
        last = line;
    }
    assert!(child.wait().await.unwrap().success(), "{program} failed");
    assert_eq!(last, "done");
}

fn caller(name: &str) -> String {
    format!("{}/tests/callers/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Protects the licence integration's callers in Python: they switch over without changing a line.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_in_python_connects_a_number() {
    let fleet = Fleet::builder().start().await;
    let number = phone(1);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Shop"));
    let base = format!("http://{}", fleet.address());
    run(
        &fleet,
        "python3",
        &[&caller("phone.py"), &base, "licence-one", &number],
        &number,
    )
    .await;
}

/// Protects the user API's callers in JavaScript: they switch over without changing a line.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_in_javascript_sends_as_the_user() {
    let assistant = Assistant::start().await;
    let pieces = ["Good ", "morning ", "to you"].map(str::to_owned).to_vec();
    assistant.behave(Behaviour::Says(pieces, Duration::from_millis(20)));
    let fleet = Fleet::builder()
        .env("ASSISTANT_URL", &assistant.url)
        .env("ASSISTANT_MODEL", "small")
        .start()
        .await;
    let number = phone(1);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Writer"));
    let person = fleet
        .telegram
        .add_person(PersonSpec::new("Contact one").username("contact_one"));
    let base = format!("http://{}", fleet.address());
    run(
        &fleet,
        "node",
        &[&caller("user.mjs"), &base, &number, "@contact_one"],
        &number,
    )
    .await;
    let texts = fleet.telegram.texts(user, person);
    assert_eq!(texts, ["From JavaScript", "Good morning to you"]);
}

async fn curl(fleet: &Fleet, path: &str, headers: &[&str], body: Option<&str>) -> Value {
    let mut command = Command::new("curl");
    command
        .args(["-sS", "--noproxy", "*"])
        .arg(format!("http://{}{path}", fleet.address()));
    for header in headers {
        command.args(["-H", header]);
    }
    if let Some(body) = body {
        command.args([
            "-X",
            "POST",
            "-H",
            "Content-Type: application/json",
            "-d",
            body,
        ]);
    }
    let output = command.output().await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Protects the descriptions: their examples run as they are written, numbers included.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_run_as_written() {
    let fleet = Fleet::builder().start().await;
    for (number, name) in [("+963912345678", "Shop"), ("+79991234567", "Writer")] {
        fleet.telegram.add_account(AccountSpec::new(number, name));
    }
    let reader = AccountSpec::new("+9996610003", "Reader").password("correct horse");
    fleet.telegram.add_account(reader);
    let contact = PersonSpec::new("Contact one").username("contact_one");
    fleet.telegram.add_person(contact);
    let base = "/api/integrations/telegram-phone";
    let licence = ["X-License-Key: demo"];
    let started = curl(
        &fleet,
        &format!("{base}/start"),
        &licence,
        Some(r#"{"phone_number":"+963912345678"}"#),
    )
    .await;
    assert_eq!(
        (&started["success"], &started["phone_number"]),
        (&json!(true), &json!("+963912345678"))
    );
    assert!(
        started["session_id"]
            .as_str()
            .unwrap()
            .starts_with("temp_+963912345678_")
    );
    let code = fleet.code_for("+963912345678").await;
    let verify = json!({ "phone_number": "+963912345678", "code": code, "session_id": started["session_id"] });
    let verified = curl(
        &fleet,
        &format!("{base}/verify"),
        &licence,
        Some(&verify.to_string()),
    )
    .await;
    assert_eq!(
        (&verified["success"], &verified["config_id"]),
        (&json!(true), &json!(1))
    );
    let config = curl(&fleet, &format!("{base}/config"), &licence, None).await;
    assert_eq!(config["config"]["phone_number"], "+963***678");
    let tested = curl(&fleet, &format!("{base}/test"), &licence, Some("{}")).await;
    assert_eq!(tested["user"], verified["user"]);
    let gone = curl(&fleet, &format!("{base}/disconnect"), &licence, Some("{}")).await;
    assert_eq!(gone["success"], true);
    let config = curl(&fleet, &format!("{base}/config"), &licence, None).await;
    assert_eq!(config, json!({ "config": null }));

    let body = r#"{"user_id":"user123","phone_number":"+79991234567"}"#;
    let started = curl(&fleet, "/telegram/user/auth/start", &[], Some(body)).await;
    assert_eq!(
        (&started["status"], &started["message"]),
        (&json!("code_sent"), &json!("Code sent to Telegram"))
    );
    let code = fleet.code_for("+79991234567").await;
    let body = format!(r#"{{"user_id":"user123","phone_code":"{code}"}}"#);
    let verified = curl(&fleet, "/telegram/user/auth/verify", &[], Some(&body)).await;
    assert_eq!(
        (&verified["status"], &verified["user"]["phone_number"]),
        (&json!("authorized"), &json!("+79991234567"))
    );
    let status = curl(&fleet, "/telegram/user/status/user123", &[], None).await;
    assert_eq!(status["authorized"], true);
    let body = r#"{"user_id":"user123","recipient_id":"@contact_one","text":"Hello"}"#;
    let sent = curl(&fleet, "/telegram/user/send", &[], Some(body)).await;
    assert_eq!(
        (&sent["status"], &sent["success"]),
        (&json!("ok"), &json!(true))
    );
    let gone = curl(
        &fleet,
        "/telegram/user/disconnect",
        &[],
        Some(r#"{"user_id":"user123"}"#),
    )
    .await;
    assert_eq!(gone["status"], "ok");

    // The portal, with its slashes.
    let body = r#"{"phone":"+9996610003"}"#;
    let sent = curl(&fleet, "/telegram/auth/phone/", &[], Some(body)).await;
    assert_eq!(sent["status"], "code_sent");
    let code = fleet.code_for("+9996610003").await;
    let body = format!(r#"{{"phone":"+9996610003","code":"{code}","password":"correct horse"}}"#);
    let verified = curl(&fleet, "/telegram/auth/verify/", &[], Some(&body)).await;
    assert_eq!(verified["status"], "authorized");
    let status = curl(&fleet, "/telegram/session/status/", &[], None).await;
    assert_eq!(
        (&status["has_session"], &status["authorized"]),
        (&json!(true), &json!(true))
    );
    let info = curl(&fleet, "/telegram/user/info/", &[], None).await;
    assert_eq!(info["user"]["first_name"], "Reader");
    let chats = curl(&fleet, "/telegram/chats/", &[], None).await;
    assert!(chats["chats"].is_array(), "{chats}");
    let session = curl(&fleet, "/telegram/session/info/", &[], None).await;
    assert_eq!(session["session"]["authorized"], true);
    let reset = curl(&fleet, "/telegram/session/reset/", &[], Some("{}")).await;
    assert_eq!(reset["success"], true);
    let qr = curl(&fleet, "/telegram/auth/qr/", &[], None).await;
    assert!(
        qr["url"].as_str().unwrap().starts_with("tg://login?token="),
        "{qr}"
    );
    let status = curl(&fleet, "/telegram/auth/qr/status/", &[], None).await;
    assert_eq!(status["status"], "pending");

    let document = curl(&fleet, "/openapi.json", &[], None).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/message_stream"]["post"].is_object());
}
