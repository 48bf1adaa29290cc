//! Every way a sign-in can go, for the callers of the older systems: each is told, and each leads on.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, world::CodeKind};

use crate::support::{
    api::Api,
    fleet::{Fleet, phone},
    wait,
};

const LICENCE: &str = "/api/integrations/telegram-phone";
const USER: &str = "/telegram/user/auth";
const PORTAL: &str = "/telegram/auth";

async fn ask(api: &Api, path: &str, body: Value) -> (u16, Value) {
    let (status, answer) = api.call(Method::POST, path, Some(body)).await;
    (status.as_u16(), answer)
}

/// Protects those who sign in through the older callers' calls: they too read where the code is, in their language, what
/// stands in its way and what to do when the password is forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_callers_are_told_as_well() {
    let fleet = Fleet::builder().start().await;
    let api = &fleet.api;
    let number = phone(240);
    let spec = AccountSpec::new(&number, "Sales").password("correct horse");
    let user = fleet.telegram.add_account(spec);
    fleet.telegram.send_codes_by(CodeKind::Payment);
    let body = json!({ "user_id": "user123", "phone_number": number });
    let (status, refused) = ask(api, "/telegram/user/auth/start", body.clone()).await;
    assert_eq!(
        (status, &refused["code"]),
        (422, &json!("payment_required"))
    );
    assert!(refused["message"].as_str().unwrap().contains("QR code"));

    fleet.telegram.send_codes_by(CodeKind::Word);
    let started = api.post("/telegram/user/auth/start", body).await;
    assert_eq!(
        started["message"],
        "A word was sent by SMS: enter the whole word (h)"
    );
    fleet.telegram.set_recovery(user, true, None);
    let code = fleet.telegram.code_for(&number).unwrap();
    let verify = json!({ "user_id": "user123", "phone_code": code });
    let (status, refused) = ask(api, "/telegram/user/auth/verify", verify).await;
    assert_eq!((status, &refused["code"]), (409, &json!("password_needed")));
    let told = refused["message"].as_str().unwrap();
    assert!(told.contains("Replace it by e-mail"), "{told}");

    let number = phone(241);
    let spec = AccountSpec::new(&number, "Sales").password("correct horse");
    let user = fleet.telegram.add_account(spec);
    // Another code, by the next way.
    fleet.telegram.send_codes_by(CodeKind::App);
    let sent = api
        .post("/telegram/auth/phone/", json!({ "phone": number }))
        .await;
    assert_eq!(
        (&sent["code_via"], &sent["resend_via"]),
        (&json!("app"), &json!("sms"))
    );
    let again = api.post("/telegram/auth/resend/", json!({})).await;
    assert_eq!(
        (&again["code_via"], &again["resend_via"]),
        (&json!("sms"), &json!("call"))
    );
    fleet.telegram.send_codes_by(CodeKind::MissedCall);
    let sent = api
        .post("/telegram/auth/phone/", json!({ "phone": number }))
        .await;
    assert_eq!(
        (&sent["code_via"], &sent["code_hint"]),
        (&json!("missed_call"), &json!("+99966"))
    );
    fleet
        .telegram
        .set_recovery(user, false, Some(1_900_000_000));
    let code = fleet.telegram.code_for(&number).unwrap();
    let (_, refused) = ask(api, "/telegram/auth/verify/", json!({ "code": code })).await;
    let params = &refused["error"]["params"];
    assert_eq!(params["recovery"], false);
    assert!(params["reset_at"].is_string(), "{refused}");

    // Arabic is what licences' callers read.
    fleet.telegram.send_codes_by(CodeKind::Recaptcha);
    let body = json!({ "phone_number": phone(242) });
    fleet
        .telegram
        .add_account(AccountSpec::new(&phone(242), "Sales"));
    let licensed = api.with_header("x-license-key", "licence-one");
    let (status, refused) = licensed
        .call(Method::POST, &format!("{LICENCE}/start"), Some(body))
        .await;
    assert_eq!(
        (status.as_u16(), &refused["code"], &refused["success"]),
        (422, &json!("check_wanted"), &json!(false))
    );
    let told = refused["message"].as_str().unwrap();
    assert!(told.contains("QR") && !told.contains("Telegram"), "{told}");
}

