//! README: its commands, taken out of it and run as they stand, in a clean clone.
//!
//! Building the release takes minutes, so the clone waits to be asked for, as `./tests/run` does:
//! `cargo test --test readme -- --ignored`.

#[path = "readme/c_library.rs"]
mod c_library;
#[allow(dead_code, unused_imports, reason = "shared by several test binaries")]
#[path = "support/postgrest.rs"]
mod postgrest;
#[path = "support/mod.rs"]
mod support;

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use postgrest::{Project, SECRET_KEY};
use serde_json::{Value, json};
use support::{api::Api, browser::Desk, fleet::Fleet, rows, tokens, wait};
use switchboard_simulator::PersonSpec;
use tokio::sync::Mutex;

/// A release build on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);
/// `tests/run` looks for this and does not run itself once more.
const INSIDE: (&str, &str) = ("SWITCHBOARD_TESTS_INSIDE", "1");

/// There is one clone, which is built once, and who walks in it walks alone.
static CLONE: Mutex<Option<PathBuf>> = Mutex::const_new(None);

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `tests/run` has made the clone and built in it before the tests were there to be run.
const CLONED: &str = "SWITCHBOARD_TESTS_CLONE";
/// How many seconds that took.
const CLONE_TOOK: &str = "SWITCHBOARD_TESTS_CLONE_TOOK";

fn clean_clone() -> PathBuf {
    if let Some(clone) = std::env::var_os(CLONED) {
        return clone.into();
    }
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let clone = tmp.join("readme");
    if clone.exists() {
        std::fs::remove_dir_all(&clone).unwrap();
    }
    let cloned = Command::new("git")
        .args(["clone", "--quiet", "--no-hardlinks"])
        .args([checkout(), &clone])
        .status()
        .unwrap();
    assert!(cloned.success());
    clone
}

/// One target directory of its own each time, so that only what changed since the last run is built.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme-target")
}

/// What the README's `cargo run` would do first, giving way to the tests beside it; the walks themselves don't.
fn build(clone: &Path) {
    let built = Command::new("nice")
        .args(["-n", "10", "cargo", "build", "--release"])
        .current_dir(clone)
        .env("CARGO_TARGET_DIR", target())
        .status()
        .unwrap();
    assert!(built.success());
}

/// The lines of the README's `sh` blocks, without their comments.
fn commands(readme: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if let Some(language) = line.strip_prefix("```") {
            inside = language == "sh";
        } else if inside {
            let command = line.split(" # ").next().unwrap_or_default().trim();
            commands.push(command.to_owned());
        }
    }
    commands
}

/// A command line as somebody types it in the clone. Everything that it started ends with it.
struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    fn start(line: &str, clone: &Path) -> Self {
        let mut child = Command::new("bash")
            .args(["-c", line])
            .current_dir(clone)
            .env("CARGO_TARGET_DIR", target())
            .env("SWITCHBOARD_LISTEN", "127.0.0.1:0")
            .env(INSIDE.0, INSIDE.1)
            .env_remove("RUST_LOG")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        let outputs: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for output in outputs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for text in BufReader::new(output).lines().map_while(Result::ok) {
                    // Whoever listened is gone; the pipe still has to be emptied.
                    let _ = sender.send(text);
                }
            });
        }
        Self { child, lines }
    }

    /// Everything said up to the first line that begins so, and the rest of that line.
    fn until(&self, start: &str) -> String {
        let mut said = Vec::new();
        let deadline = Instant::now() + BUILD_LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line {start:?} in:\n{}", said.join("\n"));
            };
            if let Some(rest) = line.trim_start().strip_prefix(start) {
                return rest.to_owned();
            }
            said.push(line);
        }
    }

    /// Its whole output, when it ended well.
    fn finish(mut self) -> String {
        let status = self.child.wait().unwrap();
        let output: Vec<String> = self.lines.iter().collect();
        let output = output.join("\n");
        assert!(status.success(), "{status}:\n{output}");
        output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let group = format!("-{}", self.child.id());
            let _ = Command::new("kill").args(["--", &group]).status();
            let _ = self.child.wait();
        }
    }
}

