//! Histories that come in: exports of Telegram Desktop, and what is refused.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::transfer::{account_file, file, group, import, one_account};
use crate::support::{
    past::{Past, with_a_past},
    tokens,
};

/// Protects histories from files that only look like ours: what Telegram Desktop writes, of a chat and of an account, is
/// understood piece by piece, and no code of Telegram's comes in by it.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_telegram_desktop_becomes_history() {
    let (fleet, account) = one_account().await;
    let (status, answer) = import(&fleet.api, &account.id, &group(account.user).to_string()).await;
    let counted = json!({ "import": { "chats": 1, "messages": 10, "added": 8, "known": 0, "differing": 0, "skipped": 2 } });
    assert_eq!((status, &answer), (StatusCode::OK, &counted));
    let conversation = fleet.conversation(&account, -1_001_600_000_001).await;
    assert_eq!(
        (
            &conversation["title"],
            &conversation["kind"],
            &conversation["unread"]
        ),
        (&json!("Builders"), &json!("supergroup"), &json!(0))
    );
    let id = conversation["id"].as_i64().unwrap();
    let newest = async |id: i64| {
        let page = format!("/conversations/{id}/messages?limit=200");
        let page = fleet.api.get(&page).await;
        page["messages"].as_array().unwrap().clone()
    };
    let messages = newest(id).await;
    // The account does not know this chat at Telegram: that nothing older comes is said as what it is.
    let older = format!("/conversations/{id}/messages?limit=200&around_message_id=99");
    let (status, answer) = fleet.api.call(Method::GET, &older, None).await;
    assert_eq!(
        (status.as_u16(), &answer["error"]["code"]),
        (503, &json!("history_unavailable"))
    );
    let of = |number: &str| {
        messages
            .iter()
            .find(|one| one["message_id"] == number)
            .unwrap()
    };
    assert_eq!(messages.len(), 8);
    assert!(
        messages.iter().all(|one| one["backfilled"] == true),
        "{messages:?}"
    );
    assert_eq!(
        (&of("1")["service"], &of("1")["action"]["kind"]),
        (&json!("created “Builders”"), &json!("channel_create"))
    );
    assert_eq!(
        (&of("2")["service"], &of("2")["sender"]["name"]),
        (&json!("added Boris"), &json!("Amal"))
    );
    assert_eq!(of("3")["text"], "Look at this and hurry");
    assert_eq!(
        of("3")["entities"],
        json!([
            { "type": "text_url", "offset": 8, "length": 4, "url": "https://example.org/plan" },
            { "type": "bold", "offset": 17, "length": 5 },
        ])
    );
    assert_eq!(of("3")["reactions"][0]["count"], 2);
    let own = of("4");
    assert_eq!(
        (
            &own["direction"],
            &own["status"],
            &own["reply_to_message_id"]
        ),
        (&json!("outgoing"), &json!("sent"), &json!("3"))
    );
    assert_eq!(own["edited_at"], "2020-02-01T12:04:00.000Z");
    assert_eq!(
        (
            &of("5")["media"]["kind"],
            &of("5")["forwarded_from"]["name"]
        ),
        (&json!("photo"), &json!("Somebody Else"))
    );
    assert_eq!(
        (&of("6")["media"]["name"], &of("6")["media"]["size"]),
        (&json!("plan.pdf"), &json!(1000))
    );
    assert_eq!(of("8")["media"]["poll"]["options"][0]["text"], "Now");
    assert_eq!(
        (
            &of("9")["masked"],
            of("9")["text"].as_str().unwrap().contains("54321")
        ),
        (&json!(true), false)
    );

    let whole = account_file(account.user).to_string();
    for (added, known) in [(3, 8), (0, 11)] {
        let (status, answer) = import(&fleet.api, &account.id, &whole).await;
        let counted = json!({ "import": { "chats": 4, "messages": 13, "added": added, "known": known, "differing": 0, "skipped": 2 } });
        assert_eq!((status, &answer), (StatusCode::OK, &counted));
    }
    let itself = fleet.conversation(&account, 777_000).await;
    let told = &newest(itself["id"].as_i64().unwrap()).await[0];
    assert_eq!(
        (&told["masked"], &told["text"]),
        (&json!(true), &json!("Login code: •••••."))
    );
    let page = file(
        &fleet.api,
        &format!("/export/accounts/{}?format=html", account.id),
    )
    .await
    .text;
    let file = file(&fleet.api, &format!("/export/accounts/{}", account.id))
        .await
        .text;
    for exported in [&page, &file] {
        assert!(exported.contains("remember"), "{exported}");
        assert!(
            !exported.contains("98765") && !exported.contains("54321"),
            "{exported}"
        );
    }
    // Another number is another message: what is here stays.
    let other = whole
        .replace("gone since", "something else")
        .replace("1609632000", "1609632001");
    let (_, answer) = import(&fleet.api, &account.id, &other).await;
    assert_eq!(
        (&answer["import"]["differing"], &answer["import"]["added"]),
        (&json!(1), &json!(0))
    );
}

