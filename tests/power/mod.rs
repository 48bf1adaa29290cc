//! Power: the machine loses its power at any moment of a working day. What was answered before is there afterwards; the
//! database is sound, every session opens, no file is half of what it was. `SWITCHBOARD_CUTS=1000 cargo test --test
//! vault_service power -- --nocapture` cuts that often; without it a few dozen times.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_types::Text,
    sqlite::SqliteConnection,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::json;
use switchboard::{
    domain::AccountId,
    store::{NoSink, Store, StoreConfig},
    vault::{KeySource, Keyring, Vault, VaultConfig},
};
use switchboard_simulator::{Media, PersonSpec};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    forms::{Form, paper},
    ground::{
        Ground,
        cut::{self, Disk, Entry},
    },
    live::Live,
    place, rows,
    service::{ServiceProcess, ServiceSettings},
    wait,
};

const CUTS: usize = 40;
/// After so many cuts the service itself is started on what is left.
const STARTS: usize = 20;
const PEOPLE: usize = 3;

/// What somebody was told.
#[derive(Clone, Debug)]
enum Promise {
    /// A reply was taken: its row and its words.
    Reply(i64, String),
    /// An event was told.
    Event(i64),
    /// A message was told: its row and its words.
    Message(i64, String),
    /// An account has a session.
    Session(String),
}

/// With how much stood in the record when it was given.
type Promises = Arc<Mutex<Vec<(u64, Promise)>>>;

#[derive(QueryableByName)]
struct Lying {
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = Text)]
    staged: String,
}

/// A day on which much happens, recorded.
struct Day {
    fleet: Fleet,
    people: Vec<i64>,
    promises: Promises,
    /// From where to where in the record the master key was changed.
    changes: Vec<(usize, usize)>,
}

