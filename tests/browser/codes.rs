//! Codes: what Telegram itself writes is masked on the desk; an admin may look, and the page alone holds what it saw.

use super::world::{Met, met};
use crate::support::{browser::Desk, tokens, wait};

const BODY: &str = "document.querySelector('.message .body').textContent";

/// Protects a code on the desk: masked in the list and the chat, shown when an admin asks, hidden again, gone with the
/// page; when Telegram has it no more, the desk says so.
#[tokio::test(flavor = "multi_thread")]
async fn an_admin_shows_and_hides_a_code() {
    let Met { fleet, account, .. } = met(&["Hello"]).await;
    let code = fleet.telegram.web_login(&account.phone).unwrap();
    let mut desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Web login code").await;
    desk.choose("Telegram").await;
    desk.until_text(".message .body", "•••••").await;
    let shown = format!("{BODY}.includes('{code}')");
    let anywhere = format!(
        "document.documentElement.outerHTML.includes('{code}') || JSON.stringify({{ ...localStorage, ...sessionStorage }}).includes('{code}')"
    );
    assert_eq!(desk.js(&anywhere).await, false);
    desk.screenshot("code-masked").await;

    desk.click_text(".reveal", "Show").await;
    desk.until("the code", &shown).await;
    desk.assert_accessible("a code that is shown").await;
    assert_eq!(
        desk.js(&format!(
            "JSON.stringify({{ ...localStorage, ...sessionStorage }}).includes('{code}')"
        ))
        .await,
        false
    );
    desk.click_text(".reveal", "Hide").await;
    desk.until("the mask", &format!("!({anywhere})")).await;
    desk.click_text(".reveal", "Show").await;
    desk.until("the code", &shown).await;
    desk.reload().await;
    desk.until_text(".message .body", "•••••").await;
    assert_eq!(desk.js(&anywhere).await, false);

    fleet.set_active(&account, false).await;
    desk.expect_console("409");
    desk.click_text(".reveal", "Show").await;
    desk.until_text("#toasts", "The code is at Telegram").await;
    assert_eq!(desk.js(&anywhere).await, false);
    desk.close().await;
}

/// Protects codes from whoever only reads: no button is there for them.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_admin_has_no_button() {
    let Met { fleet, account, .. } = met(&["Hello"]).await;
    fleet
        .telegram
        .notify(account.user, "Login code: 604918273.");
    let read = tokens::create(&fleet.data_dir(), "reader", "read");
    wait::until(
        "the token to be in force",
        || fleet.api.call(reqwest::Method::GET, "/accounts", None),
        |(status, _)| *status == 401,
    )
    .await;
    let mut desk = Desk::open(fleet.address()).await;
    for noise in ["401", "WebSocket"] {
        desk.expect_console(noise);
    }
    let address = fleet.address();
    let port = address.rsplit(':').next().unwrap_or_default();
    let cookie = serde_json::json!({
        "name": format!("switchboard_{port}"), "value": read, "url": format!("http://{address}")
    });
    desk.cdp("Network.setCookie", cookie).await;
    desk.reload().await;
    desk.choose("Telegram").await;
    desk.until_text(".message .body", "Login code: •••••").await;
    assert_eq!(
        desk.js("document.querySelectorAll('.reveal').length").await,
        0
    );
    desk.close().await;
}
