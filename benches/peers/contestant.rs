//! Contestants: who runs, each on a simulated Telegram of its own that lives in this process, and what they say they heard.

mod other;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::Value;
use switchboard_simulator::{AccountSpec, Simulator};
use tokio::{
    io::{BufReader, Lines},
    process::ChildStdout,
    sync::{OnceCell, mpsc},
    task::JoinHandle,
};

use self::other::Other;
use crate::{
    parts::{self, Reader, number_in, resident},
    support::{
        api::Api,
        fleet::{Fleet, phone, session_string},
        python,
    },
};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers");
/// For anything that has to happen.
const LIMIT: Duration = Duration::from_secs(120);
static PYTHON: OnceCell<PathBuf> = OnceCell::const_new();

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Switchboard,
    /// Telethon → FastAPI → SQLite → WebSocket, on raw updates.
    Peer,
    /// The same on the events that Telethon's documentation shows.
    ByEvents,
    Telethon,
    Grammers,
}

impl Kind {
    pub const ALL: [Self; 4] = [
        Self::Switchboard,
        Self::Peer,
        Self::Telethon,
        Self::Grammers,
    ];
    /// The same, and the service once more by events.
    pub const ALL_AND_EVENTS: [Self; 5] = [
        Self::Switchboard,
        Self::Peer,
        Self::ByEvents,
        Self::Telethon,
        Self::Grammers,
    ];
    pub const SERVICES: [Self; 2] = [Self::Switchboard, Self::Peer];

    /// Is it the service of the peers?
    fn serves(self) -> bool {
        matches!(self, Self::Peer | Self::ByEvents)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Switchboard => "Switchboard",
            Self::Peer => "Telethon service",
            Self::ByEvents => "the same by events",
            Self::Telethon => "bare Telethon",
            Self::Grammers => "bare grammers",
        }
    }
}

/// A message that somebody says to have heard: its account's place, where that is told, its number, and when.
pub struct Heard {
    pub account: Option<usize>,
    pub number: usize,
    pub at: Instant,
}

/// What a contestant says; it goes on until this is dropped.
pub struct Ear {
    pub heard: mpsc::UnboundedReceiver<Heard>,
    task: JoinHandle<()>,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The packages are there before anything is measured.
pub async fn prepare() {
    let requirements = Path::new(HERE).join("requirements.txt");
    PYTHON
        .get_or_init(|| python::made_of(&requirements, "peers"))
        .await;
}

pub struct Contestant {
    pub kind: Kind,
    pub users: Vec<i64>,
    ground: Ground,
}

#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
enum Ground {
    Ours(Fleet),
    Other(Other),
}

impl Contestant {
    /// With so many accounts, all online.
    pub async fn start(kind: Kind, accounts: usize) -> Self {
        let ground = match kind {
            Kind::Switchboard => Ground::Ours(Fleet::builder().start().await),
            _ => Ground::Other(Other {
                telegram: Simulator::builder()
                    .seed(1)
                    .dcs(2)
                    .start()
                    .await
                    .expect("a simulator"),
                dir: tempfile::tempdir().expect("a directory"),
                sessions: Vec::new(),
                child: None,
                lines: None,
                address: String::new(),
                ids: Vec::new(),
            }),
        };
        let mut made = Self {
            kind,
            users: Vec::new(),
            ground,
        };
        made.grow(accounts).await;
        made
    }

    pub fn telegram(&self) -> &Simulator {
        match &self.ground {
            Ground::Ours(fleet) => &fleet.telegram,
            Ground::Other(other) => &other.telegram,
        }
    }

    /// Until it has so many accounts, and all are online.
    pub async fn grow(&mut self, accounts: usize) {
        match &mut self.ground {
            Ground::Ours(fleet) => {
                parts::fill(fleet, accounts).await;
                self.users = fleet.accounts.iter().map(|account| account.user).collect();
            }
            Ground::Other(other) => {
                for number in self.users.len()..accounts {
                    let user = other
                        .telegram
                        .add_account(AccountSpec::new(&phone(number), "Account"));
                    other.sessions.push(session_string(&other.telegram, user));
                    self.users.push(user);
                }
                if self.kind.serves() {
                    if other.child.is_none() {
                        other.spawn(self.kind).await;
                    }
                    other.sign_in().await;
                } else {
                    other.end().await;
                    other.spawn(self.kind).await;
                }
                other.online(self.kind).await;
            }
        }
    }

