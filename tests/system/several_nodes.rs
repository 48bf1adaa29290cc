//! Several nodes: whatever is asked of an account at the one that does not have it is done by the one that has.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, Effect, Fault, world::Media};

use super::two_nodes::Nodes;
use crate::support::{
    api::Api,
    fleet::phone,
    forms::{Form, digest, paper},
    wait,
};

/// Protects whoever asks the wrong node: replies arrive once, whichever node they are given to and however often, and what a node has in
/// memory alone is told by the other one, too.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_of_an_account_reaches_the_node_that_has_it() {
    let nodes = Nodes::with(2).await;
    let telegram = &nodes.fleet.telegram;
    for node in [0, 1] {
        let account = nodes.one_of(node);
        let (right, wrong) = nodes.of(&account.id);
        let (person, talk) = nodes.talk(&account, &format!("Contact {node}")).await;

        // The same key at the other node is the same reply.
        let (status, first) = wrong.reply_with_key(talk, "once", "one").await;
        assert_eq!(status, StatusCode::ACCEPTED, "{first}");
        let (status, second) = right.reply_with_key(talk, "once", "one").await;
        assert_eq!(status, StatusCode::ACCEPTED, "{second}");
        assert_eq!(first["message"]["id"], second["message"]["id"]);
        wait::until(
            "the reply",
            || async { telegram.texts(account.user, person) },
            |texts| texts.iter().filter(|text| *text == "once").count() == 1,
        )
        .await;

        // A call with a key of its own, which the service keeps: it is not done twice, wherever it is repeated.
        let pinned = |api: &Api| {
            api.request(Method::POST, &format!("/accounts/{}/restart", account.id))
                .header("Idempotency-Key", "restarted")
        };
        let first = pinned(wrong).send().await.unwrap();
        assert_eq!(first.status(), StatusCode::ACCEPTED);
        let again = pinned(right).send().await.unwrap();
        assert_eq!(again.headers()["idempotency-replayed"], "true");
        assert_eq!(
            first.json::<Value>().await.unwrap(),
            again.json::<Value>().await.unwrap()
        );
        nodes.fleet.wait_for_state(&account.id, "online").await;

        // What is refused there is refused in the same words.
        let (status, told) = wrong
            .call(
                Method::POST,
                &format!("/conversations/{talk}/reply"),
                Some(json!({ "text": "" })),
            )
            .await;
        assert_eq!(
            (status.as_u16(), &told["error"]["code"]),
            (422, &json!("text_empty"))
        );
        // A file goes out, and one that came is fetched, through the other node.
        let sample = paper(7, 900_000);
        let (status, told) = wrong
            .form(
                &format!("/conversations/{talk}/reply"),
                Form::default().field("text", "prices").add(&sample),
            )
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{told}");
        let message = format!("/messages/{}", told["message"]["id"]);
        wait::until(
            "the file to be sent",
            || wrong.get(&message),
            |answer| answer["message"]["status"] == "sent",
        )
        .await;
        let media = Media::Document {
            name: "report.bin".to_owned(),
            mime: "application/octet-stream".to_owned(),
            size: 3_000_000,
        };
        let id = telegram.say_media(person, account.user, media, "a report");
        let file = telegram.file_of(account.user, person, id);
        let came = wait::until(
            "the file's message",
            || wrong.messages(talk),
            |all| all.iter().any(|one| one["text"] == "a report"),
        )
        .await;
        let came = came.iter().find(|one| one["text"] == "a report").unwrap();
        let url = came["media"]["url"].as_str().unwrap();
        let answer = wrong.request(Method::GET, url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.content_length(), Some(3_000_000));
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(
            digest(&bytes),
            digest(&telegram.file_bytes(file, "").unwrap())
        );
        let part = wrong
            .request(Method::GET, url)
            .header("Range", "bytes=1000000-1000009");
        let part = part.send().await.unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(
            part.bytes().await.unwrap(),
            bytes.slice(1_000_000..1_000_010)
        );
    }
    nodes.until_nothing_is_left().await;
}

