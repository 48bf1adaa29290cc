//! Replies: the right account, one bubble, its state always in words, nothing lost on the way.

use switchboard_simulator::{Effect, Fault};

use super::world::{Met, met};
use crate::support::browser::Desk;

fn send_fails(message: &str) -> Fault {
    serde_json::from_value(serde_json::json!({
        "method": "messages.sendMessage",
        "effect": Effect::Error { code: 403, message: message.to_owned() },
    }))
    .unwrap()
}

/// Protects the point of the product, as a person does it, seen on two desks at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_answered_and_both_open_desks_show_it() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Is my order shipped?"]).await;
    let one = Desk::open(fleet.address()).await;
    let two = Desk::open(fleet.address()).await;
    for desk in [&one, &two] {
        desk.choose("Contact one").await;
        desk.until_message("Is my order shipped?", "received").await;
    }
    one.until_text(".composer .as", "Replying as Account 1")
        .await;

    one.reply("On its way, tomorrow").await;

    one.until_message("On its way, tomorrow", "sent").await;
    two.until_message("On its way, tomorrow", "sent").await;
    let texts = fleet.telegram.texts(account.user, person);
    assert_eq!(texts, ["Is my order shipped?", "On its way, tomorrow"]);
    fleet.telegram.say(person, account.user, "Thank you!");
    one.until_message("Thank you!", "received").await;
    two.until_message("Thank you!", "received").await;
    two.until(
        "the count in the title",
        "document.title === '(2) Switchboard'",
    )
    .await;
    one.close().await;
    two.close().await;
}

/// Protects: a refused reply says why in words; Retry sends it, Discard takes it away.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_reply_says_why_and_can_be_retried_or_discarded() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    let fault = fleet.telegram.set_fault(send_fails("USER_IS_BLOCKED"));

    desk.reply("first").await;
    desk.until_message("first", "failed").await;
    desk.until_text(".trouble", "This person has blocked the account.")
        .await;
    desk.assert_accessible("a failed reply").await;
    desk.screenshot("failed-reply").await;
    desk.reply("second").await;
    desk.until_message("second", "failed").await;

    fleet.telegram.clear_fault(fault);
    desk.click_text(".trouble button", "Retry").await;
    desk.until_message("first", "sent").await;
    desk.click_text(".trouble button", "Discard").await;
    desk.until(
        "the other one to go",
        "![...document.querySelectorAll('.body')].some((one) => one.textContent === 'second')",
    )
    .await;
    assert_eq!(
        fleet.telegram.texts(account.user, person),
        ["Hello", "first"]
    );
    desk.reload().await;
    desk.until_message("first", "sent").await;
    assert!(!desk.texts(".body").await.contains(&"second".to_owned()));
    desk.close().await;
}

/// Protects: what one was writing is there again, per conversation, also after a reload.
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_stays_with_its_conversation() {
    let Met {
        fleet,
        account,
        person: _person,
    } = met(&["Hello"]).await;
    let other = fleet
        .telegram
        .add_person(switchboard_simulator::PersonSpec::new("Contact two"));
    fleet.telegram.say(other, account.user, "Hi");
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.fill("#reply", "half a sentence").await;
    desk.choose("Contact two").await;
    desk.until(
        "an empty field",
        "document.querySelector('#reply').value === ''",
    )
    .await;
    desk.until_text(".row", "Draft: half a sentence").await;
    desk.reload().await;
    desk.choose("Contact one").await;
    desk.until(
        "the draft",
        "document.querySelector('#reply').value === 'half a sentence'",
    )
    .await;
    desk.close().await;
}

/// Protects: a reply whose request never got through survives a reload and is sent once.
#[tokio::test(flavor = "multi_thread")]
async fn an_undelivered_reply_survives_a_reload() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let mut desk = Desk::open(fleet.address()).await;
    desk.expect_console("ERR_BLOCKED_BY_CLIENT");
    desk.choose("Contact one").await;
    desk.block(&["*/reply"]).await;
    desk.reply("still to be sent").await;
    desk.until_message("still to be sent", "pending").await;
    assert_eq!(fleet.telegram.texts(account.user, person), ["Hello"]);

    desk.block(&[]).await;
    desk.reload().await;
    desk.until_message("still to be sent", "sent").await;
    assert_eq!(
        fleet.telegram.texts(account.user, person),
        ["Hello", "still to be sent"]
    );
    desk.close().await;
}

/// Protects: Telegram's limit is counted in its own units before anything is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_too_long_is_counted_and_held_back() {
    let Met { fleet, .. } = met(&["Hello"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.fill("#reply", &"😀".repeat(1899)).await;
    assert!(desk.texts(".units").await.concat().is_empty());
    desk.fill("#reply", &"😀".repeat(1900)).await;
    desk.until_text(".units", "3,800 / 4,096").await;
    desk.fill("#reply", &"😀".repeat(2049)).await;
    desk.until_text(".units", "2 characters too many").await;
    assert_eq!(
        desk.js("document.querySelector('.send').disabled").await,
        true
    );
    desk.close().await;
}

/// Protects: answering a certain message quotes it, there and here.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_a_message_carries_its_quote() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Which size?", "And which colour?"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("Which size?", "received").await;
    desk.js("document.querySelector('.reply-to').click()").await;
    desk.until_text(".answering", "Which size?").await;
    desk.reply("Forty-two").await;
    desk.until_message("Forty-two", "sent").await;
    desk.until_text(".own .quote", "Which size?").await;
    desk.click(".own .quote").await;
    desk.until(
        "the quoted message to be marked",
        "document.querySelector('.message.found .body')?.textContent === 'Which size?'",
    )
    .await;
    assert_eq!(fleet.telegram.texts(account.user, person).len(), 3);
    desk.close().await;
}

/// Protects: a reply that Telegram does not answer says that it may have arrived, and can be taken off the desk.
#[tokio::test(flavor = "multi_thread")]
async fn an_unanswered_reply_says_so_and_can_be_discarded() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let fault = Fault::error(500, "INTERNAL").on("messages.sendMessage");
    fleet.telegram.set_fault(fault);
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.reply("is it there?").await;
    desk.until_text(".trouble", "it may have arrived").await;
    desk.click(".trouble [data-part=discard]").await;
    desk.until(
        "the reply to be gone",
        "![...document.querySelectorAll('.message .body')].some((one) => one.textContent === 'is it there?')",
    )
    .await;
    assert_eq!(fleet.telegram.texts(account.user, person), ["Hello"]);
    desk.close().await;
}
