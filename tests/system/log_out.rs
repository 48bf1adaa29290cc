//! Log-out: an order that reaches Telegram, now or as soon as it can. What is authorised there is read from the
//! simulated Telegram's own list.

use reqwest::{Method, StatusCode};
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
fn out_of_reach(fleet: &Fleet, account: &FleetAccount) -> Vec<FaultId> {
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

fn in_reach(fleet: &Fleet, away: Vec<FaultId>) {
    for fault in away {
        fleet.telegram.wire().clear_fault(fault);
    }
}

/// From now on a key that two connections use at once is burnt, as Telegram does.
fn burn_doubles(fleet: &Fleet) {
    fleet
        .telegram
        .wire()
        .set_fault(FaultScope::All, WireFault::DuplicatedKeys, None);
}

async fn until_authorised(fleet: &Fleet, user: i64, keys: &[KeyId]) {
    wait::until(
        "the keys that are signed in at Telegram",
        || async { fleet.telegram.keys_of(user) },
        |seen| seen == keys,
    )
    .await;
}

/// Sealed sessions that wait for their end, as the rows have them.
fn waiting(fleet: &Fleet) -> i64 {
    File::of(fleet).number("SELECT count(*) AS n FROM farewells")
}

async fn until_erased(fleet: &Fleet) {
    wait::until(
        "the sealed sessions to be erased",
        || async { waiting(fleet) },
        |left| *left == 0,
    )
    .await;
}

async fn log_out(fleet: &Fleet, account: &FleetAccount) -> Value {
    let path = format!("/accounts/{}/logout", account.id);
    fleet.api.post(&path, json!({})).await
}

async fn remove(fleet: &Fleet, account: &FleetAccount, history: &str) -> Value {
    let path = format!("/accounts/{}?history={history}", account.id);
    let (status, answer) = fleet.api.call(Method::DELETE, &path, None).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

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
