//! On PostgreSQL: what the service promises on a file it promises there, and what only a server can do to it.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::PersonSpec;

use crate::support::{
    engine,
    fleet::Fleet,
    oracle::{File, until_faithful},
    service::{Server, ServiceProcess, ServiceSettings},
    tokens, wait,
};

/// Protects the two promises that everything is built on, where the rows are on a server: it and the service end in the middle of
/// the talk, again and again, and nothing is lost and no reply is sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_in_the_middle_nothing_is_lost_and_nothing_doubled() {
    let mut fleet = Fleet::builder()
        .accounts(1)
        .on_its_own_postgres()
        .start()
        .await;
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    let telegram = fleet.telegram.clone();
    let account = fleet.accounts[0].clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(person, account.user, "hello");
    let talk = fleet.conversation(&account, person).await["id"]
        .as_i64()
        .unwrap();
    let path = format!("/conversations/{talk}/reply");
    let mut replied = BTreeMap::new();
    for round in 0..6 {
        for said in 0..40 {
            telegram.say(person, account.user, &format!("message {said} of {round}"));
        }
        let text = format!("reply of round {round}");
        let key = format!("round-{round}");
        // Answered means committed; what is refused meanwhile is asked for again with the same key.
        let ask = json!({ "text": text, "idempotency_key": key });
        if round % 2 == 0 {
            let answer = fleet.api.post(&path, ask).await;
            assert_eq!(answer["message"]["status"], "pending");
            fleet.kill_service();
            fleet.start_service();
        } else {
            engine::crash(&database);
            wait::until(
                "the reply to be taken",
                || async {
                    let (status, _) = fleet.api.call(Method::POST, &path, Some(ask.clone())).await;
                    status
                },
                StatusCode::is_success,
            )
            .await;
        }
        replied.insert(text, 1);
    }
    fleet.wait_for_state(&account.id, "online").await;
    wait::until(
        "the outbox to be empty",
        || async { fleet.api.account(&account.id).await["outbox_pending"].as_i64() },
        |pending| *pending == Some(0),
    )
    .await;
    until_faithful(&fleet, &account, &[person]).await;
    let mut arrived: BTreeMap<String, i32> = BTreeMap::new();
    for text in telegram.texts(account.user, person) {
        if text.starts_with("reply ") {
            *arrived.entry(text).or_default() += 1;
        }
    }
    assert_eq!(arrived, replied, "every reply arrives exactly once");
    let told = File::of(&fleet).number(
        "SELECT count(*) AS n FROM (SELECT message_row FROM event_log WHERE kind = 1 GROUP BY message_row HAVING count(*) > 1) t",
    );
    assert_eq!(told, 0, "no message is told twice");
}

/// Protects a store from services that begin while another one is put in its place: they are refused, and served when that is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_does_not_begin_where_somebody_has_the_database_alone() {
    let mut fleet = Fleet::builder().on_its_own_postgres().start().await;
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let elsewhere = ServiceSettings {
        env: vec![(
            "SWITCHBOARD_DATABASE_URL".to_owned(),
            engine::url_of(&database),
        )],
        ..ServiceSettings::default()
    };
    fleet.stop_service();
    let data = home.path().join("data");
    // The master key goes along: the rows are sealed with it.
    fs::create_dir(&data).unwrap();
    let key = "master.key";
    fs::copy(fleet.data_dir().join(key), data.join(key)).unwrap();
    let name = database.clone();
    let alone = std::thread::spawn(move || {
        engine::sql_of(
            &name,
            "select pg_advisory_lock(8320234785195188847); select pg_sleep(13)",
        );
    });
    wait::until(
        "the database to be somebody's alone",
        || async {
            engine::rows::<Value>(
                &database,
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'",
            )
        },
        |held| !held.is_empty(),
    )
    .await;
    let Err((status, said)) = ServiceProcess::try_start(&data, &elsewhere) else {
        panic!("it serves what is being replaced");
    };
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("in use"), "{said}");
    alone.join().unwrap();
    ServiceProcess::start(&data, &elsewhere).stop();
}

/// Protects sessions where the server ended the lock's session and somebody else was quicker: the process that had the database ends,
/// and writes nothing more there.
#[test]
fn a_process_whose_database_was_taken_ends() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let service = ServiceProcess::start(
        &data,
        &ServiceSettings {
            postgres: Some(Server::OfAll),
            ..ServiceSettings::default()
        },
    );
    let database = engine::database_of(&data).unwrap();
    let pid = service.pid();
    let taken = std::thread::spawn(move || {
        engine::cluster().sql(
            &database,
            &format!(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}' \
                 and application_name like 'switchboard {pid}@%'; \
                 select pg_advisory_lock(8320234785195188847); select pg_sleep(3)"
            ),
        )
    });
    assert_eq!(service.ended().code(), Some(3));
    taken.join().unwrap();
    let log = fs::read_to_string(data.with_extension("log")).unwrap();
    assert!(
        log.contains("another process has taken the database"),
        "{log}"
    );
}

