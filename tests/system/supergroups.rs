//! Supergroups: slow mode, and a group that becomes one while words for it are waiting.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{Effect, Fault, PersonSpec};

use crate::support::{
    fleet::Fleet,
    forms::{Form, paper},
    wait,
};

/// Protects a slow supergroup's order and everybody else's time: each message waits its turn there and says until when,
/// goes out once and in order, and no other chat waits with it.
#[tokio::test(flavor = "multi_thread")]
async fn slow_mode_holds_its_own_chat_alone() {
    const SLOW: i32 = 3;
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let telegram = &fleet.telegram;
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let group = telegram.add_supergroup("Slow", &[person, account.user]);
    telegram.set_slow_mode(group, SLOW).unwrap();
    telegram.say(person, group, "hello all");
    telegram.say(person, account.user, "hello");
    let slow = fleet.conversation(&account, group).await;
    let quick = fleet.conversation(&account, person).await;
    let id = |conversation: &Value| conversation["id"].as_i64().unwrap();
    let first = fleet.api.reply(id(&slow), "one").await;
    let second = fleet.api.reply(id(&slow), "two").await;
    let form = Form::default().field("text", "three").add(&paper(1, 5_000));
    let path = format!("/conversations/{}/reply", slow["id"]);
    let (status, third) = fleet.api.form(&path, form).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{third}");
    let get = async |message: &Value| {
        let path = format!("/messages/{}", message["id"]);
        fleet.api.get(&path).await["message"].clone()
    };
    let waits = wait::until(
        "its turn",
        || get(&second),
        |two| two["retry_at"].is_string(),
    )
    .await;
    assert_eq!(waits["status"], "pending");
    assert_eq!(get(&first).await["status"], "sent");
    fleet.api.reply(id(&quick), "meanwhile").await;
    fleet.wait_for_message(&quick, "meanwhile", "sent").await;
    assert_eq!(
        get(&second).await["status"],
        "pending",
        "the other chat did not wait for it"
    );
    assert_eq!(fleet.api.account(&account.id).await["state"], "online");
    wait::until(
        "the last",
        || get(&third["message"]),
        |three| three["status"] == "sent",
    )
    .await;
    let ledger = telegram.ledger_of(account.user);
    let ours: Vec<_> = ledger[&group]
        .messages
        .iter()
        .filter(|one| one.out)
        .collect();
    let texts: Vec<&str> = ours.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(
        ours.windows(2)
            .all(|pair| pair[1].date - pair[0].date >= SLOW),
        "{ours:?}"
    );
}

/// Protects words for a group that became a supergroup meanwhile: what waits follows into the supergroup and arrives there once,
/// in order and in nothing else, over `kill -9` too; the old conversation takes nothing more, and the new one does.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_group_follows_it_into_its_supergroup() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let telegram = fleet.telegram.clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let group = telegram.add_group("Group", &[person, account.user]);
    let asked = telegram.say(person, group, "hello all");
    let old = fleet.conversation(&account, group).await;
    let id = |conversation: &Value| conversation["id"].as_i64().unwrap();
    fleet.api.reply(id(&old), "before").await;
    fleet.wait_for_message(&old, "before", "sent").await;
    // Both wait while the group goes.
    for call in ["messages.sendMessage", "messages.uploadMedia"] {
        let wait = Fault::flood_wait(2).on(call).account(account.user);
        telegram.set_fault(wait.times(1));
    }
    let reply = format!("/conversations/{}/reply", old["id"]);
    let body = json!({ "text": "words", "reply_to_message_id": asked.to_string() });
    let keyed = fleet.api.with_header("idempotency-key", "words-1");
    let (_, words) = keyed.call(Method::POST, &reply, Some(body.clone())).await;
    let words = words["message"].clone();
    let path = format!("/messages/{}", words["id"]);
    let waits = async || fleet.api.get(&path).await["message"].clone();
    wait::until("the wait", waits, |one| one["retry_at"].is_string()).await;
    let form = Form::default()
        .field("text", "prices")
        .add(&paper(1, 5_000));
    let (status, file) = fleet.api.form(&reply, form).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{file}");
    // The first word of where it went is cut off.
    let cut = telegram.set_fault(
        Fault::new(Effect::NeverAnswer)
            .on("messages.getChats")
            .times(1),
    );
    let supergroup = telegram.migrate_group(group).unwrap();
    let hits = async || telegram.fault_hits(cut);
    wait::until("the question where it went", hits, |hits| *hits == 1).await;
    fleet.kill_service();
    fleet.start_service();
    let new = fleet.conversation(&account, supergroup).await;
    for message in [&words, &file["message"]] {
        let path = format!("/messages/{}", message["id"]);
        let get = async || fleet.api.get(&path).await["message"].clone();
        let sent = wait::until("the way there", get, |one| one["status"] == "sent").await;
        assert_eq!(sent["conversation_id"], new["id"], "{sent}");
        assert_eq!(sent["chat_id"], json!(supergroup.to_string()));
        assert_eq!(sent["reply_to_message_id"], Value::Null);
    }
    assert_eq!(
        (&new["kind"], &new["can_send"]),
        (&json!("supergroup"), &json!(true))
    );
    let gone = async || {
        let path = format!("/conversations/{}", old["id"]);
        fleet.api.get(&path).await["conversation"].clone()
    };
    let left = wait::until("the old one to be closed", gone, |one| {
        one["can_send"] == false
    })
    .await;
    assert_ne!(left["last_message"]["text"], "prices");
    // A repeat under its key is still the same message.
    let keyed = fleet.api.with_header("idempotency-key", "words-1");
    let (status, again) = keyed.call(Method::POST, &reply, Some(body)).await;
    assert!(
        again["message"]["id"] == words["id"] || status == StatusCode::CONFLICT,
        "{again}"
    );
    let (status, answer) = fleet
        .api
        .call(Method::POST, &reply, Some(json!({ "text": "late" })))
        .await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::CONFLICT, &json!("chat_read_only"))
    );
    fleet.api.reply(id(&new), "after").await;
    fleet.wait_for_message(&new, "after", "sent").await;
    let ours = |chat: i64| -> Vec<String> {
        let ledger = telegram.ledger_of(account.user);
        let chat = ledger[&chat].messages.iter();
        chat.filter(|one| one.out && !one.service)
            .map(|one| one.text.clone())
            .collect()
    };
    assert_eq!(ours(group), ["before"]);
    assert_eq!(ours(supergroup), ["words", "prices", "after"]);
}
