//! Accounts: their state is always in sight, and everything that can be done with one is done from its sheet.

use futures_util::{StreamExt, stream};
use serde_json::json;
use switchboard_simulator::{
    PersonSpec,
    wire::{FaultScope, WireFault},
};

use super::world::{Met, met};
use crate::support::{browser::Desk, fleet::Fleet, wait};

/// Protects from two answers to one question: a chat that two accounts have is marked, and leads to the other's.
#[tokio::test(flavor = "multi_thread")]
async fn a_chat_of_two_accounts_leads_from_one_to_the_other() {
    let fleet = Fleet::builder().off_the_disk().accounts(2).start().await;
    let telegram = &fleet.telegram;
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let users = [fleet.accounts[0].user, fleet.accounts[1].user, person];
    let group = telegram.add_supergroup("Team", &users);
    telegram.say(person, group, "Who is on duty?");
    telegram.say(person, users[0], "Only for one of them");
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Only for one of them").await;
    let marked = "[...document.querySelectorAll('.row')].filter((one) => one.querySelector('[data-part=twins]').checkVisibility()).map((one) => one.querySelector('bdi').textContent).join()";
    desk.until("both marked", &format!("{marked} === 'Team,Team'"))
        .await;
    desk.choose("Team").await;
    let label = "document.querySelector('#chat-head [data-part=label]').textContent";
    let first = desk.js(label).await;
    desk.assert_accessible("a chat of two accounts").await;
    desk.click("#chat-head .twins .account-chip").await;
    desk.until("the other's", &format!("{label} !== {first}"))
        .await;
    desk.until_text("#chat-head h2", "Team").await;
    desk.choose("Contact one").await;
    desk.until_gone("#chat-head .twins").await;
    desk.close().await;
}

async fn open_sheet(desk: &Desk) {
    desk.right_click(".tile").await;
    desk.until("the sheet", "document.querySelector('.sheet[open]')")
        .await;
}

