//! Content: what each kind of message says as data, also from its kept object, and what strangers can't do with it.

use grammers_client::tl::enums::{MessageAction as A, MessageMedia as M};
use serde_json::{Value, json};

use super::{media::every_media, *};
use crate::{
    domain::{IncomingMessage, Note, NotedMessage, ObjectContent},
    telegram::convert::read_object,
};

pub(super) fn results(min: bool, told: &[(u8, i32, bool, bool)]) -> enums::PollResults {
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

pub(super) fn photo(ttl_seconds: Option<i32>) -> M {
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

pub(super) fn page(id: i64, title: &str) -> enums::WebPage {
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

pub(super) fn of_page(webpage: enums::WebPage) -> M {
    types::MessageMediaWebPage {
        force_large_media: false,
        force_small_media: false,
        manual: false,
        safe: false,
        webpage,
    }
    .into()
}

pub(super) fn with_media(media: M) -> types::Message {
    types::Message {
        media: Some(media),
        ..text(1, user(7))
    }
}

pub(super) fn shown(media: M) -> Value {
    let media = converted(with_media(media)).media.unwrap();
    let shown = serde_json::to_value(&media).unwrap();
    let again: crate::domain::Media = serde_json::from_value(shown.clone()).unwrap();
    assert_eq!(again, media);
    shown
}

/// What the row would get from the object alone.
pub(super) fn reread(message: &IncomingMessage) -> ObjectContent {
    let object = message.object.as_ref().unwrap();
    read_object(object).unwrap_or_else(|| panic!("not read again: {message:?}"))
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

pub(super) fn point(lat: f64, long: f64) -> enums::GeoPoint {
    types::GeoPoint {
        long,
        lat,
        access_hash: 1,
        accuracy_radius: Some(15),
    }
    .into()
}
