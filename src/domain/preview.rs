//! The tiny preview that comes inside a message: a JPEG without its head. Kept as it comes, put together again where it is shown.
//!
//! Telegram strips what is the same for all of them (api/files, "stripped thumbnails"): the standard tables of the JPEG
//! norm (annex K), the quantisation ones at quality 20. What is left is a version byte, height, width, and the scan.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};

/// Annex K.1 in zigzag order.
const LUMINANCE: [u16; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37,
    29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81,
    87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];
/// Annex K.2: after these, 99 to the end.
const CHROMINANCE: [u16; 14] = [17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66];

/// Annex K.3 to K.6: how many codes of each length, then their values.
const DC_LUMINANCE: [u8; 28] = [
    0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
];
const DC_CHROMINANCE: [u8; 28] = [
    0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
];
const AC_LUMINANCE_COUNTS: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d];
const AC_CHROMINANCE_COUNTS: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77];
/// The values up to where both tables go on in plain order.
const AC_LUMINANCE_HEAD: &[u8] = &[
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0,
    0x24, 0x33, 0x62, 0x72, 0x82,
];
const AC_CHROMINANCE_HEAD: &[u8] = &[
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0,
    0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26,
    0x27, 0x28, 0x29, 0x2a,
];

/// Where the height and then the width stand in the head.
const SIZE_AT: usize = 163;
const END: &[u8] = &[0xff, 0xd9];

static HEAD: LazyLock<Vec<u8>> = LazyLock::new(head);
/// The head in base64, as far as it fills whole groups of three bytes.
static HEAD_TEXT: LazyLock<String> = LazyLock::new(|| {
    let whole = HEAD.get(..HEAD.len() / 3 * 3);
    STANDARD.encode(whole.unwrap_or_default())
});
/// The two groups that the size stands in.
const SIZE_GROUPS: std::ops::Range<usize> = SIZE_AT / 3..SIZE_AT / 3 + 2;

/// How a preview begins as it is kept: what follows is its bytes without the head, in base64.
const KEPT: &str = "jpeg:";
const SHOWN: &str = "data:image/jpeg;base64,";

/// The preview as it is kept; `None` when the bytes are not a stripped JPEG.
#[must_use]
pub fn kept_preview(stripped: &[u8]) -> Option<String> {
    let [1, _, _, ..] = stripped else {
        return None;
    };
    Some(format!("{KEPT}{}", STANDARD.encode(stripped)))
}

/// The same as a `data:` URI. What is one already stays what it is: rows from before are kept so.
#[must_use]
pub fn shown_preview(kept: String) -> String {
    let stripped = kept
        .strip_prefix(KEPT)
        .and_then(|text| STANDARD.decode(text).ok());
    let jpeg = stripped.as_deref().and_then(preview_jpeg);
    jpeg.as_deref().and_then(shown).unwrap_or(kept)
}

/// Each preview's head is the same but for the size: most of the text is there already.
fn shown(jpeg: &[u8]) -> Option<String> {
    let (size, rest) = (SIZE_GROUPS, HEAD_TEXT.len() / 4);
    let mut text = String::with_capacity(SHOWN.len() + jpeg.len().div_ceil(3) * 4);
    text.push_str(SHOWN);
    text.push_str(HEAD_TEXT.get(..size.start * 4)?);
    STANDARD.encode_string(jpeg.get(size.start * 3..size.end * 3)?, &mut text);
    text.push_str(HEAD_TEXT.get(size.end * 4..)?);
    STANDARD.encode_string(jpeg.get(rest * 3..)?, &mut text);
    Some(text)
}

/// As it is kept today, of one that may be from before.
#[must_use]
pub fn renewed_preview(kept: String) -> String {
    let jpeg = kept
        .strip_prefix(SHOWN)
        .and_then(|text| STANDARD.decode(text).ok());
    match jpeg
        .as_deref()
        .and_then(stripped)
        .as_deref()
        .and_then(kept_preview)
    {
        Some(renewed) => renewed,
        None => kept,
    }
}

/// What Telegram sent of a JPEG that was put together here.
fn stripped(jpeg: &[u8]) -> Option<Vec<u8>> {
    let scan = jpeg.get(HEAD.len()..)?.strip_suffix(END)?;
    let mut out = vec![1, *jpeg.get(SIZE_AT + 1)?, *jpeg.get(SIZE_AT + 3)?];
    out.extend_from_slice(scan);
    (preview_jpeg(&out)? == jpeg).then_some(out)
}

