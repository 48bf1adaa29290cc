//! Run: the ground is laid, the plan is played, everything is looked at, and what came of it is said.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    Args, calm,
    check::{Checks, count},
    desk::Programs,
    door::Door,
    facts::{Facts, LONG_RUN},
    fetch::Fetcher,
    findings::Findings,
    hooks::Hook,
    listen,
    nurse::Nurse,
    plan::Plan,
    proxy::Proxy,
    strike::{Beside, Conductor},
    talk::Talk,
    town::{Seat, Town},
};
use crate::{
    postgrest::{Project, SECRET_KEY},
    support::{fleet::Fleet, oracle::File, tokens, wait},
};

/// Of a hundred posts, those that the bad receiver does not simply take.
pub const BAD: u32 = 35;
const BEHIND_THE_PROXY: usize = 3;

/// What goes on while the plan is played.
pub struct Storm {
    pub conductor: Conductor,
    pub findings: Findings,
    talk: Talk,
    programs: Programs,
    bad_hook: super::hooks::Manners,
    seats: Vec<Seat>,
    words: u64,
}

impl Storm {
    pub fn be_quiet(&self, quiet: bool) {
        self.talk.quiet.store(quiet, Ordering::Release);
        self.programs.quiet.store(quiet, Ordering::Release);
        self.bad_hook.set(if quiet { 0 } else { BAD });
    }

    pub fn last_words(&mut self) {
        self.words += 1;
        for (at, seat) in self.seats.iter().enumerate() {
            let text = format!("last words {} of {at}", self.words);
            let telegram = &self.conductor.fleet.telegram;
            telegram.say(seat.who, seat.chat_now(telegram), &text);
        }
    }
}

/// What happens at a moment of the plan.
enum Moment {
    Begin(usize),
    End(usize),
    Look,
    Rest,
}

fn timeline(plan: &Plan, rest_every: f64) -> Vec<(Duration, Moment)> {
    let mut all = Vec::new();
    for (number, strike) in plan.strikes.iter().enumerate() {
        all.push((strike.at, Moment::Begin(number)));
        if !strike.lasts.is_zero() {
            all.push((strike.at + strike.lasts, Moment::End(number)));
        }
    }
    let minute = Duration::from_secs(60);
    let every = minute.mul_f64(rest_every.max(0.1));
    let looks = (1_u32..)
        .map(|number| minute * number)
        .take_while(|at| *at < plan.length);
    all.extend(looks.map(|at| (at, Moment::Look)));
    let rests = (1_u32..)
        .map(|number| every * number)
        .take_while(|at| *at < plan.length);
    all.extend(rests.map(|at| (at, Moment::Rest)));
    all.retain(|(at, _)| *at < plan.length);
    all.push((plan.length, Moment::Rest));
    all.sort_by_key(|(at, _)| *at);
    all
}

/// Plays the plan; true: nothing was found.
pub async fn run(args: &Args, plan: Plan) -> bool {
    let (findings, facts) = (Findings::new(plan.seed), Facts::default());
    findings.hear_panics();
    findings.say(&format!(
        "seed {}, {} things will go wrong",
        plan.seed,
        plan.strikes.len()
    ));
    let good = Hook::bind("the good webhook", 0).await;
    let bad = Hook::bind("the bad webhook", BAD).await;
    let bad_hook = bad.manners.clone();
    let urls = format!("{},{}", good.url, bad.url);
    let beside = Beside {
        supabase: tokio::task::block_in_place(Project::start),
        proxy: Proxy::start().await,
    };
    let fleet = Fleet::builder()
        .accounts(args.accounts)
        .seed(plan.seed)
        .env("SWITCHBOARD_WEBHOOKS", &urls)
        .env("SWITCHBOARD_WEBHOOK_SECRET", "a-secret-of-both-receivers")
        .env("SUPABASE_URL", beside.supabase.url().as_str())
        .env("SUPABASE_SERVICE_KEY", SECRET_KEY)
        .env("SUPABASE_INTERVAL", "1")
        .off_the_disk()
        .unsteady();
    let hooks = vec![
        good.serve(0, plan.seed, &findings, &facts),
        bad.serve(0, plan.seed, &findings, &facts),
    ];
    let fleet = fleet.start().await;
    go_through(&fleet, &beside.proxy).await;
    let token = tokens::create(&fleet.data_dir(), "programs", "admin");
    let door = Door::new(fleet.address(), &token);
    let accounts = fleet.accounts.clone();
    let telegram = fleet.telegram.clone();
    let file = Arc::new(File::of(&fleet));
    let now = count(&file, "SELECT coalesce(max(seq), 0) AS n FROM event_log");
    let one = std::slice::from_ref(&door);
    let sockets = vec![
        listen::socket(("the WebSocket", one), now, &findings, &facts),
        listen::poll(("GET /events", one), now, &findings, &facts),
    ];
    let town = Town::build(&fleet);
    let both = (&findings, &facts);
    let programs = Programs::start(
        one,
        &accounts,
        Arc::clone(&file),
        &town.desks,
        both,
        (plan.seed, true),
    );
    let nurse = Nurse::start(&door, &telegram, &accounts, &findings, &facts);
    let talk = Talk::default();
    talk.quiet.store(true, Ordering::Release);
    programs.quiet.store(true, Ordering::Release);
    let fetcher = Fetcher {
        door: door.clone(),
        telegram: telegram.clone(),
        accounts: accounts.clone(),
        file: Arc::clone(&file),
        findings: findings.clone(),
        facts: facts.clone(),
        over: Arc::clone(&talk.over),
    };
    fetcher.start(plan.seed);
    let users = accounts.iter().map(|account| account.user).collect();
    talk.start(telegram.clone(), &town.seats, users, args.rate, plan.seed);
    let conductor = Conductor::new(
        fleet,
        (door, beside),
        (Arc::clone(&file), nurse),
        both,
        &plan,
    );
    let checks = Checks {
        telegram,
        forgotten: conductor.forgotten(),
        accounts,
        file: Arc::clone(&file),
        sockets,
        hooks,
        programs: programs.clone(),
        findings: findings.clone(),
        facts: facts.clone(),
    };
    // What begins while an account is away is another matter: at first everybody knows every chat.
    first_words(&checks, &town.seats).await;
    let mut storm = Storm {
        conductor,
        findings: findings.clone(),
        talk: talk.clone(),
        programs: programs.clone(),
        bad_hook,
        seats: town.seats,
        words: 0,
    };
    storm.be_quiet(false);
    play(&mut storm, &checks, &plan, args.rest_every).await;
    talk.over.store(true, Ordering::Release);
    programs.over.store(true, Ordering::Release);
    panics(&storm.conductor, &facts);
    summary(args, &checks, talk.said.load(Ordering::Acquire));
    if findings.count() > 0
        && let Some(keep) = &args.keep
    {
        keep_files(&storm.conductor.fleet.data_dir(), keep);
    }
    findings.count() == 0
}

