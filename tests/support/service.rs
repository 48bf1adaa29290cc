//! Service: the real binary in a process of its own, so that it can be killed like the real thing.

use std::{
    ffi::OsString,
    fs::File,
    io::{BufRead, BufReader, Read, Seek},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use super::{engine, wait::LIMIT};

pub struct ServiceProcess {
    child: Child,
    pub address: String,
    /// `http` or `https`.
    pub scheme: String,
    /// What it says on stdout, after the first line.
    lines: Option<Mutex<mpsc::Receiver<String>>>,
    log: PathBuf,
}

/// How to start it.
#[derive(Clone, Debug, Default)]
pub struct ServiceSettings {
    /// Where; on a free port when not said.
    pub listen: Option<String>,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// The data directory lies on a disk of its own, of this size; nobody but the service sees it.
    pub disk: Option<String>,
    /// In this network namespace.
    pub namespace: Option<PathBuf>,
    /// Its rows are in a PostgreSQL.
    pub postgres: Option<Server>,
    /// Another program than the one that is tested: an earlier version.
    pub program: Option<PathBuf>,
}

/// Which one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Server {
    OfAll,
    /// Nobody else's: it may be ended.
    ItsOwn,
}

/// What a program keeps of the test's environment: where programs are, and the mark by which `tests/run` ends whatever it began.
pub fn kept() -> impl Iterator<Item = (&'static str, OsString)> {
    ["PATH", "SWITCHBOARD_TESTS_RUN"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// The service's binary, started on a disk of its own or in another network where that is wanted.
fn command(data_dir: &Path, settings: &ServiceSettings) -> Command {
    let (disk, namespace) = (settings.disk.as_deref(), settings.namespace.as_deref());
    let service = Path::new(env!("CARGO_BIN_EXE_switchboard"));
    let service = settings.program.as_deref().unwrap_or(service);
    if let Some(namespace) = namespace {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", namespace.display()))
            .arg(service);
        return command;
    }
    let Some(size) = disk else {
        return Command::new(service);
    };
    std::fs::create_dir_all(data_dir).unwrap();
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o mode=700,size=\"$1\" none \"$2\" && shift 2 && exec \"$@\"")
        .args(["sh", size])
        .arg(data_dir)
        .arg(service);
    command
}

impl ServiceProcess {
    /// Starts the service on `data_dir` and waits until it serves.
    pub fn start(data_dir: &Path, settings: &ServiceSettings) -> Self {
        match Self::try_start(data_dir, settings) {
            Ok(service) => service,
            Err((status, log)) => panic!("the service did not start ({status}):\n{log}"),
        }
    }

    /// Like [`Self::start`]; answers with exit status and log when it refuses.
    pub fn try_start(
        data_dir: &Path,
        settings: &ServiceSettings,
    ) -> Result<Self, (ExitStatus, String)> {
        let mut service = Self::spawn(data_dir, settings);
        match first_line(&mut service.child) {
            Some((line, lines)) => {
                let url = line.strip_prefix("listening on ");
                let (scheme, address) = url
                    .and_then(|url| url.split_once("://"))
                    .unwrap_or_else(|| panic!("unexpected first line: {line}"));
                service.address = address.to_owned();
                service.scheme = scheme.to_owned();
                service.lines = Some(Mutex::new(lines));
                Ok(service)
            }
            None => Err((service.child.wait().unwrap(), service.log())),
        }
    }

    /// Starts the service and waits for nothing; it has no address yet.
    pub fn spawn(data_dir: &Path, settings: &ServiceSettings) -> Self {
        let log = data_dir.with_extension("log");
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        if settings.postgres == Some(Server::ItsOwn) && engine::database_of(data_dir).is_none() {
            engine::apart(data_dir);
        }
        let database = (settings.postgres.is_some() || engine::everywhere())
            .then(|| engine::url_of(&engine::database_for(data_dir)));
        let mut command = command(data_dir, settings);
        command
            .env_clear()
            .envs(kept())
            .env("RUST_LOG", "info")
            .env("RUST_BACKTRACE", "1")
            .env("SWITCHBOARD_LAUNCH_LINK", "true")
            .envs(database.map(|url| ("SWITCHBOARD_DATABASE_URL", url)))
            .envs(settings.env.iter().cloned())
            .arg("--data-dir")
            .arg(data_dir)
            .args([
                "--listen",
                settings.listen.as_deref().unwrap_or("127.0.0.1:0"),
            ])
            .args(&settings.args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(output);
        Self {
            address: String::new(),
            scheme: "http".to_owned(),
            lines: None,
            child: command.spawn().unwrap(),
            log,
        }
    }

    /// Whoever reads its output has gone.
    pub fn close_output(&mut self) {
        self.child.stdout = None;
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// The next line on stdout.
    pub fn next_line(&self) -> String {
        let lines = self.lines.as_ref().expect("it serves");
        lines.lock().unwrap().recv_timeout(LIMIT).unwrap()
    }

    /// A line on stdout that is there already.
    pub fn line_so_far(&self) -> Option<String> {
        let lines = self.lines.as_ref().expect("it serves");
        lines.lock().unwrap().try_recv().ok()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// As a power cut would: nothing is said, nothing is written.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As a crash would: did it leave its memory in a file?
    pub fn abort(mut self) -> ExitStatus {
        let sent = Command::new("kill")
            .args(["-ABRT", &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        self.child.wait().unwrap()
    }

    /// How it ended by itself.
    pub fn ended(mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < LIMIT, "it goes on:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// It has not ended.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// How it ended, once it has; `None`: it goes on.
    pub fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if start.elapsed() > limit {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGTERM; the service has to end cleanly within ten seconds.
    pub fn stop(mut self) {
        self.stop_and_check();
    }

    /// SIGTERM, to a process that is ours.
    pub fn terminate(pid: u32) {
        let killed = Command::new("kill").arg(pid.to_string()).status().unwrap();
        assert!(killed.success());
    }

    fn stop_and_check(&mut self) {
        let start = Instant::now();
        Self::terminate(self.pid());
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(
                    status.code(),
                    Some(0),
                    "ended with {status} ({:?})",
                    status.signal()
                );
                return;
            }
            if start.elapsed() > Duration::from_secs(10) {
                let _ = self.child.kill();
                panic!("did not stop within ten seconds:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Everything it logged, over all starts on this data directory.
    pub fn log(&self) -> String {
        let mut file = File::open(&self.log).unwrap();
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- log of the service ---\n{}", self.log());
        }
    }
}

fn first_line(child: &mut Child) -> Option<(String, mpsc::Receiver<String>)> {
    let stdout = child.stdout.take().unwrap();
    let (line, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for text in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line.send(text).is_err() {
                break;
            }
        }
    });
    match lines.recv_timeout(LIMIT) {
        Ok(line) => Some((line, lines)),
        Err(mpsc::RecvTimeoutError::Disconnected) => None,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the service said nothing in {LIMIT:?}"),
    }
}
