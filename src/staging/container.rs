//! Container: what a file is by its own bytes: a picture, a film with its size and length, a sound with its length.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use super::{Staged, Staging, StagingError, voice};
use crate::aside;

const HEAD: usize = 512;
/// The end of an Ogg file, where its last page begins: a page has at most 65,307 bytes (RFC 3533, 6).
const OGG_TAIL: u64 = 66 * 1024;
/// Opus in Ogg always counts 48,000 samples a second (RFC 7845, 4).
const OPUS_RATE: u64 = 48_000;
/// Boxes looked at in an MP4 file; real ones have a few dozen before what is looked for.
const BOXES: usize = 4_096;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Film {
    pub width: i32,
    pub height: i32,
    pub seconds: i32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Head {
    Picture(&'static str),
    Film(Film),
    Sound {
        seconds: Option<i32>,
    },
    /// Opus in Ogg, as voice messages are.
    OggOpus {
        seconds: i32,
    },
    /// WebM, in which some browsers record.
    WebM,
    Other,
}

impl Head {
    /// What the bytes say it is; `None`: the sender knows better.
    pub const fn mime(&self) -> Option<&'static str> {
        match self {
            Self::Picture(mime) => Some(mime),
            _ => None,
        }
    }
}

pub(super) async fn head(path: &Path) -> Result<Head, StagingError> {
    let path = path.to_owned();
    let work = aside::blocking(move || look(&mut File::open(path)?));
    let looked = work.await.map_err(|_| broken())?;
    Ok(looked?)
}

/// The same as a voice message, with its length; `Some(None)`: it is one as it lies there. `None`: it can't be one.
pub(super) async fn as_voice(
    staging: &Staging,
    staged: &Staged,
    head: &Head,
) -> Result<Option<(Option<Staged>, i32)>, StagingError> {
    match head {
        Head::OggOpus { seconds } => return Ok(Some((None, *seconds))),
        Head::WebM => {}
        _ => return Ok(None),
    }
    let path = staged.path().to_owned();
    let work = aside::blocking(move || voice::from_webm(File::open(path)?));
    let Some((bytes, seconds)) = work.await.map_err(|_| broken())?? else {
        return Ok(None);
    };
    let length = bytes.len() as u64;
    let mut writer = staging.begin(staged.name().account, length, Some(length))?;
    writer.write(&bytes).await?;
    Ok(Some((Some(writer.finish().await?), seconds)))
}

fn broken() -> StagingError {
    StagingError::Folder(io::Error::other("the file could not be looked at"))
}

fn look(file: &mut (impl Read + Seek)) -> io::Result<Head> {
    let mut head = Vec::with_capacity(HEAD);
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    use image::ImageFormat as F;
    Ok(match image::guess_format(&head) {
        Ok(F::Jpeg) => Head::Picture("image/jpeg"),
        Ok(F::Png) => Head::Picture("image/png"),
        Ok(F::WebP) => Head::Picture("image/webp"),
        _ if head.starts_with(b"OggS") && contains(&head, b"OpusHead") => Head::OggOpus {
            seconds: ogg_seconds(file)?,
        },
        _ if head.get(4..8) == Some(b"ftyp") => mp4(file)?,
        _ if head.starts_with(b"\x1a\x45\xdf\xa3") => Head::WebM,
        _ => Head::Other,
    })
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|found| found == wanted)
}

/// By the position that the last page names.
fn ogg_seconds(file: &mut (impl Read + Seek)) -> io::Result<i32> {
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(end.saturating_sub(OGG_TAIL)))?;
    let mut tail = Vec::new();
    file.by_ref().take(OGG_TAIL).read_to_end(&mut tail)?;
    let last = tail.windows(4).rposition(|bytes| bytes == b"OggS");
    let position = last
        .and_then(|at| tail.get(at + 6..))
        .and_then(|rest| rest.first_chunk::<8>())
        .map_or(0, |bytes| u64::from_le_bytes(*bytes));
    Ok(i32::try_from(position.div_ceil(OPUS_RATE)).unwrap_or(0))
}

