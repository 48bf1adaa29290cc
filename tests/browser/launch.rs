//! Launch: the desk once there are tokens. Without its cookie it shows nothing and says how to get it.

use serde_json::json;

use super::world::{Met, met};
use crate::support::{browser::Desk, tokens, wait};

/// Protects token mode as a person meets it: the plain address asks for the launch link, the link opens the desk with
/// all that is live, its cookie is out of reach of scripts and of other sites, and the link works once.
#[tokio::test(flavor = "multi_thread")]
async fn the_launch_link_opens_the_desk() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let admin = tokens::create(&fleet.data_dir(), "boss", "admin");
    wait::until(
        "the token to be in force",
        || async {
            fleet
                .api
                .call(reqwest::Method::GET, "/accounts", None)
                .await
                .0
        },
        |status| *status == 401,
    )
    .await;
    let bearer = format!("Bearer {admin}");
    let api = fleet.api.with_header("authorization", &bearer);
    let link = api.post("/launch", json!({})).await["url"]
        .as_str()
        .unwrap()
        .to_owned();

    let mut desk = Desk::open(fleet.address()).await;
    for noise in ["401", "WebSocket"] {
        desk.expect_console(noise);
    }
    desk.until_text("#banner", "This desk needs a token").await;
    assert_eq!(desk.js("document.querySelectorAll('.row').length").await, 0);
    desk.screenshot("no-token").await;

    desk.goto(&link).await;
    desk.until_text(".row", "Contact one").await;
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    desk.reply("On its way").await;
    desk.until_message("On its way", "sent").await;
    fleet.telegram.say(person, account.user, "Thank you");
    desk.until_message("Thank you", "received").await;
    desk.until_gone("#banner").await;
    let address = desk.js("location.pathname + location.search").await;
    assert_eq!(address, "/", "the code does not stay in the address");
    assert_eq!(desk.js("document.cookie").await, "");
    let cookies = desk.cdp("Network.getCookies", json!({})).await;
    let cookie = &cookies["cookies"][0];
    assert_eq!(
        (&cookie["httpOnly"], &cookie["sameSite"]),
        (&json!(true), &json!("Strict")),
        "{cookies}"
    );
    desk.reload().await;
    desk.until_message("Thank you", "received").await;

    let other = {
        let mut other = Desk::open(fleet.address()).await;
        for noise in ["401", "WebSocket"] {
            other.expect_console(noise);
        }
        other
    };
    other.goto(&link).await;
    let refused = other.js("document.body.innerText").await;
    assert!(
        refused.as_str().unwrap().contains("launch_code_invalid"),
        "{refused}"
    );
    other.close().await;
    desk.close().await;
}
