//! Wording: formatted texts, previews and quotes, as the other side gets them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::PersonSpec;

use crate::support::{
    fleet::Fleet,
    forms::{Form, Sample, paper, photo},
};

/// Kind, place and length of each entity.
fn shown(message: &Value) -> Vec<(String, i64, i64)> {
    let entities = message["entities"].as_array().into_iter().flatten();
    let number = |entity: &Value, field: &str| entity[field].as_i64().unwrap();
    entities
        .map(|one| {
            let kind = one["type"].as_str().unwrap().to_owned();
            (kind, number(one, "offset"), number(one, "length"))
        })
        .collect()
}

/// Protects what people write: entities and Markdown reach the other side as they were meant, in replies, first messages,
/// edits and a user's sends.
#[tokio::test(flavor = "multi_thread")]
async fn formatting_reaches_the_other_side() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let [ours, theirs] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    fleet.telegram.say(ours.user, theirs.user, "hello");
    fleet.telegram.say(theirs.user, ours.user, "hello you");
    let (here, there) = (
        fleet.conversation(&ours, theirs.user).await,
        fleet.conversation(&theirs, ours.user).await,
    );
    let reply = format!("/conversations/{}/reply", here["id"]);
    let typed = "**b** __i__ 😀 [words](https://example.org/a) `code`";
    let markdown = json!({ "text": typed, "format": "markdown" });
    let plain = "b i 😀 words code";
    let entities = json!([
        { "type": "bold", "offset": 0, "length": 1 },
        { "type": "italic", "offset": 2, "length": 1 },
        { "type": "text_url", "offset": 7, "length": 5, "url": "https://example.org/a" },
        { "type": "code", "offset": 13, "length": 4 },
    ]);
    let wanted: Vec<_> = [
        ("bold", 0, 1),
        ("italic", 2, 1),
        ("text_url", 7, 5),
        ("code", 13, 4),
    ]
    .map(|(kind, offset, length)| (kind.to_owned(), offset, length))
    .into();
    let queued = fleet.api.post(&reply, markdown).await;
    assert_eq!(queued["message"]["text"], plain);
    assert_eq!(shown(&queued["message"]), wanted);
    let got = fleet.wait_for_message(&there, plain, "received").await;
    assert_eq!(shown(&got), wanted);
    assert_eq!(got["entities"][2]["url"], "https://example.org/a");

    let again = json!({ "text": format!("{plain} again"), "entities": entities });
    fleet.api.post(&reply, again).await;
    let got = fleet
        .wait_for_message(&there, &format!("{plain} again"), "received")
        .await;
    assert_eq!(shown(&got), wanted);
    let sent = fleet
        .wait_for_message(&here, &format!("{plain} again"), "sent")
        .await;
    assert_eq!(shown(&sent), wanted);

    let first =
        json!({ "recipient": theirs.user.to_string(), "text": "||hush||", "format": "markdown" });
    fleet
        .api
        .post(&format!("/accounts/{}/send", ours.id), first)
        .await;
    let got = fleet.wait_for_message(&there, "hush", "received").await;
    assert_eq!(shown(&got), [("spoiler".to_owned(), 0, 4)]);

    // Only the formatting changes: that is an edit, too.
    let edit = json!({ "text": "~~hush~~", "format": "markdown" });
    let hush = fleet.wait_for_message(&here, "hush", "sent").await;
    let path = format!("/messages/{}", hush["id"]);
    let mut live = fleet.live(None).await;
    let (status, answer) = fleet.api.call(Method::PATCH, &path, Some(edit)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let edited = live
        .until(|frame| {
            frame["event"] == "message_edited"
                && frame["data"]["message"]["account_id"] == theirs.id.as_str()
        })
        .await;
    assert_eq!(
        shown(&edited["data"]["message"]),
        [("strike".to_owned(), 0, 4)]
    );
}

