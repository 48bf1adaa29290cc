//! Strike: does to nodes and to their database what the plan says, takes it back, and looks after the nodes as a system does that starts
//! what has ended.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_simulator::Simulator;
use tokio::task::JoinHandle;

use super::{
    super::{
        at_telegram::{AtTelegram, Set, is_act},
        door::Door,
        facts::Facts,
        findings::Findings,
        guest,
    },
    node::Node,
    plan::{Kind, Plan, Strike},
    road::{Road, Way},
};
use crate::support::replicas::Replicas;

/// A hand-over may take so long, the moments in which nothing is known of it included.
const HANDED_OVER: Duration = Duration::from_secs(5);
/// One that was stopped had ended before it was woken: it would have spoken with sessions that are another node's by then.
pub const SLEEPER_ENDED: &str = "a sleeper was ended by the kernel";
/// Wrong by days, or by just so much that a lease seems to be over.
const CLOCKS: [i64; 6] = [70, -70, 400, -400, 90_000, -90_000];

/// Which one of a node's is shut.
fn road(node: &Node, kind: Kind) -> &Road {
    match kind {
        Kind::CutOffFromTelegram | Kind::UnheardByTelegram => &node.relay.road,
        _ => &node.link.road,
    }
}

pub struct Conductor {
    pub nodes: Vec<Node>,
    replicas: Replicas,
    there: AtTelegram,
    findings: Findings,
    facts: Facts,
    standing: BTreeMap<usize, Strike>,
    /// Of those, what stands at Telegram.
    set: BTreeMap<usize, Set>,
    guests: Vec<JoinHandle<()>>,
    /// What is being asked about each node.
    drains: BTreeMap<usize, JoinHandle<()>>,
}

impl Conductor {
    pub fn new(
        nodes: Vec<Node>,
        replicas: Replicas,
        (telegram, users): (Simulator, Vec<i64>),
        (findings, facts): (&Findings, &Facts),
        plan: &Plan,
    ) -> Self {
        facts.expect(SLEEPER_ENDED);
        for strike in &plan.strikes {
            facts.expect(&format!("{:?} struck", strike.kind));
        }
        Self {
            nodes,
            replicas,
            there: AtTelegram {
                telegram,
                users,
                // What of it met nobody is no matter among so many.
                facts: Facts::default(),
            },
            findings: findings.clone(),
            facts: facts.clone(),
            standing: BTreeMap::new(),
            set: BTreeMap::new(),
            guests: Vec::new(),
            drains: BTreeMap::new(),
        }
    }

    /// Whatever has ended is started again.
    pub fn tend(&mut self) {
        for node in &mut self.nodes {
            // Nothing but SIGKILL ends a stopped process, and we send none to those.
            let slept = node.sleeps();
            if node.tend() {
                if slept {
                    self.facts.once(SLEEPER_ENDED);
                }
                self.facts
                    .once("a node had ended by itself and was started again");
            }
        }
    }

    pub fn begin(&mut self, number: usize, strike: &Strike) {
        self.findings.say(&strike.to_string());
        match &strike.there {
            Some(there) if is_act(there.kind) => self.there.act(there),
            Some(there) => {
                let set = self.there.set(there);
                self.set.insert(number, set);
            }
            None => self.strike(strike),
        }
        if strike.lasts.is_zero() {
            self.struck(strike.kind);
        } else {
            self.standing.insert(number, strike.clone());
        }
    }

    fn struck(&self, kind: Kind) {
        self.facts.once(&format!("{kind:?} struck"));
    }

    fn strike(&mut self, strike: &Strike) {
        use Kind as K;
        let clock = CLOCKS[strike.dice as usize % CLOCKS.len()];
        let node = &mut self.nodes[strike.node];
        match strike.kind {
            K::Killed => node.kill(),
            K::Terminated => self.terminate(strike.node),
            K::Stopped | K::StoppedForLong => node.stop(),
            K::CutOff | K::CutOffForLong | K::CutOffFromTelegram => {
                road(node, strike.kind).shut(Way::Refused);
            }
            K::Unheard | K::UnheardForLong | K::UnheardByTelegram => {
                road(node, strike.kind).shut(Way::Silent);
            }
            K::Drained => self.drain(strike.node, true),
            K::ClockOff => node.clock.set_clock(clock),
            K::DatabaseRestarted => self.replicas.restart(),
            K::DatabaseCrashed => self.replicas.crash(),
            K::DatabaseAway | K::DatabaseAwayForLong => self.replicas.kill(),
            K::FailedOver => self.replicas.fail_over(),
            K::FailedOverInTime => {
                self.replicas.set_clock_of_follower(clock);
                self.replicas.fail_over();
            }
            K::DatabaseClockOff => self.replicas.set_clock(clock),
            K::LinesCut => {
                let users = &self.there.users;
                let user = users[strike.dice as usize % users.len()];
                self.there.telegram.cut(user);
            }
            K::TokenRevoked => self.invite(strike),
            K::AtTelegram => {}
        }
    }

