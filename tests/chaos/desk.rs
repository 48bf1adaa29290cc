//! Desk: programs that work over REST: they reply, send files, forward, edit, react, pin and delete, each call under a key that is
//! repeated until it is known what became of it.

mod acts;
mod call;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Text},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use self::call::{Call, Tried};
use super::{
    door::Door,
    facts::Facts,
    findings::Findings,
    placed::{Known, Order, Placed, Work},
    town::Desk,
};
use crate::support::{fleet::FleetAccount, oracle::File};

/// How many programs work at the same time.
const PROGRAMS: usize = 6;
/// Between two orders of one program.
const PAUSE: Duration = Duration::from_millis(250);
/// So many messages of its own a program remembers.
const REMEMBERED: usize = 40;

#[derive(Clone)]
pub struct Programs {
    /// Each leads to all accounts.
    doors: Vec<Door>,
    /// They send files, too.
    files: bool,
    accounts: Arc<Vec<FleetAccount>>,
    file: Arc<File>,
    findings: Findings,
    facts: Facts,
    pub placed: Placed,
    pub quiet: Arc<AtomicBool>,
    pub over: Arc<AtomicBool>,
    /// In the middle of a call, or of repeating it.
    busy: Arc<AtomicUsize>,
}

#[derive(QueryableByName, Deserialize)]
struct Conversation {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = BigInt)]
    chat: i64,
}

#[derive(QueryableByName, Deserialize)]
struct Fate {
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Bool)]
    deleted: bool,
}

/// A message that a program had sent.
#[derive(Clone)]
struct Own {
    row: i64,
    desk: Desk,
    text: String,
    /// Plain words, which may go to other accounts.
    plain: bool,
    changed: bool,
    passed_on: bool,
}

/// One program.
struct Program {
    programs: Programs,
    number: usize,
    client: Client,
    desks: Vec<Desk>,
    chance: StdRng,
    conversations: HashMap<(String, i64), i64>,
    own: Vec<Own>,
    written: u64,
}

impl Programs {
    pub fn start(
        doors: &[Door],
        accounts: &[FleetAccount],
        file: Arc<File>,
        desks: &[Desk],
        (findings, facts): (&Findings, &Facts),
        (seed, files): (u64, bool),
    ) -> Self {
        let programs = Self {
            doors: doors.to_vec(),
            files,
            accounts: Arc::new(accounts.to_vec()),
            file,
            findings: findings.clone(),
            facts: facts.clone(),
            placed: Placed::default(),
            quiet: Arc::default(),
            over: Arc::default(),
            busy: Arc::default(),
        };
        facts.expect("a caller hung up in the middle of a call");
        facts.expect("a call broke with the service");
        facts.expect("a call was repeated until it was answered");
        for number in 0..PROGRAMS {
            let program = Program {
                programs: programs.clone(),
                number,
                // A line of its own each time: what hangs holds up nobody else.
                client: doors[0].client(),
                desks: desks.to_vec(),
                chance: StdRng::seed_from_u64(seed ^ (0xde5c + number as u64)),
                conversations: HashMap::new(),
                own: Vec::new(),
                written: 0,
            };
            tokio::spawn(program.work());
        }
        programs
    }

    pub fn orders(&self) -> Vec<Order> {
        self.placed.all()
    }

    /// Nobody is in the middle of a call.
    pub fn idle(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    fn conversations(&self) -> HashMap<(String, i64), i64> {
        let all: Option<Vec<Conversation>> = self
            .file
            .try_rows("SELECT id, telegram_account_id AS account, chat FROM conversations");
        all.into_iter()
            .flatten()
            .map(|one| ((one.account, one.chat), one.id))
            .collect()
    }

    /// It is at Telegram and was not deleted.
    fn is_there(&self, row: i64) -> bool {
        let fate: Option<Vec<Fate>> = self.file.try_rows(&format!(
            "SELECT status, deleted_at IS NOT NULL AS deleted FROM messages WHERE id = {row}"
        ));
        let fate = fate.unwrap_or_default();
        fate.first()
            .is_some_and(|fate| fate.status == "sent" && !fate.deleted)
    }
}

impl Program {
    async fn work(mut self) {
        let programs = self.programs.clone();
        while !programs.over.load(Ordering::Acquire) {
            tokio::time::sleep(PAUSE.mul_f64(self.chance.random_range(0.2..1.8))).await;
            if programs.quiet.load(Ordering::Acquire) {
                continue;
            }
            programs.busy.fetch_add(1, Ordering::AcqRel);
            self.act().await;
            programs.busy.fetch_sub(1, Ordering::AcqRel);
        }
    }

