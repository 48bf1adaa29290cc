//! Chaos: the whole service on a simulated Telegram while everything that can goes wrong, several things at once.
//!
//! `cargo chaos --minutes 60 --seed 7`; without options a short run with a fixed seed, as `cargo test` does it. What
//! it does and what it looks at says `cargo chaos --help`.

#[path = "../support/mod.rs"]
mod support;

mod calm;
mod check;
mod desk;
mod facts;
mod findings;
mod fold;
mod hooks;
mod listen;
mod nurse;
mod plan;
mod process;
mod run;
mod strike;
mod talk;
mod town;

use std::process::ExitCode;

use clap::Parser;

/// Everything that can go wrong goes wrong, several things at once; nothing may be lost, doubled, untold or stale.
///
/// The real service runs as a process on the simulated Telegram with many accounts in private chats, groups,
/// supergroups, forums and channels. People write, edit, delete, react and send files; programs reply under keys
/// that they repeat until they know what became of it, and give up waiting in the middle of calls. A WebSocket that
/// resumes, a program that polls, and two webhook receivers listen, one of which fails in every way it can.
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
    #[arg(long, default_value_t = 0.6)]
    pub minutes: f64,
    /// A number; `random` draws one and prints it.
    #[arg(long, default_value = "20261129")]
    pub seed: String,
    #[arg(long, default_value_t = 20)]
    pub accounts: usize,
    /// What people do in a second, all together.
    #[arg(long, default_value_t = 25.0)]
    pub rate: f64,
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
    let args = Args::parse();
    let seed = match args.seed() {
        Ok(seed) => seed,
        Err(error) => {
            eprintln!("chaos: --seed: {error}");
            return ExitCode::from(2);
        }
    };
    let plan = plan::Plan::draw(&args, seed);
    if args.plan {
        print!("{plan}");
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    if runtime.block_on(run::run(&args, plan)) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
