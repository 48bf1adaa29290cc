//! One conversation: where it opens, how it scrolls, what it shows, how it is found.

use switchboard_simulator::{Action, Media, PersonSpec};

use super::world::{Met, met};
use crate::support::browser::Desk;

/// Protects the other side's peace: looking at a chat is not reading it; the button and the key are.
#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_marked_read_only_when_asked_to() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["one", "two"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_text(".unread-line", "Unread messages").await;
    desk.until_message("two", "received").await;
    let conversation = fleet.conversation(&account, person).await;
    assert_eq!(conversation["unread"], 2);
    desk.click_text("#chat-head button", "Mark read").await;
    desk.until(
        "the title without a count",
        "document.title === 'Switchboard'",
    )
    .await;
    let conversation = fleet.conversation(&account, person).await;
    assert_eq!(conversation["unread"], 0);

    fleet.telegram.say(person, account.user, "three");
    desk.until("the count", "document.title === '(1) Switchboard'")
        .await;
    desk.js("document.activeElement.blur()").await;
    desk.keys("r").await;
    desk.until("no count", "document.title === 'Switchboard'")
        .await;
    desk.close().await;
}

/// Protects: everything Telegram sends has a shape here, also what is no text.
#[tokio::test(flavor = "multi_thread")]
async fn media_edits_deletions_and_service_messages_are_shown() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["to be edited", "to be deleted"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("to be deleted", "received").await;
    let sim = &fleet.telegram;
    let document = Media::Document {
        name: "invoice.pdf".into(),
        mime: "application/pdf".into(),
        size: 1_240_000,
    };
    sim.say_media(person, account.user, document, "the invoice");
    sim.say_media(
        person,
        account.user,
        Media::Voice {
            seconds: 12,
            size: 23_000,
        },
        "",
    );
    sim.say_media(
        person,
        account.user,
        Media::Photo {
            width: 800,
            height: 600,
        },
        "a picture",
    );
    sim.edit(person, account.user, 1, "edited text").unwrap();
    sim.delete(person, account.user, &[2]);
    desk.until_text(".content-card.file", "invoice.pdf").await;
    desk.until_text(".content-card.file", "PDF · 1.2 MB").await;
    desk.until_text(".sound .time", "0:12").await;
    desk.until(
        "the picture",
        "document.querySelector('.picture')?.getAttribute('aria-label') === 'Photo: open'",
    )
    .await;
    desk.until_message("edited text", "received").await;
    desk.until_text(".meta", "edited").await;
    desk.until(
        "the deleted one to be struck through",
        "document.querySelector('.message.deleted .body')?.textContent === 'to be deleted'",
    )
    .await;

    let group = sim.add_group("Team", &[account.user, person]);
    sim.say(person, group, "hello all");
    sim.service(
        person,
        group,
        Action::TitleChanged {
            title: "The team".into(),
        },
    );
    desk.choose("Team").await;
    desk.until_text(".message .sender", "Contact one").await;
    desk.until("a service line", "document.querySelector('.service')")
        .await;
    desk.click("#chat-head [data-part=info]").await;
    desk.until_text("#details", "Group").await;
    desk.assert_accessible("a group with details").await;
    desk.close().await;
}

/// Protects finding again: people at once, words with their marks, and the way to the place.
#[tokio::test(flavor = "multi_thread")]
async fn search_finds_people_and_words_and_jumps_to_the_place() {
    let mut texts: Vec<String> = vec!["the needle in the hay".into()];
    texts.extend((0..150).map(|n| format!("straw {n}")));
    let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
    let Met { fleet, account, .. } = met(&refs).await;
    let other = fleet.telegram.add_person(PersonSpec::new("Zoë Contact"));
    fleet.telegram.say(other, account.user, "hi");
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Zoë Contact").await;
    desk.js("document.activeElement.blur()").await;
    desk.keys("/").await;
    desk.type_text("zoe").await;
    desk.until_text(".result", "Zoë Contact").await;
    desk.fill("#search", "needle").await;
    desk.until_text(".result mark", "needle").await;
    desk.assert_accessible("search results").await;
    desk.click_text(".result", "the needle").await;
    desk.until(
        "the place",
        "document.querySelector('.message.found .body')?.textContent === 'the needle in the hay'",
    )
    .await;
    let inside = desk
        .js("(() => { const a = document.querySelector('.message.found').getBoundingClientRect(); const b = document.querySelector('#scroller').getBoundingClientRect(); return a.top >= b.top && a.bottom <= b.bottom; })()")
        .await;
    assert_eq!(inside, true);
    desk.click(".latest").await;
    desk.until_message("straw 149", "received").await;
    desk.close().await;
}

