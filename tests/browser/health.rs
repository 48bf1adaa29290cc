//! Health on the desk: what is wrong with an account is said with the next step, other sessions are ended, and the pace
//! is set.

use switchboard_simulator::PersonSpec;

use super::world::{Met, met};
use crate::support::{browser::Desk, wait};

async fn open_sheet(desk: &Desk) {
    desk.right_click(".tile").await;
    desk.until("the sheet", "document.querySelector('.sheet[open]')")
        .await;
}

/// Protects who looks after accounts: a freeze says until when and where to appeal, a limit and a price what to do; a
/// held message says why it waits; and a pace that is set holds.
#[tokio::test(flavor = "multi_thread")]
async fn health_and_pace_are_on_the_sheet() {
    let Met {
        mut fleet, account, ..
    } = met(&["Hello"]).await;
    let mut desk = Desk::open(fleet.address()).await;
    desk.expect_console("409");
    desk.until_text(".row", "Contact one").await;
    open_sheet(&desk).await;
    desk.until_text("[data-health=good]", "Nothing speaks against it")
        .await;
    desk.fill("input[name=strangers_per_day]", "1").await;
    desk.keys("Tab").await;
    wait::until(
        "the pace to be stored",
        || fleet.api.account(&account.id),
        |now| now["pace"]["strangers_per_day"] == 1,
    )
    .await;
    desk.keys("Escape").await;

    let dear = fleet
        .telegram
        .add_person(PersonSpec::new("Dear").username("dear"));
    fleet.telegram.set_price(dear, 150);
    for name in ["one", "two"] {
        let spec = PersonSpec::new(name).username(&format!("{name}_1"));
        fleet.telegram.add_person(spec);
    }
    let path = format!("/accounts/{}/send", account.id);
    for (name, text) in [("one_1", "first"), ("two_1", "second")] {
        let body = serde_json::json!({ "recipient": format!("@{name}"), "text": text });
        let sent = fleet.api.post(&path, body).await;
        if text == "first" {
            fleet
                .wait_for_message(&sent["conversation"], text, "sent")
                .await;
        }
    }
    desk.choose("two").await;
    desk.until_text(".trouble.wait", "limit for new people is reached")
        .await;
    let lifted = serde_json::json!({ "pace": { "strangers_per_day": null } });
    let change = format!("/accounts/{}", account.id);
    let (status, _) = fleet
        .api
        .call(reqwest::Method::PATCH, &change, Some(lifted))
        .await;
    assert_eq!(status, 200);
    let body = serde_json::json!({ "recipient": "@dear", "text": "third" });
    fleet.api.post(&path, body).await;
    desk.choose("Dear").await;
    desk.until_text(".trouble", "takes messages for 150 stars each")
        .await;

    fleet.telegram.freeze(account.user);
    let body = serde_json::json!({ "recipient": "@one_1", "text": "fourth" });
    fleet.api.post(&path, body).await;
    open_sheet(&desk).await;
    desk.until_text("[data-health=frozen]", "has frozen this account")
        .await;
    desk.until_text("[data-health=frozen]", "can appeal until")
        .await;
    desk.until_text("[data-health=frozen] a", "Open the appeal")
        .await;
    desk.until_text("[data-health=paid]", "Dear takes messages for 150 stars")
        .await;
    desk.click("[data-act='health.look']").await;
    desk.until_text(
        ".sheet",
        "No other account that is connected can see this one",
    )
    .await;
    let other = fleet.add_account("Second").await;
    fleet.telegram.say(account.user, other.user, "it is me");
    fleet.conversation(&other, account.user).await;
    fleet.telegram.set_marked(account.user, true);
    desk.click("[data-act='health.look']").await;
    desk.until_text("[data-health=mark]", "uses an unofficial app")
        .await;
    desk.assert_accessible("the health of an account").await;
    desk.screenshot("health").await;
    desk.close().await;
}

/// Protects an account from a sign-in that nobody knows: it is seen among its sessions and ended there.
#[tokio::test(flavor = "multi_thread")]
async fn another_session_is_ended_on_the_sheet() {
    let Met { fleet, account, .. } = met(&["Hello"]).await;
    let dc = fleet.telegram.dc_addresses()[0].0;
    fleet.telegram.seed_session(account.user, dc);
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Contact one").await;
    open_sheet(&desk).await;
    desk.click_text(".sheet summary", "Where it is signed in")
        .await;
    desk.until_text(".devices", "this service").await;
    desk.assert_accessible("the sessions of an account").await;
    desk.click("[data-act='devices.end']").await;
    desk.until_text(".sheet", "is signed out of Account 1")
        .await;
    desk.click_text(".sheet button", "End session").await;
    desk.until_text(".toast", "is signed out").await;
    assert_eq!(fleet.telegram.keys_of(account.user).len(), 1);
    desk.close().await;
}

/// Protects from a number that deletes years by a slip: what it would delete is said first, and only a second word does it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_number_of_days_would_delete_is_said_first() {
    let Met { fleet, account, .. } = met(&["Hello"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Contact one").await;
    open_sheet(&desk).await;
    desk.click("[data-keep] summary").await;
    desk.until_text("[data-keep]", "Nothing would be deleted.")
        .await;
    desk.fill("input[name=keep_messages_days]", "6").await;
    desk.keys("Tab").await;
    desk.until_text("[data-keep] .error", "7 to 36500 days")
        .await;
    desk.fill("input[name=keep_messages_days]", "90").await;
    desk.keys("Tab").await;
    desk.until_text("[data-keep]", "This would delete 0 messages")
        .await;
    let kept = fleet.api.account(&account.id).await;
    assert_eq!(kept["retention"]["messages_days"], serde_json::Value::Null);
    desk.assert_accessible("how long messages are kept").await;
    desk.click("[data-act='keep.save']").await;
    wait::until(
        "it to be in force",
        || fleet.api.account(&account.id),
        |now| now["retention"]["messages_days"] == 90,
    )
    .await;
    desk.until_text("[data-keep]", "Saved.").await;
    desk.close().await;
}