    /// SIGTERM, or what it takes for the end.
    pub async fn stop(&mut self) {
        match &mut self.ground {
            Ground::Ours(fleet) => fleet.stop_service(),
            Ground::Other(other) => other.end().await,
        }
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        match &mut self.ground {
            Ground::Ours(fleet) => fleet.kill_service(),
            Ground::Other(other) => {
                let mut child = other.child.take().expect("it runs");
                child.kill().await.expect("killed");
            }
        }
    }

    /// From `exec` to the last account online.
    pub async fn start_again(&mut self) -> Duration {
        let began = Instant::now();
        match &mut self.ground {
            Ground::Ours(fleet) => {
                fleet.start_service();
                parts::all_online(fleet).await;
            }
            Ground::Other(other) => {
                other.spawn(self.kind).await;
                other.online(self.kind).await;
            }
        }
        began.elapsed()
    }

    pub fn pid(&self) -> u32 {
        match &self.ground {
            Ground::Ours(fleet) => fleet.service().pid(),
            Ground::Other(other) => {
                let child = other.child.as_ref().expect("it runs");
                child.id().expect("it runs")
            }
        }
    }

    /// Memory once it no longer changes, in MB.
    pub async fn memory(&self) -> f64 {
        let mut last = resident(self.pid());
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = resident(self.pid());
            if now.abs_diff(last) < 64 {
                last = now;
                break;
            }
            last = now;
        }
        last as f64 / 1024.0
    }

    /// Of that, what is its own and not pages of files, in MB: programs and libraries are pages of files.
    pub fn own_memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("a living process");
        let line = status.lines().find(|line| line.starts_with("RssAnon:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        kib.expect("RssAnon") / 1024.0
    }

    /// As a dashboard listens; of the sinks, what they say.
    pub async fn listen(&mut self) -> Ear {
        let (tell, heard) = mpsc::unbounded_channel();
        let address = match &mut self.ground {
            Ground::Ours(fleet) => fleet.address().to_owned(),
            Ground::Other(other) => match other.lines.take() {
                Some(lines) => {
                    let task = tokio::spawn(hear_lines(lines, tell));
                    return Ear { heard, task };
                }
                None => other.address.clone(),
            },
        };
        let mut reader = Reader::open(&address).await;
        let task = tokio::spawn(async move {
            loop {
                let frame = reader.message().await;
                let at = Instant::now();
                if let Some(number) = number_in(&frame) {
                    let account = None;
                    let _ = tell.send(Heard {
                        account,
                        number,
                        at,
                    });
                }
            }
        });
        Ear { heard, task }
    }

    /// The service's database.
    pub fn file(&self) -> PathBuf {
        match &self.ground {
            Ground::Ours(fleet) => fleet.data_dir().join("switchboard.db"),
            Ground::Other(other) => other.database(),
        }
    }

    /// An account's name at the service.
    pub fn id(&self, account: usize) -> &str {
        match &self.ground {
            Ground::Ours(fleet) => &fleet.accounts[account].id,
            Ground::Other(other) => &other.ids[account],
        }
    }

    pub fn api(&self) -> Api {
        match &self.ground {
            Ground::Ours(fleet) => fleet.api.clone(),
            Ground::Other(other) => Api::new(&other.address),
        }
    }

    pub async fn end(mut self) {
        self.stop().await;
        if let Ground::Other(other) = &self.ground {
            other.telegram.shutdown().await;
        }
    }
}

/// A call that nothing is promised of.
pub async fn ask(api: &Api, method: Method, path: &str, body: Option<Value>) -> Value {
    let mut request = api.request(method, path);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.expect("JSON")
}

async fn hear_lines(mut lines: Lines<BufReader<ChildStdout>>, tell: mpsc::UnboundedSender<Heard>) {
    while let Ok(Some(line)) = lines.next_line().await {
        let at = Instant::now();
        let pair = line.split_once(' ');
        let pair =
            pair.and_then(|(account, number)| Some((account.parse().ok()?, number.parse().ok()?)));
        if let Some((account, number)) = pair {
            let account = Some(account);
            let _ = tell.send(Heard {
                account,
                number,
                at,
            });
        }
    }
}
