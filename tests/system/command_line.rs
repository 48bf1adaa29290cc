//! Command line: what is read from it may go away or refuse to be written.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query,
    sql_types::Text, sqlite::SqliteConnection,
};
use reqwest::StatusCode;

use crate::support::{
    api::Api,
    service::{ServiceProcess, ServiceSettings},
    tokens, wait,
};

/// Protects a service of whose output only a part is wanted (`switchboard | head -1`): it serves on, and its log tells
/// where.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_output_nobody_reads_serves_on() {
    let home = tempfile::tempdir().unwrap();
    let mut service = ServiceProcess::spawn(&home.path().join("data"), &ServiceSettings::default());
    service.close_output();
    let log = wait::until(
        "the log to tell where it listens",
        || async { service.log() },
        |log| log.contains(" listens on http://"),
    )
    .await;
    let (_, address) = log.split_once(" listens on http://").unwrap();
    let api = Api::new(address.lines().next().unwrap());
    let (status, _) = api.call(reqwest::Method::GET, "/health/live", None).await;
    assert_eq!(status, StatusCode::OK);
    service.stop();
}

/// Protects a new token: it is shown this once, so an answer that could not be written is no success.
#[test]
fn a_token_that_could_not_be_shown_is_told() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["token", "--data-dir"])
        .arg(home.path())
        .args(["create", "--name", "lost", "--scope", "read"])
        .stdout(File::options().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("could not be written"), "{words}");
    assert!(tokens::list(home.path()).contains("lost"));
}

/// Protects people and scripts that want the simulated Telegram alone: the command starts, and says where it is.
#[test]
fn the_simulated_telegram_starts_by_itself() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["simulator", "--port", "0", "--control", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let control = lines
        .map_while(Result::ok)
        .find(|line| line.starts_with("control http://127.0.0.1:"));
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(control.is_some(), "{words}");
}

fn database(data: &Path) -> SqliteConnection {
    let path = data.join("switchboard.db");
    SqliteConnection::establish(&path.to_string_lossy()).unwrap()
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

fn versions(data: &Path) -> Vec<String> {
    sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version")
        .load::<Version>(&mut database(data))
        .unwrap()
        .into_iter()
        .map(|row| row.version)
        .collect()
}

const TOKEN_COMMANDS: [&[&str]; 4] = [
    &["list"],
    &["create", "--name", "one", "--scope", "read"],
    &["revoke", "1"],
    &["unlock", "--everybody-on-this-machine"],
];

/// Protects a service that runs in another version: the commands beside it leave its schema alone and say in words what
/// to do; only the service itself brings it up to date.
#[test]
fn a_command_beside_another_version_changes_no_schema() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    tokens::create(&data, "first", "read");
    let all = versions(&data);
    let (newest, older) = all.split_last().unwrap();
    // As an older version left it. What the newest step changed is not taken back: nothing here reads it.
    database(&data)
        .batch_execute(&format!(
            "DELETE FROM __diesel_schema_migrations WHERE version = '{newest}'"
        ))
        .unwrap();
    for args in TOKEN_COMMANDS {
        let said = tokens::tried(&data, args);
        assert_eq!(said.code, Some(1), "{args:?}: {said:?}");
        assert!(
            said.stderr.contains("older version") && said.stderr.contains("switchboard serve"),
            "{args:?}: {said:?}"
        );
        assert_eq!(versions(&data), older, "{args:?} migrated");
    }
    let check = tokens::command("check", &data, &[]);
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(check.stdout.contains("older version"), "{check:?}");
    assert_eq!(versions(&data), older, "check migrated");
    let rekey = tokens::command("rekey", &data, &[]);
    assert_eq!(rekey.code, Some(1), "{rekey:?}");
    assert_eq!(versions(&data), older, "rekey migrated");

    database(&data)
        .batch_execute(&format!(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('{newest}'), ('20991231000000')"
        ))
        .unwrap();
    for args in TOKEN_COMMANDS {
        let said = tokens::tried(&data, args);
        assert_eq!(said.code, Some(1), "{args:?}: {said:?}");
        assert!(said.stderr.contains("newer version"), "{args:?}: {said:?}");
    }
    let check = tokens::command("check", &data, &[]);
    assert!(check.stdout.contains("newer version"), "{check:?}");
}

