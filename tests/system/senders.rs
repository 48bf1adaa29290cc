//! Senders: clients that nobody here wrote send what they can, and the service says of each message what its sender says.

use std::path::{Path, PathBuf};

use serde_json::Value;
use switchboard_simulator::{AccountSpec, PersonSpec};
use tokio::{process::Command, sync::OnceCell};

use crate::support::{
    fleet::{Fleet, phone},
    program, python, wait,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What it wrote, line by line, as JSON.
pub async fn lines(command: &mut Command) -> Vec<Value> {
    let said = program::words(command, 3 * wait::LIMIT).await;
    // Its library says things of its own there, too.
    said.lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A directory with the pinned mtcute and our scripts in it, made once under the target directory.
pub async fn workshop() -> PathBuf {
    static READY: OnceCell<PathBuf> = OnceCell::const_new();
    READY.get_or_init(set_up).await.clone()
}

async fn set_up() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mtcute-sender");
    std::fs::create_dir_all(&home).unwrap();
    for (folder, file) in [
        ("simulator/tests/mtcute", "package.json"),
        ("simulator/tests/mtcute", "package-lock.json"),
        ("simulator/tests/mtcute", "client.mjs"),
        ("tests/senders", "mtcute_sender.mjs"),
        ("tests/senders", "mtcute_witness.mjs"),
    ] {
        std::fs::copy(format!("{ROOT}/{folder}/{file}"), home.join(file)).unwrap();
    }
    let wanted = std::fs::read_to_string(home.join("package-lock.json")).unwrap();
    let stamp = home.join("installed.json");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return home;
    }
    let install = [
        "ci",
        "--silent",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--omit-lockfile-registry-resolved",
    ];
    let installed = Command::new("npm")
        .args(install)
        .current_dir(&home)
        .status()
        .await
        .unwrap();
    assert!(installed.success());
    std::fs::write(stamp, wanted).unwrap();
    home
}

/// Is everything of `wanted` there?
fn holds(seen: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Object(fields) => fields.iter().all(|(name, value)| holds(&seen[name], value)),
        _ => seen == wanted,
    }
}

/// How an account hears of what is sent.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    Live,
    /// Switched off meanwhile.
    Difference,
    /// Signed in afterwards.
    History,
}

/// Accounts in a supergroup with the sender.
struct Ground {
    fleet: Fleet,
    group: i64,
    /// The sender, and another member.
    user: i64,
    person: i64,
    /// Who signs in later.
    late: (String, i64),
}

impl Ground {
    async fn new(sender: &str, number: &str) -> Self {
        let fleet = Fleet::builder().accounts(2).start().await;
        let telegram = &fleet.telegram;
        let user = telegram.add_account(AccountSpec::new(number, sender));
        let late = phone(59);
        let third = telegram.add_account(AccountSpec::new(&late, "Late"));
        let person = telegram.add_person(PersonSpec::new("Contact one"));
        let [one, two] = [&fleet.accounts[0], &fleet.accounts[1]];
        let members = [person, one.user, two.user, third, user];
        let group = telegram.add_supergroup("Team", &members);
        telegram.say(person, group, "plain");
        for account in [one, two] {
            let conversation = fleet.conversation(account, group).await;
            fleet
                .wait_for_message(&conversation, "plain", "received")
                .await;
        }
        fleet.set_active(two, false).await;
        Self {
            fleet,
            group,
            user,
            person,
            late: (late, third),
        }
    }

