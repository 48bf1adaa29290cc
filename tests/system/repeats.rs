//! Repeats: a call that is sent again under its key is answered, and not done again.

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{Effect, Fault};

use crate::support::{
    api::Api,
    fleet::Fleet,
    forms::{Form, paper},
    tokens, wait,
};

/// A call under a key: the status, whether it is a repeat, and the answer.
pub async fn keyed(
    api: &Api,
    method: Method,
    path: &str,
    key: &str,
    body: Value,
) -> (StatusCode, bool, Value) {
    let request = api.request(method, path).header("Idempotency-Key", key);
    let response = request.json(&body).send().await.unwrap();
    let status = response.status();
    let replayed = response.headers().contains_key("idempotency-replayed");
    let text = response.text().await.unwrap();
    (
        status,
        replayed,
        serde_json::from_str(&text).unwrap_or(Value::Null),
    )
}

pub fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_default()
}

/// Protects programs that don't know whether a call arrived: every kind of change is made once, the repeat has the first
/// answer, secrets included, over a restart too; another call or another caller under the same key is another matter.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_not_done_again() {
    let mut fleet = Fleet::builder()
        .env("SWITCHBOARD_WEBHOOK_ALLOW", "127.0.0.1")
        .start()
        .await;
    let account = json!({ "label": "Sales" });
    let (status, replayed, first) = keyed(
        &fleet.api,
        Method::POST,
        "/accounts/add",
        "one",
        account.clone(),
    )
    .await;
    assert_eq!((status, replayed), (StatusCode::CREATED, false), "{first}");
    let add = |api: &Api, body: Value| {
        let api = api.clone();
        async move { keyed(&api, Method::POST, "/accounts/add", "one", body).await }
    };
    let again = add(&fleet.api, account.clone()).await;
    assert_eq!(again, (StatusCode::CREATED, true, first.clone()));
    let (status, _, answer) = add(&fleet.api, json!({ "label": "Support" })).await;
    assert_eq!(
        (status, code(&answer)),
        (StatusCode::CONFLICT, "idempotency_conflict")
    );
    let id = first["account"]["id"].as_str().unwrap().to_owned();
    // The same key at another address is another call.
    let path = format!("/accounts/{id}");
    let label = json!({ "label": "Renamed" });
    for replay in [false, true] {
        let (status, replayed, _) =
            keyed(&fleet.api, Method::PATCH, &path, "one", label.clone()).await;
        assert_eq!((status, replayed), (StatusCode::OK, replay));
    }

    // A call that was refused may be tried again, with what is right.
    let url = |url: &str| json!({ "url": url });
    let hook = |api: &Api, body: Value| {
        let api = api.clone();
        async move { keyed(&api, Method::POST, "/webhooks", "hook", body).await }
    };
    let (status, _, _) = hook(&fleet.api, url("http://10.0.0.1/")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _, made) = hook(&fleet.api, url("http://127.0.0.1:9/")).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let again = hook(&fleet.api, url("http://127.0.0.1:9/")).await;
    assert_eq!(again, (StatusCode::CREATED, true, made.clone()));

    let token = json!({ "name": "boss", "scope": "admin" });
    let (_, _, token) = keyed(&fleet.api, Method::POST, "/tokens", "token", token).await;
    let secret = token["secret"].as_str().unwrap().to_owned();
    fleet.stop_service();
    for entry in std::fs::read_dir(fleet.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        for word in [&secret, made["secret"].as_str().unwrap()] {
            let found = bytes
                .windows(word.len())
                .any(|window| window == word.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
    fleet.start_service();
    let admin = fleet
        .api
        .with_header("authorization", &format!("Bearer {secret}"));
    // Another caller: its key is its own.
    let (status, replayed, _) = add(&admin, account.clone()).await;
    assert_eq!((status, replayed), (StatusCode::CREATED, false));
    assert!(add(&admin, account).await.1, "over a restart");
    let known = admin.get("/accounts").await;
    assert_eq!(known["accounts"].as_array().unwrap().len(), 2);
    let noted = admin.get("/audit?limit=200").await;
    let noted = noted["entries"].as_array().unwrap().iter();
    let added = noted.filter(|entry| entry["action"] == "account_added");
    assert_eq!(added.count(), 2, "a repeat is no deed");
}

/// Protects against two at once: of many calls under one key one is made.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_made() {
    let fleet = Fleet::builder().start().await;
    let admin = tokens::create(&fleet.data_dir(), "boss", "admin");
    let api = fleet
        .api
        .with_header("authorization", &format!("Bearer {admin}"));
    let make = || {
        let body = json!({ "name": "Reports", "scope": "read" });
        keyed(&api, Method::POST, "/tokens", "many", body)
    };
    let mut made = Vec::new();
    for (status, replayed, answer) in join_all((0..16).map(|_| make())).await {
        match status {
            StatusCode::CREATED => made.push((replayed, answer["secret"].clone())),
            StatusCode::CONFLICT => assert_eq!(code(&answer), "idempotency_in_progress"),
            other => panic!("{other}: {answer}"),
        }
    }
    let first = made.iter().filter(|(replayed, _)| !replayed).count();
    assert_eq!(first, 1);
    assert!(made.iter().all(|(_, secret)| *secret == made[0].1));
    let tokens = api.get("/tokens").await;
    assert_eq!(tokens["tokens"].as_array().unwrap().len(), 2);
}

/// Protects a program whose call was carried out while the database could not take the answer: its key is not taken for good. Once the
/// database is back the repeat is told what the first one was told.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_could_not_be_kept_is_kept_later() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    // Another device.
    fleet.session_string(account.user);
    let all = format!("/accounts/{}/sessions", account.id);
    let others = fleet.api.get(&all).await["sessions"].clone();
    let mut others = others.as_array().unwrap().iter();
    let other = others.rfind(|one| one["hash"] != "0").unwrap();
    let path = format!("{all}/{}", other["hash"].as_str().unwrap());
    let slow = Fault::new(Effect::SlowAnswer { millis: 1_500 });
    let fault = fleet
        .telegram
        .set_fault(slow.on("account.resetAuthorization"));
    let under_way = {
        let (api, path) = (fleet.api.clone(), path.clone());
        tokio::spawn(async move { keyed(&api, Method::DELETE, &path, "away", Value::Null).await })
    };
    wait::until(
        "the call at Telegram",
        || async { fleet.telegram.fault_hits(fault) },
        |hits| *hits > 0,
    )
    .await;
    let file = fleet.data_dir().join("switchboard.db");
    let mut other = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
    other
        .batch_execute("PRAGMA busy_timeout = 20000; BEGIN IMMEDIATE")
        .unwrap();
    // Its answer has waited for the database in vain.
    let (first, replayed, _) = under_way.await.unwrap();
    assert!(!replayed);
    other.batch_execute("ROLLBACK").unwrap();
    let (status, replayed, answer) = wait::until(
        "the repeat to be answered",
        || keyed(&fleet.api, Method::DELETE, &path, "away", Value::Null),
        |(_, _, answer)| code(answer) != "idempotency_in_progress",
    )
    .await;
    assert_eq!((status, replayed), (first, true), "{answer}");
}

