//! What one of several nodes does at a time: each webhook is posted by one, and goes on at another when that one ends, dies or sleeps.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, PersonSpec};

use super::{
    posters::{Count, assert_in_order, assert_in_order_from, until_within},
    two_nodes::Nodes,
    webhook_calls::{change, make},
    webhooks::{Receiver, Refuses},
};
use crate::support::{engine, fleet::phone, wait};

/// Another node takes over within this time.
const TAKEN_OVER: Duration = Duration::from_secs(75);
/// What is changed at one node counts at the other.
const KNOWN: Duration = Duration::from_secs(2);

/// Protects receivers from posts that depend on who posts: of sign-ins none is told, also where another node than the one that posts has the
/// account and the event comes from the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_told_of_no_sign_in_whichever_node_posts_it() {
    let nodes = Nodes::with_webhooks(2).await;
    let receiver = Receiver::start().await;
    let hook = make(&nodes.apis[0], &receiver, json!({})).await;
    let poster = nodes.until_posted_by_somebody(&hook).await;
    for (round, api) in [&nodes.apis[1 - poster], &nodes.apis[poster]]
        .into_iter()
        .enumerate()
    {
        let number = phone(400 + round);
        let spec = AccountSpec::new(&number, "Sales");
        nodes.fleet.telegram.add_account(spec);
        let body = json!({ "label": "Sales", "phone": number });
        let made = api.post("/accounts/add", body).await;
        let id = made["account"]["id"].as_str().unwrap();
        let code = nodes.fleet.code_for(&number).await;
        let path = format!("/accounts/{id}/login/code");
        api.post(&path, json!({ "code": code })).await;
        nodes.fleet.wait_for_state(id, "online").await;
    }
    let numbers = |which: &str| -> Vec<i64> {
        let question = format!("SELECT seq AS n FROM event_log WHERE kind {which} 8 ORDER BY seq");
        let found: Vec<Count> = engine::rows(&nodes.database, &question);
        found.into_iter().map(|one| one.n).collect()
    };
    let (untold, last) = (numbers("="), *numbers("<>").last().unwrap());
    assert!(untold.len() > 1, "{untold:?}");
    let posted = || {
        let taken = receiver.taken.lock().unwrap();
        let all: Vec<i64> = taken
            .iter()
            .filter_map(|event| event["seq"].as_i64())
            .collect();
        all
    };
    let look = || async { posted() };
    wait::until("all to be posted", look, |all| all.contains(&last)).await;
    let told: Vec<i64> = posted()
        .into_iter()
        .filter(|seq| untold.contains(seq))
        .collect();
    assert!(told.is_empty(), "{told:?}");
}

/// Protects receivers: with two nodes each event is posted once and in order; what is changed at the node that does not post counts
/// at the one that does, within a second or so; both say how it goes; with SIGTERM the other one goes on at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_posted_by_one_node_and_changed_at_any() {
    let mut nodes = Nodes::with_webhooks(2).await;
    let receiver = Receiver::start().await;
    let hook = make(&nodes.apis[1], &receiver, json!({})).await;
    let path = format!("/webhooks/{hook}");
    let accounts = nodes.fleet.accounts.clone();
    let person = nodes
        .fleet
        .telegram
        .add_person(PersonSpec::new("Contact one"));
    let say = |nodes: &Nodes, text: &str| {
        for account in &accounts {
            nodes.fleet.telegram.say(person, account.user, text);
        }
    };
    let both = async |receiver: &Receiver, text: &str| {
        let look = || async { receiver.texts() };
        wait::until("the text of both accounts", look, |texts| {
            texts.iter().filter(|one| *one == text).count() == 2
        })
        .await;
    };
    for round in 1..=20 {
        say(&nodes, &format!("round {round}"));
    }
    both(&receiver, "round 20").await;
    assert_in_order(&receiver);
    let poster = nodes.until_posted_by_somebody(&hook).await;
    let (posts, asked) = (&nodes.apis[poster], &nodes.apis[1 - poster]);
    for api in [posts, asked] {
        let told = wait::until(
            "how the webhook goes",
            || api.get(&path),
            |told| told["webhook"]["last_taken_at"].is_string(),
        )
        .await;
        assert_eq!(told["webhook"]["state"], "active");
    }

    // Paused, and gone on with, at the node that does not post it.
    change(asked, &hook, json!({ "paused": true })).await;
    let took = until_within(KNOWN, "the other node to pause", || {
        nodes.poster(&hook).is_none()
    });
    println!("paused there after {:?}", took.await);
    let mut live = nodes.fleet.live(None).await;
    say(&nodes, "while paused");
    let is_it = |frame: &Value| frame["data"]["message"]["text"] == "while paused";
    live.until(is_it).await;
    live.until(is_it).await;
    assert!(!receiver.texts().contains(&"while paused".to_owned()));
    change(asked, &hook, json!({ "paused": false })).await;
    both(&receiver, "while paused").await;
    assert_in_order(&receiver);

    // Another secret counts, wherever it was made.
    for (api, text) in [(posts, "with a new secret"), (asked, "with another secret")] {
        let rotated = change(api, &hook, json!({ "rotate_secret": true })).await;
        let secret = rotated["secret"].as_str().unwrap().to_owned();
        // Signed by the old one, it would not be taken.
        let before = receiver.secret.lock().unwrap().replace(secret);
        assert!(before.is_some());
        say(&nodes, text);
        both(&receiver, text).await;
    }

    // Told again from a number on, in order.
    let (first, known) = {
        let taken = receiver.taken.lock().unwrap();
        let numbers = taken.iter().map(|event| event["seq"].as_i64().unwrap());
        (numbers.min().unwrap(), taken.len())
    };
    receiver.taken.lock().unwrap().clear();
    let (status, told) = asked
        .call(
            Method::POST,
            &format!("{path}/replay"),
            Some(json!({ "after": first - 1 })),
        )
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    wait::until(
        "all of it again",
        || async { receiver.taken.lock().unwrap().len() },
        |again| *again >= known,
    )
    .await;
    assert_in_order(&receiver);

    // The one that posts ends: the other one goes on.
    let poster = nodes.until_posted_by_somebody(&hook).await;
    nodes.stop(poster);
    let took = until_within(Duration::from_secs(5), "the other node to post", || {
        nodes.poster(&hook) == Some(0)
    });
    println!(
        "posted by the other node {:?} after the end of the first",
        took.await
    );
    let left = 1 - poster;
    for account in &accounts {
        nodes.until_online(left, account).await;
    }
    say(&nodes, "after the end of a node");
    both(&receiver, "after the end of a node").await;
    assert_in_order(&receiver);
    let (status, _) = nodes.apis[left].call(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    for of in ["webhook_cursors", "work_leases WHERE name LIKE 'webhook:%'"] {
        assert_eq!(nodes.count(of), 0, "{of}");
    }
}

