//! Outages: the service or the network goes and comes back under an open desk, and nothing is missing or double.

use super::world::{Met, met};
use crate::support::browser::Desk;

/// Protects: a service that is killed and started again leaves no gap, no duplicate and no reload.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_is_waited_for_and_nothing_is_missed() {
    let Met {
        mut fleet,
        account,
        person,
    } = met(&["before"]).await;
    let mut desk = Desk::open(fleet.address()).await;
    for noise in ["ERR_CONNECTION", "WebSocket"] {
        desk.expect_console(noise);
    }
    desk.choose("Contact one").await;
    desk.until_message("before", "received").await;
    desk.js("window.sameDocument = true").await;
    let address = fleet.address().to_owned();

    fleet.kill_service();
    desk.until_text("#banner", "The service is away").await;
    desk.screenshot("service-away").await;
    fleet
        .telegram
        .say(person, account.user, "while it was away");
    desk.reply("typed while it was away").await;
    desk.until_message("typed while it was away", "pending")
        .await;
    fleet.start_service_at(&address);

    desk.until_gone("#banner").await;
    desk.until_message("typed while it was away", "sent").await;
    desk.until_message("while it was away", "received").await;
    fleet.telegram.say(person, account.user, "after");
    desk.until_message("after", "received").await;
    assert_eq!(desk.js("window.sameDocument").await, true);
    let mut texts = fleet.telegram.texts(account.user, person);
    texts.sort();
    assert_eq!(
        texts,
        [
            "after",
            "before",
            "typed while it was away",
            "while it was away"
        ]
    );
    desk.close().await;
}

/// Protects: a browser without network says so, keeps what one types, and catches up.
#[tokio::test(flavor = "multi_thread")]
async fn an_offline_browser_catches_up() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["before"]).await;
    let mut desk = Desk::open(fleet.address()).await;
    for noise in ["ERR_INTERNET_DISCONNECTED", "WebSocket", "ERR_NETWORK"] {
        desk.expect_console(noise);
    }
    desk.choose("Contact one").await;
    desk.until_message("before", "received").await;
    desk.offline(true).await;
    desk.js("window.dispatchEvent(new Event('offline'))").await;
    desk.until_text("#banner", "This browser is offline").await;
    desk.reply("typed offline").await;
    desk.until_message("typed offline", "pending").await;
    fleet.telegram.say(person, account.user, "meanwhile");
    let conversation = fleet.conversation(&account, person).await;
    fleet
        .wait_for_message(&conversation, "meanwhile", "received")
        .await;

    desk.offline(false).await;
    desk.js("window.dispatchEvent(new Event('online'))").await;
    desk.until_gone("#banner").await;
    desk.until_message("meanwhile", "received").await;
    desk.until_message("typed offline", "sent").await;
    desk.close().await;
}
