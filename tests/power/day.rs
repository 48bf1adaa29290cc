//! A working day: what people and their accounts do until the power fails.

use std::{process::Command, sync::Mutex};

use reqwest::Method;
use serde_json::json;
use switchboard_simulator::{Media, PersonSpec};

use super::*;
use crate::support::{
    fleet::Fleet,
    forms::{Form, paper},
    live::Live,
    wait,
};

const PEOPLE: usize = 3;

/// With how much stood in the record when it was given.
type Promises = Arc<Mutex<Vec<(u64, Promise)>>>;

/// A day on which much happens, recorded.
pub struct Day {
    pub fleet: Fleet,
    pub people: Vec<i64>,
    pub promises: Promises,
    /// From where to where in the record the master key was changed.
    pub changes: Vec<(usize, usize)>,
}

impl Day {
    pub async fn begin() -> Self {
        let fleet = Fleet::builder()
            .accounts(2)
            .off_the_disk()
            .recorded()
            .start()
            .await;
        let people = (0..PEOPLE)
            .map(|at| {
                let name = format!("Contact {at}");
                fleet.telegram.add_person(PersonSpec::new(&name))
            })
            .collect();
        let day = Self {
            fleet,
            people,
            promises: Promises::default(),
            changes: Vec::new(),
        };
        for account in &day.fleet.accounts {
            day.promise(Promise::Session(account.id.clone()));
        }
        day
    }

    pub fn promise(&self, what: Promise) {
        let now = self.fleet.ground().operations();
        self.promises.lock().unwrap().push((now, what));
    }

    /// Notes what it is told.
    pub async fn listen(&self, after: i64) {
        let operations = self.fleet.ground().operations_of();
        let promises = Arc::clone(&self.promises);
        let mut live = Live::open(self.fleet.address(), Some(after)).await;
        tokio::spawn(async move {
            while let Some(frame) = live.until_broken().await {
                let Some(seq) = frame["seq"].as_i64() else {
                    continue;
                };
                let now = operations();
                let mut promises = promises.lock().unwrap();
                promises.push((now, Promise::Event(seq)));
                let message = &frame["data"]["message"];
                if let (Some(row), Some(text)) = (message["id"].as_i64(), message["text"].as_str())
                    && frame["event"] == "message_received"
                {
                    promises.push((now, Promise::Message(row, text.to_owned())));
                }
            }
        });
    }

    pub fn last_told(&self) -> i64 {
        let promises = self.promises.lock().unwrap();
        let seqs = promises.iter().filter_map(|(_, promise)| match promise {
            Promise::Event(seq) => Some(*seq),
            _ => None,
        });
        seqs.max().unwrap_or(0)
    }

    pub fn account(&self, at: usize) -> &FleetAccount {
        &self.fleet.accounts[at % self.fleet.accounts.len()]
    }

    /// People write, programs reply and send files, files are fetched.
    pub async fn hour(&self, number: usize) {
        for at in 0..60 {
            let (person, user) = (self.people[at % PEOPLE], self.account(at).user);
            let text = format!("hour {number}, message {at}");
            if at % 15 == 7 {
                let media = Media::Document {
                    name: "offer.pdf".to_owned(),
                    mime: "application/pdf".to_owned(),
                    size: 150_000,
                };
                self.fleet.telegram.say_media(person, user, media, &text);
            } else {
                self.fleet.telegram.say(person, user, &text);
            }
        }
        for at in 0..6 {
            let (account, person) = (self.account(at).clone(), self.people[at % PEOPLE]);
            let conversation = self.fleet.conversation(&account, person).await;
            let path = format!("/conversations/{}/reply", conversation["id"]);
            let text = format!("hour {number}, reply {at}");
            let answer = if at % 3 == 2 {
                let seed = (number * 10 + at) as u64;
                let form = Form::default()
                    .field("text", &text)
                    .add(&paper(seed, 40_000));
                self.fleet.api.form(&path, form).await.1
            } else {
                self.fleet.api.post(&path, json!({ "text": text })).await
            };
            let row = answer["message"]["id"]
                .as_i64()
                .unwrap_or_else(|| panic!("{answer}"));
            self.promise(Promise::Reply(row, text));
        }
        self.until_stored(number).await;
        self.fetch_files().await;
    }

    pub async fn until_stored(&self, hour: usize) {
        let file = self.fleet.data_dir().join("switchboard.db");
        let query = format!(
            "SELECT count(*) AS n FROM messages WHERE text LIKE 'hour {hour}, %' AND status <> 'pending'"
        );
        let stored = async || rows::number(&file, &query);
        wait::until("everything to be stored", stored, |stored| *stored >= 66).await;
    }

    pub async fn fetch_files(&self) {
        let file = self.fleet.data_dir().join("switchboard.db");
        let rows = rows::texts(
            &file,
            "SELECT CAST(id AS TEXT) AS t FROM messages WHERE direction = 'incoming' AND text LIKE '%message _7' \
                 OR text LIKE '%message 7' ORDER BY id DESC LIMIT 3",
        );
        for row in rows {
            let path = format!("/messages/{row}/media");
            let request = self.fleet.api.request(Method::GET, &path);
            let response = request.send().await.unwrap();
            if response.status().is_success() {
                let bytes = response.bytes().await.unwrap();
                assert_eq!(bytes.len(), 150_000);
            }
        }
    }

    /// A new master key, beside the running service.
    pub fn rekey(&mut self) {
        let began = self.fleet.ground().operations() as usize;
        let (dc, address) = self.fleet.telegram.dc_addresses()[0];
        let done = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args(["rekey", "--data-dir"])
            .arg(self.fleet.data_dir())
            .env_clear()
            .env("TELEGRAM_DC", format!("{dc}@{address}"))
            .envs(self.fleet.ground().recording())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        let ended = self.fleet.ground().operations() as usize;
        self.changes.push((began, ended));
    }

    /// Another session for the last account.
    pub async fn sign_in_again(&self, account: &FleetAccount) {
        let session = self.fleet.session_string(account.user);
        let path = format!("/accounts/{}/login", account.id);
        self.fleet
            .api
            .post(&path, json!({ "session": session }))
            .await;
        self.fleet.wait_for_state(&account.id, "online").await;
    }
}
