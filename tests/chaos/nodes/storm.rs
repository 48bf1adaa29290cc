//! Storm: what goes wrong at its time, the looks in between, and the rests at which everything has to be there.

use std::{
    collections::HashMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde::Deserialize;
use switchboard_simulator::{port::KeyId, world::World};

use super::{
    super::{
        Args,
        check::{Checks, count},
        desk::Programs,
        facts::LONG_RUN,
        hooks::Manners,
        run::{BAD, is_known_panic},
        talk::Talk,
        town::Seat,
    },
    DATABASE,
    arrivals::Arrivals,
    plan::Plan,
    strike::{Conductor, SLEEPER_ENDED},
};
use crate::support::{engine, wait};

/// Leases of the dead are over by then, and what waited for them is done.
const LIMIT: Duration = Duration::from_secs(150);
const LOOK: Duration = Duration::from_millis(400);
const SAID_EVERY: Duration = Duration::from_secs(10);

#[derive(Deserialize, Debug)]
struct Owned {
    node: Option<String>,
    accounts: i64,
}

/// One run: what goes wrong, and when it is looked whether all is well.
pub struct Storm {
    pub conductor: Conductor,
    pub checks: Checks,
    pub talk: Talk,
    pub programs: Programs,
    pub arrivals: Arrivals,
    pub bad_hook: Manners,
    pub seats: Vec<Seat>,
    pub words: u64,
    /// Whose it was, by the account's number at Telegram: of a burnt one it is not known any more.
    pub keys: HashMap<KeyId, i64>,
}

enum Moment {
    Begin(usize),
    End(usize),
    Look,
    Rest,
}

impl Storm {
    pub fn be_quiet(&self, quiet: bool) {
        self.talk.quiet.store(quiet, Ordering::Release);
        self.programs.quiet.store(quiet, Ordering::Release);
        self.arrivals.be_quiet(quiet);
        self.bad_hook.set(if quiet { 0 } else { BAD });
    }

    pub async fn first_words(&self) {
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

    pub async fn play(&mut self, plan: &Plan, rest_every: f64) {
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

    pub fn panics(&self) {
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

    pub fn summary(&self, args: &Args) {
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
