//! The program: reads its settings, runs what was asked for, ends with the exit code that tells why.
//!
//! `main.rs` calls it and nothing else. What a second crate waits for is compiled there once more, with all that it waits for
//! in turn: the whole service, and the simulated Telegram.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::mpsc::sync_channel,
    thread,
    time::Duration,
};

use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    alive::Notify,
    app::{App, StartError},
    aside,
    cli::{Cli, Command, CoverSettings, Settings, say},
    commands::{backups, migrate_store, retention, tokens, upkeep},
    config::{Config, KeyFileCover},
    data_dir::DataDirError,
    memory, panics,
    store::StoreError,
    vault::{VaultError, harden_process},
};
#[cfg(feature = "demo")]
use crate::{cli::DemoArgs, commands::demo::Demo, telegram::SignInMethod};

/// Grammers traces whole packets below this level.
const QUIET: &str =
    "info,grammers_mtsender=warn,grammers_mtproto=warn,grammers_session=warn,grammers_client=warn";

/// A process that is asked to end has ended after so long, whatever it waits for: less than the ten seconds that it is promised to take.
const LAST: Duration = Duration::from_secs(8);

/// The whole life of the process.
pub fn run() -> ExitCode {
    memory::map_large_blocks();
    aside::come_first();
    let cli = Cli::parse();
    start_log();
    panics::tell_beside();
    if let Err(error) = harden_process() {
        log::warn!(target: "switchboard", "memory could not be kept out of core dumps: {error}");
    }
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        log::warn!(target: "switchboard", "the limit of open files stays as it is: {error}");
    }
    actix::System::new().block_on(async move {
        match cli
            .command
            .unwrap_or(Command::Serve(Box::new(cli.settings)))
        {
            Command::Serve(settings) => with_config(&settings, serve).await,
            #[cfg(feature = "demo")]
            Command::Demo(args) => demo(&args).await,
            #[cfg(feature = "demo")]
            Command::Simulator(args) => simulator(args).await,
            Command::Check { settings, json } => {
                upkeep::check(Config::check(&settings), json).await
            }
            Command::Backup {
                settings,
                sealed,
                file,
            } => {
                with_config(&settings, async |config| {
                    backups::backup(&config, &file, sealed)
                })
                .await
            }
            Command::Restore { settings, file } => {
                with_config(&settings, async |config| backups::restore(&config, &file)).await
            }
            Command::MigrateStore { settings, way } => migrate_store::run(&settings, &way),
            Command::Retention { settings } => {
                with_config(&settings, async |config| retention::tell(&config)).await
            }
            Command::Rekey { settings, cover } => rekey(&settings, &cover).await,
            Command::Token { settings, action } => tokens::run(&settings, action),
        }
    })
}

#[cfg(feature = "demo")]
async fn simulator(args: switchboard_simulator::command::SimulatorArgs) -> ExitCode {
    match switchboard_simulator::command::run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("switchboard: the simulator can't run: {error}");
            ExitCode::from(1)
        }
    }
}

async fn rekey(settings: &Settings, cover: &CoverSettings) -> ExitCode {
    match KeyFileCover::check(cover) {
        Ok(cover) => with_config(settings, async |config| upkeep::rekey(config, cover).await).await,
        Err(problems) => {
            eprintln!("switchboard: {problems}");
            ExitCode::from(2)
        }
    }
}

/// Runs `what` with a configuration that can be used, or tells everything that is wrong with it.
async fn with_config<F: Future<Output = ExitCode>>(
    settings: &Settings,
    what: impl FnOnce(Config) -> F,
) -> ExitCode {
    match Config::check(settings) {
        Ok(config) => what(config).await,
        Err(problems) => {
            eprintln!("switchboard: {problems}");
            ExitCode::from(2)
        }
    }
}

#[cfg(feature = "demo")]
async fn demo(args: &DemoArgs) -> ExitCode {
    let started = async {
        let demo = Demo::start(args).await?;
        let settings = demo.settings(&args.listen)?;
        Ok::<_, std::io::Error>((demo, settings))
    };
    let (demo, settings) = match started.await {
        Ok(started) => started,
        Err(error) => {
            eprintln!("switchboard: the demo can't start: {error}");
            return ExitCode::from(1);
        }
    };
    let code = with_config(&settings, async |config| {
        serve_with(config, async |app| {
            sign_in_all(app, &demo).await;
            demo.trouble().await;
        })
        .await
    })
    .await;
    demo.stop().await;
    code
}

/// Through the same door as everybody: a session string of another client.
#[cfg(feature = "demo")]
async fn sign_in_all(app: &App, demo: &Demo) {
    for arrival in demo.arrivals() {
        let service = app.service();
        let method = SignInMethod::SessionString(arrival.session);
        let added = service.add_signed_in(arrival.label, arrival.colour, demo.api(), method);
        if let Err(error) = added.await {
            log::error!(target: "switchboard", "a demo account could not be added: {error}");
        }
    }
}

