//! Programs without a socket: what became of a reply, what happened since, and two that switch one account at once.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::PersonSpec;

use crate::support::{api::Api, fleet::Fleet, tokens, wait};

fn bearer(fleet: &Fleet, token: &str) -> Api {
    let value = format!("Bearer {token}");
    fleet.api.with_header("authorization", &value)
}

/// Protects a program that got a 202: it learns what became of its reply, and what an edited message said before.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_learns_what_became_of_a_message() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = &fleet.accounts[0];
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let number = fleet.telegram.say(person, account.user, "first");
    let conversation = fleet.conversation(account, person).await;
    let path = format!("/conversations/{}/reply", conversation["id"]);
    let queued = fleet.api.post(&path, json!({ "text": "answer" })).await;
    let path = format!("/messages/{}", queued["message"]["id"]);
    let sent = wait::until(
        "the reply to be sent",
        || fleet.api.get(&path),
        |answer| answer["message"]["status"] == "sent",
    )
    .await;
    assert_eq!(sent["message"]["text"], "answer");
    let versions = fleet.api.get(&format!("{path}/versions")).await;
    assert_eq!(
        versions["versions"],
        json!([{ "text": "answer", "replaced_at": null }])
    );

    let first = fleet
        .wait_for_message(&conversation, "first", "received")
        .await;
    fleet
        .telegram
        .edit(person, account.user, number, "second")
        .unwrap();
    let path = format!("/messages/{}/versions", first["id"]);
    let versions = wait::until(
        "the edit",
        || fleet.api.get(&path),
        |answer| answer["versions"].as_array().unwrap().len() == 2,
    )
    .await;
    let [old, now] = [&versions["versions"][0], &versions["versions"][1]];
    assert_eq!(
        (&old["text"], &now["text"]),
        (&json!("first"), &json!("second"))
    );
    assert!(old["replaced_at"].is_string() && now["replaced_at"].is_null());
    for missing in ["/messages/987654321", "/messages/987654321/versions"] {
        let (status, _) = fleet.api.call(Method::GET, missing, None).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}

/// Protects a program that asks for what happened: it gets what the socket tells, whole and in order, at once or when it
/// comes; a number that is not known is told as such.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_told_to_who_asks_as_to_who_listens() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let user = fleet.accounts[0].user;
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let start = fleet.api.get("/events").await;
    assert_eq!(start["events"], json!([]));
    let from = start["next_after"].as_i64().unwrap();
    let mut live = fleet.live(Some(from)).await;

    // It waits, and not for its whole time.
    let asked = Instant::now();
    let waiting = fleet.api.clone();
    let waiting =
        tokio::spawn(async move { waiting.get(&format!("/events?after={from}&wait=60")).await });
    for number in 1..=30 {
        fleet
            .telegram
            .say(person, user, &format!("number {number}"));
    }
    let first = waiting.await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(50));
    assert!(!first["events"].as_array().unwrap().is_empty());
    live.until(|frame| frame["data"]["message"]["text"] == "number 30")
        .await;

    let mut read: Vec<Value> = Vec::new();
    let mut after = from;
    loop {
        let page = fleet
            .api
            .get(&format!("/events?after={after}&limit=7"))
            .await;
        let events = page["events"].as_array().unwrap().clone();
        after = page["next_after"].as_i64().unwrap();
        if events.is_empty() {
            break;
        }
        assert!(events.len() <= 7);
        read.extend(events);
    }
    let texts: Vec<&str> = read
        .iter()
        .filter(|event| event["event"] == "message_received")
        .map(|event| event["data"]["message"]["text"].as_str().unwrap())
        .collect();
    let wanted: Vec<String> = (1..=30).map(|number| format!("number {number}")).collect();
    assert_eq!(texts, wanted);
    let numbers: Vec<i64> = read
        .iter()
        .map(|event| event["seq"].as_i64().unwrap())
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{numbers:?}"
    );

    let nothing = fleet
        .api
        .get(&format!("/events?after={after}&wait=1"))
        .await;
    // Only what has nothing to do with the messages may have come since.
    assert!(nothing["next_after"].as_i64() >= Some(after), "{nothing}");
    assert!(!nothing.to_string().contains("number "), "{nothing}");
    let (status, answer) = fleet
        .api
        .call(Method::GET, "/events?after=99999999", None)
        .await;
    assert_eq!(status, StatusCode::GONE);
    assert_eq!(answer["error"]["code"], "resync");
}

