//! Notices: what reaches a person who is not looking, and what the page says of the moment.

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use serde_json::json;

use super::world::{Met, met};
use crate::support::{browser::Desk, wait};

/// Real notifications, remembered so that a test can look at them and click them.
const REMEMBER: &str = "(() => { window.notes = []; const Real = window.Notification; window.Notification = class extends Real { \
    constructor(title, options) { super(title, options); window.notes.push(this); } }; })()";

/// Protects who works in another window: news comes as a desktop notification once one has asked for it, and a click
/// on it opens the conversation.
#[tokio::test(flavor = "multi_thread")]
async fn news_reaches_a_hidden_page_as_a_notification() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["first"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Contact one").await;
    let grant = json!({ "permissions": ["notifications"], "origin": format!("http://{}", fleet.address()) });
    desk.cdp("Browser.grantPermissions", grant).await;
    desk.js(REMEMBER).await;
    desk.click("#open-settings").await;
    desk.click("#set-notifications").await;
    desk.until(
        "the setting to be kept",
        "JSON.parse(localStorage.getItem('switchboard.prefs')).notifications === true",
    )
    .await;
    desk.keys("Escape").await;

    fleet.telegram.say(person, account.user, "while looking");
    desk.until_text(".row .preview", "while looking").await;
    assert_eq!(desk.js("window.notes.length").await, 0);

    desk.hide().await;
    fleet.telegram.say(person, account.user, "while away");
    desk.until("a notification", "window.notes.length === 1")
        .await;
    let note = desk
        .js("[notes[0].title, notes[0].body, notes[0].tag]")
        .await;
    let conversation = fleet.conversation(&account, person).await;
    let tag = format!("switchboard-{}", conversation["id"]);
    assert_eq!(note, json!(["Contact one · Account 1", "while away", tag]));

    desk.js("window.notes[0].onclick()").await;
    desk.show().await;
    desk.until_text("#chat-head h2", "Contact one").await;
    desk.close().await;
}

/// Protects the choice: with the setting, a chat whose end is on the screen is read, for the other side too; what
/// comes while the page is hidden is not.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_read_by_themselves_only_when_chosen_and_seen() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["one"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Contact one").await;
    desk.click("#open-settings").await;
    desk.click("#set-autoRead").await;
    desk.keys("Escape").await;
    desk.choose("Contact one").await;
    let unread = || async { fleet.conversation(&account, person).await["unread"].clone() };
    wait::until("the opened chat to be read", unread, |count| *count == 0).await;
    fleet.telegram.say(person, account.user, "two");
    desk.until_message("two", "received").await;
    wait::until("the next one to be read", unread, |count| *count == 0).await;
    desk.until("no count", "document.title === 'Switchboard'")
        .await;

    desk.hide().await;
    fleet.telegram.say(person, account.user, "three");
    desk.until("the count in the title", "document.title.startsWith('(1)')")
        .await;
    assert_eq!(unread().await, 1);
    desk.close().await;
}

/// Protects the small sign of life, and that it goes when the message comes.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_types_is_seen_typing() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    fleet.telegram.typing(person, account.user);
    desk.until_text(".typing", "Contact one is typing…").await;
    fleet.telegram.say(person, account.user, "Here I am");
    desk.until_message("Here I am", "received").await;
    desk.until_gone(".typing").await;
    desk.close().await;
}

/// Protects a desk that was away longer than the event log reaches back: it loads everything again, without a gap, a
/// duplicate or a reload of the page.
#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_was_away_too_long_loads_everything_again() {
    let Met {
        mut fleet,
        account,
        person,
    } = met(&["before"]).await;
    let mut desk = Desk::open(fleet.address()).await;
    for noise in ["ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION", "WebSocket"] {
        desk.expect_console(noise);
    }
    desk.choose("Contact one").await;
    desk.until_message("before", "received").await;
    desk.fill("#reply", "half a sentence").await;
    desk.js("window.sameDocument = true").await;
    let address = fleet.address().to_owned();
    desk.offline(true).await;
    desk.js("window.dispatchEvent(new Event('offline'))").await;
    desk.until_text("#banner", "This browser is offline").await;
    for n in 1..=60 {
        fleet
            .telegram
            .say(person, account.user, &format!("meanwhile {n}"));
    }
    let conversation = fleet.conversation(&account, person).await;
    fleet
        .wait_for_message(&conversation, "meanwhile 60", "received")
        .await;
    fleet.stop_service();
    let file = fleet.data_dir().join("switchboard.db");
    let mut log = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
    log.batch_execute("DELETE FROM event_log WHERE seq < (SELECT max(seq) FROM event_log)")
        .unwrap();
    drop(log);
    fleet.start_service_at(&address);

    desk.offline(false).await;
    desk.js("window.dispatchEvent(new Event('online'))").await;
    desk.until_gone("#banner").await;
    desk.until_message("meanwhile 60", "received").await;
    desk.until_message("meanwhile 1", "received").await;
    desk.until_message("before", "received").await;
    fleet.telegram.say(person, account.user, "after");
    desk.until_message("after", "received").await;
    let texts = desk.texts("#log .message .body").await;
    let mut expected = vec!["before".to_owned()];
    expected.extend((1..=60).map(|n| format!("meanwhile {n}")));
    expected.push("after".to_owned());
    assert_eq!(texts, expected);
    let kept = desk
        .js("[window.sameDocument, document.querySelector('#reply').value]")
        .await;
    assert_eq!(kept, json!([true, "half a sentence"]));
    desk.close().await;
}

/// Protects whoever comes back: what came while the account was away stands in its place, under a line that says how much
/// that was.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_the_account_was_away_has_a_line() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["before"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("before", "received").await;
    fleet.telegram.revoke_sessions(account.user);
    fleet.wait_for_state(&account.id, "needs_login").await;
    for n in 1..=3 {
        fleet
            .telegram
            .say(person, account.user, &format!("meanwhile {n}"));
    }
    let session = fleet.session_string(account.user);
    let path = format!("/accounts/{}/login", account.id);
    fleet.api.post(&path, json!({ "session": session })).await;
    fleet.wait_for_state(&account.id, "online").await;
    desk.until_text(".away-line", "3 messages").await;
    fleet.telegram.say(person, account.user, "after");
    desk.until_message("after", "received").await;
    let texts = desk.texts("#log .message .body").await;
    assert_eq!(
        texts,
        [
            "before",
            "meanwhile 1",
            "meanwhile 2",
            "meanwhile 3",
            "after"
        ]
    );
    assert_eq!(desk.texts(".away-line").await.len(), 1);
    desk.close().await;
}
