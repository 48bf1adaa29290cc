//! Node: one of the services, as a process that can be killed, stopped, cut off and started again in its place.

use std::{
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::super::{door::Door, process};
use super::{link::Link, relay::Relay};
use crate::support::{
    ground::Ground,
    service::{ServiceProcess, ServiceSettings},
};

/// A process that is asked to end has so long, as everywhere.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Node {
    pub number: usize,
    /// To PostgreSQL.
    pub link: Link,
    /// To Telegram.
    pub relay: Relay,
    pub clock: Ground,
    data: PathBuf,
    settings: ServiceSettings,
    process: Option<ServiceProcess>,
    /// Whoever looks after it starts it again.
    wanted: bool,
    /// Stopped in the middle.
    stopped: bool,
    token: String,
}

impl Node {
    pub fn new(
        number: usize,
        (link, relay): (Link, Relay),
        data: PathBuf,
        settings: &ServiceSettings,
    ) -> Self {
        let clock = Ground::under(&data);
        let mut settings = settings.clone();
        let url = format!(
            "postgres://postgres@127.0.0.1:{}/chaos?sslmode=disable",
            link.port
        );
        settings
            .env
            .push(("SWITCHBOARD_DATABASE_URL".to_owned(), url));
        settings.env.extend(clock.env());
        // What is configured holds for every line, whatever a session or Telegram says.
        for (dc, telegram, door) in &relay.dcs {
            let telegram = format!("{dc}@{telegram}");
            let mut told = settings.args.iter_mut();
            let told = told.find(|arg| **arg == telegram);
            *told.expect("it is told where Telegram is") = format!("{dc}@{door}");
        }
        Self {
            number,
            link,
            relay,
            clock,
            data,
            settings,
            process: None,
            wanted: false,
            stopped: false,
            token: String::new(),
        }
    }

    /// Whoever knows the token is let in.
    pub fn known_by(&mut self, token: &str) {
        self.token = token.to_owned();
    }

    pub fn door(&self) -> Door {
        let address = self.settings.listen.as_deref().unwrap_or_default();
        Door::new(address, &self.token)
    }

    /// For the first time: where it serves is not known before.
    pub fn start_first(&mut self) {
        let process = ServiceProcess::start(&self.data, &self.settings);
        self.settings.listen = Some(process.address.clone());
        self.process = Some(process);
        self.wanted = true;
    }

    /// It shall run. It is not waited for: the database may be away.
    pub fn start(&mut self) {
        self.wanted = true;
        self.tend();
    }

    /// Starts it again where it has ended by itself; `true`: it had.
    pub fn tend(&mut self) -> bool {
        if !self.wanted || self.runs() {
            return false;
        }
        let had = self.process.is_some();
        self.stopped = false;
        self.process = Some(ServiceProcess::spawn(&self.data, &self.settings));
        had
    }

    pub fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(ServiceProcess::runs)
    }

    pub fn pid(&mut self) -> Option<u32> {
        let runs = self.runs();
        self.process
            .as_ref()
            .filter(|_| runs)
            .map(ServiceProcess::pid)
    }

    pub fn kill(&mut self) {
        self.wanted = false;
        self.stopped = false;
        if self.runs()
            && let Some(process) = self.process.take()
        {
            process.kill();
        }
        self.process = None;
    }

    /// SIGTERM: how long it took, or how it ended. `None`: it did not run.
    pub fn terminate(&mut self) -> Option<Result<Duration, String>> {
        self.go_on();
        self.wanted = false;
        if !self.runs() {
            self.process = None;
            return None;
        }
        let mut process = self.process.take()?;
        let began = Instant::now();
        ServiceProcess::terminate(process.pid());
        Some(match process.ended_within(PATIENCE) {
            Some(status) if status.success() => Ok(began.elapsed()),
            // Before it served anything, and had anything to hand over.
            Some(status) if status.signal() == Some(15) => return None,
            Some(status) => Err(format!("it ended with {status}")),
            None => Err(format!("it did not end within {PATIENCE:?}")),
        })
    }

    /// SIGSTOP.
    pub fn stop(&mut self) {
        if let Some(pid) = self.pid() {
            process::signal(pid, "-STOP");
            self.stopped = true;
        }
    }

    /// It was stopped, and has not been told to go on.
    pub fn sleeps(&self) -> bool {
        self.stopped
    }

    /// SIGCONT.
    pub fn go_on(&mut self) {
        if std::mem::take(&mut self.stopped)
            && let Some(pid) = self.pid()
        {
            process::signal(pid, "-CONT");
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.with_extension("log")).unwrap_or_default()
    }

    pub fn all_is_well(&mut self) {
        self.link.road.open_again();
        self.relay.road.open_again();
        self.clock.set_clock(0);
        self.go_on();
        self.start();
    }
}