/// Protects long lists: a page of it that did not come is asked for again, for behind the rows nothing says that there is more.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_list_that_did_not_come_is_asked_for_again() {
    const PEOPLE: usize = 130;
    let Met { fleet, account, .. } = met(&["first"]).await;
    for n in 1..PEOPLE {
        let person = fleet
            .telegram
            .add_person(PersonSpec::new(&format!("Contact {n}")));
        fleet.telegram.say(person, account.user, "hello");
    }
    let last = fleet.telegram.add_person(PersonSpec::new("The last"));
    fleet.telegram.say(last, account.user, "all are here");
    let conversation = fleet.conversation(&account, last).await;
    fleet
        .wait_for_message(&conversation, "all are here", "received")
        .await;
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "The last").await;
    desk.js(
        "{ const real = window.fetch; window.fetch = (url, request) => { if (!String(url).includes('cursor=') || window.failed) \
         return real(url, request); window.failed = true; return Promise.reject(new TypeError('cut')); }; }",
    )
    .await;
    desk.js("document.querySelector('#rows').scrollTop = 1e6")
        .await;
    desk.until("a page to fail", "window.failed").await;
    desk.until(
        "everybody",
        &format!(
            "document.querySelector('#rows .room').scrollHeight === 64 * {}",
            PEOPLE + 1
        ),
    )
    .await;
    desk.close().await;
}

/// Protects: rows do not move under the pointer, and filters show what they say.
#[tokio::test(flavor = "multi_thread")]
async fn the_list_holds_still_under_the_pointer_and_follows_its_filters() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["first"]).await;
    let other = fleet.telegram.add_person(PersonSpec::new("Contact two"));
    fleet.telegram.say(other, account.user, "second");
    let channel = fleet.telegram.add_channel("News", &[account.user]);
    fleet.telegram.say(person, account.user, "third");
    let desk = Desk::open(fleet.address()).await;
    let order = "[...document.querySelectorAll('.row')].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map((one) => one.querySelector('bdi').textContent).join()";
    desk.until(
        "three rows",
        "document.querySelectorAll('.row').length === 3",
    )
    .await;
    desk.until_text(".row", "second").await;
    desk.until_text(".row", "third").await;
    let before = desk.js(order).await;
    // Telegram's times are whole seconds, so which of the two is lower is a matter of chance.
    let names = before.as_str().unwrap();
    let lower = if names.find("one") < names.find("two") {
        other
    } else {
        person
    };
    // The pointer keeps moving over the list while news comes for a lower row.
    let kept = desk
        .js("(async () => { const box = document.querySelector('#rows'); const move = () => box.dispatchEvent(new PointerEvent('pointermove', { bubbles: true })); move(); window.shaking = setInterval(move, 50); return true; })()")
        .await;
    assert_eq!(kept, true);
    fleet.telegram.say(lower, account.user, "fourth");
    desk.until_text(".row", "fourth").await;
    assert_eq!(desk.js(order).await, before);
    desk.js("clearInterval(window.shaking)").await;
    desk.until(
        "the row to move when the pointer rests",
        &format!("{order} !== {before}"),
    )
    .await;

    desk.click_text(".chip", "Channels").await;
    desk.until(
        "only the channel",
        "[...document.querySelectorAll('.row')].length <= 1",
    )
    .await;
    desk.click_text(".chip", "Channels").await;
    desk.click_text(".chip", "Unread").await;
    desk.until_text(".row", "Contact two").await;
    assert!(channel != 0);
    desk.close().await;
}

