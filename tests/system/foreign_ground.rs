//! A server of another making, the service at it, and what was seen there.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    api::Api,
    fleet::{API_HASH, API_ID, phone},
    foreign::ForeignTelegram,
    live::Live,
    rows,
    service::{ServiceProcess, ServiceSettings},
    wait,
};

/// The service on the other Telegram, with one account that is signed in.
pub struct Ground {
    pub telegram: ForeignTelegram,
    pub service: Option<ServiceProcess>,
    pub settings: ServiceSettings,
    pub api: Api,
    pub phone: String,
    pub account: String,
    pub dir: TempDir,
}

impl Ground {
    /// The account's sign-in has not begun.
    pub async fn build() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let telegram = ForeignTelegram::start(dir.path()).await;
        let key = dir.path().join("telegram.pem");
        std::fs::write(&key, &telegram.public_key).unwrap();
        let mut settings = ServiceSettings::default();
        for (name, value) in [
            ("--telegram-dc", format!("2@127.0.0.1:{}", telegram.port)),
            ("--telegram-dc-key", key.display().to_string()),
        ] {
            settings.args.extend([name.to_owned(), value]);
        }
        for (name, value) in [("TELEGRAM_API_ID", API_ID), ("TELEGRAM_API_HASH", API_HASH)] {
            settings.env.push((name.to_owned(), value.to_owned()));
        }
        let service = ServiceProcess::start(&dir.path().join("data"), &settings);
        Self {
            telegram,
            api: Api::new(&service.address),
            service: Some(service),
            settings,
            phone: phone(0),
            account: String::new(),
            dir,
        }
    }

    pub async fn signed_in() -> Self {
        let mut ground = Self::build().await;
        ground.add_account(None).await;
        let done = ground.sign_in_with_code().await;
        assert_eq!(done["login"]["step"], "done", "{done}");
        ground.wait_for_state("online").await;
        ground.until_synced().await;
        ground
    }

    /// Until its chats were read once, which a stop in between would begin again.
    pub async fn until_synced(&self) {
        wait::until(
            "both folders to be asked for",
            || self.seen(),
            |seen| seen["calls"]["messages.GetDialogs"].as_i64() >= Some(2),
        )
        .await;
        wait::until(
            "the first sync to end",
            || self.api.account(&self.account),
            |account| account["sync"].is_null(),
        )
        .await;
    }

    pub async fn add_account(&mut self, password: Option<&str>) {
        let account = json!({
            "do": "add_account", "number": self.phone, "first_name": "Support", "password": password,
        });
        self.telegram.order(account).await;
        let body = json!({ "label": "Support", "phone": self.phone });
        let added = self.api.post("/accounts/add", body).await;
        assert_eq!(added["login"]["step"], "code", "{added}");
        self.account = added["account"]["id"].as_str().unwrap().to_owned();
    }

    pub async fn sign_in_with_code(&self) -> Value {
        let code = self.order("code", json!({})).await;
        let path = format!("/accounts/{}/login/code", self.account);
        self.api.post(&path, json!({ "code": code })).await
    }

    /// An order about the account.
    pub async fn order(&self, what: &str, mut more: Value) -> Value {
        more["do"] = json!(what);
        more["phone"] = json!(self.phone);
        self.telegram.order(more).await
    }

    /// Somebody writes to the account; the answer is the message's number.
    pub async fn say(&self, person: &str, text: &str, shape: &str) -> i64 {
        let what = json!({ "person": person, "text": text, "shape": shape });
        self.order("say", what).await.as_i64().unwrap()
    }

    pub async fn seen(&self) -> Value {
        self.telegram.seen(&self.phone).await
    }

    pub async fn live(&self) -> Live {
        Live::open(&self.service().address, None).await
    }

    pub fn service(&self) -> &ServiceProcess {
        self.service.as_ref().expect("the service does not run")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn stop_service(&mut self) {
        self.service.take().unwrap().stop();
    }

    pub fn start_service(&mut self) {
        let service = ServiceProcess::start(&self.data_dir(), &self.settings);
        self.api = Api::new(&service.address);
        self.service = Some(service);
    }

    pub async fn wait_for_state(&self, state: &str) -> Value {
        wait::until(
            &format!("the account to be {state}"),
            || self.api.account(&self.account),
            |account| account["state"] == state,
        )
        .await
    }

    /// The conversation with the first person who wrote, once there is one.
    pub async fn conversation(&self) -> i64 {
        let all = wait::until(
            "a conversation",
            || self.api.conversations(),
            |all| !all.is_empty(),
        );
        all.await[0]["id"].as_i64().unwrap()
    }

    pub async fn wait_for_reply(&self, conversation: i64, text: &str) -> Value {
        let found = wait::until(
            &format!("{text:?} to be sent"),
            || self.api.messages(conversation),
            |all| {
                all.iter()
                    .any(|one| one["text"] == text && one["status"] == "sent")
            },
        )
        .await;
        let mut fitting = found.into_iter().filter(|one| one["text"] == text);
        fitting.next().unwrap()
    }

    /// Until the rows are exactly what the server has: numbers, texts and directions. They are read from the file: the
    /// service's own answers fetch what is missing.
    pub async fn until_equal(&self) {
        let wanted = &self.seen().await["messages"];
        let mut wanted: Vec<String> = wanted
            .as_object()
            .unwrap()
            .iter()
            .map(|(number, one)| {
                let out = i32::from(one["out"] == true);
                format!("{number} {out} {}", one["text"].as_str().unwrap())
            })
            .collect();
        wanted.sort_unstable();
        let file = self.data_dir().join("switchboard.db");
        let query = format!(
            "SELECT message_no || ' ' || (direction = 'outgoing') || ' ' || text AS t FROM messages \
             WHERE telegram_account_id = '{}' AND scope = 0 AND message_no < 4294967296 AND deleted_at IS NULL",
            self.account
        );
        let look = || async {
            let mut all = rows::texts(&file, &query);
            all.sort_unstable();
            all
        };
        wait::until("rows and server to be equal", look, |all| *all == wanted).await;
    }

    /// Until the rows of a channel are what the server has of it.
    pub async fn until_channel_equal(&self, channel: i64) {
        let order = json!({ "do": "channel_seen", "chat": channel });
        let wanted = self.telegram.order(order).await;
        let file = self.data_dir().join("switchboard.db");
        let query = format!(
            "SELECT message_no || ' ' || text AS t FROM messages WHERE chat_id = '{channel}' AND deleted_at IS NULL \
             AND message_no < 4294967296 ORDER BY message_no"
        );
        let look = || async { json!(rows::texts(&file, &query)) };
        wait::until("rows and channel to be equal", look, |all| *all == wanted).await;
    }

    /// Nothing was called that the server does not know, nobody broke the protocol, nothing panicked.
    pub async fn finish(mut self) {
        let seen = self.seen().await;
        println!("calls: {}\nwire: {}", seen["calls"], seen["wire"]);
        assert_eq!(seen["unknown"], json!([]), "methods the server lacks");
        assert_eq!(seen["wrong"], json!([]), "against the protocol");
        assert_eq!(self.telegram.complaints(), "");
        assert_eq!(seen["exchanges"], 1, "one auth key, kept: {seen:#}");
        assert_eq!(seen["calls"]["auth.SignIn"], 1, "one sign-in: {seen:#}");
        let dialogs = seen["calls"]["messages.GetDialogs"].as_i64().unwrap();
        assert!(
            (2..=3).contains(&dialogs),
            "the chats, the archive, and a while after the start the top once more: {dialogs}"
        );
        let log = self.service().log();
        assert!(!log.contains("panicked at"), "something panicked:\n{log}");
        self.stop_service();
    }
}

/// The texts of all messages.sendMessage that reached the server, with how many random ids they had.
pub fn attempts(seen: &Value, text: &str) -> (usize, usize) {
    let mut ids: Vec<&str> = seen["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["text"] == text)
        .map(|one| one["random_id"].as_str().unwrap())
        .collect();
    let times = ids.len();
    ids.sort_unstable();
    ids.dedup();
    (times, ids.len())
}

pub fn count(seen: &Value, what: &str) -> i64 {
    seen["wire"][what].as_i64().unwrap_or(0)
}
