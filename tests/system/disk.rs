//! Disk: a full one, a locked file and one that turned read-only stop the service from taking messages, are told, and heal
//! by themselves.

use std::{
    fs::File,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query,
    sql_types::Text, sqlite::SqliteConnection,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::PersonSpec;

use crate::support::{
    fleet::{Fleet, FleetAccount, FleetBuilder},
    forms::{Form, paper},
    ground::Disk,
    oracle::until_faithful,
    wait,
};

/// As long as a backup tool or a person at an SQLite shell may hold it.
const LOCKED: Duration = Duration::from_secs(30);

async fn until_ready(fleet: &Fleet, ready: StatusCode) -> Value {
    let (_, body) = wait::until(
        &format!("/health/ready to answer {ready}"),
        || fleet.api.call(Method::GET, "/health/ready", None),
        |(status, _)| *status == ready,
    )
    .await;
    body
}

/// Fills the disk under a directory to its last byte.
fn fill_disk(dir: &Path) -> PathBuf {
    let path = dir.join("filler");
    let mut file = File::create(&path).unwrap();
    let mut piece = vec![7; 1 << 20];
    while !piece.is_empty() {
        match file.write_all(&piece) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => {
                piece.truncate(piece.len() / 2);
            }
            Err(error) => panic!("the disk can't be filled: {error}"),
        }
    }
    path
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Text)]
    t: String,
}

/// One account with one chat.
struct Scene {
    /// The data directory, where the service has a disk to itself.
    inside: Option<PathBuf>,
    fleet: Fleet,
    account: FleetAccount,
    person: i64,
    conversation: Value,
}

impl Scene {
    async fn build(builder: FleetBuilder) -> Self {
        let fleet = builder.accounts(1).start().await;
        let account = fleet.accounts[0].clone();
        let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
        fleet.telegram.say(person, account.user, "before");
        let conversation = fleet.conversation(&account, person).await;
        Self {
            inside: None,
            fleet,
            account,
            person,
            conversation,
        }
    }

    fn say(&self, text: &str) {
        self.fleet
            .telegram
            .say(self.person, self.account.user, text);
    }

    async fn reply(&self, text: &str) -> (StatusCode, Value) {
        let path = format!("/conversations/{}/reply", self.conversation["id"]);
        let body = json!({ "text": text });
        self.fleet.api.call(Method::POST, &path, Some(body)).await
    }

    /// Messages come in until the store is known to be in trouble; its reason.
    async fn until_noticed(&self, filling: &str) -> String {
        let mut said = 0;
        let (_, body) = wait::until(
            "the trouble to be noticed",
            || {
                self.say(&format!("message {said} {filling}"));
                said += 1;
                self.fleet.api.call(Method::GET, "/health/ready", None)
            },
            |(status, _)| *status == StatusCode::SERVICE_UNAVAILABLE,
        )
        .await;
        let (status, refused) = self.reply("can't be kept").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{refused}");
        body["store"]["reason"].as_str().unwrap().to_owned()
    }

    /// The service has its disk to itself, where SQLite does not follow: copies of the file tell what is in it.
    async fn until_copied_whole(&self, inside: &Path) {
        let wanted = || self.fleet.telegram.texts(self.account.user, self.person);
        let look = || async {
            let dir = tempfile::tempdir().unwrap();
            for name in ["switchboard.db", "switchboard.db-wal"] {
                std::fs::copy(inside.join(name), dir.path().join(name)).ok()?;
            }
            let file = dir.path().join("switchboard.db");
            let mut conn = SqliteConnection::establish(&file.to_string_lossy()).ok()?;
            // A copy that was torn by a write is no answer.
            let rows: Vec<Told> = sql_query(
                "SELECT text AS t FROM messages WHERE message_no < 4294967296 ORDER BY message_no",
            )
            .load(&mut conn)
            .ok()?;
            Some(rows.into_iter().map(|row| row.t).collect::<Vec<_>>())
        };
        let whole = |rows: &Option<Vec<String>>| rows.as_ref() == Some(&wanted());
        wait::until("everything to be on the disk", look, whole).await;
    }

