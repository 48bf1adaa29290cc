//! System E: the chat portal, pages and JSON.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, Effect, Fault, PersonSpec, world::SignInRules};

use crate::support::{
    api::Api,
    fleet::{Fleet, phone},
    wait,
};

/// Signs a number without a password in.
pub async fn sign_in(fleet: &Fleet, api: &Api, number: &str) -> Value {
    api.post("/telegram/auth/phone", json!({ "phone": number }))
        .await;
    let code = fleet.code_for(number).await;
    let verify = json!({ "phone": number, "code": code });
    api.post("/telegram/auth/verify", verify).await
}

/// Protects the portal's callers: sign-in by phone, chats, messages, info and reset, with and without slashes.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_by_phone_and_has_the_chats() {
    let fleet = Fleet::builder().start().await;
    let api = &fleet.api;
    let number = phone(1);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Reader").password("correct horse"));
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    for text in ["first", "second"] {
        fleet.telegram.say(person, user, text);
    }

    let page = api.get("/telegram/").await;
    assert!(page.as_str().unwrap().contains("<!doctype html>"));
    let none = api.get("/telegram/session/status/").await;
    assert_eq!(
        (&none["has_session"], &none["authorized"]),
        (&json!(false), &json!(false))
    );
    let (status, body) = api.call(Method::GET, "/telegram/chats/", None).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::CONFLICT, &json!("not_authorized"))
    );

    let sent = api
        .post("/telegram/auth/phone/", json!({ "phone": number }))
        .await;
    assert_eq!(sent["status"], "code_sent");
    let code = fleet.code_for(&number).await;
    let verify = json!({ "phone": number, "code": code });
    let (status, body) = api
        .call(Method::POST, "/telegram/auth/verify/", Some(verify))
        .await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::CONFLICT, &json!("password_needed"))
    );
    let verify = json!({ "phone": number, "code": code, "password": "correct horse" });
    let verified = api.post("/telegram/auth/verify", verify).await;
    assert_eq!(verified["status"], "authorized");
    assert_eq!(verified["user"]["phone"], number.as_str());

    let chats = wait::until(
        "the chats",
        || api.get("/telegram/chats"),
        |chats| {
            chats["chats"]
                .as_array()
                .is_some_and(|chats| !chats.is_empty())
        },
    )
    .await;
    let chat = &chats["chats"][0];
    assert_eq!(
        (&chat["id"], &chat["title"]),
        (&json!(person.to_string()), &json!("Contact one"))
    );
    let messages = api
        .get(&format!("/telegram/chats/{person}/messages/"))
        .await;
    let texts: Vec<_> = messages["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["text"].clone())
        .collect();
    assert_eq!(texts, ["second", "first"]);
    let info = api.get("/telegram/user/info/").await;
    assert_eq!(info["user"]["id"], user);

    let session = api.get("/telegram/session/info/").await["session"].clone();
    let attempts = session["attempts"].as_array().unwrap();
    let shown = |kind: &str, status: &str| {
        attempts
            .iter()
            .any(|one| one["kind"] == kind && one["status"] == status)
    };
    assert!(
        shown("phone", "success") && shown("2fa", "success"),
        "{attempts:?}"
    );

    api.post("/telegram/session/reset/", json!({})).await;
    let status = api.get("/telegram/session/status").await;
    assert_eq!(status["authorized"], false);
    assert!(fleet.telegram.keys_of(user).is_empty());
    assert!(fleet.service().log().contains("operation=session_reset"));
}

/// Protects sign-in by QR code: pending until it is scanned, scanned until Telegram said who it is, authorised after.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_by_qr_code() {
    let fleet = Fleet::builder().start().await;
    let api = &fleet.api;
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&phone(1), "Reader"));

    let qr = api.get("/telegram/auth/qr/").await;
    assert_eq!(qr["status"], "pending");
    let url = qr["url"].as_str().unwrap();
    assert!(url.starts_with("tg://login?token="), "{url}");
    assert!(qr["svg"].as_str().unwrap().contains("<svg"));
    assert_eq!(
        api.get("/telegram/auth/qr/status/").await["status"],
        "pending"
    );
    fleet.telegram.set_fault(
        Fault::new(Effect::SlowStart { millis: 500 })
            .on("auth.exportLoginToken")
            .times(1),
    );
    fleet.telegram.accept_qr(url, user).unwrap();
    wait::until(
        "the scan",
        || api.get("/telegram/auth/qr/status/"),
        |status| status["status"] == "scanned",
    )
    .await;
    wait::until(
        "the sign-in",
        || api.get("/telegram/auth/qr/status/"),
        |status| status["status"] == "authorized",
    )
    .await;
    wait::until(
        "the session",
        || api.get("/telegram/session/status/"),
        |status| status["authorized"] == true,
    )
    .await;
    // A link on another site must not start anything.
    let other = api
        .with_header("sec-fetch-site", "cross-site")
        .with_header("sec-fetch-mode", "navigate");
    let (status, _) = other.call(Method::GET, "/telegram/auth/qr/", None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

/// Protects sign-in by QR code where there is a password, and where Telegram does not answer for a moment: a new code
/// comes all the same, and the password is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_qr_code_is_renewed_after_trouble_and_a_password_is_asked_for() {
    let fleet = Fleet::builder().start().await;
    let api = &fleet.api;
    let spec = AccountSpec::new(&phone(1), "Reader").password("correct horse");
    let user = fleet.telegram.add_account(spec);
    let none = api.get("/telegram/auth/qr/status/").await;
    assert_eq!(none["status"], "expired");

    fleet.telegram.set_rules(SignInRules {
        qr_seconds: 5,
        ..SignInRules::default()
    });
    let first = api.get("/telegram/auth/qr").await;
    fleet.telegram.set_fault(
        Fault::error(500, "AUTH_RESTART")
            .on("auth.exportLoginToken")
            .times(1),
    );
    let status = wait::until(
        "another code",
        || api.get("/telegram/auth/qr/status"),
        |status| status["url"] != first["url"],
    )
    .await;
    assert_eq!(status["status"], "pending");
    fleet.telegram.set_rules(SignInRules::default());
    let accepted = wait::until(
        "a code that is still good",
        || async {
            let shown = api.get("/telegram/auth/qr/status").await;
            fleet
                .telegram
                .accept_qr(shown["url"].as_str().unwrap(), user)
        },
        Result::is_ok,
    );
    accepted.await.unwrap();
    wait::until(
        "the question for the password",
        || api.get("/telegram/auth/qr/status"),
        |status| status["status"] == "password_needed",
    )
    .await;
    let password = json!({ "password": "correct horse" });
    let verified = api.post("/telegram/auth/verify/", password).await;
    assert_eq!(verified["user"]["id"], user);
}

/// Protects people from those who try numbers: after ten sign-ins within an hour it is over, in each system.
#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_are_limited_in_number() {
    let fleet = Fleet::builder().start().await;
    let mut last: (StatusCode, Value) = (StatusCode::OK, Value::Null);
    for index in 0..11 {
        let number = phone(index);
        fleet
            .telegram
            .add_account(AccountSpec::new(&number, "Reader"));
        let body = json!({ "phone": number });
        last = fleet
            .api
            .call(Method::POST, "/telegram/auth/phone", Some(body))
            .await;
        if index < 10 {
            assert_eq!(last.0, StatusCode::OK, "{index}: {}", last.1);
        }
    }
    assert_eq!(last.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(last.1["error"]["code"], "too_many_attempts");
}
