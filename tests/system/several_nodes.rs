//! Several nodes: two services on one PostgreSQL, each with some of the accounts. Whatever is asked of an account at the one that does
//! not have it is done by the one that has.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, Effect, Fault, PersonSpec, world::Media};
use tempfile::TempDir;

use crate::support::{
    api::Api,
    engine,
    fleet::{Fleet, FleetAccount, FleetBuilder, phone},
    forms::{Form, digest, paper},
    oracle::until_faithful,
    service::ServiceProcess,
    wait,
};

/// Replies that are measured at each node.
const MEASURED: usize = 200;
const TRIES: usize = 3;
/// A reply that is given to the node that does not have the account may take so much longer.
const MORE: Duration = Duration::from_millis(50);

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

/// Protects whoever asks the wrong node: replies arrive once, whichever node they are given to and however often, and what a node has in
/// memory alone is told by the other one, too.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_of_an_account_reaches_the_node_that_has_it() {
    let nodes = Nodes::with(2).await;
    let telegram = &nodes.fleet.telegram;
    for node in [0, 1] {
        let account = nodes.one_of(node);
        let (right, wrong) = nodes.of(&account.id);
        let (person, talk) = nodes.talk(&account, &format!("Contact {node}")).await;

        // The same key at the other node is the same reply.
        let (status, first) = wrong.reply_with_key(talk, "once", "one").await;
        assert_eq!(status, StatusCode::ACCEPTED, "{first}");
        let (status, second) = right.reply_with_key(talk, "once", "one").await;
        assert_eq!(status, StatusCode::ACCEPTED, "{second}");
        assert_eq!(first["message"]["id"], second["message"]["id"]);
        wait::until(
            "the reply",
            || async { telegram.texts(account.user, person) },
            |texts| texts.iter().filter(|text| *text == "once").count() == 1,
        )
        .await;

        // A call with a key of its own, which the service keeps: it is not done twice, wherever it is repeated.
        let pinned = |api: &Api| {
            api.request(Method::POST, &format!("/accounts/{}/restart", account.id))
                .header("Idempotency-Key", "restarted")
        };
        let first = pinned(wrong).send().await.unwrap();
        assert_eq!(first.status(), StatusCode::ACCEPTED);
        let again = pinned(right).send().await.unwrap();
        assert_eq!(again.headers()["idempotency-replayed"], "true");
        assert_eq!(
            first.json::<Value>().await.unwrap(),
            again.json::<Value>().await.unwrap()
        );
        nodes.fleet.wait_for_state(&account.id, "online").await;

        // What is refused there is refused in the same words.
        let (status, told) = wrong
            .call(
                Method::POST,
                &format!("/conversations/{talk}/reply"),
                Some(json!({ "text": "" })),
            )
            .await;
        assert_eq!(
            (status.as_u16(), &told["error"]["code"]),
            (422, &json!("text_empty"))
        );
        // A file goes out, and one that came is fetched, through the other node.
        let sample = paper(7, 900_000);
        let (status, told) = wrong
            .form(
                &format!("/conversations/{talk}/reply"),
                Form::default().field("text", "prices").add(&sample),
            )
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{told}");
        let message = format!("/messages/{}", told["message"]["id"]);
        wait::until(
            "the file to be sent",
            || wrong.get(&message),
            |answer| answer["message"]["status"] == "sent",
        )
        .await;
        let media = Media::Document {
            name: "report.bin".to_owned(),
            mime: "application/octet-stream".to_owned(),
            size: 3_000_000,
        };
        let id = telegram.say_media(person, account.user, media, "a report");
        let file = telegram.file_of(account.user, person, id);
        let came = wait::until(
            "the file's message",
            || wrong.messages(talk),
            |all| all.iter().any(|one| one["text"] == "a report"),
        )
        .await;
        let came = came.iter().find(|one| one["text"] == "a report").unwrap();
        let url = came["media"]["url"].as_str().unwrap();
        let answer = wrong.request(Method::GET, url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.content_length(), Some(3_000_000));
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(
            digest(&bytes),
            digest(&telegram.file_bytes(file, "").unwrap())
        );
        let part = wrong
            .request(Method::GET, url)
            .header("Range", "bytes=1000000-1000009");
        let part = part.send().await.unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(
            part.bytes().await.unwrap(),
            bytes.slice(1_000_000..1_000_010)
        );
    }
    nodes.until_nothing_is_left().await;
}