/// Of one the library below is to blame: it takes a message of another session for a reason to panic. The account's line goes by
/// it, and nothing else.
fn panics(conductor: &Conductor, facts: &Facts) {
    let log = conductor.fleet.service().log();
    let (known, own): (Vec<&str>, Vec<&str>) = log
        .lines()
        .filter(|line| line.contains("panicked at"))
        .partition(|line| is_known_panic(line));
    for line in own.iter().take(5) {
        conductor.findings.add(&format!("the service: {line}"));
    }
    facts.add("the library below panicked", known.len() as u64);
    conductor.fleet.expect_panic();
}

pub fn is_known_panic(line: &str) -> bool {
    line.contains("grammers-mtproto") && line.ends_with("wrong session id")
}

/// Some accounts have no other way out.
async fn go_through(fleet: &Fleet, proxy: &Proxy) {
    for account in fleet.accounts.iter().take(BEHIND_THE_PROXY) {
        let path = format!("/accounts/{}", account.id);
        let body = serde_json::json!({ "proxies": [proxy.url] });
        let (status, answer) = fleet
            .api
            .call(reqwest::Method::PATCH, &path, Some(body))
            .await;
        assert!(status.is_success(), "{answer}");
    }
    for account in fleet.accounts.iter().take(BEHIND_THE_PROXY) {
        fleet.wait_for_state(&account.id, "online").await;
    }
}

/// Something is said in every chat, and everybody has it.
async fn first_words(checks: &Checks, seats: &[Seat]) {
    for seat in seats {
        checks.telegram.say(seat.who, seat.chat, "first words");
    }
    let look = || async { checks.unfaithful() };
    wait::until("the first words to be stored", look, Vec::is_empty).await;
}

async fn play(storm: &mut Storm, checks: &Checks, plan: &Plan, rest_every: f64) {
    let mut began = Instant::now();
    for (at, moment) in timeline(plan, rest_every) {
        tokio::time::sleep_until((began + at).into()).await;
        match moment {
            Moment::Begin(number) => storm.conductor.begin(number, &plan.strikes[number]),
            Moment::End(number) => storm.conductor.end(number),
            Moment::Look => {
                let pid = storm.conductor.fleet.service().pid();
                tokio::task::block_in_place(|| checks.at_any_time(&[pid]));
            }
            Moment::Rest => {
                let rest = Instant::now();
                calm::rest(storm, checks).await;
                // The plan's clock stands still meanwhile.
                began += rest.elapsed();
            }
        }
    }
}

/// What happened, for the eye; a long run has to have seen everything.
fn summary(args: &Args, checks: &Checks, said: u64) {
    let (findings, facts) = (&checks.findings, checks.facts.all());
    let orders = checks.programs.orders().len();
    let rows = count(&checks.file, "SELECT count(*) AS n FROM messages");
    let events = count(&checks.file, "SELECT count(*) AS n FROM event_log");
    findings.say(&format!(
        "{said} messages were said, {orders} orders placed; {rows} rows, {events} events"
    ));
    for (fact, times) in &facts {
        println!("  {times:>7}  {fact}");
        if *times == 0
            && args.minutes >= LONG_RUN
            && args.only.is_empty()
            && !fact.starts_with("a start was refused")
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

fn keep_files(data_dir: &Path, keep: &Path) {
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(data_dir)
        .arg(keep)
        .status();
    let log = std::fs::copy(data_dir.with_extension("log"), keep.with_extension("log"));
    if !copied.is_ok_and(|status| status.success()) || log.is_err() {
        eprintln!("chaos: the files could not be kept");
    }
}
