//! What the world costs: saying, pushing, sending and reading with real sockets and real encryption beside it.
//!
//! Server and client share the process and its two worker threads.
//!
//! `cargo bench -p switchboard-simulator --bench world`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench ends when something is wrong"
)]

#[path = "../tests/world_support/mod.rs"]
mod world_support;

use std::time::{Duration, Instant};

use grammers_session::updates::UpdatesLike;
use grammers_tl_types::{enums, functions as f};
use switchboard_simulator::{AccountSpec, PersonSpec, Simulator, world::access_hash};
use world_support::{Library, text_to};

const ACCOUNTS: u64 = 3;
const MESSAGES: u64 = 150_000;
const SENDS: u64 = 20_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // `cargo test --benches` runs this too: then only to see that it works.
    let full = std::env::args().any(|argument| argument == "--bench");
    let scale = if full { 1 } else { 100 };
    println!("two worker threads, shared by server and clients\n");
    saying(MESSAGES / scale, false).await;
    saying(MESSAGES / scale, true).await;
    sending(SENDS / scale).await;
}

fn row(what: &str, count: u64, took: Duration) {
    println!("{what:<52} {:>9.0}/s", count as f64 / took.as_secs_f64());
}

struct Bench {
    simulator: Simulator,
    accounts: Vec<i64>,
    friend: i64,
}

async fn bench() -> Bench {
    let simulator = Simulator::builder().seed(1).start().await.unwrap();
    let phone = |number: u64| format!("+99966{number:05}");
    let accounts = (0..ACCOUNTS)
        .map(|n| simulator.add_account(AccountSpec::new(&phone(n), "A")))
        .collect();
    let friend = simulator.add_person(PersonSpec::new("Friend"));
    Bench {
        simulator,
        accounts,
        friend,
    }
}

/// People say something to accounts: with nobody listening, and with a client on each that reads along.
async fn saying(count: u64, listened: bool) {
    let bench = bench().await;
    let mut readers = Vec::new();
    if listened {
        for account in &bench.accounts {
            let mut library = Library::start(&bench.simulator, *account);
            library.call(&f::updates::GetState {}).await.unwrap();
            let share = count / ACCOUNTS;
            readers.push(tokio::spawn(async move {
                let mut heard = 0;
                while heard < share {
                    match library.updates.recv().await {
                        Some(UpdatesLike::Updates(_)) => heard += 1,
                        Some(_) => {}
                        None => panic!("the pool is gone"),
                    }
                }
            }));
        }
    }
    let start = Instant::now();
    for number in 0..count {
        let account = bench.accounts[(number % ACCOUNTS) as usize];
        bench.simulator.say(
            bench.friend,
            account,
            "a line of text as people write them, some sixty letters long",
        );
        // What a client is behind is bounded by its own queue; keep within it.
        if number % 2_000 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for reader in readers {
        reader.await.unwrap();
    }
    let what = if listened {
        "said, pushed to 3 clients and read"
    } else {
        "said, nobody listening"
    };
    row(what, count, start.elapsed());
    bench.simulator.shutdown().await;
}

/// Accounts send, many calls under way.
async fn sending(count: u64) {
    let bench = bench().await;
    let seed = 1;
    let mut senders = Vec::new();
    let start = Instant::now();
    for account in bench.accounts.clone() {
        let library = Library::start(&bench.simulator, account);
        let hash = access_hash(seed, account, bench.friend.into());
        let user_id = bench.friend;
        senders.push(tokio::spawn(async move {
            let peer: enums::InputPeer = grammers_tl_types::types::InputPeerUser {
                user_id,
                access_hash: hash,
            }
            .into();
            let calls = (1..=(count / ACCOUNTS) as i64).map(|random_id| {
                let call = text_to(peer.clone(), random_id, "a line of text");
                let library = &library;
                async move { library.call(&call).await.unwrap() }
            });
            use futures_util::StreamExt as _;
            futures_util::stream::iter(calls)
                .buffer_unordered(64)
                .for_each(|_| async {})
                .await;
        }));
    }
    for sender in senders {
        sender.await.unwrap();
    }
    row(
        "messages sent by 3 clients and answered",
        count,
        start.elapsed(),
    );
    bench.simulator.shutdown().await;
}