/// The whole JPEG; `None` when the bytes are not a stripped one.
#[must_use]
pub fn preview_jpeg(stripped: &[u8]) -> Option<Vec<u8>> {
    let [1, height, width, scan @ ..] = stripped else {
        return None;
    };
    let mut out = Vec::with_capacity(HEAD.len() + scan.len() + 2);
    out.extend_from_slice(&HEAD);
    out.get_mut(SIZE_AT..SIZE_AT + 4)?
        .copy_from_slice(&[0, *height, 0, *width]);
    out.extend_from_slice(scan);
    out.extend_from_slice(END);
    Some(out)
}

fn head() -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    segment(&mut out, 0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    segment(&mut out, 0xdb, &quantisation(0, LUMINANCE.into_iter()));
    let chrominance = CHROMINANCE
        .into_iter()
        .chain(std::iter::repeat(99))
        .take(64);
    segment(&mut out, 0xdb, &quantisation(1, chrominance));
    segment(
        &mut out,
        0xc0,
        &[8, 0, 0, 0, 0, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1],
    );
    segment(&mut out, 0xc4, &[&[0x00][..], &DC_LUMINANCE].concat());
    segment(
        &mut out,
        0xc4,
        &ac_table(0x10, AC_LUMINANCE_COUNTS, AC_LUMINANCE_HEAD),
    );
    segment(&mut out, 0xc4, &[&[0x01][..], &DC_CHROMINANCE].concat());
    segment(
        &mut out,
        0xc4,
        &ac_table(0x11, AC_CHROMINANCE_COUNTS, AC_CHROMINANCE_HEAD),
    );
    segment(&mut out, 0xda, &[3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
    out
}

fn segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    out.extend([0xff, marker]);
    // No segment of the head is near 64 KiB.
    out.extend(
        u16::try_from(body.len() + 2)
            .unwrap_or(u16::MAX)
            .to_be_bytes(),
    );
    out.extend(body);
}

/// Quality 20 means two and a half times the standard steps, at most 255.
fn quantisation(id: u8, steps: impl Iterator<Item = u16>) -> Vec<u8> {
    let scaled = steps.map(|step| u8::try_from((step * 250 + 50) / 100).unwrap_or(u8::MAX));
    std::iter::once(id).chain(scaled).collect()
}

/// After its head a table lists, in rising order, every (run, size) pair it does not have yet.
fn ac_table(id: u8, counts: [u8; 16], head: &[u8]) -> Vec<u8> {
    let mut out = vec![id];
    out.extend(counts);
    out.extend(head);
    let listed = |value: &u8| (1..=10).contains(&(value & 15)) && !head.contains(value);
    out.extend((0..=0xff_u8).filter(listed));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects previews on the desk: the head is the one every stripped thumbnail was cut from.
    #[test]
    fn the_head_is_complete_and_in_its_place() {
        use sha1::{Digest, Sha1};
        let head = head();
        assert_eq!(head.len(), 623);
        let known: [u8; 4] = [0x63, 0x94, 0xf6, 0xe7];
        assert_eq!(Sha1::digest(&head)[..4], known);
        assert_eq!(head[SIZE_AT - 3..SIZE_AT], [0x00, 0x11, 8]);
        assert_eq!(head[25..30], [0x28, 0x1c, 0x1e, 0x23, 0x1e]);
        for (counts, values) in [(AC_LUMINANCE_COUNTS, 162), (AC_CHROMINANCE_COUNTS, 162)] {
            assert_eq!(
                counts.iter().map(|count| u32::from(*count)).sum::<u32>(),
                values
            );
        }
    }

    #[test]
    fn a_preview_gets_its_size_and_end() {
        let jpeg = preview_jpeg(&[1, 40, 30, 7, 7, 7]).unwrap();
        assert_eq!(jpeg[SIZE_AT..SIZE_AT + 4], [0, 40, 0, 30]);
        assert_eq!(jpeg[jpeg.len() - 5..], [7, 7, 7, 0xff, 0xd9]);
        assert!(kept_preview(&[2, 40, 30]).is_none());
        assert!(kept_preview(&[]).is_none());
    }

    /// Protects rows of every age: each shows the same picture, and an old one is no other than a new one.
    #[test]
    fn what_is_kept_is_shown_whole() {
        let kept = kept_preview(&[1, 40, 30, 7, 7, 7]).unwrap();
        assert!(kept.len() < 20);
        let shown = shown_preview(kept.clone());
        assert!(shown.starts_with("data:image/jpeg;base64,/9j/"));
        let jpeg = preview_jpeg(&[1, 40, 30, 7, 7, 7]).unwrap();
        assert_eq!(shown, format!("{SHOWN}{}", STANDARD.encode(jpeg)));
        assert_eq!(shown_preview(shown.clone()), shown);
        assert_eq!(renewed_preview(shown), kept);
        assert_eq!(renewed_preview(kept.clone()), kept);
        let other = "data:image/jpeg;base64,/9j/AAAA".to_owned();
        assert_eq!(renewed_preview(other.clone()), other);
    }
}
