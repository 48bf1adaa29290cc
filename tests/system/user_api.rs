//! System C: send as the user.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, Fault, PersonSpec};

use crate::support::{
    api::Api,
    fleet::{Fleet, phone},
    keys::exactly,
};

/// Signs a user in, as its old caller does.
pub async fn authorize(fleet: &Fleet, api: &Api, user_id: &str, number: &str) -> Value {
    let body = json!({ "user_id": user_id, "phone_number": number });
    api.post("/telegram/user/auth/start", body).await;
    let code = fleet.code_for(number).await;
    let body = json!({ "user_id": user_id, "phone_code": code });
    api.post("/telegram/user/auth/verify", body).await
}

async fn refused(api: &Api, path: &str, body: Value) -> (StatusCode, String) {
    let (status, answer) = api.call(Method::POST, path, Some(body)).await;
    exactly(&answer, &["status", "success", "code", "message"]);
    assert_eq!(answer["status"], "error");
    (status, answer["code"].as_str().unwrap().to_owned())
}

fn send_body(recipient: Value, text: &str) -> Value {
    json!({ "user_id": "user123", "recipient_id": recipient, "text": text })
}

/// Protects callers of system C: every answer has the keys that were promised, and no others.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_signs_in_sends_and_disconnects() {
    let fleet = Fleet::builder().start().await;
    let api = &fleet.api;
    let number = phone(1);
    let spec = AccountSpec::new(&number, "Writer").username("writer_one");
    let user = fleet.telegram.add_account(spec);
    let person = fleet
        .telegram
        .add_person(PersonSpec::new("Contact one").username("contact_one"));

    let body = json!({ "user_id": "user123", "phone_number": number });
    let started = api.post("/telegram/user/auth/start", body).await;
    exactly(&started, &["status", "phone_code_hash", "message"]);
    assert_eq!(started["status"], "code_sent");
    assert_eq!(started["message"], "Code sent to Telegram");

    let verify = "/telegram/user/auth/verify";
    let wrong = json!({ "user_id": "user123", "phone_code": "00000" });
    let answer = refused(api, verify, wrong).await;
    assert_eq!(
        answer,
        (StatusCode::UNPROCESSABLE_ENTITY, "wrong_code".to_owned())
    );

    let code = fleet.code_for(&number).await;
    let body = json!({ "user_id": "user123", "phone_code": code });
    let verified = api.post(verify, body).await;
    exactly(&verified, &["status", "message", "user"]);
    assert_eq!(verified["status"], "authorized");
    assert_eq!(verified["message"], "Successfully authorized");
    let keys = ["id", "first_name", "last_name", "username", "phone_number"];
    exactly(&verified["user"], &keys);
    assert_eq!(verified["user"]["id"], user);
    assert_eq!(verified["user"]["username"], "writer_one");
    assert_eq!(verified["user"]["phone_number"], number.as_str());

    let status = api.get("/telegram/user/status/user123").await;
    exactly(&status, &["status", "authorized", "user_info"]);
    assert_eq!(status["authorized"], true);
    exactly(&status["user_info"], &keys);

    for recipient in [
        json!("contact_one"),
        json!("@contact_one"),
        json!(person),
        json!(person.to_string()),
    ] {
        let sent = api
            .post("/telegram/user/send", send_body(recipient, "Hello"))
            .await;
        exactly(&sent, &["status", "success", "message_id", "date"]);
        assert_eq!(
            (&sent["status"], &sent["success"]),
            (&json!("ok"), &json!(true))
        );
        assert!(sent["message_id"].is_i64(), "{sent}");
        let date = sent["date"].as_str().unwrap();
        assert!(date.len() == 19 && date.as_bytes()[10] == b'T', "{date}");
    }
    assert_eq!(fleet.telegram.texts(user, person), ["Hello"; 4]);

    let body = json!({ "user_id": "user123" });
    let gone = api.post("/telegram/user/disconnect", body).await;
    assert_eq!(
        (&gone["status"], &gone["success"]),
        (&json!("ok"), &json!(true))
    );
    let status = api.get("/telegram/user/status/user123").await;
    assert_eq!(
        status,
        json!({ "status": "ok", "authorized": false, "user_info": null })
    );
}

/// Protects callers from guessing: each thing that can go wrong has a code of its own, and nothing is sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_message_from_being_sent_is_told_apart() {
    let fleet = Fleet::builder().start().await;
    let api = &fleet.api;
    let number = phone(1);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Writer"));
    let person = fleet
        .telegram
        .add_person(PersonSpec::new("Contact one").username("contact_one"));
    authorize(&fleet, api, "user123", &number).await;
    let send = "/telegram/user/send";
    let fault = |code: i32, message: &str| {
        let fault = Fault::error(code, message).on("messages.sendMessage");
        fleet.telegram.set_fault(fault.times(1))
    };

    let unknown = json!({ "user_id": "nobody", "recipient_id": "contact_one", "text": "Hello" });
    assert_eq!(
        refused(api, send, unknown).await,
        (StatusCode::NOT_FOUND, "unknown_user".into())
    );
    let status = api.get("/telegram/user/status/nobody").await;
    assert_eq!(
        status,
        json!({ "status": "ok", "authorized": false, "user_info": null })
    );

    let answer = refused(api, send, send_body(json!("nobody_there"), "Hello")).await;
    assert_eq!(
        answer,
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            "recipient_not_found".into()
        )
    );

    fault(403, "USER_PRIVACY_RESTRICTED");
    let answer = refused(api, send, send_body(json!("contact_one"), "Hello")).await;
    assert_eq!(answer, (StatusCode::FORBIDDEN, "recipient_refused".into()));

    let answer = refused(api, send, send_body(json!("contact_one"), " ")).await;
    assert_eq!(answer.1, "text_empty");

    fault(420, "FLOOD_WAIT_77");
    let response = api
        .request(Method::POST, send)
        .json(&send_body(json!("contact_one"), "Hello"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((60..=77).contains(&wait), "{wait}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["code"], "flood_wait");
    assert!(fleet.telegram.texts(user, person).is_empty());
    let pending = api.get("/accounts").await["accounts"][0]["outbox_pending"].clone();
    assert_eq!(
        pending, 0,
        "what was answered with 429 must not go out later"
    );

    fleet.telegram.revoke_sessions(user);
    let id = api.get("/accounts").await["accounts"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    fleet.wait_for_state(&id, "needs_login").await;
    let answer = refused(api, send, send_body(json!("contact_one"), "Hello")).await;
    assert_eq!(answer, (StatusCode::CONFLICT, "login_required".into()));
}

/// Protects sign-ins with two-step verification, one call or two.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_password_is_not_a_wrong_one() {
    let fleet = Fleet::builder().start().await;
    let api = &fleet.api;
    let number = phone(1);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Writer").password("correct horse"));
    let body = json!({ "user_id": 42, "phone_number": number });
    api.post("/telegram/user/auth/start", body).await;
    let code = fleet.code_for(&number).await;
    let verify = "/telegram/user/auth/verify";

    let answer = refused(api, verify, json!({ "user_id": 42, "phone_code": code })).await;
    assert_eq!(answer, (StatusCode::CONFLICT, "password_needed".into()));
    let body = json!({ "user_id": 42, "phone_code": code, "password": "wrong" });
    let answer = refused(api, verify, body).await;
    assert_eq!(
        answer,
        (StatusCode::UNPROCESSABLE_ENTITY, "wrong_password".into())
    );
    let body = json!({ "user_id": "42", "phone_code": code, "password": "correct horse" });
    assert_eq!(api.post(verify, body).await["status"], "authorized");
}