fn start_log() {
    let filter = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = format!("{QUIET},{filter}");
    let mut builder = env_logger::Builder::new();
    builder.parse_filters(&filter);
    // Whatever is asked for: below `info` grammers writes keys and messages.
    for target in [
        "grammers_mtsender",
        "grammers_mtproto",
        "grammers_session",
        "grammers_client",
    ] {
        builder.filter_module(target, log::LevelFilter::Warn);
    }
    builder.format_timestamp_millis().init();
}

async fn serve(config: Config) -> ExitCode {
    serve_with(config, async |_| {}).await
}

/// Serves until it is asked to stop; `beside` runs meanwhile.
async fn serve_with(config: Config, beside: impl AsyncFnOnce(&App)) -> ExitCode {
    // Elsewhere it would stay where everybody reads who may read a log.
    let shows_link = config.launch_link || std::io::stdout().is_terminal();
    let notify = Notify::from_environment();
    // Heard from the first moment on: a start can wait for Supabase, and whoever reads "listening" may stop it at once.
    let mut stop = match end_in_time().and_then(|()| StopSignals::listen()) {
        Ok(stop) => stop,
        Err(error) => {
            log::error!(target: "switchboard", "signals can't be received: {error}");
            return ExitCode::from(1);
        }
    };
    #[cfg(feature = "otel")]
    let exporting = match crate::traces::start() {
        Ok(exporting) => exporting,
        Err(problem) => {
            eprintln!("switchboard: {problem}");
            return ExitCode::from(2);
        }
    };
    let started = tokio::select! {
        started = App::start(config) => started,
        () = stop.asked() => {
            log::info!(target: "switchboard", "stopped before it had started");
            return ExitCode::SUCCESS;
        }
    };
    let (app, server) = match started {
        Ok(started) => started,
        Err(error) => return refuse(&error),
    };
    let url = app.url();
    log::info!(target: "switchboard", "version {} listens on {url}", env!("CARGO_PKG_VERSION"));
    say(&format!("listening on {url}"));
    let mut running = actix::spawn(server);
    notify.ready();
    let beside = async {
        // Again for tokens that come when there was none left: the desks of before went with the last one.
        let links = async {
            loop {
                let link = app.launch_link().await;
                if shows_link {
                    say(&format!(
                        "open the desk by {link} (once, within 10 minutes)"
                    ));
                } else {
                    log::info!(
                        target: "switchboard",
                        "the desk is opened by a launch link, which is printed on a terminal alone or with --launch-link; \
                         POST /launch with an admin token makes one, too"
                    );
                }
                app.until_no_token().await;
            }
        };
        let loops = &app.service().loops;
        tokio::join!(beside(&app), links, notify.keep_telling(loops));
    };
    let code = tokio::select! {
        () = beside => ExitCode::SUCCESS,
        () = stop.asked() => ExitCode::SUCCESS,
        () = app.service().store.taken() => {
            log::error!(target: "switchboard", "this process must not go on: another one serves its database now");
            // At once: what is queued must not be written beside the other's.
            return ExitCode::from(3);
        }
        ended = &mut running => {
            log::error!(target: "switchboard", "the web server ended: {ended:?}");
            ExitCode::from(1)
        }
    };
    log::info!(target: "switchboard", "stopping");
    notify.stopping();
    app.stop().await;
    #[cfg(feature = "otel")]
    exporting.stop().await;
    code
}

/// Who is asked to end does so in time, also in the middle of a start: what waits for somebody who does not answer, a database or
/// Telegram, ends with the process. Nothing that was answered is lost by it: that is committed.
fn end_in_time() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (tell, listens) = sync_channel(1);
    thread::Builder::new()
        .name("goodbye".to_owned())
        .spawn(move || {
            let asked = runtime.block_on(async {
                let stop = StopSignals::listen();
                let listens = stop.is_ok();
                let _ = tell.send(stop.as_ref().map(|_| ()).map_err(io::Error::kind));
                if let Ok(mut stop) = stop {
                    stop.asked().await;
                }
                listens
            });
            if asked {
                thread::sleep(LAST);
                log::warn!(target: "switchboard", "not everything could be ended in time; it ends with this process");
                // Other threads may be in the middle of anything, and nothing is left to be done for them.
                std::process::exit(0);
            }
        })?;
    match listens.recv() {
        Ok(listens) => listens.map_err(io::Error::from),
        Err(_) => Err(io::ErrorKind::Other.into()),
    }
}

/// What asks the service to end.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn refuse(error: &StartError) -> ExitCode {
    eprintln!("switchboard: {error}");
    match error {
        StartError::DataDir(DataDirError::InUse { .. })
        | StartError::Store(StoreError::InUse { .. }) => ExitCode::from(3),
        StartError::OpenToOthers(_)
        | StartError::Store(StoreError::Unfit { .. })
        | StartError::Tls(_)
        | StartError::Telegram(_)
        | StartError::Listen { .. }
        | StartError::Key(_)
        | StartError::Vault(VaultError::Key(_) | VaultError::Refused(_)) => ExitCode::from(2),
        _ => ExitCode::from(1),
    }
}