/// One of the systems: what every body holds, its calls, and how its code is called.
struct System {
    api: Api,
    base: &'static str,
    start: &'static str,
    number: &'static str,
    code: &'static str,
    named: Value,
}

fn systems(fleet: &Fleet) -> [System; 3] {
    let licensed = fleet.api.with_header("x-license-key", "licence-one");
    [
        System {
            api: licensed.with_header("accept-language", "en"),
            base: LICENCE,
            start: "start",
            number: "phone_number",
            code: "code",
            named: json!({}),
        },
        System {
            api: fleet.api.clone(),
            base: USER,
            start: "start",
            number: "phone_number",
            code: "phone_code",
            named: json!({ "user_id": "user123" }),
        },
        System {
            api: fleet.api.clone(),
            base: PORTAL,
            start: "phone",
            number: "phone",
            code: "code",
            named: json!({}),
        },
    ]
}

impl System {
    /// What belongs to every call from now on is remembered.
    async fn call(&mut self, step: &str, field: &str, value: &str) -> (u16, Value) {
        let mut body = self.named.clone();
        body[field] = json!(value);
        let (status, answer) = ask(&self.api, &format!("{}/{step}", self.base), body).await;
        for field in ["session_id", "phone_number"] {
            if answer[field].is_string() {
                self.named[field] = answer[field].clone();
            }
        }
        (status, answer)
    }

    async fn start(&mut self, number: &str) -> Value {
        let (step, field) = (self.start, self.number);
        let (status, answer) = self.call(step, field, number).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

fn code_of(refused: &Value) -> &str {
    let nested = &refused["error"]["code"];
    let code = if nested.is_string() {
        nested
    } else {
        &refused["code"]
    };
    code.as_str().unwrap_or_default()
}

/// Protects who signs in through the older systems with a number that Telegram wants an e-mail address for: it is asked for
/// there too, refused in words, proven by a code of its own, and the number's code comes after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_email_address_is_set_up_in_each_system() {
    let fleet = Fleet::builder().start().await;
    for (index, mut system) in systems(&fleet).into_iter().enumerate() {
        let number = phone(270 + index);
        let base = system.base;
        fleet
            .telegram
            .add_account(AccountSpec::new(&number, "Sales"));
        fleet.telegram.send_codes_by(CodeKind::SetUpEmail);
        let started = system.start(&number).await;
        let asked = started["needs_email"] == true || started["status"] == "email_needed";
        assert!(asked, "{base}: {started}");
        let told = started["message"].as_str().unwrap();
        assert!(told.contains("e-mail address first"), "{told}");
        // A caller that knows of codes alone is told what comes before.
        let code = system.code;
        let (status, refused) = system.call("verify", code, "12345").await;
        assert_eq!(
            (status, code_of(&refused)),
            (409, "email_required"),
            "{base}"
        );
        for address in ["nobody", "me@throwaway.example"] {
            let (status, refused) = system.call("email", "email", address).await;
            assert_eq!(
                (status, code_of(&refused)),
                (422, "email_invalid"),
                "{base}"
            );
        }
        let (status, sent) = system.call("email", "email", "sales@example.com").await;
        assert_eq!(status, 200, "{base}: {sent}");
        let told = sent["message"].as_str().unwrap();
        assert!(told.contains("s***@example.com"), "{told}");
        let (status, refused) = system.call("verify", code, "00000").await;
        assert_eq!((status, code_of(&refused)), (422, "wrong_code"), "{base}");
        let first = fleet.telegram.code_for(&number).unwrap();
        let (status, next) = system.call("verify", code, &first).await;
        assert_eq!(status, 200, "{base}: {next}");
        assert!(next["user"].is_null(), "{base}: {next}");
        assert_eq!(next["message"], "Code sent by SMS", "{base}");
        let second = fleet.telegram.code_for(&number).unwrap();
        let (status, done) = system.call("verify", code, &second).await;
        assert_eq!(status, 200, "{base}: {done}");
        assert!(done["user"]["id"].is_i64(), "{base}: {done}");
    }
    assert!(!fleet.service().log().contains("sales@example.com"));
}

/// Protects who stands before a code that can't come: it is sent by the next way, in each system.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_sent_by_the_next_way_in_each_system() {
    let fleet = Fleet::builder().start().await;
    for (index, mut system) in systems(&fleet).into_iter().enumerate() {
        let number = phone(280 + index);
        fleet
            .telegram
            .add_account(AccountSpec::new(&number, "Sales"));
        fleet.telegram.send_codes_by(CodeKind::App);
        let started = system.start(&number).await;
        assert_eq!(started["message"], "Code sent to Telegram");
        let user = system.named["user_id"].clone();
        let user = user.as_str().unwrap_or("nobody");
        let (status, again) = system.call("resend", "user_id", user).await;
        assert_eq!(
            (status, &again["message"]),
            (200, &json!("Code sent by SMS"))
        );
        let (code, sent) = (system.code, fleet.telegram.code_for(&number).unwrap());
        let (status, done) = system.call("verify", code, &sent).await;
        assert_eq!(status, 200, "{}: {done}", system.base);
    }
}

