//! Docs: the page that shows every call of the service.

use serde_json::{Value, json};

use crate::support::{
    browser::{Desk, Look},
    fleet::Fleet,
};

fn calls_in(document: &Value) -> usize {
    let paths = document["paths"].as_object().unwrap();
    let verbs = paths.values().map(|verbs| verbs.as_object().unwrap().len());
    verbs.sum()
}

/// Protects who writes a client: every call is on the page, opens, and can be read in light, dark and on a phone.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_page_shows_every_call() {
    let fleet = Fleet::builder().off_the_disk().start().await;
    let document = fleet.api.get("/openapi.json").await;
    let dark_phone = Look {
        dark: true,
        ..Look::PHONE
    };
    for look in [Look::default(), dark_phone] {
        let desk = Desk::blank(look).await;
        desk.goto(&format!("http://{}/docs", fleet.address())).await;
        desk.until_text("h1", "Switchboard").await;
        let shown = desk
            .js("document.querySelectorAll('.docs details').length")
            .await;
        assert_eq!(shown, json!(calls_in(&document)));
        desk.js(
            "document.querySelectorAll('.docs details').forEach((one) => { one.open = true; })",
        )
        .await;
        desk.until_text(".docs pre", "needs_password").await;
        desk.assert_accessible("the API page").await;
        let fits = desk
            .js("document.documentElement.scrollWidth <= innerWidth")
            .await;
        assert_eq!(fits, true, "it scrolls sideways");
        desk.close().await;
    }
}
