//! Calls under a key that broke off: cut, hung up, killed.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use switchboard_simulator::{AccountSpec, Effect, Fault};
use tokio::io::AsyncWriteExt;

use super::repeats::{code, keyed};
use crate::support::{
    fleet::{Fleet, phone},
    wait,
};

/// Protects against a guess: of a call that a crash cut off it is said that nobody knows what it did.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_cut_off_is_not_guessed_about() {
    let mut fleet = Fleet::builder().start().await;
    let made = fleet
        .api
        .post("/accounts/add", json!({ "label": "Sales" }))
        .await;
    let path = format!(
        "/accounts/{}/login",
        made["account"]["id"].as_str().unwrap()
    );
    let fault = fleet
        .telegram
        .set_fault(Fault::new(Effect::NeverAnswer).on("auth.sendCode"));
    let body = json!({ "phone": phone(1) });
    let under_way = {
        let (api, path, body) = (fleet.api.clone(), path.clone(), body.clone());
        tokio::spawn(async move {
            let request = api.request(Method::POST, &path);
            let request = request.header("Idempotency-Key", "cut").json(&body);
            request.timeout(Duration::from_secs(60)).send().await
        })
    };
    wait::until(
        "the call at Telegram",
        || async { fleet.telegram.fault_hits(fault) },
        |hits| *hits > 0,
    )
    .await;
    let (status, _, answer) = keyed(&fleet.api, Method::POST, &path, "cut", body.clone()).await;
    assert_eq!(
        (status, code(&answer)),
        (StatusCode::CONFLICT, "idempotency_in_progress")
    );
    fleet.kill_service();
    assert!(under_way.await.unwrap().is_err());
    fleet.start_service();
    let (status, _, answer) = keyed(&fleet.api, Method::POST, &path, "cut", body).await;
    assert_eq!(
        (status, code(&answer)),
        (StatusCode::CONFLICT, "outcome_unknown")
    );
}

/// Protects whoever lost the line in the middle of a call: the key is not taken for ever. The call goes on to its end, and the
/// repeat is answered as the first was.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_in_the_middle_is_answered_at_its_repeat() {
    let fleet = Fleet::builder().start().await;
    let made = fleet
        .api
        .post("/accounts/add", json!({ "label": "Sales" }))
        .await;
    let account = made["account"]["id"].as_str().unwrap();
    let number = phone(1);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Sales"));
    let slow = Effect::SlowAnswer { millis: 1_500 };
    let fault = fleet
        .telegram
        .set_fault(Fault::new(slow).on("auth.sendCode"));
    let path = format!("/accounts/{account}/login");
    let body = json!({ "phone": number });
    let text = body.to_string();
    let address = fleet.address();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Idempotency-Key: hung-up\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
    let mut line = tokio::net::TcpStream::connect(address).await.unwrap();
    line.write_all(head.as_bytes()).await.unwrap();
    wait::until(
        "the call at Telegram",
        || async { fleet.telegram.fault_hits(fault) },
        |hits| *hits > 0,
    )
    .await;
    // With a reset, as a program that is killed.
    line.set_zero_linger().unwrap();
    drop(line);
    let (_, replayed, answer) = wait::until(
        "the repeat to be answered",
        || keyed(&fleet.api, Method::POST, &path, "hung-up", body.clone()),
        |(_, _, answer)| code(answer) != "idempotency_in_progress",
    )
    .await;
    assert!(replayed, "{answer}");
    assert_eq!(answer["login"]["step"], "code", "{answer}");
}

/// Protects a program whose deletion was cut off by a crash: its repeat is carried out, for that comes to the same, and is
/// not left to somebody who has to look.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_a_crash_cut_off_is_carried_out_at_its_repeat() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    // Another device.
    fleet.session_string(account.user);
    let all = format!("/accounts/{}/sessions", account.id);
    let others = async |fleet: &Fleet| fleet.api.get(&all).await["sessions"].clone();
    let other = others(&fleet).await;
    let mut other = other.as_array().unwrap().iter();
    let other = other.rfind(|one| one["hash"] != "0");
    let hash = other.unwrap()["hash"].as_str().unwrap().to_owned();
    let path = format!("{all}/{hash}");
    let silent = Fault::new(Effect::NeverAnswer).on("account.resetAuthorization");
    let fault = fleet.telegram.set_fault(silent);
    let under_way = {
        let (api, path) = (fleet.api.clone(), path.clone());
        tokio::spawn(async move {
            let request = api.request(Method::DELETE, &path);
            request.header("Idempotency-Key", "cut").send().await
        })
    };
    wait::until(
        "the call at Telegram",
        || async { fleet.telegram.fault_hits(fault) },
        |hits| *hits > 0,
    )
    .await;
    fleet.kill_service();
    assert!(under_way.await.unwrap().is_err());
    fleet.telegram.clear_fault(fault);
    fleet.start_service();
    fleet.wait_for_state(&account.id, "online").await;
    let request = fleet.api.request(Method::DELETE, &path);
    let again = request.header("Idempotency-Key", "cut").send().await;
    assert!(again.unwrap().status().is_success());
    let left = others(&fleet).await;
    assert!(!left.to_string().contains(&hash), "{left}");
}