/// Protects accounts from files of other accounts, and whoever imports from believing that half a file was all of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_ours_or_not_whole_is_refused() {
    let (fleet, account) = one_account().await;
    let other = account.user + 1;
    let private = json!({ "name": "A", "type": "personal_chat", "id": 9001, "messages": [
        { "id": 7, "type": "message", "date_unixtime": "1609459200", "from_id": format!("user{other}"), "text": "hers" } ] });
    for foreign in [account_file(other), private] {
        let (status, answer) = import(&fleet.api, &account.id, &foreign.to_string()).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (StatusCode::CONFLICT, &json!("import_not_yours"))
        );
    }
    assert!(fleet.api.conversations().await.is_empty());
    for text in ["{}", "[]", "PK", "{\"messages\": []}"] {
        let (status, answer) = import(&fleet.api, &account.id, text).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (
                StatusCode::UNPROCESSABLE_ENTITY,
                &json!("import_unreadable")
            ),
            "{text}"
        );
    }
    let whole = group(account.user).to_string();
    let cut = whole.find("plan.pdf").unwrap();
    let (status, answer) = import(&fleet.api, &account.id, &whole[..cut]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let words = answer["error"]["message"].as_str().unwrap();
    assert!(words.contains("the 6 messages before that"), "{words}");
    let (_, answer) = import(&fleet.api, &account.id, &whole).await;
    assert_eq!(
        (&answer["import"]["known"], &answer["import"]["added"]),
        (&json!(5), &json!(3)),
        "sent again it is whole"
    );
}

/// Protects owners: what a token does not see it does not export, and only who may change an account puts anything into it.
/// What was exported is noted.
#[tokio::test(flavor = "multi_thread")]
async fn exports_and_imports_keep_to_rights() {
    let Past {
        fleet, account, id, ..
    } = with_a_past(60).await;
    let data = fleet.data_dir();
    let admin = tokens::create(&data, "boss", "admin");
    let bearer = |token: &str| {
        fleet
            .api
            .with_header("authorization", &format!("Bearer {token}"))
    };
    let status = async |token: &str, method: Method, path: String| {
        let mut request = bearer(token).request(method.clone(), &path);
        if method == Method::POST {
            request = request.json(&json!({}));
        }
        request.send().await.unwrap().status().as_u16()
    };
    let paths = [
        format!("/export/conversations/{id}"),
        format!("/export/accounts/{}", account.id),
    ];
    let bring = format!("/accounts/{}/import", account.id);
    let (read, licence) = (
        tokens::create(&data, "reader", "read"),
        tokens::create(&data, "stranger", "licence"),
    );
    for path in &paths {
        assert_eq!(status(&read, Method::GET, path.clone()).await, 200);
        assert_eq!(status(&licence, Method::GET, path.clone()).await, 404);
        assert_eq!(status("wrong", Method::GET, path.clone()).await, 401);
    }
    for (token, wanted) in [(&read, 403), (&licence, 403), (&admin, 422)] {
        assert_eq!(status(token, Method::POST, bring.clone()).await, wanted);
    }
    // A cursor of one chat opens no other.
    let cursor = file(&bearer(&admin), &format!("{}?cursor=start", paths[1])).await;
    assert!(cursor.next.is_none());
    let wrong = bearer(&admin)
        .call(Method::GET, &format!("{}?cursor=abc", paths[0]), None)
        .await;
    assert_eq!(
        (wrong.0.as_u16(), &wrong.1["error"]["code"]),
        (400, &json!("invalid_cursor"))
    );
    let audit = bearer(&admin).get("/audit?newest=true").await;
    let noted = |action: &str| {
        audit["entries"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["action"] == action)
    };
    assert!(
        noted("chat_exported") && noted("account_exported"),
        "{audit}"
    );
}
