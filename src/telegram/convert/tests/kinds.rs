//! What each kind of file is.

use super::*;
use crate::domain::MediaKind;

/// Protects the placeholders on the desk: every kind of media is told apart and described.
#[test]
fn every_kind_of_media_is_described() {
    use enums::DocumentAttribute as A;
    use enums::MessageMedia as M;
    let sticker = types::DocumentAttributeSticker {
        mask: false,
        alt: "😀".to_owned(),
        stickerset: enums::InputStickerSet::Empty,
        mask_coords: None,
    };
    let contact = types::MessageMediaContact {
        phone_number: "99966".to_owned(),
        first_name: "Amal".to_owned(),
        last_name: String::new(),
        vcard: String::new(),
        user_id: 0,
    };
    let dice = types::MessageMediaDice {
        value: 4,
        emoticon: "🎲".to_owned(),
        game_outcome: None,
    };
    let geo = types::MessageMediaGeo {
        geo: enums::GeoPoint::Empty,
    };
    let table: Vec<(M, MediaKind, Option<&str>)> = vec![
        (
            document(vec![named("a.pdf")]),
            MediaKind::Document,
            Some("a.pdf"),
        ),
        (
            document(vec![video(false), named("v.mp4")]),
            MediaKind::Video,
            Some("v.mp4"),
        ),
        (document(vec![video(true)]), MediaKind::VideoNote, None),
        (
            document(vec![video(false), A::Animated]),
            MediaKind::Animation,
            None,
        ),
        (
            document(vec![audio(true)]),
            MediaKind::Voice,
            Some("Band – Song"),
        ),
        (
            document(vec![audio(false), named("s.mp3")]),
            MediaKind::Audio,
            Some("Band – Song"),
        ),
        (
            document(vec![sticker.clone().into(), video(false)]),
            MediaKind::Sticker,
            Some("😀"),
        ),
        (geo.into(), MediaKind::Location, None),
        (contact.into(), MediaKind::Contact, Some("Amal")),
        (dice.into(), MediaKind::Dice, Some("🎲 4")),
        (M::Unsupported, MediaKind::Other, Some("Unsupported")),
    ];
    for (media, kind, name) in table {
        let message = converted(types::Message {
            media: Some(media),
            ..text(1, user(7))
        });
        let media = message.media.unwrap();
        assert_eq!((media.kind, media.name.as_deref()), (kind, name));
    }
    let media = converted(types::Message {
        media: Some(document(vec![video(false)])),
        ..text(1, user(7))
    })
    .media
    .unwrap();
    assert_eq!(
        (media.size, media.duration, media.width, media.height),
        (Some(1_234), Some(12), Some(640), Some(360))
    );
    assert!(media.thumb.unwrap().starts_with("jpeg:"));
    let none = converted(types::Message {
        media: Some(M::Empty),
        ..text(1, user(7))
    });
    assert_eq!(none.media, None);
}
