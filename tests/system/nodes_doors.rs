//! Doors of several nodes: who comes in at one comes in at the other, what opens once opens once among all, and access that ends at one
//! ends at every one within a second.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use reqwest::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, PersonSpec};

use super::{
    assistant_stream::question, licence_phone::connect, two_nodes::Nodes, user_api::authorize,
};
use crate::support::{
    api::Api,
    assistant::{Assistant, Behaviour},
    engine,
    fleet::{Fleet, phone},
    live::Live,
    wait,
};

const A_SECOND: Duration = Duration::from_secs(1);
/// RFC 6455, 7.4.1: a policy is against it.
const POLICY: u16 = 1008;

impl Nodes {
    fn addresses(&self) -> [String; 2] {
        let second = self.second.as_ref().unwrap();
        [self.fleet.address().to_owned(), second.address.clone()]
    }

    /// The same caller at each node.
    fn with_header(&self, name: &'static str, value: &str) -> [Api; 2] {
        self.apis.clone().map(|api| api.with_header(name, value))
    }

    fn with_token(&self, made: &Value) -> [Api; 2] {
        self.with_header("authorization", &bearer(made))
    }
}

fn bearer(made: &Value) -> String {
    format!("Bearer {}", made["secret"].as_str().unwrap())
}

async fn ticket_of(api: &Api) -> String {
    let answer = api.post("/ws/ticket", json!({})).await;
    answer["ticket"].as_str().unwrap().to_owned()
}

/// Opens a launch link at a node: the status, and the cookie if one was given.
async fn launched(address: &str, code: &str) -> (StatusCode, Option<String>) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url = format!("http://{address}/launch?code={code}");
    let response = client.get(url).send().await.unwrap();
    let cookie = response.headers().get("set-cookie").map(|cookie| {
        let cookie = cookie.to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    });
    (response.status(), cookie)
}

