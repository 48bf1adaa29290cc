//! Codes that Telegram writes: nobody but the account's owner ever sees one.

use super::*;

/// Protects every account: Telegram's own messages lose their codes, live and edited, and so do forwards of them by
/// whomever into any chat; what people write to each other stays as it is.
#[test]
fn telegrams_own_messages_lose_their_codes() {
    let forwarded = |header: types::MessageFwdHeader| types::Message {
        fwd_from: Some(header.into()),
        out: true,
        from_id: Some(user(SELF)),
        ..with_code(group(9))
    };
    let own = [
        with_code(user(777_000)),
        with_code(user(42_777)),
        types::Message {
            from_id: Some(user(777_000)),
            ..with_code(user(777_000))
        },
        types::Message {
            from_id: Some(user(777_000)),
            ..with_code(group(9))
        },
        types::Message {
            saved_peer_id: Some(user(777_000)),
            ..with_code(user(SELF))
        },
        forwarded(types::MessageFwdHeader {
            from_id: Some(user(777_000)),
            ..forward_header()
        }),
        forwarded(types::MessageFwdHeader {
            saved_from_peer: Some(user(777_000)),
            ..forward_header()
        }),
        forwarded(types::MessageFwdHeader {
            saved_from_id: Some(user(42_777)),
            ..forward_header()
        }),
    ];
    for message in own {
        let what = format!("{message:?}");
        let update = types::UpdateEditMessage {
            message: message.clone().into(),
            pts: 1,
            pts_count: 1,
        };
        let [Change::Edited(edited)] = &changes(vec![update.into()], Vec::new())[..] else {
            panic!("{what}");
        };
        for message in [&converted(message), edited] {
            assert_eq!(message.text, "Login code: •••••. Keep it", "{what}");
            assert!(message.masked, "{what}");
        }
    }
    let of_others = [
        with_code(user(7)),
        types::Message {
            out: true,
            ..with_code(user(777_000))
        },
        forwarded(types::MessageFwdHeader {
            from_id: Some(user(7)),
            ..forward_header()
        }),
    ];
    for message in of_others {
        let message = converted(message);
        assert_eq!(message.text, "Login code: 12345. Keep it");
        assert!(!message.masked);
    }
}

/// Protects quotes: what is quoted of Telegram's own has no code in it, in its chat and elsewhere.
#[test]
fn quotes_of_telegrams_own_messages_lose_their_codes() {
    let header = || types::MessageReplyHeader {
        reply_to_scheduled: false,
        forum_topic: false,
        quote: true,
        reply_to_ephemeral: false,
        reply_to_msg_id: Some(4),
        reply_to_peer_id: None,
        reply_from: None,
        reply_media: None,
        reply_to_top_id: None,
        quote_text: Some("code: 12345".to_owned()),
        quote_entities: None,
        quote_offset: None,
        todo_item_id: None,
        poll_option: None,
    };
    let quote = |peer, header: types::MessageReplyHeader| {
        let mut message = types::Message {
            out: true,
            reply_to: Some(header.into()),
            ..text(1, peer)
        };
        codes::mask_quote(&mut message);
        let Some(enums::MessageReplyHeader::Header(header)) = message.reply_to else {
            panic!("the header is gone");
        };
        header.quote_text.unwrap()
    };
    let elsewhere = types::MessageReplyHeader {
        reply_to_peer_id: Some(user(777_000)),
        ..header()
    };
    let forwarded = types::MessageReplyHeader {
        reply_from: Some(
            types::MessageFwdHeader {
                from_id: Some(user(777_000)),
                ..forward_header()
            }
            .into(),
        ),
        ..header()
    };
    assert_eq!(quote(user(777_000), header()), "code: •••••");
    assert_eq!(quote(group(9), elsewhere), "code: •••••");
    assert_eq!(quote(group(9), forwarded), "code: •••••");
    assert_eq!(quote(user(7), header()), "code: 12345");
}

/// Protects what Telegram itself marks as a code, whatever it looks like, the places of other marks, and addresses.
#[test]
fn marks_follow_the_masked_text_and_point_at_codes() {
    let mut message = types::Message {
        message: "😀 Code 1234567, say abc. Bye".to_owned(),
        entities: Some(vec![
            types::MessageEntityBold {
                offset: 3,
                length: 12,
            }
            .into(),
            types::MessageEntitySpoiler {
                offset: 21,
                length: 3,
            }
            .into(),
            types::MessageEntityTextUrl {
                offset: 26,
                length: 3,
                url: "https://t.me/login/12345".to_owned(),
            }
            .into(),
        ]),
        ..text(1, user(777_000))
    };
    assert!(codes::mask(&mut message));
    assert_eq!(message.message, "😀 Code •••••, say •••••. Bye");
    let places: Vec<(i32, i32)> = message
        .entities
        .unwrap()
        .into_iter()
        .map(|entity| match entity {
            enums::MessageEntity::Bold(e) => (e.offset, e.length),
            enums::MessageEntity::Spoiler(e) => (e.offset, e.length),
            enums::MessageEntity::TextUrl(e) => {
                assert_eq!(e.url, "https://t.me/login/•••••");
                (e.offset, e.length)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(places, [(3, 10), (19, 5), (26, 3)]);
}

/// Protects every account from codes that come as no message at all: a notice of the service is shown nowhere.
#[test]
fn a_notice_of_the_service_becomes_nothing() {
    let notice = types::UpdateServiceNotification {
        popup: true,
        invert_media: false,
        inbox_date: Some(1),
        r#type: "auth".to_owned(),
        message: "Login code: 12345".to_owned(),
        media: enums::MessageMedia::Empty,
        entities: Vec::new(),
    };
    assert_eq!(changes(vec![notice.into()], Vec::new()), []);
}
