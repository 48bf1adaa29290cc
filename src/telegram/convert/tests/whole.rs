//! The whole message: what its columns say, and the object that is kept beside them.

use std::io::Read as _;

use flate2::read::DeflateDecoder;
use grammers_client::tl::{Deserializable as _, LAYER};

use super::*;
use crate::domain::{Entity, EntityKind, ForwardedFrom, MessageObject};

fn bytes_of(object: &MessageObject) -> Vec<u8> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(&object.bytes[..])
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

fn decoded(object: &MessageObject) -> enums::Message {
    assert_eq!(object.layer, LAYER);
    enums::Message::from_bytes(&bytes_of(object)).unwrap()
}

fn bold(offset: i32, length: i32) -> enums::MessageEntity {
    types::MessageEntityBold { offset, length }.into()
}

fn reply(change: impl FnOnce(&mut types::MessageReplyHeader)) -> enums::MessageReplyHeader {
    let mut header = types::MessageReplyHeader {
        reply_to_scheduled: false,
        forum_topic: false,
        quote: false,
        reply_to_ephemeral: false,
        reply_to_msg_id: Some(4),
        reply_to_peer_id: None,
        reply_from: None,
        reply_media: None,
        reply_to_top_id: None,
        quote_text: None,
        quote_entities: None,
        quote_offset: None,
        todo_item_id: None,
        poll_option: None,
    };
    change(&mut header);
    header.into()
}

pub(super) fn plain(words: &str) -> enums::RichText {
    types::TextPlain {
        text: words.to_owned(),
    }
    .into()
}

pub(super) fn fixed(words: &str) -> enums::RichText {
    types::TextFixed { text: plain(words) }.into()
}

pub(super) fn paragraph(text: enums::RichText) -> enums::PageBlock {
    types::PageBlockParagraph { text }.into()
}

pub(super) fn rich(blocks: Vec<enums::PageBlock>) -> Option<enums::RichMessage> {
    Some(
        types::RichMessage {
            rtl: false,
            part: false,
            blocks,
            photos: Vec::new(),
            documents: Vec::new(),
        }
        .into(),
    )
}

/// Protects the everyday message: it costs nothing beside its row.
#[test]
fn a_plain_message_has_no_object() {
    let supergroup = types::Message {
        replies: Some(
            types::MessageReplies {
                comments: false,
                replies: 0,
                replies_pts: 3,
                recent_repliers: None,
                channel_id: None,
                max_id: None,
                read_max_id: None,
            }
            .into(),
        ),
        from_id: Some(user(8)),
        ..text(1, channel(3))
    };
    let answer = types::Message {
        out: true,
        from_id: Some(user(SELF)),
        reply_to: Some(reply(|_| {})),
        ..text(2, user(7))
    };
    let in_topic = types::Message {
        reply_to: Some(reply(|header| {
            header.forum_topic = true;
            header.reply_to_top_id = Some(2);
        })),
        ..text(3, channel(3))
    };
    let note = types::Message {
        saved_peer_id: Some(user(SELF)),
        ..text(4, user(SELF))
    };
    for message in [text(5, user(7)), supergroup, answer, in_topic, note] {
        let what = format!("{message:?}");
        assert_eq!(converted(message).object, None, "{what}");
    }
}

/// Protects what a later version will want: whatever a row can't hold is in the object, and comes out of it as it was.
#[test]
fn a_message_that_is_more_than_its_row_is_kept_whole() {
    type Change = fn(&mut types::Message);
    let changes: [Change; 14] = [
        |m| m.entities = Some(vec![bold(0, 2)]),
        |m| m.media = Some(enums::MessageMedia::Unsupported),
        |m| m.fwd_from = Some(forward_header().into()),
        |m| m.grouped_id = Some(77),
        |m| m.via_bot_id = Some(9),
        |m| (m.views, m.forwards) = (Some(3), Some(0)),
        |m| m.ttl_period = Some(60),
        |m| m.noforwards = true,
        |m| m.effect = Some(4),
        |m| m.post_author = Some("The editor".to_owned()),
        |m| m.reply_to = Some(reply(|header| header.quote_text = Some("ell".to_owned()))),
        |m| m.reply_to = Some(reply(|header| header.reply_to_peer_id = Some(user(8)))),
        |m| m.rich_message = rich(vec![paragraph(plain("a"))]),
        // Large enough to be deflated.
        |m| {
            m.message = "many words ".repeat(200);
            m.entities = Some(vec![bold(0, 4)]);
        },
    ];
    for change in changes {
        let mut message = text(1, channel(3));
        change(&mut message);
        let object = converted(message.clone()).object.unwrap();
        assert!(object.bytes.len() < 700, "{}", object.bytes.len());
        assert_eq!(decoded(&object), message.into());
    }
    let service = types::MessageService {
        out: false,
        mentioned: false,
        media_unread: false,
        reactions_are_possible: false,
        silent: false,
        post: false,
        legacy: false,
        id: 6,
        from_id: Some(user(8)),
        peer_id: group(9),
        saved_peer_id: None,
        reply_to: None,
        date: 1,
        action: types::MessageActionChatEditTitle {
            title: "Team".to_owned(),
        }
        .into(),
        reactions: None,
        ttl_period: None,
    };
    let mut batch = Batch::empty(AccountId::random());
    let message = Converter::new(SELF, &mut batch)
        .message(service.clone().into())
        .unwrap();
    assert_eq!(decoded(&message.object.unwrap()), service.into());
}

