//! Fleet: a simulated Telegram, the real service on it, a temporary data directory and typed clients.
//!
//! When a fleet is dropped it asserts that nothing panicked, that no call was refused otherwise than described, that every fault
//! struck that was set, and that the service called nothing the simulated Telegram does not know.

mod builder;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use reqwest::Method;
use serde_json::{Value, json};
use switchboard_simulator::{
    AccountSpec, PersonSpec, Simulator,
    wire::{FaultId, FaultScope, WireFault},
};
use tempfile::TempDir;

pub use self::builder::FleetBuilder;
use super::{
    api::Api,
    ground::Ground,
    live::Live,
    service::{ServiceProcess, ServiceSettings},
    wait,
};

pub const API_ID: &str = "12345";
pub const API_HASH: &str = "0123456789abcdef0123456789abcdef";

/// An account of the fleet, on both sides.
#[derive(Clone, Debug)]
pub struct FleetAccount {
    /// Of the service.
    pub id: String,
    /// The Telegram user.
    pub user: i64,
    pub phone: String,
}

pub struct Fleet {
    pub telegram: Simulator,
    pub accounts: Vec<FleetAccount>,
    pub api: Api,
    service: Option<ServiceProcess>,
    panic_expected: AtomicBool,
    settings: ServiceSettings,
    ground: Option<Ground>,
    dir: TempDir,
}

impl Fleet {
    pub fn builder() -> FleetBuilder {
        FleetBuilder {
            accounts: 0,
            seed: 1,
            settings: ServiceSettings::default(),
            off_the_disk: false,
            unsteady: false,
            recorded: false,
        }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn service(&self) -> &ServiceProcess {
        self.service.as_ref().expect("the service does not run")
    }

    /// How it is started.
    pub fn settings(&self) -> &ServiceSettings {
        &self.settings
    }

    /// From now on somebody else looks after the service.
    pub fn take_service(&mut self) -> ServiceProcess {
        self.service.take().expect("the service does not run")
    }

    /// What it stands on, where that was made unsteady.
    pub fn ground(&self) -> &Ground {
        self.ground.as_ref().expect("the ground is firm")
    }

    pub fn address(&self) -> &str {
        &self.service().address
    }

    /// This test makes something below us panic; the fleet's last check allows it.
    pub fn expect_panic(&self) {
        self.panic_expected.store(true, Ordering::Relaxed);
    }

    /// `kill -9`.
    pub fn kill_service(&mut self) {
        self.service
            .take()
            .expect("the service does not run")
            .kill();
    }

    /// A crash.
    pub fn abort_service(&mut self) -> std::process::ExitStatus {
        self.service
            .take()
            .expect("the service does not run")
            .abort()
    }

    /// A clean stop.
    pub fn stop_service(&mut self) {
        self.service
            .take()
            .expect("the service does not run")
            .stop();
    }

    /// On the same data directory, on another port.
    pub fn start_service(&mut self) {
        let service = ServiceProcess::start(&self.data_dir(), &self.settings);
        self.api = Api::new(&service.address);
        self.service = Some(service);
    }

    /// On the same data directory and the same port, as a desk that is open expects it.
    pub fn start_service_at(&mut self, address: &str) {
        self.settings.listen = Some(address.to_owned());
        self.start_service();
        self.settings.listen = None;
    }

    /// The same, if it can start; else what it said.
    pub fn try_start_service_at(&mut self, address: &str) -> Result<(), String> {
        let settings = ServiceSettings {
            listen: Some(address.to_owned()),
            ..self.settings.clone()
        };
        let started = ServiceProcess::try_start(&self.data_dir(), &settings);
        let service = started.map_err(|(status, log)| {
            let last: Vec<&str> = log.lines().rev().take(5).collect();
            format!("{status}: {last:?}")
        })?;
        self.api = Api::new(&service.address);
        self.service = Some(service);
        Ok(())
    }

    /// Another one on another data directory, while this one does not run.
    pub fn start_on(&self, data_dir: &Path) -> ServiceProcess {
        let mut settings = self.settings.clone();
        settings.env.retain(|(name, _)| name != "LD_PRELOAD");
        ServiceProcess::start(data_dir, &settings)
    }

    /// Another one beside this one, on the same database; always the program that is tested.
    pub fn start_on_database(&self, data_dir: &Path, url: &str) -> ServiceProcess {
        match self.try_start_on_database(data_dir, url) {
            Ok(service) => service,
            Err((status, log)) => panic!("the service did not start ({status}):\n{log}"),
        }
    }

    /// The same, if it can start; else what it said.
    pub fn try_start_on_database(
        &self,
        data_dir: &Path,
        url: &str,
    ) -> Result<ServiceProcess, (std::process::ExitStatus, String)> {
        let mut settings = ServiceSettings {
            postgres: None,
            program: None,
            ..self.settings.clone()
        };
        settings
            .env
            .push(("SWITCHBOARD_DATABASE_URL".to_owned(), url.to_owned()));
        ServiceProcess::try_start(data_dir, &settings)
    }

    /// `kill -9` so long after a start, which may not be through then.
    pub fn kill_while_starting(&mut self, address: &str, moment: Duration) {
        let settings = ServiceSettings {
            listen: Some(address.to_owned()),
            ..self.settings.clone()
        };
        let service = ServiceProcess::spawn(&self.data_dir(), &settings);
        std::thread::sleep(moment);
        service.kill();
    }

    /// `kill -9` of a start as soon as it is so far.
    pub fn kill_starting_when(&mut self, address: &str, mut is_far: impl FnMut() -> bool) {
        let settings = ServiceSettings {
            listen: Some(address.to_owned()),
            ..self.settings.clone()
        };
        let service = ServiceProcess::spawn(&self.data_dir(), &settings);
        while !is_far() {}
        service.kill();
    }

    /// For the starts to come.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.settings.env.retain(|(known, _)| known != name);
        self.settings.env.push((name.to_owned(), value.to_owned()));
    }

