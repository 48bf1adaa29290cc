//! Nodes: several real services on one real PostgreSQL that a replica follows, and a simulated Telegram that burns a key which it sees
//! used at two places. The same people, programs and comparisons as with one service; other things go wrong.

mod arrivals;
mod link;
mod node;
mod plan;
mod relay;
mod road;
mod strike;

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use serde::Deserialize;
use switchboard_simulator::{
    port::KeyId,
    wire::{FaultScope, WireFault},
    world::World,
};
use tokio::runtime::Runtime;

use self::{
    arrivals::Arrivals,
    link::Link,
    node::Node,
    plan::Plan,
    relay::Relay,
    strike::{Conductor, SLEEPER_ENDED},
};
use super::{
    Args,
    check::{Checks, count},
    desk::Programs,
    door::Door,
    facts::{Facts, LONG_RUN},
    findings::Findings,
    hooks::{Hook, Manners},
    listen,
    run::{BAD, is_known_panic},
    talk::Talk,
    town::{Seat, Town},
};
use crate::support::{api::Api, engine, fleet::Fleet, oracle::File, replicas::Replicas, wait};

/// Leases of the dead are over by then, and what waited for them is done.
const LIMIT: Duration = Duration::from_secs(150);
const LOOK: Duration = Duration::from_millis(400);
const SAID_EVERY: Duration = Duration::from_secs(10);
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

#[derive(Deserialize, Debug)]
struct Owned {
    node: Option<String>,
    accounts: i64,
}

struct Storm {
    conductor: Conductor,
    checks: Checks,
    talk: Talk,
    programs: Programs,
    arrivals: Arrivals,
    bad_hook: Manners,
    seats: Vec<Seat>,
    words: u64,
    /// Whose it was, by the account's number at Telegram: of a burnt one it is not known any more.
    keys: HashMap<KeyId, i64>,
}

enum Moment {
    Begin(usize),
    End(usize),
    Look,
    Rest,
}

impl Storm {
    fn be_quiet(&self, quiet: bool) {
        self.talk.quiet.store(quiet, Ordering::Release);
        self.programs.quiet.store(quiet, Ordering::Release);
        self.arrivals.be_quiet(quiet);
        self.bad_hook.set(if quiet { 0 } else { BAD });
    }

    async fn first_words(&self) {
        for seat in &self.seats {
            self.checks.telegram.say(seat.who, seat.chat, "first words");
        }
        let look = || async { self.checks.unfaithful() };
        wait::until("the first words to be stored", look, Vec::is_empty).await;
    }

    fn last_words(&mut self) {
        self.words += 1;
        for (at, seat) in self.seats.iter().enumerate() {
            let text = format!("last words {} of {at}", self.words);
            let telegram = &self.checks.telegram;
            telegram.say(seat.who, seat.chat_now(telegram), &text);
        }
    }

    fn timeline(plan: &Plan, rest_every: f64) -> Vec<(Duration, Moment)> {
        let mut all = Vec::new();
        for (number, strike) in plan.strikes.iter().enumerate() {
            all.push((strike.at, Moment::Begin(number)));
            all.push((strike.at + strike.lasts, Moment::End(number)));
        }
        let minute = Duration::from_secs(60);
        let every = minute.mul_f64(rest_every.max(0.1));
        for (step, looks) in [(minute, true), (every, false)] {
            for number in 1_u32.. {
                let at = step * number;
                if at >= plan.length {
                    break;
                }
                let moment = if looks { Moment::Look } else { Moment::Rest };
                all.push((at, moment));
            }
        }
        all.retain(|(at, _)| *at < plan.length);
        all.push((plan.length, Moment::Rest));
        all.sort_by_key(|(at, _)| *at);
        all
    }

    async fn play(&mut self, plan: &Plan, rest_every: f64) {
        let mut began = Instant::now();
        for (at, moment) in Self::timeline(plan, rest_every) {
            while began + at > Instant::now() {
                let next = (began + at).min(Instant::now() + LOOK);
                tokio::time::sleep_until(next.into()).await;
                self.tend();
            }
            match moment {
                Moment::Begin(number) => tokio::task::block_in_place(|| {
                    self.conductor.begin(number, &plan.strikes[number]);
                }),
                Moment::End(number) => {
                    tokio::task::block_in_place(|| self.conductor.end(number));
                }
                Moment::Look => self.look(),
                Moment::Rest => {
                    let rest = Instant::now();
                    self.rest().await;
                    // The plan's clock stands still meanwhile.
                    began += rest.elapsed();
                }
            }
        }
    }