impl Day {
    async fn begin() -> Self {
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

    fn promise(&self, what: Promise) {
        let now = self.fleet.ground().operations();
        self.promises.lock().unwrap().push((now, what));
    }

    /// Notes what it is told.
    async fn listen(&self, after: i64) {
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

    fn last_told(&self) -> i64 {
        let promises = self.promises.lock().unwrap();
        let seqs = promises.iter().filter_map(|(_, promise)| match promise {
            Promise::Event(seq) => Some(*seq),
            _ => None,
        });
        seqs.max().unwrap_or(0)
    }

    fn account(&self, at: usize) -> &FleetAccount {
        &self.fleet.accounts[at % self.fleet.accounts.len()]
    }

    /// People write, programs reply and send files, files are fetched.
    async fn hour(&self, number: usize) {
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

    async fn until_stored(&self, hour: usize) {
        let file = self.fleet.data_dir().join("switchboard.db");
        let query = format!(
            "SELECT count(*) AS n FROM messages WHERE text LIKE 'hour {hour}, %' AND status <> 'pending'"
        );
        let stored = async || rows::number(&file, &query);
        wait::until("everything to be stored", stored, |stored| *stored >= 66).await;
    }

    async fn fetch_files(&self) {
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
    fn rekey(&mut self) {
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
    async fn sign_in_again(&self, account: &FleetAccount) {
        let session = self.fleet.session_string(account.user);
        let path = format!("/accounts/{}/login", account.id);
        self.fleet
            .api
            .post(&path, json!({ "session": session }))
            .await;
        self.fleet.wait_for_state(&account.id, "online").await;
    }
}

/// What the disk is after one cut, and what it has to have.
struct After<'a> {
    data: PathBuf,
    from: PathBuf,
    at: u64,
    disk: &'a Disk,
    promises: &'a [(u64, Promise)],
}

impl After<'_> {
    async fn check(&self) {
        let name = format!("a cut after {} deeds", self.at);
        let kept = self.promises.iter().filter(|(at, _)| *at <= self.at);
        let kept: Vec<&Promise> = kept.map(|(_, promise)| promise).collect();
        let file = self.data.join("switchboard.db");
        {
            let mut conn = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
            let sound = rows::texts_in(
                &mut conn,
                "SELECT integrity_check AS t FROM pragma_integrity_check",
            );
            assert_eq!(sound, ["ok"], "{name}");
            let keys = "SELECT count(*) AS n FROM pragma_foreign_key_check";
            assert_eq!(rows::number_in(&mut conn, keys), 0, "{name}");
            self.rows(&mut conn, &kept, &name);
            self.staged(&mut conn, &name);
        }
        self.sessions(&kept, &name).await;
        self.media(&name);
    }

    fn rows(&self, conn: &mut SqliteConnection, kept: &[&Promise], name: &str) {
        let last = rows::number_in(conn, "SELECT coalesce(max(seq), 0) AS n FROM event_log");
        let rows = rows::texts_in(
            conn,
            "SELECT id || ' ' || text AS t FROM messages ORDER BY id",
        );
        let rows: HashMap<i64, String> = rows
            .into_iter()
            .filter_map(|line| {
                let (id, text) = line.split_once(' ')?;
                Some((id.parse().ok()?, text.to_owned()))
            })
            .collect();
        for promise in kept {
            match promise {
                Promise::Event(seq) => assert!(
                    *seq <= last,
                    "{name}: event {seq} was told, {last} is there"
                ),
                Promise::Reply(row, text) | Promise::Message(row, text) => {
                    assert_eq!(rows.get(row), Some(text), "{name}: row {row}");
                }
                Promise::Session(_) => {}
            }
        }
    }

    /// What an order is to send lies there whole.
    fn staged(&self, conn: &mut SqliteConnection, name: &str) {
        let lying: Vec<Lying> = diesel::sql_query(
            "SELECT a.id AS account, f.staged FROM order_files f JOIN accounts a ON a.no = f.account_no \
             WHERE f.put_up IS NULL",
        )
        .load(conn)
        .unwrap();
        for one in lying {
            let place = Path::new("staged").join(&one.account).join(&one.staged);
            let was = self.disk.now(&self.from.join(&place));
            let is = std::fs::read(self.data.join(&place)).ok();
            // What was sent meanwhile is gone; the order's end may not have been written.
            if was.is_some() {
                assert!(is == was, "{name}: {place:?} is not what was staged");
            }
        }
    }

    /// They open, with the key that is there.
    async fn sessions(&self, kept: &[&Promise], name: &str) {
        let file = self.data.join("switchboard.db");
        let store = Store::open(StoreConfig::at(file), Arc::new(NoSink)).unwrap();
        let key = KeySource::File(self.data.join("master.key"));
        let config = VaultConfig {
            keyring: Keyring::load(key).unwrap_or_else(|error| panic!("{name}: {error}")),
            remote: None,
            runtime: tokio::runtime::Handle::current(),
        };
        let vault = Vault::open(config, store.clone())
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        for promise in kept {
            if let Promise::Session(account) = promise {
                let id: AccountId = account.parse().unwrap();
                let credentials = vault.credentials(id).await;
                let session = credentials.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(session.session.is_some(), "{name}: {account}");
            }
        }
        vault.close().await;
        store.close().await;
    }

    /// A file under its whole name is whole.
    fn media(&self, name: &str) {
        let files = self.data.join("media/files");
        let Ok(accounts) = std::fs::read_dir(&files) else {
            return;
        };
        for account in accounts {
            for file in std::fs::read_dir(account.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let place = path.strip_prefix(&self.data).unwrap();
                let was = self.disk.now(&self.from.join(place));
                let is = std::fs::read(&path).unwrap();
                // Too short is seen and fetched again.
                let whole = was.is_none_or(|was| was == is || was.len() != is.len());
                assert!(whole, "{name}: {place:?} has other bytes");
            }
        }
    }
}

fn cuts() -> usize {
    std::env::var("SWITCHBOARD_CUTS").map_or(CUTS, |text| text.parse().unwrap())
}

/// Protects what was promised from a power cut at any moment: of a day with traffic, replies, files, a new session, new
/// master keys, kills and stops.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_takes_nothing_that_was_promised() {
    let mut day = Day::begin().await;
    day.listen(0).await;
    day.hour(0).await;
    day.rekey();
    day.hour(1).await;
    let (kept, again) = (day.account(0).clone(), day.account(1).clone());
    day.sign_in_again(&again).await;
    day.fleet.kill_service();
    day.fleet.start_service();
    day.fleet.wait_for_state(&kept.id, "online").await;
    day.fleet.wait_for_state(&again.id, "online").await;
    day.listen(day.last_told()).await;
    day.hour(2).await;
    day.rekey();
    day.fleet.stop_service();
    day.fleet.start_service();
    day.fleet.wait_for_state(&kept.id, "online").await;
    day.listen(day.last_told()).await;
    day.hour(3).await;
    day.fleet.stop_service();

    let entries = cut::read(&day.fleet.ground().record());
    let promises = day.promises.lock().unwrap().clone();
    let first = promises.first().unwrap().0;
    assert!(
        promises.len() > 300 && entries.len() > 1_000,
        "a day without work"
    );
    play(&day, &entries, &promises, first as usize, &kept).await;
}

async fn play(
    day: &Day,
    entries: &[Entry],
    promises: &[(u64, Promise)],
    first: usize,
    kept: &FleetAccount,
) {
    let mut chance = StdRng::seed_from_u64(20_261_129);
    // Every third falls into a change of the master key.
    let mut moments: Vec<usize> = (0..cuts())
        .map(|number| match day.changes.get(number % 6) {
            Some((began, ended)) => chance.random_range(*began..=*ended),
            None => chance.random_range(first..=entries.len()),
        })
        .collect();
    moments.sort_unstable();
    let data = day.fleet.data_dir();
    let mut disk = Disk::default();
    let mut played = 0;
    let mut most_keys = 0;
    for (number, moment) in moments.into_iter().enumerate() {
        for entry in &entries[played..moment] {
            disk.play(entry);
        }
        played = moment;
        let dir = place::off_the_disk();
        let left = dir.path().join("data");
        disk.cut(&data, &left, &mut chance);
        let after = After {
            data: left.clone(),
            from: data.clone(),
            at: moment as u64,
            disk: &disk,
            promises,
        };
        after.check().await;
        let keys = std::fs::read_to_string(left.join("master.key")).unwrap();
        most_keys = most_keys.max(keys.lines().count());
        if number % STARTS == STARTS / 2 {
            let service = day.fleet.start_on(&left);
            let api = crate::support::api::Api::new(&service.address);
            day.fleet.wait_for_account(&api, &kept.id, "online").await;
            service.stop();
        }
    }
    let at_rest = std::fs::read_to_string(data.join("master.key")).unwrap();
    assert!(
        most_keys > at_rest.lines().count(),
        "no cut met a change of the master key"
    );
}

/// Protects the record itself: what is synced stays, and something that is not gets lost.
#[test]
fn a_cut_takes_what_was_not_synced_and_nothing_else() {
    let entry = |name: &str, deed| Entry {
        path: Path::new("/data").join(name),
        deed,
    };
    let write = |at: usize, byte: u8| cut::Deed::Write {
        at,
        bytes: vec![byte; 2_000],
    };
    let mut disk = Disk::default();
    for entry in [
        entry("a", cut::Deed::Create),
        entry("a", write(0, 1)),
        entry("a", cut::Deed::Sync),
        entry("a", write(1_000, 2)),
        entry("b", cut::Deed::Create),
        entry("b", write(0, 3)),
    ] {
        disk.play(&entry);
    }
    let mut chance = StdRng::seed_from_u64(1);
    let (mut torn, mut whole, mut gone) = (0, 0, 0);
    for _ in 0..100 {
        let dir = tempfile::tempdir().unwrap();
        disk.cut(Path::new("/data"), dir.path(), &mut chance);
        let a = std::fs::read(dir.path().join("a")).unwrap();
        assert!(a.len() >= 2_000 && a[..1_000] == [1; 1_000]);
        let twos = a.iter().filter(|byte| **byte == 2).count();
        torn += u32::from(twos > 0 && twos < 2_000);
        whole += u32::from(twos == 2_000);
        gone += u32::from(!dir.path().join("b").exists());
    }
    assert!(torn > 5 && whole > 5 && gone > 5, "{torn}, {whole}, {gone}");
}

/// A database as the first release left it, with so many messages.
fn old_database(path: &Path, messages: i64) {
    let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut names: Vec<String> = std::fs::read_dir(folder.clone())
        .unwrap()
        .map(|one| one.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("2026-11-21"))
        .collect();
    names.sort();
    conn.batch_execute(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);",
    )
    .unwrap();
    for name in names {
        let sql = std::fs::read_to_string(folder.join(&name).join("up.sql")).unwrap();
        conn.batch_execute(&sql).unwrap();
        let version: String = name[..17].chars().filter(char::is_ascii_digit).collect();
        conn.batch_execute(&format!(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}');"
        ))
        .unwrap();
    }
    let id = AccountId::random();
    conn.batch_execute(&format!(
        "INSERT INTO accounts (id, label, colour, is_active, state, state_since, created_at, dialog_cursor) \
         VALUES ('{id}', 'Support', 1, 0, 'stopped', 0, 0, '{{\"finished\":true}}'); \
         INSERT INTO account_positions VALUES (1, 5, 0, 0, 0); \
         INSERT INTO conversations (id, telegram_account_id, chat_id, account_no, chat, kind, title, find_key, can_send, \
         history_complete, top_message) VALUES (1, '{id}', '7', 1, 7, 'private', 'Chat', 'chat', 1, 1, 0); \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {messages}) \
         INSERT INTO messages (account_no, scope, message_no, conversation_id, telegram_account_id, chat_id, message_id, \
         direction, text, timestamp, status, backfilled) \
         SELECT 1, 0, i, 1, '{id}', '7', i, 'incoming', 'text ' || i, i * 1000, 'received', 0 FROM n; \
         UPDATE conversations SET last_message_at = {messages} * 1000, last_message = (SELECT max(id) FROM messages);"
    ))
    .unwrap();
}

