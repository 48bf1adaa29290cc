//! Adding: an account whose adding came to nothing does not stay behind, and the repeat of the call makes one, whatever broke in between.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, Effect, Fault};
use tokio::time::timeout;

use crate::support::{
    api::Api,
    engine,
    fleet::{Fleet, phone},
    wait,
};

/// What a program sends, each time the same.
#[derive(Clone)]
struct Adding {
    api: Api,
    path: &'static str,
    body: Value,
}

impl Adding {
    async fn send(&self) -> Option<(StatusCode, Value)> {
        let request = self.api.request(Method::POST, self.path);
        let request = request.header("Idempotency-Key", "sales").json(&self.body);
        let answer = request.timeout(Duration::from_secs(90)).send().await.ok()?;
        let status = answer.status();
        Some((status, answer.json().await.unwrap_or_default()))
    }

    async fn until_done(&self) -> Value {
        let repeat = || async { self.send().await.unwrap() };
        let (_, answer) = wait::until("the repeat to be done", repeat, |(status, answer)| {
            assert!(
                status.is_success() || answer["error"]["code"] != "outcome_unknown",
                "{answer}"
            );
            status.is_success()
        })
        .await;
        answer
    }
}

async fn accounts(fleet: &Fleet) -> Vec<Value> {
    let all = fleet.api.get("/accounts").await;
    all["accounts"].as_array().unwrap().clone()
}

async fn sign_in(fleet: &Fleet, account: &str, number: &str) {
    let code = fleet.code_for(number).await;
    let path = format!("/accounts/{account}/login/code");
    fleet.api.post(&path, json!({ "code": code })).await;
    fleet.wait_for_state(account, "online").await;
}

/// Protects whoever adds an account while the service is killed, at the desk and in a program's name: of a call that never was answered
/// nothing stays, and its repeat under the same key makes one account, which can be signed in.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_adding_was_cut_off_is_taken_back() {
    let mut fleet = Fleet::builder().start().await;
    let numbers = [phone(331), phone(332)];
    for number in &numbers {
        let spec = AccountSpec::new(number, "Sales");
        fleet.telegram.add_account(spec);
    }
    let calls = [
        (
            "/accounts/add",
            json!({ "label": "Sales", "phone": numbers[0] }),
        ),
        (
            "/telegram/user/auth/start",
            json!({ "user_id": "user331", "phone_number": numbers[1] }),
        ),
    ];
    for (place, (path, body)) in calls.into_iter().enumerate() {
        let api = fleet.api.clone();
        let call = Adding { api, path, body };
        let never = Fault::new(Effect::NeverAnswer).on("auth.sendCode");
        let fault = fleet.telegram.set_fault(never);
        let first = tokio::spawn({
            let call = call.clone();
            async move { call.send().await }
        });
        let hits = || async { fleet.telegram.fault_hits(fault) };
        wait::until("the sign-in to be under way", hits, |hits| *hits > 0).await;
        let made = accounts(&fleet).await;
        assert_eq!(made.len(), place + 1, "{path}: {made:?}");
        fleet.kill_service();
        assert!(first.await.unwrap().is_none(), "{path}");
        fleet.telegram.clear_fault(fault);
        fleet.start_service();
        let call = Adding {
            api: fleet.api.clone(),
            ..call
        };
        call.until_done().await;
        let made = accounts(&fleet).await;
        assert_eq!(made.len(), place + 1, "{path}: {made:?}");
        let account = made.iter().find(|one| one["state"] == "signing_in");
        let account = account.unwrap()["id"].as_str().unwrap();
        sign_in(&fleet, account, &numbers[place]).await;
    }
}

/// Protects whoever adds an account while the database takes no writes, as one that became a replica: what was refused is taken back once it
/// takes them again, and the repeat makes one.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_adding_was_refused_is_taken_back() {
    let fleet = Fleet::builder().on_postgres().start().await;
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    let number = phone(333);
    let spec = AccountSpec::new(&number, "Sales");
    fleet.telegram.add_account(spec);
    let slow = Fault::new(Effect::SlowStart { millis: 1_000 }).on("auth.sendCode");
    let slow = fleet.telegram.set_fault(slow);
    let call = Adding {
        api: fleet.api.clone(),
        path: "/accounts/add",
        body: json!({ "label": "Sales", "phone": number }),
    };
    let mut first = tokio::spawn({
        let call = call.clone();
        async move { call.send().await }
    });
    let hits = || async { fleet.telegram.fault_hits(slow) };
    wait::until("the sign-in to be under way", hits, |hits| *hits > 0).await;
    engine::take_no_writes(&database, true);
    // Less than the accounts of a node that can't renew its leases have.
    let early = timeout(Duration::from_secs(23), &mut first).await;
    engine::take_no_writes(&database, false);
    let answer = match early {
        Ok(answer) => answer,
        Err(_) => first.await,
    };
    let (refused, answer) = answer.unwrap().unwrap();
    let code = answer["error"]["code"].as_str();
    assert_eq!(
        (refused, code),
        (StatusCode::SERVICE_UNAVAILABLE, Some("store_unavailable")),
        "{answer}"
    );

    let added = call.until_done().await;
    let made = accounts(&fleet).await;
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0]["id"], added["account"]["id"]);
    sign_in(&fleet, made[0]["id"].as_str().unwrap(), &number).await;
}
