//! One of the others: a program beside this one, which is started, asked and ended.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::json;
use switchboard_simulator::Simulator;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{HERE, Kind, LIMIT, PYTHON, ask};
use crate::support::{api::Api, service::ServiceProcess};

pub(super) struct Other {
    pub(super) telegram: Simulator,
    pub(super) dir: TempDir,
    pub(super) sessions: Vec<String>,
    pub(super) child: Option<Child>,
    /// What it says, until somebody listens.
    pub(super) lines: Option<Lines<BufReader<ChildStdout>>>,
    /// Where the service serves.
    pub(super) address: String,
    /// Its accounts' names, by place.
    pub(super) ids: Vec<String>,
}

impl Other {
    pub(super) fn database(&self) -> PathBuf {
        self.dir.path().join("peer.db")
    }

    pub(super) async fn spawn(&mut self, kind: Kind) {
        let sessions = self.dir.path().join("sessions.txt");
        std::fs::write(&sessions, self.sessions.join("\n")).expect("written");
        let python = PYTHON.get().expect("prepared");
        let mut command = match kind {
            Kind::Peer | Kind::ByEvents => {
                let mut command = Command::new(python);
                command
                    .arg(format!("{HERE}/service.py"))
                    .arg(self.database())
                    .args((kind == Kind::ByEvents).then_some("--events"));
                command
            }
            Kind::Telethon => {
                let mut command = Command::new(python);
                command.arg(format!("{HERE}/sink.py"));
                command.arg(self.dir.path()).arg(&sessions);
                command
            }
            Kind::Grammers | Kind::Switchboard => {
                let mut command = Command::new(std::env::current_exe().expect("this program"));
                command.arg("sink").arg(&sessions);
                command
            }
        };
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("log.txt"))
            .expect("a log");
        let mut child = command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        self.child = Some(child);
        self.lines = Some(lines);
        if kind.serves() {
            let line = self.line().await;
            let address = line.strip_prefix("listening on http://");
            self.address = address.expect("an address").to_owned();
            self.lines = None;
        }
    }

    pub(super) async fn line(&mut self) -> String {
        let lines = self.lines.as_mut().expect("nobody else listens");
        let line = tokio::time::timeout(LIMIT, lines.next_line()).await;
        match line.expect("it says something").expect("it can be read") {
            Some(line) => line,
            None => panic!("it has ended:\n{}", self.log()),
        }
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log.txt")).unwrap_or_default()
    }

    /// Gives the service the accounts that it does not have yet.
    pub(super) async fn sign_in(&mut self) {
        let api = Api::new(&self.address);
        for session in &self.sessions[self.ids.len()..] {
            let body = json!({ "label": "Account", "session": session });
            let answer = ask(&api, Method::POST, "/accounts/add", Some(body)).await;
            let id = answer["account"]["id"].as_str().expect("an id");
            self.ids.push(id.to_owned());
        }
    }

    pub(super) async fn online(&mut self, kind: Kind) {
        if !kind.serves() {
            assert_eq!(self.line().await, "online");
            return;
        }
        let api = Api::new(&self.address);
        let began = Instant::now();
        loop {
            let health = ask(&api, Method::GET, "/health", None).await;
            if health["online"] == self.sessions.len() {
                return;
            }
            assert!(began.elapsed() < LIMIT, "{health}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) async fn end(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        drop(child.stdin.take());
        if let Some(pid) = child.id() {
            ServiceProcess::terminate(pid);
        }
        let ended = tokio::time::timeout(LIMIT, child.wait()).await;
        ended.expect("it ends").expect("it can be waited for");
    }
}
