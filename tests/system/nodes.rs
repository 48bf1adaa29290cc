//! Nodes: which accounts a service on PostgreSQL has, and since when. What another node does is done to the rows of leases by hand; what
//! is connected is read from the simulated Telegram, which burns a key that it sees twice.

use std::time::{Duration, Instant};

use reqwest::Method;
use rustix::process::Signal;
use serde::Deserialize;
use serde_json::json;
use switchboard::store::{LeaseBook, LeaseTimes, NodeRow, ServerUrl};
use switchboard_simulator::{
    PersonSpec,
    wire::{FaultScope, WireFault},
};
use uuid::Uuid;

use crate::support::{
    engine,
    fleet::{Fleet, FleetAccount},
    service::ServiceProcess,
    wait,
};

#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct LeaseRow {
    pub owner: Option<String>,
    epoch: i64,
}

pub fn database(fleet: &Fleet) -> String {
    engine::database_of(&fleet.data_dir()).unwrap()
}

fn leases(fleet: &Fleet) -> Vec<LeaseRow> {
    let question = "SELECT owner, epoch FROM account_leases ORDER BY account_no";
    engine::rows(&database(fleet), question)
}

pub fn lease(fleet: &Fleet, account: &str) -> Option<LeaseRow> {
    let question = format!(
        "SELECT l.owner, l.epoch FROM account_leases l JOIN accounts a ON a.no = l.account_no WHERE a.id = '{account}'"
    );
    engine::rows(&database(fleet), &question).pop()
}

fn change(fleet: &Fleet, text: &str) {
    let text = format!("SET search_path TO switchboard; {text}");
    engine::cluster().sql(&database(fleet), &text);
}

pub async fn with_accounts(accounts: usize) -> Fleet {
    let fleet = Fleet::builder()
        .accounts(accounts)
        .on_postgres()
        .start()
        .await;
    let wire = fleet.telegram.wire();
    wire.set_fault(FaultScope::All, WireFault::DuplicatedKeys, None);
    fleet
}

/// Connections that use the account's session.
fn lines(fleet: &Fleet, account: &FleetAccount) -> usize {
    let wire = fleet.telegram.wire();
    let keys = fleet.telegram.keys_of(account.user);
    keys.into_iter().map(|key| wire.connections_of(key)).sum()
}

/// Protects who starts a killed service again: its accounts are there at once, and not when the leases of the dead one are over.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_has_its_accounts_at_once_when_it_is_started_again() {
    let mut fleet = with_accounts(2).await;
    let before = leases(&fleet);
    fleet.kill_service();
    let began = Instant::now();
    fleet.start_service();
    for account in fleet.accounts.clone() {
        fleet.wait_for_state(&account.id, "online").await;
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    let after = leases(&fleet);
    assert_eq!(after.len(), 2);
    for (before, after) in before.iter().zip(&after) {
        assert!(after.owner.is_some() && after.owner != before.owner);
        assert_eq!(after.epoch, before.epoch + 1);
    }
}

/// Protects the other nodes from waiting: who is asked to end leaves nothing that belongs to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_asked_to_end_lets_go_of_its_accounts() {
    let mut fleet = with_accounts(2).await;
    fleet.stop_service();
    let left: Vec<Option<String>> = leases(&fleet).into_iter().map(|row| row.owner).collect();
    assert_eq!(left, [None, None]);
    let nodes: Vec<serde_json::Value> = engine::rows(&database(&fleet), "SELECT id FROM nodes");
    assert!(nodes.is_empty(), "{nodes:?}");
    fleet.start_service();
}

/// Protects whoever stops a service, and what it runs on: it ends in time, and of its own accord, also while the database answers nothing;
/// when it serves, and in the middle of a start.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_ends_in_time_while_its_database_answers_nothing() {
    let mut fleet = Fleet::builder()
        .accounts(2)
        .on_its_own_postgres()
        .start()
        .await;
    let halted = engine::halt(&database(&fleet));
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    for account in &fleet.accounts {
        fleet.telegram.say(person, account.user, "to be written");
    }
    // Which looks how long it takes.
    fleet.stop_service();
    drop(halted);

    let halted = engine::halt(&database(&fleet));
    let mut process = ServiceProcess::spawn(&fleet.data_dir(), fleet.settings());
    let pid = process.pid();
    wait::until(
        "the signal to be heard",
        || async { hears(pid, Signal::TERM) },
        |hears| *hears,
    )
    .await;
    ServiceProcess::terminate(pid);
    let ended = process.ended_within(Duration::from_secs(10));
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    drop(halted);
    fleet.start_service();
}

