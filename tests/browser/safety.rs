//! Safety: foreign text stays text, and the page can't be talked into anything else.

use switchboard_simulator::PersonSpec;

use super::world::{Met, met};
use crate::support::browser::Desk;

/// Protects the admin's browser from what strangers write: scripts, links, overrides and piles of marks are inert.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_are_inert() {
    let zalgo = format!("a{}", "\u{301}".repeat(4000));
    let texts = [
        "<script>window.owned = 1</script><img src=x onerror='window.owned = 2'>",
        "javascript:window.owned=3 data:text/html,<script>1</script> https://good.example/path",
        "\u{202e}txt.exe\u{2066} <b>bold</b> {{constructor.constructor('window.owned=4')()}}",
        zalgo.as_str(),
    ];
    let Met { fleet, account, .. } = met(&texts).await;
    let evil = fleet
        .telegram
        .add_person(PersonSpec::new("\u{202e}<img src=x onerror=alert(1)>"));
    fleet.telegram.say(
        evil,
        account.user,
        "</title><script>window.owned = 5</script>",
    );
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until(
        "all messages",
        "document.querySelectorAll('.message').length === 4",
    )
    .await;
    assert_eq!(desk.js("typeof window.owned").await, "undefined");
    assert_eq!(
        desk.js("document.querySelectorAll('#log img, #log script, #log b, .row img').length")
            .await,
        0
    );
    assert_eq!(
        desk.js(
            "[...document.querySelectorAll('#log a')].map((one) => [one.href, one.rel, one.target])"
        )
        .await,
        serde_json::json!([["https://good.example/path", "noopener noreferrer", "_blank"]])
    );
    assert_eq!(
        desk.js("[...document.querySelectorAll('.message .body')].pop().textContent.length")
            .await,
        5
    );
    let names = desk.texts(".row .name").await.concat();
    assert!(
        !names.contains('\u{202e}') && names.contains("<img src=x onerror=alert(1)>"),
        "{names}"
    );
    desk.screenshot("hostile").await;
    desk.assert_accessible("hostile texts").await;
    desk.close().await;
}

/// Protects the policy itself: markup can't be made from text by anyone in this page, and it can't be framed.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_refuses_markup_and_inline_script() {
    let Met { fleet, .. } = met(&["Hello"]).await;
    let mut desk = Desk::open(fleet.address()).await;
    for report in ["TrustedHTML", "TrustedScript", "Content Security Policy"] {
        desk.expect_console(report);
    }
    desk.until_text(".row", "Contact one").await;
    let refused = desk.js("(() => { try { document.createElement('p').innerHTML = '<b>x</b>'; return false; } catch { return true; } })()").await;
    assert_eq!(refused, true, "markup was made from text");
    let refused = desk
        .js("(() => { try { document.body.setAttribute('onclick', 'window.owned = 1'); return false; } catch { return true; } })()")
        .await;
    assert_eq!(refused, true, "a handler was made from text");
    assert_eq!(desk.js("typeof window.owned").await, "undefined");
    desk.close().await;
}
