//! Webhooks that refuse: what one refuses holds up nothing else, and is passed over aloud in the end.

use serde_json::Value;
use switchboard_simulator::PersonSpec;

use super::webhooks::{Receiver, Refuses, fleet_with};
use crate::support::wait;

/// Protects everybody from one event that a receiver can't take, and from a receiver that is dead: other accounts and
/// other receivers go on, also over a restart; who waits is to be seen; nothing is given up before its time.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_webhook_refuses_holds_up_nothing_else() {
    let (choosy, dead) = (Receiver::start().await, Receiver::start().await);
    dead.refuse(Refuses::Everything);
    choosy.refuse(Refuses::Text("poison"));
    let fleet = fleet_with(&[&choosy.url, &dead.url]).accounts(2);
    let mut fleet = fleet.start().await;
    let [stuck, other] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, stuck.user, "poison");
    fleet.telegram.say(person, stuck.user, "behind it");
    choosy.until_refused().await;
    fleet.telegram.say(person, other.user, "for the other");
    choosy.until("for the other").await;

    let waits = |figures: &Value, count: usize| {
        let mut lines = figures.as_str().unwrap().lines();
        lines.any(|line| {
            line.starts_with("switchboard_webhook_accounts_waiting{webhook=\"http://127.0.0.1#")
                && line.ends_with(&format!(" {count}"))
        })
    };
    // One account at the choosy receiver, both at the dead one.
    wait::until(
        "the accounts that wait",
        || fleet.api.get("/metrics"),
        |figures| waits(figures, 1) && waits(figures, 2),
    )
    .await;
    let ready = wait::until(
        "the accounts that wait",
        || fleet.api.get("/health/ready"),
        |ready| ready["webhooks"]["accounts_waiting"] == 3,
    );
    assert_eq!(ready.await["status"], "ok");

    // Over a restart the others are not told again.
    fleet.stop_service();
    fleet.start_service();
    fleet.telegram.say(person, other.user, "after the restart");
    let texts = choosy.until("after the restart").await;
    assert_eq!(texts, ["for the other", "after the restart"]);
    choosy.refuse(Refuses::Nothing);
    let texts = choosy.until("behind it").await;
    assert_eq!(
        texts[2..],
        ["poison", "behind it"],
        "in order, and none is lost"
    );
    dead.refuse(Refuses::Nothing);
    for texts in [
        dead.until("behind it").await,
        dead.until("after the restart").await,
    ] {
        assert!(
            texts.iter().filter(|text| *text == "poison").count() <= 1,
            "{texts:?}"
        );
    }
}

/// Protects an account's later events from one that its receiver will never take: after its time it is passed over,
/// which the log and the figures say.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_for_too_long_is_passed_over_aloud() {
    let receiver = Receiver::start().await;
    receiver.refuse(Refuses::Text("poison"));
    let fleet = fleet_with(&[&receiver.url])
        .env("SWITCHBOARD_WEBHOOK_PATIENCE", "1")
        .accounts(2);
    let fleet = fleet.start().await;
    let [stuck, other] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, stuck.user, "poison");
    fleet.telegram.say(person, stuck.user, "behind it");
    receiver.until_refused().await;
    // That it takes others shows that it is the event and not the receiver.
    fleet.telegram.say(person, other.user, "for the other");
    let texts = receiver.until("behind it").await;
    assert_eq!(texts, ["for the other", "behind it"]);
    let log = fleet.service().log();
    let told = |line: &&str| line.contains("ERROR") && line.contains("passed over");
    let told = log.lines().find(told).unwrap_or_default();
    assert!(told.contains(&stuck.id), "{told}");
    let figures = fleet.api.get("/metrics").await;
    let passed = figures
        .as_str()
        .unwrap()
        .lines()
        .find(|line| line.contains("outcome=\"passed_over\""));
    assert!(
        passed.is_some_and(|line| line.ends_with(" 1")),
        "{passed:?}"
    );
}
