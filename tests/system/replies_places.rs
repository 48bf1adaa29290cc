//! Where replies go: into the topic of what they answer, into the right thread, and nowhere when there is nothing to answer.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{PersonSpec, world::LedgerMessage};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    past, rows, wait,
};

async fn answer(fleet: &Fleet, conversation: &Value, body: Value) -> (StatusCode, Value) {
    let path = format!("/conversations/{}/reply", conversation["id"]);
    fleet.api.call(Method::POST, &path, Some(body)).await
}

/// The message in the ledger, once it is there.
async fn arrived(fleet: &Fleet, account: &FleetAccount, chat: i64, text: &str) -> LedgerMessage {
    let found = wait::until(
        &format!("Telegram to have {text:?}"),
        || async {
            let ledger = fleet.telegram.ledger_of(account.user);
            let messages = ledger.get(&chat).map(|chat| chat.messages.clone());
            messages.into_iter().flatten().find(|one| one.text == text)
        },
        Option::is_some,
    )
    .await;
    found.unwrap()
}

/// Protects a forum: an answer lands in the topic of its question, a new message where it was told to, and in General
/// only what belongs there.
#[tokio::test(flavor = "multi_thread")]
async fn replies_in_a_forum_land_in_the_topic_of_what_they_answer() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let telegram = &fleet.telegram;
    let account = fleet.accounts[0].clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let forum = telegram.add_forum("Forum", &[person, account.user]);
    let topic = telegram.add_topic(forum, person, "Billing").unwrap();
    let other = telegram.add_topic(forum, person, "Closed").unwrap();
    telegram.close_topic(forum, other).unwrap();
    let question = telegram.say_in_topic(person, forum, topic, "question");
    let general = telegram.say_in_topic(person, forum, 1, "hello all");
    let conversation = fleet.conversation(&account, forum).await;
    let received = fleet
        .wait_for_message(&conversation, "question", "received")
        .await;
    assert_eq!(received["topic"]["id"], topic.to_string(), "{received}");
    assert_eq!(received["reply_to_message_id"], Value::Null, "{received}");
    let hello = fleet
        .wait_for_message(&conversation, "hello all", "received")
        .await;
    assert_eq!(hello["topic"], Value::Null, "{hello}");

    for (body, in_topic, answers) in [
        (
            json!({ "text": "an answer", "reply_to_message_id": question.to_string() }),
            topic,
            question,
        ),
        (
            json!({ "text": "a new one", "topic_id": topic.to_string() }),
            topic,
            0,
        ),
        (
            json!({ "text": "both named", "topic_id": topic.to_string(), "reply_to_message_id": question.to_string() }),
            topic,
            question,
        ),
        (
            json!({ "text": "to all", "reply_to_message_id": general.to_string() }),
            0,
            general,
        ),
        (json!({ "text": "said to all" }), 0, 0),
        (json!({ "text": "by number", "topic_id": "1" }), 0, 0),
    ] {
        let (status, answer) = answer(&fleet, &conversation, body.clone()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let text = body["text"].as_str().unwrap();
        let there = arrived(&fleet, &account, forum, text).await;
        assert_eq!((there.topic, there.reply_to), (in_topic, answers), "{text}");
        let sent = fleet.wait_for_message(&conversation, text, "sent").await;
        let id = (in_topic != 0).then(|| in_topic.to_string());
        assert_eq!(sent["topic"]["id"].as_str(), id.as_deref(), "{sent}");
    }

    let body = json!({ "text": "elsewhere", "topic_id": other.to_string(), "reply_to_message_id": question.to_string() });
    let (status, refused) = answer(&fleet, &conversation, body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    assert_eq!(refused["error"]["code"], "invalid_topic_id");
    let body = json!({ "text": "too late", "topic_id": other.to_string() });
    answer(&fleet, &conversation, body).await;
    let failed = fleet
        .wait_for_message(&conversation, "too late", "failed")
        .await;
    assert_eq!(failed["error"]["code"], "TOPIC_CLOSED", "{failed}");
}

/// Protects a channel's direct messages: the answer goes into the thread of whoever wrote, also when nothing else is known
/// of them.
#[tokio::test(flavor = "multi_thread")]
async fn replies_to_a_channels_direct_messages_go_to_whoever_wrote() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let telegram = &fleet.telegram;
    let account = fleet.accounts[0].clone();
    let people =
        ["Contact one", "Contact two"].map(|name| telegram.add_person(PersonSpec::new(name)));
    let channel = telegram.add_channel("Channel", &[account.user]);
    let direct = telegram.add_monoforum(channel).unwrap();
    let asked = people.map(|person| telegram.say_to_channel(person, direct, "is it open?"));
    let conversation = fleet.conversation(&account, direct).await;
    for (person, question) in people.into_iter().zip(asked) {
        wait::until(
            "the question to be stored",
            || fleet.api.messages(conversation["id"].as_i64().unwrap()),
            |all| {
                all.iter()
                    .any(|one| one["message_id"].as_str() == Some(&*question.to_string()))
            },
        )
        .await;
        let text = format!("it is, {person}");
        let body = json!({ "text": text, "reply_to_message_id": question.to_string() });
        let (status, answer) = answer(&fleet, &conversation, body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let there = arrived(&fleet, &account, direct, &text).await;
        assert_eq!((there.thread, there.reply_to), (person, question));
        fleet.wait_for_message(&conversation, &text, "sent").await;
    }
}

/// Protects callers from a reply to nothing: a message that does not exist is refused and leaves nothing behind; one that
/// is further back than what is stored is found at Telegram.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_needs_a_message_that_exists() {
    let past = past::with_a_past(80).await;
    let (fleet, account) = (&past.fleet, &past.account);
    let file = fleet.data_dir().join("switchboard.db");
    let stored = || rows::number(&file, "SELECT count(*) AS n FROM messages");
    let before = stored();
    let conversation = json!({ "id": past.id });
    let elsewhere = fleet.telegram.add_person(PersonSpec::new("Contact two"));
    let other = fleet.telegram.say(elsewhere, account.user, "another chat");
    fleet.conversation(account, elsewhere).await;
    wait::until(
        "the other chat's message to be stored",
        async || stored(),
        |now| *now == before + 1,
    )
    .await;
    for (number, code) in [
        ("999999", "reply_to_not_found"),
        (&*other.to_string(), "reply_to_not_found"),
        ("0", "invalid_reply_to"),
        ("-3", "invalid_reply_to"),
        ("x", "invalid_reply_to"),
    ] {
        let body = json!({ "text": "to nothing", "reply_to_message_id": number });
        let (status, refused) = answer(fleet, &conversation, body).await;
        assert_eq!(
            status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{number}: {refused}"
        );
        assert_eq!(refused["error"]["code"], code, "{number}");
    }
    assert_eq!(stored(), before + 1, "nothing is left behind");

    let ledger = fleet.telegram.ledger_of(account.user);
    let old = ledger[&past.person].messages[2].id;
    let body = json!({ "text": "about that", "reply_to_message_id": old.to_string() });
    let (status, answer) = answer(fleet, &conversation, body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let there = arrived(fleet, account, past.person, "about that").await;
    assert_eq!(there.reply_to, old);
    assert_eq!(stored(), before + 2, "only the reply is new");
}
