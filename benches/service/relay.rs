//! Relay: what an account's way through a proxy on the same machine costs, beside the direct way: rate, latency and memory.
//!
//! The proxy is `microsocks`, in a process of its own; the rounds alternate, so that what else the machine does meets both.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{
    Reader, fill, flood, memory::settled, number_in, numbered, paced, people, percentile, seconds,
    told,
};
use crate::support::{
    fleet::{Fleet, FleetBuilder},
    proxies::{Kind, Proxy},
};

const ACCOUNTS: usize = 3;
const ROUNDS: usize = 3;
/// Before and after, for the memory of one.
const IDLE: [usize; 2] = [200, 1_000];

/// What is asked of the relay.
const LEAST_RATE: f64 = 0.8;
const MOST_MILLIS: f64 = 0.3;
const MOST_KIB: f64 = 20.0;
const MOST_SECONDS: f64 = 10.0;

fn fleet(proxy: Option<&Proxy>) -> FleetBuilder {
    let builder = Fleet::builder();
    match proxy {
        Some(proxy) => builder.arg("--proxy").arg(&proxy.url),
        None => builder,
    }
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "DOES NOT HOLD" }
}

pub async fn run() {
    let length = seconds(4);
    println!(
        "relay: directly and through microsocks on this machine, {ROUNDS} rounds of {length:?}"
    );
    let proxy = Proxy::start(Kind::Microsocks { login: false }, &[]).await;
    let ways = [None, Some(&proxy)];
    let mut rates = [Vec::new(), Vec::new()];
    let mut delays = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (place, way) in ways.into_iter().enumerate() {
            rates[place].push(rate(way, length).await);
            delays[place].extend(latency(way, length).await);
        }
    }
    let [direct, relayed] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[ROUNDS / 2]
    });
    let share = relayed / direct;
    println!(
        "messages a second, median: {direct:.0} directly, {relayed:.0} through the relay: {share:.2} of it (at least {LEAST_RATE}: {})",
        verdict(share >= LEAST_RATE)
    );
    told("50 a second, directly", &mut delays[0]);
    told("50 a second, through the relay", &mut delays[1]);
    let [direct, relayed] = delays.map(|mut times| percentile(&mut times, 0.5));
    let more = relayed - direct;
    println!(
        "{more:+.2} ms at the median (at most {MOST_MILLIS}: {})",
        verdict(more <= MOST_MILLIS)
    );
    let direct = each_idle(None).await;
    let relayed = each_idle(Some(&proxy)).await;
    let more = relayed - direct;
    println!(
        "an idle account: {direct:.1} KiB directly, {relayed:.1} KiB through the relay: {more:+.1} KiB (at most {MOST_KIB}: {})",
        verdict(more <= MOST_KIB)
    );
    let took = fail_over().await.as_secs_f64();
    println!(
        "the first exit ended: a message came by the second one after {took:.1} s (at most {MOST_SECONDS}: {})",
        verdict(took <= MOST_SECONDS)
    );
    println!();
}

async fn rate(way: Option<&Proxy>, length: Duration) -> f64 {
    let fleet = fleet(way).accounts(ACCOUNTS).start().await;
    let accounts: Vec<i64> = fleet.accounts.iter().map(|account| account.user).collect();
    let reader = Reader::open(fleet.address()).await;
    let (count, read) = watch::channel(0);
    let (tell_said, said) = watch::channel(u64::MAX);
    let reading = tokio::spawn(async move { reader.count(count, || *said.borrow()).await });
    let began = Instant::now();
    let number = flood::say(
        flood::Kind::Plain,
        &fleet.telegram,
        &accounts,
        read.clone(),
        length,
    )
    .await;
    tell_said.send_replace(number);
    if *read.borrow() < number {
        reading.await.expect("reads to the end");
    }
    number as f64 / began.elapsed().as_secs_f64()
}

async fn latency(way: Option<&Proxy>, length: Duration) -> Vec<Duration> {
    let fleet = fleet(way).accounts(ACCOUNTS).start().await;
    let users: Vec<i64> = fleet.accounts.iter().map(|account| account.user).collect();
    paced::through(&fleet, &users, length).await
}

/// From the first exit's end until a message comes by the second one.
async fn fail_over() -> Duration {
    let first = Proxy::start(Kind::Microsocks { login: false }, &[]).await;
    let second = Proxy::start(Kind::Microsocks { login: false }, &[]).await;
    let fleet = fleet(Some(&first)).arg("--proxy").arg(&second.url);
    let fleet = fleet.accounts(1).start().await;
    let user = fleet.accounts[0].user;
    let person = people(&fleet.telegram, 1)[0];
    let mut reader = Reader::open(fleet.address()).await;
    fleet.telegram.say(person, user, &numbered(0));
    reader.message().await;
    let began = Instant::now();
    drop(first);
    fleet.telegram.say(person, user, &numbered(1));
    while number_in(&reader.message().await) != Some(1) {}
    began.elapsed()
}

/// Of the service; the proxy has its own.
async fn each_idle(way: Option<&Proxy>) -> f64 {
    let mut fleet = fleet(way).start().await;
    let mut held = Vec::new();
    for count in IDLE {
        fill(&mut fleet, count).await;
        held.push(settled(&fleet).await);
    }
    (held[1] - held[0]) * 1024.0 / (IDLE[1] - IDLE[0]) as f64
}
