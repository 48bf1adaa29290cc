//! The vault under the whole service: a full sign-in leaves no secret behind, and what people do in Supabase is done.

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

#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "support/postgrest.rs"]
mod postgrest;
#[path = "power/mod.rs"]
mod power;
#[path = "support/mod.rs"]
mod support;

use postgrest::{Fault, PUBLISHABLE_KEY, Project, SECRET_KEY, jwt};
use support::{
    engine,
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
    let code = wait::until(
        "a code",
        || async { fleet.telegram.code_for(&number) },
        Option::is_some,
    )
    .await
    .unwrap();
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

/// Protects a login from a slip in Supabase's table, and the list of devices from what was meant: an account whose row was
/// deleted there stops; removed here too, its session ends at Telegram, though no line stood.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_deleted_in_supabase_is_signed_out_when_it_is_removed_here_too() {
    let project = Project::start();
    let fleet = on(&project).accounts(2).start().await;
    let account = fleet.accounts[0].clone();
    wait::until(
        "both to be in Supabase",
        || async { project.sql("select count(session_string) from public.telegram_accounts") },
        |count| count == "2",
    )
    .await;
    project.sql(&format!(
        "delete from public.telegram_accounts where id = '{}'",
        account.id
    ));
    fleet.wait_for_state(&account.id, "stopped").await;
    assert_eq!(fleet.telegram.keys_of(account.user).len(), 1);
    let path = format!("/accounts/{}?history=delete", account.id);
    let (status, body) = fleet.api.call(reqwest::Method::DELETE, &path, None).await;
    assert_eq!(status, 200, "{body}");
    wait::until(
        "the session to end",
        || async { fleet.telegram.keys_of(account.user) },
        Vec::is_empty,
    )
    .await;
    fleet.wait_for_state(&fleet.accounts[1].id, "online").await;
}

/// Protects all accounts from one: an account that was removed here, but changed in Supabase at the same time, comes back;
/// with its history kept or deleted, it keeps no start from happening.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_account_that_comes_back_keeps_nobody_from_starting() {
    let project = Project::start();
    let mut fleet = on(&project).accounts(3).start().await;
    let [kept, deleted, other] = [0, 1, 2].map(|index| fleet.accounts[index].id.clone());
    wait::until(
        "all to be in Supabase",
        || async { project.sql("select count(session_string) from public.telegram_accounts") },
        |count| count == "3",
    )
    .await;
    project.gateway.always(Some(Fault::Paused));
    for (id, history) in [(&kept, "keep"), (&deleted, "delete")] {
        let path = format!("/accounts/{id}?history={history}");
        let (status, body) = fleet.api.call(reqwest::Method::DELETE, &path, None).await;
        assert_eq!(status, 200, "{body}");
        project.sql(&format!(
            "update public.telegram_accounts set account_label = 'Changed there' where id = '{id}'"
        ));
    }
    project.gateway.always(None);
    let listed = |all: &serde_json::Value| {
        let accounts = all["accounts"].as_array().unwrap().clone();
        accounts
            .iter()
            .filter(|account| account["label"] == "Changed there")
            .count()
    };
    let both = || fleet.api.get("/accounts");
    wait::until("both to come back", both, |all| listed(all) == 2).await;
    fleet.stop_service();
    fleet.start_service();
    fleet.wait_for_state(&other, "online").await;
    let all = fleet.api.get("/accounts").await;
    assert_eq!(listed(&all), 2, "{all}");
}

