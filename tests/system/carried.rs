//! A service that changes its engine: on its file, on PostgreSQL and on a file again, with the same accounts, chats, replies and numbers.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use switchboard_simulator::{
    PersonSpec,
    traffic::TrafficSpec,
    wire::{FaultScope, WireFault},
};

use crate::support::{
    engine,
    fleet::Fleet,
    oracle::{File, until_faithful},
    service::{ServiceProcess, ServiceSettings},
    wait,
};

const EVENTS: &str = "SELECT coalesce(max(seq), 0) AS n FROM event_log";

/// Carries the store over while the service runs, and stops it when that is asked for.
fn migrate(fleet: &mut Fleet, from: &str, to: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .env_clear()
        .args([
            "migrate-store",
            "--patience",
            "60",
            "--from",
            from,
            "--to",
            to,
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.starts_with("stop the service on ") {
            assert!(child.try_wait().unwrap().is_none(), "{said}");
            fleet.stop_service();
        }
        said.push_str(&line);
        said.push('\n');
    }
    assert!(child.wait().unwrap().success(), "{said}");
    said
}

fn refused(data: &Path, env: &[(&str, &str)]) -> String {
    let settings = ServiceSettings {
        env: env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..ServiceSettings::default()
    };
    match ServiceProcess::try_start(data, &settings) {
        Ok(_) => panic!("a store that was left is used"),
        Err((_, said)) => said,
    }
}

/// Protects a desk that changes its engine while everybody goes on: nothing that was said, asked for or told is lost or doubled, a listener
/// goes on with its number, and the store that was left is not started any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_moves_to_postgresql_and_back() {
    // It begins on a file, whatever the others are on.
    if engine::everywhere() {
        return;
    }
    let mut fleet = Fleet::builder().accounts(2).start().await;
    let [account, away] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let telegram = fleet.telegram.clone();
    telegram
        .wire()
        .set_fault(FaultScope::All, WireFault::DuplicatedKeys, None);
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    for user in [account.user, away.user] {
        telegram.say(person, user, "before");
    }
    let conversation = fleet.conversation(&away, person).await["id"]
        .as_i64()
        .unwrap();
    // A reply that waits through all of it.
    let refusing = fleet.keep_away(&away).await;
    fleet.api.reply(conversation, "waits").await;
    let talk = telegram.traffic(TrafficSpec {
        rate_per_second: 40.0,
        ..TrafficSpec::default()
    });
    wait::until("some talk", || async { talk.sent() }, |sent| *sent > 100).await;

    let data = fleet.data_dir();
    let url = engine::url_of(&format!("carried_{}", std::process::id()));
    engine::cluster().sql(
        "postgres",
        &format!("create database carried_{}", std::process::id()),
    );
    let said = migrate(&mut fleet, data.to_str().unwrap(), &url);
    assert!(said.contains("are the same at both ends"), "{said}");
    let told = File::of(&fleet).number(EVENTS);
    assert!(told > 50, "{told}");
    assert!(refused(&data, &[]).contains("went over to postgres://"));

    fleet.set_env("SWITCHBOARD_DATABASE_URL", &url);
    fleet.start_service();
    fleet.wait_for_state(&account.id, "online").await;
    let mut live = fleet.live(Some(told)).await;
    let next = live.until(|frame| frame["seq"].is_i64()).await;
    assert_eq!(next["seq"], told + 1);
    let before = talk.sent();
    wait::until(
        "more talk",
        || async { talk.sent() },
        |sent| *sent > before + 100,
    )
    .await;
    drop(live);

    // And home again, where there is no store yet.
    let home = tempfile::tempdir().unwrap();
    let said = migrate(&mut fleet, &url, home.path().to_str().unwrap());
    assert!(said.contains("are the same at both ends"), "{said}");
    let elsewhere = tempfile::tempdir().unwrap();
    let left = refused(elsewhere.path(), &[("SWITCHBOARD_DATABASE_URL", &url)]);
    assert!(left.contains("went over to "), "{left}");
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(data.join(format!("switchboard.db{ending}")));
    }
    std::fs::rename(
        home.path().join("switchboard.db"),
        data.join("switchboard.db"),
    )
    .unwrap();
    fleet.set_env("SWITCHBOARD_DATABASE_URL", "");
    fleet.start_service();
    telegram.wire().clear_fault(refusing);
    talk.stop();
    for one in [&account, &away] {
        fleet.wait_for_state(&one.id, "online").await;
        until_faithful(&fleet, one, &[person]).await;
    }
    wait::until(
        "the reply to arrive",
        || async { telegram.texts(away.user, person) },
        |texts| texts.iter().filter(|text| *text == "waits").count() == 1,
    )
    .await;
    let file = File::of(&fleet);
    let gaps = "SELECT max(seq) - min(seq) + 1 - count(*) AS n FROM event_log";
    assert_eq!(file.number(gaps), 0, "each number is given once");
    let doubled = "SELECT count(*) AS n FROM (SELECT message_row FROM event_log WHERE kind = 1 GROUP BY message_row \
                   HAVING count(*) > 1) t";
    assert_eq!(file.number(doubled), 0, "no message is told twice");
}
