//! Paced: fifty messages a second, and how long each takes from being said to being on the WebSocket, commit included.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use grammers_tl_types::enums;
use switchboard_simulator::{
    Simulator,
    wire::{FaultScope, WireFault},
};
use tokio::sync::mpsc;

use super::{
    Reader, at, bare_accounts, beside::Disk, number_in, numbered, people, percentile,
    ratios::Ratios, seconds, told,
};
use crate::support::fleet::Fleet;

const ACCOUNTS: usize = 3;
const GAP: Duration = Duration::from_millis(20);

pub async fn run(ratios: &mut Ratios) {
    let length = seconds(20);
    println!("paced: 50 messages a second to {ACCOUNTS} accounts, {length:?}");
    let mut bare = bare_grammers(length).await;
    told("bare grammers, said to read", &mut bare);
    told(
        "bare SQLite, one row committed",
        &mut bare_sqlite(length / 4).await,
    );
    let (mut calm, _) = service(length, false).await;
    told("service, said to committed to WebSocket", &mut calm);
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let quicker = percentile(&mut bare, share) / percentile(&mut calm, share);
        ratios.add(
            &format!("paced, {name}, bare grammers' beside ours"),
            quicker,
        );
    }
    let (mut beside, panics) = service(length, true).await;
    let what = format!("the same beside an account that panicked {panics} times");
    told(&what, &mut beside);
    let unmoved = percentile(&mut calm, 0.99) / percentile(&mut beside, 0.99);
    ratios.add(
        "paced, p99 alone beside that next to an account that panics",
        unmoved,
    );
    println!();
}

/// Says one message each [`GAP`]; when each was said.
async fn say(telegram: &Simulator, accounts: &[i64], length: Duration) -> Vec<Instant> {
    let people = people(telegram, 10);
    let start = Instant::now() + GAP;
    let mut said = Vec::new();
    for number in 0.. {
        let moment = start + GAP * number;
        if moment > start + length {
            break;
        }
        at(moment).await;
        let number = number as usize;
        said.push(Instant::now());
        telegram.say(
            people[number % 10],
            accounts[number % ACCOUNTS],
            &numbered(number),
        );
    }
    said
}

/// (number, when it was read)
type Heard = mpsc::UnboundedReceiver<(usize, Instant)>;

async fn delays(said: Vec<Instant>, mut heard: Heard) -> Vec<Duration> {
    let mut delays = HashMap::new();
    while delays.len() < said.len() {
        let (number, when) = heard.recv().await.expect("the reader lives");
        let before = delays.insert(number, when - said[number]);
        assert!(before.is_none(), "message {number} came twice");
    }
    delays.into_values().collect()
}

/// Delays of what is said to [`ACCOUNTS`] accounts of a service, until it is on its WebSocket.
pub(super) async fn through(fleet: &Fleet, users: &[i64], length: Duration) -> Vec<Duration> {
    let mut reader = Reader::open(fleet.address()).await;
    let (tell, heard) = mpsc::unbounded_channel();
    let reading = tokio::spawn(async move {
        loop {
            let frame = reader.message().await;
            let when = Instant::now();
            if let Some(number) = number_in(&frame) {
                let _ = tell.send((number, when));
            }
        }
    });
    let said = say(&fleet.telegram, users, length).await;
    let delays = delays(said, heard).await;
    reading.abort();
    delays
}

/// Delays of all accounts but the first, and how often the first one's connection panicked meanwhile.
async fn service(length: Duration, panics: bool) -> (Vec<Duration>, usize) {
    let fleet = Fleet::builder().accounts(ACCOUNTS + 1).start().await;
    let users: Vec<i64> = fleet.accounts.iter().map(|account| account.user).collect();
    let trouble = panics.then(|| tokio::spawn(bring_down(fleet.telegram.clone(), users[0])));
    let delays = through(&fleet, &users[1..], length).await;
    if let Some(trouble) = trouble {
        trouble.abort();
        fleet.expect_panic();
    }
    let seen = fleet.service().log().matches("panicked at").count();
    (delays, seen)
}

/// Sends an account a packet that its library panics over, again and again.
async fn bring_down(telegram: Simulator, user: i64) {
    let person = people(&telegram, 1)[0];
    loop {
        for key in telegram.keys_of(user) {
            let scope = FaultScope::Key(key);
            let fault = (telegram.wire()).set_fault(scope, WireFault::WrongSessionId, Some(1));
            telegram.wire().may_miss(fault);
        }
        telegram.say(person, user, "this brings it down");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn bare_grammers(length: Duration) -> Vec<Duration> {
    let telegram = Simulator::builder()
        .seed(1)
        .start()
        .await
        .expect("a simulator");
    let (tell, heard) = mpsc::unbounded_channel();
    let accounts = bare_accounts(&telegram, ACCOUNTS, move |updates| {
        let when = Instant::now();
        if let Some(number) = number_in_push(&updates) {
            let _ = tell.send((number, when));
        }
    })
    .await;
    let said = say(&telegram, &accounts, length).await;
    let delays = delays(said, heard).await;
    telegram.shutdown().await;
    delays
}

pub fn number_in_push(updates: &enums::Updates) -> Option<usize> {
    let text = match updates {
        enums::Updates::UpdateShortMessage(short) => &short.message,
        enums::Updates::Updates(updates) => {
            updates.updates.iter().find_map(|update| match update {
                enums::Update::NewMessage(new) => match &new.message {
                    enums::Message::Message(message) => Some(&message.message),
                    _ => None,
                },
                _ => None,
            })?
        }
        _ => return None,
    };
    number_in(text)
}

async fn bare_sqlite(length: Duration) -> Vec<Duration> {
    let mut disk = Disk::open();
    let start = Instant::now();
    let mut delays = Vec::new();
    for number in 1.. {
        let moment = start + GAP * number;
        if moment > start + length {
            break;
        }
        at(moment).await;
        delays.push(disk.commit());
    }
    delays
}
