//! Deeds: what is done with messages that were sent: changed, reacted to, pinned, deleted, forwarded, and sent with formatting.

use switchboard_simulator::{Effect, Fault, PersonSpec, world::LedgerMessage};

use super::world::{Met, met};
use crate::support::{
    browser::{Desk, Look},
    fleet::{Fleet, FleetAccount},
    wait,
};

/// As Telegram has the chat.
fn theirs(fleet: &Fleet, account: &FleetAccount, chat: i64) -> Vec<LedgerMessage> {
    let ledger = fleet.telegram.ledger_of(account.user);
    ledger
        .get(&chat)
        .map(|chat| chat.messages.clone())
        .unwrap_or_default()
}

async fn until_theirs(met: &Met, what: &str, wanted: impl Fn(&[LedgerMessage]) -> bool) {
    let look = async || theirs(&met.fleet, &met.account, met.person);
    wait::until(what, look, |messages| wanted(messages)).await;
}

async fn menu(desk: &Desk, message: &str, item: &str) {
    let body = format!(
        "[...document.querySelectorAll('.message')].find((one) => one.querySelector('.body').textContent === {})",
        serde_json::json!(message)
    );
    desk.until("the message", &body).await;
    desk.js(&format!("{body}.querySelector('.more').click()"))
        .await;
    desk.click_text(".popup-item", item).await;
    desk.until_gone(".popup").await;
}

fn fails(method: &str, message: &str) -> Fault {
    serde_json::from_value(serde_json::json!({
        "method": method,
        "effect": Effect::Error { code: 400, message: message.to_owned() },
    }))
    .unwrap()
}

/// Protects who mistyped: the arrow up brings the last own message back, Escape leaves it as it was, and what Telegram
/// refuses is said in words and put away.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_changed_in_the_composer() {
    let met = met(&["Hello"]).await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.reply("It cost 100").await;
    desk.until_message("It cost 100", "sent").await;

    desk.fill("#reply", "a draft").await;
    desk.keys("ArrowUp").await;
    assert!(desk.texts(".answering").await.is_empty());
    desk.fill("#reply", "").await;
    desk.js("document.querySelector('#reply').value = ''").await;
    desk.keys("ArrowUp").await;
    desk.until_text(".answering", "Editing").await;
    desk.assert_accessible("a message that is changed").await;
    desk.screenshot("editing").await;
    desk.keys("Escape").await;
    desk.until_gone(".answering").await;
    desk.keys("ArrowUp").await;
    desk.fill("#reply", "It costs 120").await;
    desk.keys("Enter").await;
    desk.until_message("It costs 120", "sent").await;
    until_theirs(&met, "the change", |messages| {
        messages
            .last()
            .is_some_and(|last| last.text == "It costs 120" && last.former_texts == ["It cost 100"])
    })
    .await;

    let refusal = met
        .fleet
        .telegram
        .set_fault(fails("messages.editMessage", "MESSAGE_EDIT_TIME_EXPIRED"));
    menu(&desk, "It costs 120", "Edit").await;
    desk.fill("#reply", "too late").await;
    desk.keys("Enter").await;
    desk.until_text(".orders .trouble", "it is too old").await;
    desk.assert_accessible("a change that failed").await;
    met.fleet.telegram.clear_fault(refusal);
    desk.click_text(".orders button", "Discard").await;
    desk.until_gone(".orders").await;
    desk.until_message("It costs 120", "sent").await;
    desk.close().await;
}

/// Protects quick answers: a reaction is given by the menu and taken back under the bubble; a message is pinned.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_reacted_to_and_pinned() {
    let met = met(&["Is it there?"]).await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("Is it there?", "received").await;
    desk.right_click(".message .body").await;
    desk.assert_accessible("the menu with reactions").await;
    desk.screenshot("message-menu-whole").await;
    desk.click_text(".react", "🔥").await;
    desk.until_text(".reactions .mine", "🔥").await;
    until_theirs(&met, "the reaction", |messages| {
        messages[0].reactions == [("🔥".to_owned(), met.account.user)]
    })
    .await;
    desk.assert_accessible("a reaction of ours").await;
    desk.click(".reactions button").await;
    desk.until_gone(".reactions").await;
    until_theirs(&met, "no reaction", |messages| {
        messages[0].reactions.is_empty()
    })
    .await;

    menu(&desk, "Is it there?", "Pin").await;
    desk.until_text(".meta", "pinned").await;
    until_theirs(&met, "the pin", |messages| messages[0].pinned).await;
    menu(&desk, "Is it there?", "Unpin").await;
    until_theirs(&met, "no pin", |messages| !messages[0].pinned).await;
    desk.close().await;
}

