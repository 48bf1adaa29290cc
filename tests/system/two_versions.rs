//! Two versions: nodes of an earlier version and of this one serve one database, while the nodes are upgraded one after the other.
//! `tests/two-versions` builds the earlier one and runs this.

use std::{path::PathBuf, time::Instant};

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_simulator::PersonSpec;

use crate::support::{
    api::Api,
    engine,
    fleet::{Fleet, FleetAccount},
    wait,
};

/// Not held against a description: each version has its own.
async fn told(api: &Api) -> Value {
    api.plain_get("/nodes").await
}

/// Somebody writes to each account, and is answered through this node, whoever has the account.
async fn talk_through(fleet: &Fleet, api: &Api, accounts: &[FleetAccount], words: &str) {
    let database = &engine::database_of(&fleet.data_dir()).unwrap();
    for account in accounts {
        let person = fleet.telegram.add_person(PersonSpec::new(words));
        fleet.telegram.say(person, account.user, words);
        let theirs =
            |one: &&Value| one["title"] == words && one["account_id"] == account.id.as_str();
        let all = wait::until(
            "what was said to be told",
            || api.conversations(),
            |all| all.iter().any(|one| theirs(&one)),
        )
        .await;
        let id = all.iter().find(theirs).unwrap()["id"].as_i64().unwrap();
        let answer = format!("the answer to {words}");
        api.reply(id, &answer).await;
        let texts = || async { fleet.telegram.texts(account.user, person) };
        let is_there = |all: &Vec<String>| all.contains(&answer);
        let all = wait::until("the answer to be at Telegram", texts, is_there).await;
        assert_eq!(all, [words, answer.as_str()]);
        let question = format!(
            "SELECT direction || ' ' || text AS said FROM messages WHERE conversation_id = {id} ORDER BY message_no"
        );
        let said = || async {
            let rows = engine::rows::<Value>(database, &question);
            let said = rows
                .into_iter()
                .map(|row| row["said"].as_str().unwrap().to_owned());
            said.collect::<Vec<_>>()
        };
        let whole = [format!("incoming {words}"), format!("outgoing {answer}")];
        wait::until("both to be stored, once", said, |all| *all == whole).await;
    }
}

/// Protects whoever upgrades nodes one after the other: the older node works on beside the newer one, and on the newer one's schema; each
/// does what is asked of the other's accounts; and the older one's accounts are the newer one's within seconds when it is stopped.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by tests/two-versions, which builds an earlier version"]
async fn an_earlier_version_works_on_beside_this_one() {
    let earlier = std::env::var_os("SWITCHBOARD_TESTS_EARLIER").map(PathBuf::from);
    let earlier = earlier.expect("SWITCHBOARD_TESTS_EARLIER names the earlier version's program");
    let mut fleet = Fleet::builder()
        .program(&earlier)
        .accounts(4)
        .on_its_own_postgres()
        .start()
        .await;
    let accounts = fleet.accounts.clone();
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    talk_through(&fleet, &fleet.api, &accounts, "before").await;
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(fleet.data_dir().join("master.key"), data.join("master.key")).unwrap();
    let second = fleet.start_on_database(&data, &engine::url_of(&database));
    let newer = Api::new(&second.address);
    let shared = |told: &Value| {
        let nodes = told["nodes"].as_array().unwrap();
        let half = |node: &Value| node["accounts"].as_array().unwrap().len() == 2;
        nodes.len() == 2 && nodes.iter().all(half)
    };
    wait::until("the accounts to be shared", || told(&newer), shared).await;
    wait::until("the older node to say so, too", || told(&fleet.api), shared).await;
    for account in &accounts {
        fleet.wait_for_state(&account.id, "online").await;
    }
    talk_through(&fleet, &fleet.api, &accounts, "through the older one").await;
    talk_through(&fleet, &newer, &accounts, "through the newer one").await;
    for (number, api) in [&fleet.api, &newer].into_iter().enumerate() {
        let body = json!({ "label": format!("Added {number}") });
        let (status, added) = api.call(Method::POST, "/accounts/add", Some(body)).await;
        assert!(status.is_success(), "{added}");
    }
    let began = Instant::now();
    fleet.stop_service();
    let all = |told: &Value| {
        let nodes = told["nodes"].as_array().unwrap();
        nodes.len() == 1 && nodes[0]["accounts"].as_array().unwrap().len() == 6
    };
    wait::until("the newer one to have them all", || told(&newer), all).await;
    println!("taken over after {:.1} s", began.elapsed().as_secs_f64());
    talk_through(&fleet, &newer, &accounts, "after").await;
    // It comes back as this version.
    let again = fleet.start_on_database(&fleet.data_dir(), &engine::url_of(&database));
    let third = |told: &Value| {
        let nodes = told["nodes"].as_array().unwrap();
        let third = |node: &Value| node["accounts"].as_array().unwrap().len() == 3;
        nodes.len() == 2 && nodes.iter().all(third)
    };
    wait::until("both to have half of them", || told(&newer), third).await;
    talk_through(&fleet, &Api::new(&again.address), &accounts, "at last").await;
    again.stop();
    second.stop();
}