/// Protects against whoever got hold of a token: what opens once is given out at one node and taken at another, once among both; and
/// a token that is revoked at one node is refused at the other within a second, with its sockets, its desks and an answer that is on
/// its way.
#[tokio::test(flavor = "multi_thread")]
async fn access_ends_at_every_node_within_a_second() {
    let assistant = Assistant::start().await;
    let builder = Fleet::builder()
        .env("ASSISTANT_URL", &assistant.url)
        .env("ASSISTANT_MODEL", "small");
    let nodes = Nodes::of_fleet(builder, 2).await;
    let number = phone(1);
    let spec = AccountSpec::new(&number, "Writer");
    nodes.fleet.telegram.add_account(spec);
    let contact = PersonSpec::new("Contact one").username("contact_one");
    nodes.fleet.telegram.add_person(contact);
    authorize(&nodes.fleet, &nodes.fleet.api, "user123", &number).await;
    let addresses = nodes.addresses();
    let admin = json!({ "name": "keeper", "scope": "admin" });
    let keeper = nodes.with_token(&nodes.apis[0].post("/tokens", admin).await);

    for (here, there) in [(0, 1), (1, 0)] {
        let made = json!({ "name": format!("passing {here}"), "scope": "admin" });
        let made = keeper[here].post("/tokens", made).await;
        let apis = nodes.with_token(&made);
        // A ticket of one node opens a socket at the other, once.
        let ticket = ticket_of(&apis[here]).await;
        let by_ticket = Live::open_by_ticket(&addresses[there], &ticket).await;
        for address in &addresses {
            let again = format!("ws://{address}/ws?ticket={ticket}");
            assert!(!Live::try_open(&again).await, "a ticket opened two sockets");
        }
        // So does a launch link.
        let link = apis[here].post("/launch", json!({})).await;
        let (_, code) = link["url"].as_str().unwrap().split_once("code=").unwrap();
        let (status, cookie) = launched(&addresses[there], code).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let cookie = cookie.expect("a desk's cookie");
        for address in &addresses {
            let again = launched(address, code).await;
            assert_eq!(again, (StatusCode::UNAUTHORIZED, None));
        }
        let desk = nodes.apis[there].with_header("cookie", &cookie);
        assert!(desk.get("/accounts").await["accounts"].is_array());
        let left = ticket_of(&apis[there]).await;
        let sockets = [
            by_ticket,
            Live::open_with(
                &addresses[there],
                None,
                &[("authorization", &bearer(&made))],
            )
            .await,
            Live::open_with(&addresses[there], None, &[("cookie", &cookie)]).await,
        ];
        let pieces = (0..400).map(|number| format!("piece {number} ")).collect();
        assistant.behave(Behaviour::Says(pieces, Duration::from_millis(50)));
        let streaming = apis[there]
            .request(Method::POST, "/message_stream")
            .json(&question(true))
            .send()
            .await
            .unwrap();
        assert_eq!(streaming.status(), StatusCode::OK);
        let mut stream = streaming.bytes_stream();
        stream.next().await.unwrap().unwrap();

        let path = format!("/tokens/{}", made["token"]["id"]);
        let (status, told) = keeper[here].call(Method::DELETE, &path, None).await;
        assert!(status.is_success(), "{told}");
        let revoked = Instant::now();
        let ends = sockets.into_iter().map(Live::until_closed);
        let ends = futures_util::future::join_all(ends);
        let streamed = async {
            let mut broke = false;
            while let Some(piece) = stream.next().await {
                broke |= piece.is_err();
            }
            (broke, revoked.elapsed())
        };
        let (ends, (broke, took)) = tokio::join!(ends, streamed);
        assert!(broke && took < A_SECOND, "the answer went on for {took:?}");
        for farewell in ends {
            let took = farewell.at.saturating_duration_since(revoked);
            assert!(took < A_SECOND, "it took {took:?}: {farewell:?}");
            assert_eq!(farewell.code, Some(POLICY), "{farewell:?}");
        }
        for api in [&apis[0], &apis[1], &desk] {
            let (status, told) = api.call(Method::GET, "/accounts", None).await;
            assert_eq!(
                (status.as_u16(), &told["error"]["code"]),
                (401, &json!("token_invalid"))
            );
        }
        let late = format!("ws://{}/ws?ticket={left}", addresses[here]);
        assert!(!Live::try_open(&late).await);
    }
}

/// A thread that is at work when the signal is sent stops a little later, on a busy machine much later.
async fn until_stopped(process: Pid) {
    let tasks = format!("/proc/{}/task", process.as_raw_nonzero());
    let look = async || {
        std::fs::read_dir(&tasks)
            .unwrap()
            .map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap())
            .map(|stat| stat.rsplit(") ").next().unwrap_or_default()[..1].to_owned())
            .collect::<Vec<_>>()
    };
    let stopped = |states: &Vec<String>| states.iter().all(|state| state == "T");
    wait::until("all threads to be stopped", look, stopped).await;
}

/// Protects against whoever lost access while a node slept: what was asked of it meanwhile is answered by what holds when it wakes, not by
/// what it remembers.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_slept_lets_nobody_in_by_what_it_remembers() {
    let nodes = Nodes::with(2).await;
    let admin = json!({ "name": "keeper", "scope": "admin" });
    let keeper = nodes.with_token(&nodes.apis[0].post("/tokens", admin).await);
    let asleep = Pid::from_raw(nodes.second.as_ref().unwrap().pid().try_into().unwrap()).unwrap();
    let mut shown = 0;
    for round in 0..40 {
        if shown == 10 {
            break;
        }
        let made = json!({ "name": format!("guest {round}"), "scope": "read" });
        let made = keeper[0].post("/tokens", made).await;
        let guest = nodes.with_token(&made);
        assert!(guest[1].get("/accounts").await["accounts"].is_array());
        kill_process(asleep, Signal::STOP).unwrap();
        until_stopped(asleep).await;
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let asking = guest[1].request(Method::GET, "/health/ready").send();
                tokio::spawn(asking)
            })
            .collect();
        let path = format!("/tokens/{}", made["token"]["id"]);
        let (status, told) = keeper[0].call(Method::DELETE, &path, None).await;
        // What was seen last is older than a second then.
        tokio::time::sleep(A_SECOND).await;
        kill_process(asleep, Signal::CONT).unwrap();
        // It fell asleep in the middle of a transaction that others wait for: nothing was taken from anybody.
        let revoked = status.is_success();
        assert!(
            revoked || status == StatusCode::SERVICE_UNAVAILABLE,
            "{told}"
        );
        let mut refused = 0;
        for answer in asked {
            // Of a line that was silent for too long nobody hears again.
            let Ok(answer) = answer.await.unwrap() else {
                continue;
            };
            let status = answer.status();
            assert!(
                !revoked || status == StatusCode::UNAUTHORIZED,
                "round {round}: {status}"
            );
            refused += usize::from(revoked);
        }
        shown += usize::from(refused > 0);
    }
    assert_eq!(shown, 10);
}