    /// Everything is there, and replies go out.
    async fn until_healed(&self) {
        until_ready(&self.fleet, StatusCode::OK).await;
        self.say("after");
        match &self.inside {
            None => until_faithful(&self.fleet, &self.account, &[self.person]).await,
            Some(inside) => self.until_copied_whole(inside).await,
        }
        let (status, kept) = self.reply("can be kept").await;
        assert!(status.is_success(), "{status} {kept}");
        self.fleet
            .wait_for_message(&self.conversation, "can be kept", "sent")
            .await;
    }
}

/// Protects against a full disk: the position stays, replies are refused, everything comes once there is room.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_cursor_and_heals() {
    let mut scene = Scene::build(Fleet::builder().disk("8m")).await;
    // The service has its disk to itself; the way there is through its process.
    let root = PathBuf::from(format!("/proc/{}/root", scene.fleet.service().pid()));
    let inside = root.join(scene.fleet.data_dir().strip_prefix("/").unwrap());
    scene.inside = Some(inside.clone());
    let fleet = &scene.fleet;
    let filler = fill_disk(&inside);
    let reason = scene.until_noticed(&"x".repeat(4_000)).await;
    assert!(reason.contains("full"), "{reason}");
    std::fs::remove_file(filler).unwrap();
    scene.until_healed().await;
    // What housekeeping meets is the same trouble, not a fault of its own.
    let log = fleet.service().log();
    assert!(!log.contains("housekeeping failed"), "{log}");
}

/// Protects against another process that holds the write lock: nothing is lost, and it is told while it lasts.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_thirty_seconds_is_told_and_healed() {
    let scene = Scene::build(Fleet::builder()).await;
    let fleet = &scene.fleet;
    // Read to its beginning, so that nobody has to ask Telegram for what came before.
    let id = scene.conversation["id"].as_i64().unwrap();
    assert_eq!(fleet.api.messages(id).await.len(), 1);

    let file = fleet.data_dir().join("switchboard.db");
    let mut other = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
    other
        .batch_execute("PRAGMA busy_timeout = 20000; BEGIN IMMEDIATE")
        .unwrap();
    let held = Instant::now();
    let mut said = 0;
    while held.elapsed() < LOCKED {
        scene.say(&format!("message {said}"));
        said += 1;
        // What was read before the lock can still be read.
        assert_eq!(fleet.api.messages(id).await.len(), 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let locked = until_ready(fleet, StatusCode::SERVICE_UNAVAILABLE).await;
    let reason = locked["store"]["reason"].as_str().unwrap();
    assert!(reason.contains("locked"), "{reason}");
    assert_eq!(locked["store"]["reason_code"], "locked");
    other.batch_execute("ROLLBACK").unwrap();

    scene.until_healed().await;
}

/// The state of the one account as the file has it.
fn stored_state(fleet: &Fleet) -> String {
    #[derive(QueryableByName)]
    struct State {
        #[diesel(sql_type = Text)]
        state: String,
    }
    let file = fleet.data_dir().join("switchboard.db");
    let mut rows =
        SqliteConnection::establish(&format!("file:{}?mode=ro", file.display())).unwrap();
    diesel::sql_query("SELECT state FROM accounts")
        .get_result::<State>(&mut rows)
        .unwrap()
        .state
}

/// Protects who trusts the word "online": an account that ended while its state could not be stored is not shown as online
/// in the meantime, and its state is stored once that can be.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_can_not_be_stored_is_told_and_stored_later() {
    let scene = Scene::build(Fleet::builder()).await;
    let fleet = &scene.fleet;
    let mut live = fleet.live(None).await;
    let file = fleet.data_dir().join("switchboard.db");
    let mut other = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
    other
        .batch_execute("PRAGMA busy_timeout = 20000; BEGIN IMMEDIATE")
        .unwrap();
    fleet.telegram.revoke_sessions(scene.account.user);
    let shown = fleet.wait_for_state(&scene.account.id, "needs_login").await;
    let reason = shown["state_reason"].as_str().unwrap();
    assert!(reason.contains("sign in again"), "{shown}");
    assert_eq!(shown["state_code"], "session_revoked", "{shown}");
    let all = fleet.api.get("/accounts").await;
    assert_eq!(all["accounts"][0]["state"], "needs_login");
    let told = live
        .until(|frame| frame["data"]["account"]["state"] == "needs_login")
        .await;
    assert!(told.get("seq").is_none(), "it is not committed: {told}");
    assert_eq!(stored_state(fleet), "online", "the lock held");
    // Longer than any write waits for the lock.
    let held = Instant::now();
    while held.elapsed() < LOCKED {
        let account = fleet.api.account(&scene.account.id).await;
        assert_eq!(account["state"], "needs_login");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    other.batch_execute("ROLLBACK").unwrap();

    let numbered = live
        .until(|frame| {
            frame["data"]["account"]["state"] == "needs_login" && frame.get("seq").is_some()
        })
        .await;
    assert_eq!(numbered["event"], "account_status");
    assert_eq!(stored_state(fleet), "needs_login");
    // Its line follows what was announced.
    let told = || async {
        let log = fleet.service().log();
        let lines = log.lines();
        lines
            .filter(|line| line.contains("state=needs_login reason="))
            .count()
    };
    wait::until("a line in the log", told, |lines| *lines > 0).await;
    assert_eq!(told().await, 1);
    // A person's answer to it holds.
    let session = fleet.session_string(scene.account.user);
    let login = format!("/accounts/{}/login", scene.account.id);
    fleet.api.post(&login, json!({ "session": session })).await;
    fleet.wait_for_state(&scene.account.id, "online").await;
    assert_eq!(stored_state(fleet), "online");
}

/// The database's files, which nobody may write any more, not even who has them open already.
struct Frozen(Vec<PathBuf>);

impl Frozen {
    /// `None` where this user or this file system can't do it.
    fn freeze(dir: &Path) -> Option<Self> {
        let files = ["switchboard.db", "switchboard.db-wal"].map(|name| dir.join(name));
        let frozen = Self(files.into());
        frozen.mark("+i").then_some(frozen)
    }

    fn mark(&self, how: &str) -> bool {
        let done = Command::new("chattr").arg(how).args(&self.0).status();
        done.is_ok_and(|status| status.success())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.mark("-i");
    }
}

/// Protects against a file that turns read-only under the running service, as after a trouble of the disk: the position
/// stays, replies are refused, and everything comes once it can be written again. Needs root.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_turns_read_only_stops_the_cursor_and_heals() {
    let scene = Scene::build(Fleet::builder()).await;
    let Some(frozen) = Frozen::freeze(&scene.fleet.data_dir()) else {
        eprintln!("left out: this user may not make files immutable here");
        return;
    };
    let reason = scene.until_noticed("").await;
    assert!(
        reason.contains("I/O error") || reason.contains("readonly"),
        "{reason}"
    );
    drop(frozen);
    scene.until_healed().await;
}

