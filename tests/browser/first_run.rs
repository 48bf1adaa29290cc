//! The first minute: from the empty desk to the first account, by phone and by QR code.

use switchboard_simulator::{AccountSpec, Fault, world::CodeKind};

use crate::support::{
    browser::Desk,
    fleet::{Fleet, phone},
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
    let code = fleet.code_for(&number).await;
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

/// Protects who is quicker than an answer: what is entered on a screen that an event has brought goes out, though the answer
/// to the screen before it has not come yet.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_entered_before_the_last_answer_came_counts() {
    let fleet = Fleet::builder().off_the_disk().start().await;
    let number = phone(53);
    let spec = AccountSpec::new(&number, "Sales").password("correct horse");
    fleet.telegram.add_account(spec);
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".card", "Connect your first account").await;
    desk.fill(".card .step input:not([type=radio])", "Sales")
        .await;
    desk.fill("input[type=tel]", &number).await;
    desk.keys("Enter").await;
    desk.until_text(".card", "Enter the code").await;
    desk.js(
        "{ const real = window.fetch; window.fetch = async (url, request) => { const answer = await real(url, request); \
         if (String(url).endsWith('/login/code')) await new Promise((go) => { window.letGo = go; }); return answer; }; }",
    )
    .await;
    desk.fill(".code-field input", &fleet.code_for(&number).await)
        .await;
    desk.until_text(".card", "Enter the cloud password").await;
    desk.until("the answer to the code held", "window.letGo")
        .await;
    desk.fill("input[type=password]", "correct horse").await;
    desk.keys("Enter").await;
    desk.js("window.letGo()").await;
    desk.until_gone(".card").await;
    desk.until(
        "the account in the rail",
        "document.querySelector('.tile[data-ring=full]')",
    )
    .await;
    desk.close().await;
}

/// Protects whoever signs in at the desk: each way that Telegram takes is said in words, and leads to an account or to what
/// else can be done.
#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_a_sign_in_is_told_on_the_desk() {
    let fleet = Fleet::builder().off_the_disk().accounts(1).start().await;
    let mut desk = Desk::open(fleet.address()).await;
    desk.expect_console("422");
    desk.expect_console("429");
    desk.until(
        "the account in the rail",
        "document.querySelector('.tile[data-ring=full]')",
    )
    .await;
    desk.click("#add-account").await;
    desk.fill(".sheet .step input:not([type=radio])", "Support")
        .await;
    let number = phone(60);
    let spec = AccountSpec::new(&number, "Support").password("correct horse");
    let user = fleet.telegram.add_account(spec);
    // What no code leads out of: the sheet stays, and says why.
    let banned = phone(61);
    let bad = fleet.telegram.add_account(AccountSpec::new(&banned, "Bad"));
    fleet.telegram.ban(bad);
    desk.fill("input[type=tel]", &banned).await;
    desk.keys("Enter").await;
    desk.until_text(".sheet .error", "has banned this number")
        .await;
    for (kind, words) in [
        (CodeKind::Payment, "$0.99"),
        (
            CodeKind::Recaptcha,
            "a check that only its own apps can show",
        ),
    ] {
        fleet.telegram.send_codes_by(kind);
        desk.fill("input[type=tel]", &number).await;
        desk.keys("Enter").await;
        desk.until_text(".sheet .error", words).await;
    }
    for (status, answer, words) in [
        (420, "FLOOD_WAIT_7200", "asks to wait 2 hr"),
        (400, "PHONE_NUMBER_FLOOD", "Too many attempts"),
    ] {
        let flood = Fault::error(status, answer).on("auth.sendCode");
        fleet.telegram.set_fault(flood.times(1));
        desk.keys("Enter").await;
        desk.until_text(".sheet .error", words).await;
    }

    // An address, its code, the number's code, the password with what a reset means.
    fleet
        .telegram
        .set_recovery(user, false, Some(1_900_000_000));
    fleet.telegram.send_codes_by(CodeKind::SetUpEmail);
    desk.keys("Enter").await;
    desk.until_text(".sheet", "An e-mail address first").await;
    desk.assert_accessible("an e-mail address first").await;
    desk.fill("input[type=email]", "me@throwaway.example").await;
    desk.keys("Enter").await;
    desk.until_text(".sheet .error", "does not take this e-mail address")
        .await;
    desk.fill("input[type=email]", "support@example.com").await;
    desk.keys("Enter").await;
    desk.until_text(".sheet", "s***@example.com").await;
    desk.fill(
        ".code-field input",
        &fleet.telegram.code_for(&number).unwrap(),
    )
    .await;
    desk.until_text(".sheet", "sent it by SMS").await;
    desk.fill(
        ".code-field input",
        &fleet.telegram.code_for(&number).unwrap(),
    )
    .await;
    desk.until_text(".sheet", "Enter the cloud password").await;
    desk.click_text(".sheet summary", "Forgotten?").await;
    desk.until_text(".sheet", "A reset is under way").await;
    desk.fill("input[type=password]", "correct horse").await;
    desk.keys("Enter").await;
    desk.until_gone(".sheet").await;

    let kinds = [
        (CodeKind::App, "in the Telegram app"),
        (CodeKind::Sms, "sent it by SMS"),
        (CodeKind::Call, "calls the number and says the code"),
        (CodeKind::FlashCall, "enter the whole number that called"),
        (CodeKind::MissedCall, "hangs up"),
        (CodeKind::Fragment, "https://fragment.com/my/numbers"),
        (CodeKind::Email, "a***l@example.com"),
        (CodeKind::Word, "Enter the whole word"),
        (CodeKind::Phrase, "Enter all of them"),
    ];
    for (index, (kind, words)) in kinds.into_iter().enumerate() {
        let number = phone(70 + index);
        let spec = AccountSpec {
            registered: kind != CodeKind::Phrase,
            ..AccountSpec::new(&number, "More")
        };
        fleet.telegram.add_account(spec);
        fleet.telegram.send_codes_by(kind);
        desk.click("#add-account").await;
        desk.fill(".sheet .step input:not([type=radio])", "More")
            .await;
        desk.fill("input[type=tel]", &number).await;
        desk.keys("Enter").await;
        desk.until_text(".sheet", words).await;
        let code = fleet.telegram.code_for(&number).unwrap();
        desk.fill(".sheet form input", &code).await;
        if matches!(
            kind,
            CodeKind::FlashCall | CodeKind::Word | CodeKind::Phrase
        ) {
            desk.keys("Enter").await;
        }
        if kind == CodeKind::Phrase {
            // Nobody has registered the number.
            desk.until_text(".sheet", "has no Telegram account").await;
        } else {
            desk.until_gone(".sheet").await;
        }
    }
    desk.close().await;
}

