//! Desk: programs that reply over REST, each under a key that it repeats until it knows what became of its call.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Text},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::{facts::Facts, findings::Findings, town::Desk};
use crate::support::{fleet::FleetAccount, oracle::File};

/// How many programs reply at the same time.
const PROGRAMS: usize = 6;
/// Between two replies of one program.
const PAUSE: Duration = Duration::from_millis(250);

/// What is known of one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Known {
    /// It is still asked.
    Nothing,
    /// 202: the row of the message.
    Taken(i64),
    /// A refusal: nothing was stored.
    Refused(String),
}

#[derive(Clone, Debug)]
pub struct Order {
    pub account: usize,
    pub chat: i64,
    /// Nobody else writes it.
    pub text: String,
    pub known: Known,
}

#[derive(Clone)]
pub struct Programs {
    address: String,
    accounts: Arc<Vec<FleetAccount>>,
    file: Arc<File>,
    findings: Findings,
    facts: Facts,
    orders: Arc<Mutex<Vec<Order>>>,
    pub quiet: Arc<AtomicBool>,
    pub over: Arc<AtomicBool>,
    /// In the middle of a call, or of repeating it.
    busy: Arc<AtomicUsize>,
}

#[derive(QueryableByName)]
struct Conversation {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = BigInt)]
    chat: i64,
}

/// What a single try ended with.
enum Tried {
    Known(Known),
    /// Nobody knows; it is asked again.
    Again,
}

impl Programs {
    pub fn start(
        address: &str,
        accounts: &[FleetAccount],
        file: Arc<File>,
        desks: &[Desk],
        (findings, facts): (&Findings, &Facts),
        seed: u64,
    ) -> Self {
        let programs = Self {
            address: address.to_owned(),
            accounts: Arc::new(accounts.to_vec()),
            file,
            findings: findings.clone(),
            facts: facts.clone(),
            orders: Arc::default(),
            quiet: Arc::default(),
            over: Arc::default(),
            busy: Arc::default(),
        };
        facts.expect("a caller hung up in the middle of a call");
        facts.expect("a call broke with the service");
        facts.expect("a call was repeated until it was answered");
        for number in 0..PROGRAMS {
            let chance = StdRng::seed_from_u64(seed ^ (0xde5c + number as u64));
            tokio::spawn(programs.clone().work(number, desks.to_vec(), chance));
        }
        programs
    }

    pub fn orders(&self) -> Vec<Order> {
        self.lock().clone()
    }

    /// Nobody is in the middle of a call.
    pub fn idle(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn work(self, number: usize, desks: Vec<Desk>, mut chance: StdRng) {
        // A line of its own each time: what hangs holds up nobody else.
        let client = Client::builder().no_proxy().build().expect("a client");
        let mut conversations = HashMap::new();
        let mut written = 0;
        while !self.over.load(Ordering::Acquire) {
            tokio::time::sleep(PAUSE.mul_f64(chance.random_range(0.2..1.8))).await;
            if self.quiet.load(Ordering::Acquire) {
                continue;
            }
            let desk = desks[chance.random_range(0..desks.len())];
            let account = &self.accounts[desk.account].id;
            if !conversations.contains_key(&(account.clone(), desk.chat)) {
                conversations = self.conversations();
            }
            let Some(conversation) = conversations.get(&(account.clone(), desk.chat)).copied()
            else {
                continue;
            };
            written += 1;
            let order = Order {
                account: desk.account,
                chat: desk.chat,
                text: format!("r{written} of program {number}"),
                known: Known::Nothing,
            };
            self.busy.fetch_add(1, Ordering::AcqRel);
            self.place(&client, conversation, order, &mut chance).await;
            self.busy.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn conversations(&self) -> HashMap<(String, i64), i64> {
        let all: Vec<Conversation> =
            diesel::sql_query("SELECT id, telegram_account_id AS account, chat FROM conversations")
                .load(&mut self.file.open())
                .unwrap_or_default();
        all.into_iter()
            .map(|one| ((one.account, one.chat), one.id))
            .collect()
    }

    /// One reply, asked for until it is known what became of it.
    async fn place(&self, client: &Client, conversation: i64, order: Order, chance: &mut StdRng) {
        let key = order.text.replace(' ', "-");
        let text = order.text.clone();
        let index = {
            let mut orders = self.lock();
            orders.push(order);
            orders.len() - 1
        };
        for attempt in 0_u32.. {
            // At first many don't wait for the answer.
            let patience = if attempt < 3 && chance.random_ratio(2, 5) {
                Duration::from_millis(chance.random_range(1..30))
            } else {
                Duration::from_secs(20)
            };
            match self.ask(client, conversation, &text, &key, patience).await {
                Tried::Known(known) => {
                    if attempt > 0 {
                        self.facts.once("a call was repeated until it was answered");
                    }
                    self.lock()[index].known = known;
                    return;
                }
                Tried::Again => {
                    tokio::time::sleep(Duration::from_millis(chance.random_range(5..400))).await;
                }
            }
        }
    }

    async fn ask(
        &self,
        client: &Client,
        conversation: i64,
        text: &str,
        key: &str,
        patience: Duration,
    ) -> Tried {
        let sent = client
            .post(format!(
                "http://{}/conversations/{conversation}/reply",
                self.address
            ))
            .header("Idempotency-Key", key)
            .json(&json!({ "text": text }))
            .timeout(patience)
            .send();
        let response = match sent.await {
            Ok(response) => response,
            Err(error) => {
                self.facts.once(if error.is_timeout() {
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
            StatusCode::ACCEPTED => match answer["message"]["id"].as_i64() {
                Some(row) => Tried::Known(Known::Taken(row)),
                None => {
                    self.findings
                        .add(&format!("a 202 without a message: {answer}"));
                    Tried::Again
                }
            },
            StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::GATEWAY_TIMEOUT => Tried::Again,
            StatusCode::CONFLICT if code == "account_unavailable" => {
                Tried::Known(Known::Refused(code.to_owned()))
            }
            _ => {
                self.findings
                    .add(&format!("a reply was answered {status} {answer}"));
                Tried::Known(Known::Refused(code.to_owned()))
            }
        }
    }
}