/// Protects a file on its way to a disk that takes no writes: its caller is told to try again, as for words, and the same call
/// under the same key goes through once the disk is well.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_for_a_disk_that_takes_no_writes_is_to_be_tried_again() {
    let scene = Scene::build(Fleet::builder().unsteady()).await;
    let ground = scene.fleet.ground();
    let path = format!("/conversations/{}/reply", scene.conversation["id"]);
    let letter = paper(1, 90_000);
    let form = Form::default().field("text", "the offer").add(&letter);
    let send = || {
        let form = form.clone();
        async { scene.fleet.api.try_form(&path, form, Some("offer")).await }
    };
    ground.set_disk(Disk::ReadOnly);
    let (status, refused) = send().await.unwrap();
    let told = (status, refused["error"]["code"].as_str().unwrap());
    let wanted = (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable");
    assert_eq!(told, wanted, "{refused}");
    assert!(ground.refused() > 0, "the disk never said no");
    ground.set_disk(Disk::Well);
    let taken = wait::until("the file to be taken", send, |answer| {
        answer
            .as_ref()
            .is_ok_and(|(status, _)| *status == StatusCode::ACCEPTED)
    });
    taken.await.unwrap();
    scene
        .fleet
        .wait_for_message(&scene.conversation, "the offer", "sent")
        .await;
    let ledger = scene.fleet.telegram.ledger_of(scene.account.user);
    let files = ledger[&scene.person].messages.iter();
    let files: Vec<String> = files
        .filter_map(|message| Some(message.file.as_ref()?.sha256.clone()))
        .collect();
    assert_eq!(files, [letter.sha256()]);
}