/// It has a handler for the signal (proc(5): `SigCgt`).
fn hears(pid: u32, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
    caught & (1 << (signal.as_raw() - 1)) != 0
}

/// Protects a session that another node uses: here its line is closed, and no order opens it again; the account comes back when the
/// other one is gone, and nothing that was said meanwhile is missing. The other accounts notice nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_another_node_has_is_not_used_here_until_that_one_is_gone() {
    let fleet = with_accounts(2).await;
    let telegram = fleet.telegram.clone();
    let (taken, stays) = (fleet.accounts[0].clone(), fleet.accounts[1].clone());
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(person, taken.user, "before");
    let chat = fleet.conversation(&taken, person).await;
    let others = lease(&fleet, &stays.id);
    let of_it = format!(
        "account_no = (SELECT no FROM accounts WHERE id = '{}')",
        taken.id
    );
    change(
        &fleet,
        &format!(
            "UPDATE account_leases SET owner = 'another', epoch = epoch + 1, \
             expires_at = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + 600000 WHERE {of_it};"
        ),
    );
    wait::until(
        "its lines to be closed",
        || async { lines(&fleet, &taken) },
        |open| *open == 0,
    )
    .await;
    telegram.say(person, taken.user, "meanwhile");
    // Whatever is answered.
    let path = format!("/accounts/{}/restart", taken.id);
    fleet.api.call(Method::POST, &path, None).await;
    // Served by the same supervisor after those orders.
    fleet.restart_account(&stays.id).await;
    fleet.wait_for_state(&stays.id, "online").await;
    assert_eq!(lines(&fleet, &taken), 0);
    assert!(lines(&fleet, &stays) > 0);

    change(
        &fleet,
        &format!("UPDATE account_leases SET owner = NULL WHERE {of_it};"),
    );
    fleet.wait_for_state(&taken.id, "online").await;
    fleet.wait_for_message(&chat, "meanwhile", "received").await;
    assert_eq!(lease(&fleet, &taken.id).unwrap().epoch, 3);
    assert_eq!(lease(&fleet, &stays.id), others);
}

/// Protects a sign-in from a look at the leases that comes too early or too late: a new account belongs to the node that makes it from
/// its first row on.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_is_its_makers_from_its_first_row_on() {
    let mut fleet = with_accounts(0).await;
    for number in 0..4 {
        let label = format!("Account {number}");
        let made = fleet
            .api
            .post("/accounts/add", json!({ "label": label }))
            .await;
        let id = made["account"]["id"].as_str().unwrap();
        let lease = lease(&fleet, id).expect("a lease with the account");
        assert!(lease.owner.is_some() && lease.epoch == 1, "{lease:?}");
    }
    let account = fleet.add_account("signs in").await;
    fleet.wait_for_state(&account.id, "online").await;
    assert_eq!(lease(&fleet, &account.id).unwrap().epoch, 1);
}

/// Protects accounts from each other: one that is removed takes none of the others away from their node.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_removed_is_let_go_of_and_no_other() {
    let fleet = with_accounts(5).await;
    let removed = fleet.accounts[0].clone();
    let before = leases(&fleet);
    let path = format!("/accounts/{}?history=keep", removed.id);
    let (status, answer) = fleet.api.call(Method::DELETE, &path, None).await;
    assert_eq!(status, 200, "{answer}");
    wait::until(
        "its lease to be let go of",
        || async { lease(&fleet, &removed.id).unwrap().owner },
        Option::is_none,
    )
    .await;
    assert_eq!(leases(&fleet)[1..], before[1..]);
}

