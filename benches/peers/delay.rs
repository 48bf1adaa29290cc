//! Delay: a hundred messages a second, from being said to being heard; of the services after a durable commit.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{
    Size,
    contestant::{Contestant, Kind},
    report::{Goal, Report},
};
use crate::parts::{at, numbered, people, percentile};

const ACCOUNTS: usize = 3;
const GAP: Duration = Duration::from_millis(10);

pub async fn run(size: Size, report: &mut Report) {
    let length = Duration::from_secs(size.seconds);
    println!("delay: 100 messages a second to {ACCOUNTS} accounts, {length:?}");
    let (mut half, mut most) = (Vec::new(), Vec::new());
    for kind in Kind::ALL_AND_EVENTS {
        let mut delays = delays(kind, length).await;
        half.push((kind, percentile(&mut delays, 0.5)));
        most.push((kind, percentile(&mut delays, 0.99)));
    }
    report.add("delay, p50", "ms", half, Goal::Share(1.0));
    report.add("delay, p99", "ms", most, Goal::Share(1.0));
}

async fn delays(kind: Kind, length: Duration) -> Vec<Duration> {
    let mut contestant = Contestant::start(kind, ACCOUNTS).await;
    let mut ear = contestant.listen().await;
    let people = people(contestant.telegram(), 10);
    let start = Instant::now() + GAP;
    let mut said = Vec::new();
    loop {
        let number = said.len();
        let moment = start + GAP * u32::try_from(number).expect("a few");
        if moment > start + length {
            break;
        }
        at(moment).await;
        said.push(Instant::now());
        let account = contestant.users[number % ACCOUNTS];
        contestant
            .telegram()
            .say(people[number % 10], account, &numbered(number));
    }
    let mut delays = HashMap::new();
    while delays.len() < said.len() {
        let next = tokio::time::timeout(Duration::from_secs(60), ear.heard.recv()).await;
        let Ok(Some(heard)) = next else {
            panic!(
                "{}: {} of {} were heard",
                kind.name(),
                delays.len(),
                said.len()
            );
        };
        let before = delays.insert(heard.number, heard.at - said[heard.number]);
        assert!(before.is_none(), "message {} came twice", heard.number);
    }
    drop(ear);
    contestant.end().await;
    delays.into_values().collect()
}