/// Protects whoever works beside the service: the commands do on a server what they do on a file, and a copy that was put back gives
/// no number out twice and sends nothing twice.
#[tokio::test(flavor = "multi_thread")]
async fn the_commands_work_on_a_server() {
    let mut fleet = Fleet::builder().accounts(1).on_postgres().start().await;
    let data = fleet.data_dir();
    let telegram = fleet.telegram.clone();
    let account = fleet.accounts[0].clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(person, account.user, "before");
    fleet.conversation(&account, person).await;

    let checked = tokens::command("check", &data, &[]);
    assert!(
        checked.stdout.contains("PostgreSQL") && checked.stdout.contains("serves it"),
        "{checked:?}"
    );
    let token = tokens::create(&data, "reporting", "read");
    assert!(token.starts_with("swb_"), "{token}");
    let (status, _) = fleet.api.call(Method::GET, "/accounts", None).await;
    wait::until(
        "the service to be locked",
        || async { fleet.api.call(Method::GET, "/accounts", None).await.0 },
        |status| *status == StatusCode::UNAUTHORIZED,
    )
    .await;
    assert!(status.is_success() || status == StatusCode::UNAUTHORIZED);
    tokens::revoke(&data, "reporting");
    tokens::unlock(&data);
    wait::until(
        "the service to be open",
        || async { fleet.api.call(Method::GET, "/accounts", None).await.0 },
        StatusCode::is_success,
    )
    .await;

    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("copy");
    let copy_name = copy.to_str().unwrap();
    let said = tokens::command("backup", &data, &["--sealed", copy_name]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("1 accounts"), "{said:?}");
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    telegram.say(person, account.user, "after");
    wait::until(
        "the second message",
        || async { File::of(&fleet).chat(&account.id, person).len() },
        |rows| *rows == 2,
    )
    .await;
    let told = File::of(&fleet).last_event();
    let running = tokens::command("restore", &data, &[copy_name]);
    assert_eq!(running.code, Some(3), "{running:?}");
    fleet.stop_service();
    let said = tokens::command("restore", &data, &[copy_name]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("switchboard_before_"), "{said:?}");
    assert_eq!(File::of(&fleet).chat(&account.id, person).len(), 1);
    let rekeyed = tokens::command("rekey", &data, &[]);
    assert_eq!(rekeyed.code, Some(0), "{rekeyed:?}");
    fleet.start_service();
    until_faithful(&fleet, &account, &[person]).await;
    assert!(
        File::of(&fleet).last_event() > told,
        "no number comes twice"
    );
    fleet.stop_service();
    let checked = tokens::command("check", &data, &["--json"]);
    assert!(checked.stdout.contains("it answers within"), "{checked:?}");
}

pub fn refused(home: &Path, url: &str, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut env = vec![("SWITCHBOARD_DATABASE_URL".to_owned(), url.to_owned())];
    env.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    let settings = ServiceSettings {
        env,
        ..ServiceSettings::default()
    };
    match ServiceProcess::try_start(&home.join("data"), &settings) {
        Ok(service) => {
            service.stop();
            (Some(0), String::new())
        }
        Err((status, said)) => (status.code(), said),
    }
}

/// Protects everybody else from a question that never ends, and the writer from a lock that is never given: both end, and the
/// service goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_never_given_does_not_stop_the_service() {
    let fleet = Fleet::builder().accounts(1).on_postgres().start().await;
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    let telegram = fleet.telegram.clone();
    let account = fleet.accounts[0].clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(person, account.user, "before");
    fleet.conversation(&account, person).await;
    let held = std::thread::spawn(move || {
        engine::cluster().sql(
            &database,
            "begin; lock table switchboard.messages in access exclusive mode; select pg_sleep(13); commit;",
        );
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    telegram.say(person, account.user, "meanwhile");
    let told = wait::until(
        "the trouble to be told",
        || async { fleet.api.call(Method::GET, "/health/ready", None).await },
        |(status, _)| *status == StatusCode::SERVICE_UNAVAILABLE,
    )
    .await;
    assert_eq!(told.1["store"]["ok"], false, "{told:?}");
    held.join().unwrap();
    until_faithful(&fleet, &account, &[person]).await;
    let (status, _) = fleet.api.call(Method::GET, "/health/ready", None).await;
    assert_eq!(status, StatusCode::OK);
}
