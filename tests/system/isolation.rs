//! Isolation: one account's trouble stays its own, and one account is restarted alone.

use switchboard_simulator::{
    PersonSpec,
    wire::{FaultScope, WireFault},
};

use crate::support::{fleet::Fleet, wait};

fn lines(log: &str, account: &str, what: &str) -> usize {
    log.lines()
        .filter(|line| line.contains(account) && line.contains(what))
        .count()
}

/// Protects the others when a connection's task panics: that account comes back by itself, they notice nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_one_connection_restarts_that_account_alone() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let [broken, other] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let key = fleet.telegram.keys_of(broken.user)[0];
    let fault =
        fleet
            .telegram
            .wire()
            .set_fault(FaultScope::Key(key), WireFault::WrongSessionId, Some(1));
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet
        .telegram
        .say(person, broken.user, "this packet brings it down");
    let conversation = fleet.conversation(&broken, person).await;
    fleet.telegram.wire().clear_fault(fault);
    fleet
        .wait_for_message(&conversation, "this packet brings it down", "received")
        .await;
    fleet.wait_for_state(&broken.id, "online").await;
    let log = fleet.service().log();
    assert_eq!(lines(&log, &other.id, "state=online"), 1, "{log}");
    assert_eq!(lines(&log, &other.id, "state=reconnecting"), 0, "{log}");
    // The panic itself is the point of this test.
    fleet.expect_panic();
}

/// Protects the admin's lever: that account alone is restarted.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_over_rest_restarts_that_account_alone() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let [restarted, other] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    fleet.restart_account(&restarted.id).await;
    fleet.wait_for_state(&restarted.id, "online").await;
    let log = fleet.service().log();
    assert_eq!(lines(&log, &restarted.id, "state=online"), 2, "{log}");
    assert_eq!(lines(&log, &other.id, "state=online"), 1, "{log}");
}

/// Protects the lever where it is needed most: an account that hangs in a dead connect.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_hangs_in_a_dead_connect_can_be_restarted() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let silent = fleet
        .telegram
        .wire()
        .set_fault(FaultScope::All, WireFault::SilentConnects, None);
    fleet.telegram.cut(account.user);
    fleet.wait_for_state(&account.id, "reconnecting").await;
    fleet.telegram.wire().clear_fault(silent);
    fleet.restart_account(&account.id).await;
    fleet.wait_for_state(&account.id, "online").await;
}

/// Protects a person's decision: what was stopped stays stopped, also after a restart of the service.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_account_stays_stopped_until_a_person_starts_it() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let path = format!("/accounts/{}", account.id);
    let switch = |on: bool| serde_json::json!({ "is_active": on });
    fleet
        .api
        .call(reqwest::Method::PATCH, &path, Some(switch(false)))
        .await;
    fleet.wait_for_state(&account.id, "stopped").await;
    fleet.stop_service();
    fleet.start_service();
    assert_eq!(fleet.api.account(&account.id).await["state"], "stopped");
    fleet
        .api
        .call(reqwest::Method::PATCH, &path, Some(switch(true)))
        .await;
    fleet.wait_for_state(&account.id, "online").await;
}

/// Protects what is stated from the last run: an account that was online is not, until it is again.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_start_nobody_is_online_yet() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    fleet.stop_service();
    let silent = fleet
        .telegram
        .wire()
        .set_fault(FaultScope::All, WireFault::SilentConnects, None);
    fleet.start_service();
    assert_eq!(fleet.api.account(&account.id).await["state"], "connecting");
    wait::until(
        "the first dial",
        || async { fleet.telegram.wire().fault_hits(silent) },
        |hits| *hits > 0,
    )
    .await;
    fleet.telegram.wire().clear_fault(silent);
    fleet.restart_account(&account.id).await;
    fleet.wait_for_state(&account.id, "online").await;
}

/// Protects a login from being burnt: however many want the account restarted at once, its session is never used twice.
#[tokio::test(flavor = "multi_thread")]
async fn restarts_at_once_never_use_a_session_twice() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let key = fleet.telegram.keys_of(account.user)[0];
    let wire = fleet.telegram.wire();
    wire.set_fault(FaultScope::All, WireFault::DuplicatedKeys, None);
    for _ in 0..5 {
        let restarts = (0..8).map(|_| fleet.restart_account(&account.id));
        futures_util::future::join_all(restarts).await;
        fleet.wait_for_state(&account.id, "online").await;
        fleet.set_active(&account, false).await;
        fleet.set_active(&account, true).await;
        assert_eq!(fleet.telegram.keys_of(account.user), [key]);
    }
}