/// Protects sign-ins: begun at one node, each step at the other than the one before; what is typed is in no row and no log.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_goes_on_at_any_node() {
    let nodes = Nodes::with(2).await;
    let number = phone(300);
    nodes.fleet.telegram.add_account(AccountSpec {
        password: Some("correct horse".to_owned()),
        ..AccountSpec::new(&number, "Sales")
    });
    let (status, begun) = nodes.apis[0]
        .call(
            Method::POST,
            "/accounts/add",
            Some(json!({ "label": "Sales", "phone": number })),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{begun}");
    let id = begun["account"]["id"].as_str().unwrap().to_owned();
    let (right, wrong) = nodes.of(&id);
    let login = wrong.get(&format!("/accounts/{id}/login")).await;
    assert_eq!(login["login"]["step"], "code");
    assert_eq!(
        wrong.get(&format!("/accounts/{id}")).await["login"]["step"],
        "code"
    );
    let code = nodes.fleet.telegram.code_for(&number).unwrap();
    let step = async |api: &Api, name: &str, value: &str| {
        let path = format!("/accounts/{id}/login/{name}");
        let (status, answer) = api
            .call(Method::POST, &path, Some(json!({ name: value })))
            .await;
        (status.as_u16(), answer)
    };
    let (status, answer) = step(wrong, "code", &code).await;
    assert_eq!(
        (status, &answer["login"]["step"]),
        (200, &json!("password")),
        "{answer}"
    );
    let (status, answer) = step(wrong, "password", "wrong horse").await;
    assert_eq!(answer["error"]["code"], "wrong_password", "{status}");
    let (status, answer) = step(wrong, "password", "correct horse").await;
    assert_eq!(
        (status, &answer["login"]["step"]),
        (200, &json!("done")),
        "{answer}"
    );
    wait::until(
        "the account to be online",
        || right.account(&id),
        |account| account["state"] == "online",
    )
    .await;
    nodes.until_nothing_is_left().await;
    let second = nodes.second.as_ref().unwrap();
    for log in [nodes.fleet.service().log(), second.log()] {
        for secret in ["correct horse", "wrong horse", &number] {
            assert!(!log.contains(secret), "{secret} is in a log");
        }
    }
}

/// Protects callers who repeat a call at another node while the first one is at it: it is done once, and what came of it is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_taken_at_every_node() {
    let nodes = Nodes::with(2).await;
    let number = phone(301);
    nodes
        .fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Sales"));
    let slow = Fault::new(Effect::SlowAnswer { millis: 3_000 }).on("auth.sendCode");
    let slow = nodes.fleet.telegram.set_fault(slow.times(1));
    let add = |api: &Api| {
        let body = json!({ "label": "Sales", "phone": number });
        let call = api.request(Method::POST, "/accounts/add").json(&body);
        call.header("Idempotency-Key", "sales").send()
    };
    let first = tokio::spawn(add(&nodes.apis[0]));
    let hits = || async { nodes.fleet.telegram.fault_hits(slow) };
    wait::until("the first call to be under way", hits, |hits| *hits > 0).await;
    let during = add(&nodes.apis[1]).await.unwrap();
    let told: Value = during.json().await.unwrap();
    assert_eq!(told["error"]["code"], "idempotency_in_progress", "{told}");
    let first: Value = first.await.unwrap().unwrap().json().await.unwrap();
    let after = add(&nodes.apis[1]).await.unwrap();
    assert_eq!(after.headers()["idempotency-replayed"], "true");
    assert_eq!(after.json::<Value>().await.unwrap(), first);
}

