//! The simulated Telegram by itself: `switchboard-simulator --control 127.0.0.1:7070`.

use clap::Parser;
use switchboard_simulator::command::{SimulatorArgs, run};

#[derive(Parser)]
#[command(name = "switchboard-simulator", version, about)]
struct Cli {
    #[command(flatten)]
    args: SimulatorArgs,
}

fn main() -> std::io::Result<()> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(cli.args))
}
