//! A service that was told a code by Telegram, and every place where that must not stand.

use std::path::Path;

use diesel::{
    Connection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query,
    sql_types::Text, sqlite::SqliteConnection,
};
use serde_json::{Value, json};
use switchboard_simulator::{
    AccountSpec, PersonSpec,
    world::{SignInRules, TELEGRAM},
};

use super::webhooks::{Receiver, fleet_with};
use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    leak_scan::Secrets,
    live::Live,
    rows,
};

pub const MASK: &str = "•••••";
/// As long as none is by chance, so that a find is a leak.
const LENGTH: usize = 9;

/// An account that codes come to in every way there is.
pub struct Scene {
    pub fleet: Fleet,
    pub account: FleetAccount,
    pub receiver: Receiver,
    pub live: Live,
    /// What was told to the socket.
    pub frames: Vec<Value>,
    pub group: i64,
    /// (how it came, the code as it was written).
    pub codes: Vec<(&'static str, String)>,
}

impl Scene {
    pub async fn start() -> Self {
        let receiver = Receiver::start().await;
        let mut fleet = fleet_with(&[&receiver.url])
            .env("RUST_LOG", "trace")
            .start()
            .await;
        fleet.telegram.set_rules(SignInRules {
            code_length: LENGTH,
            ..SignInRules::default()
        });
        let number = phone(41);
        let user = fleet
            .telegram
            .add_account(AccountSpec::new(&number, "Sales"));
        let friend = fleet.telegram.add_person(PersonSpec::new("Contact one"));
        let group = fleet.telegram.add_group("Team", &[user, friend]);
        fleet.telegram.say(friend, group, "hello all");
        // A device of long ago, to which the code from history went.
        fleet.telegram.seed_session(user, 2);
        let mut codes = vec![(
            "from history",
            sign_in_elsewhere(&fleet, &number, "from history"),
        )];
        let account = fleet.sign_in("Sales", number, user).await;
        fleet.wait_for_state(&account.id, "online").await;
        fleet.conversation(&account, TELEGRAM).await;
        let live = fleet.live(Some(0)).await;
        codes.reserve(8);
        Self {
            fleet,
            account,
            receiver,
            live,
            frames: Vec::new(),
            group,
            codes,
        }
    }

    pub fn sign_in_elsewhere(&mut self, how: &'static str) {
        let code = sign_in_elsewhere(&self.fleet, &self.account.phone, how);
        self.codes.push((how, code));
    }

    /// Reads on until the account was told a text that holds `words`.
    pub async fn until_told(&mut self, words: &str) -> Value {
        loop {
            let frame = self.live.next().await;
            self.frames.push(frame.clone());
            let text = frame["data"]["message"]["text"].as_str();
            if text.is_some_and(|text| text.contains(words)) {
                return frame["data"]["message"].clone();
            }
        }
    }

    /// A line that says nothing secret, behind what was told before it.
    pub async fn until_marked(&mut self, mark: &str) {
        let user = self.account.user;
        self.fleet.telegram.notify(user, mark);
        self.until_told(mark).await;
    }

    pub fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        for (how, code) in &self.codes {
            secrets.text(how, code);
        }
        secrets
    }

    /// Everything that the service shows of its messages.
    pub async fn answers(&self) -> Vec<(String, Value)> {
        let api = &self.fleet.api;
        let mut paths = vec![
            "/conversations".to_owned(),
            "/accounts".to_owned(),
            "/search?q=code".to_owned(),
        ];
        for conversation in api.conversations().await {
            let id = conversation["id"].as_i64().unwrap();
            paths.push(format!("/conversations/{id}"));
            paths.push(format!("/conversations/{id}/messages"));
            paths.push(format!("/conversations/{id}/media"));
        }
        let mut answers = Vec::new();
        for path in paths {
            let answer = api.get(&path).await;
            answers.push((path, answer));
        }
        answers
    }

    /// Every code in every place where one is readable.
    pub async fn leaks(&mut self) -> Vec<String> {
        let secrets = self.secrets();
        let mut found = Vec::new();
        for (path, answer) in self.answers().await {
            found.extend(secrets.find(&path, answer.to_string().as_bytes()));
        }
        for frame in &self.frames {
            found.extend(secrets.find("a WebSocket frame", frame.to_string().as_bytes()));
        }
        for event in self.receiver.taken.lock().unwrap().iter() {
            found.extend(secrets.find("a webhook's body", event.to_string().as_bytes()));
        }
        let words = index_words(&self.fleet.data_dir().join("switchboard.db"));
        for word in &words {
            found.extend(secrets.find("the search index", word.as_bytes()));
        }
        for object in objects(&self.fleet.data_dir().join("switchboard.db")) {
            found.extend(secrets.find("a kept object", &object));
        }
        let directory = self.fleet.data_dir();
        found.extend(secrets.find_in_files(directory.parent().unwrap(), &["master.key"]));
        // Last, for the question itself is logged.
        for (how, code) in &self.codes {
            let api = &self.fleet.api;
            let answer = api.get(&format!("/search?q={code}")).await;
            if answer["messages"] != json!([]) {
                found.push(format!("{how} is found by the search"));
            }
        }
        found
    }
}

/// Somebody begins to sign in with the account's number: its devices are told the code, which nobody types.
pub fn sign_in_elsewhere(fleet: &Fleet, phone: &str, how: &str) -> String {
    let before = fleet.telegram.issued_codes().len();
    fleet
        .telegram
        .with(|world| world.send_code(2, phone))
        .unwrap_or_else(|refusal| panic!("{how}: {refusal:?}"));
    let issued = fleet.telegram.issued_codes();
    assert_eq!(issued.len(), before + 2, "{how}: no device was told");
    issued.last().unwrap().clone()
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    term: String,
}

/// What the search index can be asked for: its pages hold beginnings only once.
fn index_words(database: &Path) -> Vec<String> {
    let uri = format!("file:{}?mode=ro", database.display());
    let mut conn = SqliteConnection::establish(&uri).unwrap();
    conn.batch_execute(
        "CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'messages_search', 'row');",
    )
    .unwrap();
    let words = sql_query("SELECT term FROM temp.words")
        .load::<Word>(&mut conn)
        .unwrap();
    words.into_iter().map(|word| word.term).collect()
}

/// Kept objects as they were before they were deflated.
fn objects(database: &Path) -> Vec<Vec<u8>> {
    let hex = rows::texts(database, "SELECT hex(object) AS t FROM message_objects");
    hex.iter().map(|hex| rows::inflated(hex)).collect()
}
