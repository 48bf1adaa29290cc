//! Burst: 300,000 messages pushed at once over three accounts. What the service can't store yet is left to Telegram, so
//! its memory stays bounded, and is given back afterwards.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{numbered, people, processor, resident};
use crate::support::fleet::Fleet;

const ACCOUNTS: usize = 3;
const PEOPLE: usize = 50;
const MESSAGES: usize = 300_000;
/// After which the service has to have given the memory back.
const LATER: Duration = Duration::from_secs(60);
const HIGH_MB: f64 = 200.0;
const TIMES_IDLE: f64 = 1.5;

pub async fn run() {
    println!("burst: {MESSAGES} messages at once over {ACCOUNTS} accounts");
    let fleet = Fleet::builder().accounts(ACCOUNTS).start().await;
    let pid = fleet.service().pid();
    let accounts: Vec<i64> = fleet.accounts.iter().map(|account| account.user).collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = megabytes(pid);
    let (stop, stopped) = watch::channel(false);
    let watching = tokio::spawn(highest(pid, stopped));
    let people = people(&fleet.telegram, PEOPLE);
    let began = (Instant::now(), processor(pid));
    for number in 0..MESSAGES {
        fleet.telegram.say(
            people[number / ACCOUNTS % PEOPLE],
            accounts[number % ACCOUNTS],
            &numbered(number),
        );
    }
    let said = began.0.elapsed();
    while stored(&fleet).await < MESSAGES as i64 {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let took = began.0.elapsed();
    let own = processor(pid) - began.1;
    stop.send_replace(true);
    let high = watching.await.expect("watches to the end");
    let metrics = fleet.api.get("/metrics").await;
    let left = metrics
        .as_str()
        .expect("text")
        .lines()
        .find(|line| line.starts_with("switchboard_left_packets_total"))
        .map_or("?", |line| line.rsplit(' ').next().unwrap_or("?"))
        .to_owned();
    println!(
        "  said in {said:.1?}, all stored after {took:.1?} ({:.0}/s, {:.1} µs of processor time each), {left} packets left to Telegram",
        MESSAGES as f64 / took.as_secs_f64(),
        own.as_secs_f64() * 1e6 / MESSAGES as f64
    );
    tokio::time::sleep(LATER).await;
    let later = megabytes(pid);
    println!(
        "  resident: {idle:.1} MB idle, {high:.1} MB at most, {later:.1} MB a minute later ({:.2} of idle)\n",
        later / idle
    );
    assert_eq!(stored(&fleet).await, MESSAGES as i64, "nothing twice");
    assert!(high <= HIGH_MB, "more than {HIGH_MB} MB");
    assert!(later <= idle * TIMES_IDLE, "memory was not given back");
}

/// Every message that is stored counts as unread.
async fn stored(fleet: &Fleet) -> i64 {
    let accounts = fleet.api.get("/accounts").await;
    let accounts = accounts["accounts"].as_array().expect("a list").clone();
    accounts
        .iter()
        .filter_map(|account| account["unread"].as_i64())
        .sum()
}

fn megabytes(pid: u32) -> f64 {
    resident(pid) as f64 / 1024.0
}

/// The most that was resident at any look.
async fn highest(pid: u32, mut stop: watch::Receiver<bool>) -> f64 {
    let mut high = 0.0_f64;
    loop {
        high = high.max(megabytes(pid));
        let tick = tokio::time::sleep(Duration::from_millis(20));
        tokio::select! {
            _ = stop.changed() => return high,
            () = tick => {}
        }
    }
}
