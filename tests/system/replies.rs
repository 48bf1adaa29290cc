//! Replies: sent once, in order, by the right account, with an honest status.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{Effect, Fault, PersonSpec};

use crate::support::fleet::{Fleet, FleetAccount};

async fn talk(fleet: &Fleet) -> (FleetAccount, i64, Value) {
    let account = fleet.accounts[0].clone();
    let person = fleet
        .telegram
        .add_person(PersonSpec::new("Contact one").username("contact_one"));
    fleet.telegram.say(person, account.user, "hello");
    let conversation = fleet.conversation(&account, person).await;
    (account, person, conversation)
}

fn on_send(effect: Effect, times: u32) -> Fault {
    let mut fault = Fault::new(effect);
    fault.method = Some("messages.sendMessage".into());
    fault.times = Some(times);
    fault
}

/// Protects against the double send: a line that breaks after Telegram took the message and before it said so.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_whose_answer_was_lost_is_not_sent_twice() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let (account, person, conversation) = talk(&fleet).await;
    fleet.telegram.set_fault(on_send(Effect::CutAfter, 2));
    fleet
        .api
        .reply(conversation["id"].as_i64().unwrap(), "exactly once")
        .await;
    fleet
        .wait_for_message(&conversation, "exactly once", "sent")
        .await;
    assert_eq!(
        fleet.telegram.texts(account.user, person),
        ["hello", "exactly once"]
    );
    assert_eq!(
        fleet
            .api
            .messages(conversation["id"].as_i64().unwrap())
            .await
            .len(),
        2
    );
}

/// Protects the person who waits for a flood limit: the reply waits with its time, then goes out by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_wait_is_shown_and_waited_for() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let (account, _, conversation) = talk(&fleet).await;
    let effect = Effect::Error {
        code: 420,
        message: "FLOOD_WAIT_3".into(),
    };
    fleet.telegram.set_fault(on_send(effect, 1));
    let mut live = fleet.live(None).await;
    fleet
        .api
        .reply(conversation["id"].as_i64().unwrap(), "patience")
        .await;
    let limited = live
        .until(|frame| {
            frame["event"] == "account_status" && frame["data"]["account"]["state"] == "limited"
        })
        .await;
    assert!(
        limited["data"]["account"]["retry_at"].is_string(),
        "{limited}"
    );
    fleet
        .wait_for_message(&conversation, "patience", "sent")
        .await;
    fleet.wait_for_state(&account.id, "online").await;
}

/// Protects honesty: what Telegram refuses is failed with its reason, and can be tried again or discarded.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_reply_fails_with_its_reason_and_can_be_retried() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let (account, person, conversation) = talk(&fleet).await;
    let effect = Effect::Error {
        code: 403,
        message: "USER_PRIVACY_RESTRICTED".into(),
    };
    fleet.telegram.set_fault(on_send(effect, 2));
    let id = conversation["id"].as_i64().unwrap();
    fleet.api.reply(id, "second thoughts").await;
    let failed = fleet
        .wait_for_message(&conversation, "second thoughts", "failed")
        .await;
    assert_eq!(failed["error"]["code"], "USER_PRIVACY_RESTRICTED");
    fleet.api.reply(id, "never mind").await;
    let other = fleet
        .wait_for_message(&conversation, "never mind", "failed")
        .await;

    let retry = format!("/messages/{}/retry", failed["id"]);
    fleet.api.post(&retry, json!({})).await;
    fleet
        .wait_for_message(&conversation, "second thoughts", "sent")
        .await;
    let discard = format!("/messages/{}", other["id"]);
    let (status, _) = fleet.api.call(Method::DELETE, &discard, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(
        fleet.telegram.texts(account.user, person),
        ["hello", "second thoughts"]
    );
    assert_eq!(fleet.api.messages(id).await.len(), 2);
}

/// Protects callers that repeat a request: the same key gives the same message.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_gives_the_same_message() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let (account, person, conversation) = talk(&fleet).await;
    let id = conversation["id"].as_i64().unwrap();
    let first = fleet.api.reply_with_key(id, "once", "key-1").await;
    let second = fleet.api.reply_with_key(id, "once", "key-1").await;
    assert_eq!(first.1["message"]["id"], second.1["message"]["id"]);
    let other = fleet
        .api
        .reply_with_key(id, "something else", "key-1")
        .await;
    assert_eq!(other.0, StatusCode::CONFLICT);
    fleet.wait_for_message(&conversation, "once", "sent").await;
    assert_eq!(
        fleet.telegram.texts(account.user, person),
        ["hello", "once"]
    );
}

/// Protects the order of a conversation: replies arrive as they were written.
#[tokio::test(flavor = "multi_thread")]
async fn replies_to_one_chat_arrive_in_the_order_they_were_written() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let (account, person, conversation) = talk(&fleet).await;
    let mut slow = on_send(Effect::SlowAnswer { millis: 60 }, 20);
    slow.per_mille = Some(500);
    fleet.telegram.set_fault(slow);
    let mut expected = vec!["hello".to_owned()];
    for number in 0..20 {
        let text = format!("part {number}");
        fleet
            .api
            .reply(conversation["id"].as_i64().unwrap(), &text)
            .await;
        expected.push(text);
    }
    fleet
        .wait_for_message(&conversation, "part 19", "sent")
        .await;
    assert_eq!(fleet.telegram.texts(account.user, person), expected);
}

/// Protects a first contact: by name, by id, and an honest answer where nobody is.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_can_be_sent_to_a_name_and_an_unknown_name_is_refused() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet
        .telegram
        .add_person(PersonSpec::new("Contact two").username("contact_two"));
    let path = format!("/accounts/{}/send", account.id);
    let sent = fleet
        .api
        .post(
            &path,
            json!({ "recipient": "@contact_two", "text": "good morning" }),
        )
        .await;
    assert_eq!(sent["conversation"]["chat_id"], person.to_string());
    fleet
        .wait_for_message(&sent["conversation"], "good morning", "sent")
        .await;
    let (status, body) = fleet
        .api
        .call(
            Method::POST,
            &path,
            Some(json!({ "recipient": "@nobody_here", "text": "hm" })),
        )
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    assert_eq!(body["error"]["code"], "recipient_not_found");
}

/// Protects the edge of the service: what Telegram would choke on is refused with a word on what to do.
#[tokio::test(flavor = "multi_thread")]
async fn texts_that_can_not_be_sent_are_refused_at_once() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let (_, _, conversation) = talk(&fleet).await;
    let path = format!("/conversations/{}/reply", conversation["id"]);
    for (text, code) in [
        (String::new(), "text_empty"),
        ("  \n".to_owned(), "text_empty"),
        ("😀".repeat(2049), "text_too_long"),
    ] {
        let (status, body) = fleet
            .api
            .call(Method::POST, &path, Some(json!({ "text": text })))
            .await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(body["error"]["code"], code);
    }
    let huge = json!({ "text": "x".repeat(2 << 20) });
    let (status, body) = fleet.api.call(Method::POST, &path, Some(huge)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{body}");
}
