//! The vault under the whole service: a full sign-in leaves no secret behind, and a start that would go wrong is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use serde_json::{Value, json};
use switchboard::{
    domain::AccountId,
    store::{NoSink, Store, StoreConfig},
    vault::{KeySource, Keyring, Vault, VaultConfig},
};
use switchboard_simulator::AccountSpec;

mod key_changes;
#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "../support/postgrest.rs"]
mod postgrest;
#[path = "../power/mod.rs"]
mod power;
mod supabase;
#[path = "../support/mod.rs"]
mod support;

use postgrest::{Fault, PUBLISHABLE_KEY, Project, SECRET_KEY, jwt};
use support::{
    fleet::{API_HASH, Fleet, FleetBuilder, phone},
    leak_scan::Secrets,
    service::{ServiceProcess, ServiceSettings},
    wait,
};

const PASSWORD: &str = "correct horse battery staple, 7 times";
const WRONG_PASSWORD: &str = "tr0ub4dor and three more words";

fn on(project: &Project) -> FleetBuilder {
    Fleet::builder()
        .env("SUPABASE_URL", project.url().as_str())
        .env("SUPABASE_SERVICE_KEY", SECRET_KEY)
        .env("SUPABASE_INTERVAL", "1")
}

/// Opens what a stopped service has kept, as the service itself would.
async fn kept_secrets(data: &Path, id: &str, secrets: &mut Secrets) {
    let store = Store::open(
        StoreConfig::at(data.join("switchboard.db")),
        Arc::new(NoSink),
    )
    .unwrap();
    let config = VaultConfig {
        keyring: Keyring::load(KeySource::File(data.join("master.key"))).unwrap(),
        remote: None,
        runtime: tokio::runtime::Handle::current(),
    };
    let vault = Vault::open(config, store.clone()).await.unwrap();
    let id: AccountId = id.parse().unwrap();
    if let Some(session) = vault.credentials(id).await.unwrap().session {
        secrets.bytes("a session", session.expose());
    }
    if let Some(state) = vault.sign_in_state(id).await.unwrap() {
        secrets.bytes("a sign-in under way", state.expose());
    }
    vault.close().await;
    store.close().await;
}

fn find(fleet: &Fleet, project: &Project, secrets: &Secrets) -> Vec<String> {
    let mut found = secrets.find_in_files(fleet.data_dir().parent().unwrap(), &["master.key"]);
    found.extend(secrets.find("the Supabase table", project.dump().as_bytes()));
    for request in project.gateway.seen() {
        found.extend(secrets.find("an address", request.target.as_bytes()));
        found.extend(secrets.find("a request", request.body.as_bytes()));
    }
    found
}

/// Protects the promise of the vault: after sign-ins by code, password and session string, after a kill in the middle
/// and at the end, files, log at its most talkative, table and requests hold no secret; and a crash leaves no memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_sign_in_leaves_no_secret_behind() {
    let project = Project::start();
    let (_, hard) = rlimit::getrlimit(rlimit::Resource::CORE).unwrap();
    rlimit::setrlimit(rlimit::Resource::CORE, hard, hard).unwrap();
    let mut fleet = on(&project).env("RUST_LOG", "trace").start().await;
    let mut secrets = Secrets::default();
    let number = phone(31);
    secrets.text("api_hash", API_HASH);
    secrets.text("the password", PASSWORD);
    secrets.text("a wrong password", WRONG_PASSWORD);
    secrets.text("the phone number", &number);
    secrets.text("the service key", SECRET_KEY);
    let key = std::fs::read_to_string(fleet.data_dir().join("master.key")).unwrap();
    secrets.text("the master key", key.lines().last().unwrap());

    fleet.telegram.add_account(AccountSpec {
        phone: number.clone(),
        first_name: "Support".into(),
        password: Some(PASSWORD.into()),
        password_hint: Some("horse".into()),
        ..AccountSpec::default()
    });
    let body = json!({ "label": "Support", "phone": number });
    let added = fleet.api.post("/accounts/add", body).await;
    let id = added["account"]["id"].as_str().unwrap().to_owned();
    let code = fleet.code_for(&number).await;
    secrets.code("the code", &code);

    // Between "code sent" and "verified", with the write-ahead log as a power cut leaves it.
    fleet.kill_service();
    assert_eq!(find(&fleet, &project, &secrets), [""; 0]);
    kept_secrets(&fleet.data_dir(), &id, &mut secrets).await;
    fleet.start_service();
    let path = format!("/accounts/{id}/login");
    wait::until(
        "the sign-in to go on",
        || fleet.api.get(&path),
        |answer: &Value| answer["login"]["step"] == "code",
    )
    .await;
    let asked = fleet
        .api
        .post(&format!("{path}/code"), json!({ "code": code }))
        .await;
    assert_eq!(asked["login"]["step"], "password", "{asked}");
    let wrong = json!({ "password": WRONG_PASSWORD });
    fleet
        .api
        .call(
            reqwest::Method::POST,
            &format!("{path}/password"),
            Some(wrong),
        )
        .await;
    let right = json!({ "password": PASSWORD });
    let done = fleet.api.post(&format!("{path}/password"), right).await;
    assert_eq!(done["login"]["step"], "done", "{done}");
    fleet.wait_for_state(&id, "online").await;

    // A session string of another client, too.
    let imported = fleet.telegram.add_account(AccountSpec {
        phone: phone(32),
        first_name: "Sales".into(),
        ..AccountSpec::default()
    });
    let session = fleet.session_string(imported);
    secrets.text("a session string", &session);
    let body = json!({ "label": "Sales", "session": session });
    let added = fleet.api.post("/accounts/add", body).await;
    let second = added["account"]["id"].as_str().unwrap().to_owned();
    fleet.wait_for_state(&second, "online").await;
    wait::until(
        "both sessions to be in Supabase",
        || async { project.sql("select count(session_string) from public.telegram_accounts") },
        |count| count == "2",
    )
    .await;

    fleet.kill_service();
    for account in [&id, &second] {
        kept_secrets(&fleet.data_dir(), account, &mut secrets).await;
    }
    assert_eq!(find(&fleet, &project, &secrets), [""; 0]);

    // Both sign-ins survive; then it crashes, on a machine where others leave their memory.
    fleet.start_service();
    for account in [&id, &second] {
        fleet.wait_for_state(account, "online").await;
    }
    let crashed = fleet.abort_service();
    assert!(!std::os::unix::process::ExitStatusExt::core_dumped(
        &crashed
    ));
    assert!(
        others_dump_core(),
        "this machine writes no core dumps, so nothing was shown"
    );
    assert_eq!(find(&fleet, &project, &secrets), [""; 0]);
}

