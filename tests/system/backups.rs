//! Backups: a copy taken while everything goes on, put back later.

use std::{os::unix::fs::PermissionsExt, path::Path};

use serde_json::Value;
use switchboard_simulator::{PersonSpec, traffic::TrafficSpec};

use crate::support::{
    fleet::Fleet,
    oracle::until_faithful,
    rows::{number, texts},
    tokens::{self, Said},
    wait,
};

fn backup(fleet: &Fleet, to: &Path, more: &[&str]) -> Said {
    let mut args = more.to_vec();
    args.push(to.to_str().unwrap());
    tokens::command("backup", &fleet.data_dir(), &args)
}

fn restore(fleet: &Fleet, from: &Path) -> Said {
    tokens::command("restore", &fleet.data_dir(), &[from.to_str().unwrap()])
}

fn newest(file: &Path) -> i64 {
    number(file, "SELECT coalesce(max(seq), 0) AS n FROM event_log")
}

/// Protects ten years of chats: a copy that is taken under load is whole; put back, the accounts go on from there, what came
/// since is fetched, no number is given out twice, and a reply that waited then and was sent since is not sent again, also
/// where Telegram has forgotten it.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_taken_under_load_can_be_put_back() {
    let mut fleet = Fleet::builder().accounts(2).start().await;
    let [busy, away] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let telegram = fleet.telegram.clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let group = telegram.add_supergroup("Supergroup", &[person, busy.user, away.user]);
    for user in [busy.user, away.user] {
        telegram.say(person, user, "before");
    }
    let conversation = fleet.conversation(&away, person).await["id"]
        .as_i64()
        .unwrap();
    // A reply that waits while the copy is taken.
    let refused = fleet.keep_away(&away).await;
    fleet.api.reply(conversation, "waits").await;
    let talk = telegram.traffic(TrafficSpec {
        rate_per_second: 400.0,
        ..TrafficSpec::default()
    });
    wait::until("some talk", || async { talk.sent() }, |sent| *sent > 300).await;

    let place = tempfile::tempdir().unwrap();
    let [plain, sealed] = ["plain", "sealed"].map(|name| place.path().join(name));
    for (to, how) in [(&plain, vec![]), (&sealed, vec!["--sealed"])] {
        let said = backup(&fleet, to, &how);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stdout.contains("2 accounts"), "{said:?}");
        assert_eq!(to.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(
        backup(&fleet, &plain, &[]).code,
        Some(2),
        "nothing is written over"
    );
    // The sealed one is the later one, and the one that is put back.
    let copied = number(&plain, "SELECT count(*) AS n FROM messages");
    assert!(copied > 100, "{copied} messages");
    assert!(
        !std::fs::read(&sealed)
            .unwrap()
            .windows(6)
            .any(|part| part == b"SQLite")
    );
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
    let running = restore(&fleet, &plain);
    assert_eq!(running.code, Some(3), "{running:?}");

    // What comes after the copy.
    telegram.wire().clear_fault(refused);
    wait::until(
        "the reply to arrive",
        || async { telegram.texts(away.user, person) },
        |texts| texts.iter().any(|text| text == "waits"),
    )
    .await;
    let before = talk.sent();
    wait::until(
        "more talk",
        || async { talk.sent() },
        |sent| *sent > before + 200,
    )
    .await;
    talk.stop();
    telegram.say(person, group, "the last before the end");
    for account in [&busy, &away] {
        until_faithful(&fleet, account, &[person, group]).await;
    }
    fleet.stop_service();
    let database = fleet.data_dir().join("switchboard.db");
    let (events, rows) = (
        newest(&database),
        number(&database, "SELECT max(id) AS n FROM messages"),
    );
    telegram.forget_random_ids(away.user);

    for copy in [&sealed, &plain] {
        let damaged = place.path().join("damaged");
        let mut bytes = std::fs::read(copy).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].fill(b'x');
        bytes.truncate(bytes.len() - 4096);
        std::fs::write(&damaged, bytes).unwrap();
        let said = restore(&fleet, &damaged);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_eq!(newest(&database), events, "nothing was changed");
    }
    let said = restore(&fleet, &sealed);
    assert_eq!(said.code, Some(0), "{said:?}");
    let copied_to = number(&database, "SELECT max(id) AS n FROM messages");
    let kept = said
        .stdout
        .split("What was there before is ")
        .nth(1)
        .unwrap();
    let kept = kept.split(". Start").next().unwrap();
    assert_eq!(newest(Path::new(kept)), events, "{said:?}");

    fleet.start_service();
    for account in [&busy, &away] {
        fleet.wait_for_state(&account.id, "online").await;
        until_faithful(&fleet, account, &[person, group]).await;
    }
    let after = texts(
        &database,
        &format!("SELECT CAST(seq AS TEXT) AS t FROM event_log WHERE seq > {events}"),
    );
    assert!(
        after.len() > 2,
        "what came since is told by numbers of its own: {after:?}"
    );
    let reused =
        format!("SELECT count(*) AS n FROM messages WHERE id > {copied_to} AND id <= {rows}");
    assert_eq!(
        number(&database, &reused),
        0,
        "a row's number was given out twice"
    );
    wait::until(
        "the reply to be settled",
        || async {
            number(
                &database,
                "SELECT count(*) AS n FROM messages WHERE status = 'pending'",
            )
        },
        |pending| *pending == 0,
    )
    .await;
    let arrived = telegram.texts(away.user, person);
    let times = arrived.iter().filter(|text| *text == "waits").count();
    assert_eq!(times, 1, "it was sent again");
    let told: Value = fleet.api.get("/health/ready").await;
    assert_eq!(told["status"], "ok");
}