/// Another node, as far as leases go.
pub fn another(fleet: &Fleet) -> (String, LeaseBook) {
    let id = Uuid::new_v4();
    let node = NodeRow {
        id,
        name: "another".to_owned(),
        address: None,
        home: None,
    };
    let url = ServerUrl::parse(&engine::url_of(&database(fleet)), None).unwrap();
    let times = LeaseTimes {
        lasts: 45_000,
        given_up: 25_000,
        grace: 15_000,
    };
    (id.to_string(), LeaseBook::open(&url, node, times).unwrap())
}

/// Who is listed, whether it is the one that was asked, whether it drains, and how many accounts it has.
async fn listed(fleet: &Fleet) -> Vec<(String, bool, bool, usize)> {
    let answer = fleet.api.get("/nodes").await;
    let nodes = answer["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|node| {
            assert_eq!(node["alive"], true, "{node}");
            (
                node["id"].as_str().unwrap().to_owned(),
                node["this"].as_bool().unwrap(),
                node["draining"].as_bool().unwrap(),
                node["accounts"].as_array().unwrap().len(),
            )
        })
        .collect()
}

/// Protects who takes a node out of service: it is seen who has what, the node lets go of everything and takes it back when it is told to;
/// the last one is not emptied.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_listed_and_one_is_drained() {
    let fleet = with_accounts(2).await;
    let own = lease(&fleet, &fleet.accounts[0].id).unwrap().owner.unwrap();
    assert_eq!(listed(&fleet).await, [(own.clone(), true, false, 2)]);
    let drain = |id: &str| format!("/nodes/{id}/drain");
    let refused = async |path: String| {
        let (status, answer) = fleet.api.call(Method::POST, &path, None).await;
        (
            status.as_u16(),
            answer["error"]["code"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(
        refused(drain(&own)).await,
        (409, "no_other_node".to_owned())
    );
    let nobody = Uuid::new_v4().to_string();
    assert_eq!(
        refused(drain(&nobody)).await,
        (404, "node_not_found".to_owned())
    );

    let (id, mut other) = another(&fleet);
    other.renew(None).unwrap();
    let half = wait::until(
        "half of the accounts to be let go of",
        || std::future::ready(other.claim(2, &[]).unwrap()),
        |claimed| !claimed.is_empty(),
    )
    .await;
    assert_eq!(half.len(), 1);
    let both = [(own.clone(), true, false, 1), (id.clone(), false, false, 1)];
    assert_eq!(listed(&fleet).await, both);
    let health = fleet.api.get("/health/ready").await;
    assert_eq!(
        (&health["node"]["accounts"], &health["node"]["nodes"]),
        (&json!(1), &json!(2))
    );
    let figures = fleet
        .api
        .request(Method::GET, "/metrics")
        .send()
        .await
        .unwrap();
    let figures = figures.text().await.unwrap();
    for figure in ["switchboard_nodes 2\n", "switchboard_node_accounts 1\n"] {
        assert!(figures.contains(figure), "{figures}");
    }

    fleet.api.post(&drain(&own), json!({})).await;
    let rest = wait::until(
        "the node to be empty",
        || std::future::ready(other.claim(2, &[]).unwrap()),
        |claimed| !claimed.is_empty(),
    )
    .await;
    let open: usize = fleet
        .accounts
        .iter()
        .map(|account| lines(&fleet, account))
        .sum();
    assert_eq!((rest.len(), open), (1, 0));
    let all_there = [(own.clone(), true, true, 0), (id.clone(), false, false, 2)];
    assert_eq!(listed(&fleet).await, all_there);
    assert_eq!(refused(drain(&id)).await, (409, "no_other_node".to_owned()));

    fleet
        .api
        .post(&drain(&own), json!({ "draining": false }))
        .await;
    other.release(&half).unwrap();
    let back = fleet.accounts.iter().find(|account| {
        half.iter()
            .any(|lease| lease.account.to_string() == account.id)
    });
    wait::until(
        "the node to take it back",
        || listed(&fleet),
        |seen| *seen == both,
    )
    .await;
    let back = back.unwrap();
    wait::until(
        "its line",
        || async { lines(&fleet, back) },
        |open| *open > 0,
    )
    .await;
    fleet.wait_for_state(&back.id, "online").await;
}
