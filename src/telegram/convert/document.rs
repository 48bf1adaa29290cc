//! Document: what a photo or a file says of itself.

use grammers_client::tl;

use super::{clean, some};
use crate::domain::{Media, MediaDetail, MediaKind, Sticker, Track, kept_preview};

pub(super) fn photo(photo: tl::enums::Photo) -> Media {
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
                (media.width, media.height) = (clean::side(size.w), clean::side(size.h));
                media.size = clean::size(i64::from(size.size));
            }
            tl::enums::PhotoSize::Progressive(size) => {
                (media.width, media.height) = (clean::side(size.w), clean::side(size.h));
                media.size = size
                    .sizes
                    .last()
                    .copied()
                    .map(i64::from)
                    .and_then(clean::size);
            }
            _ => {}
        }
    }
    media
}

/// A self-destructing document arrives without its document; the flags still tell what it was.
pub(super) fn document_or_gone(media: tl::types::MessageMediaDocument) -> Media {
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
    media.size = clean::size(document.size);
    media.mime = some(clean::line(document.mime_type));
    media.thumb = document.thumbs.as_deref().and_then(stripped);
    let mut file_name = None;
    let mut animated = false;
    for attribute in document.attributes {
        use tl::enums::DocumentAttribute as A;
        match attribute {
            A::ImageSize(size) => {
                (media.width, media.height) = (clean::side(size.w), clean::side(size.h));
            }
            A::Animated => animated = true,
            A::Filename(file) => file_name = clean::file_name(file.file_name),
            A::Sticker(sticker) => {
                media.kind = MediaKind::Sticker;
                media.name = some(clean::line(sticker.alt));
                let set = match sticker.stickerset {
                    tl::enums::InputStickerSet::ShortName(set) => some(clean::line(set.short_name)),
                    _ => None,
                };
                media.detail = Some(Box::new(MediaDetail::Sticker(Sticker {
                    emoji: media.name.clone(),
                    set,
                })));
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
                media.duration = clean::seconds(whole_seconds(video.duration));
                (media.width, media.height) = (clean::side(video.w), clean::side(video.h));
            }
            A::Audio(audio) => {
                media.kind = if audio.voice {
                    MediaKind::Voice
                } else {
                    MediaKind::Audio
                };
                media.duration = clean::seconds(audio.duration);
                let performer = audio.performer.map(clean::line).and_then(some);
                let title = audio.title.map(clean::line).and_then(some);
                media.name = match (&performer, &title) {
                    (Some(performer), Some(title)) => Some(format!("{performer} – {title}")),
                    (None, Some(one)) | (Some(one), None) => Some(one.clone()),
                    (None, None) => None,
                };
                if audio.voice {
                    media.waveform = audio.waveform.as_deref().map(loudness);
                } else if media.name.is_some() {
                    let track = MediaDetail::Audio(Track { title, performer });
                    media.detail = Some(Box::new(track));
                }
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

/// Five bits for each moment, the lowest first (core.telegram.org/api/files, "waveform").
fn loudness(packed: &[u8]) -> Vec<u8> {
    /// Telegram's clients write a hundred moments.
    const MOMENTS: usize = 256;
    let moment = |index: usize| {
        let (byte, shift) = (index * 5 / 8, index * 5 % 8);
        let at = |byte: usize| u16::from(packed.get(byte).copied().unwrap_or(0));
        let bits = (at(byte) | at(byte + 1) << 8) >> shift;
        u8::try_from(bits & 31).unwrap_or(0)
    };
    (0..(packed.len() * 8 / 5).min(MOMENTS))
        .map(moment)
        .collect()
}

/// The same the other way.
pub(in crate::telegram) fn packed(loudness: &[u8]) -> Vec<u8> {
    let mut out = vec![0_u8; (loudness.len() * 5).div_ceil(8)];
    for (index, level) in loudness.iter().enumerate() {
        let (byte, shift) = (index * 5 / 8, index * 5 % 8);
        let bits = u16::from(level & 31) << shift;
        for (at, bits) in bits.to_le_bytes().into_iter().enumerate() {
            if let Some(byte) = out.get_mut(byte + at) {
                *byte |= bits;
            }
        }
    }
    out
}

pub(super) fn stripped(sizes: &[tl::enums::PhotoSize]) -> Option<String> {
    sizes.iter().find_map(|size| match size {
        tl::enums::PhotoSize::PhotoStrippedSize(size) => kept_preview(&size.bytes),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects voice messages that go out: their loudness comes back as it was written.
    #[test]
    fn loudness_is_packed_as_it_is_read() {
        let levels: Vec<u8> = (0..100).map(|at| (at * 7 % 32) as u8).collect();
        assert_eq!(packed(&levels).len(), 63);
        assert_eq!(loudness(&packed(&levels)), levels);
    }
}