    async fn act(&mut self) {
        let dice = self.chance.random_range(0..100_u32);
        match dice {
            0..46 => self.reply().await,
            46..56 if self.programs.files => self.files().await,
            46..56 => self.reply().await,
            56..64 => self.forward().await,
            64..80 => self.edit().await,
            80..86 => self.delete().await,
            86..96 => self.react().await,
            _ => self.pin().await,
        }
    }

    /// Words that nobody else writes.
    fn words(&mut self) -> String {
        self.written += 1;
        format!("r{} of program {}", self.written, self.number)
    }

    fn desk(&mut self) -> Option<(Desk, i64)> {
        let desk = self.desks[self.chance.random_range(0..self.desks.len())];
        Some((desk, self.conversation(desk)?))
    }

    fn conversation(&mut self, desk: Desk) -> Option<i64> {
        let account = self.programs.accounts[desk.account].id.clone();
        let place = (account, desk.chat);
        if !self.conversations.contains_key(&place) {
            self.conversations = self.programs.conversations();
        }
        self.conversations.get(&place).copied()
    }

    fn remember(&mut self, row: Option<&i64>, desk: Desk, text: String, plain: bool) {
        let Some(row) = row else { return };
        self.own.push(Own {
            row: *row,
            desk,
            text,
            plain,
            changed: false,
            passed_on: false,
        });
        if self.own.len() > REMEMBERED {
            self.own.remove(0);
        }
    }

    /// One of its own messages that is at Telegram.
    fn some(&mut self, fits: impl Fn(&Own) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.own.len())
            .filter(|at| fits(&self.own[*at]))
            .collect();
        let at = *fitting.get(self.chance.random_range(0..fitting.len().max(1)))?;
        self.programs.is_there(self.own[at].row).then_some(at)
    }

    /// One call, repeated until it is known what became of it: the rows that it is about.
    async fn place(&mut self, mut call: Call, desk: Desk, text: &str, work: Work) -> Vec<i64> {
        self.written += 1;
        call.key = format!("{}-{}", self.number, self.written);
        let number = self.programs.placed.add(Order {
            account: desk.account,
            chat: desk.chat,
            text: text.to_owned(),
            work,
            known: Known::Nothing,
        });
        for attempt in 0_u32.. {
            // At first many don't wait for the answer.
            let patience = if attempt < 3 && self.chance.random_ratio(2, 5) {
                Duration::from_millis(self.chance.random_range(1..30))
            } else {
                Duration::from_secs(20)
            };
            match self.ask(&call, patience).await {
                Tried::Known(known) => {
                    if attempt > 0 {
                        let facts = &self.programs.facts;
                        facts.once("a call was repeated until it was answered");
                    }
                    self.programs.placed.know(number, known.clone());
                    return match known {
                        Known::Taken(rows) => rows,
                        Known::Nothing | Known::Refused(_) => Vec::new(),
                    };
                }
                Tried::Again => {
                    let pause = self.chance.random_range(5..400);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            }
        }
        Vec::new()
    }

    async fn ask(&mut self, call: &Call, patience: Duration) -> Tried {
        let (findings, facts) = (&self.programs.findings, &self.programs.facts);
        let doors = &self.programs.doors;
        let door = match doors.len() {
            1 => &doors[0],
            several => &doors[self.chance.random_range(0..several)],
        };
        let sent = call.request(&self.client, door).timeout(patience).send();
        let response = match sent.await {
            Ok(response) => response,
            Err(error) => {
                facts.once(if error.is_timeout() {
                    "a caller hung up in the middle of a call"
                } else {
                    "a call broke with the service"
                });
                return Tried::Again;
            }
        };
        let status = response.status();
        let Ok(answer) = response.json::<Value>().await else {
            return Tried::Again;
        };
        let code = answer["error"]["code"].as_str().unwrap_or_default();
        match status {
            StatusCode::ACCEPTED => match rows_of(&answer) {
                rows if rows.is_empty() => {
                    findings.add(&format!("a 202 without a message: {answer}"));
                    Tried::Again
                }
                rows => Tried::Known(Known::Taken(rows)),
            },
            StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::INSUFFICIENT_STORAGE => Tried::Again,
            StatusCode::CONFLICT if code == "idempotency_in_progress" => Tried::Again,
            StatusCode::CONFLICT if code == "account_unavailable" => {
                Tried::Known(Known::Refused(code.to_owned()))
            }
            _ => {
                let (method, path) = (&call.method, &call.path);
                findings.add(&format!("{method} {path} was answered {status} {answer}"));
                Tried::Known(Known::Refused(code.to_owned()))
            }
        }
    }
}

fn rows_of(answer: &Value) -> Vec<i64> {
    let several = answer["messages"].as_array();
    let rows: Vec<i64> = several
        .into_iter()
        .flatten()
        .filter_map(|message| message["id"].as_i64())
        .collect();
    match answer["message"]["id"].as_i64() {
        Some(row) if rows.is_empty() => vec![row],
        _ => rows,
    }
}
