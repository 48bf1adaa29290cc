//! Arrivals: somebody who signs one account after the other in by a code, each step at another node than the one before, while nodes come
//! and go. A sign-in goes on until it is through, whatever becomes of the node that it was begun at.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, Simulator};

use super::super::{door::Door, facts::Facts, findings::Findings};
use crate::support::fleet::phone;

/// Numbers that the accounts of the town do not have.
const FIRST: usize = 5_000;
const LOOK: Duration = Duration::from_millis(400);
/// A node may have died, and its accounts wait for another one; the machine may be slow.
const GONE: Duration = Duration::from_secs(120);
const AT_ONCE: usize = 2;
/// States in which an account waits for a new sign-in.
const ENDED: [&str; 2] = ["needs_login", "signed_out"];

const BEGUN: &str = "a sign-in was begun";
const DONE: &str = "a sign-in was through";
const ANEW: &str = "a sign-in was begun anew";

#[derive(Clone)]
pub struct Arrivals {
    doors: Vec<Door>,
    telegram: Simulator,
    findings: Findings,
    facts: Facts,
    /// Since when nobody begins anything, and all is well.
    rest: Arc<Mutex<Option<Instant>>>,
    pub over: Arc<AtomicBool>,
    /// Who is in the middle of it, with the last thing that was answered, and since when it was that.
    busy: Arc<Mutex<BTreeMap<String, (Instant, String)>>>,
}

struct Person {
    all: Arrivals,
    client: Client,
    chance: StdRng,
    number: String,
    label: String,
    calls: u64,
}

impl Arrivals {
    pub fn start(
        doors: &[Door],
        telegram: &Simulator,
        (findings, facts): (&Findings, &Facts),
        seed: u64,
    ) -> Self {
        let arrivals = Self {
            doors: doors.to_vec(),
            telegram: telegram.clone(),
            findings: findings.clone(),
            facts: facts.clone(),
            rest: Arc::new(Mutex::new(Some(Instant::now()))),
            over: Arc::default(),
            busy: Arc::default(),
        };
        for fact in [BEGUN, DONE, ANEW] {
            facts.expect(fact);
        }
        for person in 0..AT_ONCE {
            tokio::spawn(arrivals.clone().come(person, seed));
        }
        arrivals
    }

    pub fn be_quiet(&self, quiet: bool) {
        *self.rest.lock().unwrap() = quiet.then(Instant::now);
    }

    fn at_rest_for(&self, time: Duration) -> bool {
        let since = *self.rest.lock().unwrap();
        since.is_some_and(|since| since.elapsed() >= time)
    }

    /// Who is in the middle of it, and where.
    pub fn under_way(&self) -> Vec<String> {
        let busy = self.busy.lock().unwrap();
        let told = |(who, (since, what)): (&String, &(Instant, String))| {
            let seconds = since.elapsed().as_secs();
            format!("{who} is in the middle of a sign-in: for {seconds} s {what}")
        };
        busy.iter().map(told).collect()
    }

    async fn come(self, person: usize, seed: u64) {
        let mut chance = StdRng::seed_from_u64(seed ^ (0xa441 + person as u64));
        for round in 0_usize.. {
            let pause = Duration::from_millis(chance.random_range(4_000..20_000));
            tokio::time::sleep(pause).await;
            while self.at_rest_for(Duration::ZERO) && !self.over.load(Ordering::Acquire) {
                tokio::time::sleep(LOOK).await;
            }
            if self.over.load(Ordering::Acquire) {
                return;
            }
            let number = phone(FIRST + round * AT_ONCE + person);
            let label = format!("Arrival {round} of {person}");
            let spec = AccountSpec::new(&number, &label);
            self.telegram.add_account(spec);
            let begun = (Instant::now(), "nothing was answered".to_owned());
            self.busy.lock().unwrap().insert(label.clone(), begun);
            let person = Person {
                all: self.clone(),
                client: self.doors[0].client_within(Duration::from_secs(25)),
                chance: StdRng::seed_from_u64(chance.random()),
                number,
                label: label.clone(),
                calls: 0,
            };
            person.sign_in().await;
            self.busy.lock().unwrap().remove(&label);
        }
    }
}

