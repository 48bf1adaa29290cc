//! The first minute: from the empty desk to the first account, by phone and by QR code.

use switchboard_simulator::AccountSpec;

use crate::support::{
    browser::Desk,
    fleet::{Fleet, phone},
    wait,
};

/// Protects the first minute: someone with nothing but a phone number gets to a working desk, also over a reload,
/// a mistyped code and a mistyped password.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_desk_leads_to_the_first_account() {
    let fleet = Fleet::builder().off_the_disk().start().await;
    let number = phone(50);
    fleet.telegram.add_account(AccountSpec {
        password_hint: Some("the usual".to_owned()),
        ..AccountSpec::new(&number, "Sales").password("correct horse")
    });
    let mut desk = Desk::open(fleet.address()).await;
    desk.expect_console("422");
    desk.until_text(".card", "Connect your first account").await;
    desk.assert_accessible("the first run").await;
    desk.screenshot("first-run").await;

    desk.fill(".card .step input:not([type=radio])", "Sales")
        .await;
    desk.fill("input[type=tel]", &number).await;
    desk.keys("Enter").await;
    desk.until_text(".card", "Enter the code").await;
    desk.until_text(".card", "in the Telegram app on your other device")
        .await;
    let boxes = desk
        .js("document.querySelectorAll('.code-field .box').length")
        .await;
    assert_eq!(boxes, 5);

    desk.reload().await;
    desk.until_text(".card", "Enter the code").await;
    let code = wait::until(
        "a code",
        || async { fleet.telegram.code_for(&number) },
        Option::is_some,
    )
    .await
    .unwrap();
    let wrong = if code == "00000" { "11111" } else { "00000" };
    desk.fill(".code-field input", wrong).await;
    desk.until_text(".error", "That code is wrong").await;
    desk.fill(".code-field input", &format!("Login code: {code}"))
        .await;

    desk.until_text(".card", "Enter the cloud password").await;
    desk.until_text(".card", "Hint: the usual").await;
    desk.fill("input[type=password]", "wrong").await;
    desk.keys("Enter").await;
    desk.until_text(".error", "That password is wrong").await;
    desk.fill("input[type=password]", "correct horse").await;
    desk.keys("Enter").await;

    desk.until_gone(".card").await;
    desk.until(
        "the account in the rail",
        "document.querySelector('.tile[data-ring=full]')",
    )
    .await;
    let stored = desk
        .js("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
        .await;
    let stored = stored.as_str().unwrap();
    assert!(
        !stored.contains("horse") && !stored.contains(&code) && !stored.contains(&number),
        "{stored}"
    );
    desk.close().await;
}

/// Protects signing in without a code: the QR code is there, is a picture, and scanning it is enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_qr_code_adds_an_account() {
    let fleet = Fleet::builder().off_the_disk().accounts(1).start().await;
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&phone(51), "Support"));
    let desk = Desk::open(fleet.address()).await;
    desk.until(
        "the account in the rail",
        "document.querySelector('.tile[data-ring=full]')",
    )
    .await;
    desk.click("#add-account").await;
    desk.fill(".sheet .step input:not([type=radio])", "Support")
        .await;
    desk.click_text(".sheet button", "Show QR code").await;
    desk.until(
        "the picture",
        "document.querySelector('.qr-code img')?.naturalWidth > 0",
    )
    .await;
    let id = desk
        .js("sessionStorage.getItem('switchboard.signin')")
        .await;
    let login = fleet
        .api
        .get(&format!("/accounts/{}/login", id.as_str().unwrap()))
        .await;
    let url = login["login"]["qr"]["url"].as_str().unwrap().to_owned();

    fleet.telegram.accept_qr(&url, user).unwrap();

    desk.until_gone(".sheet").await;
    desk.until(
        "two accounts online",
        "document.querySelectorAll('.tile[data-ring=full]').length === 2",
    )
    .await;
    desk.close().await;
}

/// Protects who comes from another client: a session string is enough, one that is none is told so beside its field,
/// and the string stays in no storage.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_string_adds_an_account() {
    let fleet = Fleet::builder().off_the_disk().start().await;
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&phone(52), "Archive"));
    let session = fleet.session_string(user);
    let mut desk = Desk::open(fleet.address()).await;
    desk.expect_console("422");
    desk.until_text(".card", "Connect your first account").await;
    desk.fill(".card .step input:not([type=radio])", "Archive")
        .await;
    desk.click_text(".card summary", "I have a session string")
        .await;
    desk.fill(".card textarea", "1AZWarzYBu7notasession").await;
    desk.click_text(".card button", "Use session").await;
    desk.until_text(".error", "not a Telethon or Pyrogram session string")
        .await;
    desk.assert_accessible("a refused session string").await;
    desk.fill(".card textarea", &session).await;
    desk.click_text(".card button", "Use session").await;
    desk.until_gone(".card").await;
    desk.until(
        "the account in the rail",
        "document.querySelector('.tile[data-ring=full]')",
    )
    .await;
    let kept = desk
        .js("JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.body.innerText")
        .await;
    assert!(!kept.as_str().unwrap().contains(&session[1..40]), "{kept}");
    let accounts = fleet.api.get("/accounts").await;
    assert_eq!(accounts["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(accounts["accounts"][0]["label"], "Archive");
    desk.close().await;
}