    pub fn end(&mut self, number: usize) {
        let Some(strike) = self.standing.remove(&number) else {
            return;
        };
        use Kind as K;
        let node = &mut self.nodes[strike.node];
        match strike.kind {
            K::Killed | K::Terminated => node.start(),
            K::Stopped | K::StoppedForLong => node.go_on(),
            K::CutOff
            | K::CutOffForLong
            | K::Unheard
            | K::UnheardForLong
            | K::CutOffFromTelegram
            | K::UnheardByTelegram => {
                if road(node, strike.kind).open_again() == 0 {
                    return;
                }
            }
            K::Drained => self.drain(strike.node, false),
            K::ClockOff => node.clock.set_clock(0),
            K::DatabaseAway | K::DatabaseAwayForLong => self.replicas.up_again(),
            K::FailedOver | K::FailedOverInTime => self.replicas.follow(),
            K::DatabaseClockOff => self.replicas.set_clock(0),
            K::AtTelegram => {
                if let Some(set) = self.set.remove(&number) {
                    self.there.clear(set);
                }
            }
            K::DatabaseRestarted | K::DatabaseCrashed | K::LinesCut | K::TokenRevoked => {}
        }
        self.struck(strike.kind);
    }

    /// Everything that stands is taken back.
    pub fn end_all(&mut self) {
        let numbers: Vec<usize> = self.standing.keys().copied().collect();
        for number in numbers {
            self.end(number);
        }
        for node in &mut self.nodes {
            node.all_is_well();
        }
    }

    /// Somebody who is shown out again, each time from another node on.
    fn invite(&mut self, strike: &Strike) {
        let mut doors: Vec<Door> = self.nodes.iter().map(Node::door).collect();
        let first = strike.dice as usize % doors.len();
        doors.rotate_left(first);
        let both = (self.findings.clone(), self.facts.clone());
        let visit = guest::visit(doors, strike.lasts, both.0, both.1);
        self.guests.push(tokio::spawn(visit));
    }

    fn terminate(&mut self, number: usize) {
        // The database may be away, too.
        let alone = self
            .standing
            .values()
            .all(|other| !other.kind.is_of_the_database() && other.node != number);
        match self.nodes[number].terminate() {
            Some(Ok(took)) => {
                self.facts.once("a node handed its accounts over and ended");
                if alone && took > HANDED_OVER {
                    self.findings
                        .add(&format!("node {number} took {took:?} to end"));
                }
            }
            Some(Err(what)) => self.findings.add(&format!("node {number}: {what}")),
            None => {}
        }
    }

    /// Asked of a node that answers, about this one.
    fn drain(&mut self, number: usize, drain: bool) {
        let doors: Vec<_> = self.nodes.iter().map(Node::door).collect();
        let (findings, facts) = (self.findings.clone(), self.facts.clone());
        let address = doors[number].address.clone();
        let asking = tokio::spawn(async move {
            let began = Instant::now();
            for attempt in 0_usize.. {
                tokio::time::sleep(Duration::from_millis(300)).await;
                if began.elapsed() > Duration::from_secs(100) {
                    findings.add(&format!(
                        "node {number} could not be told to drain: {drain}"
                    ));
                    return;
                }
                let door = &doors[attempt % doors.len()];
                let client = door.client_within(Duration::from_secs(5));
                let Ok(answer) = client.get(door.url("/nodes")).send().await else {
                    continue;
                };
                let Ok(told) = answer.json::<Value>().await else {
                    continue;
                };
                let nodes = told["nodes"].as_array().cloned().unwrap_or_default();
                let of = |node: &&Value| {
                    node["address"]
                        .as_str()
                        .is_some_and(|one| one.ends_with(&address))
                };
                let Some(id) = nodes.iter().find(of).and_then(|node| node["id"].as_str()) else {
                    continue;
                };
                let url = door.url(&format!("/nodes/{id}/drain"));
                let asked = client
                    .request(Method::POST, url)
                    .json(&json!({ "draining": drain }))
                    .send();
                if asked.await.is_ok_and(|answer| answer.status().is_success()) {
                    facts.once("a node was drained, or took part again");
                    return;
                }
            }
        });
        if let Some(before) = self.drains.insert(number, asking) {
            before.abort();
        }
    }

    /// Its rows can't be read.
    pub fn database_is_away(&self) -> bool {
        let away =
            |strike: &Strike| matches!(strike.kind, Kind::DatabaseAway | Kind::DatabaseAwayForLong);
        self.standing.values().any(away)
    }

    /// Everything that is in the database, as text.
    pub fn dump(&self) -> String {
        self.replicas.dump()
    }

    pub fn pids(&mut self) -> Vec<u32> {
        self.nodes.iter_mut().filter_map(Node::pid).collect()
    }

    /// What was begun beside it is through.
    pub async fn settled(&mut self) {
        for (_, asking) in std::mem::take(&mut self.drains) {
            let _ = asking.await;
        }
        for guest in self.guests.drain(..) {
            let _ = guest.await;
        }
    }
}