/// Protects: restart, stop and start from the sheet, and a composer that says why it can't be used.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_restarted_stopped_and_started() {
    let Met { fleet, account, .. } = met(&["Hello"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    open_sheet(&desk).await;
    desk.assert_accessible("the account's sheet").await;
    let before = fleet.api.account(&account.id).await;
    desk.js("document.querySelector('[data-act=\"account.restart\"]').focus()")
        .await;
    desk.keys("Enter").await;
    wait::until(
        "the account to be online again",
        || fleet.api.account(&account.id),
        |now| now["state"] == "online" && now["state_since"] != before["state_since"],
    )
    .await;
    desk.until_text(".state-line", "Online").await;
    desk.until(
        "the focus still on the button",
        "document.activeElement?.dataset.act === 'account.restart'",
    )
    .await;
    desk.click_text(".sheet button", "Stop").await;
    desk.until_text(".state-line", "Stopped").await;
    desk.keys("Escape").await;
    desk.until_text(".blocked", "Account 1 is stopped.").await;
    desk.until(
        "a grey ring",
        "document.querySelector('.tile').dataset.ring === 'grey'",
    )
    .await;
    desk.click_text(".blocked button", "Start").await;
    desk.until_gone(".blocked").await;
    fleet.wait_for_state(&account.id, "online").await;
    desk.until(
        "a full ring",
        "document.querySelector('.tile').dataset.ring === 'full'",
    )
    .await;
    desk.close().await;
}

/// Protects: a session ended elsewhere asks for a person in every place, and signing in again keeps the history.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_account_signs_in_again_and_keeps_its_history() {
    let Met { fleet, account, .. } = met(&["Hello"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    fleet.telegram.revoke_sessions(account.user);
    fleet.wait_for_state(&account.id, "needs_login").await;
    desk.until_text("#banner", "Account 1 needs to sign in again")
        .await;
    desk.until_text(".blocked", "Account 1 needs to sign in again.")
        .await;
    desk.screenshot("needs-login").await;
    desk.assert_accessible("an account that needs a person")
        .await;

    desk.click_text(".blocked button", "Sign in").await;
    desk.fill(".sheet input[type=tel]", &account.phone).await;
    desk.keys("Enter").await;
    desk.until_text(".sheet", "Enter the code").await;
    let code = fleet.code_for(&account.phone).await;
    desk.fill(".code-field input", &code).await;
    desk.until_gone(".sheet").await;
    fleet.wait_for_state(&account.id, "online").await;
    desk.until_gone("#banner").await;
    desk.until_gone(".blocked").await;
    desk.until_message("Hello", "received").await;
    desk.close().await;
}

/// Protects: label and colour are the person's own, and a removed account is gone with what one chose to delete.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_renamed_coloured_and_removed() {
    let Met { fleet, .. } = met(&["Hello"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Contact one").await;
    open_sheet(&desk).await;
    desk.fill("#account-label", "Отдел продаж").await;
    desk.keys("Tab").await;
    desk.until_text(".sheet h2", "Отдел продаж").await;
    desk.js("document.querySelectorAll('.sheet .colours input')[4].click()")
        .await;
    desk.until(
        "the colour",
        "document.querySelector('.tile-wrap').dataset.colour === '4'",
    )
    .await;
    desk.click("#account-archive").await;
    desk.until_text(".sheet .facts", "whole:").await;
    let accounts = fleet.api.get("/accounts").await;
    assert_eq!(accounts["accounts"][0]["archive"], "all");
    desk.click_text(".sheet button", "Remove account").await;
    desk.until_text(".sheet", "leaves this desk").await;
    desk.click(".sheet input[value=delete]").await;
    desk.click_text(".sheet button", "Remove account").await;
    desk.until_text(".card", "Connect your first account").await;
    let accounts = fleet.api.get("/accounts").await;
    assert_eq!(accounts["accounts"], serde_json::json!([]));
    desk.close().await;
}

const MANY: usize = 2_000;

/// Protects who has thousands of accounts: rail and menu draw what is on the screen, and every account is reached by
/// key, by letter and by scrolling.
#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_accounts_fit_the_rail_and_the_menu() {
    let Met { fleet, .. } = met(&["Hello"]).await;
    stream::iter(1..MANY)
        .for_each_concurrent(8, |n| {
            let body = json!({ "label": format!("Branch {n:04}") });
            let answer = fleet.api.post("/accounts/add", body);
            async move {
                answer.await;
            }
        })
        .await;
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Contact one").await;
    desk.click("#accounts-button").await;
    desk.until_text(".menu-item", "All accounts").await;
    desk.assert_accessible("the menu of many accounts").await;
    desk.keys("End").await;
    let focused = "document.activeElement.getAttribute('aria-posinset') + '/' + document.activeElement.getAttribute('aria-setsize')";
    assert_eq!(desk.js(focused).await, format!("{}/{}", MANY + 1, MANY + 1));
    // In one go: what is one word is a matter of time.
    desk.js("for (const key of 'branch 1234') document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))")
        .await;
    assert_eq!(
        desk.js("document.activeElement.textContent").await,
        "Branch 1234"
    );
    let drawn = "document.querySelectorAll('.menu-item').length + document.querySelectorAll('.tile').length";
    assert!(desk.js(drawn).await.as_u64().unwrap() < 100);
    desk.keys("Enter").await;
    desk.until_text("#accounts-button", "Branch 1234").await;
    desk.until(
        "the choice to be marked and still focused",
        "document.activeElement.getAttribute('aria-checked') === 'true'",
    )
    .await;
    desk.screenshot("many-accounts").await;
    desk.keys("Home").await;
    desk.keys("Enter").await;
    desk.until_gone(".menu").await;
    desk.until_text("#accounts-button", "All accounts").await;
    desk.js("document.querySelector('#rail-accounts').scrollTop = 1e9")
        .await;
    desk.until(
        "the end of the rail",
        "document.querySelector('.tile-wrap:last-child .tile-text bdi').textContent.startsWith('Branch') && \
         document.querySelector('.tile-wrap:last-child').getBoundingClientRect().bottom <= innerHeight",
    )
    .await;
    assert!(desk.js(drawn).await.as_u64().unwrap() < 100);
    desk.close().await;
}

/// Protects who signs out while Telegram is away: the desk says what is done and what is still to come.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_that_is_still_to_come_is_told() {
    let Met { fleet, account, .. } = met(&["Hello"]).await;
    let desk = Desk::open(fleet.address()).await;
    let key = fleet.telegram.keys_of(account.user)[0];
    let away =
        fleet
            .telegram
            .wire()
            .set_fault(FaultScope::Key(key), WireFault::RefuseConnects, None);
    fleet.telegram.cut(account.user);
    fleet.wait_for_state(&account.id, "reconnecting").await;
    open_sheet(&desk).await;
    desk.click_text(".sheet button", "Sign out").await;
    desk.until_text(".sheet", "signed out at Telegram too")
        .await;
    desk.click_text(".sheet button", "Sign out").await;
    desk.until_text(".toast", "as soon as it can be reached")
        .await;
    fleet.wait_for_state(&account.id, "signed_out").await;
    fleet.telegram.wire().clear_fault(away);
    wait::until(
        "Telegram to have done it",
        || async { fleet.telegram.keys_of(account.user) },
        Vec::is_empty,
    )
    .await;
    desk.close().await;
}