    /// Whatever ended is started again, and no key is used at two places.
    fn tend(&mut self) {
        self.conductor.tend();
        let telegram = &self.checks.telegram;
        let known = |world: &World| -> Vec<(KeyId, i64)> {
            let keys = world.keys.iter();
            keys.filter_map(|(key, state)| Some((*key, state.user?)))
                .collect()
        };
        self.keys.extend(telegram.look(known));
        for burnt in telegram.wire().burnt() {
            let (user, key) = (self.keys.get(&burnt.key), burnt.key);
            let what = format!(
                "a key of account {user:?} was burnt ({key:?}): used from {} beside {:?}",
                burnt.by, burnt.beside
            );
            self.checks.findings.add(&what);
        }
    }

    /// What holds at any time, where it can be read.
    fn look(&mut self) {
        if self.conductor.database_is_away() {
            return;
        }
        let pids = self.conductor.pids();
        tokio::task::block_in_place(|| self.checks.at_any_time(&pids));
    }

    async fn rest(&mut self) {
        let began = Instant::now();
        self.be_quiet(true);
        tokio::task::block_in_place(|| self.conductor.end_all());
        self.conductor.settled().await;
        // From now on all is well.
        self.arrivals.be_quiet(true);
        self.last_words();
        let mut why = self.unrest();
        let mut said = Duration::ZERO;
        let mut moved = (self.checks.standing(), Instant::now());
        while !why.is_empty() && moved.1.elapsed() < LIMIT {
            tokio::time::sleep(LOOK).await;
            self.tend();
            why = self.unrest();
            let (told, left) = self.checks.standing();
            if told > moved.0.0 || left < moved.0.1 {
                moved = ((told, left), Instant::now());
            }
            if let Some(first) = why.first()
                && began.elapsed() > said + SAID_EVERY
            {
                said = began.elapsed();
                self.checks.findings.say(&format!("no rest yet: {first}"));
            }
        }
        let findings = &self.checks.findings;
        if why.is_empty() {
            let took = began.elapsed().as_secs_f64();
            findings.say(&format!("at rest after {took:.1} s"));
        }
        for one in why.iter().take(12) {
            findings.add(&format!("no rest after {LIMIT:?}: {one}"));
        }
        let pids = self.conductor.pids();
        self.checks.at_any_time(&pids);
        self.checks.at_rest();
        self.be_quiet(false);
    }

    /// What keeps things from being at rest; empty: nothing.
    fn unrest(&self) -> Vec<String> {
        let owned: Vec<Owned> = engine::rows(
            DATABASE,
            "SELECT n.id AS node, count(*) AS accounts FROM accounts a LEFT JOIN account_leases l ON l.account_no = a.no \
             LEFT JOIN nodes n ON n.id = l.owner WHERE a.removed_at IS NULL GROUP BY n.id",
        );
        let all: i64 = owned.iter().map(|one| one.accounts).sum();
        let nodes = self.conductor.nodes.len();
        let (least, most) = (all as usize / nodes, (all as usize).div_ceil(nodes));
        let fair = |one: &Owned| (least..=most).contains(&(one.accounts as usize));
        let fair = owned.iter().all(fair);
        if owned.iter().any(|one| one.node.is_none()) || owned.len() != nodes || !fair {
            return vec![format!("accounts are not shared: {owned:?}")];
        }
        let arriving = self.arrivals.under_way();
        if !arriving.is_empty() {
            return arriving;
        }
        let mut why = self.checks.unrest();
        let calls = count(&self.checks.file, "SELECT count(*) AS n FROM node_calls");
        if calls > 0 {
            why.push(format!("{calls} calls are under way"));
        }
        why
    }

    fn panics(&self) {
        for node in &self.conductor.nodes {
            let log = node.log();
            let lines = log.lines().filter(|line| {
                line.contains("panicked at") && !is_known_panic(line)
                    || line.contains("which is not in the description")
            });
            for line in lines.take(5) {
                let number = node.number;
                self.checks.findings.add(&format!("node {number}: {line}"));
            }
        }
    }

    fn summary(&self, args: &Args) {
        let (findings, facts) = (&self.checks.findings, self.checks.facts.all());
        let said = self.talk.said.load(Ordering::Acquire);
        let orders = self.programs.orders().len();
        let rows = count(&self.checks.file, "SELECT count(*) AS n FROM messages");
        let events = count(&self.checks.file, "SELECT count(*) AS n FROM event_log");
        findings.say(&format!(
            "{said} messages were said, {orders} orders placed; {rows} rows, {events} events"
        ));
        for (fact, times) in &facts {
            println!("  {times:>7}  {fact}");
            if *times == 0
                && (fact.ends_with(" struck") || fact == SLEEPER_ENDED)
                && args.minutes >= LONG_RUN
                && args.only.is_empty()
            {
                findings.add(&format!("it never happened that {fact}"));
            }
        }
        let verdict = match findings.count() {
            0 => "nothing was lost, doubled, untold or stale".to_owned(),
            count => format!("{count} discrepancies"),
        };
        findings.say(&verdict);
    }
}