impl Person {
    async fn sign_in(mut self) {
        self.all.facts.once(BEGUN);
        let Some(id) = self.made().await else { return };
        let account = format!("/accounts/{id}");
        let login = format!("{account}/login");
        let (mut seen, mut code_seen) = (Instant::now(), false);
        // Telegram uses a code up when it takes it: who was not answered types it once more.
        let mut typed = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let Some((_, told)) = self.ask(Method::GET, &account, None, "").await else {
                continue;
            };
            let state = &told["account"]["state"];
            if state == "online" {
                self.all.facts.once(DONE);
                return;
            }
            match told["login"]["step"].as_str() {
                Some("code") => {
                    (seen, code_seen) = (Instant::now(), true);
                    // The time in which a person reads the code.
                    let pause = self.chance.random_range(0..6_000);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    let sent = self.all.telegram.code_for(&self.number);
                    let Some(code) = sent.or(typed.take()) else {
                        // It was used up, and what it did is gone with a node.
                        if self.left_instead_of_anew(&account).await {
                            return;
                        }
                        continue;
                    };
                    typed = Some(code.clone());
                    let body = json!({ "code": code });
                    let key = self.key();
                    let answer = self
                        .ask(Method::POST, &format!("{login}/code"), Some(body), &key)
                        .await;
                    if let Some((status, told)) = answer {
                        self.note("a code", status, &told);
                        // An earlier try of its own had a later code sent.
                        code_seen &= told["error"]["code"] != "code_expired";
                        if told["error"]["code"] == "code_expired" {
                            typed = None;
                        }
                    }
                }
                Some(_) => seen = Instant::now(),
                // Nobody has it for now, or nothing is under way.
                None if seen.elapsed() < GONE && (code_seen || state != "needs_login") => {}
                // Its node died, and so may the next one: what became of it is seen when nodes have not come and gone for as long.
                None if code_seen
                    && !ENDED.iter().any(|ended| state == ended)
                    && !self.all.at_rest_for(GONE) => {}
                None => {
                    if code_seen {
                        let label = &self.label;
                        self.all.findings.add(&format!(
                            "the sign-in of {label} ({id}) ended by itself, and left its account at {state}"
                        ));
                    }
                    if self.left_instead_of_anew(&account).await {
                        return;
                    }
                    (seen, code_seen) = (Instant::now(), false);
                }
            }
        }
    }

    /// Begins the sign-in anew. `true`: too often by now, and the account is given up.
    async fn left_instead_of_anew(&mut self, account: &str) -> bool {
        self.all.facts.once(ANEW);
        let body = json!({ "phone": self.number });
        let key = self.key();
        let login = format!("{account}/login");
        let Some((status, told)) = self.ask(Method::POST, &login, Some(body), &key).await else {
            return false;
        };
        self.note("a sign-in", status, &told);
        let too_often = told["error"]["code"] == "too_many_attempts";
        if too_often {
            self.leave(account).await;
        }
        too_often
    }

    /// The account, with a sign-in under way if all went well.
    async fn made(&mut self) -> Option<String> {
        let body = json!({ "label": self.label, "phone": self.number });
        let mut key = self.key();
        loop {
            tokio::time::sleep(LOOK).await;
            let answer = self
                .ask(Method::POST, "/accounts/add", Some(body.clone()), &key)
                .await;
            let Some((status, told)) = answer else {
                continue;
            };
            if let Some(id) = told["account"]["id"].as_str() {
                return Some(id.to_owned());
            }
            self.note("an account", status, &told);
            // Any other refusal leaves nothing behind: the same key is good again.
            if told["error"]["code"] == "outcome_unknown" {
                if let Some(id) = self.found().await {
                    return Some(id);
                }
                key = self.key();
            }
        }
    }

    /// By its label: who was not answered looks what became of it.
    async fn found(&mut self) -> Option<String> {
        let (_, all) = self.ask(Method::GET, "/accounts", None, "").await?;
        let mut all = all["accounts"].as_array()?.iter();
        let own = all.find(|one| one["label"] == self.label.as_str())?;
        Some(own["id"].as_str()?.to_owned())
    }

    /// It is given up.
    async fn leave(&mut self, account: &str) {
        loop {
            let path = format!("{account}?history=delete");
            let key = self.key();
            match self.ask(Method::DELETE, &path, None, &key).await {
                Some((status, _)) if status.is_success() || status == StatusCode::NOT_FOUND => {
                    return;
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    fn key(&mut self) -> String {
        self.calls += 1;
        format!("{} {}", self.label, self.calls).replace(' ', "-")
    }

    fn note(&self, what: &str, status: StatusCode, told: &Value) {
        if !status.is_success() {
            let code = &told["error"]["code"];
            self.all
                .facts
                .once(&format!("{what} was answered {status} {code}"));
        }
        if [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_REQUEST].contains(&status) {
            self.all
                .findings
                .add(&format!("{what} was answered {status} {told}"));
        }
    }

    /// At any node. `None`: no answer came.
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: &str,
    ) -> Option<(StatusCode, Value)> {
        let doors = &self.all.doors;
        let door = &doors[self.chance.random_range(0..doors.len())];
        let mut request = self.client.request(method.clone(), door.url(path));
        if !key.is_empty() {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let asked = format!("{method} {path}");
        let Ok(response) = request.send().await else {
            self.is_at(format!("{asked} is not answered"));
            return None;
        };
        let status = response.status();
        let told: Value = response.json().await.unwrap_or(Value::Null);
        self.is_at(match &told["error"]["code"] {
            Value::Null => {
                let (account, step) = (&told["account"], &told["login"]["step"]);
                let (id, state) = (&account["id"], &account["state"]);
                let code = self.all.telegram.code_for(&self.number).is_some();
                format!("{asked} is answered {status}: {id} {state}, step {step}, a code is there: {code}")
            }
            code => format!("{asked} is answered {status} {code}"),
        });
        Some((status, told))
    }

    fn is_at(&self, what: String) {
        let mut busy = self.all.busy.lock().unwrap();
        match busy.get_mut(&self.label) {
            Some((_, before)) if *before == what => {}
            Some(place) => *place = (Instant::now(), what),
            None => {}
        }
    }
}
