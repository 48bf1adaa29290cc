//! The whole service on the simulated Telegram, as a process of its own: socket → committed row → WebSocket.
//!
//! `cargo bench --bench service [-- flood|burst|paced|sync|memory|start|readers|files|uploads|orders|relay|growth]`. Beside each figure stands its floor, measured in
//! the same run: unmodified grammers that throws away what it reads, and a bare loop over SQLite. The simulated
//! Telegram, the generator and the WebSocket reader run in this process and share the machine with the service. Ratios to the floors
//! are compared with those that were committed (`benches/ratios.json`); `SWITCHBOARD_WRITE_DOCUMENTS=1` commits this run's.
//!
//! `SERVICE_BENCH_SECONDS` sets how long the flood and the paced part last (60 and 20 without it), `SERVICE_BENCH_STORED` how
//! many messages are stored before a start (10,000,000), `SERVICE_BENCH_KINDS` which messages flood (plain,formatted,pictures),
//! `SERVICE_BENCH_FILE_MIB` how large each of the ten files is that come or go at once (1024).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench ends when something is wrong"
)]

#[path = "service/mod.rs"]
mod parts;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "../simulator/tests/world_support/mod.rs"]
mod world_support;

use parts::ratios::Ratios;

fn main() {
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let wanted = |part: &str| asked.is_empty() || asked.iter().any(|one| one == part);
    switchboard::aside::come_first();
    let runtime = threads(2);
    println!("service in release mode, simulated Telegram and readers on the same two cores\n");
    let mut ratios = Ratios::default();
    runtime.block_on(async {
        if wanted("flood") {
            parts::flood::run(&mut ratios).await;
        }
        if wanted("burst") {
            parts::burst::run().await;
        }
        if wanted("paced") {
            parts::paced::run(&mut ratios).await;
        }
        if wanted("sync") {
            parts::sync::run().await;
        }
        if wanted("memory") {
            parts::memory::run().await;
        }
        if wanted("start") {
            parts::start::run().await;
        }
        if wanted("readers") {
            parts::readers::run().await;
        }
    });
    // At Telegram no message waits for a part of somebody's file: the kernel shares the processor out here, not turns.
    threads(16).block_on(async {
        if wanted("files") {
            parts::files::run().await;
        }
        if wanted("uploads") {
            parts::uploads::run(&mut ratios).await;
        }
    });
    runtime.block_on(async {
        if wanted("orders") {
            parts::orders::run().await;
        }
        // By request: it fills ten million rows and two thousand accounts.
        if asked.iter().any(|part| part == "growth") {
            parts::growth::run().await;
        }
        if wanted("relay") {
            parts::relay::run().await;
        }
    });
    ratios.compare("service");
}

fn threads(count: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(count)
        .enable_all()
        .build()
        .expect("a runtime")
}