/// Protects the caller whose answer was lost, when the account is signed out meanwhile: what was taken is answered as taken, of
/// every kind of order; something new is refused.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_answered_as_taken_whatever_became_of_the_account() {
    let (fleet, account, person, conversation) = Fleet::with_a_chat().await;
    let id = &conversation["id"];
    let reply = format!("/conversations/{id}/reply");
    let words = json!({ "text": "on its way" });
    let form = Form::default()
        .field("text", "the offer")
        .add(&paper(1, 20_000));
    let (status, first) = fleet
        .api
        .try_form(&reply, form.clone(), Some("file"))
        .await
        .unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{first}");
    let (_, _, said) = keyed(&fleet.api, Method::POST, &reply, "words", words.clone()).await;
    let sent = fleet
        .wait_for_message(&conversation, "on its way", "sent")
        .await;
    let edit = format!("/messages/{}", sent["id"]);
    let forward = json!({ "message_ids": [sent["id"]], "conversation_ids": [id] });
    let calls = [
        (
            Method::POST,
            "/messages/forward".to_owned(),
            "forward",
            forward,
        ),
        (Method::PATCH, edit, "edit", json!({ "text": "arrived" })),
        (
            Method::POST,
            format!("/accounts/{}/send", account.id),
            "send",
            json!({ "recipient": person.to_string(), "text": "to you" }),
        ),
    ];
    let mut taken = vec![said["message"]["id"].clone()];
    for (method, path, key, body) in &calls {
        let (status, _, answer) = keyed(&fleet.api, method.clone(), path, key, body.clone()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{path}: {answer}");
        taken.push(row_of(&answer));
    }
    fleet.telegram.revoke_sessions(account.user);
    fleet.wait_for_state(&account.id, "needs_login").await;

    let (status, again) = fleet
        .api
        .try_form(&reply, form, Some("file"))
        .await
        .unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{again}");
    assert_eq!(row_of(&again), row_of(&first));
    let replied = (Method::POST, reply.clone(), "words", words.clone());
    for ((method, path, key, body), row) in [replied].iter().chain(&calls).zip(&taken) {
        let (status, _, answer) = keyed(&fleet.api, method.clone(), path, key, body.clone()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{path}: {answer}");
        assert_eq!(row_of(&answer), *row, "{path}");
    }
    let (status, _, refused) = keyed(&fleet.api, Method::POST, &reply, "new", words).await;
    assert_eq!(
        (status, code(&refused)),
        (StatusCode::CONFLICT, "account_unavailable")
    );
}

fn row_of(answer: &Value) -> Value {
    match &answer["messages"][0]["id"] {
        Value::Null => answer["message"]["id"].clone(),
        row => row.clone(),
    }
}
