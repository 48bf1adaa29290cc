//! Foreign: a second Telegram for the service, `tests/foreign/`, in a process of its own and at a test's orders.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Mutex,
    time::timeout,
};

use super::{python, wait::LIMIT};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign");
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
        let mut child = Command::new(python::with("foreign").await)
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
