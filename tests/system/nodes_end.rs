//! How one of several nodes ends: what it did goes to the others at once, however much it did.

use std::time::{Duration, Instant};

use serde::Deserialize;
use switchboard_simulator::PersonSpec;

use super::two_nodes::Nodes;
use crate::support::{engine, fleet::Fleet, wait};

const WEBHOOKS: usize = 24;
const PROMISED: Duration = Duration::from_secs(5);

/// Every transaction that moves a webhook to another node takes a quarter of a second, as with a server that is busy or far away.
const SLOW: &str = "
create function switchboard.slow() returns trigger language plpgsql as $$
begin
    if coalesce(current_setting('slow.transaction', true), '') <> pg_current_xact_id()::text then
        perform set_config('slow.transaction', pg_current_xact_id()::text, false);
        perform pg_sleep(0.25);
    end if;
    return new;
end $$;
create trigger slow before update on switchboard.work_leases for each row
    when (old.owner is distinct from new.owner) execute function switchboard.slow();
";

#[derive(Deserialize, Debug, PartialEq, Eq, Default)]
struct Left {
    accounts: i64,
    webhooks: i64,
}

/// Protects the desks and the receivers of a node that is stopped: with two dozen webhooks whose receivers never answer it has handed over
/// its accounts and them, and ended, within five seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_many_webhooks_hands_over_and_ends_within_five_seconds() {
    // The system takes what connects, and nobody ever says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let urls: Vec<String> = (0..WEBHOOKS)
        .map(|number| format!("http://{address}/{number}"))
        .collect();
    let builder = Fleet::builder()
        .env("SWITCHBOARD_WEBHOOKS", &urls.join(","))
        .env("SWITCHBOARD_WEBHOOK_SECRET", "a-secret-of-all-receivers");
    let mut nodes = Nodes::of_fleet(builder, 4).await;
    let first: Vec<serde_json::Value> = engine::rows(
        &nodes.database,
        "SELECT id FROM nodes ORDER BY started_at LIMIT 1",
    );
    let first = first[0]["id"].as_str().unwrap().to_owned();
    let question = format!(
        "SELECT (SELECT count(*) FROM account_leases WHERE owner = '{first}') AS accounts, \
         (SELECT count(*) FROM work_leases WHERE owner = '{first}' AND name LIKE 'webhook:%') AS webhooks"
    );
    let database = nodes.database.clone();
    let left = || -> Left { engine::rows(&database, &question).pop().unwrap() };
    let all = Left {
        accounts: 2,
        webhooks: WEBHOOKS as i64,
    };
    wait::until(
        "the first node to have all",
        || async { left() },
        |left| *left == all,
    )
    .await;
    let person = nodes
        .fleet
        .telegram
        .add_person(PersonSpec::new("Contact one"));
    for account in &nodes.fleet.accounts {
        nodes.fleet.telegram.say(person, account.user, "hello");
    }
    let behind = || async {
        let rows: Vec<serde_json::Value> =
            engine::rows(&database, "SELECT DISTINCT hook FROM webhook_lanes");
        rows.len()
    };
    wait::until("every receiver to be waited for", behind, |behind| {
        *behind == WEBHOOKS
    })
    .await;
    engine::sql_of(&database, SLOW);

    let node = nodes.fleet.take_service();
    let began = Instant::now();
    let stopping = tokio::task::spawn_blocking(move || {
        node.stop();
        began.elapsed()
    });
    let nothing = Left::default();
    wait::until(
        "all to be let go of",
        || async { left() },
        |left| *left == nothing,
    )
    .await;
    let handed_over = began.elapsed();
    let ended = stopping.await.unwrap();
    println!("handed over in {handed_over:?}, ended after {ended:?}");
    assert!(handed_over < PROMISED, "{handed_over:?}");
    assert!(ended < PROMISED, "{ended:?}");
    drop(silent);
}