/// Protects tokens' limits: at a node that does not have the account they reach as far as where it is, and end as soon.
#[tokio::test(flavor = "multi_thread")]
async fn rights_are_the_same_at_every_node() {
    let nodes = Nodes::with(2).await;
    let account = nodes.one_of(0);
    let other = nodes.one_of(1);
    let (_, talk) = nodes.talk(&account, "Contact one").await;
    let admin = json!({ "name": "admin", "scope": "admin" });
    let admin = nodes.apis[0].post("/tokens", admin).await;
    let with = |token: &Value| {
        let token = format!("Bearer {}", token["secret"].as_str().unwrap());
        nodes
            .apis
            .clone()
            .map(|api| api.with_header("authorization", &token))
    };
    let admins = with(&admin);
    let reply = format!("/conversations/{talk}/reply");
    let tokens = BTreeMap::from([
        ("read", json!({ "name": "read", "scope": "read" })),
        ("send", json!({ "name": "send", "scope": "send" })),
        (
            "other",
            json!({ "name": "other", "scope": "send", "account_ids": [other.id] }),
        ),
    ]);
    let wanted = [("read", 403), ("send", 202), ("other", 404)];
    for (name, wanted) in wanted {
        let made = admins[0].post("/tokens", tokens[name].clone()).await;
        let wrong = &with(&made)[1];
        let ask = || wrong.call(Method::POST, &reply, Some(json!({ "text": "hello" })));
        // A token is known everywhere as soon as it is made.
        let (status, told) = ask().await;
        assert_eq!(status.as_u16(), wanted, "{name}: {told}");
        let path = format!("/tokens/{}", made["token"]["id"]);
        let (status, told) = admins[0].call(Method::DELETE, &path, None).await;
        assert!(status.is_success(), "{told}");
        let revoked = Instant::now();
        wait::until("the token to be refused", ask, |(status, _)| *status == 401).await;
        assert!(
            revoked.elapsed() < Duration::from_secs(1),
            "{:?}",
            revoked.elapsed()
        );
    }
    nodes.until_nothing_is_left().await;
}

/// Protects whoever asks while an account has no node: nothing is done, they are told so, and what the rows say is told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_has_an_account_its_rows_are_read_and_nothing_is_done() {
    let mut nodes = Nodes::with(2).await;
    let account = nodes.one_of(1);
    let (person, talk) = nodes.talk(&account, "Contact one").await;
    nodes.second.take().unwrap().kill();
    let here = nodes.apis[0].clone();
    let page = here.messages(talk).await;
    assert_eq!(page[0]["text"], "hello");
    assert_eq!(here.account(&account.id).await["id"], account.id.as_str());
    let (status, told) = here.reply_with_key(talk, "too early", "early").await;
    assert_eq!(
        (status.as_u16(), &told["error"]["code"]),
        (503, &json!("account_moving"))
    );
    assert!(
        !nodes
            .fleet
            .telegram
            .texts(account.user, person)
            .contains(&"too early".to_owned())
    );
    nodes.until_nothing_is_left().await;
}

/// Protects the speed of a desk that is open at any node: from the call to Telegram, with the node that has the account and with the
/// other one.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_given_to_the_wrong_node_is_hardly_later() {
    // A write that waits for a busy disk for seconds would be most of what is measured.
    let nodes = Nodes::of_fleet(Fleet::builder().off_the_disk(), 2).await;
    let account = nodes.one_of(0);
    let (right, wrong) = nodes.of(&account.id);
    let (person, talk) = nodes.talk(&account, "Contact one").await;
    // Whatever else the machine does comes on top of both, and at times of one: what can be done shows in one of a few tries.
    for attempt in 1.. {
        let (most, most_more) = measured(&nodes, (right, wrong), &account, person, talk).await;
        if most_more < most + MORE {
            break;
        }
        assert!(
            attempt < TRIES,
            "{most_more:?} is too much more than {most:?}"
        );
    }
    nodes.until_nothing_is_left().await;
}

