//! Nurse: signs accounts in again whose login was taken from them, as a person would. A login that is gone although
//! nobody took it is a discrepancy.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::{Value, json};
use switchboard_simulator::Simulator;

use super::{door::Door, facts::Facts, findings::Findings};
use crate::support::fleet::{FleetAccount, session_string};

const LOOK: Duration = Duration::from_millis(700);
/// Between two tries to sign an account in.
const BETWEEN: Duration = Duration::from_secs(8);
/// So long after a login was taken the account may still be found without one.
const PATIENCE: Duration = Duration::from_secs(90);

/// What of a login is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gone {
    /// The service is told so, and says that somebody has to sign in.
    Session,
    /// The key is not known any more, which may pass as far as the service knows: it goes on trying.
    Key,
}

#[derive(Clone)]
pub struct Nurse {
    door: Door,
    telegram: Simulator,
    accounts: Arc<Vec<FleetAccount>>,
    findings: Findings,
    facts: Facts,
    /// By the account's id: when somebody may sign it in again.
    taken: Arc<Mutex<HashMap<String, (Gone, Instant)>>>,
}

impl Nurse {
    pub fn start(
        door: &Door,
        telegram: &Simulator,
        accounts: &[FleetAccount],
        findings: &Findings,
        facts: &Facts,
    ) -> Self {
        let nurse = Self {
            door: door.clone(),
            telegram: telegram.clone(),
            accounts: Arc::new(accounts.to_vec()),
            findings: findings.clone(),
            facts: facts.clone(),
            taken: Arc::default(),
        };
        facts.expect("an account was signed in again");
        tokio::spawn(nurse.clone().watch());
        nurse
    }

    /// The account's login is gone now, and may come back after a while.
    pub fn took(&self, account: &str, what: Gone, back_in: Duration) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.insert(account.to_owned(), (what, Instant::now() + back_in));
    }

    /// Nobody waits any longer.
    pub fn now(&self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, at) in taken.values_mut() {
            *at = (*at).min(Instant::now());
        }
    }

    async fn watch(self) {
        let client = self.door.client_within(Duration::from_secs(10));
        loop {
            tokio::time::sleep(LOOK).await;
            let asked = client.get(self.door.url("/accounts")).send().await;
            let Ok(response) = asked else { continue };
            let Ok(answer) = response.json::<Value>().await else {
                continue;
            };
            for account in answer["accounts"].as_array().into_iter().flatten() {
                self.look_after(&client, account).await;
            }
        }
    }

    async fn look_after(&self, client: &Client, account: &Value) {
        let id = account["id"].as_str().unwrap_or_default();
        let state = account["state"].as_str().unwrap_or_default();
        if state == "failed" || state == "banned" {
            self.findings.add(&format!(
                "account {id} is {state}: {}",
                account["state_reason"]
            ));
        }
        let mut taken = self
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .copied();
        if state != "needs_login" && taken.is_none_or(|(what, _)| what != Gone::Key) {
            return;
        }
        match taken {
            Some((_, at)) if at > Instant::now() => return,
            Some((_, at)) if at.elapsed() < PATIENCE => {}
            _ => self.findings.add(&format!(
                "account {id} lost its login: {}",
                account["state_reason"]
            )),
        }
        let Some(known) = self.accounts.iter().find(|one| one.id == id) else {
            return;
        };
        let session = session_string(&self.telegram, known.user);
        let asked = client
            .post(self.door.url(&format!("/accounts/{id}/login")))
            .json(&json!({ "session": session }))
            .send();
        let answer = asked.await;
        if let Ok(refused) = &answer
            && !refused.status().is_success()
        {
            self.facts
                .once(&format!("a sign-in was answered {}", refused.status()));
            // A person doesn't try ten times within as many seconds, and is limited who does.
            let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, at)) = all.get_mut(id) {
                *at = Instant::now() + BETWEEN;
            }
        }
        if answer.is_ok_and(|response| response.status().is_success()) {
            if let Some((Gone::Key, at)) = taken.take() {
                let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert(id.to_owned(), (Gone::Session, at));
            }
            self.facts.once("an account was signed in again");
        }
    }
}
