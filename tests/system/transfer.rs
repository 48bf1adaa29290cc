//! Transfer: a chat and an account leave as files and come back, whole, once, and only for whom they belong to.

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::stream;
use reqwest::{Body, Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{PersonSpec, world::Media};

use crate::support::{
    api::Api,
    fleet::{Fleet, FleetAccount},
    past::{Past, with_a_past},
    rows, wait,
};

/// A file, and what its answer said.
pub struct File {
    pub text: String,
    pub next: Option<String>,
}

pub async fn file(api: &Api, path: &str) -> File {
    let answer = api.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let said = answer.headers()["content-disposition"].to_str().unwrap();
    assert!(said.starts_with("attachment; filename="), "{said}");
    let next = answer.headers().get("next-cursor");
    let next = next.map(|next| next.to_str().unwrap().to_owned());
    File {
        next,
        text: answer.text().await.unwrap(),
    }
}

/// Piece after piece, as somebody does it whose line breaks.
async fn in_pieces(api: &Api, path: &str) -> (String, usize) {
    let (mut whole, mut cursor, mut pieces) = (String::new(), "start".to_owned(), 0);
    loop {
        let place = format!(
            "{path}{}cursor={cursor}",
            if path.contains('?') { '&' } else { '?' }
        );
        // The one that broke is fetched again, and is the same.
        let (one, again) = (file(api, &place).await, file(api, &place).await);
        assert_eq!(one.text, again.text, "{place}");
        whole.push_str(&one.text);
        pieces += 1;
        match one.next {
            Some(next) => cursor = next,
            None => return (whole, pieces),
        }
    }
}

pub async fn import(api: &Api, account: &str, text: &str) -> (StatusCode, Value) {
    let path = format!("/accounts/{account}/import");
    let parts: Vec<Result<Vec<u8>, std::io::Error>> = text
        .as_bytes()
        .chunks(1000)
        .map(|part| Ok(part.to_vec()))
        .collect();
    let request = api
        .request(Method::POST, &path)
        .header("content-type", "application/json")
        .body(Body::wrap_stream(stream::iter(parts)));
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

pub async fn every_message(fleet: &Fleet, conversation: i64) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/conversations/{conversation}/messages?limit=200{cursor}");
        let page = fleet.api.get(&path).await;
        all.extend(page["messages"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Protects whoever leaves with a history and comes back: the file is Telegram Desktop's layout, in one piece or in several,
/// and what it brings back is the same, as history, and once.
#[tokio::test(flavor = "multi_thread")]
async fn a_chat_leaves_and_comes_back_the_same() {
    const WRITTEN: usize = 450;
    let Past {
        mut fleet,
        account,
        person,
        id,
    } = with_a_past(WRITTEN).await;
    let sim = &fleet.telegram;
    sim.say_media(
        person,
        account.user,
        Media::Photo {
            width: 320,
            height: 200,
        },
        "a picture",
    );
    let body = json!({ "text": "an answer" });
    fleet
        .api
        .post(&format!("/conversations/{id}/reply"), body)
        .await;
    let conversation = fleet.conversation(&account, person).await;
    fleet
        .wait_for_message(&conversation, "an answer", "sent")
        .await;
    fleet
        .wait_for_message(&conversation, "a picture", "received")
        .await;
    let path = format!("/export/conversations/{id}");
    // Most of it is at Telegram still, and both files say so.
    let part: Value = serde_json::from_str(&file(&fleet.api, &path).await.text).unwrap();
    assert!(part["messages"].as_array().unwrap().len() < WRITTEN);
    let lowest = part["messages"][0]["id"].as_i64().unwrap();
    assert_eq!(
        part["missing"][0],
        json!([1, lowest - 1]),
        "{}",
        part["missing"]
    );
    let page = file(&fleet.api, &format!("{path}?format=html")).await.text;
    let told = format!("perhaps at Telegram: #1 to #{}", lowest - 1);
    assert!(page.contains(&told), "{told}");
    let known = every_message(&fleet, id).await.len();
    assert_eq!(known, WRITTEN + 2);

    let whole = file(&fleet.api, &path).await.text;
    let (joined, pieces) = in_pieces(&fleet.api, &path).await;
    assert_eq!((joined == whole, pieces), (true, 3));
    let chat: Value = serde_json::from_str(&whole).unwrap();
    let messages = chat["messages"].as_array().unwrap();
    assert_eq!(messages.len(), WRITTEN + 2);
    assert_eq!(
        (&chat["name"], &chat["type"], &chat["id"]),
        (
            &json!("Contact one"),
            &json!("personal_chat"),
            &json!(person)
        )
    );
    assert_eq!(chat["missing"], json!([]));
    let first = &messages[0];
    assert_eq!(first["text"], "old 1");
    assert_eq!(
        first["text_entities"],
        json!([{ "type": "plain", "text": "old 1" }])
    );
    assert_eq!(first["from_id"], json!(format!("user{person}")));
    let at: i64 = first["date_unixtime"].as_str().unwrap().parse().unwrap();
    assert_eq!(first["date"].as_str().unwrap().len(), 19);
    assert!(at > 1_000_000_000);
    let own = messages
        .iter()
        .find(|one| one["text"] == "an answer")
        .unwrap();
    assert_eq!(own["from_id"], json!(format!("user{}", account.user)));
    let picture = messages
        .iter()
        .find(|one| one["text"] == "a picture")
        .unwrap();
    assert!(
        picture["photo"]
            .as_str()
            .unwrap()
            .starts_with("(File not included.")
    );
    assert!(
        picture["media_url"]
            .as_str()
            .unwrap()
            .starts_with("/messages/")
    );
    let account_file = file(&fleet.api, &format!("/export/accounts/{}", account.id))
        .await
        .text;
    let all: Value = serde_json::from_str(&account_file).unwrap();
    assert_eq!(all["personal_information"]["user_id"], json!(account.user));
    assert_eq!(all["chats"]["list"], json!([chat]));
    assert_eq!(all["chats"]["all_chats"], true);

    let again = import(&fleet.api, &account.id, &whole).await;
    let counted = json!({ "import": { "chats": 1, "messages": WRITTEN + 2, "added": 0, "known": WRITTEN + 2, "differing": 0, "skipped": 0 } });
    assert_eq!(again, (StatusCode::OK, counted), "all of it is here");

    // Gone from here, it comes back by the newest ones alone; the file brings the rest.
    let (status, _) = fleet
        .api
        .call(
            Method::DELETE,
            &format!("/accounts/{}?history=delete", account.id),
            None,
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    let back = fleet
        .sign_in("Archive", account.phone.clone(), account.user)
        .await;
    fleet.wait_for_state(&back.id, "online").await;
    let conversation = fleet.conversation(&back, person).await;
    fleet
        .wait_for_message(&conversation, "an answer", "sent")
        .await;
    wait::until(
        "the first sync to end",
        || fleet.api.account(&back.id),
        |account| account["sync"].is_null(),
    )
    .await;
    let before = fleet.api.get("/events").await["next_after"]
        .as_i64()
        .unwrap();
    let (status, answer) = import(&fleet.api, &back.id, &account_file).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let counts = &answer["import"];
    assert_eq!(counts["messages"], json!(WRITTEN + 2));
    let added = counts["added"].as_i64().unwrap();
    assert!(
        added > 300 && counts["differing"] == 0 && counts["skipped"] == 0,
        "{counts}"
    );
    let exported = file(
        &fleet.api,
        &format!("/export/conversations/{}", conversation["id"]),
    )
    .await
    .text;
    let exported: Value = serde_json::from_str(&exported).unwrap();
    assert_eq!(
        exported["messages"].as_array().unwrap().len(),
        messages.len()
    );
    // Where a file is had changes with the row; one that a file told of is nowhere.
    let told = |entry: &Value| {
        let mut entry = entry.clone();
        entry.as_object_mut().unwrap().remove("media_url");
        entry
    };
    for (came, left) in exported["messages"]
        .as_array()
        .unwrap()
        .iter()
        .zip(messages)
    {
        assert_eq!(told(came), told(left));
    }
    let told = fleet.api.get(&format!("/events?after={before}")).await;
    let news = |event: &&Value| event["event"] == "message_received";
    assert_eq!(
        told["events"]
            .as_array()
            .unwrap()
            .iter()
            .filter(news)
            .count(),
        0
    );
    let database = fleet.data_dir().join("switchboard.db");
    let query = format!(
        "SELECT count(*) AS n FROM messages WHERE telegram_account_id = '{}' AND NOT backfilled",
        back.id
    );
    assert_eq!(rows::number(&database, &query), 0);
}

/// One chat as Telegram Desktop writes it, with what it writes besides plain messages.
pub fn group(own: i64) -> Value {
    json!({
        "name": "Builders", "type": "private_supergroup", "id": 1_600_000_001_i64,
        "messages": [
            { "id": -999_999_990, "type": "message", "date": "2019-01-01T10:00:00", "date_unixtime": "1546336800", "from": "Amal", "from_id": "user9001", "text": "before the group grew", "text_entities": [] },
            { "id": 1, "type": "service", "date": "2020-02-01T12:00:00", "date_unixtime": "1580558400", "actor": "Amal", "actor_id": "user9001", "action": "create_channel", "title": "Builders", "text": "", "text_entities": [] },
            { "id": 2, "type": "service", "date": "2020-02-01T12:00:05", "date_unixtime": "1580558405", "actor": "Amal", "actor_id": "user9001", "action": "invite_members", "members": ["Boris"], "text": "", "text_entities": [] },
            { "id": 3, "type": "message", "date": "2020-02-01T12:01:00", "date_unixtime": "1580558460", "from": "Boris", "from_id": "user9002",
              "text": ["Look at ", { "type": "text_link", "text": "this", "href": "https://example.org/plan" }, " and ", { "type": "bold", "text": "hurry" }],
              "text_entities": [{ "type": "plain", "text": "Look at " }, { "type": "text_link", "text": "this", "href": "https://example.org/plan" }, { "type": "plain", "text": " and " }, { "type": "bold", "text": "hurry" }],
              "reactions": [{ "type": "emoji", "count": 2, "emoji": "👍", "recent": [{ "from": "Amal", "from_id": "user9001", "date": "2020-02-01T12:02:00" }] }] },
            { "id": 4, "type": "message", "date": "2020-02-01T12:03:00", "date_unixtime": "1580558580", "edited": "2020-02-01T12:04:00", "edited_unixtime": "1580558640", "from": "Me", "from_id": format!("user{own}"), "reply_to_message_id": 3, "text": "On my way", "text_entities": [{ "type": "plain", "text": "On my way" }] },
            { "id": 5, "type": "message", "date": "2020-02-01T12:05:00", "date_unixtime": "1580558700", "from": null, "from_id": "user9003", "forwarded_from": "Somebody Else", "photo": "photos/photo_1@01-02-2020_12-05-00.jpg", "photo_file_size": 4321, "width": 800, "height": 600, "text": "", "text_entities": [] },
            { "id": 6, "type": "message", "date": "2020-02-01T12:06:00", "date_unixtime": "1580558760", "from": "Amal", "from_id": "user9001", "file": "(File not included. Change data exporting settings to download.)", "file_name": "plan.pdf", "file_size": 1000, "mime_type": "application/pdf", "text": "", "text_entities": [] },
            { "id": 7, "type": "unsupported" },
            { "id": 8, "type": "message", "date": "2020-02-01T12:08:00", "date_unixtime": "1580558880", "from": "Amal", "from_id": "user9001", "poll": { "question": "When?", "closed": true, "total_voters": 2, "answers": [{ "text": "Now", "voters": 2, "chosen": true }] }, "text": "", "text_entities": [] },
            { "id": 9, "type": "message", "date": "2020-02-01T12:09:00", "date_unixtime": "1580558940", "from": "Telegram", "from_id": "user9001", "forwarded_from": "Telegram", "text": "Login code: 54321", "text_entities": [] }
        ]
    })
}

pub fn account_file(own: i64) -> Value {
    json!({
        "about": "Here is the data you requested.",
        "personal_information": { "user_id": own, "first_name": "Me", "last_name": "", "phone_number": "", "bio": "" },
        "contacts": { "about": "x", "list": [{ "first_name": "A", "last_name": "", "phone_number": "", "date": "2020-01-01T00:00:00" }] },
        "sessions": { "about": "x", "list": [] },
        "chats": { "about": "This page lists all chats from this export.", "list": [
            { "name": "Telegram", "type": "personal_chat", "id": 777_000, "messages": [
                { "id": 201, "type": "message", "date": "2021-01-01T00:00:00", "date_unixtime": "1609459200", "from": "Telegram", "from_id": "user777000", "text": ["Login code: ", { "type": "code", "text": "98765" }, "."], "text_entities": [{ "type": "plain", "text": "Login code: " }, { "type": "code", "text": "98765" }, { "type": "plain", "text": "." }] }
            ] },
            { "type": "saved_messages", "id": own, "messages": [
                { "id": 202, "type": "message", "date": "2021-01-02T00:00:00", "date_unixtime": "1609545600", "from": "Me", "from_id": format!("user{own}"), "text": "remember", "text_entities": [{ "type": "plain", "text": "remember" }] }
            ] },
            { "name": null, "type": "personal_chat", "id": 9004, "messages": [
                { "id": 203, "type": "message", "date": "2021-01-03T00:00:00", "date_unixtime": "1609632000", "from": null, "from_id": "user9004", "text": "gone since", "text_entities": [{ "type": "plain", "text": "gone since" }] }
            ] }
        ] },
        "left_chats": { "about": "x", "list": [group(own)] }
    })
}

pub async fn one_account() -> (Fleet, FleetAccount) {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    fleet.wait_for_state(&account.id, "online").await;
    (fleet, account)
}

/// Protects whoever opens the page: its pictures are in it, nothing else is needed, and what people wrote stays text.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_its_files_in_it() {
    let (fleet, account) = one_account().await;
    let sim = &fleet.telegram;
    let person = sim.add_person(PersonSpec::new("Contact <one>"));
    sim.say_media(
        person,
        account.user,
        Media::Photo {
            width: 320,
            height: 200,
        },
        "<b>look</b>",
    );
    let document = Media::Document {
        name: "plan \"x\".pdf".to_owned(),
        mime: "application/pdf".to_owned(),
        size: 50_001,
    };
    let plan = sim.say_media(person, account.user, document, "");
    sim.say(person, account.user, "last <script>alert(1)</script>");
    let conversation = fleet.conversation(&account, person).await;
    fleet
        .wait_for_message(&conversation, "last <script>alert(1)</script>", "received")
        .await;
    let path = format!("/export/conversations/{}?format=html", conversation["id"]);
    let page = file(&fleet.api, &path).await.text;
    assert!(page.ends_with("</html>\n") && page.contains("default-src 'none'"));
    assert!(page.contains("&lt;b&gt;look&lt;/b&gt;") && !page.contains("<script"));
    let bytes = sim
        .file_bytes(sim.file_of(account.user, person, plan), "")
        .unwrap();
    let encoded = STANDARD.encode(&bytes);
    assert!(
        page.contains(&format!("base64,{encoded}\"")),
        "the file is whole"
    );
    assert!(
        page.contains("src=\"data:image/jpeg;base64,"),
        "the picture is shown"
    );
    assert_eq!(
        page.matches("download=\"plan &quot;x&quot;.pdf\"").count(),
        1
    );
    let bare = file(&fleet.api, &format!("{path}&files=false")).await.text;
    assert!(!bare.contains("base64") && bare.contains("not asked for"));
}