/// Protects: what people do in Supabase's table editor is done at the node that has the account, whichever node sees it first.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_nodes_the_one_that_has_an_account_follows_supabase() {
    let project = Project::start();
    let mut fleet = on(&project).accounts(2).on_its_own_postgres().start().await;
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(fleet.data_dir().join("master.key"), data.join("master.key")).unwrap();
    // It does not look for itself: all that it learns of it learns from the other one.
    fleet.set_env("SUPABASE_INTERVAL", "86400");
    let _second = fleet.start_on_database(&data, &engine::url_of(&database));
    let owned = || async {
        engine::rows::<Value>(
            &database,
            "SELECT a.id AS id FROM account_leases l JOIN accounts a ON a.no = l.account_no WHERE l.owner = \
             (SELECT id FROM nodes ORDER BY started_at DESC LIMIT 1)",
        )
    };
    let shared = wait::until("the accounts to be shared", owned, |owned| owned.len() == 1).await;
    let theirs = shared[0]["id"].as_str().unwrap().to_owned();
    for account in &fleet.accounts {
        fleet.wait_for_state(&account.id, "online").await;
    }
    wait::until(
        "both to be in Supabase",
        || async { project.sql("select count(session_string) from public.telegram_accounts") },
        |count| count == "2",
    )
    .await;
    let set = |what: &str| {
        project.sql(&format!(
            "update public.telegram_accounts set {what} where id = '{theirs}'"
        ));
    };
    let named = async |label: &str| {
        wait::until(
            "the new name",
            || fleet.api.account(&theirs),
            |account| account["label"] == label,
        )
        .await;
    };
    set("is_active = false, account_label = 'Renamed'");
    fleet.wait_for_state(&theirs, "stopped").await;
    named("Renamed").await;
    set("is_active = true");
    fleet.wait_for_state(&theirs, "online").await;
    project.sql(&format!(
        "insert into public.telegram_accounts (account_label, api_id, api_hash) values ('By hand', 1, '{API_HASH}'); \
         delete from public.telegram_accounts where id = '{theirs}'"
    ));
    fleet.wait_for_state(&theirs, "stopped").await;
    wait::until(
        "the account added by hand",
        || fleet.api.get("/accounts"),
        |all| all.to_string().contains("By hand"),
    )
    .await;
    let left = || async { engine::rows::<Value>(&database, "SELECT kind FROM vault_news") };
    wait::until("nothing to be left to do", left, Vec::is_empty).await;
}

/// Protects: what people do in Supabase's table editor is done here, and an absent Supabase is said and does no harm.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_follows_supabase_and_does_without_it() {
    let project = Project::start();
    let mut fleet = on(&project).accounts(2).start().await;
    let (one, two) = (fleet.accounts[0].id.clone(), fleet.accounts[1].id.clone());
    wait::until(
        "both to be in Supabase",
        || async { project.sql("select count(session_string) from public.telegram_accounts") },
        |count| count == "2",
    )
    .await;
    project.sql(&format!(
        "update public.telegram_accounts set is_active = false, account_label = 'Renamed' where id = '{one}'"
    ));
    let stopped = fleet.wait_for_state(&one, "stopped").await;
    assert_eq!(stopped["is_active"], false);
    wait::until(
        "the new name",
        || fleet.api.account(&one),
        |account| account["label"] == "Renamed",
    )
    .await;
    project.sql(&format!(
        "update public.telegram_accounts set is_active = true where id = '{one}';
         insert into public.telegram_accounts (account_label, api_id, api_hash) values ('By hand', 1, '{API_HASH}')"
    ));
    fleet.wait_for_state(&one, "online").await;
    wait::until(
        "the account added by hand",
        || fleet.api.get("/accounts"),
        |all| {
            all["accounts"]
                .as_array()
                .unwrap()
                .iter()
                .any(|account| account["label"] == "By hand" && account["state"] == "signed_out")
        },
    )
    .await;

    project.gateway.always(Some(Fault::Paused));
    fleet.stop_service();
    fleet.start_service();
    for id in [&one, &two] {
        fleet.wait_for_state(id, "online").await;
    }
    let ready = wait::until(
        "the vault to be offline",
        || fleet.api.get("/health/ready"),
        |ready| ready["vault"]["state"] == "offline",
    )
    .await;
    assert!(
        ready["vault"]["reason"]
            .as_str()
            .unwrap()
            .contains("paused"),
        "{ready}"
    );
    let mut live = fleet.live(None).await;
    let told = live.until_event("vault_status").await;
    assert_eq!(told["data"]["vault"]["state"], "offline", "{told}");
    assert!(
        told.get("seq").is_none(),
        "it is no event of the log: {told}"
    );
    let off = json!({ "is_active": false, "label": "Switched off here" });
    let (status, body) = fleet
        .api
        .call(
            reqwest::Method::PATCH,
            &format!("/accounts/{two}"),
            Some(off),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    live.until(|frame| frame["data"]["vault"]["queued"] == 1)
        .await;
    project.gateway.always(None);
    live.until(|frame| frame["data"]["vault"]["state"] == "online")
        .await;
    wait::until(
        "the queued change to arrive",
        || async {
            project.sql(&format!(
                "select is_active, account_label from public.telegram_accounts where id = '{two}'"
            ))
        },
        |row| row == "f|Switched off here",
    )
    .await;
    project.sql(&format!(
        "delete from public.telegram_accounts where id = '{one}'"
    ));
    fleet.wait_for_state(&one, "stopped").await;
}