/// Protects work without a mouse.
#[tokio::test(flavor = "multi_thread")]
async fn everything_has_a_key() {
    let Met { fleet, account, .. } = met(&["first"]).await;
    let other = fleet.telegram.add_person(PersonSpec::new("Contact two"));
    fleet.telegram.say(other, account.user, "second");
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Contact two").await;
    desk.keys("?").await;
    desk.until_text(".sheet", "Previous or next conversation")
        .await;
    desk.assert_accessible("the list of keys").await;
    desk.keys("Escape").await;
    desk.until_gone(".sheet").await;
    desk.keys("Alt+ArrowDown").await;
    desk.until_text("#chat-head h2", "Contact two").await;
    desk.keys("Alt+ArrowDown").await;
    desk.until_text("#chat-head h2", "Contact one").await;
    desk.keys("Control+k").await;
    desk.until_text(".sheet", "Jump to a conversation").await;
    desk.type_text("two").await;
    desk.until(
        "one option",
        "document.querySelectorAll('.sheet [role=option]').length === 1",
    )
    .await;
    desk.keys("Enter").await;
    desk.until_text("#chat-head h2", "Contact two").await;
    // While typing, letters are letters.
    desk.fill("#reply", "").await;
    for letter in ["u", "r", "1", "?"] {
        desk.keys(letter).await;
    }
    desk.until(
        "letters in the field",
        "document.querySelector('#reply').value === 'ur1?'",
    )
    .await;
    desk.js("document.querySelector('#reply').value = ''; document.activeElement.blur()")
        .await;
    desk.keys("u").await;
    desk.until(
        "unread only",
        "document.querySelector('[data-filter=unread]').getAttribute('aria-pressed') === 'true'",
    )
    .await;
    desk.keys("1").await;
    desk.until_text("#accounts-button", "Account 1").await;
    desk.keys("0").await;
    desk.until_text("#accounts-button", "All accounts").await;
    desk.keys("Escape").await;
    desk.until_text("#chat-empty", "Choose a conversation")
        .await;
    desk.close().await;
}

/// Protects fast fingers: a key that comes right behind the closing of a sheet counts, though the browser tells of the
/// closing later.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_right_behind_a_closed_sheet_counts() {
    let Met { fleet, .. } = met(&["first"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Contact one").await;
    desk.keys("?").await;
    desk.until_text(".sheet", "Previous or next conversation")
        .await;
    desk.js(
        "document.querySelector('.sheet').close(), \
         document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', altKey: true, bubbles: true }))",
    )
    .await;
    desk.until_text("#chat-head h2", "Contact one").await;
    desk.close().await;
}

/// Protects the details: pictures and files of the whole conversation, new ones at once, deleted ones gone; a click
/// leads to the message.
#[tokio::test(flavor = "multi_thread")]
async fn details_list_the_media_of_the_whole_conversation() {
    let Met {
        fleet,
        account,
        person,
    } = met(&[]).await;
    let sim = &fleet.telegram;
    let document = |name: &str| Media::Document {
        name: name.to_owned(),
        mime: "application/pdf".into(),
        size: 48_000,
    };
    sim.say_media(person, account.user, document("first.pdf"), "the first");
    for n in 0..200 {
        sim.say(person, account.user, &format!("talk {n}"));
    }
    let conversation = fleet.conversation(&account, person).await;
    fleet
        .wait_for_message(&conversation, "talk 199", "received")
        .await;
    let path = format!("/conversations/{}/read", conversation["id"]);
    fleet.api.post(&path, serde_json::json!({})).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("talk 199", "received").await;
    desk.click("#chat-head [data-part=info]").await;
    desk.until_text("#details .media-item", "first.pdf").await;
    let second = sim.say_media(person, account.user, document("second.pdf"), "");
    desk.until_text("#details .media-item", "second.pdf").await;
    let items = desk.texts("#details .media-item").await;
    assert!(
        items.len() == 2 && items[0].contains("second.pdf"),
        "{items:?}"
    );
    desk.assert_accessible("details with media").await;
    desk.screenshot("details").await;
    sim.delete(person, account.user, &[second]);
    desk.until(
        "the deleted one to go",
        "document.querySelectorAll('#details .media-item').length === 1",
    )
    .await;
    desk.click_text("#details .media-item", "first.pdf").await;
    desk.until(
        "the message with the file",
        "document.querySelector('.message.found .body')?.textContent === 'the first'",
    )
    .await;
    desk.close().await;
}
