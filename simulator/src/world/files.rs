//! Files: what lies behind pictures and documents, on which data centre, and what clients upload.
//!
//! Big ones are made up from the seed while they are read; nothing of them is kept.

use std::{collections::HashMap, sync::Arc};

use super::{Media, Refusal, World, bad, ids::mix, picture, samples, uploads::Uploads};

/// Where files lie unless something else was said.
const FIRST_DC: i32 = 2;
/// Longer side of a picture's small size.
const SMALL: i32 = 320;

/// The bytes of one size of a file.
#[derive(Clone, Debug)]
pub enum Content {
    /// So many, made up.
    Seeded(i64),
    Drawn(Arc<[u8]>),
    /// As a client sent them.
    Parts(Arc<[Vec<u8>]>),
}

impl Content {
    pub fn size(&self) -> i64 {
        match self {
            Self::Seeded(size) => *size,
            Self::Drawn(bytes) => bytes.len() as i64,
            Self::Parts(parts) => parts.iter().map(|part| part.len() as i64).sum(),
        }
    }

    pub fn whole(&self, id: i64) -> Vec<u8> {
        self.read(id, 0, self.size())
    }

    fn read(&self, id: i64, offset: i64, limit: i64) -> Vec<u8> {
        let end = (offset + limit).min(self.size());
        let (from, to) = (offset as usize, end.max(offset) as usize);
        match self {
            Self::Seeded(_) => seeded(id, from, to),
            Self::Drawn(bytes) => bytes.get(from..to).unwrap_or_default().to_vec(),
            Self::Parts(parts) => {
                let mut out = Vec::with_capacity(to - from);
                let mut at = 0;
                for part in parts.iter() {
                    let (first, last) = (from.max(at), to.min(at + part.len()));
                    if first < last {
                        out.extend_from_slice(&part[first - at..last - at]);
                    }
                    at += part.len();
                }
                out
            }
        }
    }
}

/// The same bytes each time.
fn seeded(id: i64, from: usize, to: usize) -> Vec<u8> {
    let first = from & !7;
    let mut out = Vec::with_capacity(to - first + 8);
    for at in (first..to).step_by(8) {
        out.extend_from_slice(&mix(id as u64 ^ (at as u64 >> 3)).to_le_bytes());
    }
    out.truncate(to.saturating_sub(first));
    out.drain(..(from - first).min(out.len()));
    out
}

/// A part of one size of a file.
pub struct Stretch {
    content: Content,
    id: i64,
    offset: i64,
    limit: i64,
}

impl Stretch {
    pub fn read(&self) -> Vec<u8> {
        self.content.read(self.id, self.offset, self.limit)
    }

    /// How many bytes the whole of it has.
    pub fn of_size(&self) -> i64 {
        self.content.size()
    }
}

/// One size of a file.
#[derive(Clone, Debug)]
pub struct Size {
    /// As Telegram calls it; empty: the file itself.
    pub name: &'static str,
    pub width: i32,
    pub height: i32,
    pub content: Content,
}

#[derive(Clone, Debug)]
pub struct StoredFile {
    pub dc: i32,
    pub media: Option<Media>,
    pub sizes: Vec<Size>,
    /// Telegram no longer has it.
    pub gone: bool,
    /// Of the bytes that a client sent; empty for what was made up here.
    pub sha256: String,
}

impl StoredFile {
    pub fn size(&self, name: &str) -> Option<&Size> {
        self.sizes.iter().find(|size| size.name == name)
    }
}

/// All files, and the rules they are given out by.
#[derive(Debug)]
pub struct Files {
    known: HashMap<i64, StoredFile>,
    pub uploads: Uploads,
    /// Where the next ones lie.
    pub dc: i32,
    /// References of earlier generations have expired.
    generation: u32,
    /// Clients that can are sent to a CDN.
    pub cdn: bool,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            uploads: Uploads::default(),
            dc: FIRST_DC,
            generation: 1,
            cdn: false,
        }
    }
}

