//! Content: what people send besides plain text is the same data, whichever way Telegram told of it, and changes by events.

use grammers_tl_types::{enums, types};
use serde_json::{Value, json};
use switchboard_simulator::{
    AccountSpec, PersonSpec, Simulator,
    world::{Action, Draft, Form, Media, Page, Poll, Spot},
};

use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    wait,
};

fn draft(text: &str, form: Form) -> Draft {
    Draft {
        form,
        ..Draft::text(text)
    }
}

fn told(media: impl Into<enums::MessageMedia>) -> Form {
    Form {
        told: Some(media.into()),
        ..Form::default()
    }
}

fn point() -> enums::GeoPoint {
    types::GeoPoint {
        long: 36.25,
        lat: 33.5,
        access_hash: 0,
        accuracy_radius: None,
    }
    .into()
}

fn words(text: &str) -> enums::TextWithEntities {
    types::TextWithEntities {
        text: text.to_owned(),
        entities: Vec::new(),
    }
    .into()
}

fn venue() -> Form {
    told(types::MessageMediaVenue {
        geo: point(),
        title: "Main office".to_owned(),
        address: "1 Example Street".to_owned(),
        provider: String::new(),
        venue_id: String::new(),
        venue_type: String::new(),
    })
}

fn invoice() -> Form {
    told(types::MessageMediaInvoice {
        shipping_address_requested: false,
        test: true,
        title: "Repair".to_owned(),
        description: "One hour".to_owned(),
        photo: None,
        receipt_msg_id: None,
        currency: "EUR".to_owned(),
        total_amount: 4_950,
        start_param: String::new(),
        extended_media: None,
    })
}

fn todo() -> Form {
    told(types::MessageMediaToDo {
        todo: types::TodoList {
            others_can_append: false,
            others_can_complete: false,
            title: words("Shopping"),
            list: vec![
                types::TodoItem {
                    id: 1,
                    title: words("Bread"),
                }
                .into(),
            ],
        }
        .into(),
        completions: None,
    })
}

fn buttons() -> Form {
    let pressed = types::KeyboardInlineButton {
        style: None,
        text: "Open".to_owned(),
        r#type: types::InlineButtonTypeUrl {
            url: "https://example.org/".to_owned(),
        }
        .into(),
    };
    let row = types::KeyboardInlineButtonRow {
        buttons: vec![pressed.into()],
    };
    Form {
        markup: Some(
            types::ReplyInlineMarkup {
                force_reply: false,
                rows: vec![row.into()],
            }
            .into(),
        ),
        protected: true,
        ..Form::default()
    }
}

fn rich() -> Form {
    let plain = |text: &str| -> enums::RichText {
        types::TextPlain {
            text: text.to_owned(),
        }
        .into()
    };
    let heading = types::PageBlockHeading1 {
        text: plain("Prices"),
    };
    let line = types::PageBlockParagraph {
        text: types::TextConcat {
            texts: vec![
                plain("see "),
                types::TextUrl {
                    text: plain("the list"),
                    url: "https://example.org/list".to_owned(),
                    webpage_id: 0,
                }
                .into(),
            ],
        }
        .into(),
    };
    Form {
        blocks: Some(
            types::RichMessage {
                rtl: false,
                part: false,
                blocks: vec![heading.into(), line.into()],
                photos: Vec::new(),
                documents: Vec::new(),
            }
            .into(),
        ),
        ..Form::default()
    }
}

