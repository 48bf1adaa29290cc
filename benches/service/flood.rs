//! Flood: as many messages as the service takes, three accounts, one dashboard that reads along.

use std::time::{Duration, Instant};

use switchboard_simulator::Simulator;
use tokio::sync::watch;

use super::{Reader, bare_accounts, numbered, people, processor, resident, seconds};
use crate::support::fleet::Fleet;

const ACCOUNTS: usize = 3;
const PEOPLE: usize = 50;
/// Said but not read yet at most.
const AHEAD: u64 = 6_000;
const STRETCHES: u32 = 6;

pub async fn run() {
    let length = seconds(60);
    println!("flood: {ACCOUNTS} accounts, {PEOPLE} people write to each, {length:?}");
    let sink = bare_grammers(length / 6).await;
    println!("{:<52} {sink:>9.0}/s", "bare grammers, reads and forgets");
    let service = service(length).await;
    println!(
        "{:<52} {service:>9.0}/s  {:.2} of it\n",
        "service, committed and on the WebSocket",
        service / sink
    );
}

/// Says messages, never more than [`AHEAD`] before the reader, until the time is over; how many.
async fn say(
    telegram: &Simulator,
    accounts: &[i64],
    mut read: watch::Receiver<u64>,
    length: Duration,
) -> u64 {
    let people = people(telegram, PEOPLE);
    let start = Instant::now();
    let mut said = 0_u64;
    while start.elapsed() < length {
        while said < *read.borrow_and_update() + AHEAD {
            let number = said as usize;
            telegram.say(
                people[number / ACCOUNTS % PEOPLE],
                accounts[number % ACCOUNTS],
                &numbered(number),
            );
            said += 1;
            if said.is_multiple_of(64) {
                tokio::task::yield_now().await;
            }
        }
        read.changed().await.expect("the reader lives");
    }
    said
}

async fn service(length: Duration) -> f64 {
    let fleet = Fleet::builder().accounts(ACCOUNTS).start().await;
    let accounts: Vec<i64> = fleet.accounts.iter().map(|account| account.user).collect();
    let pid = fleet.service().pid();
    let reader = Reader::open(fleet.address()).await;
    let (count, read) = watch::channel(0);
    let (tell_said, said) = watch::channel(u64::MAX);
    let reading = tokio::spawn(async move { reader.count(count, || *said.borrow()).await });
    let watching = tokio::spawn(stretches(pid, read.clone(), length));
    let began = (Instant::now(), processor(pid));
    let number = say(&fleet.telegram, &accounts, read.clone(), length).await;
    tell_said.send_replace(number);
    if *read.borrow() < number {
        reading.await.expect("reads to the end");
    }
    let took = began.0.elapsed();
    watching.await.expect("watches to the end");
    let own = processor(pid) - began.1;
    println!(
        "  {number} messages in {took:.1?}, {:.1} µs of the service's processor time each",
        own.as_secs_f64() * 1e6 / number as f64
    );
    compare(&fleet, number).await;
    number as f64 / took.as_secs_f64()
}

/// Every message that was said is stored, once.
async fn compare(fleet: &Fleet, said: u64) {
    let conversations = fleet.api.conversations().await;
    let unread: i64 = conversations
        .iter()
        .filter_map(|one| one["unread"].as_i64())
        .sum();
    assert_eq!(unread, said as i64, "said and unread");
}

/// Rate and memory as the time goes by: the one shall not fall, the other not rise.
async fn stretches(pid: u32, read: watch::Receiver<u64>, length: Duration) {
    let mut before = 0;
    for stretch in 1..=STRETCHES {
        let began = Instant::now();
        tokio::time::sleep(length / STRETCHES).await;
        let now = *read.borrow();
        println!(
            "  stretch {stretch}: {:>7.0}/s, service holds {:>6.1} MB",
            (now - before) as f64 / began.elapsed().as_secs_f64(),
            resident(pid) as f64 / 1024.0
        );
        before = now;
    }
}

/// The floor of everything on grammers: the same messages, read and thrown away.
async fn bare_grammers(length: Duration) -> f64 {
    let telegram = Simulator::builder()
        .seed(1)
        .start()
        .await
        .expect("a simulator");
    let (count, read) = watch::channel(0_u64);
    let accounts = bare_accounts(&telegram, ACCOUNTS, move |_| {
        count.send_modify(|count| *count += 1);
    })
    .await;
    let began = Instant::now();
    let said = say(&telegram, &accounts, read.clone(), length).await;
    let mut read = read;
    read.wait_for(|read| *read >= said)
        .await
        .expect("the readers live");
    let rate = said as f64 / began.elapsed().as_secs_f64();
    telegram.shutdown().await;
    rate
}
