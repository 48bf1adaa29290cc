//! Flood: as many messages as the service takes, three accounts, one dashboard that reads along. Its floor is a bare loop
//! over SQLite that writes the very same rows in as many commits.

use std::time::{Duration, Instant};

use grammers_tl_types::types::MessageEntityBold;
use switchboard_simulator::{
    Simulator,
    world::{Draft, Form, Media},
};
use tokio::sync::watch;

use super::{
    Reader, bare_accounts, numbered, people, processor, ratios::Ratios, replay::replay, resident,
    seconds,
};
use crate::support::fleet::Fleet;

const ACCOUNTS: usize = 3;
const PEOPLE: usize = 50;
/// Said but not read yet at most.
const AHEAD: u64 = 6_000;
const STRETCHES: u32 = 6;

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Plain,
    /// One word in bold.
    Formatted,
    /// A photo with its preview and a caption.
    Pictures,
}

impl Kind {
    const ALL: [(&str, Self); 3] = [
        ("plain", Self::Plain),
        ("formatted", Self::Formatted),
        ("pictures", Self::Pictures),
    ];

    fn say(self, telegram: &Simulator, from: i64, to: i64, number: usize) {
        let text = numbered(number);
        let draft = match self {
            Self::Plain => Draft::text(text),
            Self::Formatted => Draft {
                form: Form {
                    entities: vec![
                        MessageEntityBold {
                            offset: 0,
                            length: 6,
                        }
                        .into(),
                    ],
                    ..Form::default()
                },
                ..Draft::text(text)
            },
            Self::Pictures => Draft {
                media: Some(Media::Photo {
                    width: 1280,
                    height: 960,
                }),
                ..Draft::text(text)
            },
        };
        telegram.post(from, to, draft);
    }
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

pub async fn run(ratios: &mut Ratios) {
    let kinds = std::env::var("SERVICE_BENCH_KINDS").unwrap_or_default();
    let wanted = |name: &str| kinds.is_empty() || kinds.split(',').any(|one| one == name);
    let length = seconds(60);
    println!("flood: {ACCOUNTS} accounts, {PEOPLE} people write to each, {length:?}");
    let mut plain = None;
    for (name, kind) in Kind::ALL.into_iter().filter(|(name, _)| wanted(name)) {
        let sink = bare_grammers(kind, length / 6).await;
        let (service, micros, of_floor) = service(kind, length).await;
        let (rate, cost, bare) = *plain.get_or_insert((service, micros, sink));
        println!(
            "{:<52} {sink:>9.0}/s  of the first kind {:.2}",
            format!("bare grammers, {name}, reads and forgets"),
            sink / bare
        );
        ratios.add(
            &format!("flood, {name}, beside bare grammers"),
            service / sink,
        );
        ratios.add(&format!("flood, {name}, beside bare SQLite"), of_floor);
        println!(
            "{:<52} {service:>9.0}/s  {:.2} of bare grammers; of the first kind {:.2}, by processor time {:.2}; load {}",
            format!("service, {name}, committed and on the WebSocket"),
            service / sink,
            service / rate,
            cost / micros,
            load()
        );
    }
    println!();
}

/// Says messages, never more than [`AHEAD`] before the reader, until the time is over; how many.
pub(super) async fn say(
    kind: Kind,
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
            let from = people[number / ACCOUNTS % PEOPLE];
            kind.say(telegram, from, accounts[number % ACCOUNTS], number);
            said += 1;
            if said.is_multiple_of(64) {
                tokio::task::yield_now().await;
            }
        }
        read.changed().await.expect("the reader lives");
    }
    said
}

/// Messages a second, microseconds of the service's processor time for each, and the rate as a share of bare SQLite's.
async fn service(kind: Kind, length: Duration) -> (f64, f64, f64) {
    let mut fleet = Fleet::builder().accounts(ACCOUNTS).start().await;
    let accounts: Vec<i64> = fleet.accounts.iter().map(|account| account.user).collect();
    let pid = fleet.service().pid();
    let reader = Reader::open(fleet.address()).await;
    let (count, read) = watch::channel(0);
    let (tell_said, said) = watch::channel(u64::MAX);
    let reading = tokio::spawn(async move { reader.count(count, || *said.borrow()).await });
    let watching = tokio::spawn(stretches(pid, read.clone(), length));
    let began = (Instant::now(), processor(pid));
    let commits_before = commits(&fleet).await;
    let number = say(kind, &fleet.telegram, &accounts, read.clone(), length).await;
    tell_said.send_replace(number);
    if *read.borrow() < number {
        reading.await.expect("reads to the end");
    }
    let took = began.0.elapsed();
    watching.await.expect("watches to the end");
    let own = processor(pid) - began.1;
    let micros = own.as_secs_f64() * 1e6 / number as f64;
    let commits = commits(&fleet).await - commits_before;
    println!(
        "  {number} messages in {took:.1?} and {commits} commits, {micros:.1} µs of the service's processor time each"
    );
    compare(&fleet, number).await;
    let rate = number as f64 / took.as_secs_f64();
    let file = fleet.data_dir().join("switchboard.db");
    fleet.stop_service();
    let floor = tokio::task::spawn_blocking(move || replay(&file, commits))
        .await
        .expect("written anew");
    println!(
        "{:<52} {:>9.0}/s  {:.1} µs of processor time each; the service reaches {:.2} of it, load {}",
        "bare SQLite, the same rows in as many commits",
        floor.rate(),
        floor.micros(),
        rate / floor.rate(),
        load()
    );
    (rate, micros, rate / floor.rate())
}

async fn commits(fleet: &Fleet) -> u64 {
    let metrics = fleet.api.get("/metrics").await;
    let text = metrics.as_str().expect("text");
    let line = text
        .lines()
        .find(|line| line.starts_with("switchboard_store_commit_seconds_count"));
    let count = line.and_then(|line| line.rsplit(' ').next());
    count.and_then(|count| count.parse().ok()).expect("a count")
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
async fn bare_grammers(kind: Kind, length: Duration) -> f64 {
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
    let said = say(kind, &telegram, &accounts, read.clone(), length).await;
    let mut read = read;
    read.wait_for(|read| *read >= said)
        .await
        .expect("the readers live");
    let rate = said as f64 / began.elapsed().as_secs_f64();
    telegram.shutdown().await;
    rate
}