/// How long replies take to Telegram, 99 of 100, with the node that has the account and with the other one.
async fn measured(
    nodes: &Nodes,
    (right, wrong): (&Api, &Api),
    account: &FleetAccount,
    person: i64,
    talk: i64,
) -> (Duration, Duration) {
    let telegram = &nodes.fleet.telegram;
    let mut took: [Vec<Duration>; 2] = Default::default();
    for round in 0..MEASURED + 10 {
        for (which, api) in [right, wrong].into_iter().enumerate() {
            let text = format!("reply {round} of {which}");
            let began = Instant::now();
            let path = format!("/conversations/{talk}/reply");
            let answer = api
                .request(Method::POST, &path)
                .json(&json!({ "text": text }))
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
            let last = || telegram.texts(account.user, person).last().cloned();
            while last().as_deref() != Some(&text) {
                assert!(began.elapsed() < wait::LIMIT, "{text} did not arrive");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // The first ones find statements that are not prepared yet.
            if round >= 10 {
                took[which].push(began.elapsed());
            }
        }
    }
    let at = |times: &mut Vec<Duration>, percent: usize| {
        times.sort_unstable();
        times[(times.len() * percent / 100).min(times.len() - 1)]
    };
    let [mut with, mut without] = took;
    let (half, most) = (at(&mut with, 50), at(&mut with, 99));
    let (half_more, most_more) = (at(&mut without, 50), at(&mut without, 99));
    println!(
        "to Telegram with the node that has the account: p50 {half:?}, p99 {most:?}; with the other one: p50 {half_more:?}, p99 {most_more:?}"
    );
    (most, most_more)
}

/// Protects people from waiting when a node is stopped on purpose: with words coming in all along, and with a request that somebody does
/// not finish, all of its accounts are at the other node within five seconds, and nothing that was said is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_asked_to_end_hands_over_within_five_seconds() {
    let mut nodes = Nodes::with(6).await;
    let telegram = nodes.fleet.telegram.clone();
    let mut chats = Vec::new();
    for account in nodes.fleet.accounts.clone() {
        let (person, talk) = nodes.talk(&account, "Contact").await;
        chats.push((account, person, talk));
    }
    let second = nodes.second.take().unwrap();
    let mut open = tokio::net::TcpStream::connect(&second.address)
        .await
        .unwrap();
    let half = format!(
        "POST /conversations/{}/reply HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        chats[0].2, second.address
    );
    tokio::io::AsyncWriteExt::write_all(&mut open, half.as_bytes())
        .await
        .unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let (speaking, speakers) = (Arc::clone(&over), chats.clone());
    let speaker = telegram.clone();
    let talking = tokio::spawn(async move {
        let mut said = 0;
        while !speaking.load(Ordering::Acquire) {
            for (account, person, _) in &speakers {
                speaker.say(*person, account.user, &format!("word {said}"));
            }
            said += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        said
    });
    wait::until(
        "people to talk",
        || async { telegram.texts(chats[0].0.user, chats[0].1).len() },
        |said| *said > 20,
    )
    .await;
    let began = Instant::now();
    let stopping = tokio::task::spawn_blocking(move || {
        second.stop();
        began.elapsed()
    });
    wait::until(
        "all accounts to be at the other node",
        || async { nodes.owned() },
        |owned| owned.len() == 6 && owned.iter().all(|one| one.node == 0),
    )
    .await;
    let handed_over = began.elapsed();
    let ended = stopping.await.unwrap();
    over.store(true, Ordering::Release);
    let said = talking.await.unwrap();
    println!("handed over in {handed_over:?}, ended after {ended:?}");
    assert!(handed_over < Duration::from_secs(5), "{handed_over:?}");
    for (account, person, _) in &chats {
        until_faithful(&nodes.fleet, account, &[*person]).await;
        assert!(telegram.texts(account.user, *person).len() > said);
    }
}
