//! Foreign: a second Telegram for the service, `tests/foreign/`, in a process of its own and at a test's orders.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{Mutex, OnceCell},
    time::{Duration, timeout},
};

use super::wait::LIMIT;

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign");
/// For the packages to arrive, once.
const INSTALL_LIMIT: Duration = Duration::from_secs(180);

/// A Python with the pinned packages in it, made once under the target directory.
pub async fn python() -> PathBuf {
    static PYTHON: OnceCell<PathBuf> = OnceCell::const_new();
    PYTHON
        .get_or_init(|| async {
            let requirements = format!("{HERE}/requirements.txt");
            let wanted = std::fs::read_to_string(&requirements).unwrap();
            let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign-venv");
            let (python, stamp) = (home.join("bin/python"), home.join("installed.txt"));
            if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
                return python;
            }
            let make = ["-m", "venv", "--clear"];
            run(Command::new("python3").args(make).arg(&home)).await;
            let install = ["-m", "pip", "install", "--quiet"];
            let by_name = ["--disable-pip-version-check", "-r"];
            run(Command::new(&python)
                .args(install)
                .args(by_name)
                .arg(&requirements))
            .await;
            std::fs::write(stamp, wanted).unwrap();
            python
        })
        .await
        .clone()
}

async fn run(command: &mut Command) {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = timeout(INSTALL_LIMIT, child.wait_with_output())
        .await
        .expect("the command ends")
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{err}");
}

/// Its process ends with it.
pub struct ForeignTelegram {
    _child: Child,
    channel: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    complaints: PathBuf,
    pub port: u64,
    /// PEM.
    pub public_key: String,
}

impl ForeignTelegram {
    /// What it writes to stderr is kept in `dir`.
    pub async fn start(dir: &Path) -> Self {
        let complaints = dir.join("foreign.log");
        let mut child = Command::new(python().await)
            .arg(format!("{HERE}/server.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&complaints).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = read(&mut answers, &complaints).await;
        Self {
            _child: child,
            channel: Mutex::new((orders, answers)),
            complaints,
            port: first["port"].as_u64().unwrap(),
            public_key: first["key"].as_str().unwrap().to_owned(),
        }
    }

    /// Gives an order of `tests/foreign/server.py` and waits until it is carried out.
    pub async fn order(&self, order: Value) -> Value {
        let mut channel = self.channel.lock().await;
        let (orders, answers) = &mut *channel;
        orders
            .write_all(format!("{order}\n").as_bytes())
            .await
            .unwrap();
        read(answers, &self.complaints).await["done"].clone()
    }

    /// Everything that it saw of one account.
    pub async fn seen(&self, phone: &str) -> Value {
        self.order(json!({ "do": "seen", "phone": phone })).await
    }

    /// Errors of its own.
    pub fn complaints(&self) -> String {
        std::fs::read_to_string(&self.complaints).unwrap()
    }
}

async fn read(answers: &mut Lines<BufReader<ChildStdout>>, complaints: &Path) -> Value {
    let line = timeout(LIMIT, answers.next_line())
        .await
        .expect("the foreign server answers");
    match line.unwrap() {
        Some(line) => serde_json::from_str(&line).unwrap(),
        None => panic!(
            "the foreign server has ended:\n{}",
            std::fs::read_to_string(complaints).unwrap()
        ),
    }
}