/// Protects who signs in by QR code: a phone in another data centre is followed there, the password is asked for with what can
/// be done when it is forgotten, and a phone of somebody else's is told as that, and not by another code.
#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_code_leads_on_or_says_why_not() {
    let fleet = Fleet::builder().off_the_disk().start().await;
    let spec = AccountSpec::new(&phone(90), "Support").password("correct horse");
    let user = fleet.telegram.add_account(spec.home_dc(4));
    let other = AccountSpec::new(&phone(91), "Other").home_dc(4);
    let other = fleet.telegram.add_account(other);
    fleet.telegram.set_recovery(user, true, None);
    let mut desk = Desk::open(fleet.address()).await;
    desk.expect_console("422");
    desk.until_text(".card", "Connect your first account").await;
    desk.fill(".card .step input:not([type=radio])", "Support")
        .await;
    desk.click_text(".card button", "Show QR code").await;
    scan(&desk, &fleet, user).await;
    desk.until_text(".card", "Enter the cloud password").await;
    desk.click_text(".card summary", "Forgotten?").await;
    desk.until_text(".card", "Replace it by e-mail").await;
    desk.fill("input[type=password]", "correct horse").await;
    desk.keys("Enter").await;
    desk.until(
        "the account in the rail",
        "document.querySelector('.tile[data-ring=full]')",
    )
    .await;
    // The same account again, and a phone where somebody else is signed in.
    let accounts = fleet.api.get("/accounts").await;
    let id = accounts["accounts"][0]["id"].as_str().unwrap().to_owned();
    fleet.telegram.revoke_sessions(user);
    fleet.wait_for_state(&id, "needs_login").await;
    desk.until_text("#banner", "needs to sign in again").await;
    desk.click_text("#banner button", "Show account").await;
    desk.click_text(".sheet button", "Sign in").await;
    desk.click_text(".sheet button", "Show QR code").await;
    scan(&desk, &fleet, other).await;
    desk.until_text(".sheet .error", "another Telegram user")
        .await;
    desk.assert_accessible("a refused scan").await;
    desk.click_text(".sheet button", "Show QR code").await;
    desk.until("a code", "document.querySelector('.qr-code img')")
        .await;
    desk.close().await;
}

/// With the phone of `user`, the code of the only account here.
async fn scan(desk: &Desk, fleet: &Fleet, user: i64) {
    desk.until(
        "the picture",
        "document.querySelector('.qr-code img')?.naturalWidth > 0",
    )
    .await;
    let accounts = fleet.api.get("/accounts").await;
    let id = accounts["accounts"][0]["id"].as_str().unwrap();
    let login = fleet.api.get(&format!("/accounts/{id}/login")).await;
    let url = login["login"]["qr"]["url"].as_str().unwrap();
    fleet.telegram.accept_qr(url, user).unwrap();
}