/// Protects answers to a part of a message, and senders who want no preview: Telegram is told so; what the message does
/// not say can't be quoted.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_quoted_and_a_preview_left_out() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet
        .telegram
        .say(person, account.user, "two apples and three pears");
    let conversation = fleet.conversation(&account, person).await;
    let question = fleet
        .wait_for_message(&conversation, "two apples and three pears", "received")
        .await;
    let reply = format!("/conversations/{}/reply", conversation["id"]);
    let body = |quote: Value| {
        json!({
            "text": "see https://example.org", "preview": false, "quote": quote,
            "reply_to_message_id": question["message_id"],
        })
    };
    let queued = fleet
        .api
        .post(&reply, body(json!({ "text": "three pears", "offset": 15 })))
        .await;
    assert_eq!(queued["message"]["quote"], "three pears");
    let sent = fleet
        .wait_for_message(&conversation, "see https://example.org", "sent")
        .await;
    assert_eq!(sent["quote"], "three pears");
    let ledger = fleet.telegram.ledger_of(account.user);
    let theirs = ledger[&person].messages.last().unwrap().clone();
    assert!(theirs.no_preview, "{theirs:?}");
    let mut alone = body(json!({ "text": "three pears" }));
    alone["reply_to_message_id"] = Value::Null;
    for refused in [
        body(json!({ "text": "four pears" })),
        body(json!({ "text": "" })),
        alone,
    ] {
        let (status, answer) = fleet.api.call(Method::POST, &reply, Some(refused)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert_eq!(answer["error"]["code"], "invalid_quote");
    }
    let both = json!({ "text": "**a**", "format": "markdown", "entities": [{ "type": "bold", "offset": 0, "length": 1 }] });
    let (_, answer) = fleet.api.call(Method::POST, &reply, Some(both)).await;
    assert_eq!(answer["error"]["code"], "entities_invalid");
}

/// Protects what stands under files: it is formatted as a text is, under one file and under the first of an album, as
/// Markdown and as entities; what can't be sent is said, and nothing is.
#[tokio::test(flavor = "multi_thread")]
async fn captions_are_formatted() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let [ours, theirs] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    fleet.telegram.say(ours.user, theirs.user, "hello");
    fleet.telegram.say(theirs.user, ours.user, "hello you");
    let (here, there) = (
        fleet.conversation(&ours, theirs.user).await,
        fleet.conversation(&theirs, ours.user).await,
    );
    let reply = format!("/conversations/{}/reply", here["id"]);
    let form = |samples: &[Sample], fields: &[(&str, &str)]| {
        let form = fields
            .iter()
            .fold(Form::default(), |form, (name, text)| form.field(name, text));
        samples.iter().fold(form, Form::add)
    };
    let bold = |length| vec![("bold".to_owned(), 0, length)];
    let markdown = [("text", "**prices** of May"), ("format", "markdown")];
    let (status, queued) = fleet
        .api
        .form(&reply, form(&[paper(1, 9_000)], &markdown))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{queued}");
    assert_eq!(shown(&queued["message"]), bold(6));
    let got = fleet
        .wait_for_message(&there, "prices of May", "received")
        .await;
    assert_eq!(shown(&got), bold(6));

    let entities = r#"[{ "type": "bold", "offset": 0, "length": 3 }]"#;
    let fields = [("text", "two views"), ("entities", entities)];
    let album = [photo(1, 90, 60), photo(2, 60, 90)];
    let (status, queued) = fleet.api.form(&reply, form(&album, &fields)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{queued}");
    assert_eq!(shown(&queued["messages"][1]), []);
    let got = fleet
        .wait_for_message(&there, "two views", "received")
        .await;
    assert_eq!(shown(&got), bold(3));
    assert!(got["album_id"].is_string(), "{got}");

    let before = fleet.telegram.ledger_of(ours.user)[&theirs.user]
        .messages
        .len();
    for (fields, code) in [
        (
            [
                ("text", "two"),
                ("entities", entities.replace('3', "4").as_str()),
            ],
            "entities_invalid",
        ),
        ([("text", "two"), ("entities", "bold")], "invalid_field"),
        ([("text", "two"), ("format", "html")], "invalid_field"),
    ] {
        let (status, answer) = fleet.api.form(&reply, form(&album, &fields)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert_eq!(answer["error"]["code"], code);
    }
    let after = fleet.telegram.ledger_of(ours.user)[&theirs.user]
        .messages
        .len();
    assert_eq!(before, after);
}