/// Protects from the slip of a hand: a deletion says what it means, can be taken back for five seconds, and only then is
/// one; several go at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_can_be_taken_back_and_several_go_at_once() {
    let met = met(&["one", "two", "three"]).await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("three", "received").await;
    menu(&desk, "one", "Delete…").await;
    desk.until_text(".sheet", "For both sides").await;
    desk.assert_accessible("the question before a deletion")
        .await;
    desk.click_text(".sheet .button", "Delete").await;
    desk.until_text("#undo", "1 message is being deleted").await;
    desk.assert_accessible("a deletion that can be taken back")
        .await;
    desk.screenshot("undo").await;
    desk.click("#undo button").await;
    desk.until_gone("#undo").await;
    desk.until_gone(".message.going").await;

    menu(&desk, "two", "Select").await;
    desk.click_text(".message", "three").await;
    desk.until_text("#selection", "2 selected").await;
    desk.click_text("#selection .button", "Delete…").await;
    desk.click_text(".sheet .button", "Delete").await;
    // The page that goes away does it at once.
    desk.until_text("#undo", "2 messages are being deleted")
        .await;
    desk.reload().await;
    until_theirs(&met, "two to be gone", |messages| {
        messages.iter().map(|one| one.deleted).collect::<Vec<_>>() == [false, true, true]
    })
    .await;
    desk.choose("Contact one").await;
    desk.until_message("one", "received").await;
    desk.close().await;
}

/// Protects two people at one message: changed on both desks at once it has both versions, one after the other, and reads the same
/// on both; deleted on both it is deleted, and neither is told of trouble.
#[tokio::test(flavor = "multi_thread")]
async fn two_desks_act_on_one_message_at_once() {
    let met = met(&["Hello"]).await;
    let (one, two) = (
        Desk::open(met.fleet.address()).await,
        Desk::open(met.fleet.address()).await,
    );
    let desks = [&one, &two];
    for desk in desks {
        desk.choose("Contact one").await;
    }
    one.reply("It cost 100").await;
    for (desk, text) in desks.into_iter().zip(["It costs 110", "It costs 120"]) {
        desk.until_message("It cost 100", "sent").await;
        menu(desk, "It cost 100", "Edit").await;
        desk.fill("#reply", text).await;
    }
    tokio::join!(one.keys("Enter"), two.keys("Enter"));
    until_theirs(&met, "both changes", |messages| {
        messages.last().unwrap().former_texts.len() == 2
    })
    .await;
    let last = theirs(&met.fleet, &met.account, met.person);
    let last = last.last().unwrap().text.clone();
    for desk in desks {
        desk.until_message(&last, "sent").await;
        desk.until_gone(".orders").await;
    }

    for desk in desks {
        menu(desk, &last, "Delete…").await;
    }
    tokio::join!(
        one.click_text(".sheet .button", "Delete"),
        two.click_text(".sheet .button", "Delete")
    );
    until_theirs(&met, "the message to be gone", |messages| {
        messages.last().unwrap().deleted
    })
    .await;
    let gone = format!(
        "[...document.querySelectorAll('.message.deleted .body')].some((one) => one.textContent === {})",
        serde_json::json!(last)
    );
    for desk in desks {
        desk.until_gone("#undo").await;
        desk.until_gone(".message.going").await;
        desk.until("it to be marked as deleted", &gone).await;
        desk.until_gone(".orders").await;
    }
    one.close().await;
    two.close().await;
}

/// Protects whoever looks on while a group becomes a supergroup: what waited for it is in the supergroup, and does not stand as
/// deleted where it was written.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_group_leaves_it_for_its_supergroup() {
    let met = met(&["Hello"]).await;
    let telegram = &met.fleet.telegram;
    let group = telegram.add_group("Workshop", &[met.person, met.account.user]);
    telegram.say(met.person, group, "hello all");
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Workshop").await;
    desk.until_message("hello all", "received").await;
    let wait = Fault::flood_wait(2).on("messages.sendMessage");
    telegram.set_fault(wait.times(1));
    desk.reply("prices").await;
    desk.until_message("prices", "pending").await;
    let supergroup = telegram.migrate_group(group).unwrap();
    until_text(&met, supergroup, "prices").await;
    desk.until(
        "it to be gone from here",
        "![...document.querySelectorAll('.message')].some((one) => one.textContent.includes('prices')) && !document.querySelector('.message.deleted')",
    )
    .await;
    desk.close().await;
}

async fn until_text(met: &Met, chat: i64, text: &str) {
    let look = async || theirs(&met.fleet, &met.account, chat);
    let said = |messages: &Vec<LedgerMessage>| messages.iter().any(|one| one.text == text);
    wait::until(text, look, said).await;
}

