//! Programs: webhooks, tokens and the audit on the desk.

use serde_json::json;

use crate::support::{browser::Desk, fleet::Fleet, tokens, wait};

/// The service's first words reach the page only when the test says so.
const GREETED_LATE: &str = "
    const held = [];
    window.heldBack = held;
    let holds = true;
    const Real = WebSocket;
    window.WebSocket = class extends Real {
        constructor(...how) {
            super(...how);
            this.addEventListener('message', (event) => {
                if (!holds) return;
                event.stopImmediatePropagation();
                held.push([this, event.data]);
            });
        }
    };
    window.letGo = () => {
        holds = false;
        for (const [socket, data] of held.splice(0)) socket.dispatchEvent(new MessageEvent('message', { data }));
    };
";

/// Protects whoever looks after programs: the way there opens also in a sheet that was open first, a webhook is made, tried out
/// and paused, a token made and revoked, each secret is shown once, and what was done stands in the audit.
#[tokio::test(flavor = "multi_thread")]
async fn webhooks_and_tokens_are_looked_after_on_the_desk() {
    let fleet = Fleet::builder()
        .off_the_disk()
        .env("SWITCHBOARD_WEBHOOK_ALLOW", "127.0.0.1")
        .accounts(1)
        .start()
        .await;
    let admin = tokens::create(&fleet.data_dir(), "boss", "admin");
    let bearer = format!("Bearer {admin}");
    let api = fleet.api.with_header("authorization", &bearer);
    let link = api.post("/launch", json!({})).await;
    let mut desk = Desk::blank(crate::support::browser::Look::default()).await;
    desk.expect_console("422");
    let late = json!({ "source": GREETED_LATE });
    desk.cdp("Page.addScriptToEvaluateOnNewDocument", late)
        .await;
    desk.goto(link["url"].as_str().unwrap()).await;
    desk.click("#open-settings").await;
    desk.until(
        "the greeting to be there",
        "window.heldBack?.length > 0 && document.querySelector('dialog[open]') !== null",
    )
    .await;
    desk.js("window.letGo()").await;
    desk.click("[data-act='settings.access']").await;
    desk.until_text(".access", "No webhook").await;

    // Something answers there that is no receiver.
    let url = format!("http://{}/health/live", fleet.address());
    desk.fill(".access input[name=url]", "http://10.0.0.1/")
        .await;
    desk.click("[data-act='access.webhooks.add']").await;
    desk.until_text(".access .error", "The address is not public")
        .await;
    desk.fill(".access input[name=url]", &url).await;
    desk.click("[data-act='access.webhooks.add']").await;
    desk.until(
        "the secret",
        "document.querySelector('[data-secret]').value.startsWith('whsec_')",
    )
    .await;
    desk.until_text(".access li[data-state=active]", &url).await;
    desk.click("[data-act='access.test']").await;
    desk.until_text(".access [role=status]", "it answered 401")
        .await;
    desk.until_text(".access li[data-state=failing]", "it answered 401")
        .await;
    desk.click("[data-act='access.pause']").await;
    desk.until_text(".access li[data-state=paused]", "Paused")
        .await;
    let stored = api.get("/webhooks").await;
    assert_eq!(stored["webhooks"][0]["state"], "paused");

    desk.fill(".access input[name=name]", "Reports").await;
    desk.click("[data-act='access.tokens.add']").await;
    desk.until(
        "the token",
        "document.querySelector('[data-secret]').value.startsWith('swb_')",
    )
    .await;
    let token = desk
        .js("document.querySelector('[data-secret]').value")
        .await;
    let reports = format!("Bearer {}", token.as_str().unwrap());
    let reports = fleet.api.with_header("authorization", &reports);
    assert_eq!(
        reports.get("/accounts").await["accounts"][0]["label"],
        "Account 1"
    );
    desk.assert_accessible("programs and access").await;
    desk.screenshot("access").await;
    let row = "[...document.querySelectorAll('.access li')].find((one) => one.textContent.includes('Reports'))";
    desk.js(&format!(
        "{row}.querySelector('[data-act=\"access.revoke\"]').click()"
    ))
    .await;
    wait::until(
        "the end of the token",
        || async {
            reports
                .call(reqwest::Method::GET, "/accounts", None)
                .await
                .0
        },
        |status| *status == 401,
    )
    .await;
    for action in ["webhook_made", "token_made", "token_revoked"] {
        desk.until_text(".access ol li", action).await;
    }

    desk.click("[data-act='access.remove']").await;
    desk.click(".sheet .danger").await;
    desk.until_text(".access", "No webhook").await;
    assert_eq!(api.get("/webhooks").await, json!({ "webhooks": [] }));
    desk.close().await;
}