    /// Holds what the service says to each account against what the sender says; then the same after everything that can be edited
    /// was.
    async fn hold(mut self, told: Vec<Value>, least: usize) {
        assert_eq!(told.last().unwrap()["done"], true);
        let mut wanted = told[..told.len() - 1].to_vec();
        assert!(wanted.len() >= least, "{wanted:#?}");
        let asked = |fleet: &Fleet| {
            let methods = fleet.telegram.ledger().methods;
            ["updates.getChannelDifference", "messages.getHistory"]
                .map(|method| methods.get(method).copied().unwrap_or_default())
        };
        let before = asked(&self.fleet);
        let two = self.fleet.accounts[1].clone();
        self.fleet.set_active(&two, true).await;
        let (number, user) = self.late.clone();
        let third = self.fleet.sign_in("Late", number, user).await;
        self.fleet.wait_for_state(&third.id, "online").await;
        let ways = [Way::Live, Way::Difference, Way::History];
        for (at, way) in ways.into_iter().enumerate() {
            self.compare(at, way, &wanted).await;
        }
        let now = asked(&self.fleet);
        assert!(now[0] > before[0], "it came as a difference");
        assert!(now[1] > before[1], "it came from history");
        for one in &mut wanted {
            let id = i32::try_from(one["id"].as_i64().unwrap()).unwrap();
            let media = &one["wanted"]["media"];
            let has_words = media.is_null()
                || ["photo", "document", "voice", "video"]
                    .iter()
                    .any(|kind| media["kind"] == *kind);
            // What is forwarded is not changed, and what vanishes has no words.
            let fixed =
                !one["wanted"]["forwarded_from"].is_null() || !media["vanishes_after"].is_null();
            if !has_words || fixed {
                continue;
            }
            let text = format!("number {id}, edited");
            self.fleet
                .telegram
                .edit(self.user, self.group, id, &text)
                .unwrap();
            let wanted = one["wanted"].as_object_mut().unwrap();
            wanted.insert("text".to_owned(), text.into());
            wanted.remove("entities");
        }
        for (at, way) in ways.into_iter().enumerate() {
            self.compare(at, way, &wanted).await;
        }
    }

    async fn compare(&self, at: usize, way: Way, wanted: &[Value]) {
        let account = &self.fleet.accounts[at];
        let conversation = self.fleet.conversation(account, self.group).await;
        let path = format!("/conversations/{}/messages?limit=100", conversation["id"]);
        let lacking = |page: &Value| -> Vec<Value> {
            let messages = page["messages"].as_array().unwrap();
            let lacks = |one: &Value| {
                let id = one["id"].to_string();
                let seen = messages
                    .iter()
                    .find(|message| message["message_id"].as_str() == Some(&id));
                let held = seen.is_some_and(|seen| holds(seen, &one["wanted"]));
                (!held).then(|| serde_json::json!({ "wanted": one["wanted"], "seen": seen }))
            };
            wanted.iter().filter_map(lacks).collect()
        };
        wait::until(
            &format!("what was sent, {way:?}"),
            || async { lacking(&self.fleet.api.get(&path).await) },
            Vec::is_empty,
        )
        .await;
    }
}

/// Protects: every kind that Telethon sends, field by field: live, in a difference, from history, and after an edit.
#[tokio::test(flavor = "multi_thread")]
async fn what_telethon_sends_is_told_field_by_field() {
    let number = phone(51);
    let ground = Ground::new("First sender", &number).await;
    let control = ground
        .fleet
        .telegram
        .serve_control(([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let mut command = Command::new(python::with("foreign").await);
    command
        .arg(format!("{ROOT}/tests/senders/telethon_sender.py"))
        .args([
            &number,
            &ground.group.to_string(),
            &ground.person.to_string(),
        ])
        .env("PYTHONPATH", format!("{ROOT}/simulator/tests/telethon"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SIMULATOR_CONTROL", format!("http://{control}"));
    let told = lines(&mut command).await;
    ground.hold(told, 14).await;
}

/// Protects: the same of a client of another ecosystem, with an older layer.
#[tokio::test(flavor = "multi_thread")]
async fn what_mtcute_sends_is_told_field_by_field() {
    let number = phone(52);
    let ground = Ground::new("Second sender", &number).await;
    let control = ground
        .fleet
        .telegram
        .serve_control(([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let mut command = Command::new("node");
    command
        .arg("mtcute_sender.mjs")
        .args([&number, &ground.group.to_string()])
        .current_dir(workshop().await)
        .env("SIMULATOR_CONTROL", format!("http://{control}"));
    let told = lines(&mut command).await;
    ground.hold(told, 8).await;
}
