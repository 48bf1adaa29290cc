//! Ways: how an account reaches Telegram is seen, tried and changed on the desk.

use switchboard_simulator::AccountSpec;

use super::world::{Met, met};
use crate::support::{
    browser::Desk,
    fleet::{Fleet, phone},
    proxies::{Kind, PASSWORD, Proxy},
    wait,
};

/// Protects who changes an account's way: what is wrong is said beside the field, a way is tried before it is used, and
/// what was typed (it holds a password) is not on the page afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_way_is_tried_and_then_used() {
    let Met { fleet, account, .. } = met(&["Hello"]).await;
    let proxy = Proxy::start(
        Kind::Microsocks { login: true },
        &fleet.telegram.dc_addresses(),
    )
    .await;
    let mut desk = Desk::open(fleet.address()).await;
    desk.expect_console("422");
    desk.right_click(".tile").await;
    desk.until_text(".sheet .ways", "Way to Telegram").await;
    desk.until_text(".sheet .facts", "Directly").await;
    desk.click(".sheet .ways input[value=own]").await;
    desk.fill(".sheet .ways textarea", "socks5://proxy.example")
        .await;
    desk.click(".sheet [data-act='way.save']").await;
    desk.until_text(".sheet .ways .error", "ends with a port")
        .await;

    // Nobody listens there; then somebody does.
    desk.fill(".sheet .ways textarea", "socks5://127.0.0.1:9")
        .await;
    desk.click(".sheet [data-act='way.test']").await;
    desk.until_text(
        "[data-way='127.0.0.1:9'] .bad",
        "Data centre 2 is not reached: the proxy can’t be reached",
    )
    .await;
    desk.fill(".sheet .ways textarea", &proxy.url).await;
    desk.click(".sheet [data-act='way.test']").await;
    let shown = format!("[data-way='127.0.0.1:{}'] .good", proxy.port);
    desk.until_text(&shown, "Data centre 2: ").await;
    desk.assert_accessible("the way of an account").await;
    desk.screenshot("way").await;

    let keys = fleet.telegram.keys_of(account.user);
    desk.click(".sheet [data-act='way.save']").await;
    let host = format!("127.0.0.1:{}", proxy.port);
    wait::until(
        "the account to go by the proxy",
        || fleet.api.account(&account.id),
        |now| now["state"] == "online" && now["proxy"]["host"] == host.as_str(),
    )
    .await;
    assert_eq!(fleet.telegram.keys_of(account.user), keys);
    desk.until_text(".sheet .facts", &format!("socks5://{host}"))
        .await;
    desk.until_text(".sheet .ways-known", &format!("socks5://{host}"))
        .await;
    let page = "document.documentElement.outerHTML + [...document.querySelectorAll('input, textarea')].map((one) => one.value).join()";
    let page = desk.js(page).await;
    assert!(!page.as_str().unwrap().contains("open%3Ase"), "{page}");
    assert!(!page.as_str().unwrap().contains(PASSWORD), "{page}");

    desk.click(".sheet .ways input[value=direct]").await;
    desk.click(".sheet [data-act='way.save']").await;
    desk.until_text(".sheet .facts", "Directly").await;
    let now = fleet.api.account(&account.id).await;
    assert_eq!(now["proxies"], serde_json::json!([]));
    desk.close().await;
}

/// Protects who is where Telegram is blocked: an account is added through a proxy from its first dial on; and the
/// settings tell what holds for the others.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_added_through_a_proxy() {
    let fleet = Fleet::builder()
        .off_the_disk()
        .env("SWITCHBOARD_PROXIES", "socks5://127.0.0.1:9")
        .start()
        .await;
    let number = phone(61);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Sales"));
    let dcs = fleet.telegram.dc_addresses();
    let proxy = Proxy::start(Kind::Mtproxy("dd"), &dcs).await;
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".card", "Connect your first account").await;
    desk.fill(".card .step input:not([type=radio])", "Sales")
        .await;
    desk.click_text(".card summary", "Way to Telegram").await;
    desk.click(".card .ways input[value=own]").await;
    desk.fill(".card .ways textarea", &proxy.url).await;
    desk.fill("input[type=tel]", &number).await;
    desk.keys("Enter").await;
    desk.until_text(".card", "Enter the code").await;
    let code = fleet.code_for(&number).await;
    desk.fill(".code-field input", &code).await;
    desk.until_gone(".card").await;
    let accounts = fleet.api.get("/accounts").await;
    let id = accounts["accounts"][0]["id"].as_str().unwrap().to_owned();
    let account = fleet.wait_for_state(&id, "online").await;
    assert_eq!(account["exit"], "proxy");
    assert_eq!(account["proxy"]["kind"], "mtproxy");

    desk.click("#open-settings").await;
    desk.until_text(".sheet .ways", "socks5://127.0.0.1:9")
        .await;
    desk.click(".sheet [data-act='way.test']").await;
    desk.until_text(".sheet .ways .bad", "the proxy can’t be reached")
        .await;
    desk.assert_accessible("the settings").await;
    desk.close().await;
}
