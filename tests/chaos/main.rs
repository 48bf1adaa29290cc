//! Chaos: the whole service on a simulated Telegram while everything that can goes wrong, several things at once.
//!
//! `cargo chaos --minutes 60 --seed 7`; without options two short runs, as `cargo test` does it: one with a fixed seed and one
//! with a seed of its own. `tests/run` has longer ones of both beside the other tests instead (`SWITCHBOARD_CHAOS_BESIDE`). What
//! it does and what it looks at says `cargo chaos --help`.

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../support/postgrest.rs"]
mod postgrest;
#[path = "../support/mod.rs"]
mod support;

mod at_telegram;
mod calm;
mod check;
mod compare;
mod desk;
mod door;
mod facts;
mod faults;
mod fetch;
mod findings;
mod fold;
mod guest;
mod hooks;
mod judge;
mod listen;
mod nodes;
mod nurse;
mod past;
mod placed;
mod plan;
mod process;
mod proxy;
mod run;
mod strike;
mod talk;
mod town;

use std::process::ExitCode;

use clap::Parser;

/// Everything that can go wrong goes wrong, several things at once; nothing may be lost, doubled, untold or stale.
///
/// The real service runs as a process on the simulated Telegram with many accounts in private chats, groups,
/// supergroups, forums and channels. People write, edit, delete, react and send files and albums; programs reply, send
/// files, forward, edit, react, pin and delete under keys that they repeat until they know what became of it, and give
/// up waiting in the middle of calls; somebody fetches files. Groups become supergroups meanwhile. A WebSocket that resumes, a program that polls, and two webhook receivers listen,
/// one of which fails in every way it can. Some accounts go out through a proxy; sessions lie in Supabase, too.
///
/// Every minute, and whenever things were let come to rest, the database file (opened read-only), Telegram's ledger,
/// and what each listener was told are held against each other. The service's own answers are no witness. Each
/// discrepancy is printed with the seed and the minute; the exit code is 1 when there was one.
///
/// One seed gives one plan: the same things go wrong at the same moments, and people say the same. What the
/// processor makes of it differs from run to run.
#[derive(Parser, Clone, Debug)]
#[command(name = "chaos")]
pub struct Args {
    /// How long it lasts; a part of one is enough for a look.
    #[arg(long, default_value_t = 0.33)]
    pub minutes: f64,
    /// A number; `random` draws one and prints it.
    #[arg(long, default_value = FIXED)]
    pub seed: String,
    #[arg(long, default_value_t = 20)]
    pub accounts: usize,
    /// What people do in a second, all together.
    #[arg(long, default_value_t = 25.0)]
    pub rate: f64,
    /// So many services on one PostgreSQL, which a replica follows. Other things go wrong then: nodes are killed, stopped, asked to end,
    /// drained and cut off from the database, and that one is restarted, crashes, is away, and fails over; clocks are apart.
    #[arg(long, default_value_t = 1)]
    pub nodes: usize,
    /// What goes wrong in a minute.
    #[arg(long, default_value_t = 20)]
    pub strikes: usize,
    /// Minutes after which things are let come to rest and compared whole.
    #[arg(long, default_value_t = 3.0)]
    pub rest_every: f64,
    /// Leaves out what would go wrong before this minute.
    #[arg(long, default_value_t = 0.0)]
    pub from: f64,
    /// Only these faults, by their names in the plan; repeatable.
    #[arg(long)]
    pub only: Vec<String>,
    /// Prints what would go wrong, and does nothing.
    #[arg(long)]
    pub plan: bool,
    /// Where files are kept afterwards when something was found.
    #[arg(long)]
    pub keep: Option<std::path::PathBuf>,
}

const FIXED: &str = "20261129";

impl Args {
    pub fn seed(&self) -> Result<u64, std::num::ParseIntError> {
        match self.seed.as_str() {
            "random" => Ok(rand::random_range(0..1_000_000_000)),
            text => text.parse(),
        }
    }
}

/// A filter or a flag of the test harness: somebody wants other tests.
fn meant_for_others(arg: &String) -> bool {
    let own = [
        "--minutes",
        "--seed",
        "--accounts",
        "--rate",
        "--nodes",
        "--strikes",
        "--rest-every",
        "--from",
        "--only",
        "--plan",
        "--keep",
        "--help",
        "-h",
    ];
    !own.iter()
        .any(|flag| arg == flag || arg.starts_with(&format!("{flag}=")))
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if given.first().is_some_and(meant_for_others) {
        println!("chaos: left out, for other tests were asked for");
        return ExitCode::SUCCESS;
    }
    if given.is_empty() && std::env::var_os("SWITCHBOARD_CHAOS_BESIDE").is_some() {
        println!("chaos: left out, it goes on beside these tests");
        return ExitCode::SUCCESS;
    }
    let args = Args::parse();
    let mut runs = vec![args.clone()];
    if given.is_empty() {
        runs.push(Args {
            seed: "random".to_owned(),
            ..args
        });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    for args in runs {
        let seed = match args.seed() {
            Ok(seed) => seed,
            Err(error) => {
                eprintln!("chaos: --seed: {error}");
                return ExitCode::from(2);
            }
        };
        if args.nodes > 1 {
            if !nodes::went_well(&args, seed, &runtime) {
                return ExitCode::FAILURE;
            }
            continue;
        }
        let plan = plan::Plan::draw(&args, seed);
        if args.plan {
            print!("{plan}");
        } else if !runtime.block_on(run::run(&args, plan)) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
