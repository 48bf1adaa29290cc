//! Tokens over REST: what they reach, that they end, and that what belongs to one survives another key.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard::domain::Timestamp;
use switchboard_simulator::{AccountSpec, PersonSpec};

use crate::support::{
    api::Api,
    fleet::{Fleet, phone},
    live::Live,
    tokens, wait,
};

const A_SECOND: Duration = Duration::from_secs(1);

fn bearer(fleet: &Fleet, token: &str) -> Api {
    let value = format!("Bearer {token}");
    fleet.api.with_header("authorization", &value)
}

async fn made(boss: &Api, body: Value) -> (i64, String) {
    let answer = boss.post("/tokens", body).await;
    let id = answer["token"]["id"].as_i64().unwrap();
    (id, answer["secret"].as_str().unwrap().to_owned())
}

async fn status_of(api: &Api, path: &str) -> u16 {
    api.call(Method::GET, path, None).await.0.as_u16()
}

async fn refused(boss: &Api, body: Value) -> String {
    let (status, answer) = boss.call(Method::POST, "/tokens", Some(body)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    answer["error"]["code"].as_str().unwrap().to_owned()
}

/// Protects an admin's view of who may call: tokens are made, listed with their last use, and ended; their texts are shown
/// once; what is not meant is refused.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_listed_and_ended_over_rest() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let boss = bearer(&fleet, &tokens::create(&fleet.data_dir(), "boss", "admin"));
    let (id, secret) = made(&boss, json!({ "name": " Reports ", "scope": "read" })).await;
    let reader = bearer(&fleet, &secret);
    // It counts with its first call.
    assert_eq!(status_of(&reader, "/accounts").await, 200);
    assert_eq!(status_of(&reader, "/tokens").await, 403);
    let list = wait::until(
        "the use to be noted",
        || boss.get("/tokens"),
        |list| list["tokens"][1]["last_used_at"].is_string(),
    )
    .await;
    let listed = &list["tokens"][1];
    assert_eq!(
        [
            &listed["id"],
            &listed["name"],
            &listed["scope"],
            &listed["state"]
        ],
        [
            &json!(id),
            &json!("Reports"),
            &json!("read"),
            &json!("valid")
        ]
    );
    assert!(!list.to_string().contains(&secret));

    let path = format!("/tokens/{id}");
    let (status, _) = boss.call(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(status_of(&reader, "/accounts").await, 401);
    let (status, _) = boss.call(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = boss
        .call(Method::POST, &format!("{path}/rotate"), Some(json!({})))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let own = fleet.accounts[0].id.as_str();
    let nobody = "00000000-0000-4000-8000-000000000000";
    for (body, code) in [
        (json!({ "name": " ", "scope": "read" }), "name_invalid"),
        (json!({ "name": "a\nb", "scope": "read" }), "name_invalid"),
        (json!({ "name": "a", "scope": "desk" }), "scope_invalid"),
        (
            json!({ "name": "a", "scope": "read", "expires_at": "2020-01-01T00:00:00Z" }),
            "expires_at_invalid",
        ),
        (
            json!({ "name": "a", "scope": "read", "account_ids": [nobody] }),
            "account_ids_invalid",
        ),
        (
            json!({ "name": "a", "scope": "read", "account_ids": [] }),
            "account_ids_invalid",
        ),
        (
            json!({ "name": "a", "scope": "licence", "account_ids": [own] }),
            "account_ids_invalid",
        ),
    ] {
        assert_eq!(refused(&boss, body.clone()).await, code, "{body}");
    }
    let entries = boss.get("/audit").await["entries"].to_string();
    for action in ["token_made", "token_revoked"] {
        assert!(entries.contains(action), "{entries}");
    }
    assert!(!entries.contains(&secret));
}

/// Protects the accounts that a token is not for: they don't exist for it, asked or live, and what concerns all is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_some_accounts_knows_no_others() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let [own, other] = [&fleet.accounts[0], &fleet.accounts[1]];
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let mut conversations = Vec::new();
    for account in [own, other] {
        fleet.telegram.say(person, account.user, "before");
        conversations.push(fleet.conversation(account, person).await["id"].clone());
    }
    let boss = bearer(&fleet, &tokens::create(&fleet.data_dir(), "boss", "admin"));
    let body = json!({ "name": "one desk", "scope": "admin", "account_ids": [own.id] });
    let (_, secret) = made(&boss, body).await;
    let api = bearer(&fleet, &secret);

    let seen = api.get("/accounts").await;
    assert_eq!(seen["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(api.conversations().await.len(), 1);
    for (account, conversation, wanted) in [
        (own, &conversations[0], 200),
        (other, &conversations[1], 404),
    ] {
        assert_eq!(
            status_of(&api, &format!("/accounts/{}", account.id)).await,
            wanted
        );
        assert_eq!(
            status_of(&api, &format!("/conversations/{conversation}/messages")).await,
            wanted
        );
        let path = format!("/accounts/{}", account.id);
        let body = Some(json!({ "label": "Renamed" }));
        assert_eq!(
            api.call(Method::PATCH, &path, body).await.0.as_u16(),
            wanted
        );
    }
    for path in [
        "/tokens",
        "/audit",
        "/metrics",
        "/telegram/user/status/nobody",
    ] {
        assert_eq!(status_of(&api, path).await, 403, "{path}");
    }
    let body = Some(json!({ "label": "A new one" }));
    let (status, _) = api.call(Method::POST, "/accounts/add", body).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let as_licence = api.with_header("x-license-key", "licence-one");
    assert_eq!(status_of(&as_licence, "/accounts").await, 403);

    let header = format!("Bearer {secret}");
    let mut live = Live::open_with(fleet.address(), None, &[("authorization", &header)]).await;
    fleet.telegram.say(person, other.user, "for the other");
    fleet.telegram.say(person, own.user, "for this one");
    live.until(|frame| frame["data"]["message"]["text"] == "for this one")
        .await;
    // Both were told by now: the other one came first.
    wait::until(
        "both to be stored",
        || boss.get("/conversations"),
        |page| page.to_string().contains("for the other"),
    )
    .await;
    assert!(!format!("{:?}", live.waiting().await).contains("for the other"));
}

/// Protects whoever relies on an end: a token that expires ends by itself, with its sockets and tickets, within a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_ends_with_all_that_it_opened() {
    let fleet = Fleet::builder().start().await;
    let boss = bearer(&fleet, &tokens::create(&fleet.data_dir(), "boss", "admin"));
    let end = Timestamp::from_millis(Timestamp::now().millis() + 2500);
    let body = json!({ "name": "short", "scope": "admin", "expires_at": end.to_string() });
    let (_, secret) = made(&boss, body).await;
    let api = bearer(&fleet, &secret);
    let header = format!("Bearer {secret}");
    let live = Live::open_with(fleet.address(), None, &[("authorization", &header)]).await;
    let ticket = api.post("/ws/ticket", json!({})).await["ticket"].clone();
    let farewell = live.until_closed().await;
    let late = Timestamp::now().millis() - end.millis();
    assert!(
        (-50..1000).contains(&late),
        "it ended {late} ms after its end"
    );
    assert_eq!(farewell.code, Some(1008), "{farewell:?}");
    assert_eq!(status_of(&api, "/accounts").await, 401);
    let ticket = ticket.as_str().unwrap();
    assert!(!Live::try_open(&format!("ws://{}/ws?ticket={ticket}", fleet.address())).await);
    let list = boss.get("/tokens").await;
    assert_eq!(list["tokens"][1]["state"], "expired");
}

/// Protects a licence whose key has to change: with the new one it has its account, history and sign-in as before; the old
/// one, and what it opened, ends within a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_keeps_its_account_when_its_key_changes() {
    let fleet = Fleet::builder().start().await;
    let data = fleet.data_dir();
    let number = phone(72);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Owner"));
    let boss = bearer(&fleet, &tokens::create(&data, "boss", "admin"));
    let (id, first) = made(&boss, json!({ "name": "shop", "scope": "licence" })).await;
    let licence = |key: &str| fleet.api.with_header("x-license-key", key);
    const FACE: &str = "/api/integrations/telegram-phone";
    let started = licence(&first)
        .post(&format!("{FACE}/start"), json!({ "phone_number": number }))
        .await;
    let body = json!({
        "phone_number": number,
        "code": fleet.code_for(&number).await,
        "session_id": started["session_id"],
    });
    licence(&first).post(&format!("{FACE}/verify"), body).await;
    let before = licence(&first).get(&format!("{FACE}/config")).await;
    let owner = boss.get("/tokens").await["tokens"][1]["owner"].clone();
    assert!(owner.as_str().unwrap().starts_with("licence:"), "{owner}");
    let socket = Live::open_with(fleet.address(), None, &[("x-license-key", &first)]).await;

    let rotated = boss.post(&format!("/tokens/{id}/rotate"), json!({})).await;
    let at = Instant::now();
    let second = rotated["secret"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(
        (&rotated["token"]["id"], &rotated["token"]["owner"]),
        (&json!(id), &owner)
    );
    let farewell = socket.until_closed().await;
    assert!(farewell.at - at < A_SECOND, "{farewell:?}");
    let config = format!("{FACE}/config");
    for _ in 0..30 {
        // It was a key, and so is no guess.
        assert_eq!(status_of(&licence(&first), &config).await, 401);
    }
    let after = licence(&second).get(&config).await;
    assert_eq!(
        (&after["config"]["id"], &after["config"]["is_active"]),
        (&before["config"]["id"], &json!(true))
    );
    // And once more, at the console.
    let third = tokens::tried(&data, &["rotate", &id.to_string()]);
    assert_eq!(third.code, Some(0), "{third:?}");
    let after = licence(&third.stdout).get(&config).await;
    assert_eq!(after["config"]["id"], before["config"]["id"]);
    // An admin that names the licence by the key of now acts for it.
    let acting = boss.with_header("x-license-key", &third.stdout);
    assert_eq!(
        acting.get(&config).await["config"]["id"],
        before["config"]["id"]
    );
}

/// Protects a caller of the portal in the same way.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_of_the_portal_keeps_its_account_when_its_token_changes() {
    let fleet = Fleet::builder().start().await;
    let number = phone(73);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Visitor"));
    let boss = bearer(&fleet, &tokens::create(&fleet.data_dir(), "boss", "admin"));
    let (id, first) = made(&boss, json!({ "name": "portal", "scope": "admin" })).await;
    let portal = bearer(&fleet, &first);
    portal
        .post("/telegram/auth/phone", json!({ "phone": number }))
        .await;
    let code = fleet.code_for(&number).await;
    portal
        .post("/telegram/auth/verify", json!({ "code": code }))
        .await;
    let before = portal.get("/telegram/session/info").await;
    let rotated = boss.post(&format!("/tokens/{id}/rotate"), json!({})).await;
    assert_eq!(status_of(&portal, "/telegram/session/info").await, 401);
    let portal = bearer(&fleet, rotated["secret"].as_str().unwrap());
    let after = portal.get("/telegram/session/info").await;
    assert_eq!(
        after["session"]["account_id"],
        before["session"]["account_id"]
    );
}

/// Protects scripts that put the directory where they like, and tokens of the command line that end or are for some.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_takes_its_settings_in_any_place() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let data = fleet.data_dir().display().to_string();
    let account = fleet.accounts[0].id.clone();
    let create = [
        "create",
        "--name",
        "one",
        "--scope",
        "read",
        "--account",
        &account,
    ];
    let mut texts = Vec::new();
    for arguments in [
        [&["--data-dir", &data, "token"], &create[..]].concat(),
        [&["token", "--data-dir", &data], &create[..]].concat(),
        [&["token"], &create[..], &["--data-dir", &data]].concat(),
        [&["token", "create", "--data-dir", &data], &create[1..]].concat(),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .env_clear()
            .current_dir(fleet.data_dir())
            .args(&arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?} {output:?}");
        texts.push(String::from_utf8(output.stdout).unwrap().trim().to_owned());
    }
    for text in &texts {
        let seen = bearer(&fleet, text).get("/accounts").await;
        assert_eq!(seen["accounts"].as_array().unwrap().len(), 1);
    }
    let past = [
        "create",
        "--name",
        "a",
        "--scope",
        "read",
        "--expires-at",
        "2020-01-01T00:00:00Z",
    ];
    let tried = tokens::tried(&fleet.data_dir(), &past);
    assert_eq!(tried.code, Some(2), "{tried:?}");
}