/// Protects the end of access: who waits for events is sent away when its token ends, and not when its wait does.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_its_token() {
    let fleet = Fleet::builder().start().await;
    let data = fleet.data_dir();
    tokens::create(&data, "boss", "admin");
    let reader = bearer(&fleet, &tokens::create(&data, "reader", "read"));
    let from = reader.get("/events").await["next_after"].clone();
    let waiting = tokio::spawn(async move {
        let path = format!("/events?after={from}&wait=60");
        reader.call(Method::GET, &path, None).await.0
    });
    // So that it waits by now: whoever asks again is let in, and comes later.
    wait::until(
        "the use to be noted",
        || async { tokens::list(&data) },
        |list| {
            let mut lines = list.lines();
            lines.any(|line| line.ends_with("reader") && !line.contains("never"))
        },
    )
    .await;
    tokens::revoke(&data, "reader");
    let revoked = Instant::now();
    assert_eq!(waiting.await.unwrap(), StatusCode::UNAUTHORIZED);
    assert!(revoked.elapsed() < Duration::from_secs(1));
}

/// Protects an account that two people switch at the same moment: it ends up running exactly if it is stored as switched on.
#[tokio::test(flavor = "multi_thread")]
async fn two_who_switch_one_account_leave_it_as_it_is_stored() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let path = format!("/accounts/{}", fleet.accounts[0].id);
    let switch = |active: bool| {
        let body = Some(json!({ "is_active": active }));
        fleet.api.call(Method::PATCH, &path, body)
    };
    for round in 0..25 {
        let all = tokio::join!(switch(false), switch(true), switch(false), switch(true));
        for (status, answer) in [all.0, all.1, all.2, all.3] {
            assert_eq!(status, StatusCode::OK, "{answer}");
        }
        wait::until(
            &format!("the account to be as it is stored, in round {round}"),
            || fleet.api.account(&fleet.accounts[0].id),
            |account| {
                let wanted = if account["is_active"] == true {
                    "online"
                } else {
                    "stopped"
                };
                account["state"] == wanted
            },
        )
        .await;
    }
}

/// Protects programs that read the descriptions before they have a token: both are there, and say the same of this service as
/// the tests hold its frames against.
#[tokio::test(flavor = "multi_thread")]
async fn the_frames_are_described() {
    let fleet = Fleet::builder().start().await;
    tokens::create(&fleet.data_dir(), "boss", "admin");
    let served = fleet.api.plain_get("/asyncapi.json").await;
    assert_eq!(served, switchboard::web::asyncapi_document());
}

/// Protects programs that know RFC 9457 and nothing of us: who asks for problems gets them, from handlers and from the guard,
/// and what we say besides is in them.
#[tokio::test(flavor = "multi_thread")]
async fn errors_come_as_problems_for_whoever_accepts_them() {
    let fleet = Fleet::builder().start().await;
    let problems = fleet
        .api
        .with_header("accept", "application/problem+json, application/json");
    for (path, status, code) in [
        ("/messages/987654321", 404, "message_not_found"),
        ("/conversations?limit=x", 400, "malformed_query"),
        ("/nowhere", 404, "not_found"),
    ] {
        let answer = problems.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], format!("urn:switchboard:error:{code}"));
        assert_eq!(
            (&problem["status"], &problem["error"]["code"]),
            (&json!(status), &json!(code))
        );
        assert_eq!(problem["detail"], problem["error"]["message"]);
        let answer = fleet.api.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json");
    }
    // Before any handler: a body that is not read.
    let refused = problems
        .request(Method::POST, "/tokens")
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status().as_u16(), 415);
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
}
