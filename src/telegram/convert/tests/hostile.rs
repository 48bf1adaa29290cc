//! What strangers could do with what they send, and what is to vanish.

use grammers_client::tl::enums::MessageMedia as M;

use super::{
    content::{photo, point, reread, shown, with_media},
    *,
};
use crate::{domain::MediaKind, telegram::convert::read_object};

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