    pub async fn live(&self, after: Option<i64>) -> Live {
        Live::open(self.address(), after).await
    }

    /// Makes a Telegram account and signs it in.
    pub async fn add_account(&mut self, label: &str) -> FleetAccount {
        let phone = phone(self.accounts.len());
        let user = self.telegram.add_account(AccountSpec {
            phone: phone.clone(),
            first_name: label.to_owned(),
            ..AccountSpec::default()
        });
        self.sign_in(label, phone, user).await
    }

    /// Signs an account of the simulated Telegram in with a session string of another client.
    pub async fn sign_in(&mut self, label: &str, phone: String, user: i64) -> FleetAccount {
        let session = self.session_string(user);
        let body = json!({ "label": label, "session": session });
        let answer = self.api.post("/accounts/add", body).await;
        let account = FleetAccount {
            id: answer["account"]["id"].as_str().unwrap().to_owned(),
            user,
            phone,
        };
        self.accounts.push(account.clone());
        account
    }

    /// The code that Telegram sends to a number, once it has.
    pub async fn code_for(&self, number: &str) -> String {
        let sent = || async { self.telegram.code_for(number) };
        let code = wait::until("a code", sent, Option::is_some);
        code.await.unwrap()
    }

    pub fn session_string(&self, user: i64) -> String {
        session_string(&self.telegram, user)
    }

    pub async fn wait_for_state(&self, id: &str, state: &str) -> Value {
        wait::until(
            &format!("account {id} to be {state}"),
            || self.api.account(id),
            |account| account["state"] == state,
        )
        .await
    }

    /// Nothing reaches the account from now on, until the fault is cleared.
    pub async fn keep_away(&self, account: &FleetAccount) -> FaultId {
        let scope = FaultScope::Key(self.telegram.keys_of(account.user)[0]);
        let wire = self.telegram.wire();
        let away = wire.set_fault(scope, WireFault::RefuseConnects, None);
        self.telegram.cut(account.user);
        self.wait_for_state(&account.id, "reconnecting").await;
        away
    }