/// Protects the first minute of a stranger: every command of the README works as it stands in a fresh clone.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds the release; ./tests/run asks for it"]
async fn the_readme_is_true_in_a_clean_clone() {
    let mut alone = CLONE.lock().await;
    let clone = alone.get_or_insert_with(clean_clone).clone();
    build(&clone);
    let readme = std::fs::read_to_string(clone.join("README.md")).unwrap();
    let picture = "docs/desk.png";
    assert!(readme.contains(picture) && clone.join(picture).exists());
    let mut tried = Vec::new();
    for command in commands(&readme) {
        match command.as_str() {
            line if line.ends_with("-- demo") => {
                a_living_desk(line, &clone).await;
                tried.push("demo");
            }
            "./tests/run" => {
                for line in ["./tests/run", ".ci/run"] {
                    let said = Running::start(line, &clone).finish();
                    assert!(said.contains("all that the tests need is there"), "{said}");
                }
                tried.push("tests");
            }
            line if line.contains("TELEGRAM_API_ID=…") => {
                an_empty_desk(line, &clone).await;
                tried.push("accounts");
            }
            other => panic!("the README tells people to run {other:?}, and no test does"),
        }
    }
    assert_eq!(tried, ["demo", "tests", "accounts"]);
}

/// What each step took.
struct Walk {
    begun: Instant,
    steps: Vec<(&'static str, Duration)>,
}

impl Walk {
    fn begin() -> Self {
        Self {
            begun: Instant::now(),
            steps: Vec::new(),
        }
    }

