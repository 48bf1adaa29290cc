//! Log-outs that meet a new sign-in.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{
    AccountSpec, Effect, Fault,
    port::KeyId,
    wire::{FaultScope, WireFault},
};

use super::log_out::{
    burn_doubles, in_reach, log_out, out_of_reach, remove, until_authorised, until_erased, waiting,
};
use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    wait,
};

/// Signs an account in anew, with the code that is sent to a number.
async fn sign_in_by_code(
    fleet: &Fleet,
    account: &FleetAccount,
    number: &str,
) -> (StatusCode, Value) {
    let login = format!("/accounts/{}/login", account.id);
    fleet.api.post(&login, json!({ "phone": number })).await;
    let body = json!({ "code": fleet.code_for(number).await });
    let path = format!("{login}/code");
    fleet.api.call(Method::POST, &path, Some(body)).await
}

/// Protects a new sign-in from the order about the old session: it gets a key of its own, works meanwhile, and stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_sign_in_does_not_wait_for_the_old_session_to_end() {
    let mut fleet = Fleet::builder().start().await;
    burn_doubles(&fleet);
    let account = fleet.add_account("Sales").await;
    fleet.wait_for_state(&account.id, "online").await;
    let old = fleet.telegram.keys_of(account.user);
    let away = out_of_reach(&fleet, &account);
    fleet.wait_for_state(&account.id, "reconnecting").await;
    assert_eq!(log_out(&fleet, &account).await["logout"], "ordered");

    let signed_in = sign_in_by_code(&fleet, &account, &account.phone).await;
    assert_eq!(signed_in.0, 200, "{}", signed_in.1);
    fleet.wait_for_state(&account.id, "online").await;
    let both = fleet.telegram.keys_of(account.user);
    let new: Vec<KeyId> = both.into_iter().filter(|key| !old.contains(key)).collect();
    assert_eq!(new.len(), 1);

    in_reach(&fleet, away);
    until_authorised(&fleet, account.user, &new).await;
    until_erased(&fleet).await;
    assert_eq!(fleet.api.account(&account.id).await["state"], "online");
    // Telegram would have burnt a key that was used twice.
    fleet.restart_account(&account.id).await;
    fleet.wait_for_state(&account.id, "online").await;
    assert_eq!(fleet.telegram.keys_of(account.user), new);
}

/// Protects the list of devices from sessions that nobody uses: the one that a new sign-in replaces ends at Telegram once
/// the new one has connected, also when the service is killed before.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_session_is_signed_out_at_telegram() {
    let mut fleet = Fleet::builder().start().await;
    burn_doubles(&fleet);
    let account = fleet.add_account("Sales").await;
    fleet.wait_for_state(&account.id, "online").await;
    let mut old = fleet.telegram.keys_of(account.user);
    for killed in [false, true] {
        // Its end can't come before the kill.
        let away = fleet.telegram.wire().set_fault(
            FaultScope::Key(old[0]),
            WireFault::RefuseConnects,
            None,
        );
        // Who is killed first has not tried yet.
        fleet.telegram.wire().may_miss(away);
        let (status, answer) = sign_in_by_code(&fleet, &account, &account.phone).await;
        assert_eq!(status, 200, "{answer}");
        wait::until(
            "the end of the old session to be ordered",
            || async { waiting(&fleet) },
            |orders| *orders == 1,
        )
        .await;
        if killed {
            fleet.kill_service();
            fleet.start_service();
        }
        fleet.wait_for_state(&account.id, "online").await;
        let both = fleet.telegram.keys_of(account.user);
        assert_eq!(both.len(), 2);
        let new: Vec<KeyId> = both.into_iter().filter(|key| !old.contains(key)).collect();
        fleet.telegram.wire().clear_fault(away);
        until_authorised(&fleet, account.user, &new).await;
        until_erased(&fleet).await;
        fleet.restart_account(&account.id).await;
        fleet.wait_for_state(&account.id, "online").await;
        assert_eq!(fleet.telegram.keys_of(account.user), new);
        old = new;
    }
}

