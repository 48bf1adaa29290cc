//! Crash: `kill -9` at random moments under load. The database then equals the ledger, and every reply arrived once.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use switchboard_simulator::PersonSpec;

use crate::support::{fleet::Fleet, oracle::until_faithful, wait};

/// How often the service is killed; `SWITCHBOARD_KILLS` takes another number.
fn kills() -> usize {
    std::env::var("SWITCHBOARD_KILLS").map_or(50, |text| text.parse().unwrap())
}

/// Protects the two promises that everything here is built on: nothing lost, nothing sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_nothing_is_lost_and_no_reply_is_sent_twice() {
    let mut fleet = Fleet::builder().accounts(2).start().await;
    let telegram = fleet.telegram.clone();
    let people: Vec<i64> = (0..4)
        .map(|number| telegram.add_person(PersonSpec::new(&format!("Contact {number}"))))
        .collect();
    let users: Vec<i64> = fleet.accounts.iter().map(|account| account.user).collect();
    let mut members = vec![people[0]];
    members.extend(&users);
    let group = telegram.add_group("Group", &members);
    let channel = telegram.add_channel("Channel", &members);
    for user in &users {
        telegram.say(people[0], *user, "hello");
    }
    let mut talks = Vec::new();
    for account in fleet.accounts.clone() {
        let conversation = fleet.conversation(&account, people[0]).await;
        talks.push(conversation["id"].as_i64().unwrap());
    }

    let mut chance = StdRng::seed_from_u64(20_261_121);
    let mut replied: BTreeMap<String, usize> = BTreeMap::new();
    let mut said = 0;
    for round in 0..kills() {
        let moment = Duration::from_millis(chance.random_range(5..250));
        let deadline = tokio::time::Instant::now() + moment;
        while tokio::time::Instant::now() < deadline {
            for (index, user) in users.iter().enumerate() {
                let person = people[said % people.len()];
                telegram.say(person, *user, &format!("message {said}"));
                if said % 7 == 0 {
                    telegram.say(people[0], group, &format!("group {said}"));
                    telegram.say(people[0], channel, &format!("post {said}"));
                }
                said += 1;
                if said % 5 == 0 {
                    let text = format!("reply {said} in round {round}");
                    let path = format!("/conversations/{}/reply", talks[index]);
                    // Answered means committed; a call that is cut may or may not be.
                    let answer = fleet.api.post(&path, json!({ "text": text })).await;
                    assert_eq!(answer["message"]["status"], "pending");
                    *replied.entry(text).or_default() += 1;
                }
            }
            tokio::task::yield_now().await;
        }
        fleet.kill_service();
        fleet.start_service();
    }

    for account in fleet.accounts.clone() {
        fleet.wait_for_state(&account.id, "online").await;
        wait::until(
            "the outbox to be empty",
            || async { fleet.api.account(&account.id).await["outbox_pending"].as_i64() },
            |pending| *pending == Some(0),
        )
        .await;
        // Every chat that the account has there; the service is not asked, for what is missing it would fetch.
        let ledger = telegram.ledger_of(account.user);
        let places = people.iter().chain([&group, &channel]).copied();
        let chats: Vec<i64> = places.filter(|chat| ledger.contains_key(chat)).collect();
        until_faithful(&fleet, &account, &chats).await;
    }
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    for user in &users {
        for text in telegram.texts(*user, people[0]) {
            if text.starts_with("reply ") {
                *arrived.entry(text).or_default() += 1;
            }
        }
    }
    assert_eq!(arrived, replied, "every reply arrives exactly once");
}
