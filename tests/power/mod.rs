//! Power: the machine loses its power at any moment of a working day. What was answered before is there afterwards; the
//! database is sound, every session opens, no file is half of what it was. `SWITCHBOARD_CUTS=1000 cargo test --test
//! vault_service power -- --nocapture` cuts that often; without it a few dozen times.

mod after;
mod day;

use std::{path::Path, sync::Arc};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, connection::SimpleConnection,
    sqlite::SqliteConnection,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use switchboard::{
    domain::AccountId,
    store::{NoSink, Store, StoreConfig},
};

use self::{after::After, day::Day};
use crate::support::{
    fleet::FleetAccount,
    ground::{
        Ground,
        cut::{self, Disk, Entry},
    },
    place, rows,
    service::{ServiceProcess, ServiceSettings},
};

const CUTS: usize = 40;
/// After so many cuts the service itself is started on what is left.
const STARTS: usize = 20;

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
