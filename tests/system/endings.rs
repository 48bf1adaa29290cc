//! Endings: what only a person can put right ends in its own state, is told in words, and is not tried again.

use serde_json::json;
use switchboard_simulator::{
    Effect, Fault, PersonSpec,
    wire::{FaultScope, WireFault},
};

use crate::support::{fleet::Fleet, wait};

async fn assert_at_rest(fleet: &Fleet, account: &str, state: &str) {
    let log = fleet.service().log();
    let lines = log
        .lines()
        .filter(|line| line.contains(account) && line.contains(&format!("state={state}")));
    assert_eq!(lines.count(), 1, "told once:\n{log}");
    let warned = log
        .lines()
        .any(|line| line.contains("WARN") && line.contains(&format!("state={state}")));
    assert!(warned, "a person is warned:\n{log}");
}

/// Protects people from a session that was ended elsewhere: told once, no retry loop, replies refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_session_needs_a_login_and_refuses_replies() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, account.user, "hello");
    let conversation = fleet.conversation(&account, person).await;

    fleet.telegram.revoke_sessions(account.user);

    let seen = fleet.wait_for_state(&account.id, "needs_login").await;
    assert!(
        seen["state_reason"]
            .as_str()
            .unwrap()
            .contains("sign in again"),
        "{seen}"
    );
    assert_eq!(
        (&seen["state_code"], &seen["state_params"]),
        (&json!("session_revoked"), &json!({})),
        "{seen}"
    );
    let path = format!("/conversations/{}/reply", conversation["id"]);
    let (status, body) = fleet
        .api
        .call(
            reqwest::Method::POST,
            &path,
            Some(json!({ "text": "anyone?" })),
        )
        .await;
    assert_eq!(status, 409);
    assert_eq!(body["error"]["code"], "account_unavailable");
    // The first page: what is older would have to come from Telegram.
    let path = format!("/conversations/{}/messages", conversation["id"]);
    let page = fleet.api.get(&path).await;
    assert_eq!(page["messages"].as_array().unwrap().len(), 1, "{page}");
    assert_at_rest(&fleet, &account.id, "needs_login").await;
    fleet.wait_for_state(&fleet.accounts[1].id, "online").await;
}

/// Protects a burnt key from being used on: Telegram's word is final.
#[tokio::test(flavor = "multi_thread")]
async fn a_duplicated_key_needs_a_login() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let mut fault = Fault::new(Effect::Error {
        code: 406,
        message: "AUTH_KEY_DUPLICATED".into(),
    });
    fault.account = Some(account.user);
    fleet.telegram.set_fault(fault);
    fleet.telegram.cut(account.user);
    fleet.wait_for_state(&account.id, "needs_login").await;
    assert_at_rest(&fleet, &account.id, "needs_login").await;
}

/// Protects the difference between "sign in again" and "Telegram has banned it".
#[tokio::test(flavor = "multi_thread")]
async fn a_banned_account_is_told_as_banned() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    fleet.telegram.ban(account.user);
    fleet.wait_for_state(&account.id, "banned").await;
    assert_at_rest(&fleet, &account.id, "banned").await;
}

/// Protects who has a frozen account: it stays online and reads; a reply fails with the reason in words, and goes out once
/// the account is free again.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_account_reads_and_says_why_it_can_not_write() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, account.user, "hello");
    let conversation = fleet.conversation(&account, person).await;
    fleet.telegram.freeze(account.user);
    fleet.telegram.say(person, account.user, "are you there?");
    fleet
        .wait_for_message(&conversation, "are you there?", "received")
        .await;
    let path = format!("/conversations/{}/reply", conversation["id"]);
    fleet.api.post(&path, json!({ "text": "yes" })).await;
    let failed = fleet.wait_for_message(&conversation, "yes", "failed").await;
    assert_eq!(failed["error"]["code"], "FROZEN_METHOD_INVALID");
    let why = failed["error"]["message"].as_str().unwrap();
    assert!(why.contains("frozen") && why.contains("appeal"), "{why}");
    fleet.restart_account(&account.id).await;
    fleet.wait_for_state(&account.id, "online").await;
    let log = fleet.service().log();
    assert!(!log.contains("state=needs_login"), "{log}");

    fleet.telegram.pardon(account.user);
    let path = format!("/messages/{}/retry", failed["id"]);
    fleet.api.post(&path, json!({})).await;
    fleet.wait_for_message(&conversation, "yes", "sent").await;
}

/// Protects the login itself: a server that claims not to know the key gets no new one from us, and one that knows it again
/// has the account back soon.
#[tokio::test(flavor = "multi_thread")]
async fn a_spurious_unknown_key_never_replaces_the_key() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let keys = fleet.telegram.keys_of(account.user);
    let fault = fleet.telegram.wire().set_fault(
        FaultScope::Key(keys[0]),
        WireFault::TransportError { code: -404 },
        None,
    );
    fleet.telegram.cut(account.user);
    let met = || async { fleet.telegram.wire().fault_hits(fault) };
    wait::until("the key to be unknown", met, |hits| *hits > 0).await;
    fleet.telegram.wire().clear_fault(fault);
    // By itself it looks again, within seconds at first.
    fleet.wait_for_state(&account.id, "online").await;
    assert_eq!(fleet.telegram.keys_of(account.user), keys);
}
