//! Samples: a voice and a film that browsers can play. Other sounds and films here are noise of a stated length.

use std::sync::{Arc, LazyLock};

use super::Media;

const VOICE: &[u8] = include_bytes!("voice.ogg");
const FILM: &[u8] = include_bytes!("film.mp4");
/// How loud each hundredth of the voice is, from 0 to 31.
const LOUDNESS: [u8; 100] = [
    14, 18, 16, 0, 0, 5, 23, 25, 16, 0, 0, 24, 29, 24, 0, 0, 25, 31, 22, 0, 0, 24, 31, 19, 0, 0,
    14, 26, 28, 7, 0, 0, 14, 24, 22, 14, 0, 0, 0, 9, 16, 16, 14, 6, 0, 0, 0, 0, 0, 3, 5, 6, 6, 6,
    5, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 4, 5, 5, 5, 4, 0, 0, 0, 0, 7, 12, 12, 7, 0, 0, 13, 17, 14,
    0, 1, 23, 24, 0, 7, 25, 22, 0, 28, 28, 0, 5, 7, 2, 18,
];

/// A hum of seven seconds, Opus in Ogg.
#[must_use]
pub const fn voice() -> Media {
    Media::Voice {
        seconds: 7,
        size: VOICE.len() as i64,
    }
}

/// Six seconds of colours that drift, H.264 in MP4.
#[must_use]
pub const fn film() -> Media {
    Media::Video {
        seconds: 6,
        width: 320,
        height: 180,
        size: FILM.len() as i64,
    }
}

/// What is behind a sample.
pub fn bytes_of(media: &Media) -> Option<Arc<[u8]>> {
    static KEPT: LazyLock<[(Media, Arc<[u8]>); 2]> =
        LazyLock::new(|| [(voice(), VOICE.into()), (film(), FILM.into())]);
    let kept = KEPT.iter().find(|(sample, _)| sample == media)?;
    Some(Arc::clone(&kept.1))
}

/// Of a voice, five bits for each bar as Telegram packs them; of noise, silence.
pub fn waveform_of(media: &Media) -> Vec<u8> {
    let mut out = vec![0; 63];
    if *media != voice() {
        return out;
    }
    for (bar, loudness) in LOUDNESS.iter().enumerate() {
        let (byte, bit) = (bar * 5 / 8, bar * 5 % 8);
        let both = u16::from(*loudness) << bit;
        let [low, high] = both.to_le_bytes();
        out[byte] |= low;
        if let Some(next) = out.get_mut(byte + 1) {
            *next |= high;
        }
    }
    out
}
