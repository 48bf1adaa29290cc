//! Portal: the page of system E, and the one that connects a licence's number.

use switchboard_simulator::{
    AccountSpec, PersonSpec,
    world::{Media, samples},
};

use crate::support::{
    browser::Desk,
    fleet::{Fleet, phone},
    wait,
};

/// Protects the portal: sign-in when there is no session, chats when there is, and back again.
#[tokio::test(flavor = "multi_thread")]
async fn the_portal_signs_in_shows_chats_and_lets_go() {
    let fleet = Fleet::builder().off_the_disk().start().await;
    let number = phone(60);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Portal").password("correct horse"));
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let mut desk = Desk::blank(crate::support::browser::Look::default()).await;
    for status in ["409", "422"] {
        desk.expect_console(status);
    }
    desk.goto(&format!("http://{}/telegram/", fleet.address()))
        .await;
    desk.until_text(".card", "Sign in to Telegram").await;
    desk.assert_accessible("the portal's sign-in").await;
    desk.fill("input[type=tel]", &number).await;
    desk.keys("Enter").await;
    desk.until_text(".card", "Enter the code").await;
    let code = wait::until(
        "a code",
        || async { fleet.telegram.code_for(&number) },
        Option::is_some,
    )
    .await
    .unwrap();
    desk.fill(".card input", &code).await;
    desk.keys("Enter").await;
    desk.until(
        "the password field",
        "document.querySelector('input[type=password]')",
    )
    .await;
    desk.fill("input[type=password]", "correct horse").await;
    desk.keys("Enter").await;
    desk.until("the chats", "document.querySelector('.portal-list')")
        .await;
    fleet.telegram.say(person, user, "<b>Hello</b>");
    desk.until_text(".portal-chat", "Contact one").await;
    desk.click_text(".portal-chat", "Contact one").await;
    desk.until_text(".portal-messages .body", "<b>Hello</b>")
        .await;
    for media in [
        samples::voice(),
        Media::Photo {
            width: 1_280,
            height: 960,
        },
    ] {
        fleet.telegram.say_media(person, user, media, "");
    }
    desk.until(
        "the picture",
        "document.querySelector('.portal-messages .small-picture[data-there]')",
    )
    .await;
    desk.click(".sound .play").await;
    desk.until(
        "the voice to be heard",
        "Number(document.querySelector('.sound input').value) > 0",
    )
    .await;
    desk.assert_accessible("the portal's chats").await;
    desk.click(".picture").await;
    desk.until(
        "the whole picture",
        "[...document.querySelectorAll('.viewer .frame img')].pop()?.naturalWidth === 1280",
    )
    .await;
    desk.keys("Escape").await;
    desk.until_gone(".viewer").await;
    desk.screenshot("portal").await;
    desk.click("#reset").await;
    desk.until_text(".card", "Sign in to Telegram").await;
    desk.close().await;
}

/// Protects a business that connects its number: key, number, code; then it says so, and lets go when told to.
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_connects_its_number() {
    let fleet = Fleet::builder().off_the_disk().start().await;
    let number = phone(61);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Shop"));
    let desk = Desk::blank(crate::support::browser::Look::default()).await;
    let page = "api/integrations/telegram-phone/";
    desk.goto(&format!("http://{}/{page}", fleet.address()))
        .await;
    desk.until_text(".card", "Licence key").await;
    desk.assert_accessible("the licence's page").await;
    desk.fill(".card input", "licence-0001").await;
    desk.keys("Enter").await;
    desk.until(
        "the number's field",
        "document.querySelector('input[type=tel]')",
    )
    .await;
    desk.fill("input[type=tel]", &number).await;
    desk.keys("Enter").await;
    desk.until(
        "the code's field",
        "document.querySelector('input[inputmode=numeric]')",
    )
    .await;
    let code = wait::until(
        "a code",
        || async { fleet.telegram.code_for(&number) },
        Option::is_some,
    )
    .await
    .unwrap();
    desk.fill("input[inputmode=numeric]", &code).await;
    desk.keys("Enter").await;
    desk.until_text(".card", "The number is connected.").await;
    desk.assert_accessible("a connected number").await;
    desk.click_text(".card button", "Test the connection").await;
    desk.until(
        "an answer",
        "document.querySelector('.card [role=status]').textContent !== ''",
    )
    .await;
    desk.click_text(".card button", "Disconnect").await;
    desk.until(
        "the number's field",
        "document.querySelector('input[type=tel]')",
    )
    .await;
    desk.close().await;
}
