//! System B: a licence connects its number.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, PersonSpec};

use crate::support::{
    api::Api,
    fleet::{Fleet, phone},
    keys::exactly,
    live::Live,
    wait,
};

const BASE: &str = "/api/integrations/telegram-phone";

async fn start(api: &Api, number: &str) -> Value {
    let body = json!({ "phone_number": number });
    api.post(&format!("{BASE}/start"), body).await
}

fn verify_body(started: &Value, code: &str) -> Value {
    json!({
        "phone_number": started["phone_number"],
        "code": code,
        "session_id": started["session_id"],
    })
}

/// Connects a number for a licence, from start to verify.
pub async fn connect(fleet: &Fleet, api: &Api, number: &str) -> Value {
    let started = start(api, number).await;
    let code = fleet.code_for(number).await;
    api.post(&format!("{BASE}/verify"), verify_body(&started, &code))
        .await
}

/// Protects callers of system B: every answer has the keys that were promised, and no others.
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_connects_looks_tests_and_disconnects_its_number() {
    let fleet = Fleet::builder().start().await;
    let number = phone(1);
    let user = fleet.telegram.add_account(AccountSpec {
        phone: number.clone(),
        first_name: "Shop".into(),
        last_name: "Counter".into(),
        ..AccountSpec::default()
    });
    let api = fleet.api.with_header("x-license-key", "licence-one");

    let none = api.get(&format!("{BASE}/config")).await;
    assert_eq!(none, json!({ "config": null }));

    let started = start(&api, &number).await;
    exactly(
        &started,
        &["success", "message", "session_id", "phone_number"],
    );
    assert_eq!(started["success"], true);
    assert_eq!(started["phone_number"], number.as_str());
    let session = started["session_id"].as_str().unwrap();
    let stamp = session.strip_prefix(&format!("temp_{number}_")).unwrap();
    assert!(stamp.parse::<f64>().is_ok(), "{session}");
    // Arabic unless the caller asks for another language.
    assert!(started["message"].as_str().unwrap().contains("تيليجرام"));

    let code = fleet.code_for(&number).await;
    let verified = api
        .post(&format!("{BASE}/verify"), verify_body(&started, &code))
        .await;
    exactly(&verified, &["success", "message", "user", "config_id"]);
    exactly(
        &verified["user"],
        &["id", "phone", "first_name", "last_name", "username"],
    );
    assert_eq!(verified["user"]["id"], user);
    assert_eq!(verified["user"]["phone"], number.as_str());
    assert_eq!(verified["user"]["first_name"], "Shop");
    assert_eq!(verified["user"]["last_name"], "Counter");

    let tested = api.post(&format!("{BASE}/test"), json!({})).await;
    exactly(&tested, &["success", "message", "user"]);
    assert_eq!(tested["user"]["id"], user);

    let config = api.get(&format!("{BASE}/config")).await["config"].clone();
    exactly(
        &config,
        &[
            "id",
            "phone_number",
            "phone_number_masked",
            "user_id",
            "user_first_name",
            "user_last_name",
            "user_username",
            "is_active",
            "last_synced_at",
            "created_at",
            "updated_at",
        ],
    );
    assert_eq!(config["id"], verified["config_id"]);
    assert_eq!(config["is_active"], true);
    let masked = config["phone_number"].as_str().unwrap();
    assert!(masked.contains("***") && config["phone_number_masked"] == masked);

    // A second active session is refused.
    let again = json!({ "phone_number": number });
    let (status, body) = api
        .call(Method::POST, &format!("{BASE}/start"), Some(again))
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::CONFLICT, &json!("already_connected"))
    );
    assert_eq!(body["success"], false);

    let gone = api.post(&format!("{BASE}/disconnect"), json!({})).await;
    exactly(&gone, &["success", "message"]);
    let none = api.get(&format!("{BASE}/config")).await;
    assert_eq!(none, json!({ "config": null }));
    assert!(
        fleet.telegram.keys_of(user).is_empty(),
        "signed out at Telegram too"
    );
    let stored = std::fs::read(fleet.data_dir().join("switchboard.db")).unwrap();
    let digits = number.trim_start_matches('+').as_bytes();
    assert!(!stored.windows(digits.len()).any(|part| part == digits));
    assert!(!fleet.service().log().contains(&number));
}

/// Protects people with two-step verification, whom the old system refused, and those who mistype.
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_with_two_step_verification_is_asked_for_its_password() {
    let fleet = Fleet::builder().start().await;
    let number = phone(2);
    let spec = AccountSpec {
        phone: number.clone(),
        ..AccountSpec::default()
    };
    fleet.telegram.add_account(spec.password("correct horse"));
    let api = fleet
        .api
        .with_header("x-license-key", "licence-two")
        .with_header("accept-language", "en-GB,en;q=0.9");
    let verify = format!("{BASE}/verify");

    let first = start(&api, &number).await;
    let started = start(&api, &number).await;
    assert_eq!(started["message"], "Code sent to Telegram");
    let code = fleet.code_for(&number).await;

    let old = verify_body(&first, &code);
    let (status, body) = api.call(Method::POST, &verify, Some(old)).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::NOT_FOUND, &json!("session_not_found"))
    );

    let wrong = verify_body(&started, "00000");
    let (status, body) = api.call(Method::POST, &verify, Some(wrong)).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("wrong_code"))
    );

    let mut right = verify_body(&started, &code);
    let (status, body) = api.call(Method::POST, &verify, Some(right.clone())).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    exactly(&body, &["success", "code", "message", "needs_password"]);
    assert_eq!(body["needs_password"], true);

    right["password"] = json!("wrong horse");
    let (status, body) = api.call(Method::POST, &verify, Some(right.clone())).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("wrong_password"))
    );

    right["password"] = json!("correct horse");
    let verified = api.post(&verify, right).await;
    assert_eq!(verified["success"], true);
    let log = fleet.service().log();
    assert!(!log.contains("correct horse") && !log.contains(&code));
}

/// Protects one licence from another: the WebSocket and the lists hold its own account alone, also one that came later.
#[tokio::test(flavor = "multi_thread")]
async fn live_messages_of_a_licence_reach_that_licence_alone() {
    let fleet = Fleet::builder().start().await;
    let one = fleet.api.with_header("x-license-key", "licence-one");
    let two = fleet.api.with_header("x-license-key", "licence-two");
    // Opened before either has an account.
    let mut live =
        Live::open_with(fleet.address(), None, &[("x-license-key", "licence-one")]).await;
    let mut users = Vec::new();
    for (index, api) in [(1, &one), (2, &two)] {
        let number = phone(index);
        users.push(fleet.telegram.add_account(AccountSpec {
            phone: number.clone(),
            ..AccountSpec::default()
        }));
        connect(&fleet, api, &number).await;
    }
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    for account in fleet.api.get("/accounts").await["accounts"]
        .as_array()
        .unwrap()
    {
        fleet
            .wait_for_state(account["id"].as_str().unwrap(), "online")
            .await;
    }
    fleet
        .telegram
        .say(person, users[1], "for the second licence");
    fleet
        .telegram
        .say(person, users[0], "for the first licence");

    let frame = live.until_event("message_received").await;
    assert_eq!(frame["data"]["message"]["text"], "for the first licence");
    let seen = wait::until(
        "the other message",
        || two.conversations(),
        |all| !all.is_empty(),
    )
    .await;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["last_message"]["text"], "for the second licence");
}
