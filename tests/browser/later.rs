//! Later: messages that are to go out at a time, and what is typed on two devices.

use std::time::Duration;

use super::world::{Met, met};
use crate::support::{browser::Desk, wait};

/// Protects who writes at night: the time is chosen beside Send, what waits stands above the composer, is changed, sent or
/// withdrawn there, and is no message of the chat before.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_later_changed_and_withdrawn() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.fill("#reply", "Good morning").await;
    desk.click("[data-part=later]").await;
    desk.until_text(".popup-item", "When they are online").await;
    desk.assert_accessible("the times to send at").await;
    desk.click_text(".popup-item", "Tomorrow morning").await;
    desk.until_text("[data-part=waiting]", "1 message is scheduled")
        .await;
    desk.until(
        "an empty field",
        "document.querySelector('#reply').value === ''",
    )
    .await;
    let there = || async { fleet.telegram.scheduled(account.user, person) };
    let waiting = wait::until("it to wait", there, |all| all.len() == 1).await;
    assert_eq!(waiting[0].2, "Good morning");
    assert_eq!(desk.texts("#log .body").await, ["Hello"]);

    desk.click("[data-part=waiting]").await;
    desk.until_text(".sheet .scheduled li", "Good morning")
        .await;
    desk.until_text(".sheet .scheduled button", "Change").await;
    desk.assert_accessible("what is scheduled").await;
    desk.screenshot("scheduled").await;
    desk.click_text(".sheet .scheduled button", "Change").await;
    desk.until_text(".sheet", "Change a scheduled message")
        .await;
    desk.fill(".sheet textarea", "Good morning, again").await;
    desk.click_text(".sheet button", "Save").await;
    wait::until("the change", there, |all| all[0].2 == "Good morning, again").await;

    // Two more: one that waits for them, and one that is taken back.
    desk.fill("#reply", "There you are").await;
    desk.click("[data-part=later]").await;
    desk.click_text(".popup-item", "When they are online").await;
    desk.until_text("[data-part=waiting]", "2 messages are scheduled")
        .await;
    fleet.telegram.set_online(person, true);
    desk.until_message("There you are", "sent").await;
    desk.until_text("[data-part=waiting]", "1 message is scheduled")
        .await;
    desk.click("[data-part=waiting]").await;
    desk.until_text(".sheet .scheduled button", "Withdraw")
        .await;
    desk.click_text(".sheet .scheduled button", "Withdraw")
        .await;
    desk.until_gone(".sheet").await;
    desk.until_gone("[data-part=waiting]").await;
    assert_eq!(there().await, []);
    desk.fill("#reply", "Now after all").await;
    desk.click("[data-part=later]").await;
    desk.click_text(".popup-item", "In an hour").await;
    desk.until_text("[data-part=waiting]", "1 message is scheduled")
        .await;
    wait::until("it to wait", there, |all| all.len() == 1).await;
    desk.click("[data-part=waiting]").await;
    desk.click_text(".sheet .scheduled button", "Send now")
        .await;
    desk.until_message("Now after all", "sent").await;
    fleet.telegram.advance(Duration::from_secs(3 * 24 * 3600));
    let said = fleet.telegram.texts(account.user, person);
    assert_eq!(said, ["Hello", "There you are", "Now after all"]);
    desk.close().await;
}

/// Protects half-written words: what is typed goes to Telegram when the hands rest, what is typed on the phone comes here, and
/// never over what somebody is typing.
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_goes_on_where_it_was_left() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    fleet
        .telegram
        .type_draft(account.user, person, "from the phone")
        .unwrap();
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row .draft", "Draft").await;
    desk.until_text(".row", "from the phone").await;
    desk.choose("Contact one").await;
    desk.until(
        "the draft in the field",
        "document.querySelector('#reply').value === 'from the phone'",
    )
    .await;
    desk.fill("#reply", "from the phone, and more").await;
    let there = || async { fleet.telegram.draft(account.user, person) };
    let same = |draft: &Option<String>| draft.as_deref() == Some("from the phone, and more");
    wait::until("the draft at Telegram", there, same).await;
    desk.fill("#reply", "from the phone, and more, and").await;
    fleet
        .telegram
        .type_draft(account.user, person, "something else")
        .unwrap();
    let same = |draft: &Option<String>| draft.as_deref() == Some("from the phone, and more, and");
    wait::until("what is typed here at Telegram", there, same).await;
    desk.until(
        "what was typed",
        "document.querySelector('#reply').value === 'from the phone, and more, and'",
    )
    .await;
    desk.reply("done").await;
    desk.until_message("done", "sent").await;
    wait::until("no draft", there, Option::is_none).await;
    desk.close().await;
}
