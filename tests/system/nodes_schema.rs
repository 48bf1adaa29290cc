//! Several nodes while an upgrade goes from one to the next.

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::two_nodes::Nodes;
use crate::support::{engine, live::Live};

/// Protects upgrades that go from node to node: what a newer version adds to the schema stops no node that runs, and one that starts on it
/// afterwards leaves it alone and says why.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_runs_bears_a_newer_schema_and_one_that_starts_refuses_it() {
    let mut nodes = Nodes::with(2).await;
    let account = nodes.one_of(1);
    let (person, talk) = nodes.talk(&account, "Contact one").await;
    let conversation = json!({ "id": talk });
    let exchange = async |nodes: &Nodes, round: &str| {
        let question = format!("question {round}");
        nodes.fleet.telegram.say(person, account.user, &question);
        let came = nodes
            .fleet
            .wait_for_message(&conversation, &question, "received");
        came.await;
        for (which, api) in nodes.apis.iter().enumerate() {
            let text = format!("answer {round} {which}");
            let key = format!("answer-{round}-{which}");
            let (status, told) = api.reply_with_key(talk, &text, &key).await;
            assert_eq!(status, StatusCode::ACCEPTED, "{told}");
            let sent = nodes.fleet.wait_for_message(&conversation, &text, "sent");
            sent.await;
        }
    };
    exchange(&nodes, "before").await;
    #[derive(Deserialize, Debug)]
    struct Table {
        name: String,
    }
    let tables = engine::rows::<Table>(
        &nodes.database,
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'switchboard' AND tablename <> '__diesel_schema_migrations'",
    );
    assert!(tables.len() > 20, "{tables:?}");
    for Table { name } in &tables {
        let added = format!(
            "ALTER TABLE switchboard.{name} ADD COLUMN of_the_next_version BIGINT NOT NULL DEFAULT 0"
        );
        engine::sql_of(&nodes.database, &added);
    }
    engine::sql_of(
        &nodes.database,
        "CREATE TABLE switchboard.of_the_next_version (id BIGINT PRIMARY KEY); \
         INSERT INTO switchboard.__diesel_schema_migrations (version) VALUES ('20991231000000')",
    );
    let second = nodes.second.as_ref().unwrap().address.clone();
    let mut live = Live::open(&second, None).await;
    exchange(&nodes, "after").await;
    live.until(|frame| frame["data"]["message"]["text"] == "answer after 0")
        .await;
    nodes.second.take().unwrap().stop();
    nodes.fleet.wait_for_state(&account.id, "online").await;
    let started = nodes.try_start_second();
    let (status, log) = started.err().expect("it does not start");
    assert!(status.code().is_some_and(|code| code != 0), "{status}");
    assert!(log.contains("20991231000000"), "{log}");
    let (status, told) = nodes.apis[0].reply_with_key(talk, "the last", "last").await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    let sent = nodes
        .fleet
        .wait_for_message(&conversation, "the last", "sent");
    sent.await;
}