/// Does a program that does not protect itself leave a core dump here?
fn others_dump_core() -> bool {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new("sleep")
        .arg("60")
        .current_dir(directory.path())
        .spawn()
        .unwrap();
    Command::new("kill")
        .args(["-ABRT", &child.id().to_string()])
        .status()
        .unwrap();
    std::os::unix::process::ExitStatusExt::core_dumped(&child.wait().unwrap())
}

fn env(pairs: &[(&str, &str)]) -> ServiceSettings {
    let env = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    ServiceSettings {
        env,
        ..ServiceSettings::default()
    }
}

/// Protects a stop that comes while the service still starts: it waits for nobody and is a clean one.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_waits_for_supabase_can_be_stopped() {
    let project = Project::start();
    project
        .gateway
        .always(Some(Fault::Slow(Duration::from_secs(60))));
    let home = tempfile::tempdir().unwrap();
    let settings = env(&[
        ("SUPABASE_URL", project.url().as_str()),
        ("SUPABASE_SERVICE_KEY", SECRET_KEY),
    ]);
    let service = ServiceProcess::spawn(&home.path().join("data"), &settings);
    wait::until(
        "the service to ask Supabase",
        || async { project.gateway.seen().len() },
        |asked| *asked > 0,
    )
    .await;
    service.stop();
}

/// Protects: the key may come from the environment or from systemd, and then no key file is made; a start that would
/// go wrong ends with exit code 2 and words that lead on, before anything is touched.
#[test]
fn a_start_takes_a_key_from_each_place_and_refuses_what_would_go_wrong() {
    const KEY: &str = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGho=";
    const OTHER: &str = "q83vEjRWeJq83vABI0VniavN7wEjRWeJq83vEjRWeJo=";
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let credentials = home.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("switchboard-master-key"), KEY).unwrap();
    let credentials = credentials.to_str().unwrap();
    for settings in [
        env(&[("SWITCHBOARD_MASTER_KEY", KEY)]),
        env(&[("CREDENTIALS_DIRECTORY", credentials)]),
    ] {
        ServiceProcess::start(&data, &settings).stop();
        assert!(!data.join("master.key").exists());
    }
    let (service_role, anon) = (jwt("service_role"), jwt("anon"));
    let supabase = ("SUPABASE_URL", "http://127.0.0.1:1");
    let right = ("SWITCHBOARD_MASTER_KEY", KEY);
    for (settings, words) in [
        (
            env(&[("SWITCHBOARD_MASTER_KEY", OTHER)]),
            "was sealed with master key",
        ),
        (env(&[]), "there is nothing in"),
        (
            env(&[right, ("SWITCHBOARD_MASTER_PASSPHRASE", "words")]),
            "choose one",
        ),
        (
            env(&[right, supabase, ("SUPABASE_SERVICE_KEY", &anon)]),
            "this is the anon key",
        ),
        (
            env(&[right, supabase, ("SUPABASE_SERVICE_KEY", PUBLISHABLE_KEY)]),
            "this is the publishable key",
        ),
    ] {
        let Err((status, log)) = ServiceProcess::try_start(&data, &settings) else {
            panic!("it started, though {words}");
        };
        assert_eq!(status.code(), Some(2), "{log}");
        assert!(log.contains(words), "{words} is not in:\n{log}");
        for secret in [KEY, OTHER, &anon, PUBLISHABLE_KEY] {
            assert!(!log.contains(secret), "{log}");
        }
        assert!(!data.join("master.key").exists());
    }
    // Nobody is there at this address: the service starts all the same.
    let away = env(&[right, supabase, ("SUPABASE_SERVICE_KEY", &service_role)]);
    ServiceProcess::start(&data, &away).stop();
}