/// Protects an upgrade from a power cut in the middle: nothing is lost, and the next start goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_in_the_middle_of_an_upgrade_loses_nothing() {
    const MESSAGES: i64 = 3_000;
    let dir = place::off_the_disk();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    old_database(&data.join("switchboard.db"), MESSAGES);
    let before = Disk::holding(&data);
    let ground = Ground::under(&data);
    let mut env = ground.recording();
    env.push(("TELEGRAM_DC".to_owned(), "2@127.0.0.1:9".to_owned()));
    let settings = ServiceSettings {
        env,
        ..ServiceSettings::default()
    };
    ServiceProcess::start(&data, &settings).stop();
    let entries = cut::read(&ground.record());
    assert!(entries.len() > 50, "nothing was upgraded");

    let mut chance = StdRng::seed_from_u64(7);
    let mut torn = 0;
    for _ in 0..cuts() / 2 {
        let moment = chance.random_range(0..=entries.len());
        let mut disk = before.clone();
        for entry in &entries[..moment] {
            disk.play(entry);
        }
        let dir = place::off_the_disk();
        let left = dir.path().join("data");
        disk.cut(&data, &left, &mut chance);
        let file = left.join("switchboard.db");
        let migrations = "SELECT count(*) AS n FROM __diesel_schema_migrations";
        let reached = {
            let mut conn = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
            rows::number_in(&mut conn, migrations)
        };
        let store = Store::open(StoreConfig::at(&file), Arc::new(NoSink)).unwrap();
        store.close().await;
        let mut conn = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
        torn += u32::from(reached < rows::number_in(&mut conn, migrations));
        let kept = "SELECT count(*) AS n FROM messages WHERE text = 'text ' || message_no";
        assert_eq!(
            rows::number_in(&mut conn, kept),
            MESSAGES,
            "after {moment} deeds"
        );
        let sound = "SELECT integrity_check AS t FROM pragma_integrity_check";
        assert_eq!(
            rows::texts_in(&mut conn, sound),
            ["ok"],
            "after {moment} deeds"
        );
    }
    assert!(torn > 0, "no cut met the upgrade");
}
