//! Every kind of media, and what its data says.

use grammers_client::tl::enums::MessageMedia as M;
use serde_json::{Value, json};

use super::{
    content::{of_page, page, photo, point, reread, results, shown, with_media},
    *,
};

fn words(text: &str) -> enums::TextWithEntities {
    types::TextWithEntities {
        text: text.to_owned(),
        entities: Vec::new(),
    }
    .into()
}

fn answer(text: &str, key: u8) -> enums::PollAnswer {
    types::PollAnswer {
        text: words(text),
        option: vec![key],
        media: None,
        added_by: None,
        date: None,
    }
    .into()
}

fn asked() -> enums::Poll {
    types::Poll {
        id: 77,
        closed: false,
        public_voters: true,
        multiple_choice: false,
        quiz: true,
        open_answers: false,
        revoting_disabled: false,
        shuffle_answers: false,
        hide_results_until_close: false,
        creator: false,
        subscribers_only: false,
        question: words("Which?"),
        answers: vec![answer("This", 1), answer("That", 2)],
        close_period: None,
        close_date: Some(9),
        countries_iso2: None,
        hash: 0,
    }
    .into()
}

pub(super) fn every_media() -> Vec<(M, &'static str, Value)> {
    let voice = types::DocumentAttributeAudio {
        voice: true,
        duration: 3,
        title: None,
        performer: None,
        // 1, 2, 3 and 31 in five bits each, the lowest first.
        waveform: Some(vec![0x41, 0x8c, 0x0f]),
    };
    let set = types::DocumentAttributeSticker {
        mask: false,
        alt: "😀".to_owned(),
        stickerset: types::InputStickerSetShortName {
            short_name: "Faces".to_owned(),
        }
        .into(),
        mask_coords: None,
    };
    let place = types::MessageMediaVenue {
        geo: point(33.5, 36.25),
        title: "Office".to_owned(),
        address: "1 Example Street".to_owned(),
        provider: String::new(),
        venue_id: String::new(),
        venue_type: String::new(),
    };
    let live = types::MessageMediaGeoLive {
        geo: point(33.5, 36.25),
        heading: Some(90),
        period: 900,
        proximity_notification_radius: None,
    };
    let contact = types::MessageMediaContact {
        phone_number: "99966".to_owned(),
        first_name: "Amal".to_owned(),
        last_name: "S".to_owned(),
        vcard: String::new(),
        user_id: 8,
    };
    let poll = types::MessageMediaPoll {
        poll: asked(),
        results: results(false, &[(1, 2, true, false), (2, 3, false, true)]),
        attached_media: None,
    };
    let game = types::Game {
        id: 1,
        access_hash: 1,
        short_name: "chess".to_owned(),
        title: "Chess".to_owned(),
        description: "Two play".to_owned(),
        photo: types::PhotoEmpty { id: 1 }.into(),
        document: None,
    };
    let invoice = types::MessageMediaInvoice {
        shipping_address_requested: false,
        test: true,
        title: "Repair".to_owned(),
        description: "One hour".to_owned(),
        photo: None,
        receipt_msg_id: Some(4),
        currency: "EUR".to_owned(),
        total_amount: 4_950,
        start_param: String::new(),
        extended_media: None,
    };
    let giveaway = types::MessageMediaGiveaway {
        only_new_subscribers: false,
        winners_are_visible: false,
        channels: vec![3],
        countries_iso2: None,
        prize_description: Some("A book".to_owned()),
        quantity: 3,
        months: Some(6),
        stars: None,
        until_date: 60,
    };
    let paid = types::MessageMediaPaidMedia {
        stars_amount: 50,
        extended_media: vec![
            types::MessageExtendedMediaPreview {
                w: Some(640),
                h: Some(360),
                thumb: None,
                video_duration: Some(12),
            }
            .into(),
        ],
    };
    let todo = types::MessageMediaToDo {
        todo: types::TodoList {
            others_can_append: false,
            others_can_complete: true,
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
        completions: Some(vec![
            types::TodoCompletion {
                id: 1,
                completed_by: user(8),
                date: 60,
            }
            .into(),
        ]),
    };
    let story = types::MessageMediaStory {
        via_mention: true,
        peer: channel(3),
        id: 6,
        story: None,
    };
    let dice = types::MessageMediaDice {
        value: 4,
        emoticon: "🎲".to_owned(),
        game_outcome: None,
    };
    let location = |more: Value| {
        let mut location = json!({ "latitude": 33.5, "longitude": 36.25, "accuracy": 15, "live_for": null, "heading": null,
            "title": null, "address": null });
        for (name, value) in more.as_object().unwrap() {
            location[name] = value.clone();
        }
        json!({ "location": location })
    };
    vec![
        (
            photo(None),
            "photo",
            json!({ "spoiler": true, "width": 800, "height": 600, "size": 4_000 }),
        ),
        (
            document(vec![voice.into()]),
            "voice",
            json!({ "waveform": [1, 2, 3, 31], "duration": 3 }),
        ),
        (
            document(vec![audio(false)]),
            "audio",
            json!({ "audio": { "title": "Song", "performer": "Band" } }),
        ),
        (
            document(vec![set.into()]),
            "sticker",
            json!({ "sticker": { "emoji": "😀", "set": "Faces" } }),
        ),
        (
            types::MessageMediaGeo {
                geo: point(33.5, 36.25),
            }
            .into(),
            "location",
            location(json!({})),
        ),
        (
            live.into(),
            "location",
            location(json!({ "live_for": 900, "heading": 90 })),
        ),
        (
            place.into(),
            "location",
            location(json!({ "title": "Office", "address": "1 Example Street" })),
        ),
        (
            contact.into(),
            "contact",
            json!({ "contact": { "first_name": "Amal", "last_name": "S", "phone": "99966", "user_id": "8" } }),
        ),
        (
            poll.into(),
            "poll",
            json!({ "name": "Which?", "poll": {
                "id": "77", "question": "Which?", "voters": 5, "quiz": true, "multiple": false, "anonymous": false,
                "closed": false, "closes_at": "1970-01-01T00:00:09.000Z", "explanation": "Because",
                "options": [
                    { "text": "This", "votes": 2, "mine": true, "correct": false, "key": "01" },
                    { "text": "That", "votes": 3, "mine": false, "correct": true, "key": "02" },
                ],
            } }),
        ),
        (
            of_page(page(5, "Title")),
            "web_page",
            json!({ "name": "Title", "page": {
                "id": "5", "url": "https://example.org/page", "site": "Example", "title": "Title",
                "description": "About it", "author": null, "pending": false,
            } }),
        ),
        (
            types::MessageMediaGame { game: game.into() }.into(),
            "game",
            json!({ "game": { "title": "Chess", "description": "Two play", "short_name": "chess" } }),
        ),
        (
            dice.into(),
            "dice",
            json!({ "dice": { "emoji": "🎲", "value": 4 } }),
        ),
        (
            invoice.into(),
            "invoice",
            json!({ "invoice": { "title": "Repair", "description": "One hour", "amount": 4_950, "currency": "EUR",
                "test": true, "paid": true } }),
        ),
        (
            story.into(),
            "story",
            json!({ "story": { "chat_id": "-1000000000003", "id": 6, "text": null, "mention": true } }),
        ),
        (
            giveaway.into(),
            "giveaway",
            json!({ "giveaway": { "winners": 3, "winner_ids": [], "finished": false, "months": 6, "stars": null,
                "prize": "A book", "until": "1970-01-01T00:01:00.000Z" } }),
        ),
        (
            paid.into(),
            "paid_media",
            json!({ "paid": { "stars": 50, "bought": false, "items": [{ "kind": "video", "name": null, "size": null,
                "mime": null, "duration": 12, "width": 640, "height": 360, "thumb": null, "url": null,
                "thumb_url": null }] } }),
        ),
        (
            todo.into(),
            "todo",
            json!({ "todo": { "title": "Shopping", "items": [{ "id": 1, "text": "Bread",
                "done_by": { "id": "8", "name": null }, "done_at": "1970-01-01T00:01:00.000Z" }] } }),
        ),
        (M::Unsupported, "other", json!({ "name": "Unsupported" })),
    ]
}

/// Protects what is read of media: each kind says by name what it holds, and its kept object says the same later.
#[test]
fn every_kind_of_media_says_what_it_holds() {
    for (media, kind, wanted) in every_media() {
        let told = shown(media.clone());
        assert_eq!(told["kind"], kind, "{told}");
        for (name, value) in wanted.as_object().unwrap() {
            assert_eq!(told[name], *value, "{kind}: {told}");
        }
        let message = converted(with_media(media));
        let again = reread(&message);
        assert_eq!(
            (&again.media, &again.object),
            (&message.media, &None),
            "{kind}"
        );
    }
}