/// Protects sign-ins: begun at one node, each step at the other than the one before; what is typed is in no row and no log.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_goes_on_at_any_node() {
    let nodes = Nodes::with(2).await;
    let number = phone(300);
    nodes.fleet.telegram.add_account(AccountSpec {
        password: Some("correct horse".to_owned()),
        ..AccountSpec::new(&number, "Sales")
    });
    let (status, begun) = nodes.apis[0]
        .call(
            Method::POST,
            "/accounts/add",
            Some(json!({ "label": "Sales", "phone": number })),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{begun}");
    let id = begun["account"]["id"].as_str().unwrap().to_owned();
    let (right, wrong) = nodes.of(&id);
    let login = wrong.get(&format!("/accounts/{id}/login")).await;
    assert_eq!(login["login"]["step"], "code");
    assert_eq!(
        wrong.get(&format!("/accounts/{id}")).await["login"]["step"],
        "code"
    );
    let code = nodes.fleet.telegram.code_for(&number).unwrap();
    let step = async |api: &Api, name: &str, value: &str| {
        let path = format!("/accounts/{id}/login/{name}");
        let (status, answer) = api
            .call(Method::POST, &path, Some(json!({ name: value })))
            .await;
        (status.as_u16(), answer)
    };
    let (status, answer) = step(wrong, "code", &code).await;
    assert_eq!(
        (status, &answer["login"]["step"]),
        (200, &json!("password")),
        "{answer}"
    );
    let (status, answer) = step(wrong, "password", "wrong horse").await;
    assert_eq!(answer["error"]["code"], "wrong_password", "{status}");
    let (status, answer) = step(wrong, "password", "correct horse").await;
    assert_eq!(
        (status, &answer["login"]["step"]),
        (200, &json!("done")),
        "{answer}"
    );
    wait::until(
        "the account to be online",
        || right.account(&id),
        |account| account["state"] == "online",
    )
    .await;
    nodes.until_nothing_is_left().await;
    let second = nodes.second.as_ref().unwrap();
    for log in [nodes.fleet.service().log(), second.log()] {
        for secret in ["correct horse", "wrong horse", &number] {
            assert!(!log.contains(secret), "{secret} is in a log");
        }
    }
}

/// Protects callers who repeat a call at another node while the first one is at it: it is done once, and what came of it is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_taken_at_every_node() {
    let nodes = Nodes::with(2).await;
    let number = phone(301);
    nodes
        .fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Sales"));
    let slow = Fault::new(Effect::SlowAnswer { millis: 3_000 }).on("auth.sendCode");
    let slow = nodes.fleet.telegram.set_fault(slow.times(1));
    let add = |api: &Api| {
        let body = json!({ "label": "Sales", "phone": number });
        let call = api.request(Method::POST, "/accounts/add").json(&body);
        call.header("Idempotency-Key", "sales").send()
    };
    let first = tokio::spawn(add(&nodes.apis[0]));
    let hits = || async { nodes.fleet.telegram.fault_hits(slow) };
    wait::until("the first call to be under way", hits, |hits| *hits > 0).await;
    let during = add(&nodes.apis[1]).await.unwrap();
    let told: Value = during.json().await.unwrap();
    assert_eq!(told["error"]["code"], "idempotency_in_progress", "{told}");
    let first: Value = first.await.unwrap().unwrap().json().await.unwrap();
    let after = add(&nodes.apis[1]).await.unwrap();
    assert_eq!(after.headers()["idempotency-replayed"], "true");
    assert_eq!(after.json::<Value>().await.unwrap(), first);
}

/// Protects tokens' limits: at a node that does not have the account they reach as far as where it is, and end as soon.
#[tokio::test(flavor = "multi_thread")]
async fn rights_are_the_same_at_every_node() {
    let nodes = Nodes::with(2).await;
    let account = nodes.one_of(0);
    let other = nodes.one_of(1);
    let (_, talk) = nodes.talk(&account, "Contact one").await;
    let admin = json!({ "name": "admin", "scope": "admin" });
    let admin = nodes.apis[0].post("/tokens", admin).await;
    let with = |token: &Value| {
        let token = format!("Bearer {}", token["secret"].as_str().unwrap());
        nodes
            .apis
            .clone()
            .map(|api| api.with_header("authorization", &token))
    };
    let admins = with(&admin);
    let reply = format!("/conversations/{talk}/reply");
    let tokens = BTreeMap::from([
        ("read", json!({ "name": "read", "scope": "read" })),
        ("send", json!({ "name": "send", "scope": "send" })),
        (
            "other",
            json!({ "name": "other", "scope": "send", "account_ids": [other.id] }),
        ),
    ]);
    let wanted = [("read", 403), ("send", 202), ("other", 404)];
    for (name, wanted) in wanted {
        let made = admins[0].post("/tokens", tokens[name].clone()).await;
        let wrong = &with(&made)[1];
        let ask = || wrong.call(Method::POST, &reply, Some(json!({ "text": "hello" })));
        // A token is known everywhere as soon as it is made.
        let (status, told) = ask().await;
        assert_eq!(status.as_u16(), wanted, "{name}: {told}");
        let path = format!("/tokens/{}", made["token"]["id"]);
        let (status, told) = admins[0].call(Method::DELETE, &path, None).await;
        assert!(status.is_success(), "{told}");
        let revoked = Instant::now();
        wait::until("the token to be refused", ask, |(status, _)| *status == 401).await;
        assert!(
            revoked.elapsed() < Duration::from_secs(1),
            "{:?}",
            revoked.elapsed()
        );
    }
    nodes.until_nothing_is_left().await;
}

