//! What changes about a message, and what topics are called.

use grammers_tl_types::types;
use serde_json::{Value, json};
use switchboard_simulator::{
    PersonSpec,
    world::{Action, Draft, Form, Poll, Spot},
};

use super::content_kinds::draft;
use crate::support::fleet::Fleet;

/// Protects who looks at a chat: votes, reactions, views and previews come over the WebSocket by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn what_changes_about_a_message_is_told_at_once() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let telegram = &fleet.telegram;
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let channel = telegram.add_channel("News", &[person, account.user]);
    let poll = Poll {
        question: "Which?".to_owned(),
        answers: vec!["This".to_owned(), "That".to_owned()],
        ..Poll::default()
    };
    let asked = telegram.post(
        person,
        channel,
        draft(
            "",
            Form {
                poll: Some(poll),
                ..Form::default()
            },
        ),
    );
    let post = telegram.say(person, channel, "a post");
    let conversation = fleet.conversation(&account, channel).await;
    fleet
        .wait_for_message(&conversation, "a post", "received")
        .await;
    let mut live = fleet.live(None).await;

    telegram.vote(person, channel, asked, &[0]).unwrap();
    let frame = live.until_event("message_edited").await;
    let option = &frame["data"]["message"]["media"]["poll"]["options"][0];
    assert_eq!(
        (&option["votes"], &option["mine"]),
        (&json!(1), &json!(false)),
        "{frame}"
    );
    assert_eq!(
        frame["data"]["message"]["edited_at"],
        Value::Null,
        "{frame}"
    );
    telegram.set_views(channel, post, 41).unwrap();
    let frame = live.until_event("message_edited").await;
    assert_eq!(frame["data"]["message"]["details"]["views"], 41, "{frame}");
    telegram.react(person, channel, post, Some("🔥")).unwrap();
    let frame = live.until_event("message_reacted").await;
    assert_eq!(
        frame["data"]["message"]["reactions"][0]["emoji"], "🔥",
        "{frame}"
    );
    telegram.react(person, channel, post, None).unwrap();
    let frame = live.until_event("message_reacted").await;
    assert_eq!(
        frame["data"]["message"]["reactions"],
        Value::Null,
        "{frame}"
    );
    // By the update alone there is no more of it: the counted line says the same once more.
    telegram.say(person, channel, "the end");
    let after = live.until_event("message_received").await;
    assert_eq!(
        after["seq"].as_i64().unwrap(),
        frame["seq"].as_i64().unwrap() + 1,
        "{after}"
    );
}

/// Protects forums: a message says what its topic is called, also after that was changed, and the topics can be listed.
#[tokio::test(flavor = "multi_thread")]
async fn topics_are_shown_by_their_names() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let telegram = &fleet.telegram;
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let forum = telegram.add_forum("Forum", &[person, account.user]);
    let [billing, other] =
        ["Billing", "Other"].map(|title| telegram.add_topic(forum, person, title).unwrap());
    telegram.say_in_topic(person, forum, billing, "a question");
    let conversation = fleet.conversation(&account, forum).await;
    let asked = fleet
        .wait_for_message(&conversation, "a question", "received")
        .await;
    assert_eq!(
        asked["topic"],
        json!({ "id": billing.to_string(), "title": "Billing" }),
        "{asked}"
    );
    let renamed = types::MessageActionTopicEdit {
        title: Some("Invoices".to_owned()),
        icon_emoji_id: None,
        closed: None,
        hidden: None,
    };
    let spot = Spot {
        topic: billing,
        thread: 0,
    };
    let action = Some(Action::Told(Box::new(renamed.into())));
    telegram.post(
        person,
        forum,
        Draft {
            action,
            spot,
            ..Draft::default()
        },
    );
    telegram.say_in_topic(person, forum, billing, "another one");
    let asked = fleet
        .wait_for_message(&conversation, "another one", "received")
        .await;
    assert_eq!(asked["topic"]["title"], "Invoices", "{asked}");
    let topics = fleet
        .api
        .get(&format!("/conversations/{}/topics", conversation["id"]))
        .await;
    let wanted = json!({ "topics": [
        { "id": other.to_string(), "title": "Other" },
        { "id": billing.to_string(), "title": "Invoices" },
    ] });
    assert_eq!(topics, wanted);
}
