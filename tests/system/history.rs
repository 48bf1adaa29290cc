//! History: what was written before our time is fetched as it is asked for, and the answer tells the beginning of a
//! chat from an end that is only the store's.

use reqwest::Method;
use serde_json::Value;
use switchboard_simulator::{Media, PersonSpec};

use crate::support::{
    fleet::Fleet,
    past::{Past, with_a_past},
    wait,
};

const WRITTEN: usize = 330;

fn texts(page: &Value) -> Vec<&str> {
    let messages = page["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["text"].as_str().unwrap())
        .collect()
}

/// Status and code of a call that is refused.
async fn refusal(fleet: &Fleet, path: &str) -> (u16, String) {
    let (status, body) = fleet.api.call(Method::GET, path, None).await;
    let code = body["error"]["code"].as_str();
    (status.as_u16(), code.unwrap_or_default().to_owned())
}

/// Protects whoever reads back while an account is away: the store's end is not the chat's beginning, the answer says
/// what to do, and the same cursor goes on later without gap or repeat.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_away_does_not_shorten_its_chats() {
    let Past {
        fleet, account, id, ..
    } = with_a_past(WRITTEN).await;
    fleet.set_active(&account, false).await;
    let path = |cursor: &str| format!("/conversations/{id}/messages?limit=40&cursor={cursor}");
    let mut seen = Vec::new();
    let mut page = fleet
        .api
        .get(&format!("/conversations/{id}/messages?limit=40"))
        .await;
    let cursor = loop {
        seen.extend(texts(&page).into_iter().map(str::to_owned));
        let cursor = page["next_cursor"]
            .as_str()
            .expect("the chat does not begin here")
            .to_owned();
        let (status, body) = fleet.api.call(Method::GET, &path(&cursor), None).await;
        if status == 503 {
            assert_eq!(body["error"]["code"], "history_unavailable", "{body}");
            let message = body["error"]["message"].as_str().unwrap();
            assert!(message.contains("start it"), "{message}");
            break cursor;
        }
        assert_eq!(status, 200, "{body}");
        page = body;
    };
    assert!(seen.len() < WRITTEN, "something is left to fetch");

    fleet.set_active(&account, true).await;
    let mut page = fleet.api.get(&path(&cursor)).await;
    loop {
        seen.extend(texts(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        page = fleet.api.get(&path(cursor)).await;
    }
    let expected: Vec<String> = (1..=WRITTEN).rev().map(|n| format!("old {n}")).collect();
    assert_eq!(seen, expected);
}

/// Protects the way to a quoted message: it is fetched although nobody read that far, the stretch to it has no gap, and
/// a number that never was is told apart from one that can't be fetched now.
#[tokio::test(flavor = "multi_thread")]
async fn a_quoted_message_is_found_by_its_number_however_old() {
    let Past {
        fleet,
        account,
        person,
        id,
    } = with_a_past(WRITTEN).await;
    let path =
        |number: i64| format!("/conversations/{id}/messages?limit=20&around_message_id={number}");
    let all = fleet.telegram.texts(account.user, person);
    assert_eq!(all.len(), WRITTEN);
    let newest = fleet
        .api
        .get(&format!("/conversations/{id}/messages?limit=1"))
        .await;
    let top: i64 = newest["messages"][0]["message_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let quoted = top - 300;

    fleet.set_active(&account, false).await;
    assert_eq!(
        refusal(&fleet, &path(quoted)).await,
        (503, "history_unavailable".to_owned())
    );
    fleet.set_active(&account, true).await;

    let wanted = quoted.to_string();
    let page = fleet.api.get(&path(quoted)).await;
    let messages = page["messages"].as_array().unwrap();
    let place = messages
        .iter()
        .position(|one| one["message_id"].as_str() == Some(wanted.as_str()))
        .expect("the quoted message");
    assert!((5..15).contains(&place), "in the middle: {place}");
    assert_eq!(messages[place]["text"], format!("old {}", WRITTEN - 300));
    let mut newer = page.clone();
    let mut seen: Vec<String> = Vec::new();
    loop {
        let mut part: Vec<String> = texts(&newer).into_iter().map(str::to_owned).collect();
        part.reverse();
        seen.extend(part);
        let Some(cursor) = newer["prev_cursor"].as_str() else {
            break;
        };
        newer = fleet
            .api
            .get(&format!(
                "/conversations/{id}/messages?limit=100&cursor={cursor}"
            ))
            .await;
    }
    let first: usize = seen[0].strip_prefix("old ").unwrap().parse().unwrap();
    let expected: Vec<String> = (first..=WRITTEN).map(|n| format!("old {n}")).collect();
    assert_eq!(seen, expected, "no gap up to the newest");

    assert_eq!(
        refusal(&fleet, &path(top + 1000)).await,
        (404, "message_not_found".to_owned())
    );
    let both = format!("{}&around=1", path(quoted));
    assert_eq!(
        refusal(&fleet, &both).await,
        (400, "invalid_cursor".to_owned())
    );
}

/// Protects the list of a chat's pictures and files: all that is stored, also far from what anybody has open.
#[tokio::test(flavor = "multi_thread")]
async fn media_are_listed_without_their_chat() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let photo = || Media::Photo {
        width: 800,
        height: 600,
    };
    for n in 1..=3 {
        fleet
            .telegram
            .say_media(person, account.user, photo(), &format!("picture {n}"));
        for line in 0..70 {
            fleet
                .telegram
                .say(person, account.user, &format!("talk {n} {line}"));
        }
    }
    let conversation = fleet.conversation(&account, person).await;
    fleet
        .wait_for_message(&conversation, "talk 3 69", "received")
        .await;
    let id = conversation["id"].as_i64().unwrap();
    let path = format!("/conversations/{id}/media?limit=2");
    let page = fleet.api.get(&path).await;
    assert_eq!(texts(&page), ["picture 3", "picture 2"]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = fleet.api.get(&format!("{path}&cursor={cursor}")).await;
    assert_eq!(texts(&page), ["picture 1"]);
    assert_eq!(page["next_cursor"], Value::Null);
}

/// Protects Telegram's patience and the machine: an account without a single chat asks for its chats once, folder by
/// folder, and not again and again.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_chats_asks_for_them_once() {
    let mut fleet = Fleet::builder().accounts(2).start().await;
    let (empty, other) = (fleet.accounts[0].clone(), fleet.accounts[1].clone());
    wait::until(
        "the first sync of both to begin its last page",
        || async { asked_for_dialogs(&fleet) },
        |times| *times >= 2 * FOLDERS,
    )
    .await;
    for account in [&empty, &other] {
        wait::until(
            "it to end",
            || fleet.api.account(&account.id),
            |account| account["sync"].is_null(),
        )
        .await;
    }
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, other.user, "hello");
    let conversation = fleet.conversation(&other, person).await;
    let id = conversation["id"].as_i64().unwrap();
    fleet.api.reply(id, "good day").await;
    fleet
        .wait_for_message(&conversation, "good day", "sent")
        .await;
    fleet.stop_service();
    fleet.start_service();
    fleet.wait_for_state(&empty.id, "online").await;
    fleet.stop_service();
    assert_eq!(asked_for_dialogs(&fleet), 2 * FOLDERS);
}

/// The main one and the archive.
const FOLDERS: u64 = 2;

fn asked_for_dialogs(fleet: &Fleet) -> u64 {
    let methods = fleet.telegram.ledger().methods;
    methods.get("messages.getDialogs").copied().unwrap_or(0)
}
