//! Two nodes: two services on one PostgreSQL, each with some of the accounts.

use std::{fs, path::PathBuf, process::ExitStatus};

use serde::Deserialize;
use serde_json::Value;
use switchboard_simulator::PersonSpec;
use tempfile::TempDir;

use crate::support::{
    api::Api,
    engine,
    fleet::{Fleet, FleetAccount, FleetBuilder},
    service::ServiceProcess,
    wait,
};

#[derive(Deserialize, Debug)]
pub struct Owned {
    pub account: String,
    /// The first of the nodes that began is the fleet's own.
    pub node: usize,
}

#[derive(Deserialize, Debug)]
struct NodeId {
    id: String,
}

/// A fleet whose accounts are spread over two nodes.
pub struct Nodes {
    pub fleet: Fleet,
    pub second: Option<ServiceProcess>,
    pub apis: [Api; 2],
    pub database: String,
    home: TempDir,
}

impl Nodes {
    pub async fn with(accounts: usize) -> Self {
        Self::of_fleet(Fleet::builder(), accounts).await
    }

    /// Both nodes are started with what the builder says.
    pub async fn of_fleet(builder: FleetBuilder, accounts: usize) -> Self {
        let fleet = builder
            .accounts(accounts)
            .on_its_own_postgres()
            .start()
            .await;
        let database = engine::database_of(&fleet.data_dir()).unwrap();
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        // What is sealed at one node is opened at the other.
        fs::create_dir(&data).unwrap();
        fs::copy(fleet.data_dir().join("master.key"), data.join("master.key")).unwrap();
        let second = fleet.start_on_database(&data, &engine::url_of(&database));
        let apis = [fleet.api.clone(), Api::new(&second.address)];
        let nodes = Self {
            fleet,
            second: Some(second),
            apis,
            database,
            home,
        };
        wait::until(
            "the accounts to be shared",
            || async { nodes.owned() },
            |owned| {
                let at = |node| owned.iter().filter(|one| one.node == node).count();
                owned.len() == accounts && at(0).abs_diff(at(1)) <= 1
            },
        )
        .await;
        for account in &nodes.fleet.accounts {
            nodes.fleet.wait_for_state(&account.id, "online").await;
        }
        nodes
    }

    /// By the rows.
    pub fn owned(&self) -> Vec<Owned> {
        engine::rows(
            &self.database,
            "SELECT a.id AS account, (SELECT count(*) FROM nodes o WHERE o.started_at < n.started_at) AS node FROM account_leases l \
             JOIN accounts a ON a.no = l.account_no JOIN nodes n ON n.id = l.owner WHERE a.removed_at IS NULL",
        )
    }

    /// The node that has an account, and the one that does not.
    pub fn of(&self, account: &str) -> (&Api, &Api) {
        let owned = self.owned();
        let at = owned
            .iter()
            .find(|one| one.account == account)
            .unwrap()
            .node;
        (&self.apis[at], &self.apis[1 - at])
    }

    pub fn one_of(&self, node: usize) -> FleetAccount {
        let owned = self.owned();
        let here = |one: &&FleetAccount| {
            let is = |owned: &Owned| owned.account == one.id && owned.node == node;
            owned.iter().any(is)
        };
        self.fleet.accounts.iter().find(here).unwrap().clone()
    }

    /// A person who has written to an account, and their conversation there.
    pub async fn talk(&self, account: &FleetAccount, name: &str) -> (i64, i64) {
        let telegram = &self.fleet.telegram;
        let person = telegram.add_person(PersonSpec::new(name));
        telegram.say(person, account.user, "hello");
        let conversation = self.fleet.conversation(account, person).await;
        (person, conversation["id"].as_i64().unwrap())
    }

    /// `kill -9`.
    pub fn kill_second(&mut self) {
        self.second
            .take()
            .expect("the second node does not run")
            .kill();
    }

    /// Where the second one keeps what is its own.
    pub fn second_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// On its own directory again; what it said when it does not start.
    pub fn try_start_second(&self) -> Result<ServiceProcess, (ExitStatus, String)> {
        let url = engine::url_of(&self.database);
        self.fleet.try_start_on_database(&self.second_dir(), &url)
    }

    /// On its own directory again.
    pub fn start_second(&mut self) {
        let second = self.try_start_second().unwrap();
        self.apis[1] = Api::new(&second.address);
        self.second = Some(second);
    }

    /// As if so much time had gone by that others may take what a dead node had.
    pub fn miss_the_dead(&self) {
        let alive: Vec<String> = engine::rows::<NodeId>(
            &self.database,
            "SELECT id FROM nodes ORDER BY started_at LIMIT 1",
        )
        .into_iter()
        .map(|node| format!("'{}'", node.id))
        .collect();
        let text = format!(
            "UPDATE switchboard.account_leases SET owner = NULL WHERE owner NOT IN ({})",
            alive.join(", ")
        );
        engine::sql_of(&self.database, &text);
    }

    /// Rows of calls that are left.
    pub async fn until_nothing_is_left(&self) {
        wait::until(
            "no row of a call to be left",
            || async {
                engine::rows::<Value>(
                    &self.database,
                    "SELECT id FROM node_calls UNION ALL SELECT call_id FROM node_call_parts",
                )
            },
            Vec::is_empty,
        )
        .await;
    }
}
