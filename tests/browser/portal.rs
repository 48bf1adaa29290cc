//! Portal: the page of system E, and the one that connects a licence's number.

use switchboard_simulator::{
    AccountSpec, PersonSpec,
    world::{CodeKind, Media, samples},
};

use crate::support::{
    browser::Desk,
    fleet::{Fleet, phone},
    wait,
};

/// With the number's code and the password, up to its chats.
async fn sign_in(desk: &Desk, fleet: &Fleet, number: &str) {
    desk.fill("input[type=tel]", number).await;
    desk.keys("Enter").await;
    desk.until_text(".card", "Enter the code").await;
    desk.until_text(".card button[disabled]", "Send it again in")
        .await;
    let code = fleet.code_for(number).await;
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
}

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
    sign_in(&desk, &fleet, &number).await;
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

/// Protects the portal's people: what they write, and the files that they attach, arrive once and are seen; what was
/// attached by mistake stays here.
#[tokio::test(flavor = "multi_thread")]
async fn the_portal_answers_with_text_and_files() {
    let fleet = Fleet::builder().off_the_disk().start().await;
    let number = phone(62);
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
    sign_in(&desk, &fleet, &number).await;
    fleet.telegram.say(person, user, "Hello");
    desk.until_text(".portal-chat", "Contact one").await;
    desk.click_text(".portal-chat", "Contact one").await;
    desk.until_text(".portal-messages .body", "Hello").await;
    desk.fill(".portal-write textarea", "words of the portal")
        .await;
    desk.keys("Enter").await;
    desk.until_text(".message.own .body", "words of the portal")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, size: usize| {
        let path = folder.path().join(name);
        std::fs::write(&path, vec![7; size]).unwrap();
        path
    };
    let pick = ".portal-write input[type=file]";
    desk.pick_files(pick, &[file("wrong.pdf", 10_000)]).await;
    desk.until_text(".portal-attached", "wrong.pdf").await;
    desk.click_text(".portal-attached button", "Remove files")
        .await;
    desk.until(
        "no file",
        "document.querySelector('.portal-attached').hidden",
    )
    .await;
    desk.pick_files(
        pick,
        &[file("prices.pdf", 40_000), file("terms.pdf", 20_000)],
    )
    .await;
    desk.until_text(".portal-attached", "prices.pdf, terms.pdf")
        .await;
    desk.fill(".portal-write textarea", "as promised").await;
    desk.assert_accessible("the portal's reply box").await;
    desk.screenshot("portal-reply").await;
    desk.keys("Enter").await;
    desk.until_text(".message.own .file-name", "prices.pdf")
        .await;
    let sent = async || {
        let ledger = fleet.telegram.ledger_of(user);
        let own = ledger[&person].messages.iter().filter(|one| one.out);
        own.map(|one| (one.text.clone(), one.file.as_ref().map(|file| file.size)))
            .collect::<Vec<_>>()
    };
    let arrived = wait::until("all of it", sent, |sent| sent.len() == 3).await;
    let wanted = [
        ("words of the portal", None),
        ("as promised", Some(40_000)),
        ("", Some(20_000)),
    ];
    let wanted = wanted.map(|(text, size)| (text.to_owned(), size));
    assert_eq!(arrived, wanted);
    desk.until(
        "nothing under way",
        "document.querySelectorAll('.message.own').length === 2 && !document.querySelector('.message.own[data-status=pending]')",
    )
    .await;
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
    let code = fleet.code_for(&number).await;
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

/// Protects whose account is to have an e-mail address first: the portal's page asks for it, and for both codes.
#[tokio::test(flavor = "multi_thread")]
async fn the_portal_asks_for_an_email_address() {
    let fleet = Fleet::builder().off_the_disk().start().await;
    let number = phone(63);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Portal"));
    fleet.telegram.send_codes_by(CodeKind::SetUpEmail);
    let mut desk = Desk::blank(crate::support::browser::Look::default()).await;
    desk.expect_console("422");
    desk.goto(&format!("http://{}/telegram/", fleet.address()))
        .await;
    desk.until_text(".card", "Sign in to Telegram").await;
    desk.fill("input[type=tel]", &number).await;
    desk.keys("Enter").await;
    desk.until_text(".card", "An e-mail address first").await;
    desk.assert_accessible("the portal's e-mail address").await;
    desk.fill("input[type=email]", "me@throwaway.example").await;
    desk.keys("Enter").await;
    desk.until_text(".card .error", "does not take this e-mail address")
        .await;
    desk.fill("input[type=email]", "portal@example.com").await;
    desk.keys("Enter").await;
    desk.until_text(".card", "p***@example.com").await;
    let code = fleet.telegram.code_for(&number).unwrap();
    desk.fill(".card input", &code).await;
    desk.keys("Enter").await;
    desk.until_text(".card", "sent it by SMS").await;
    let code = fleet.telegram.code_for(&number).unwrap();
    desk.fill(".card input", &code).await;
    desk.keys("Enter").await;
    desk.until("the chats", "document.querySelector('.portal-list')")
        .await;
    desk.close().await;
}

/// Protects whoever scans with the wrong phone: the portal says so, and does not show one code after the other.
#[tokio::test(flavor = "multi_thread")]
async fn the_portal_says_why_a_scan_came_to_nothing() {
    let fleet = Fleet::builder().off_the_disk().start().await;
    let number = phone(64);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Portal"));
    let other = fleet
        .telegram
        .add_account(AccountSpec::new(&phone(65), "Other").home_dc(4));
    let api = &fleet.api;
    api.post(
        "/telegram/auth/phone/",
        serde_json::json!({ "phone": number }),
    )
    .await;
    let code = fleet.telegram.code_for(&number).unwrap();
    api.post(
        "/telegram/auth/verify/",
        serde_json::json!({ "code": code }),
    )
    .await;
    fleet.telegram.revoke_sessions(user);
    wait::until(
        "the end of the session",
        || api.get("/telegram/session/status/"),
        |status| status["status"] == "login_required",
    )
    .await;
    let desk = Desk::blank(crate::support::browser::Look::default()).await;
    desk.goto(&format!("http://{}/telegram/", fleet.address()))
        .await;
    for says in ["another Telegram user", ""] {
        desk.click_text(".card button", "Show QR code").await;
        desk.until("a code", "document.querySelector('.qr-code img')")
            .await;
        let shown = api.get("/telegram/auth/qr/").await;
        let url = shown["url"].as_str().unwrap();
        fleet.telegram.accept_qr(url, other).unwrap();
        if says.is_empty() {
            // Now it is an account of their own.
            desk.until("the chats", "document.querySelector('.portal-list')")
                .await;
        } else {
            desk.until_text(".card .error", says).await;
        }
    }
    desk.close().await;
}

/// Protects a business whose number no code leads to, or that Telegram wants an e-mail address for: its page leads on.
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_led_past_what_no_code_leads_out_of() {
    let fleet = Fleet::builder().off_the_disk().start().await;
    let number = phone(66);
    let spec = AccountSpec::new(&number, "Shop").password("correct horse");
    let user = fleet.telegram.add_account(spec.home_dc(4));
    let mut desk = Desk::blank(crate::support::browser::Look::default()).await;
    for status in ["409", "422"] {
        desk.expect_console(status);
    }
    let page = "api/integrations/telegram-phone/";
    desk.goto(&format!("http://{}/{page}", fleet.address()))
        .await;
    desk.fill(".card input", "licence-0001").await;
    desk.keys("Enter").await;
    desk.until("the number", "document.querySelector('input[type=tel]')")
        .await;
    fleet.telegram.send_codes_by(CodeKind::SetUpEmail);
    desk.fill("input[type=tel]", &number).await;
    desk.keys("Enter").await;
    desk.until_text(".card", "e-mail address first").await;
    desk.assert_accessible("a licence's e-mail address").await;
    desk.fill("input[type=email]", "nobody").await;
    desk.keys("Enter").await;
    desk.until_text(".card .error", "e-mail address").await;
    desk.fill("input[type=email]", "shop@example.com").await;
    desk.keys("Enter").await;
    desk.until_text(".card", "s***@example.com").await;
    let code = fleet.telegram.code_for(&number).unwrap();
    desk.fill(".card input", &code).await;
    desk.keys("Enter").await;
    desk.until_text(".card", "Code sent by SMS").await;

    // The number's own code comes by the next way, or not at all.
    desk.click_text(".card button", "Back").await;
    fleet.telegram.send_codes_by(CodeKind::Phrase);
    desk.fill("input[type=tel]", &number).await;
    desk.keys("Enter").await;
    desk.until_text(".card", "A few words were sent").await;
    desk.click_text(".card button", "Back").await;
    fleet.telegram.send_codes_by(CodeKind::Payment);
    desk.fill("input[type=tel]", &number).await;
    desk.keys("Enter").await;
    desk.until_text(".card .error", "QR code").await;
    desk.click_text(".card button", "Show QR code").await;
    desk.until("a code", "document.querySelector('.qr-code img')")
        .await;
    desk.assert_accessible("a licence's QR code").await;
    let licensed = fleet.api.with_header("x-license-key", "licence-0001");
    let shown = licensed.get(&format!("/{page}qr/status")).await;
    let url = shown["url"].as_str().unwrap();
    fleet.telegram.accept_qr(url, user).unwrap();
    desk.until(
        "the password",
        "document.querySelector('input[type=password]')",
    )
    .await;
    desk.fill("input[type=password]", "correct horse").await;
    desk.keys("Enter").await;
    desk.until_text(".card", "The number is connected.").await;
    desk.close().await;
}