/// Protects: what is typed as formatting is shown before it goes, goes as formatting, and can go as typed.
#[tokio::test(flavor = "multi_thread")]
async fn formatting_is_typed_shown_and_sent() {
    let met = met(&["Hello"]).await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.fill("#reply", "**Bold** and ||hidden||").await;
    desk.until_text(".preview .body strong", "Bold").await;
    desk.assert_accessible("what goes out").await;
    desk.screenshot("formatting").await;
    desk.keys("Enter").await;
    desk.until_message("Bold and hidden", "sent").await;
    desk.until_text(".own .body strong", "Bold").await;
    desk.until("the cover", "document.querySelector('.own .spoiler')")
        .await;

    // By key and by toolbar.
    desk.fill("#reply", "words").await;
    desk.js("document.querySelector('#reply').select()").await;
    desk.keys("Control+b").await;
    desk.click(".composer [data-part=formatting]").await;
    desk.click(".composer [data-format=i]").await;
    desk.until(
        "both marks",
        "document.querySelector('#reply').value === '**__words__**'",
    )
    .await;
    desk.assert_accessible("the toolbar").await;
    desk.click_text(".preview button", "Send as typed").await;
    desk.keys("Enter").await;
    desk.until_message("**__words__**", "sent").await;
    let texts = met.fleet.telegram.texts(met.account.user, met.person);
    assert_eq!(texts, ["Hello", "Bold and hidden", "**__words__**"]);

    // It comes back for a change as it was typed.
    desk.keys("ArrowUp").await;
    desk.until(
        "the signs set off",
        r"document.querySelector('#reply').value === '\\*\\*\\_\\_words\\_\\_\\*\\*'",
    )
    .await;
    desk.keys("Escape").await;
    desk.close().await;
}

/// Protects from the wrong door: messages are forwarded to conversations that somebody chose, also from a phone.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_forwarded_to_chosen_conversations() {
    let met = met(&["the address", "the time"]).await;
    let sim = &met.fleet.telegram;
    let other = sim.add_person(PersonSpec::new("Contact two"));
    sim.say(other, met.account.user, "Hi");
    let desk = Desk::open_with(met.fleet.address(), Look::PHONE).await;
    desk.choose("Contact one").await;
    desk.until_message("the time", "received").await;
    menu(&desk, "the address", "Select").await;
    desk.click_text(".message", "the time").await;
    desk.click_text("#selection .button", "Forward…").await;
    desk.until_text(".sheet", "Forward 2 messages").await;
    desk.fill(".sheet input[type=search]", "two").await;
    desk.until(
        "one choice",
        "document.querySelectorAll('.sheet .result').length === 1",
    )
    .await;
    desk.click(".sheet .result").await;
    desk.assert_accessible("where to forward").await;
    desk.screenshot("forward-phone").await;
    desk.click_text(".sheet .button", "Forward").await;
    desk.until_text(".toast", "1 conversation").await;
    wait::until(
        "both there",
        async || sim.texts(met.account.user, other),
        |texts| *texts == ["Hi", "the address", "the time"],
    )
    .await;
    desk.close().await;
}

/// Protects the overview: a chat is muted, marked, put away and found again, and blocked only after a question.
#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_marked_put_away_and_blocked() {
    let met = met(&["Hello"]).await;
    let sim = &met.fleet.telegram;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    let press = async |item: &str| {
        desk.click("#chat-head [data-part=menu]").await;
        desk.until("the menu", "document.querySelector('.popup[open]')")
            .await;
        desk.click_text(".popup-item", item).await;
        desk.until_gone(".popup").await;
    };
    let marks = || {
        sim.look(|world| {
            let account = world.accounts.get(&met.account.user).unwrap();
            let dialog = account.mailbox.dialogs.get(&met.person.into()).unwrap();
            let blocked = account.blocked.contains(&met.person);
            (dialog.muted_until > 0, dialog.folder, blocked)
        })
    };
    desk.click("#chat-head [data-part=menu]").await;
    desk.until("the menu", "document.querySelector('.popup[open]')")
        .await;
    desk.assert_accessible("the menu of a conversation").await;
    desk.screenshot("chat-menu").await;
    desk.keys("Escape").await;
    press("Mute").await;
    desk.until(
        "the sign of it",
        "document.querySelector('.row [data-part=muted]').checkVisibility()",
    )
    .await;
    press("Archive").await;
    wait::until(
        "both at Telegram",
        async || marks(),
        |now| *now == (true, 1, false),
    )
    .await;
    press("Block").await;
    desk.until_text(".sheet", "can no longer write").await;
    desk.click_text(".sheet .button", "Block").await;
    wait::until("the block", async || marks(), |now| *now == (true, 1, true)).await;

    // Put away it is found under its chip, and nowhere else.
    desk.js("document.activeElement.blur()").await;
    desk.keys("Escape").await;
    desk.until_gone(".row").await;
    desk.click("#chips [data-filter=archived]").await;
    desk.until_text(".row", "Contact one").await;
    desk.choose("Contact one").await;
    press("Take out of the archive").await;
    wait::until("it back", async || marks(), |now| *now == (true, 0, true)).await;
    desk.close().await;
}
