//! Content: what each kind of message says as data, also from its kept object, and what strangers can't do with it.

use grammers_client::tl::enums::{MessageAction as A, MessageMedia as M};
use serde_json::{Value, json};

use super::*;
use crate::{
    domain::{IncomingMessage, MediaKind, Note, NotedMessage, ObjectContent},
    telegram::convert::read_object,
};

fn words(text: &str) -> enums::TextWithEntities {
    types::TextWithEntities {
        text: text.to_owned(),
        entities: Vec::new(),
    }
    .into()
}

fn point(lat: f64, long: f64) -> enums::GeoPoint {
    types::GeoPoint {
        long,
        lat,
        access_hash: 1,
        accuracy_radius: Some(15),
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

fn results(min: bool, told: &[(u8, i32, bool, bool)]) -> enums::PollResults {
    let told = told.iter().map(|(key, voters, chosen, correct)| {
        types::PollAnswerVoters {
            chosen: *chosen,
            correct: *correct,
            option: vec![*key],
            voters: Some(*voters),
            recent_voters: Some(Vec::new()),
        }
        .into()
    });
    types::PollResults {
        min,
        has_unread_votes: false,
        can_view_stats: false,
        results: Some(told.collect()),
        total_voters: Some(5),
        recent_voters: None,
        solution: Some("Because".to_owned()),
        solution_entities: Some(Vec::new()),
        solution_media: None,
    }
    .into()
}

fn photo(ttl_seconds: Option<i32>) -> M {
    let photo = types::Photo {
        has_stickers: false,
        id: 1,
        access_hash: 2,
        file_reference: vec![3],
        date: 1,
        sizes: vec![
            types::PhotoStrippedSize {
                r#type: "i".to_owned(),
                bytes: vec![1, 40, 30, 9, 9],
            }
            .into(),
            types::PhotoSize {
                r#type: "y".to_owned(),
                w: 800,
                h: 600,
                size: 4_000,
            }
            .into(),
        ],
        video_sizes: None,
        dc_id: 2,
    };
    types::MessageMediaPhoto {
        spoiler: true,
        live_photo: false,
        photo: Some(photo.into()),
        ttl_seconds,
        video: None,
    }
    .into()
}

fn page(id: i64, title: &str) -> enums::WebPage {
    types::WebPage {
        has_large_media: false,
        video_cover_photo: false,
        id,
        url: "https://example.org/page".to_owned(),
        display_url: "example.org/page".to_owned(),
        hash: 0,
        r#type: None,
        site_name: Some("Example".to_owned()),
        title: Some(title.to_owned()),
        description: Some("About it".to_owned()),
        photo: None,
        embed_url: None,
        embed_type: None,
        embed_width: None,
        embed_height: None,
        duration: None,
        author: None,
        document: None,
        cached_page: None,
        attributes: None,
    }
    .into()
}

fn of_page(webpage: enums::WebPage) -> M {
    types::MessageMediaWebPage {
        force_large_media: false,
        force_small_media: false,
        manual: false,
        safe: false,
        webpage,
    }
    .into()
}

fn with_media(media: M) -> types::Message {
    types::Message {
        media: Some(media),
        ..text(1, user(7))
    }
}

fn shown(media: M) -> Value {
    let media = converted(with_media(media)).media.unwrap();
    let shown = serde_json::to_value(&media).unwrap();
    let again: crate::domain::Media = serde_json::from_value(shown.clone()).unwrap();
    assert_eq!(again, media);
    shown
}

/// What the row would get from the object alone.
fn reread(message: &IncomingMessage) -> ObjectContent {
    let object = message.object.as_ref().unwrap();
    read_object(object).unwrap_or_else(|| panic!("not read again: {message:?}"))
}

fn every_media() -> Vec<(M, &'static str, Value)> {
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

/// Protects what stands around a text: buttons, reactions and the rest are data, and come out of the kept object too.
#[test]
fn buttons_reactions_and_details_are_data() {
    let pressed = |text: &str, r#type: enums::InlineButtonType| {
        types::KeyboardInlineButton {
            style: None,
            text: text.to_owned(),
            r#type,
        }
        .into()
    };
    let url = |url: &str| {
        types::InlineButtonTypeUrl {
            url: url.to_owned(),
        }
        .into()
    };
    let reaction = |emoji: &str| -> enums::Reaction {
        types::ReactionEmoji {
            emoticon: emoji.to_owned(),
        }
        .into()
    };
    let message = types::Message {
        reply_markup: Some(
            types::ReplyInlineMarkup {
                force_reply: false,
                rows: vec![
                    types::KeyboardInlineButtonRow {
                        buttons: vec![
                            pressed("Open", url("https://example.org/")),
                            pressed("Run", url("javascript:alert(1)")),
                            pressed("Ask", enums::InlineButtonType::Buy),
                        ],
                    }
                    .into(),
                ],
            }
            .into(),
        ),
        reactions: Some(
            types::MessageReactions {
                min: false,
                can_see_list: true,
                reactions_as_tags: false,
                results: vec![
                    types::ReactionCount {
                        chosen_order: Some(0),
                        reaction: reaction("👍"),
                        count: 2,
                    }
                    .into(),
                    types::ReactionCount {
                        chosen_order: None,
                        reaction: types::ReactionCustomEmoji { document_id: 12 }.into(),
                        count: 1,
                    }
                    .into(),
                ],
                recent_reactions: Some(vec![
                    types::MessagePeerReaction {
                        big: false,
                        unread: true,
                        my: false,
                        peer_id: user(8),
                        date: 1,
                        reaction: reaction("👍"),
                    }
                    .into(),
                ]),
                top_reactors: None,
            }
            .into(),
        ),
        views: Some(10),
        forwards: Some(1),
        noforwards: true,
        via_bot_id: Some(9),
        paid_message_stars: Some(30),
        ttl_period: Some(60),
        ..text(1, user(7))
    };
    let message = converted(message);
    assert_eq!(
        serde_json::to_value(&message.extra).unwrap(),
        json!({
            "buttons": [[
                { "text": "Open", "kind": "url", "url": "https://example.org/" },
                { "text": "Run", "kind": "url" },
                { "text": "Ask", "kind": "pay" },
            ]],
            "reactions": [
                { "emoji": "👍", "count": 2, "mine": true, "who": [{ "id": "8", "name": null }] },
                { "emoji": "", "count": 1, "mine": false, "custom_emoji_id": "12" },
            ],
            "details": { "views": 10, "forwards": 1, "deletes_after": 60, "protected": true,
                "via_bot": { "id": "9", "name": null }, "paid_stars": 30 },
        })
    );
    assert_eq!(reread(&message).extra, message.extra);
    assert_eq!(converted(text(1, user(7))).extra, None);
}

/// Protects service messages as data: what, who, whom and how much.
#[test]
fn what_happened_is_data() {
    let told = |action: A| {
        let mut batch = Batch::empty(AccountId::random());
        let message = types::MessageService {
            out: false,
            mentioned: false,
            media_unread: false,
            reactions_are_possible: false,
            silent: false,
            post: false,
            legacy: false,
            id: 1,
            from_id: Some(user(7)),
            peer_id: group(9),
            saved_peer_id: None,
            reply_to: None,
            date: 1,
            action,
            reactions: None,
            ttl_period: None,
        };
        let converter = Converter::new(SELF, &mut batch);
        let message = converter.message(message.into()).unwrap();
        assert_eq!(reread(&message).extra, message.extra);
        serde_json::to_value(message.extra.unwrap().action.unwrap()).unwrap()
    };
    let who = json!({ "id": "7", "name": null });
    assert_eq!(
        told(types::MessageActionChatAddUser { users: vec![8, 10] }.into()),
        json!({ "kind": "chat_add_user", "who": who,
            "whom": [{ "id": "8", "name": null }, { "id": "10", "name": null }] })
    );
    assert_eq!(
        told(
            types::MessageActionChatEditTitle {
                title: "New\u{202e} title".into()
            }
            .into()
        ),
        json!({ "kind": "chat_edit_title", "who": who, "value": "New title" })
    );
    let payment = types::MessageActionPaymentSent {
        recurring_init: false,
        recurring_used: false,
        currency: "EUR".into(),
        total_amount: 990,
        invoice_slug: None,
        subscription_until_date: None,
    };
    assert_eq!(
        told(payment.into()),
        json!({ "kind": "payment_sent", "who": who, "value": "990", "currency": "EUR" })
    );
    assert_eq!(
        told(A::PinMessage),
        json!({ "kind": "pin_message", "who": who })
    );
}

/// Protects what its sender wants gone: it is said to vanish, and neither its preview nor where it lies is kept.
#[test]
fn what_vanishes_is_said_and_not_kept() {
    let message = converted(with_media(photo(Some(i32::MAX))));
    let media = message.media.as_ref().unwrap();
    assert_eq!(
        (media.kind, media.vanishes_after, &media.thumb),
        (MediaKind::Photo, Some(0), &None)
    );
    let object = crate::telegram::convert::object::inflated(message.object.as_ref().unwrap());
    let Some(enums::Message::Message(kept)) = object else {
        panic!("a message is kept");
    };
    let Some(M::Photo(kept)) = kept.media else {
        panic!("it says that it was a photo");
    };
    assert_eq!((kept.photo, kept.ttl_seconds), (None, Some(i32::MAX)));

    let M::Document(voice) = document(vec![audio(true)]) else {
        panic!("a document");
    };
    let message = converted(with_media(
        types::MessageMediaDocument {
            ttl_seconds: Some(10),
            ..voice
        }
        .into(),
    ));
    let again = reread(&message).media.unwrap();
    assert_eq!(
        (again.kind, again.vanishes_after, again.size),
        (MediaKind::Voice, Some(10), None)
    );
    assert_eq!(message.media.unwrap().size, Some(1_234));
    // One that was kept by an earlier version loses what it should not have.
    let before = object::of_message(&with_media(photo(Some(10)))).unwrap();
    let content = read_object(&before).unwrap();
    let object = object::inflated(&content.object.unwrap()).unwrap();
    let enums::Message::Message(kept) = object else {
        panic!("a message is kept");
    };
    assert!(matches!(kept.media, Some(M::Photo(photo)) if photo.photo.is_none()));
}

/// Protects whoever reads: what strangers make up does no harm.
#[test]
fn hostile_content_is_made_harmless() {
    let marked = |text: &str, entities: Vec<enums::MessageEntity>| {
        let message = types::Message {
            message: text.to_owned(),
            entities: Some(entities),
            ..super::text(1, user(7))
        };
        converted(message).entities
    };
    let bold = |offset, length| types::MessageEntityBold { offset, length }.into();
    let beyond = vec![
        bold(-1, 3),
        bold(3, 0),
        bold(9, 1),
        bold(1, i32::MAX),
        bold(i32::MAX, i32::MAX),
        bold(2, 90),
    ];
    let kept: Vec<_> = marked("Hello", beyond)
        .iter()
        .map(|mark| (mark.offset, mark.length))
        .collect();
    assert_eq!(kept, [(2, 3)]);
    // Half a letter is none.
    let halves: Vec<_> = marked("a😀b", vec![bold(2, 1)])
        .iter()
        .map(|mark| (mark.offset, mark.length))
        .collect();
    assert_eq!(halves, [(1, 2)]);
    let link = |offset, length, url: &str| {
        types::MessageEntityTextUrl {
            offset,
            length,
            url: url.to_owned(),
        }
        .into()
    };
    let links = marked(
        "bank.example here",
        vec![
            link(0, 12, "https://bank.example@evil.example/"),
            link(0, 12, "https://www.bank.example/a"),
            link(13, 4, "https://evil.example/"),
            link(13, 4, "javascript:alert(1)"),
        ],
    );
    let told: Vec<_> = links
        .iter()
        .map(|link| (link.misleading, link.url.is_some()))
        .collect();
    assert_eq!(
        told,
        [(true, true), (false, true), (false, true), (false, false)]
    );
    assert_eq!(
        marked("x", (0..9_000).map(|_| bold(0, 1)).collect()).len(),
        500
    );

    let M::Document(file) = document(vec![
        named("../../Bill\u{202e}fdp.exe\0"),
        types::DocumentAttributeVideo {
            round_message: false,
            supports_streaming: false,
            nosound: false,
            duration: f64::INFINITY,
            w: -5,
            h: i32::MAX,
            preload_prefix_size: None,
            video_start_ts: None,
            video_codec: None,
        }
        .into(),
    ]) else {
        panic!("a document");
    };
    let Some(enums::Document::Document(mut inner)) = file.document.clone() else {
        panic!("a document");
    };
    inner.size = -1;
    let message = converted(with_media(
        types::MessageMediaDocument {
            document: Some(inner.into()),
            ..file
        }
        .into(),
    ));
    let media = message.media.unwrap();
    assert_eq!(media.name.as_deref(), Some("_.._Billfdp.exe"));
    assert_eq!(
        (media.size, media.width, media.height, media.duration),
        (None, None, None, None)
    );
    let nowhere = shown(
        types::MessageMediaGeo {
            geo: point(f64::NAN, 1e9),
        }
        .into(),
    );
    assert_eq!(nowhere.get("location"), None);
}

/// Protects reactions, votes, views and previews that come on their own.
#[test]
fn what_changes_without_an_edit_becomes_a_note() {
    let note = |update: enums::Update| match changes(vec![update], vec![]).pop() {
        Some(Change::Noted { message, note }) => (message, note),
        other => panic!("{other:?}"),
    };
    let views = types::UpdateChannelMessageViews {
        channel_id: 3,
        id: 4,
        views: 50,
    };
    let (message, told) = note(views.into());
    let post = NotedMessage::Message {
        chat: ChatId::channel(3),
        message_id: 4,
    };
    assert_eq!((message, told), (post, Note::Views(50)));
    let poll = types::UpdateMessagePoll {
        peer: None,
        msg_id: None,
        top_msg_id: None,
        poll_id: 77,
        poll: None,
        results: results(true, &[(2, 9, false, false)]),
    };
    let (message, told) = note(poll.into());
    let Note::Poll(now) = told else {
        panic!("votes");
    };
    let (_, _, media) = every_media()
        .into_iter()
        .map(|(media, kind, _)| (kind, (), media))
        .find(|(kind, ..)| *kind == "poll")
        .unwrap();
    let known = converted(with_media(media)).media.unwrap();
    let after = now.after(known.poll());
    let votes: Vec<_> = after
        .options
        .iter()
        .map(|option| (option.votes, option.mine))
        .collect();
    assert_eq!(message, NotedMessage::Poll(77));
    assert_eq!(
        (votes, after.question.as_str()),
        (vec![(Some(2), true), (Some(9), false)], "Which?")
    );
    let update = types::UpdateWebPage {
        webpage: page(5, "Title"),
        pts: 1,
        pts_count: 0,
    };
    let (message, told) = note(update.into());
    assert_eq!(message, NotedMessage::Page(5));
    assert!(matches!(told, Note::Page(Some(media)) if media.name.as_deref() == Some("Title")));
    let pending = types::WebPagePending {
        id: 5,
        url: Some("https://example.org/page".to_owned()),
        date: 1,
    };
    let waiting = shown(of_page(pending.into()));
    assert_eq!(
        (&waiting["page"]["pending"], &waiting["page"]["id"]),
        (&json!(true), &json!("5"))
    );
    let pins = types::UpdatePinnedChannelMessages {
        pinned: true,
        channel_id: 3,
        messages: vec![4, 5],
        pts: 1,
        pts_count: 1,
    };
    let pinned = |message_id| Change::Noted {
        message: NotedMessage::Message {
            chat: ChatId::channel(3),
            message_id,
        },
        note: Note::Pinned(true),
    };
    assert_eq!(changes(vec![pins.into()], vec![]), [pinned(4), pinned(5)]);
}
