//! Access that ends under load, and many ends at once.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use switchboard_simulator::PersonSpec;

use super::access_ends::{
    A_SECOND, add, asked, assert_ended, bearer, file_of, refused, until_asked,
};
use crate::support::{fleet::Fleet, live::Live, tokens};

/// Protects the promise of a second when much is going on: fifty tokens with four sockets each are revoked one after the
/// other while messages pour in, and each socket is timed from its own revocation.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_sockets_end_each_within_a_second_under_load() {
    const TOKENS: usize = 50;
    const SOCKETS: usize = 4;
    let fleet = Fleet::builder().accounts(1).start().await;
    let data = fleet.data_dir();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let user = fleet.accounts[0].user;
    tokens::create(&data, "keeper", "admin");
    let mut texts = Vec::new();
    let mut file = file_of(&data);
    let mut ids = Vec::new();
    for _ in 0..TOKENS {
        let (id, text) = add(&mut file, "read");
        ids.push(id);
        texts.push(text);
    }
    until_asked(&bearer(&fleet, texts.last().unwrap()), StatusCode::OK).await;
    let mut waiting = Vec::new();
    for text in &texts {
        let header = format!("Bearer {text}");
        for _ in 0..SOCKETS {
            let live = Live::open_with(fleet.address(), None, &[("authorization", &header)]).await;
            waiting.push(tokio::spawn(live.until_closed()));
        }
    }
    let talking = talk(&fleet, person, user);
    let mut revoked = Vec::new();
    for id in &ids {
        let said = tokens::tried(&data, &["revoke", &id.to_string()]);
        assert_eq!(said.code, Some(0), "{said:?}");
        revoked.push(Instant::now());
    }
    let mut longest = Duration::ZERO;
    for (number, farewell) in waiting.into_iter().enumerate() {
        let farewell = farewell.await.unwrap();
        let since = revoked[number / SOCKETS];
        assert_ended(&farewell, since, "revoked or has expired");
        longest = longest.max(farewell.at.saturating_duration_since(since));
    }
    assert!(talking.stop() > 0, "nobody talked");
    for text in &texts {
        assert_eq!(asked(&bearer(&fleet, text)).await, refused("token_invalid"));
    }
    println!("the longest took {longest:?}");
}

/// Protects the same for programs: a thousand tokens, revoked as fast as they can be while each is used, and a second
/// later each of them is refused as what it is, not as a guess.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_revocations_under_load_all_count() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let data = fleet.data_dir();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let user = fleet.accounts[0].user;
    tokens::create(&data, "keeper", "admin");
    let mut file = file_of(&data);
    let all: Vec<(i64, String)> = (0..1000).map(|_| add(&mut file, "read")).collect();
    until_asked(&bearer(&fleet, &all[999].1), StatusCode::OK).await;
    let talking = talk(&fleet, person, user);
    let revoking = {
        let ids: Vec<i64> = all.iter().map(|(id, _)| *id).collect();
        tokio::task::spawn_blocking(move || {
            ids.into_iter()
                .map(|id| {
                    assert!(file.revoke(id).unwrap());
                    (id, Instant::now())
                })
                .collect::<HashMap<i64, Instant>>()
        })
    };
    // Used all the while: what is answered later than a second after the revocation is refused.
    let mut seen = Vec::new();
    while !revoking.is_finished() {
        let (id, text) = &all[seen.len() * 37 % all.len()];
        let began = Instant::now();
        seen.push((*id, began, asked(&bearer(&fleet, text)).await.0));
    }
    let revoked = revoking.await.unwrap();
    for (id, began, status) in seen {
        let since = began.saturating_duration_since(revoked[&id]);
        assert!(
            status == StatusCode::UNAUTHORIZED || since < A_SECOND,
            "token {id} was good {since:?} after its end"
        );
    }
    tokio::time::sleep(A_SECOND).await;
    for (_, text) in &all {
        assert_eq!(asked(&bearer(&fleet, text)).await, refused("token_invalid"));
    }
    assert!(talking.stop() > 0, "nobody talked");
}

/// Somebody who never stops talking.
struct Talk {
    task: tokio::task::JoinHandle<()>,
    said: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Talk {
    fn stop(self) -> usize {
        self.task.abort();
        self.said.load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn talk(fleet: &Fleet, person: i64, user: i64) -> Talk {
    let telegram = fleet.telegram.clone();
    let said = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
    let count = std::sync::Arc::clone(&said);
    let task = tokio::spawn(async move {
        loop {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            telegram.say(person, user, &format!("message {number}"));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    Talk { task, said }
}
