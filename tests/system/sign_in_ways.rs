//! Every way a sign-in can go: each is told apart, and none is a dead end.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, Fault, world::CodeKind};

use crate::support::fleet::{Fleet, phone};

async fn begin(fleet: &Fleet, number: &str) -> (u16, Value) {
    let body = json!({ "label": "Sales", "phone": number });
    let (status, answer) = fleet
        .api
        .call(Method::POST, "/accounts/add", Some(body))
        .await;
    (status.as_u16(), answer)
}

/// Protects who waits for a code: where it went and how to tell it is said for each way that there is, and it works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_of_a_code_is_told_and_works() {
    let fleet = Fleet::builder().start().await;
    let kinds = [
        (CodeKind::App, "app", Value::Null, Some(5)),
        (CodeKind::Sms, "sms", Value::Null, Some(5)),
        (CodeKind::Call, "call", Value::Null, Some(5)),
        (CodeKind::FlashCall, "flash_call", json!("+99966*"), None),
        (
            CodeKind::MissedCall,
            "missed_call",
            json!("+99966"),
            Some(5),
        ),
        (
            CodeKind::Fragment,
            "fragment",
            json!("https://fragment.com/my/numbers"),
            Some(5),
        ),
        (
            CodeKind::Email,
            "email",
            json!("a***l@example.com"),
            Some(5),
        ),
        (CodeKind::Word, "sms_word", json!("h"), None),
        (CodeKind::Phrase, "sms_phrase", json!("green"), None),
    ];
    for (index, (kind, via, hint, length)) in kinds.into_iter().enumerate() {
        let number = phone(200 + index);
        fleet
            .telegram
            .add_account(AccountSpec::new(&number, "Sales"));
        fleet.telegram.send_codes_by(kind);
        let (status, begun) = begin(&fleet, &number).await;
        assert_eq!(status, 201, "{begun}");
        let login = &begun["login"];
        assert_eq!(login["code_via"], via);
        assert_eq!(login["code_hint"], hint, "{via}");
        assert_eq!(login["code_length"], json!(length), "{via}");
        let id = begun["account"]["id"].as_str().unwrap();
        let code = fleet.telegram.code_for(&number).unwrap();
        let path = format!("/accounts/{id}/login/code");
        let (status, answer) = fleet
            .api
            .call(Method::POST, &path, Some(json!({ "code": code })))
            .await;
        assert_eq!(status, 200, "{via}: {answer}");
        fleet.wait_for_state(id, "online").await;
    }
}

/// Protects who meets what only Telegram's own apps can do: each says what it is, and leaves no account behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_code_leads_out_of_is_told_apart() {
    let fleet = Fleet::builder().start().await;
    let number = phone(220);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Sales"));
    for (kind, code) in [
        (CodeKind::Payment, "payment_required"),
        (CodeKind::Recaptcha, "check_wanted"),
    ] {
        fleet.telegram.send_codes_by(kind);
        let (status, refused) = begin(&fleet, &number).await;
        assert_eq!((status, &refused["error"]["code"]), (422, &json!(code)));
    }
    fleet.telegram.send_codes_by(CodeKind::Payment);
    let (_, refused) = begin(&fleet, &number).await;
    let price = json!({ "amount": 99, "currency": "USD" });
    assert_eq!(refused["error"]["params"], price);
    // What stands between a number and an account.
    fleet.telegram.send_codes_by(CodeKind::App);
    let banned = phone(221);
    let user = fleet.telegram.add_account(AccountSpec::new(&banned, "Bad"));
    fleet.telegram.ban(user);
    let (status, refused) = begin(&fleet, &banned).await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (422, &json!("phone_banned"))
    );
    for (answer, code, seconds) in [
        ("FLOOD_WAIT_7200", "flood_wait", json!(7_200)),
        ("PHONE_NUMBER_FLOOD", "too_many_attempts", Value::Null),
    ] {
        let number_of = if code == "flood_wait" { 420 } else { 400 };
        let fault = Fault::error(number_of, answer).on("auth.sendCode").times(1);
        fleet.telegram.set_fault(fault);
        let (status, refused) = begin(&fleet, &number).await;
        let told = (
            &refused["error"]["code"],
            &refused["error"]["params"]["seconds"],
        );
        assert_eq!((status, told), (429, (&json!(code), &seconds)), "{refused}");
    }
    let accounts = fleet.api.get("/accounts").await;
    assert_eq!(accounts["accounts"], json!([]));
    // Nobody has registered this number: that is told once the code is proven.
    let free = phone(222);
    fleet.telegram.add_account(AccountSpec {
        registered: false,
        ..AccountSpec::new(&free, "Nobody")
    });
    let (_, begun) = begin(&fleet, &free).await;
    let path = format!(
        "/accounts/{}/login/code",
        begun["account"]["id"].as_str().unwrap()
    );
    let code = fleet.telegram.code_for(&free).unwrap();
    let (status, refused) = fleet
        .api
        .call(Method::POST, &path, Some(json!({ "code": code })))
        .await;
    assert_eq!(
        (status.as_u16(), &refused["error"]["code"]),
        (422, &json!("sign_up_required")),
        "{refused}"
    );
}

