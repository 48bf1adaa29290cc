//! The race: the same work on the same simulated Telegram by Switchboard, by a service that somebody who knows Telethon, FastAPI
//! and SQLite would write (`benches/peers/service.py`), and by the two libraries alone, which store nothing.
//!
//! `cargo bench --bench peers [-- rate|delay|accounts|losses|files]` prints ratios, and whether each goal holds. It needs
//! `python3` with `venv`; the packages of `benches/peers/requirements.txt` are installed once under the target directory.
//! Without `--bench` (as `cargo test` runs it) each part is short, and only what has to hold at any speed is asserted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench ends when something is wrong"
)]

#[path = "peers/accounts.rs"]
mod accounts;
#[path = "peers/contestant.rs"]
mod contestant;
#[path = "peers/delay.rs"]
mod delay;
#[path = "peers/files.rs"]
mod files;
#[path = "peers/losses.rs"]
mod losses;
#[allow(dead_code, reason = "the race takes its own part of it")]
#[path = "service/mod.rs"]
mod parts;
#[path = "peers/rate.rs"]
mod rate;
#[path = "peers/report.rs"]
mod report;
#[path = "peers/sink.rs"]
mod sink;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "../simulator/tests/world_support/mod.rs"]
mod world_support;

use std::time::Instant;

use report::Report;

/// How long and how large.
#[derive(Clone, Copy)]
pub struct Size {
    pub short: bool,
    pub seconds: u64,
    /// Accounts that are online at once.
    pub steps: &'static [usize],
    pub cuts: usize,
    /// Messages said while nobody is there.
    pub absence: usize,
    /// Seconds without anything new, after which nothing more is to come: longer than the Python service takes from one look
    /// for what it missed to the next.
    pub quiet: u64,
    pub mebibytes: u64,
}

const WHOLE: Size = Size {
    short: false,
    seconds: 15,
    steps: &[3, 50, 200, 500],
    cuts: 10,
    absence: 3_000,
    quiet: 22,
    mebibytes: 128,
};
const SHORT: Size = Size {
    short: true,
    seconds: 1,
    steps: &[2],
    cuts: 1,
    absence: 40,
    quiet: 3,
    mebibytes: 2,
};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    if let [word, file] = args.as_slice()
        && word == "sink"
    {
        runtime.block_on(sink::run(std::path::Path::new(file)));
        return;
    }
    let size = if args.iter().any(|arg| arg == "--bench") {
        WHOLE
    } else {
        SHORT
    };
    let asked: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |part: &str| asked.is_empty() || asked.iter().any(|one| *one == part);
    let began = Instant::now();
    let mut report = Report::default();
    runtime.block_on(contestant::prepare());
    if size.short {
        println!("short: whether the race can be run; nothing here is a figure\n");
        report = runtime.block_on(everything_at_once());
    } else {
        runtime.block_on(async {
            if wanted("rate") {
                rate::run(size, &mut report).await;
            }
            if wanted("delay") {
                delay::run(size, &mut report).await;
            }
            if wanted("accounts") {
                accounts::run(size, &mut report).await;
            }
            if wanted("losses") {
                losses::run(size, &mut report).await;
            }
            if wanted("files") {
                files::run(size, &mut report).await;
            }
        });
    }
    println!("\nended after {:.0?}", began.elapsed());
    if !report.print(size) && !size.short {
        std::process::exit(1);
    }
}

async fn everything_at_once() -> Report {
    let (mut rates, mut delays) = (Report::default(), Report::default());
    let (mut accounts, mut losses) = (Report::default(), Report::default());
    let mut files = Report::default();
    tokio::join!(
        rate::run(SHORT, &mut rates),
        delay::run(SHORT, &mut delays),
        accounts::run(SHORT, &mut accounts),
        losses::run(SHORT, &mut losses),
        files::run(SHORT, &mut files),
    );
    Report::of([rates, delays, accounts, losses, files])
}
