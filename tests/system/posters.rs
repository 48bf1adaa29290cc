//! Posters: two nodes with webhooks, which of them posts, and what receivers may expect.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rustix::process::Pid;
use serde::Deserialize;

use super::{two_nodes::Nodes, webhook_calls::ALLOW, webhooks::Receiver};
use crate::support::{
    engine,
    fleet::{Fleet, FleetAccount},
    wait,
};

#[derive(Deserialize, Debug)]
struct Poster {
    node: i64,
}

#[derive(Deserialize, Debug)]
pub struct Count {
    pub n: i64,
}

impl Nodes {
    pub async fn with_webhooks(accounts: usize) -> Self {
        Self::of_fleet(Fleet::builder().env(ALLOW, "127.0.0.0/8"), accounts).await
    }

    /// By the rows.
    pub fn poster(&self, hook: &str) -> Option<usize> {
        let found: Vec<Poster> = engine::rows(
            &self.database,
            &format!(
                "SELECT (SELECT count(*) FROM nodes o WHERE o.started_at < n.started_at) AS node FROM work_leases w \
                 JOIN nodes n ON n.id = w.owner WHERE w.name = 'webhook:{hook}'"
            ),
        );
        found.first().map(|found| found.node as usize)
    }

    pub async fn until_posted_by_somebody(&self, hook: &str) -> usize {
        let look = || async { self.poster(hook) };
        wait::until("a node to post", look, Option::is_some)
            .await
            .unwrap()
    }

    pub fn count(&self, of: &str) -> i64 {
        let found: Vec<Count> =
            engine::rows(&self.database, &format!("SELECT count(*) AS n FROM {of}"));
        found[0].n
    }

    /// The webhook is this node's from now on, as if it had got it in the first place.
    pub async fn hand_to(&self, hook: &str, node: usize) {
        engine::sql_of(
            &self.database,
            &format!(
                "update switchboard.work_leases set epoch = epoch + 1, owner = (select id from switchboard.nodes order by started_at \
                 offset {node} limit 1) where name = 'webhook:{hook}'; select pg_notify('switchboard_changed', 'work')"
            ),
        );
        // It posts as soon as it has seen that.
        wait::until(
            "the node to say how it goes",
            || async {
                self.count(&format!(
                    "work_leases WHERE name = 'webhook:{hook}' AND told IS NOT NULL"
                ))
            },
            |said| *said == 1,
        )
        .await;
    }

    pub fn pid(&self, node: usize) -> Pid {
        let pid = match node {
            0 => self.fleet.service().pid(),
            _ => self.second.as_ref().unwrap().pid(),
        };
        Pid::from_raw(pid.try_into().unwrap()).unwrap()
    }

    pub fn stop(&mut self, node: usize) {
        match node {
            0 => self.fleet.stop_service(),
            _ => self.second.take().unwrap().stop(),
        }
    }

    pub fn kill(&mut self, node: usize) {
        match node {
            0 => self.fleet.kill_service(),
            _ => self.second.take().unwrap().kill(),
        }
    }

    pub async fn until_online(&self, node: usize, account: &FleetAccount) {
        wait::until(
            "the account to be online",
            || self.apis[node].account(&account.id),
            |account| account["state"] == "online",
        )
        .await;
    }
}

/// Each account's events in their order, each once by its number.
pub fn assert_in_order(receiver: &Receiver) {
    assert_in_order_from(receiver, 1);
}

/// `step`: 0 where one may come twice, one after the other.
pub fn assert_in_order_from(receiver: &Receiver, step: i64) {
    let mut last: HashMap<String, i64> = HashMap::new();
    for event in receiver.taken.lock().unwrap().iter() {
        let seq = event["seq"].as_i64().unwrap();
        let data = &event["data"];
        let account = [
            &data["account_id"],
            &data["account"]["id"],
            &data["message"]["account_id"],
            &data["conversation"]["account_id"],
            &data["order"]["account_id"],
        ];
        let account = account.iter().find_map(|id| id.as_str());
        let account = account.unwrap_or_else(|| panic!("{event}")).to_owned();
        let before = last.insert(account, seq);
        assert!(
            before.is_none_or(|before| before + step <= seq),
            "{seq} came after {before:?}"
        );
    }
}

pub async fn until_within(
    limit: Duration,
    what: &str,
    mut is_so: impl FnMut() -> bool,
) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < limit, "waited {limit:?} for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}
