//! Log-out: an order that reaches Telegram, now or as soon as it can. What is authorised there is read from the
//! simulated Telegram's own list.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_simulator::{
    AccountSpec, Effect, Fault,
    port::KeyId,
    wire::{FaultId, FaultScope, WireFault},
};

use super::licence_phone;
use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    oracle::File,
    wait,
};

/// Nobody gets through with these keys until the answer is taken back.
pub fn out_of_reach(fleet: &Fleet, account: &FleetAccount) -> Vec<FaultId> {
    let keys = fleet.telegram.keys_of(account.user);
    let away = keys
        .iter()
        .map(|key| {
            fleet
                .telegram
                .wire()
                .set_fault(FaultScope::Key(*key), WireFault::RefuseConnects, None)
        })
        .collect();
    fleet.telegram.cut(account.user);
    away
}

pub fn in_reach(fleet: &Fleet, away: Vec<FaultId>) {
    for fault in away {
        fleet.telegram.wire().clear_fault(fault);
    }
}

/// From now on a key that two connections use at once is burnt, as Telegram does.
pub fn burn_doubles(fleet: &Fleet) {
    fleet
        .telegram
        .wire()
        .set_fault(FaultScope::All, WireFault::DuplicatedKeys, None);
}

pub async fn until_authorised(fleet: &Fleet, user: i64, keys: &[KeyId]) {
    wait::until(
        "the keys that are signed in at Telegram",
        || async { fleet.telegram.keys_of(user) },
        |seen| seen == keys,
    )
    .await;
}

/// Sealed sessions that wait for their end, as the rows have them.
pub fn waiting(fleet: &Fleet) -> i64 {
    File::of(fleet).number("SELECT count(*) AS n FROM farewells")
}

pub async fn until_erased(fleet: &Fleet) {
    wait::until(
        "the sealed sessions to be erased",
        || async { waiting(fleet) },
        |left| *left == 0,
    )
    .await;
}

pub async fn log_out(fleet: &Fleet, account: &FleetAccount) -> Value {
    let path = format!("/accounts/{}/logout", account.id);
    fleet.api.post(&path, json!({})).await
}

pub async fn remove(fleet: &Fleet, account: &FleetAccount, history: &str) -> Value {
    let path = format!("/accounts/{}?history={history}", account.id);
    let (status, answer) = fleet.api.call(Method::DELETE, &path, None).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// Protects who signs an account out that is online: Telegram has done it before the answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_online_is_signed_out_before_the_answer() {
    let fleet = Fleet::builder().accounts(2).start().await;
    burn_doubles(&fleet);
    let account = fleet.accounts[0].clone();
    let answer = log_out(&fleet, &account).await;
    assert_eq!(answer["logout"], "done", "{answer}");
    assert_eq!(answer["account"]["state"], "signed_out");
    assert!(fleet.telegram.keys_of(account.user).is_empty());
    assert_eq!(waiting(&fleet), 0);
    let again = log_out(&fleet, &account).await;
    assert_eq!(again["logout"], "done", "nothing was left: {again}");
    let other = &fleet.accounts[1];
    assert_eq!(fleet.telegram.keys_of(other.user).len(), 1);
    fleet.wait_for_state(&other.id, "online").await;
}

/// Protects who signs a stopped account out: its session ends at Telegram although no line stood.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_account_is_signed_out_at_telegram() {
    let fleet = Fleet::builder().accounts(1).start().await;
    burn_doubles(&fleet);
    let account = fleet.accounts[0].clone();
    fleet.set_active(&account, false).await;
    let answer = log_out(&fleet, &account).await;
    assert_eq!(answer["account"]["state"], "signed_out");
    until_authorised(&fleet, account.user, &[]).await;
    until_erased(&fleet).await;
    assert_eq!(log_out(&fleet, &account).await["logout"], "done");
}

/// Protects the promise of a log-out while Telegram is away: said as what it is, in force here at once, carried out
/// when Telegram is back, also when the service was killed in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_without_telegram_is_an_order_that_survives_a_kill() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    burn_doubles(&fleet);
    let account = fleet.accounts[0].clone();
    let keys = fleet.telegram.keys_of(account.user);
    let away = out_of_reach(&fleet, &account);
    fleet.wait_for_state(&account.id, "reconnecting").await;

    let answer = log_out(&fleet, &account).await;
    assert_eq!(answer["logout"], "ordered", "{answer}");
    assert_eq!(answer["account"]["state"], "signed_out");
    assert_eq!(fleet.telegram.keys_of(account.user), keys);
    let again = log_out(&fleet, &account).await;
    assert_eq!(again["logout"], "ordered", "still to come: {again}");

    fleet.kill_service();
    assert_eq!(waiting(&fleet), 1);
    fleet.start_service();
    fleet.wait_for_state(&account.id, "signed_out").await;
    assert_eq!(fleet.telegram.keys_of(account.user), keys);
    in_reach(&fleet, away);
    until_authorised(&fleet, account.user, &[]).await;
    until_erased(&fleet).await;
    assert_eq!(fleet.api.account(&account.id).await["state"], "signed_out");
}