/// The boxes of ISO/IEC 14496-12 that say how long it is and how large its picture: `moov/mvhd` and `moov/trak/tkhd`.
fn mp4(file: &mut (impl Read + Seek)) -> io::Result<Head> {
    let mut end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let (mut seconds, mut size) = (None, None);
    for _ in 0..BOXES {
        let at = file.stream_position()?;
        let Some((name, head, length)) = next_box(file, end.saturating_sub(at))? else {
            break;
        };
        match &name {
            b"moov" => end = at + length,
            b"trak" => {}
            b"mvhd" => {
                seconds = mvhd(&body(file)?);
                file.seek(SeekFrom::Start(at + length))?;
            }
            b"tkhd" => {
                // The first track that can be seen.
                size = size.or_else(|| tkhd_size(file).ok().flatten());
                file.seek(SeekFrom::Start(at + length))?;
            }
            _ => {
                debug_assert!(head <= length, "a box holds its own head");
                file.seek(SeekFrom::Start(at + length))?;
            }
        }
    }
    Ok(match size {
        Some((width, height)) => Head::Film(Film {
            width,
            height,
            seconds: seconds.unwrap_or(0),
        }),
        None => Head::Sound { seconds },
    })
}

/// Name, length of the head and of the whole, of at most `left` bytes.
fn next_box(file: &mut (impl Read + Seek), left: u64) -> io::Result<Option<([u8; 4], u64, u64)>> {
    let mut head = [0; 8];
    if left < 8 || file.read_exact(&mut head).is_err() {
        return Ok(None);
    }
    let [a, b, c, d, name @ ..] = head;
    let (head, length) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (8, left),
        1 => {
            let mut large = [0; 8];
            if file.read_exact(&mut large).is_err() {
                return Ok(None);
            }
            (16, u64::from_be_bytes(large))
        }
        length => (8, u64::from(length)),
    };
    Ok((head..=left)
        .contains(&length)
        .then_some((name, head, length)))
}

/// As much of a box as is looked at.
fn body(file: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    file.by_ref().take(128).read_to_end(&mut body)?;
    Ok(body)
}

fn number(body: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32::from_be_bytes(
        *body.get(at..)?.first_chunk()?,
    )))
}

fn mvhd(body: &[u8]) -> Option<i32> {
    let (scale, duration) = if body.first() == Some(&1) {
        let long = u64::from_be_bytes(*body.get(24..)?.first_chunk()?);
        (number(body, 20)?, long)
    } else {
        (number(body, 12)?, number(body, 16)?)
    };
    i32::try_from(duration.checked_div(scale)?).ok()
}

fn tkhd_size(file: &mut (impl Read + Seek)) -> io::Result<Option<(i32, i32)>> {
    let body = body(file)?;
    let at = if body.first() == Some(&1) { 88 } else { 76 };
    // 16.16 fixed point.
    let side = |at| {
        i32::try_from(number(&body, at)? >> 16)
            .ok()
            .filter(|side| *side > 0)
    };
    Ok(side(at).zip(side(at + 4)))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
        [&length[..], name, body].concat()
    }

    fn film(width: u32, height: u32) -> Vec<u8> {
        let mut mvhd = vec![0; 100];
        mvhd[12..16].copy_from_slice(&1000_u32.to_be_bytes());
        mvhd[16..20].copy_from_slice(&4200_u32.to_be_bytes());
        let mut tkhd = vec![0; 84];
        tkhd[76..80].copy_from_slice(&(width << 16).to_be_bytes());
        tkhd[80..84].copy_from_slice(&(height << 16).to_be_bytes());
        let track = boxed(b"trak", &boxed(b"tkhd", &tkhd));
        let moov = [boxed(b"mvhd", &mvhd), track].concat();
        [
            boxed(b"ftyp", b"isom\0\0\0\0"),
            boxed(b"mdat", &[7; 1000]),
            boxed(b"moov", &moov),
        ]
        .concat()
    }

    #[test]
    fn a_film_says_how_large_and_long_it_is() {
        let found = look(&mut Cursor::new(film(640, 480))).unwrap();
        let wanted = Film {
            width: 640,
            height: 480,
            seconds: 4,
        };
        assert_eq!(found, Head::Film(wanted));
        let found = look(&mut Cursor::new(film(0, 0))).unwrap();
        assert_eq!(found, Head::Sound { seconds: Some(4) });
    }

    /// Protects the service from files made to break it: whatever a box claims, looking ends.
    #[test]
    fn boxes_that_lie_end_the_look() {
        let mut lying = film(640, 480);
        for at in 0..lying.len().min(1100) {
            let before = std::mem::replace(&mut lying[at], 0xff);
            look(&mut Cursor::new(&lying)).unwrap();
            lying[at] = before;
        }
        for length in 0..lying.len() {
            look(&mut Cursor::new(&lying[..length])).unwrap();
        }
    }
}