    fn did(&mut self, step: &'static str) {
        self.steps.push((step, self.begun.elapsed()));
        self.begun = Instant::now();
    }
}

/// Protects the first hour of a stranger, from the clone to a copy that was put back, and prints what each step took. From the first
/// account on it is the program of this build, on a simulated Telegram; Supabase is PostgREST on PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds the release; ./tests/run asks for it"]
async fn a_strangers_path_is_walked_and_timed() {
    let mut alone = CLONE.lock().await;
    let mut walk = Walk::begin();
    let clone = alone.get_or_insert_with(clean_clone).clone();
    walk.did("clone");
    build(&clone);
    walk.did("the release is built");
    if let Ok(took) = std::env::var(CLONE_TOOK) {
        walk.steps[1].1 += Duration::from_secs(took.parse().unwrap());
    }
    let readme = std::fs::read_to_string(clone.join("README.md")).unwrap();
    let demo = commands(&readme).into_iter();
    let demo = demo
        .filter(|line| line.ends_with("-- demo"))
        .collect::<Vec<_>>();
    a_living_desk(&demo[0], &clone).await;
    walk.did("the demo answers in a browser");

    let mut fleet = Fleet::builder().start().await;
    let account = fleet.add_account("First").await;
    fleet.wait_for_state(&account.id, "online").await;
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet
        .telegram
        .say(person, account.user, "the first message");
    let chat = fleet.conversation(&account, person).await;
    fleet
        .wait_for_message(&chat, "the first message", "received")
        .await;
    walk.did("the first account is signed in, and hears something");

    let project = Project::start();
    fleet.stop_service();
    fleet.set_env("SUPABASE_URL", project.url().as_str());
    fleet.set_env("SUPABASE_SERVICE_KEY", SECRET_KEY);
    fleet.start_service();
    let kept = async || {
        project.sql("select count(*) from telegram_accounts where session_string is not null")
    };
    wait::until("its row in Supabase", kept, |rows| rows.trim() == "1").await;
    fleet.wait_for_state(&account.id, "online").await;
    walk.did("its session is in Supabase");

    let copy = clone.join("copy");
    let said = tokens::command("backup", &fleet.data_dir(), &[copy.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    fleet.telegram.say(person, account.user, "after the copy");
    fleet
        .wait_for_message(&chat, "after the copy", "received")
        .await;
    fleet.stop_service();
    let said = tokens::command("restore", &fleet.data_dir(), &[copy.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let file = fleet.data_dir().join("switchboard.db");
    let newer = "SELECT count(*) AS n FROM messages WHERE text = 'after the copy'";
    assert_eq!(rows::number(&file, newer), 0);
    fleet.start_service();
    fleet.wait_for_state(&account.id, "online").await;
    wait::until(
        "what came since",
        async || rows::number(&file, newer),
        |found| *found == 1,
    )
    .await;
    walk.did("a copy is taken, put back, and what came since is fetched");

    println!("| step | took |\n|---|---|");
    for (step, took) in &walk.steps {
        println!("| {step} | {:.1} s |", took.as_secs_f64());
    }
    let all: Duration = walk.steps.iter().map(|(_, took)| *took).sum();
    println!("| all of it | {:.1} s |", all.as_secs_f64());
}

/// Three accounts, people who write and who answer, and a page that shows it.
async fn a_living_desk(line: &str, clone: &Path) {
    let demo = Running::start(line, clone);
    demo.until("Running `");
    let start = Instant::now();
    let address = demo.until("listening on http://");
    let api = Api::new(&address);
    let alive = |conversations: &Vec<Value>| conversations.len() >= 12;
    wait::until("a living desk", || api.conversations(), alive).await;
    eprintln!("the demo lives {:?} after its start", start.elapsed());
    let accounts = api.get("/accounts").await["accounts"].clone();
    assert_eq!(accounts.as_array().unwrap().len(), 3, "{accounts}");

    let desk = Desk::open(&address).await;
    desk.choose("Contact two").await;
    desk.reply("Shall I send it today?").await;
    desk.until_message("Shall I send it today?", "sent").await;
    desk.until(
        "an answer",
        "document.querySelector('.message.own ~ .message:not(.own)')",
    )
    .await;
    desk.close().await;
}

/// The service for real accounts waits for its first one.
async fn an_empty_desk(line: &str, clone: &Path) {
    let line = line
        .replace("TELEGRAM_API_ID=…", "TELEGRAM_API_ID=12345")
        .replace(
            "TELEGRAM_API_HASH=…",
            &format!("TELEGRAM_API_HASH={:032x}", 7),
        );
    let service = Running::start(&line, clone);
    let address = service.until("listening on http://");
    let api = Api::new(&address);
    let accounts = api.get("/accounts").await;
    assert_eq!(
        (&accounts["accounts"], &accounts["server_has_api"]),
        (&json!([]), &json!(true))
    );
    let desk = Desk::open(&address).await;
    desk.until_text(".card", "Connect your first account").await;
    desk.close().await;
}

/// Protects who has no root: the one test command says what is missing and how to get it, and changes nothing.
#[test]
fn without_root_the_test_command_names_what_to_install() {
    let place = tempfile::tempdir().unwrap();
    let open = |path: &Path| {
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, all).unwrap();
    };
    open(place.path());
    for folder in ["tests", "bin"] {
        std::fs::create_dir(place.path().join(folder)).unwrap();
        open(&place.path().join(folder));
    }
    std::fs::copy(checkout().join("tests/run"), place.path().join("tests/run")).unwrap();
    // A machine that has all but the browser and its driver.
    for program in [
        "bash", "dirname", "id", "ls", "cc", "git", "curl", "jq", "python3", "node", "npm",
    ] {
        let path = which(program);
        std::os::unix::fs::symlink(path, place.path().join("bin").join(program)).unwrap();
    }
    let mut shell = if rustix::process::geteuid().is_root() {
        let mut nobody = Command::new(which("setpriv"));
        nobody.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        nobody.arg(place.path().join("bin/bash"));
        nobody
    } else {
        Command::new(which("bash"))
    };
    let somebody = shell
        .arg(place.path().join("tests/run"))
        .env("PATH", place.path().join("bin"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&somebody.stdout);
    let wanted = "install them with: sudo apt-get install chromium chromium-driver microsocks tinyproxy caddy";
    assert!(said.lines().any(|line| line.ends_with(wanted)), "{said}");
    assert_eq!(somebody.status.code(), Some(1));
}

/// Debian's own first: what lies in somebody's home is out of reach of others.
fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::iter::once(PathBuf::from("/usr/bin"))
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(program))
        .find(|file| file.exists())
        .unwrap_or_else(|| panic!("{program} is not installed"))
}