    /// As [`Self::wait_for_state`], asked by somebody with a token.
    pub async fn wait_for_account(&self, api: &Api, id: &str, state: &str) -> Value {
        wait::until(
            &format!("account {id} to be {state}"),
            || api.account(id),
            |account| account["state"] == state,
        )
        .await
    }

    /// One account, and a person who has said hello; with their conversation.
    pub async fn with_a_chat() -> (Self, FleetAccount, i64, Value) {
        let fleet = Self::builder().accounts(1).start().await;
        let account = fleet.accounts[0].clone();
        let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
        fleet.telegram.say(person, account.user, "hello");
        let conversation = fleet.conversation(&account, person).await;
        (fleet, account, person, conversation)
    }

    /// The conversation of an account with a chat, once there is one.
    pub async fn conversation(&self, account: &FleetAccount, chat: i64) -> Value {
        let chat = chat.to_string();
        let found = wait::until(
            &format!("a conversation with {chat}"),
            || async {
                let all = self.api.conversations().await;
                all.into_iter().find(|one| {
                    one["account_id"] == account.id.as_str() && one["chat_id"] == chat.as_str()
                })
            },
            Option::is_some,
        )
        .await;
        found.unwrap()
    }

    /// Until the newest message of a conversation has this text and status.
    pub async fn wait_for_message(&self, conversation: &Value, text: &str, status: &str) -> Value {
        let id = conversation["id"].as_i64().unwrap();
        let found = wait::until(
            &format!("{text:?} to be {status}"),
            || async {
                let page = self.api.get(&format!("/conversations/{id}/messages")).await;
                let all = page["messages"].as_array().unwrap().clone();
                all.into_iter()
                    .find(|one| one["text"] == text && one["status"] == status)
            },
            Option::is_some,
        )
        .await;
        found.unwrap()
    }

    /// Switches an account on or off and waits until it is.
    pub async fn set_active(&self, account: &FleetAccount, active: bool) {
        let path = format!("/accounts/{}", account.id);
        let body = json!({ "is_active": active });
        let (status, body) = self.api.call(Method::PATCH, &path, Some(body)).await;
        assert_eq!(status, 200, "{body}");
        let state = if active { "online" } else { "stopped" };
        self.wait_for_state(&account.id, state).await;
    }

    pub async fn restart_account(&self, id: &str) {
        let path = format!("/accounts/{id}/restart");
        let (status, body) = self.api.call(Method::POST, &path, None).await;
        assert_eq!(status, 202, "{body}");
    }
}

/// As Telethon writes it: data centre, address and key.
pub fn session_string(telegram: &Simulator, user: i64) -> String {
    let (dc, address) = telegram.dc_addresses()[0];
    let SocketAddr::V4(address) = address else {
        panic!("the simulator listens on IPv4");
    };
    let key = telegram.seed_session(user, dc);
    let mut bytes = vec![u8::try_from(dc).unwrap()];
    bytes.extend(address.ip().octets());
    bytes.extend(address.port().to_be_bytes());
    bytes.extend(key);
    format!("1{}", URL_SAFE.encode(bytes))
}

/// Telegram's reserved test range.
pub fn phone(index: usize) -> String {
    format!("+99966{:05}", 10_000 + index)
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let Some(service) = self.service.take() else {
            return;
        };
        if std::thread::panicking() {
            return;
        }
        let log = service.log();
        service.stop();
        let panic_expected = self.panic_expected.load(Ordering::Relaxed);
        assert!(
            panic_expected || !log.contains("panicked at"),
            "something panicked:\n{log}"
        );
        let undescribed: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("which is not in the description"))
            .collect();
        assert!(undescribed.is_empty(), "{undescribed:#?}");
        let missed = self.telegram.missed_faults();
        assert!(missed.is_empty(), "faults that never struck: {missed:?}");
        let unknown = self.telegram.ledger().unknown_methods;
        assert!(
            unknown.is_empty(),
            "the simulator does not know {unknown:?}"
        );
    }
}