/// Posts one of each kind; answers what has to be there of it, by number.
fn post_every_kind(telegram: &Simulator, person: i64, group: i64) -> Vec<(i32, Value)> {
    let said = |text: &str, form: Form| telegram.post(person, group, draft(text, form));
    let media = |media: Media| telegram.say_media(person, group, media, "caption");
    let mut all = vec![
        (
            media(Media::Photo {
                width: 800,
                height: 600,
            }),
            json!({ "media": { "kind": "photo", "width": 800, "height": 600 } }),
        ),
        (
            media(Media::Document {
                name: "offer.pdf".to_owned(),
                mime: "application/pdf".to_owned(),
                size: 4_096,
            }),
            json!({ "media": { "kind": "document", "name": "offer.pdf", "mime": "application/pdf", "size": 4_096 } }),
        ),
        (
            media(Media::Voice {
                seconds: 3,
                size: 900,
            }),
            json!({ "media": { "kind": "voice", "duration": 3 } }),
        ),
        (
            media(Media::Video {
                seconds: 4,
                width: 640,
                height: 360,
                size: 9_000,
            }),
            json!({ "media": { "kind": "video", "duration": 4, "width": 640 } }),
        ),
        (
            media(Media::Sticker {
                emoji: "👍".to_owned(),
            }),
            json!({ "media": { "kind": "sticker", "sticker": { "emoji": "👍" } } }),
        ),
        (
            media(Media::Location {
                latitude: 33.5,
                longitude: 36.25,
            }),
            json!({ "media": { "kind": "location", "location": { "latitude": 33.5, "longitude": 36.25 } } }),
        ),
        (
            media(Media::Contact {
                phone: "99966".to_owned(),
                first_name: "Amal".to_owned(),
                last_name: "S".to_owned(),
                user_id: person,
            }),
            json!({ "media": { "kind": "contact", "name": "Amal S",
                "contact": { "first_name": "Amal", "phone": "99966", "user_id": person.to_string() } } }),
        ),
        (
            said("", venue()),
            json!({ "media": { "kind": "location", "name": "Main office", "location": { "address": "1 Example Street" } } }),
        ),
        (
            said("", invoice()),
            json!({ "media": { "kind": "invoice", "invoice": { "amount": 4_950, "currency": "EUR", "test": true } } }),
        ),
        (
            said("", todo()),
            json!({ "media": { "kind": "todo", "todo": { "title": "Shopping" } } }),
        ),
        (
            said("pressed", buttons()),
            json!({ "buttons": [[{ "text": "Open", "kind": "url", "url": "https://example.org/" }]],
                "details": { "protected": true } }),
        ),
        (
            said("Prices\nsee the list", rich()),
            json!({ "text": "Prices\nsee the list", "details": { "rich": true }, "entities": [
                { "type": "bold", "offset": 0, "length": 6 },
                { "type": "text_url", "offset": 11, "length": 8, "url": "https://example.org/list" },
            ] }),
        ),
        (
            telegram.post(
                person,
                group,
                Draft {
                    media: Some(Media::Photo {
                        width: 800,
                        height: 600,
                    }),
                    ..draft(
                        "gone soon",
                        Form {
                            ttl: Some(10),
                            ..Form::default()
                        },
                    )
                },
            ),
            json!({ "media": { "kind": "photo", "vanishes_after": 10, "thumb": null } }),
        ),
    ];
    let unsupported = said("", told(enums::MessageMedia::Unsupported));
    all.push((
        unsupported,
        json!({ "media": { "kind": "other", "name": "Unsupported" } }),
    ));
    let payment = types::MessageActionPaymentSent {
        recurring_init: false,
        recurring_used: false,
        currency: "EUR".to_owned(),
        total_amount: 990,
        invoice_slug: None,
        subscription_until_date: None,
    };
    let who = json!({ "id": person.to_string(), "name": "Contact one" });
    for (action, wanted) in [
        (
            enums::MessageAction::from(payment),
            json!({ "action": { "kind": "payment_sent", "who": who, "value": "990", "currency": "EUR" } }),
        ),
        (
            types::MessageActionBoostApply { boosts: 2 }.into(),
            json!({ "service": "boosted the group", "action": { "kind": "boost_apply", "value": "2" } }),
        ),
    ] {
        let id = telegram.service(person, group, Action::Told(Box::new(action)));
        all.push((id, wanted));
    }
    all
}

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
