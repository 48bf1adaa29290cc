//! The live feed: numbered, resumable, and no reader can hurt another.

use switchboard_simulator::PersonSpec;

use crate::support::fleet::Fleet;

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
