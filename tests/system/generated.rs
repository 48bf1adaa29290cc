//! Generated clients: what the tools of strangers make of /openapi.json compiles, and has a conversation.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use switchboard_simulator::PersonSpec;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::support::{fleet::Fleet, program, python, tokens, wait};

const CALLERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/callers");
const NODE_PACKAGES: [&str; 3] = [
    "openapi-typescript@7.13.0",
    "openapi-fetch@0.17.0",
    "typescript@5.9.3",
];
/// For packages to arrive, or a client to be made.
const LIMIT: Duration = Duration::from_secs(240);

async fn run(command: &mut Command) -> Output {
    program::output(command, LIMIT).await
}

/// Asks the client to wait, writes to it, and sees its answer at Telegram.
async fn has_a_conversation(fleet: &Fleet, token: &str, name: &str, client: &mut Command) {
    let user = fleet.accounts[0].user;
    let person = fleet.telegram.add_person(PersonSpec::new(name));
    let mut client = client
        .env("NO_PROXY", "*")
        .env("SWITCHBOARD", fleet.service().url(""))
        .env("SWITCHBOARD_TOKEN", token)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let mut line = async || {
        let line = tokio::time::timeout(wait::LIMIT, lines.next_line());
        line.await.expect("it says something").unwrap()
    };
    assert_eq!(line().await.as_deref(), Some("listening"), "{name}");
    fleet.telegram.say(person, user, "Is it ready?");
    assert_eq!(line().await.as_deref(), Some("sent"), "{name}");
    assert!(client.wait().await.unwrap().success(), "{name}");
    let said = fleet.telegram.texts(user, person);
    let answers = said
        .iter()
        .filter(|text| *text == "You wrote: Is it ready?");
    assert_eq!(answers.count(), 1, "{name}: {said:?}");
}

/// The description, in a folder of its own.
async fn described(fleet: &Fleet, folder: &Path) -> PathBuf {
    let file = folder.join("openapi.json");
    let document = fleet.api.plain_get("/openapi.json").await;
    fs::write(&file, document.to_string()).unwrap();
    file
}

/// Protects programs in Python: the client that openapi-python-client makes leaves no call out but those whose answers are
/// files or figures, and works.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_generated_for_python_has_a_conversation() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let token = tokens::create(&fleet.data_dir(), "generated", "send");
    let folder = tempfile::tempdir().unwrap();
    let document = described(&fleet, folder.path()).await;
    let python = python::with("callers").await;
    let tool = python.with_file_name("openapi-python-client");
    let made = run(Command::new(tool)
        .args(["generate", "--meta", "none", "--path"])
        .arg(&document)
        .arg("--output-path")
        .arg(folder.path().join("switchboard_client")))
    .await;
    let said = String::from_utf8_lossy(&made.stdout) + String::from_utf8_lossy(&made.stderr);
    let mut left_out: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("WARNING parsing "))
        .filter_map(|line| line.split(" within ").next())
        .collect();
    left_out.sort_unstable();
    let files = [
        "GET /accounts/{id}/staged/{name}",
        "GET /conversations/{id}/photo",
        "GET /messages/{id}/media",
        "GET /messages/{id}/media/thumb",
        "GET /metrics",
    ];
    assert_eq!(left_out, files, "{said}");
    assert!(!said.contains("Unable to"), "{said}");
    fleet
        .wait_for_account(
            &fleet
                .api
                .with_header("authorization", &format!("Bearer {token}")),
            &fleet.accounts[0].id,
            "online",
        )
        .await;
    let mut client = Command::new(&python);
    client
        .arg(format!("{CALLERS}/conversation.py"))
        .arg(folder.path());
    has_a_conversation(&fleet, &token, "Python", &mut client).await;
}

/// With `openapi-typescript` and what it works with, installed once under the target directory.
async fn node_folder() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated-client");
    fs::create_dir_all(&home).unwrap();
    let (stamp, wanted) = (home.join("installed.txt"), NODE_PACKAGES.join(" "));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return home;
    }
    fs::write(
        home.join("package.json"),
        r#"{"private":true,"type":"module"}"#,
    )
    .unwrap();
    let install = [
        "install",
        "--silent",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ];
    run(Command::new("npm")
        .args(install)
        .args(NODE_PACKAGES)
        .current_dir(&home))
    .await;
    fs::write(stamp, wanted).unwrap();
    home
}

/// Protects programs in TypeScript: what openapi-typescript makes passes the strict compiler, and works.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_generated_for_typescript_has_a_conversation() {
    let fleet = Fleet::builder().accounts(1).start().await;
    fleet.wait_for_state(&fleet.accounts[0].id, "online").await;
    let token = tokens::create(&fleet.data_dir(), "generated", "send");
    let home = node_folder().await;
    let document = described(&fleet, &home).await;
    let bin = home.join("node_modules/.bin");
    run(Command::new(bin.join("openapi-typescript"))
        .arg(&document)
        .args(["--output", "schema.d.ts"])
        .current_dir(&home))
    .await;
    fs::copy(
        format!("{CALLERS}/conversation.ts"),
        home.join("conversation.ts"),
    )
    .unwrap();
    let strict = [
        "--strict",
        "--module",
        "nodenext",
        "--target",
        "es2022",
        "--lib",
        "es2022,dom",
    ];
    run(Command::new(bin.join("tsc"))
        .args(strict)
        .args(["--skipLibCheck", "conversation.ts"])
        .current_dir(&home))
    .await;
    let mut client = Command::new("node");
    client.arg("conversation.js").current_dir(&home);
    has_a_conversation(&fleet, &token, "TypeScript", &mut client).await;
}