/// Protects a person who asks before the first start: only a new token makes a database, and says so.
#[test]
fn only_a_new_token_makes_a_database() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let file = data.join("switchboard.db");
    let list = tokens::list(&data);
    assert!(list.contains("the service is open"), "{list}");
    for args in [&TOKEN_COMMANDS[2], &TOKEN_COMMANDS[3]] {
        tokens::tried(&data, args);
        assert!(!file.exists(), "{args:?} made a database");
    }
    let made = tokens::tried(&data, TOKEN_COMMANDS[1]);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stderr.contains("switchboard.db"), "{made:?}");
    assert!(made.stderr.contains("locked"), "{made:?}");
    assert!(
        made.stdout.starts_with("swb_") && made.stdout.lines().count() == 1,
        "{made:?}"
    );
    let second = tokens::tried(&data, TOKEN_COMMANDS[1]);
    assert_eq!(second.stderr, "");
}

/// Protects whoever shows somebody the help: it says which variables there are and nothing of what is in them.
#[test]
fn the_help_tells_no_secrets() {
    const SECRET: &str = "swordfish-of-this-machine";
    for command in [None, Some("serve"), Some("token")] {
        let output = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args(command)
            .arg("--help")
            .env("TELEGRAM_API_HASH", SECRET)
            .env("SUPABASE_URL", format!("https://{SECRET}.example"))
            .env("SUPABASE_SERVICE_KEY", SECRET)
            .env("SWITCHBOARD_MASTER_KEY", SECRET)
            .env("SWITCHBOARD_MASTER_PASSPHRASE", SECRET)
            .env("SWITCHBOARD_WEBHOOKS", format!("https://{SECRET}.example"))
            .env("SWITCHBOARD_WEBHOOK_SECRET", SECRET)
            .env(
                "SWITCHBOARD_PROXIES",
                format!("socks5://a:{SECRET}@127.0.0.1:9"),
            )
            .env("ASSISTANT_URL", format!("https://{SECRET}.example"))
            .env("ASSISTANT_KEY", SECRET)
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("TELEGRAM_API_HASH"), "{said}");
        assert!(!said.contains(SECRET), "{command:?}: {said}");
    }
}

/// Protects programs that look after a service: `check --json` is one object that tells what the lines tell, a damaged database and a bad
/// configuration among it.
#[test]
fn check_tells_programs_what_it_tells_people() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    tokens::create(&data, "first", "read");
    let check = |args: &[&str]| {
        let said = tokens::command("check", &data, &[&["--json"], args].concat());
        let told: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        (said.code, told)
    };
    let level = |told: &serde_json::Value, about: &str| {
        let all = told["findings"].as_array().unwrap();
        let found = all.iter().find(|finding| finding["about"] == about);
        found.map(|finding| finding["level"].as_str().unwrap().to_owned())
    };
    // Nobody answers there, so nobody tells the time either.
    let (code, told) = check(&[
        "--webhook",
        "http://127.0.0.1:9/",
        "--webhook-secret",
        "sixteen letters and more",
    ]);
    assert_eq!(
        (code, &told["status"]),
        (Some(1), &"problem".into()),
        "{told}"
    );
    for (about, wanted) in [
        ("configuration", Some("ok")),
        ("access", Some("ok")),
        ("database", Some("ok")),
        ("ways", Some("problem")),
        ("webhooks", Some("problem")),
        ("clock", None),
    ] {
        assert_eq!(level(&told, about).as_deref(), wanted, "{about}: {told}");
    }
    assert!(level(&told, "disk").is_some(), "{told}");
    let people = tokens::command("check", &data, &[]).stdout;
    assert!(
        people.lines().any(|line| line == "ok       database"),
        "{people}"
    );

    let (code, told) = check(&["--listen", "nowhere"]);
    assert_eq!(
        (code, level(&told, "configuration").as_deref()),
        (Some(2), Some("problem"))
    );

    let file = data.join("switchboard.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let page = 4_096;
    for byte in &mut bytes[10 * page..14 * page] {
        *byte ^= 0xff;
    }
    std::fs::write(&file, bytes).unwrap();
    let (code, told) = check(&[]);
    assert_eq!(
        (code, level(&told, "database").as_deref()),
        (Some(1), Some("problem")),
        "{told}"
    );
}