/// Protects who is told to sign in by QR code because no code leads on: each system shows one, follows it to the account's data
/// centre, asks for the password, and says what ended it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_qr_code_leads_on_in_each_system() {
    let fleet = Fleet::builder().start().await;
    let other = AccountSpec::new(&phone(299), "Other").home_dc(4);
    let other = fleet.telegram.add_account(other);
    for (index, mut system) in systems(&fleet).into_iter().enumerate() {
        let number = phone(290 + index);
        let base = system.base;
        let spec = AccountSpec::new(&number, "Sales").password("correct horse");
        let user = fleet.telegram.add_account(spec.home_dc(4));
        fleet.telegram.send_codes_by(CodeKind::Payment);
        let (step, field) = (system.start, system.number);
        let (status, refused) = system.call(step, field, &number).await;
        assert_eq!((status, code_of(&refused)), (422, "payment_required"));
        fleet.telegram.send_codes_by(CodeKind::App);
        for (scanned_by, status) in [
            (user, "password_needed"),
            (other, "expired"),
            (other, "authorized"),
        ] {
            let shown = match base {
                PORTAL => system.api.get("/telegram/auth/qr/").await,
                _ => system.call("qr", "user_id", "user123").await.1,
            };
            assert_eq!(shown["status"], "pending", "{base}: {shown}");
            if let Some(session) = shown.get("session_id") {
                system.named = json!({ "session_id": session });
            }
            let url = shown["url"].as_str().unwrap();
            fleet.telegram.accept_qr(url, scanned_by).unwrap();
            let path = match base {
                USER => format!("{base}/qr/status/user123"),
                _ => format!("{base}/qr/status"),
            };
            let looks = async || system.api.get(&path).await;
            let over =
                |now: &Value| !["pending", "scanned"].contains(&now["status"].as_str().unwrap());
            let now = wait::until("what came of the scan", looks, over).await;
            assert_eq!(now["status"], status, "{base}: {now}");
            if scanned_by == other {
                // The account was the first one's; the next one is their own.
                let refused = status == "expired";
                assert_eq!(now["error"]["code"] == "another_user", refused, "{now}");
                continue;
            }
            let (status, done) = system.call("verify", "password", "correct horse").await;
            assert_eq!(status, 200, "{base}: {done}");
            assert_eq!(done["user"]["id"], user, "{base}: {done}");
            assert_eq!(system.api.get(&path).await["status"], "authorized");
            fleet.telegram.revoke_sessions(user);
            let gone = async || fleet.api.get("/accounts").await["accounts"].clone();
            let id = user.to_string();
            let lost = |accounts: &Value| {
                let mut all = accounts.as_array().unwrap().iter();
                all.any(|one| one["user"]["id"] == id && one["state"] == "needs_login")
            };
            wait::until("the session to be gone", gone, lost).await;
        }
    }
}
