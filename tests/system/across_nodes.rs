//! Across nodes: what people and programs see is the same at every node, and goes on at another one when theirs is gone.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::two_nodes::Nodes;
use crate::support::{
    api::Api,
    engine,
    fleet::Fleet,
    forms::{Form, paper},
    live::Live,
    wait,
};

/// What somebody heard: numbers and kinds, in the order in which they came.
type Told = Arc<Mutex<Vec<(i64, String)>>>;

fn note(told: &Told, frame: &Value) {
    let seq = frame["seq"].as_i64().unwrap();
    let kind = frame["event"].as_str().unwrap().to_owned();
    told.lock().unwrap().push((seq, kind));
}

fn newest(told: &Told, before: i64) -> i64 {
    told.lock().unwrap().last().map_or(before, |(seq, _)| *seq)
}

/// Somebody at one of two nodes, who goes to the other one with the last number when theirs is gone.
struct Ear {
    told: Told,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ear {
    fn on_a_socket(mut addresses: [String; 2], after: i64) -> Self {
        let told = Told::default();
        let hears = Arc::clone(&told);
        let task = tokio::spawn(async move {
            loop {
                let last = newest(&hears, after);
                if let Some(mut live) = Live::resume(&addresses[0], last, &[]).await {
                    while let Some(frame) = live.until_broken().await {
                        assert_ne!(frame["event"], "resync");
                        if !frame["seq"].is_null() {
                            note(&hears, &frame);
                        }
                    }
                }
                addresses.swap(0, 1);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { told, task }
    }

    fn that_asks(mut apis: [Api; 2], after: i64) -> Self {
        let told = Told::default();
        let hears = Arc::clone(&told);
        let task = tokio::spawn(async move {
            let mut last = after;
            loop {
                let path = format!("/events?after={last}&wait=5&limit=7");
                let answer = apis[0].request(Method::GET, &path).send().await;
                let page = match answer {
                    Ok(answer) if answer.status() == StatusCode::OK => {
                        answer.json::<Value>().await.ok()
                    }
                    _ => None,
                };
                let Some(page) = page else {
                    apis.swap(0, 1);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                for frame in page["events"].as_array().unwrap() {
                    note(&hears, frame);
                }
                last = page["next_after"].as_i64().unwrap();
            }
        });
        Self { told, task }
    }

    fn heard(&self) -> Vec<(i64, String)> {
        assert!(!self.task.is_finished(), "the listener broke");
        self.told.lock().unwrap().clone()
    }
}

#[derive(Deserialize, Debug)]
struct Seq {
    seq: i64,
}

/// Protects every listener: each hears each event once and in order, at whichever node it listens and whichever node has the
/// account, and goes on at another node where it was when its own is killed.
#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_told_once_at_every_node_and_through_the_death_of_one() {
    let mut nodes = Nodes::with(4).await;
    let numbers = |database: &str, after: i64| -> Vec<i64> {
        let question = format!("SELECT seq FROM event_log WHERE seq > {after} ORDER BY seq");
        let rows = engine::rows::<Seq>(database, &question);
        rows.into_iter().map(|row| row.seq).collect()
    };
    let after = numbers(&nodes.database, 0).last().copied().unwrap();
    let second = nodes.second.as_ref().unwrap().address.clone();
    let addresses = [nodes.fleet.address().to_owned(), second];
    let [a, b] = addresses.clone();
    let ears = [
        Ear::on_a_socket([a.clone(), b.clone()], after),
        Ear::on_a_socket([b, a], after),
        Ear::that_asks(nodes.apis.clone(), after),
        Ear::that_asks([nodes.apis[1].clone(), nodes.apis[0].clone()], after),
    ];
    let accounts = nodes.fleet.accounts.clone();
    let mut talks = Vec::new();
    for (number, account) in accounts.iter().enumerate() {
        talks.push(nodes.talk(account, &format!("Contact {number}")).await);
    }
    for round in 0..40 {
        let which = round % accounts.len();
        let (person, talk) = talks[which];
        let telegram = &nodes.fleet.telegram;
        telegram.say(person, accounts[which].user, &format!("question {round}"));
        let at = &nodes.apis[round / accounts.len() % 2];
        let key = format!("answer-{round}");
        let (status, told) = at.reply_with_key(talk, "an answer", &key).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    }
    // While much is under way.
    let owned = nodes.owned();
    nodes.kill_second();
    for (number, account) in accounts.iter().enumerate() {
        let (person, _) = talks[number];
        for round in 0..10 {
            let text = format!("while it is dead {round}");
            nodes.fleet.telegram.say(person, account.user, &text);
        }
    }
    nodes.miss_the_dead();
    for (number, account) in accounts.iter().enumerate() {
        let (person, talk) = talks[number];
        nodes.fleet.wait_for_state(&account.id, "online").await;
        nodes.fleet.telegram.say(person, account.user, "the last");
        let conversation = json!({ "id": talk });
        nodes
            .fleet
            .wait_for_message(&conversation, "the last", "received")
            .await;
        let (status, told) = nodes.apis[0].reply_with_key(talk, "good bye", "bye").await;
        assert_eq!(status, StatusCode::ACCEPTED, "{told}");
        let bye = nodes
            .fleet
            .wait_for_message(&conversation, "good bye", "sent");
        bye.await;
    }
    let (there, heard) = wait::until(
        "each listener to have heard the log",
        async || {
            let there = numbers(&nodes.database, after);
            let heard = ears.iter().map(Ear::heard).collect::<Vec<_>>();
            (there, heard)
        },
        |(there, heard)| (heard.iter()).all(|one| one.iter().map(|(seq, _)| seq).eq(there)),
    )
    .await;
    let all = (after + 1..).take(there.len()).collect::<Vec<_>>();
    assert_eq!(there, all, "a gap in the log");
    assert!(owned.iter().any(|one| one.node == 1));
    assert!(heard.iter().all(|one| *one == heard[0]), "{heard:?}");
}

/// Protects the small signs of life, at the node that does not have the account: who types, and how far a file is.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_number_is_told_at_every_node() {
    let nodes = Nodes::with(2).await;
    let second = nodes.second.as_ref().unwrap().address.clone();
    let mut ears = [
        Live::open(nodes.fleet.address(), None).await,
        Live::open(&second, None).await,
    ];
    for node in [0, 1] {
        let account = nodes.one_of(node);
        let (person, talk) = nodes.talk(&account, &format!("Contact {node}")).await;
        // It is told to whoever listens at that moment; a word may be lost.
        let types = async {
            loop {
                nodes.fleet.telegram.typing(person, account.user);
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        };
        let heard = async {
            for ear in &mut ears {
                let frame = ear
                    .until(|frame| {
                        frame["event"] == "typing" && frame["data"]["conversation_id"] == talk
                    })
                    .await;
                assert!(frame["seq"].is_null(), "{frame}");
                let sender = &frame["data"]["sender"]["name"];
                assert_eq!(*sender, format!("Contact {node}"), "{frame}");
            }
        };
        tokio::select! {
            () = types => {}
            () = heard => {}
        }
        let sample = paper(9, 6_000_000);
        let (status, told) = nodes.apis[0]
            .form(
                &format!("/conversations/{talk}/reply"),
                Form::default().add(&sample),
            )
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{told}");
        for ear in &mut ears {
            let frame = ear
                .until(|frame| {
                    frame["event"] == "upload_progress"
                        && frame["data"]["id"] == told["message"]["id"]
                })
                .await;
            assert_eq!(frame["data"]["account_id"], account.id.as_str());
        }
    }
}

/// Protects whoever signs in with a desk at another node than the one that has the account: what a sign-in asks for is told there, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_told_at_every_node() {
    let nodes = Nodes::with(2).await;
    let second = nodes.second.as_ref().unwrap().address.clone();
    let mut ears = [
        Live::open(nodes.fleet.address(), None).await,
        Live::open(&second, None).await,
    ];
    let body = json!({ "label": "Sales", "qr": true });
    let begun = nodes.apis[0].post("/accounts/add", body).await;
    let id = begun["account"]["id"].as_str().unwrap();
    for ear in &mut ears {
        let frame = ear
            .until(|frame| {
                frame["event"] == "login_updated" && frame["data"]["login"]["step"] == "scan"
            })
            .await;
        assert_eq!(frame["data"]["account_id"], id, "{frame}");
        let url = frame["data"]["login"]["qr"]["url"].as_str().unwrap();
        assert!(url.starts_with("tg://login?token="), "{frame}");
    }
}

/// Protects people from a green light that nobody stands behind: an account whose node is gone is not online, and they are told so
/// without asking.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_nobody_has_is_not_online() {
    let mut nodes = Nodes::with(2).await;
    let theirs = nodes.one_of(1);
    nodes.fleet.wait_for_state(&theirs.id, "online").await;
    // Nobody may take what the dead one had.
    let first = engine::rows::<Value>(
        &nodes.database,
        "SELECT id FROM nodes ORDER BY started_at LIMIT 1",
    );
    let drained = format!(
        "UPDATE switchboard.nodes SET draining = TRUE WHERE id = '{}'",
        first[0]["id"].as_str().unwrap()
    );
    // Before anything is missed: it is told once.
    let mut live = Live::open(nodes.fleet.address(), None).await;
    // As if the server's time of day were another one: nobody goes by that.
    let at = |time: &str| {
        let text = format!(
            "UPDATE switchboard.account_leases SET expires_at = {time}; UPDATE switchboard.nodes SET seen_at = {time}"
        );
        engine::sql_of(&nodes.database, &text);
    };
    at("1");
    assert_eq!(nodes.apis[0].account(&theirs.id).await["state"], "online");
    let told = nodes.apis[0].get("/nodes").await;
    for node in told["nodes"].as_array().unwrap() {
        assert_eq!(node["alive"], true, "{told}");
        assert_eq!(
            node["accounts"][0]["left_ms"].as_i64().map(|left| left > 0),
            Some(true),
            "{told}"
        );
    }
    at("9000000000000");
    nodes.kill_second();
    engine::sql_of(&nodes.database, &drained);
    let gone = nodes.fleet.wait_for_state(&theirs.id, "reconnecting").await;
    assert_eq!(gone["state_code"], "no_node", "{gone}");
    let listed = nodes.apis[0].get("/accounts").await;
    let listed = listed["accounts"].as_array().unwrap();
    let one = listed.iter().find(|one| one["id"] == theirs.id.as_str());
    assert_eq!(one.unwrap()["state"], "reconnecting");
    let frame = live
        .until(|frame| {
            let account = &frame["data"]["account"];
            // How it came online at the second node may still be on its way to the first.
            frame["event"] == "account_status"
                && account["id"] == theirs.id.as_str()
                && account["state_code"] == "no_node"
        })
        .await;
    assert_eq!(frame["data"]["account"]["state"], "reconnecting", "{frame}");
}

/// Protects an operator from a node that looks well at every other one: which of them does not reach the vault is told at each.
#[tokio::test(flavor = "multi_thread")]
async fn every_node_tells_which_of_them_reaches_the_vault() {
    let mut fleet = Fleet::builder().on_postgres().start().await;
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(fleet.data_dir().join("master.key"), data.join("master.key")).unwrap();
    // Nobody listens there.
    fleet.set_env("SUPABASE_URL", "http://127.0.0.1:1");
    fleet.set_env("SUPABASE_SERVICE_KEY", "sb_secret_of_a_test");
    let second = fleet.start_on_database(&data, &engine::url_of(&database));
    for api in [&fleet.api, &Api::new(&second.address)] {
        let told = wait::until(
            "both nodes to say how their vaults stand",
            || api.get("/nodes"),
            |told| {
                let nodes = told["nodes"].as_array().unwrap();
                let offline = |node: &&Value| node["vault"]["state"] == "offline";
                nodes.len() == 2 && nodes.iter().filter(offline).count() == 1
            },
        )
        .await;
        for node in told["nodes"].as_array().unwrap() {
            let at_second = node["address"].as_str().unwrap().ends_with(&second.address);
            let (kind, reason) = match at_second {
                true => ("supabase", json!("unreachable")),
                false => ("local", Value::Null),
            };
            assert_eq!(node["vault"]["kind"], kind, "{told}");
            assert_eq!(node["vault"]["reason_code"], reason, "{told}");
        }
    }
}
