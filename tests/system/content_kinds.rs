//! A message of every kind, as people post it.

use grammers_tl_types::{enums, types};
use serde_json::{Value, json};
use switchboard_simulator::{
    Simulator,
    world::{Action, Draft, Form, Media},
};

pub fn draft(text: &str, form: Form) -> Draft {
    Draft {
        form,
        ..Draft::text(text)
    }
}

pub fn told(media: impl Into<enums::MessageMedia>) -> Form {
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

pub fn words(text: &str) -> enums::TextWithEntities {
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
pub fn post_every_kind(telegram: &Simulator, person: i64, group: i64) -> Vec<(i32, Value)> {
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
