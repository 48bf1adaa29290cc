//! Content: what people send besides plain text is the same data, whichever way Telegram told of it, and changes by events.

use serde_json::{Value, json};
use switchboard_simulator::{
    AccountSpec, PersonSpec,
    world::{Form, Page, Poll},
};

use super::content_kinds::{draft, post_every_kind};
use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    wait,
};

/// Is everything of `wanted` there?
fn holds(seen: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Object(fields) => fields.iter().all(|(name, value)| holds(&seen[name], value)),
        _ => seen == wanted,
    }
}

/// What the service says of the messages of a chat, without what depends on who is asked and on how it came.
async fn content(fleet: &Fleet, account: &FleetAccount, chat: i64) -> Vec<Value> {
    let conversation = fleet.conversation(account, chat).await;
    let path = format!("/conversations/{}/messages?limit=100", conversation["id"]);
    let page = fleet.api.get(&path).await;
    let mut messages = page["messages"].as_array().unwrap().clone();
    for message in &mut messages {
        for field in ["id", "account_id", "conversation_id", "backfilled", "late"] {
            message[field] = Value::Null;
        }
        if let Some(media) = message["media"].as_object_mut() {
            // They name the row.
            for field in ["url", "thumb_url"] {
                media.insert(field.to_owned(), Value::Null);
            }
        }
    }
    messages
}

/// Protects everything that people send: each kind says what it holds, the same live, after an absence, from history and
/// after an edit.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_the_same_live_from_a_difference_from_history_and_after_an_edit() {
    let mut fleet = Fleet::builder().accounts(2).start().await;
    let [there, away] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let number = phone(41);
    let newcomer = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Newcomer"));
    let telegram = &fleet.telegram;
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let group = telegram.add_supergroup("Team", &[person, there.user, away.user, newcomer]);
    telegram.say(person, group, "plain");
    for account in [&there, &away] {
        let conversation = fleet.conversation(account, group).await;
        fleet
            .wait_for_message(&conversation, "plain", "received")
            .await;
    }
    fleet.set_active(&away, false).await;

    let telegram = &fleet.telegram;
    let all = post_every_kind(telegram, person, group);
    let poll = Poll {
        question: "Which?".to_owned(),
        answers: vec!["This".to_owned(), "That".to_owned()],
        right: Some(1),
        ..Poll::default()
    };
    let asked = telegram.post(
        person,
        group,
        draft(
            "",
            Form {
                poll: Some(poll),
                ..Form::default()
            },
        ),
    );
    let page = Page {
        url: "https://example.org/news".to_owned(),
        known: None,
    };
    let linked = telegram.post(
        person,
        group,
        draft(
            "https://example.org/news",
            Form {
                page: Some(page),
                ..Form::default()
            },
        ),
    );
    let conversation = fleet.conversation(&there, group).await;
    fleet
        .wait_for_message(&conversation, "https://example.org/news", "received")
        .await;
    // Each changes after it was told.
    telegram.vote(person, group, asked, &[1]).unwrap();
    telegram.close_poll(person, group, asked).unwrap();
    telegram
        .finish_page(person, group, linked, "News of today")
        .unwrap();
    telegram.react(person, group, all[0].0, Some("👍")).unwrap();
    for (id, _) in all.iter().take(4) {
        telegram
            .edit(person, group, *id, "another caption")
            .unwrap();
    }

    let mut wanted = all;
    wanted.push((
        asked,
        json!({ "media": { "kind": "poll", "name": "Which?", "poll": { "closed": true, "quiz": true, "voters": 1, "options": [
            { "text": "This", "votes": 0, "mine": false, "correct": false, "key": "00" },
            { "text": "That", "votes": 1, "mine": false, "correct": true, "key": "01" },
        ] } } }),
    ));
    wanted.push((
        linked,
        json!({ "media": { "kind": "web_page", "name": "News of today",
            "page": { "url": "https://example.org/news", "title": "News of today", "pending": false } } }),
    ));
    // Every change has to be here before the rest is held against it.
    for at in 0..4 {
        wanted.push((wanted[at].0, json!({ "text": "another caption" })));
    }
    let who = json!([{ "id": person.to_string(), "name": "Contact one" }]);
    wanted.push((
        wanted[0].0,
        json!({ "reactions": [{ "emoji": "👍", "count": 1, "mine": false, "who": who }] }),
    ));
    let lacking = |seen: &[Value]| -> Vec<Value> {
        let of = |id: i32| {
            seen.iter()
                .find(|message| message["message_id"].as_str() == Some(id.to_string().as_str()))
        };
        let lacks = |(id, wanted): &(i32, Value)| match of(*id) {
            Some(message) if holds(message, wanted) => None,
            message => Some(json!({ "wanted": wanted, "seen": message })),
        };
        wanted.iter().filter_map(lacks).collect()
    };
    let live = wait::until(
        "every kind live",
        || content(&fleet, &there, group),
        |seen| lacking(seen).is_empty(),
    )
    .await;
    assert_eq!(lacking(&live), [Value::Null; 0]);

    fleet.set_active(&away, true).await;
    let late = fleet.sign_in("Newcomer", number, newcomer).await;
    for account in [&away, &late] {
        let differing = async || {
            let seen = content(&fleet, account, group).await;
            let pairs = seen.iter().zip(&live).filter(|(seen, live)| seen != live);
            let mut pairs: Vec<Value> = pairs.map(|(seen, live)| json!([seen, live])).collect();
            if seen.len() != live.len() {
                pairs.push(json!([seen.len(), live.len()]));
            }
            pairs
        };
        wait::until("the same content", differing, Vec::is_empty).await;
    }
    // They can be looked for.
    for words in ["offer", "Amal", "office", "Which", "today", "Prices"] {
        let path = format!("/search?q={words}&account_id={}", there.id);
        wait::until(
            words,
            || fleet.api.get(&path),
            |found| found["messages"][0] != Value::Null,
        )
        .await;
    }
}
