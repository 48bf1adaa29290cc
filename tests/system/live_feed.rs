//! The live feed: numbered, resumable, and no reader can hurt another.

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use reqwest::Method;
use switchboard::store::StoreConfig;
use switchboard_simulator::PersonSpec;

use crate::support::{fleet::Fleet, rows, wait};

/// Protects a dashboard that was away: it gets everything later, without a gap and without a repetition.
#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_that_was_away_resumes_without_a_gap() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let mut live = fleet.live(None).await;
    fleet.telegram.say(person, account.user, "seen live");
    live.until_event("message_received").await;
    let left_at = live.seq;
    drop(live);
    for number in 0..300 {
        fleet
            .telegram
            .say(person, account.user, &format!("missed {number}"));
    }
    let conversation = fleet.conversation(&account, person).await;
    fleet
        .wait_for_message(&conversation, "missed 299", "received")
        .await;

    for restarted in [false, true] {
        if restarted {
            fleet.stop_service();
            fleet.start_service();
        }
        let mut live = fleet.live(Some(left_at)).await;
        let mut texts = Vec::new();
        while texts.len() < 300 {
            let frame = live.until_event("message_received").await;
            texts.push(
                frame["data"]["message"]["text"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        let expected: Vec<String> = (0..300).map(|number| format!("missed {number}")).collect();
        assert_eq!(texts, expected, "restarted: {restarted}");
    }
}

/// Protects a dashboard from an impossible number: it is told to reload instead of waiting for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_from_another_database_is_answered_with_resync() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let mut live = fleet.live(Some(1_000_000)).await;
    live.seq = 0;
    let frame = live.next().await;
    assert_eq!(frame["event"], "resync");
    assert_eq!(frame["data"]["seq"], live.hello["data"]["seq"]);
}

/// Protects whoever was away for longer than the log reaches back, from taking what is left of it for everything: the log is
/// really pruned, and they are told to reload, on the socket and over REST. Who was away for less misses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_away_for_longer_than_the_log_keeps_is_told_to_reload() {
    const MORE: i64 = 500;
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let mut live = fleet.live(None).await;
    fleet.telegram.say(person, account.user, "hello");
    live.until_event("message_received").await;
    let left_at = live.seq;
    drop(live);
    fleet.stop_service();
    let file = fleet.data_dir().join("switchboard.db");
    let keeps = StoreConfig::at(&file).keep_events;
    let mut conn = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
    // As if the same had been told a million times since.
    conn.batch_execute(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
         INSERT INTO event_log SELECT last.seq + i, at, account_no, kind, conversation_id, message_row, detail \
         FROM n, (SELECT * FROM event_log ORDER BY seq DESC LIMIT 1) AS last;",
        keeps + MORE
    ))
    .unwrap();
    drop(conn);
    fleet.start_service();
    let oldest = || async { rows::number(&file, "SELECT min(seq) AS n FROM event_log") };
    wait::until("the log to be pruned", oldest, |oldest| {
        *oldest > left_at + MORE
    })
    .await;
    let kept = rows::number(&file, "SELECT count(*) AS n FROM event_log");
    assert!((keeps..keeps + MORE).contains(&kept), "{kept}");

    let mut live = fleet.live(Some(left_at)).await;
    live.seq = 0;
    let frame = live.next().await;
    assert_eq!(frame["event"], "resync", "{frame}");
    let path = format!("/events?after={left_at}");
    let (status, answer) = fleet.api.call(Method::GET, &path, None).await;
    assert_eq!(
        (status.as_u16(), &answer["error"]["code"]),
        (410, &"resync".into())
    );

    let newest = rows::number(&file, "SELECT max(seq) AS n FROM event_log");
    let mut live = fleet.live(Some(newest - MORE)).await;
    fleet.telegram.say(person, account.user, "after all that");
    // The socket itself sees to it that no number is missing.
    live.until(|frame| frame["data"]["message"]["text"] == "after all that")
        .await;
}

/// Protects the small sign of life: who types is told at once, without a number.
#[tokio::test(flavor = "multi_thread")]
async fn typing_is_told_without_a_number() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, account.user, "hello");
    let conversation = fleet.conversation(&account, person).await;
    let mut live = fleet.live(None).await;
    fleet.telegram.typing(person, account.user);
    let frame = live.until_event("typing").await;
    assert!(frame["seq"].is_null(), "{frame}");
    assert_eq!(frame["data"]["conversation_id"], conversation["id"]);
    assert_eq!(frame["data"]["sender"]["name"], "Contact one");
}

/// Protects everybody from a reader that never reads: the others get their news at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_never_reads_delays_nobody() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let _asleep = fleet.live(None).await;
    let mut awake = fleet.live(None).await;
    for number in 0..2_000 {
        fleet.telegram.say(
            person,
            account.user,
            &format!("news {number} {}", "x".repeat(500)),
        );
    }
    let last = "news 1999";
    let frame = awake
        .until(|frame| {
            frame["data"]["message"]["text"]
                .as_str()
                .is_some_and(|text| text.starts_with(last))
        })
        .await;
    assert_eq!(frame["event"], "message_received");
}
