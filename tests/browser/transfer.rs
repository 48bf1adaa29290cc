//! Transfer: a history is taken away, and brought back, from the desk.

use serde_json::json;

use super::world::{Met, met};
use crate::support::{browser::Desk, wait};

/// Protects whoever looks for the way: the details of a chat and the sheet of an account lead to their exports, and a file
/// that is brought says what became of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_exported_and_imported() {
    let Met { fleet, account, .. } = met(&["Hello"]).await;
    let mut desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.click("#chat-head [data-part=info]").await;
    desk.until_text("#details [data-export=json]", "As JSON")
        .await;
    let fetched = "(async (css) => { const answer = await fetch(document.querySelector(css).href); return await answer.text(); })";
    let chat = desk
        .js(&format!("{fetched}('#details [data-export=json]')"))
        .await;
    assert!(
        chat.as_str().unwrap().contains("\"text\": \"Hello\""),
        "{chat}"
    );
    let page = desk
        .js(&format!("{fetched}('#details [data-export=html]')"))
        .await;
    assert!(
        page.as_str().unwrap().contains("<p dir=\"auto\">Hello</p>"),
        "{page}"
    );
    desk.assert_accessible("details with exports").await;

    desk.right_click(".tile").await;
    desk.until_text(".sheet [data-export=html]", "As a page")
        .await;
    let whole = desk
        .js(&format!("{fetched}('.sheet [data-export=json]')"))
        .await;
    assert!(
        whole.as_str().unwrap().contains("personal_information"),
        "{whole}"
    );
    let file = json!({ "name": "Old friends", "type": "private_supergroup", "id": 1_600_000_003_i64, "messages": [
        { "id": 1, "type": "message", "date_unixtime": "1580558460", "from": "Amal", "from_id": "user9001", "text": "long ago" } ] });
    let bring = |text: &str| {
        format!(
            "(() => {{ const list = new DataTransfer(); list.items.add(new File([{}], 'result.json', {{ type: 'application/json' }})); \
             const input = document.querySelector('#account-import'); input.files = list.files; input.dispatchEvent(new Event('change')); return true; }})()",
            json!(text)
        )
    };
    desk.js(&bring(&file.to_string())).await;
    desk.until_text(".transfer [role=status]", "1 message added, 0 were here.")
        .await;
    desk.expect_console("422");
    desk.js(&bring("no export")).await;
    desk.until_text(
        ".transfer [role=status]",
        "This is no result.json of Telegram Desktop",
    )
    .await;
    wait::until(
        "the chat that was brought",
        || fleet.api.conversations(),
        |all| {
            all.iter().any(|one| {
                one["title"] == "Old friends" && one["account_id"] == account.id.as_str()
            })
        },
    )
    .await;
    desk.assert_accessible("the account's sheet with an import")
        .await;
    desk.close().await;
}