impl Files {
    pub fn get(&self, id: i64) -> Option<&StoredFile> {
        self.known.get(&id)
    }

    pub fn add(&mut self, id: i64, media: Option<Media>, sizes: Vec<Size>) {
        let file = StoredFile {
            dc: self.dc,
            media,
            sizes,
            gone: false,
            sha256: String::new(),
        };
        self.known.insert(id, file);
    }

    /// What a client has to show again when it fetches the file.
    pub fn reference(&self, id: i64) -> Vec<u8> {
        let mut out = self.generation.to_be_bytes().to_vec();
        out.extend(tag(id, self.generation));
        out
    }

    pub fn check_reference(&self, id: i64, reference: &[u8]) -> Result<(), Refusal> {
        let Some((generation, rest)) = reference.split_first_chunk::<4>() else {
            return Err(bad("FILE_REFERENCE_EMPTY"));
        };
        let generation = u32::from_be_bytes(*generation);
        if rest != tag(id, generation) || generation > self.generation {
            return Err(bad("FILE_REFERENCE_INVALID"));
        }
        if generation < self.generation {
            return Err(bad("FILE_REFERENCE_EXPIRED"));
        }
        Ok(())
    }

    /// What a client sent, as it came.
    pub fn note_hash(&mut self, id: i64, sha256: String) {
        if let Some(file) = self.known.get_mut(&id) {
            file.sha256 = sha256;
        }
    }

    pub fn expire_references(&mut self) {
        self.generation += 1;
    }

    pub fn forget(&mut self, id: i64) {
        if let Some(file) = self.known.get_mut(&id) {
            file.gone = true;
        }
    }
}

fn tag(id: i64, generation: u32) -> [u8; 8] {
    mix(id as u64 ^ u64::from(generation) << 32 ^ 0x7265_6600).to_be_bytes()
}

/// The hash that `viewer` has to show for a file. It differs per viewer, as Telegram's do.
pub fn file_hash(viewer: i64, id: i64) -> i64 {
    mix(id as u64 ^ mix(viewer as u64)) as i64
}

/// A size that fits into a square, in the picture's proportions.
fn fitted(width: i32, height: i32, side: i32) -> (i32, i32) {
    let longer = width.max(height).max(1);
    let scaled = |length: i32| (i64::from(length) * i64::from(side) / i64::from(longer)) as i32;
    if longer <= side {
        (width.max(1), height.max(1))
    } else {
        (scaled(width).max(1), scaled(height).max(1))
    }
}

/// Pictures longer than this are not drawn whole: somebody tries what a client makes of absurd sizes.
const LARGEST_SIDE: i32 = 2_560;

pub fn drawn(id: i64, name: &'static str, width: i32, height: i32) -> Size {
    let (drawn_width, drawn_height) = fitted(width, height, LARGEST_SIDE);
    Size {
        name,
        width,
        height,
        content: Content::Drawn(picture::draw(id, drawn_width, drawn_height)),
    }
}

/// The sizes of a photo, the small one first.
fn photo_sizes(id: i64, width: i32, height: i32, whole: Option<Content>) -> Vec<Size> {
    let (small_width, small_height) = fitted(width, height, SMALL);
    let mut large = Size {
        name: "x",
        width,
        height,
        content: Content::Seeded(0),
    };
    large.content = whole.unwrap_or_else(|| drawn(id, "x", width, height).content);
    vec![drawn(id, "m", small_width, small_height), large]
}

