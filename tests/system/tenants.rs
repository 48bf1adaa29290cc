//! Tenants: one owner's sign-ins cost no other owner anything, and nobody loses an account that works.

use std::{io::ErrorKind, net::TcpListener};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, Fault};

use super::{chat_portal, user_api::authorize};
use crate::support::{
    api::Api,
    fleet::{Fleet, phone},
    tokens,
};

async fn tried(api: &Api, path: &str, body: Value) -> (StatusCode, Value) {
    api.call(Method::POST, path, Some(body)).await
}

/// Protects a working account from its owner's slip: another number is refused while one is connected or switched off, on
/// every face, and what was there stays.
#[tokio::test(flavor = "multi_thread")]
async fn another_number_takes_no_working_account_away() {
    let fleet = Fleet::builder().start().await;
    let api = &fleet.api;
    for number in 1..=4 {
        let spec = AccountSpec::new(&phone(number), "Owner");
        fleet.telegram.add_account(spec);
    }
    authorize(&fleet, api, "user123", &phone(1)).await;
    chat_portal::sign_in(&fleet, api, &phone(2)).await;
    let accounts = api.get("/accounts").await["accounts"].clone();
    assert_eq!(accounts.as_array().unwrap().len(), 2);

    let user = json!({ "user_id": "user123", "phone_number": phone(3) });
    let portal = json!({ "phone": phone(4) });
    for active in [true, false] {
        let (status, answer) = tried(api, "/telegram/user/auth/start", user.clone()).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::CONFLICT, &json!("already_connected"))
        );
        let (status, answer) = tried(api, "/telegram/auth/phone", portal.clone()).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (StatusCode::CONFLICT, &json!("already_connected"))
        );
        let known = api.get("/accounts").await["accounts"].clone();
        assert_eq!(known.as_array().unwrap().len(), 2);
        if active {
            let status = api.get("/telegram/user/status/user123").await;
            assert_eq!(status["authorized"], true);
            assert_eq!(status["user_info"]["phone_number"], phone(1).as_str());
            let info = api.get("/telegram/user/info").await;
            assert_eq!(info["user"]["phone"], phone(2).as_str());
            for account in known.as_array().unwrap() {
                let path = format!("/accounts/{}", account["id"].as_str().unwrap());
                let off = Some(json!({ "is_active": false }));
                assert_eq!(api.call(Method::PATCH, &path, off).await.0, StatusCode::OK);
            }
        }
    }
}

/// Protects the list of accounts: sign-ins that Telegram refuses leave nothing behind, however many there are at once.
#[tokio::test(flavor = "multi_thread")]
async fn refused_sign_ins_leave_no_account_behind() {
    let fleet = Fleet::builder().start().await;
    let banned = Fault::error(400, "PHONE_NUMBER_BANNED").on("auth.sendCode");
    let hits = fleet.telegram.set_fault(banned);
    let starts = (0..24).map(|index| {
        let (api, user) = (fleet.api.clone(), index % 12);
        async move {
            let body = json!({ "user_id": format!("user{user}"), "phone_number": "+9996690000" });
            tried(&api, "/telegram/user/auth/start", body).await
        }
    });
    for (status, answer) in join_all(starts).await {
        assert!(!status.is_success(), "{answer}");
    }
    assert!(fleet.telegram.fault_hits(hits) > 0);
    let left = fleet.api.get("/accounts").await;
    assert_eq!(left["accounts"], json!([]));
}

/// Protects a number from whoever tries it too often: the limit is theirs alone, holds for many at once, and whatever
/// numbers they try.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_locks_a_number_for_others() {
    let fleet = Fleet::builder().start().await;
    let number = phone(1);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Wanted"));
    let start = |api: &Api, key: &str, number: &str| {
        let api = api.with_header("x-license-key", key);
        let body = json!({ "phone_number": number });
        async move {
            let path = "/api/integrations/telegram-phone/start";
            tried(&api, path, body).await.0
        }
    };
    let starts = (0..16).map(|_| start(&fleet.api, "licence-one", &number));
    let statuses = join_all(starts).await;
    let refused = |status: &&StatusCode| **status == StatusCode::TOO_MANY_REQUESTS;
    assert_eq!(statuses.iter().filter(refused).count(), 6, "{statuses:?}");
    // Another owner, and the operator, are not concerned.
    let other = start(&fleet.api, "licence-two", &number).await;
    assert_eq!(other, StatusCode::OK);
    let body = json!({ "label": "Desk", "phone": number });
    let (status, _) = tried(&fleet.api, "/accounts/add", body).await;
    assert_eq!(status, StatusCode::CREATED);
    // Nor does another number help.
    let again = start(&fleet.api, "licence-one", "+9996690001").await;
    assert_eq!(again, StatusCode::TOO_MANY_REQUESTS);
}

/// Protects whoever reads the journal from becoming an admin: the launch link is printed where somebody looks, or where
/// somebody wants it.
#[tokio::test(flavor = "multi_thread")]
async fn a_launch_link_goes_to_no_journal() {
    let mut fleet = Fleet::builder()
        .env("SWITCHBOARD_LAUNCH_LINK", "false")
        .start()
        .await;
    tokens::create(&fleet.data_dir(), "boss", "admin");
    fleet.stop_service();
    fleet.start_service();
    let told = crate::support::wait::until(
        "a word about the link",
        || async { fleet.service().log() },
        |log| log.contains("--launch-link"),
    );
    assert!(!told.await.contains("code="));
    assert_eq!(fleet.service().line_so_far(), None);
}

/// Protects what stands beside the service: a session string names a data centre, and not whom the service dials.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_string_does_not_say_whom_to_dial() {
    let fleet = Fleet::builder().start().await;
    let beside = TcpListener::bind("127.0.0.1:0").unwrap();
    beside.set_nonblocking(true).unwrap();
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&phone(1), "Brought along"));
    let session = fleet.session_string(user);
    let mut bytes = URL_SAFE.decode(&session[1..]).unwrap();
    // Behind the data centre and four bytes of the address.
    bytes[5..7].copy_from_slice(&beside.local_addr().unwrap().port().to_be_bytes());
    let session = format!("1{}", URL_SAFE.encode(bytes));
    let body = json!({ "label": "Brought along", "session": session });
    let (status, added) = tried(&fleet.api, "/accounts/add", body).await;
    assert_eq!(status, StatusCode::CREATED, "{added}");
    let id = added["account"]["id"].as_str().unwrap();
    fleet.wait_for_state(id, "online").await;
    let dialled = beside.accept().map(drop);
    assert_eq!(dialled.unwrap_err().kind(), ErrorKind::WouldBlock);
}
