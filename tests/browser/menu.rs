//! Menu: what can be done with a message, by mouse, by keys and by finger.

use switchboard_simulator::PersonSpec;

use super::world::{Met, met};
use crate::support::browser::{Desk, Look};

const ARABIC: Look = Look {
    width: 390,
    height: 780,
    language: "ar",
    dark: true,
};

/// Protects everybody who works here: the menu of a message comes by right button, by full stop and by its own button,
/// is gone through by keys, and what it copies is what the message says.
#[tokio::test(flavor = "multi_thread")]
async fn the_menu_of_a_message_comes_by_mouse_and_by_keys() {
    let Met { fleet, .. } = met(&["the first", "the second"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("the second", "received").await;
    desk.clipboard().await;

    desk.right_click(".message .body").await;
    desk.until("the menu", "document.querySelector('.popup[open]')")
        .await;
    desk.assert_accessible("the menu of a message").await;
    desk.screenshot("message-menu").await;
    desk.click_text(".popup-item", "Copy text").await;
    desk.until_gone(".popup").await;
    desk.until_text(".toast", "Copied").await;
    assert_eq!(desk.clipboard().await, "the first");

    // The full stop is for the message under the pointer, else for the last; typed into the field it is a full stop.
    desk.click("#reply").await;
    desk.js("document.querySelector('#scroller').focus()").await;
    desk.keys(".").await;
    desk.until(
        "the first item to have the focus",
        "document.activeElement.textContent === 'Reply' && document.activeElement.role === 'menuitem'",
    )
    .await;
    desk.keys("Enter").await;
    desk.until_text(".answering", "the second").await;
    desk.until(
        "the cursor in the field",
        "document.activeElement.id === 'reply'",
    )
    .await;
    desk.keys(".").await;
    desk.until(
        "a full stop",
        "document.querySelector('#reply').value === '.' && !document.querySelector('.popup')",
    )
    .await;
    desk.keys("Escape").await;
    desk.until_gone(".answering").await;

    desk.js("document.querySelector('.message .more').focus()")
        .await;
    desk.keys("ArrowDown").await;
    desk.keys("Enter").await;
    desk.until("the menu", "document.querySelector('.popup[open]')")
        .await;
    desk.keys("Escape").await;
    desk.until(
        "the focus where it was",
        "!document.querySelector('.popup') && document.activeElement.matches('.more') && document.activeElement.closest('.message').textContent.includes('the second')",
    )
    .await;
    desk.close().await;
}

/// Protects whoever answers from a phone: a finger that rests brings the menu from below, and several messages are
/// taken at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_finger_that_rests_brings_the_menu_and_several_are_selected() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["one", "two", "three"]).await;
    for (look, select, count) in [
        (Look::PHONE, "Select", "2 selected"),
        (ARABIC, "تحديد", "2"),
    ] {
        let desk = Desk::open_with(fleet.address(), look).await;
        desk.choose("Contact one").await;
        desk.until_message("three", "received").await;
        desk.clipboard().await;
        desk.long_press(".message", "one").await;
        desk.until("the menu", "document.querySelector('.popup[open]')")
            .await;
        desk.lift().await;
        let place = desk
            .js("(() => { const box = document.querySelector('.popup').getBoundingClientRect(); return [box.left, Math.round(box.right - innerWidth), Math.round(box.bottom - innerHeight), [...document.querySelectorAll('.popup button')].every((one) => one.getBoundingClientRect().height >= 44)]; })()")
            .await;
        assert_eq!(place, serde_json::json!([0, 0, 0, true]));
        desk.assert_accessible("the menu on a phone").await;
        desk.screenshot(&format!("menu-phone-{}", look.language))
            .await;
        desk.click_text(".popup-item", select).await;
        desk.until_gone(".popup").await;
        desk.click_text(".message", "three").await;
        desk.until_text("#selection", count).await;
        desk.assert_accessible("selected messages").await;
        desk.screenshot(&format!("selection-phone-{}", look.language))
            .await;
        desk.click("#selection .button").await;
        desk.until_gone("#selection").await;
        desk.until(
            "the composer again",
            "!document.querySelector('#composer').hidden",
        )
        .await;
        assert_eq!(desk.clipboard().await, "one\n\nthree");
        desk.close().await;
    }
    assert_eq!(fleet.telegram.texts(account.user, person).len(), 3);
}

/// Protects from writing to the wrong one: a new conversation says from whom and to whom, finds who is here by name in
/// each account, and never takes a name for an address.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_conversation_is_begun_and_nobody_is_guessed() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let stranger = fleet
        .telegram
        .add_person(PersonSpec::new("Contact two").username("contact2"));
    let contact = fleet.telegram.add_person(PersonSpec::new("Zoë"));
    fleet.telegram.add_contact(account.user, contact);
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Contact one").await;
    desk.keys("n").await;
    desk.until_text(".sheet", "New conversation").await;
    desk.assert_accessible("a new conversation").await;
    // What is found comes and goes, and no hand misses the button for it.
    desk.js(
        "window.places = new Set(); (function look() { const send = document.querySelector('.sheet .button.primary'); \
         if (send) { places.add(send.getBoundingClientRect().y); requestAnimationFrame(look); } })()",
    )
    .await;
    desk.until_text(".sheet .result", "Zoë").await;
    desk.fill(".sheet input", "Contact").await;
    desk.until_text(".sheet .result", "@contact1").await;
    desk.until(
        "who is meant no more to be gone",
        "!document.querySelector('.sheet').innerText.includes('Zoë')",
    )
    .await;
    assert_eq!(desk.js("places.size").await, 1);
    desk.screenshot("new-conversation").await;
    desk.fill(".sheet textarea", "Good morning").await;
    desk.click_text(".sheet button", "Send").await;
    desk.until_text(".sheet .error", "Choose a name from the list")
        .await;
    desk.fill(".sheet input", "https://t.me/contact2").await;
    desk.click_text(".sheet button", "Send").await;
    desk.until_text("#chat-head h2", "Contact two").await;
    desk.until_message("Good morning", "sent").await;
    assert_eq!(
        fleet.telegram.texts(account.user, stranger),
        ["Good morning"]
    );

    // Somebody who is here already: their conversation opens, and what was typed waits there.
    desk.js("document.activeElement.blur()").await;
    desk.keys("n").await;
    desk.fill(".sheet input", "contact1").await;
    desk.fill(".sheet textarea", "on its way").await;
    desk.click_text(".sheet .result", "Contact one").await;
    desk.until_text("#chat-head h2", "Contact one").await;
    desk.until(
        "the words in the field",
        "document.querySelector('#reply').value === 'on its way'",
    )
    .await;
    assert_eq!(fleet.telegram.texts(account.user, person), ["Hello"]);

    // Somebody from the address book, found however the name is typed; who is looked up is shown before anything is sent.
    let suppliers = fleet.telegram.add_supergroup("Suppliers", &[contact]);
    let hash = fleet.telegram.add_invite(suppliers, false);
    desk.js("document.activeElement.blur()").await;
    desk.keys("n").await;
    desk.fill(".sheet input", "zoe").await;
    desk.click_text(".sheet .result", "Zoë").await;
    desk.assert_accessible("a contact is chosen").await;
    desk.fill(".sheet textarea", "Good evening").await;
    desk.click_text(".sheet button", "Send").await;
    desk.until_text("#chat-head h2", "Zoë").await;
    desk.until_message("Good evening", "sent").await;
    assert_eq!(
        fleet.telegram.texts(account.user, contact),
        ["Good evening"]
    );
    desk.js("document.activeElement.blur()").await;
    desk.keys("n").await;
    desk.fill(".sheet input", &format!("https://t.me/+{hash}"))
        .await;
    desk.click_text(".sheet button", "Look up").await;
    desk.until_text(".sheet .result", "Suppliers").await;
    desk.until_text(".sheet .result", "1 member").await;
    desk.screenshot("new-conversation-invitation").await;
    desk.click_text(".sheet button", "Join").await;
    desk.until_text("#chat-head h2", "Suppliers").await;
    desk.close().await;
}