/// Protects the order from a kill while Telegram is being told: the account comes back signed out, and the key ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_log_out_loses_nothing() {
    for (effect, carried_out) in [(Effect::NeverAnswer, false), (Effect::SilentAfter, true)] {
        let mut fleet = Fleet::builder().accounts(1).start().await;
        let account = fleet.accounts[0].clone();
        let stuck = Fault::new(effect).on("auth.logOut").times(1);
        let stuck = fleet.telegram.set_fault(stuck);
        let path = format!("/accounts/{}/logout", account.id);
        let asking = tokio::spawn(fleet.api.request(Method::POST, &path).send());
        if carried_out {
            until_authorised(&fleet, account.user, &[]).await;
        } else {
            let heard = || async { fleet.telegram.fault_hits(stuck) };
            wait::until("Telegram to have the call", heard, |calls| *calls == 1).await;
        }
        assert!(!asking.is_finished(), "the answer came before the kill");
        fleet.kill_service();
        assert!(asking.await.unwrap().is_err());
        assert_eq!(waiting(&fleet), 1, "committed before Telegram is asked");
        let there = fleet.telegram.keys_of(account.user).len();
        assert_eq!(there, usize::from(!carried_out));
        fleet.telegram.clear_faults();

        fleet.start_service();
        fleet.wait_for_state(&account.id, "signed_out").await;
        until_authorised(&fleet, account.user, &[]).await;
        until_erased(&fleet).await;
    }
}

/// Protects who removes an account that Telegram can't be asked about: its rows go, the order stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_account_is_signed_out_at_telegram_later() {
    let mut fleet = Fleet::builder().accounts(3).start().await;
    burn_doubles(&fleet);
    let [kept, deleted, stopped] = [0, 1, 2].map(|index| fleet.accounts[index].clone());
    fleet.set_active(&stopped, false).await;
    let mut away = out_of_reach(&fleet, &kept);
    away.extend(out_of_reach(&fleet, &deleted));
    for account in [&kept, &deleted] {
        fleet.wait_for_state(&account.id, "reconnecting").await;
    }
    assert_eq!(remove(&fleet, &kept, "keep").await["logout"], "ordered");
    let answer = remove(&fleet, &deleted, "delete").await;
    assert_eq!(answer["logout"], "ordered", "{answer}");
    remove(&fleet, &stopped, "delete").await;
    until_authorised(&fleet, stopped.user, &[]).await;

    fleet.kill_service();
    assert_eq!(waiting(&fleet), 2);
    fleet.start_service();
    let all = fleet.api.get("/accounts").await;
    assert_eq!(all["accounts"], json!([]));
    in_reach(&fleet, away);
    for account in [&kept, &deleted] {
        until_authorised(&fleet, account.user, &[]).await;
    }
    until_erased(&fleet).await;
}

/// Protects the other systems' callers: their disconnect is the same order, and says in words when it is still to come.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_systems_disconnect_is_the_same_order() {
    let fleet = Fleet::builder().start().await;
    burn_doubles(&fleet);
    let systems = [
        ("licence", "/api/integrations/telegram-phone/disconnect"),
        ("user", "/telegram/user/disconnect"),
        ("portal", "/telegram/session/reset"),
    ];
    for (index, (system, path)) in systems.into_iter().enumerate() {
        let number = phone(index);
        let user = fleet
            .telegram
            .add_account(AccountSpec::new(&number, "Owner"));
        let mut api = fleet.api.with_header("accept-language", "en");
        match system {
            "licence" => {
                api = api.with_header("x-license-key", "licence-one");
                drop(licence_phone::connect(&fleet, &api, &number).await);
            }
            "user" => drop(super::user_api::authorize(&fleet, &api, "user1", &number).await),
            _ => drop(super::chat_portal::sign_in(&fleet, &api, &number).await),
        }
        let account = account_of(&fleet, user, &number).await;
        fleet.wait_for_state(&account.id, "online").await;
        let away = out_of_reach(&fleet, &account);
        fleet.wait_for_state(&account.id, "reconnecting").await;
        let body = json!({ "user_id": "user1" });
        let answer = api.post(path, body).await;
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("as soon as"), "{system}: {message}");
        fleet.wait_for_state(&account.id, "signed_out").await;
        assert_eq!(fleet.telegram.keys_of(user).len(), 1, "{system}");
        in_reach(&fleet, away);
        until_authorised(&fleet, user, &[]).await;
        until_erased(&fleet).await;
    }
}

/// Protects an owner whose account was switched off at the desk: disconnecting it still ends its session.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_disconnects_an_account_that_is_switched_off() {
    let fleet = Fleet::builder().start().await;
    let number = phone(1);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Owner"));
    let api = fleet.api.with_header("x-license-key", "licence-one");
    licence_phone::connect(&fleet, &api, &number).await;
    let account = account_of(&fleet, user, &number).await;
    fleet.wait_for_state(&account.id, "online").await;
    fleet.set_active(&account, false).await;
    assert_eq!(fleet.telegram.ledger().sessions[&user].len(), 1);
    let path = "/api/integrations/telegram-phone/disconnect";
    assert_eq!(api.post(path, json!({})).await["success"], true);
    until_authorised(&fleet, user, &[]).await;
    assert_eq!(
        fleet.telegram.ledger().sessions[&user],
        Vec::<String>::new()
    );
}

/// The account that an owner's sign-in made.
async fn account_of(fleet: &Fleet, user: i64, number: &str) -> FleetAccount {
    let all = wait::until(
        "the owner's account",
        || fleet.api.get("/accounts"),
        |all| {
            let accounts = all["accounts"].as_array().unwrap();
            accounts
                .iter()
                .any(|one| one["user"]["id"] == user.to_string().as_str())
        },
    )
    .await;
    let accounts = all["accounts"].as_array().unwrap();
    let one = accounts
        .iter()
        .find(|one| one["user"]["id"] == user.to_string().as_str())
        .unwrap();
    FleetAccount {
        id: one["id"].as_str().unwrap().to_owned(),
        user,
        phone: number.to_owned(),
    }
}