/// What the bytes of a kind of media are; `None`: it has none.
pub fn sizes_of(id: i64, media: &Media, whole: Option<Content>) -> Option<Vec<Size>> {
    let file = |size: i64, whole: Option<Content>| Size {
        name: "",
        width: 0,
        height: 0,
        content: whole
            .or_else(|| samples::bytes_of(media).map(Content::Drawn))
            .unwrap_or(Content::Seeded(size)),
    };
    Some(match media {
        Media::Photo { width, height } => photo_sizes(id, *width, *height, whole),
        Media::Document { size, .. } | Media::Voice { size, .. } => vec![file(*size, whole)],
        Media::Video {
            size,
            width,
            height,
            ..
        } => {
            let (small_width, small_height) = fitted(*width, *height, SMALL);
            vec![
                file(*size, whole),
                drawn(id, "m", small_width, small_height),
            ]
        }
        Media::Sticker { .. } => {
            let sticker = drawn(id, "", 512, 512);
            let sticker = Size {
                content: whole.unwrap_or(sticker.content),
                ..sticker
            };
            vec![sticker, drawn(id, "m", 128, 128)]
        }
        Media::Location { .. } | Media::Contact { .. } | Media::Poll { .. } => return None,
    })
}

/// Which part of which file a client asks for.
pub struct Wanted<'a> {
    pub id: i64,
    /// The access hash and the reference; `None`: a profile photo, which its peer opens.
    pub shown: Option<(i64, &'a [u8])>,
    pub size: &'a str,
}

impl World {
    /// Adds a file for what is about to be posted.
    pub fn file_for(&mut self, id: i64, media: &Media, whole: Option<Content>) -> bool {
        let Some(sizes) = sizes_of(id, media, whole) else {
            return false;
        };
        self.files.add(id, Some(media.clone()), sizes);
        true
    }

    /// A photo for a person or a chat.
    pub fn new_profile_photo(&mut self) -> i64 {
        let id = self.random_i64() >> 8;
        let sizes = vec![drawn(id, "a", 160, 160), drawn(id, "c", 640, 640)];
        self.files.add(id, None, sizes);
        id
    }

    /// What Telegram would give to `user` on the data centre `dc`.
    pub fn find_stretch(
        &self,
        (user, dc): (i64, i32),
        wanted: &Wanted,
        (offset, limit): (i64, i32),
    ) -> Result<Stretch, Refusal> {
        let file = self.files.get(wanted.id);
        let file = file.ok_or_else(|| bad("FILE_ID_INVALID"))?;
        if let Some((hash, reference)) = wanted.shown {
            if hash != file_hash(user, wanted.id) {
                return Err(bad("FILE_ID_INVALID"));
            }
            self.files.check_reference(wanted.id, reference)?;
        }
        if file.dc != dc {
            return Err(super::migrate("FILE", file.dc));
        }
        if file.gone {
            return Err(bad("FILE_ID_INVALID"));
        }
        let size = file.size(wanted.size);
        let size = size.ok_or_else(|| bad("LOCATION_INVALID"))?;
        Ok(Stretch {
            content: size.content.clone(),
            id: wanted.id,
            offset,
            limit: i64::from(limit),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects everything that compares bytes: a file is the same however it is cut.
    #[test]
    fn a_made_up_file_is_the_same_in_any_pieces() {
        let whole = Content::Seeded(10_000).read(7, 0, 10_000);
        assert_eq!(whole.len(), 10_000);
        for piece in [1, 7, 8, 1_000, 4_096] {
            let mut pieces = Vec::new();
            while (pieces.len() as i64) < 10_000 {
                pieces.extend(Content::Seeded(10_000).read(7, pieces.len() as i64, piece));
            }
            assert_eq!(pieces, whole, "{piece}");
        }
        assert!(Content::Seeded(10_000).read(7, 10_000, 10).is_empty());
        assert!(Content::Seeded(0).read(7, 0, 10).is_empty());
    }

    #[test]
    fn parts_are_one_file() {
        let parts = Content::Parts(vec![vec![1, 2, 3], vec![4, 5, 6], vec![7]].into());
        assert_eq!(parts.size(), 7);
        assert_eq!(parts.read(0, 2, 4), [3, 4, 5, 6]);
        assert_eq!(parts.read(0, 6, 9), [7]);
    }
}
