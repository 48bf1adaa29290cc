//! Sustained: as many messages as each takes, three accounts, one dashboard that reads along.

use std::time::{Duration, Instant};

use super::{
    Size,
    contestant::{Contestant, Kind},
    report::{Goal, Report},
};
use crate::parts::{numbered, people, processor};

const ACCOUNTS: usize = 3;
const PEOPLE: usize = 50;
/// Said but not heard yet at most.
const AHEAD: usize = 6_000;

pub async fn run(size: Size, report: &mut Report) {
    let length = Duration::from_secs(size.seconds);
    println!("sustained: {ACCOUNTS} accounts, {PEOPLE} people write to each, {length:?}");
    let mut values = Vec::new();
    let mut costs = Vec::new();
    for kind in Kind::ALL_AND_EVENTS {
        let (rate, micros) = sustained(kind, length).await;
        values.push((kind, rate));
        costs.push((kind, micros));
    }
    report.add("sustained", "msg/s", values, Goal::Times(8.0));
    report.add("processor time of a message", "µs", costs, Goal::None);
}

/// Messages a second, and microseconds of processor time for each.
async fn sustained(kind: Kind, length: Duration) -> (f64, f64) {
    let mut contestant = Contestant::start(kind, ACCOUNTS).await;
    let mut ear = contestant.listen().await;
    let people = people(contestant.telegram(), PEOPLE);
    let before = processor(contestant.pid());
    let began = Instant::now();
    let (mut said, mut heard) = (0, 0);
    while began.elapsed() < length {
        while said < heard + AHEAD {
            contestant.telegram().say(
                people[said / ACCOUNTS % PEOPLE],
                contestant.users[said % ACCOUNTS],
                &numbered(said),
            );
            said += 1;
            if said.is_multiple_of(64) {
                tokio::task::yield_now().await;
            }
        }
        ear.heard.recv().await.expect("it listens");
        heard += 1;
        while ear.heard.try_recv().is_ok() {
            heard += 1;
        }
    }
    while heard < said {
        let next = tokio::time::timeout(Duration::from_secs(60), ear.heard.recv()).await;
        let Ok(Some(_)) = next else {
            panic!("{}: {heard} of {said} were heard", kind.name());
        };
        heard += 1;
    }
    let took = began.elapsed();
    let own = processor(contestant.pid()) - before;
    drop(ear);
    contestant.end().await;
    let rate = said as f64 / took.as_secs_f64();
    (rate, own.as_secs_f64() * 1e6 / said as f64)
}