/// Protects receivers from a node that dies: the other one posts from where it was, within the time that a lease takes; each event
/// comes, and what comes twice has the same id.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_of_a_node_that_died_is_posted_by_another() {
    let mut nodes = Nodes::with_webhooks(2).await;
    let receiver = Receiver::start().await;
    let hook = make(&nodes.apis[1], &receiver, json!({})).await;
    let poster = nodes.until_posted_by_somebody(&hook).await;
    let left = 1 - poster;
    let account = nodes.one_of(left);
    let person = nodes
        .fleet
        .telegram
        .add_person(PersonSpec::new("Contact one"));
    let say = |nodes: &Nodes, text: &str| nodes.fleet.telegram.say(person, account.user, text);
    say(&nodes, "1");
    receiver.until("1").await;
    receiver.refuse(Refuses::Text("\"2\""));
    say(&nodes, "2");
    receiver.until_refused().await;
    nodes.kill(poster);
    receiver.refuse(Refuses::Nothing);
    for text in ["3", "4"] {
        say(&nodes, text);
    }
    let took = until_within(TAKEN_OVER, "the other node to post", || {
        receiver.texts().contains(&"4".to_owned())
    });
    println!("posted by the other node {:?} after a kill", took.await);
    let mut texts = receiver.texts();
    texts.dedup();
    assert_eq!(texts, ["1", "2", "3", "4"]);
    assert_in_order_from(&receiver, 0);
}

/// Protects receivers from a node that was stopped in the middle of a post, and goes on when another one has taken over: it posts
/// nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_slept_posts_nothing_of_what_is_anothers() {
    let nodes = Nodes::with_webhooks(1).await;
    let receiver = Receiver::start().await;
    let account = nodes.fleet.accounts[0].clone();
    // One without accounts: the kernel ends one that sleeps with some.
    let awake = nodes.owned()[0].node;
    let asleep = 1 - awake;
    let hook = make(&nodes.apis[asleep], &receiver, json!({})).await;
    nodes.until_posted_by_somebody(&hook).await;
    nodes.hand_to(&hook, asleep).await;
    let person = nodes
        .fleet
        .telegram
        .add_person(PersonSpec::new("Contact one"));
    let say = |text: &str| nodes.fleet.telegram.say(person, account.user, text);
    say("1");
    receiver.until("1").await;
    receiver.refuse(Refuses::Text("\"2\""));
    say("2");
    receiver.until_refused().await;
    assert_eq!(nodes.poster(&hook), Some(asleep));
    kill_process(nodes.pid(asleep), Signal::STOP).unwrap();
    receiver.refuse(Refuses::Nothing);
    let texts: Vec<String> = (3..=9).map(|number| number.to_string()).collect();
    for text in &texts {
        say(text);
    }
    let took = until_within(TAKEN_OVER, "the other node to post", || {
        receiver.texts().contains(&"9".to_owned())
    });
    println!("posted by the other node {:?} after a stop", took.await);
    kill_process(nodes.pid(asleep), Signal::CONT).unwrap();
    // It has put away what it was about to post.
    let waiting = || async {
        let asked = nodes.apis[asleep].request(Method::GET, "/metrics");
        // A connection from before its sleep is closed.
        let figures = asked.send().await.ok()?.text().await.ok()?;
        let mut lines = figures.lines().map(str::to_owned);
        lines.find(|line| line.starts_with("switchboard_webhook_accounts_waiting{"))
    };
    wait::until("the sleeper to know", waiting, |line| {
        line.as_ref().is_some_and(|line| line.ends_with(" 0"))
    })
    .await;
    for text in ["10", "11"] {
        say(text);
    }
    receiver.until("11").await;
    let mut wanted = vec!["1".to_owned(), "2".to_owned()];
    wanted.extend(texts);
    wanted.extend(["10".to_owned(), "11".to_owned()]);
    let mut came = receiver.texts();
    // What the sleeper was told of and had not written down may come again, one after the other.
    came.dedup();
    assert_eq!(came, wanted);
    assert_eq!(nodes.poster(&hook), Some(awake));
}