/// Protects: the master key changes by the command while accounts stay online, and `check` agrees before and after.
#[tokio::test(flavor = "multi_thread")]
async fn the_rekey_command_works_beside_the_running_service() {
    let project = Project::start();
    let mut fleet = on(&project).accounts(2).start().await;
    let data = fleet.data_dir();
    let before = std::fs::read(data.join("master.key")).unwrap();
    let (dc, address) = fleet.telegram.dc_addresses()[0];
    let telegram = format!("{dc}@{address}");
    let run = |command: &str| {
        Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args([command, "--data-dir"])
            .arg(&data)
            .env_clear()
            .env("SUPABASE_URL", project.url().as_str())
            .env("SUPABASE_SERVICE_KEY", SECRET_KEY)
            .env("TELEGRAM_DC", &telegram)
            .output()
            .unwrap()
    };
    let checked = run("check");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        checked.status.success() && said.contains("in use by process"),
        "{said}"
    );
    let changed = run("rekey");
    assert!(
        changed.status.success(),
        "{}",
        String::from_utf8_lossy(&changed.stderr)
    );
    assert_ne!(std::fs::read(data.join("master.key")).unwrap(), before);
    for account in &fleet.accounts {
        assert_eq!(fleet.api.account(&account.id).await["state"], "online");
    }
    fleet.stop_service();
    let again = run("rekey");
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    let checked = run("check");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        checked.status.success() && said.contains("2 accounts in the vault"),
        "{said}"
    );
    assert!(said.contains("Supabase, 2 accounts"), "{said}");
    fleet.start_service();
    for account in fleet.accounts.clone() {
        fleet.wait_for_state(&account.id, "online").await;
    }
    fleet.stop_service();
    std::fs::write(data.join("master.key"), before).unwrap();
    let checked = run("check");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(said.contains("was sealed with master key"), "{said}");
}

/// Protects: the passphrase changes by the command while accounts stay online; the old one then starts nothing, and
/// says so, and a command that can't be understood changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_passphrase_is_changed_beside_the_running_service() {
    const OLD: (&str, &str) = ("SWITCHBOARD_MASTER_PASSPHRASE", "the old passphrase");
    const NEW: (&str, &str) = ("SWITCHBOARD_MASTER_PASSPHRASE", "the new passphrase");
    let mut fleet = Fleet::builder().env(OLD.0, OLD.1).accounts(1).start().await;
    let data = fleet.data_dir();
    let run = |command: &str, passphrase: (&str, &str), args: &[&str], new: &str| {
        let file = data.join("new-passphrase");
        std::fs::write(&file, new).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args([command, "--data-dir"])
            .arg(&data)
            .args(args)
            .env_clear()
            .envs([passphrase])
            .env("SWITCHBOARD_NEW_MASTER_PASSPHRASE_FILE", &file)
            .env("TELEGRAM_DC", "2@127.0.0.1:9")
            .output()
            .unwrap();
        std::fs::remove_file(&file).unwrap();
        output
    };
    let said = |output: &std::process::Output| {
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    };
    let before = std::fs::read(data.join("master.key")).unwrap();
    for (args, new, problem) in [
        (&["--no-passphrase"][..], "words", "choose one"),
        (&[], " \n", "is empty"),
    ] {
        let refused = run("rekey", OLD, args, new);
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(said(&refused).contains(problem), "{}", said(&refused));
    }
    assert_eq!(std::fs::read(data.join("master.key")).unwrap(), before);

    let changed = run("rekey", OLD, &[], "the new passphrase\n");
    assert!(changed.status.success(), "{}", said(&changed));
    assert!(said(&changed).contains("every start from now on"));
    let account = fleet.accounts[0].clone();
    assert_eq!(fleet.api.account(&account.id).await["state"], "online");
    wait::until(
        "the running service to say what it noticed",
        || async { fleet.service().log() },
        |log| log.contains("came under another passphrase"),
    )
    .await;
    fleet.stop_service();
    let refused = run("check", OLD, &[], "-");
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(
        said(&refused).contains("does not open the master key file"),
        "{}",
        said(&refused)
    );
    fleet.set_env(NEW.0, NEW.1);
    fleet.start_service();
    fleet.wait_for_state(&account.id, "online").await;
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
