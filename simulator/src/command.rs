//! Command: the simulator started by a person, with a small town in it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use futures_util::future::BoxFuture;

use crate::{
    control::{AccountSpec, Answering, PersonSpec, Simulator},
    traffic::TrafficSpec,
    wire::ServerKey,
};

/// Options of `switchboard simulator` and of the crate's own binary.
#[derive(Args, Clone, Debug)]
pub struct SimulatorArgs {
    /// The same seed gives the same world
    #[arg(long, default_value_t = 1, env = "SIMULATOR_SEED")]
    pub seed: u64,
    /// Address that the data centres listen on
    #[arg(long, default_value = "127.0.0.1", env = "SIMULATOR_LISTEN", value_parser = address)]
    pub listen: String,
    /// Port of the first data centre, the next ones follow; 0 picks free ones
    #[arg(long, default_value_t = 4430, env = "SIMULATOR_PORT")]
    pub port: u16,
    /// Number of data centres
    #[arg(long, default_value_t = 2, env = "SIMULATOR_DCS")]
    pub dcs: u16,
    /// Loopback address of the control API
    #[arg(long, default_value = "127.0.0.1:7070", env = "SIMULATOR_CONTROL")]
    pub control: SocketAddr,
    /// Where the public key is written, for clients to trust
    #[arg(long, env = "SIMULATOR_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// A new key pair instead of the well-known one
    #[arg(long, env = "SIMULATOR_NEW_KEY")]
    pub new_key: bool,
    /// Accounts to make, with people, groups and channels around them
    #[arg(long, default_value_t = 3, env = "SIMULATOR_ACCOUNTS")]
    pub accounts: u32,
    /// Messages per second that people write by themselves
    #[arg(long, default_value_t = 0.0, env = "SIMULATOR_RATE")]
    pub rate: f64,
}

/// An address, kept as text: `switchboard` has a setting of this name for all its commands, and clap takes one type for both.
fn address(text: &str) -> Result<String, std::net::AddrParseError> {
    text.parse::<IpAddr>().map(|_| text.to_owned())
}

/// Runs until Ctrl-C or SIGTERM.
///
/// # Errors
/// When an address cannot be listened on or the key cannot be written.
// A box, as in `SimulatorBuilder::start`.
pub fn run(args: SimulatorArgs) -> BoxFuture<'static, io::Result<()>> {
    Box::pin(serve(args))
}

async fn serve(args: SimulatorArgs) -> io::Result<()> {
    let listen: IpAddr = args.listen.parse().map_err(io::Error::other)?;
    let mut builder = Simulator::builder()
        .seed(args.seed)
        .dcs(usize::from(args.dcs))
        .listen(listen);
    if args.port != 0 {
        builder = builder.first_port(args.port);
    }
    if args.new_key {
        builder = builder.server_key(ServerKey::generate().map_err(io::Error::other)?);
    }
    let simulator = builder.start().await?;
    let control = simulator.serve_control(args.control).await?;
    if let Some(path) = &args.key_file {
        std::fs::write(path, simulator.public_key_pem())?;
    }
    let town = furnish(&simulator, args.accounts);
    for (id, address) in simulator.dc_addresses() {
        println!("data centre {id}@{address}");
    }
    for (phone, name) in town {
        println!("account {phone} ({name})");
    }
    println!("control http://{control}");
    if args.rate > 0.0 {
        let spec = TrafficSpec {
            seed: args.seed,
            rate_per_second: args.rate,
            reactions: 8,
            formatted: 25,
            ..TrafficSpec::default()
        };
        simulator.traffic(spec);
    }
    stopped().await;
    simulator.shutdown().await;
    Ok(())
}

/// Resolves when a person or the system asks the process to end.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}

/// Accounts with people who answer, groups and channels around each; answers phones and names.
pub fn furnish(simulator: &Simulator, accounts: u32) -> Vec<(String, String)> {
    const PEOPLE: [&str; 8] = [
        "Nadia", "Omar", "Lena", "Yusuf", "Inés", "Wei", "Priya", "Jonas",
    ];
    const DESKS: [&str; 3] = ["Support", "Sales", "Orders"];
    let mut town = Vec::new();
    for number in 0..accounts {
        let phone = format!("+99966{:05}", 20_000 + number);
        let name = DESKS
            .get(number as usize % DESKS.len())
            .copied()
            .unwrap_or("Desk");
        let account = simulator
            .add_account(AccountSpec::new(&phone, name).username(&format!("desk_{number}")));
        let mut people = Vec::new();
        for (at, first_name) in PEOPLE.iter().enumerate() {
            let spec = PersonSpec::new(first_name)
                .username(&format!("{}_{number}_{at}", first_name.to_lowercase()));
            let person = simulator.add_person(spec);
            simulator.let_answer(person, Answering::default());
            simulator.say(
                person,
                account,
                crate::traffic::phrases::phrase(person as u64, 0),
            );
            people.push(person);
        }
        let some = |count: usize| -> Vec<i64> {
            people
                .iter()
                .take(count)
                .copied()
                .chain([account])
                .collect()
        };
        let group = simulator.add_group("Neighbours", &some(3));
        let supergroup = simulator.add_supergroup("Traders", &some(5));
        let channel = simulator.add_channel("City news", &some(1));
        for chat in [group, supergroup, channel] {
            if let Some(speaker) = people.first() {
                simulator.say(
                    *speaker,
                    chat,
                    crate::traffic::phrases::phrase(*speaker as u64, 1),
                );
            }
        }
        town.push((phone, name.to_owned()));
    }
    town
}