/// Protects one row for one message: a private message is told short, without its sender, or in full.
#[test]
fn the_object_is_the_same_however_telegram_tells_the_message() {
    for (out, from) in [(true, SELF), (false, 7)] {
        let short = types::Message {
            out,
            entities: Some(vec![bold(0, 2)]),
            ..text(1, user(7))
        };
        let full = types::Message {
            from_id: Some(user(from)),
            ..short.clone()
        };
        assert_eq!(converted(full), converted(short));
    }
}

/// Protects the database: an object that nothing makes small is left out, the row is not.
#[test]
fn an_object_that_is_too_large_is_left_out() {
    let mut state = 1_u64;
    let noise: String = (0..100_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(33 + (state >> 40) as u8 % 90)
        })
        .collect();
    let message = converted(types::Message {
        rich_message: rich(vec![paragraph(plain(&noise))]),
        message: String::new(),
        ..text(1, user(7))
    });
    assert_eq!((message.object, message.text), (None, noise));
}

/// Protects what the desk shows of a message: its marks, its album, where it came from and what it quotes.
#[test]
fn marks_albums_forwards_and_quotes_have_their_columns() {
    let message = converted(types::Message {
        entities: Some(vec![
            bold(0, 2),
            types::MessageEntityTextUrl {
                offset: 1,
                length: 2,
                url: "https://example.org/a".to_owned(),
            }
            .into(),
            types::MessageEntityMentionName {
                offset: 2,
                length: 1,
                user_id: 8,
            }
            .into(),
            types::MessageEntityPre {
                offset: 3,
                length: 1,
                language: "rust".to_owned(),
            }
            .into(),
        ]),
        grouped_id: Some(i64::MAX),
        fwd_from: Some(
            types::MessageFwdHeader {
                from_id: Some(channel(3)),
                date: 5,
                ..forward_header()
            }
            .into(),
        ),
        reply_to: Some(reply(|header| {
            header.quote = true;
            header.quote_text = Some("ell".to_owned());
        })),
        ..text(1, user(7))
    });
    let entity = Entity::of;
    assert_eq!(
        message.entities,
        [
            entity(EntityKind::Bold, 0, 2),
            Entity {
                url: Some("https://example.org/a".to_owned()),
                ..entity(EntityKind::TextUrl, 1, 2)
            },
            Entity {
                user_id: Some(ChatId::user(8)),
                ..entity(EntityKind::MentionName, 2, 1)
            },
            Entity {
                language: Some("rust".to_owned()),
                ..entity(EntityKind::Pre, 3, 1)
            },
        ]
    );
    assert_eq!(message.album_id, Some(i64::MAX));
    assert_eq!(
        (message.quote.as_deref(), message.reply_to),
        (Some("ell"), Some(4))
    );
    let from = ForwardedFrom {
        id: Some(ChatId::channel(3)),
        name: None,
        date: date(5),
    };
    assert_eq!(message.forwarded_from, Some(from));
    let hidden = converted(types::Message {
        fwd_from: Some(
            types::MessageFwdHeader {
                from_name: Some("Hidden".to_owned()),
                ..forward_header()
            }
            .into(),
        ),
        ..text(1, user(7))
    });
    let from = hidden.forwarded_from.unwrap();
    assert_eq!((from.id, from.name.as_deref()), (None, Some("Hidden")));
    assert_eq!(hidden.sender_name.as_deref(), Some("Hidden"));
}

/// Protects every account: the object of a message of Telegram's own has no code in any place of it.
#[test]
fn the_object_of_a_masked_message_has_no_code() {
    const CODE: &str = "12345";
    let file = |name: &str| {
        types::DocumentAttributeFilename {
            file_name: name.to_owned(),
        }
        .into()
    };
    let own = || types::Message {
        entities: Some(vec![bold(0, 5)]),
        ..with_code(user(777_000))
    };
    let quoting = types::Message {
        out: true,
        from_id: Some(user(SELF)),
        reply_to: Some(reply(|header| {
            header.quote = true;
            header.quote_text = Some(format!("Login code: {CODE}"));
            header.reply_media = Some(document(vec![file(CODE)]));
        })),
        ..text(1, user(777_000))
    };
    let messages = [
        own(),
        types::Message {
            media: Some(document(vec![file(&format!("code {CODE}.txt"))])),
            ..own()
        },
        types::Message {
            message: String::new(),
            rich_message: rich(vec![paragraph(plain(&format!("Login code: {CODE}")))]),
            ..text(1, user(777_000))
        },
        quoting,
    ];
    for message in messages {
        let what = format!("{message:?}");
        let converted = converted(message);
        let object = converted.object.as_ref().map(bytes_of).unwrap_or_default();
        let found = object
            .windows(CODE.len())
            .any(|part| part == CODE.as_bytes());
        assert!(!found, "{what}");
        assert!(!converted.text.contains(CODE), "{what}");
    }
    // What is set apart is a code, whatever it looks like.
    let apart = converted(types::Message {
        message: String::new(),
        rich_message: rich(vec![paragraph(
            types::TextConcat {
                texts: vec![plain("Say "), fixed("abc")],
            }
            .into(),
        )]),
        ..text(1, user(777_000))
    });
    assert_eq!((apart.text.as_str(), apart.masked), ("Say •••••", true));
    assert!(
        apart
            .object
            .is_some_and(|object| !bytes_of(&object).windows(3).any(|part| part == b"abc"))
    );
}
