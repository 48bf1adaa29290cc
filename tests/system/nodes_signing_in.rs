//! Signing in at one of several nodes, while its account goes to another one or the database goes away.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, Effect, Fault};

use super::nodes::{another, database, lease, with_accounts};
use crate::support::{
    engine,
    fleet::{Fleet, phone},
    wait,
};

const NUMBER: usize = 7;

/// An account in the middle of a sign-in, and the node that has it.
async fn signing_in(fleet: &Fleet) -> (String, String) {
    let number = phone(NUMBER);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Signs in"));
    let body = json!({ "label": "Signs in", "phone": number });
    let made = fleet.api.post("/accounts/add", body).await;
    assert_eq!(made["login"]["step"], "code", "{made}");
    let account = made["account"]["id"].as_str().unwrap().to_owned();
    let own = lease(fleet, &account).unwrap().owner.unwrap();
    (account, own)
}

async fn drain(fleet: &Fleet, node: &str, draining: bool) {
    let path = format!("/nodes/{node}/drain");
    let body = json!({ "draining": draining });
    fleet.api.post(&path, body).await;
}

async fn until_free(fleet: &Fleet, account: &str) {
    let owner = || async { lease(fleet, account).unwrap().owner };
    wait::until("the account to be let go of", owner, Option::is_none).await;
}

/// Protects who is in the middle of a sign-in when its account goes to another node: what was sent stays good, and nothing uses the
/// sign-in's key here meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_under_way_outlives_its_node() {
    let fleet = with_accounts(0).await;
    let (account, own) = signing_in(&fleet).await;
    let code = fleet.code_for(&phone(NUMBER)).await;

    let (_, mut other) = another(&fleet);
    other.renew(None).unwrap();
    drain(&fleet, &own, true).await;
    let taken = wait::until(
        "the account to be let go of",
        || std::future::ready(other.claim(1, &[]).unwrap()),
        |claimed| !claimed.is_empty(),
    )
    .await;
    assert_eq!(fleet.telegram.wire().connections(), 0);
    let login = fleet.api.get(&format!("/accounts/{account}/login")).await;
    assert_eq!(login["login"], json!(null), "{login}");

    drain(&fleet, &own, false).await;
    other.release(&taken).unwrap();
    other.leave().unwrap();
    let path = format!("/accounts/{account}/login");
    wait::until(
        "the sign-in to go on",
        || async { fleet.api.get(&path).await["login"]["step"].clone() },
        |step| step == "code",
    )
    .await;
    fleet
        .api
        .post(&format!("{path}/code"), json!({ "code": code }))
        .await;
    fleet.wait_for_state(&account, "online").await;
}

#[derive(Deserialize, Debug)]
struct Backend {
    pid: i64,
}

/// Backends of this database that are at this.
fn backends(database: &str, at: &str) -> Vec<i64> {
    let question = format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND {at}"
    );
    let found: Vec<Backend> = engine::rows(database, &question);
    found.into_iter().map(|one| one.pid).collect()
}

/// Protects an account from being nobody's: one that goes to another node while its sign-in is just being taken up here is let go of all
/// the same, and soon.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_taken_up_too_late_keeps_its_account_from_nobody() {
    let fleet = with_accounts(0).await;
    let (account, own) = signing_in(&fleet).await;
    let (_, mut other) = another(&fleet);
    other.renew(None).unwrap();
    drain(&fleet, &own, true).await;
    until_free(&fleet, &account).await;

    // Whoever takes it up writes that down first, and waits here.
    let database = database(&fleet);
    let holding = {
        let database = database.clone();
        tokio::task::spawn_blocking(move || {
            let hold =
                "begin; lock table switchboard.login_attempts in share mode; select pg_sleep(600)";
            engine::cluster().try_sql(&database, hold)
        })
    };
    let at = |at: &'static str| {
        let database = &database;
        move || async move { backends(database, at) }
    };
    let holder = wait::until("the lock", at("wait_event = 'PgSleep'"), |all| {
        all.len() == 1
    })
    .await[0];
    drain(&fleet, &own, false).await;
    wait::until(
        "the sign-in to be taken up",
        at("wait_event_type = 'Lock' AND query LIKE '%login_attempts%'"),
        |all| !all.is_empty(),
    )
    .await;
    drain(&fleet, &own, true).await;
    let ends = || async {
        let health = fleet.api.get("/health/ready").await;
        health["node"]["accounts"].clone()
    };
    wait::until("the node to end it", ends, |accounts| *accounts == 0).await;
    engine::cluster().sql(
        "postgres",
        &format!("select pg_terminate_backend({holder})"),
    );
    holding.await.unwrap().unwrap_err();
    until_free(&fleet, &account).await;
}

/// Protects who has signed in from being told so for nothing: what Telegram said is kept as soon as the database is back, although nobody
/// asks again.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_through_while_the_database_is_away_is_kept_when_it_is_back() {
    let fleet = with_accounts(0).await;
    let (account, _) = signing_in(&fleet).await;
    let code = fleet.code_for(&phone(NUMBER)).await;
    let slow = Effect::SlowAnswer { millis: 3_000 };
    fleet
        .telegram
        .set_fault(Fault::new(slow).on("auth.signIn").times(1));
    let path = format!("/accounts/{account}/login/code");
    let api = fleet.api.clone();
    let typing = tokio::spawn(async move {
        let body: Value = json!({ "code": code });
        api.call(Method::POST, &path, Some(body)).await
    });
    let taken = || async { fleet.telegram.ledger().methods.get("auth.signIn").copied() };
    wait::until("Telegram to take the code", taken, Option::is_some).await;
    let database = database(&fleet);
    engine::take_no_writes(&database, true);
    let waits = || async {
        fleet
            .service()
            .log()
            .contains("waits for the store to be kept")
    };
    wait::until("the sign-in to wait", waits, |waits| *waits).await;
    engine::take_no_writes(&database, false);
    fleet.wait_for_state(&account, "online").await;
    let (status, told) = typing.await.unwrap();
    assert!(status.is_success(), "{status} {told}");
}