/// Protects whose account is to have an e-mail address first: it is asked for, refused in words, proven by a code of its own,
/// and the number's code comes after it; also over a restart of the service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_email_address_is_set_up_on_the_way() {
    let mut fleet = Fleet::builder().start().await;
    let number = phone(260);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Sales"));
    fleet.telegram.send_codes_by(CodeKind::SetUpEmail);
    let (status, begun) = begin(&fleet, &number).await;
    assert_eq!((status, &begun["login"]["step"]), (201, &json!("email")));
    let id = begun["account"]["id"].as_str().unwrap().to_owned();
    fleet.stop_service();
    fleet.start_service();
    let call = async |fleet: &Fleet, step: &str, body: Value| {
        let path = format!("/accounts/{id}/login/{step}");
        let (status, answer) = fleet.api.call(Method::POST, &path, Some(body)).await;
        (status.as_u16(), answer)
    };
    for address in ["nobody", "@example.com", "me@throwaway.example"] {
        let (status, refused) = call(&fleet, "email", json!({ "email": address })).await;
        let told = (status, &refused["error"]["code"]);
        assert_eq!(told, (422, &json!("email_invalid")), "{address}");
    }
    let (status, asked) = call(&fleet, "email", json!({ "email": "sales@example.com" })).await;
    assert_eq!(status, 200, "{asked}");
    let login = &asked["login"];
    assert_eq!(
        (&login["step"], &login["code_via"], &login["code_hint"]),
        (&json!("code"), &json!("email"), &json!("s***@example.com"))
    );
    let (status, refused) = call(&fleet, "code", json!({ "code": "00000" })).await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (422, &json!("wrong_code"))
    );
    let code = fleet.telegram.code_for(&number).unwrap();
    let (status, next) = call(&fleet, "code", json!({ "code": code })).await;
    assert_eq!(status, 200, "{next}");
    assert_eq!(
        (&next["login"]["step"], &next["login"]["code_via"]),
        (&json!("code"), &json!("sms"))
    );
    let code = fleet.telegram.code_for(&number).unwrap();
    let (status, done) = call(&fleet, "code", json!({ "code": code })).await;
    assert_eq!((status, &done["login"]["step"]), (200, &json!("done")));
    fleet.wait_for_state(&id, "online").await;
    let log = fleet.service().log();
    assert!(!log.contains("sales@example.com"), "{log}");
}

/// Protects who has forgotten a password: whether an e-mail address can replace it is told, and a reset that is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_has_a_next_step() {
    let fleet = Fleet::builder().start().await;
    let number = phone(230);
    let spec = AccountSpec::new(&number, "Sales").password("correct horse");
    let user = fleet.telegram.add_account(spec);
    for (by_email, reset_at) in [(true, None), (false, None), (false, Some(1_900_000_000))] {
        fleet.telegram.set_recovery(user, by_email, reset_at);
        let (_, begun) = begin(&fleet, &number).await;
        let id = begun["account"]["id"].as_str().unwrap();
        let code = fleet.telegram.code_for(&number).unwrap();
        let path = format!("/accounts/{id}/login/code");
        let answer = fleet.api.post(&path, json!({ "code": code })).await;
        let login = &answer["login"];
        assert_eq!(login["step"], "password");
        assert_eq!(login["password_recovery"], by_email);
        assert_eq!(login["password_reset_at"].is_string(), reset_at.is_some());
        let path = format!("/accounts/{id}");
        fleet.api.call(Method::DELETE, &path, None).await;
    }
}
