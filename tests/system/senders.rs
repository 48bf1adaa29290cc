//! Senders: clients that nobody here wrote send what they can, and the service says of each message what its sender says.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use switchboard_simulator::{AccountSpec, PersonSpec};
use tokio::{process::Command, sync::OnceCell};

use crate::support::{
    fleet::{Fleet, phone},
    python, wait,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What it wrote, line by line, as JSON.
async fn lines(command: &mut Command) -> Vec<Value> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = tokio::time::timeout(3 * wait::LIMIT, child.wait_with_output())
        .await
        .expect("the sender ends")
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    // Its library says things of its own there, too.
    out.lines()
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

/// A fleet of one whose account is in a supergroup with the sender; both are ready.
async fn ground(sender: &str, number: &str) -> (Fleet, i64, i64) {
    let fleet = Fleet::builder().accounts(1).start().await;
    let telegram = &fleet.telegram;
    let account = fleet.accounts[0].user;
    let user = telegram.add_account(AccountSpec::new(number, sender));
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let group = telegram.add_supergroup("Team", &[person, account, user]);
    telegram.say(person, group, "plain");
    let conversation = fleet.conversation(&fleet.accounts[0], group).await;
    fleet
        .wait_for_message(&conversation, "plain", "received")
        .await;
    (fleet, group, person)
}

/// Holds what the service says against what the sender says.
async fn compare(fleet: &Fleet, group: i64, told: Vec<Value>, least: usize) {
    assert_eq!(told.last().unwrap()["done"], true);
    let wanted = &told[..told.len() - 1];
    assert!(wanted.len() >= least, "{wanted:#?}");
    let conversation = fleet.conversation(&fleet.accounts[0], group).await;
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
        "what was sent",
        || async { lacking(&fleet.api.get(&path).await) },
        Vec::is_empty,
    )
    .await;
}

/// Protects: every kind that Telethon sends, field by field.
#[tokio::test(flavor = "multi_thread")]
async fn what_telethon_sends_is_told_field_by_field() {
    let number = phone(51);
    let (fleet, group, person) = ground("First sender", &number).await;
    let control = fleet
        .telegram
        .serve_control(([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let mut command = Command::new(python::with("foreign").await);
    command
        .arg(format!("{ROOT}/tests/senders/telethon_sender.py"))
        .args([&number, &group.to_string(), &person.to_string()])
        .env("PYTHONPATH", format!("{ROOT}/simulator/tests/telethon"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SIMULATOR_CONTROL", format!("http://{control}"));
    let told = lines(&mut command).await;
    compare(&fleet, group, told, 14).await;
}

/// Protects: the same of a client of another ecosystem, with an older layer.
#[tokio::test(flavor = "multi_thread")]
async fn what_mtcute_sends_is_told_field_by_field() {
    let number = phone(52);
    let (fleet, group, _) = ground("Second sender", &number).await;
    let control = fleet
        .telegram
        .serve_control(([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let mut command = Command::new("node");
    command
        .arg("mtcute_sender.mjs")
        .args([&number, &group.to_string()])
        .current_dir(workshop().await)
        .env("SIMULATOR_CONTROL", format!("http://{control}"));
    let told = lines(&mut command).await;
    compare(&fleet, group, told, 8).await;
}
