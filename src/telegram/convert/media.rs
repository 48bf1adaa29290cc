//! Media as placeholders: what it is, how big, how long, and the tiny preview; nothing is downloaded.

use grammers_client::tl;

use super::{some, thumb};
use crate::domain::{Media, MediaKind};

pub(super) fn describe(media: tl::enums::MessageMedia) -> Option<Media> {
    use tl::enums::MessageMedia as M;
    let named = |kind, name: String| Media {
        name: some(name),
        ..Media::of(kind)
    };
    let other = |name: &str| named(MediaKind::Other, name.to_owned());
    Some(match media {
        M::Empty => return None,
        M::Photo(media) => media
            .photo
            .map_or_else(|| Media::of(MediaKind::Photo), photo),
        M::Document(media) => document_or_gone(media),
        M::Geo(_) => Media::of(MediaKind::Location),
        M::GeoLive(_) => named(MediaKind::Location, "Live location".to_owned()),
        M::Venue(media) => named(MediaKind::Location, media.title),
        M::Contact(media) => named(
            MediaKind::Contact,
            format!("{} {}", media.first_name, media.last_name)
                .trim()
                .to_owned(),
        ),
        M::Poll(media) => {
            let tl::enums::Poll::Poll(poll) = media.poll;
            let tl::enums::TextWithEntities::Entities(question) = poll.question;
            named(MediaKind::Poll, question.text)
        }
        M::WebPage(media) => return web_page(media.webpage),
        M::Dice(media) => named(
            MediaKind::Other,
            format!("{} {}", media.emoticon, media.value),
        ),
        M::Game(media) => {
            let tl::enums::Game::Game(game) = media.game;
            named(MediaKind::Other, game.title)
        }
        M::Invoice(media) => named(MediaKind::Other, media.title),
        M::ToDo(media) => {
            let tl::enums::TodoList::List(list) = media.todo;
            let tl::enums::TextWithEntities::Entities(title) = list.title;
            named(MediaKind::Other, title.text)
        }
        M::Story(_) => other("Story"),
        M::Giveaway(_) | M::GiveawayResults(_) => other("Giveaway"),
        M::PaidMedia(_) => other("Paid media"),
        M::VideoStream(_) => other("Live stream"),
        M::Unsupported => other("Unsupported"),
    })
}

fn photo(photo: tl::enums::Photo) -> Media {
    let mut media = Media::of(MediaKind::Photo);
    let tl::enums::Photo::Photo(photo) = photo else {
        return media;
    };
    media.mime = Some("image/jpeg".to_owned());
    media.thumb = stripped(&photo.sizes);
    // The last size is the largest.
    for size in photo.sizes {
        match size {
            tl::enums::PhotoSize::Size(size) => {
                (media.width, media.height) = (Some(size.w), Some(size.h));
                media.size = Some(i64::from(size.size));
            }
            tl::enums::PhotoSize::Progressive(size) => {
                (media.width, media.height) = (Some(size.w), Some(size.h));
                media.size = size.sizes.last().copied().map(i64::from);
            }
            _ => {}
        }
    }
    media
}

/// A self-destructing document arrives without its document; the flags still tell what it was.
fn document_or_gone(media: tl::types::MessageMediaDocument) -> Media {
    match media.document {
        Some(tl::enums::Document::Document(found)) => document(found, media.round),
        _ if media.round => Media::of(MediaKind::VideoNote),
        _ if media.voice => Media::of(MediaKind::Voice),
        _ if media.video => Media::of(MediaKind::Video),
        _ => Media::of(MediaKind::Document),
    }
}

fn document(document: tl::types::Document, round: bool) -> Media {
    let mut media = Media::of(MediaKind::Document);
    media.size = Some(document.size);
    media.mime = some(document.mime_type);
    media.thumb = document.thumbs.as_deref().and_then(stripped);
    let mut file_name = None;
    let mut animated = false;
    for attribute in document.attributes {
        use tl::enums::DocumentAttribute as A;
        match attribute {
            A::ImageSize(size) => (media.width, media.height) = (Some(size.w), Some(size.h)),
            A::Animated => animated = true,
            A::Filename(file) => file_name = some(file.file_name),
            A::Sticker(sticker) => {
                media.kind = MediaKind::Sticker;
                media.name = some(sticker.alt);
            }
            A::Video(video) => {
                // A video sticker has a video attribute as well.
                if media.kind != MediaKind::Sticker {
                    media.kind = if video.round_message || round {
                        MediaKind::VideoNote
                    } else {
                        MediaKind::Video
                    };
                }
                media.duration = Some(whole_seconds(video.duration));
                (media.width, media.height) = (Some(video.w), Some(video.h));
            }
            A::Audio(audio) => {
                media.kind = if audio.voice {
                    MediaKind::Voice
                } else {
                    MediaKind::Audio
                };
                media.duration = Some(audio.duration);
                media.name = match (audio.performer, audio.title) {
                    (Some(performer), Some(title)) => Some(format!("{performer} – {title}")),
                    (None, Some(one)) | (Some(one), None) => some(one),
                    (None, None) => None,
                };
            }
            A::HasStickers | A::CustomEmoji(_) => {}
        }
    }
    if animated && matches!(media.kind, MediaKind::Video | MediaKind::Document) {
        media.kind = MediaKind::Animation;
    }
    media.name = media.name.or(file_name);
    media
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float-to-int cast saturates, and no video is that long"
)]
const fn whole_seconds(seconds: f64) -> i32 {
    seconds as i32
}

fn web_page(page: tl::enums::WebPage) -> Option<Media> {
    let tl::enums::WebPage::Page(page) = page else {
        return None;
    };
    Some(Media {
        name: page
            .title
            .or(page.site_name)
            .or_else(|| some(page.display_url)),
        thumb: page.photo.and_then(|found| photo(found).thumb),
        ..Media::of(MediaKind::WebPage)
    })
}

fn stripped(sizes: &[tl::enums::PhotoSize]) -> Option<String> {
    sizes.iter().find_map(|size| match size {
        tl::enums::PhotoSize::PhotoStrippedSize(size) => thumb::data_uri(&size.bytes),
        _ => None,
    })
}
