//! Nodes: several real services on one real PostgreSQL that a replica follows, and a simulated Telegram that burns a key which it sees
//! used at two places. The same people, programs and comparisons as with one service; other things go wrong.

mod arrivals;
mod link;
mod node;
mod plan;
mod relay;
mod road;
mod storm;
mod strike;

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use switchboard_simulator::wire::{FaultScope, WireFault};
use tokio::runtime::Runtime;

use self::{
    arrivals::Arrivals, link::Link, node::Node, plan::Plan, relay::Relay, storm::Storm,
    strike::Conductor,
};
use super::{
    Args, check::Checks, desk::Programs, door::Door, facts::Facts, findings::Findings, hooks::Hook,
    listen, run::BAD, talk::Talk, town::Town,
};
use crate::support::{api::Api, engine, fleet::Fleet, oracle::File, replicas::Replicas};

const DATABASE: &str = "chaos";

/// Plays a plan; `true`: nothing was found, or only the plan was asked for.
pub fn went_well(args: &Args, seed: u64, runtime: &Runtime) -> bool {
    let plan = Plan::draw(seed, args.minutes, (args.nodes, args.accounts), &args.only);
    if args.plan {
        print!("{plan}");
        return true;
    }
    runtime.block_on(run(args, seed, plan))
}

async fn run(args: &Args, seed: u64, plan: Plan) -> bool {
    let (findings, facts) = (Findings::new(seed), Facts::default());
    findings.hear_panics();
    let number = plan.strikes.len();
    findings.say(&format!("seed {seed}, {number} things will go wrong"));
    let good = Hook::bind("the good webhook", 0).await;
    let bad = Hook::bind("the bad webhook", BAD).await;
    let bad_hook = bad.manners.clone();
    let urls = format!("{},{}", good.url, bad.url);
    let hooks = vec![
        good.serve(0, seed, &findings, &facts),
        bad.serve(0, seed, &findings, &facts),
    ];
    let (fleet, nodes, replicas) = ground(args, seed, &urls).await;
    findings.say("accounts are online");
    let doors: Vec<Door> = nodes.iter().map(Node::door).collect();
    let accounts = fleet.accounts.clone();
    let telegram = fleet.telegram.clone();
    telegram
        .wire()
        .set_fault(FaultScope::All, WireFault::KeyAtTwoPlaces, None);
    let file = Arc::new(File::of(&fleet));
    let now = file.last_event();
    let sockets = listeners(&doors, now, &findings, &facts);
    let town = Town::build(&fleet);
    let both = (&findings, &facts);
    let programs = Programs::start(
        &doors,
        &accounts,
        Arc::clone(&file),
        &town.desks,
        both,
        (seed, true),
    );
    let arrivals = Arrivals::start(&doors, &telegram, both, seed);
    let talk = Talk::default();
    talk.quiet.store(true, Ordering::Release);
    programs.quiet.store(true, Ordering::Release);
    let users: Vec<i64> = accounts.iter().map(|account| account.user).collect();
    talk.start(
        telegram.clone(),
        &town.seats,
        users.clone(),
        args.rate,
        seed,
    );
    let checks = Checks {
        telegram: telegram.clone(),
        forgotten: Arc::default(),
        accounts,
        file: Arc::clone(&file),
        sockets,
        hooks,
        programs: programs.clone(),
        findings: findings.clone(),
        facts: facts.clone(),
    };
    let conductor = Conductor::new(nodes, replicas, (telegram.clone(), users), both, &plan);
    let mut storm = Storm {
        conductor,
        checks,
        talk: talk.clone(),
        programs: programs.clone(),
        arrivals: arrivals.clone(),
        bad_hook,
        seats: town.seats,
        words: 0,
        keys: HashMap::new(),
    };
    storm.first_words().await;
    storm.be_quiet(false);
    storm.play(&plan, args.rest_every).await;
    talk.over.store(true, Ordering::Release);
    programs.over.store(true, Ordering::Release);
    arrivals.over.store(true, Ordering::Release);
    storm.panics();
    fleet.expect_panic();
    storm.summary(args);
    let rows = (findings.count() > 0).then(|| storm.conductor.dump());
    drop(storm);
    if let Some(rows) = rows
        && let Some(keep) = &args.keep
    {
        // Of all nodes, with their logs.
        if let Some(home) = fleet.data_dir().parent() {
            let kept = std::process::Command::new("cp")
                .arg("-r")
                .arg(home)
                .arg(keep)
                .status();
            assert!(kept.is_ok_and(|status| status.success()), "cp {home:?}");
            let all = keep.join("database.sql");
            std::fs::write(&all, rows).expect("there is room");
        }
    }
    findings.count() == 0
}

/// The nodes serve, and have the accounts among them.
async fn ground(args: &Args, seed: u64, webhooks: &str) -> (Fleet, Vec<Node>, Replicas) {
    let mut fleet = Fleet::builder()
        .seed(seed)
        .env("SWITCHBOARD_WEBHOOKS", webhooks)
        .env("SWITCHBOARD_WEBHOOK_SECRET", "a-secret-of-both-receivers")
        .off_the_disk()
        .start()
        .await;
    // It was to make the place alone.
    drop(fleet.take_service());
    std::fs::remove_dir_all(fleet.data_dir()).expect("it can be made anew");
    let here = fleet.data_dir();
    let replicas = tokio::task::block_in_place(|| {
        Replicas::start(DATABASE, move |server| {
            engine::lies_on(&here, DATABASE, server);
        })
    });
    let mut nodes: Vec<Node> = Vec::new();
    for number in 0..args.nodes {
        let link = Link::start(replicas.place()).await;
        let relay = Relay::start(number, fleet.telegram.dc_addresses()).await;
        let data = match number {
            0 => fleet.data_dir(),
            _ => fleet.data_dir().with_file_name(format!("node-{number}")),
        };
        if number > 0 {
            // What is sealed at one is opened at the others.
            std::fs::create_dir(&data).expect("a directory");
            let key = fleet.data_dir().join("master.key");
            std::fs::copy(key, data.join("master.key")).expect("the first has a key");
        }
        let mut node = Node::new(number, (link, relay), data, fleet.settings());
        tokio::task::block_in_place(|| node.start_first());
        if number == 0 {
            fleet.api = Api::new(&node.door().address);
        }
        nodes.push(node);
    }
    for index in 0..args.accounts {
        fleet.add_account(&format!("Account {}", index + 1)).await;
    }
    for account in &fleet.accounts {
        fleet.wait_for_state(&account.id, "online").await;
    }
    let token = fleet
        .api
        .post(
            "/tokens",
            serde_json::json!({ "name": "programs", "scope": "admin" }),
        )
        .await;
    let token = token["secret"]
        .as_str()
        .expect("it is shown once")
        .to_owned();
    for node in &mut nodes {
        node.known_by(&token);
    }
    (fleet, nodes, replicas)
}

/// At each node somebody who stays there, and somebody who goes from one to the next.
fn listeners(
    doors: &[Door],
    now: i64,
    findings: &Findings,
    facts: &Facts,
) -> Vec<listen::Listener> {
    let mut all = vec![
        listen::socket(("the WebSocket at any node", doors), now, findings, facts),
        listen::poll(("GET /events at any node", doors), now, findings, facts),
    ];
    for (number, door) in doors.iter().enumerate() {
        let door = std::slice::from_ref(door);
        let name = format!("the WebSocket at node {number}");
        all.push(listen::socket((&name, door), now, findings, facts));
        let name = format!("GET /events at node {number}");
        all.push(listen::poll((&name, door), now, findings, facts));
    }
    all
}