/// Protects whoever asks while an account has no node: nothing is done, they are told so, and what the rows say is told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_has_an_account_its_rows_are_read_and_nothing_is_done() {
    let mut nodes = Nodes::with(2).await;
    let account = nodes.one_of(1);
    let (person, talk) = nodes.talk(&account, "Contact one").await;
    nodes.second.take().unwrap().kill();
    let here = nodes.apis[0].clone();
    let page = here.messages(talk).await;
    assert_eq!(page[0]["text"], "hello");
    assert_eq!(here.account(&account.id).await["id"], account.id.as_str());
    let (status, told) = here.reply_with_key(talk, "too early", "early").await;
    assert_eq!(
        (status.as_u16(), &told["error"]["code"]),
        (503, &json!("account_moving"))
    );
    assert!(
        !nodes
            .fleet
            .telegram
            .texts(account.user, person)
            .contains(&"too early".to_owned())
    );
    nodes.until_nothing_is_left().await;
}

/// Protects two calls that need more than one node: who looks at an account from outside may be at another one, and what its files take
/// is told whichever node has them.
#[tokio::test(flavor = "multi_thread")]
async fn what_needs_several_nodes_is_answered_by_any() {
    let nodes = Nodes::with(2).await;
    let telegram = &nodes.fleet.telegram;
    let (account, other) = (nodes.one_of(0), nodes.one_of(1));
    telegram.say(account.user, other.user, "it is me");
    nodes.fleet.conversation(&other, account.user).await;
    let look = format!("/accounts/{}/mark", account.id);
    for (api, marked) in nodes.apis.iter().zip([true, false]) {
        telegram.set_marked(account.user, marked);
        let seen = api.post(&look, json!({})).await;
        let seen = &seen["account"]["health"]["unofficial"];
        assert_eq!(seen["marked"], marked, "{seen}");
    }

    let (person, talk) = nodes.talk(&other, "Contact one").await;
    let media = Media::Document {
        name: "report.bin".to_owned(),
        mime: "application/octet-stream".to_owned(),
        size: 700_000,
    };
    telegram.say_media(person, other.user, media, "a report");
    let conversation = json!({ "id": talk });
    let fleet = &nodes.fleet;
    let report = fleet.wait_for_message(&conversation, "a report", "received");
    let url = report.await["media"]["url"].as_str().unwrap().to_owned();
    let fetched = nodes.apis[0].request(Method::GET, &url).send().await;
    assert_eq!(fetched.unwrap().bytes().await.unwrap().len(), 700_000);
    // As if nobody had opened it for long.
    let folder = nodes.second_dir().join("media/files").join(&other.id);
    let old = std::time::SystemTime::now() - Duration::from_secs(40 * 24 * 60 * 60);
    let files = || async { std::fs::read_dir(&folder).map_or(0, Iterator::count) };
    wait::until("the file to be kept", files, |files| *files == 1).await;
    for file in std::fs::read_dir(&folder).unwrap() {
        let file = std::fs::File::open(file.unwrap().path()).unwrap();
        file.set_modified(old).unwrap();
    }
    let path = format!("/retention?account_id={}&media_days=7", other.id);
    for api in &nodes.apis {
        let told = api.get(&path).await;
        assert_eq!(told["accounts"][0]["files"], 1, "{told}");
        assert_eq!(told["accounts"][0]["file_bytes"], 700_000, "{told}");
    }
}