/// Protects a working account from a new sign-in that Telegram ends before it was ever used ("this wasn't me"): the
/// session of before goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_session_that_is_refused_gives_way_to_the_one_before() {
    let fleet = Fleet::builder().accounts(1).start().await;
    burn_doubles(&fleet);
    let account = fleet.accounts[0].clone();
    let old = fleet.telegram.keys_of(account.user);
    let refused = Fault::error(401, "SESSION_REVOKED").on("updates.getDifference");
    fleet.telegram.set_fault(refused.times(1));
    let (status, answer) = sign_in_by_code(&fleet, &account, &account.phone).await;
    assert_eq!(status, 200, "{answer}");
    until_authorised(&fleet, account.user, &old).await;
    until_erased(&fleet).await;
    fleet.wait_for_state(&account.id, "online").await;
    let log = fleet.service().log();
    assert!(log.contains("the one before it is used again"), "{log}");
    assert!(!log.contains("state=needs_login"), "{log}");
}

/// Protects somebody else's account: signing in as another user is refused, and the session that came of it ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_as_somebody_else_leaves_nothing_signed_in() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let number = phone(9);
    let other = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Other"));
    let (status, answer) = sign_in_by_code(&fleet, &account, &number).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    assert_eq!(answer["error"]["code"], "another_user");
    until_authorised(&fleet, other, &[]).await;
    until_erased(&fleet).await;

    // One that was brought along is somebody's, and stays.
    let session = fleet.session_string(other);
    let login = format!("/accounts/{}/login", account.id);
    let body = json!({ "session": session });
    let (status, answer) = fleet.api.call(Method::POST, &login, Some(body)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    assert_eq!(waiting(&fleet), 0);
    assert_eq!(fleet.telegram.keys_of(other).len(), 1);
    let body = json!({ "label": "Other", "session": session });
    let added = fleet.api.post("/accounts/add", body).await;
    let id = added["account"]["id"].as_str().unwrap();
    fleet.wait_for_state(id, "online").await;
    fleet.wait_for_state(&account.id, "online").await;
}

/// Protects a session that is brought back before its order was carried out: whoever uses it again keeps it.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_brought_back_is_not_ended_any_more() {
    let fleet = Fleet::builder().start().await;
    burn_doubles(&fleet);
    let number = phone(7);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Sales"));
    let session = fleet.session_string(user);
    let add = |label: &str| json!({ "label": label, "session": session });
    let added = fleet.api.post("/accounts/add", add("First")).await;
    let first = FleetAccount {
        id: added["account"]["id"].as_str().unwrap().to_owned(),
        user,
        phone: number,
    };
    fleet.wait_for_state(&first.id, "online").await;
    let keys = fleet.telegram.keys_of(user);

    // In use it can't be taken a second time: Telegram would burn it.
    let (status, refused) = fleet
        .api
        .call(Method::POST, "/accounts/add", Some(add("Second")))
        .await;
    assert_eq!(status, 422, "{refused}");
    assert_eq!(refused["error"]["code"], "session_invalid");

    let away = out_of_reach(&fleet, &first);
    fleet.wait_for_state(&first.id, "reconnecting").await;
    assert_eq!(remove(&fleet, &first, "keep").await["logout"], "ordered");
    // The order is tried, and comes to nothing.
    let stuck = Fault::new(Effect::NeverAnswer).on("auth.logOut");
    let stuck = fleet.telegram.set_fault(stuck);
    in_reach(&fleet, away);
    let tried = || async { fleet.telegram.fault_hits(stuck) };
    wait::until("the order to be tried", tried, |tried| *tried > 0).await;
    let added = wait::until(
        "the session to be free",
        || async {
            fleet
                .api
                .call(Method::POST, "/accounts/add", Some(add("Again")))
                .await
        },
        |(status, _)| *status == 201,
    )
    .await
    .1;
    let again = added["account"]["id"].as_str().unwrap();
    fleet.wait_for_state(again, "online").await;
    until_erased(&fleet).await;
    assert_eq!(fleet.telegram.keys_of(user), keys);
    assert_eq!(fleet.api.account(again).await["state"], "online");
}
