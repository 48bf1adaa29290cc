//! Sync: a large account signs in for the first time, under a limit of calls as Telegram has one.

use std::time::{Duration, Instant};

use switchboard_simulator::{AccountSpec, Fault, PersonSpec};

use crate::support::fleet::{Fleet, phone};

const PEOPLE: usize = 3_000;
const CHANNELS: usize = 500;
/// Calls of one kind that Telegram takes within so many seconds.
const CALLS: u32 = 30;
const WINDOW: u32 = 30;
const FIRST_PAGE: Duration = Duration::from_secs(2);
const ALL: Duration = Duration::from_secs(60);
/// How long the reading of recent history is watched: at this pace all of it takes an hour.
const WATCHED: Duration = Duration::from_secs(60);

pub async fn run() {
    println!("sync: {PEOPLE} people and {CHANNELS} channels, {CALLS} calls in {WINDOW} s");
    let mut fleet = Fleet::builder().start().await;
    let telegram = fleet.telegram.clone();
    let phone = phone(60);
    let user = telegram.add_account(AccountSpec::new(&phone, "Large"));
    let author = telegram.add_person(PersonSpec::new("Author"));
    for number in 0..PEOPLE {
        let person = telegram.add_person(PersonSpec::new(&format!("Contact {number}")));
        telegram.say(person, user, "before");
    }
    for number in 0..CHANNELS {
        let channel = telegram.add_channel(&format!("Channel {number}"), &[author, user]);
        telegram.say(author, channel, "before");
    }
    let limits = ["messages.getHistory", "messages.getDialogs"]
        .map(|method| telegram.set_fault(Fault::calls_per_window(CALLS, WINDOW).on(method)));
    let began = Instant::now();
    let account = fleet.sign_in("Large", phone, user).await;
    until(&fleet, "/conversations?limit=50", |page| {
        page["conversations"]
            .as_array()
            .is_some_and(|page| page.len() == 50)
    })
    .await;
    let first = began.elapsed();
    let path = format!("/accounts/{}", account.id);
    until(&fleet, &path, |answer| {
        let account = &answer["account"];
        account["state"] == "online" && account["sync"]["phase"] != "dialogs"
    })
    .await;
    let all = began.elapsed();
    let chats = fleet.api.conversations().await.len();
    println!("  first page after {first:.2?}, all {chats} chats after {all:.1?}");
    tokio::time::sleep(WATCHED).await;
    let sync = &fleet.api.get(&path).await["account"]["sync"];
    let waits = limits.map(|limit| telegram.fault_hits(limit));
    println!(
        "  {WATCHED:.0?} later recent history of {} of {} chats; flood waits {waits:?}\n",
        sync["done"], sync["total"]
    );
    assert_eq!(chats, PEOPLE + CHANNELS);
    assert!(first <= FIRST_PAGE && all <= ALL, "too slow");
    assert!(
        waits.iter().all(|waits| *waits <= 1),
        "one teaches the pace"
    );
}

async fn until(fleet: &Fleet, path: &str, holds: impl Fn(&serde_json::Value) -> bool) {
    while !holds(&fleet.api.get(path).await) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