/// Protects customers' accounts: what a licence got at one node it sees at the other, also on a socket that was open before; what it
/// lost it sees nowhere, within a second.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_owner_has_is_known_at_every_node() {
    let nodes = Nodes::with(2).await;
    let number = phone(300);
    nodes
        .fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Shop"));
    let addresses = nodes.addresses();
    let licence = nodes.with_header("x-license-key", "licence-one");
    let seen = async |api: &Api| {
        let accounts = api.get("/accounts").await["accounts"].clone();
        accounts.as_array().unwrap().len()
    };
    let mut live = Live::open_with(&addresses[1], None, &[("x-license-key", "licence-one")]).await;
    assert_eq!(seen(&licence[1]).await, 0);
    let connected = connect(&nodes.fleet, &licence[0], &number).await;
    assert_eq!(connected["success"], true);
    let got = Instant::now();
    wait::until(
        "the account at the other node",
        || seen(&licence[1]),
        |seen| *seen == 1,
    )
    .await;
    assert!(got.elapsed() < A_SECOND, "{:?}", got.elapsed());
    live.until_event("account_status").await;

    let account = licence[1].get("/accounts").await["accounts"][0]["id"].clone();
    let path = format!("/accounts/{}", account.as_str().unwrap());
    let (status, told) = nodes.apis[0].call(Method::DELETE, &path, None).await;
    assert!(status.is_success(), "{told}");
    let lost = Instant::now();
    for api in &licence {
        wait::until("the account to be gone", || seen(api), |seen| *seen == 0).await;
    }
    assert!(lost.elapsed() < A_SECOND, "{:?}", lost.elapsed());
}

/// Protects an owner whose program calls twice at once, at two nodes: it gets one account.
#[tokio::test(flavor = "multi_thread")]
async fn two_first_calls_of_one_owner_make_one_account() {
    const ROUNDS: usize = 8;
    let nodes = Nodes::with(2).await;
    for round in 0..ROUNDS {
        let number = phone(310 + round);
        nodes
            .fleet
            .telegram
            .add_account(AccountSpec::new(&number, "Shop"));
        let licence = nodes.with_header("x-license-key", &format!("licence-{round}"));
        let start = async |api: &Api| {
            let path = "/api/integrations/telegram-phone/start";
            let body = json!({ "phone_number": number });
            api.call(Method::POST, path, Some(body)).await
        };
        let (one, other) = tokio::join!(start(&licence[0]), start(&licence[1]));
        assert!(
            one.0 == StatusCode::OK || other.0 == StatusCode::OK,
            "{one:?} {other:?}"
        );
        println!("{} {}", one.0, other.0);
    }
    let accounts: Vec<Value> =
        engine::rows(&nodes.database, "SELECT label, removed_at FROM accounts");
    let owners: Vec<Value> = engine::rows(&nodes.database, "SELECT id FROM account_owners");
    assert_eq!(owners.len(), ROUNDS);
    assert_eq!(accounts.len(), 2 + ROUNDS, "{accounts:?}");
}
