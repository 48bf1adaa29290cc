//! Uploads: parts of files that clients send, until a message takes them (core.telegram.org/api/files).

use std::collections::{BTreeMap, HashMap};

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::{Content, Refusal, bad};

/// Largest part, and what every part but the last divides.
const LARGEST_PART: usize = 512 * 1024;
/// Parts are multiples of this.
const STEP: usize = 1024;
/// How many a file may have.
const MOST_PARTS: i32 = 4_000;
const MOST_PARTS_PREMIUM: i32 = 8_000;
/// From here on `saveBigFilePart` has to be used.
const BIG_FROM: i64 = 10 * 1024 * 1024;

#[derive(Clone, Debug)]
struct Part {
    length: usize,
    /// Empty when nothing is kept of it.
    bytes: Vec<u8>,
}

#[derive(Debug, Default)]
struct Upload {
    parts: BTreeMap<i32, Part>,
    /// What `saveBigFilePart` said.
    total: Option<i32>,
}

/// How a client names what it sent.
#[derive(Clone, Copy, Debug)]
pub struct Taking<'a> {
    pub id: i64,
    pub parts: i32,
    pub big: bool,
    /// Empty: not told.
    pub md5: &'a str,
}

/// A whole file that a client sent.
#[derive(Clone, Debug)]
pub struct Taken {
    pub content: Content,
    /// Empty when nothing is kept of it.
    pub sha256: String,
}

/// By account and file id.
#[derive(Debug)]
pub struct Uploads {
    files: HashMap<(i64, i64), Upload>,
    /// False: only how long parts are is kept, for benches with files larger than memory.
    pub kept: bool,
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            files: HashMap::new(),
            kept: true,
        }
    }
}

impl Uploads {
    /// A part that a client sends; it may come again.
    pub fn save(
        &mut self,
        (user, id): (i64, i64),
        (part, total): (i32, Option<i32>),
        bytes: Vec<u8>,
        premium: bool,
    ) -> Result<(), Refusal> {
        let most = if premium {
            MOST_PARTS_PREMIUM
        } else {
            MOST_PARTS
        };
        if bytes.is_empty() {
            return Err(bad("FILE_PART_EMPTY"));
        }
        if bytes.len() > LARGEST_PART {
            return Err(bad("FILE_PART_TOO_BIG"));
        }
        if !(0..most).contains(&part) {
            return Err(bad("FILE_PART_INVALID"));
        }
        if total.is_some_and(|total| total > most || total == 0 || total > 0 && part >= total) {
            return Err(bad("FILE_PARTS_INVALID"));
        }
        // All but the last one are of a size that halves a megabyte evenly; without a total no part is known as the last.
        let last = total.is_none_or(|total| part == total - 1);
        if !last && (!bytes.len().is_multiple_of(STEP) || !LARGEST_PART.is_multiple_of(bytes.len()))
        {
            return Err(bad("FILE_PART_SIZE_INVALID"));
        }
        let upload = self.files.entry((user, id)).or_default();
        let total = total.filter(|total| *total > 0);
        if upload.total.is_some() && total.is_some() && upload.total != total {
            return Err(bad("FILE_PARTS_INVALID"));
        }
        upload.total = upload.total.or(total);
        let length = bytes.len();
        let bytes = if self.kept { bytes } else { Vec::new() };
        upload.parts.insert(part, Part { length, bytes });
        Ok(())
    }

    /// Parts live for a while only.
    pub fn expire(&mut self) {
        self.files.clear();
    }

    /// One part is no longer there. False: it was not there.
    pub fn lose(&mut self, user: i64, part: i32) -> bool {
        let of_user = self
            .files
            .iter_mut()
            .filter(|((owner, _), _)| *owner == user);
        of_user.fold(false, |lost, (_, upload)| {
            upload.parts.remove(&part).is_some() || lost
        })
    }

    /// How many parts lie here of an account's files.
    pub fn parts_of(&self, user: i64) -> usize {
        let of_user = self.files.iter().filter(|((owner, _), _)| *owner == user);
        of_user.map(|(_, upload)| upload.parts.len()).sum()
    }

    /// The parts put together; they are gone from the uploads.
    pub fn take(&mut self, user: i64, taking: Taking) -> Result<Taken, Refusal> {
        let upload = self.files.get(&(user, taking.id));
        let upload = upload.ok_or_else(|| bad("FILE_PARTS_INVALID"))?;
        let parts = taking.parts;
        if parts <= 0
            || upload.total.is_some() != taking.big
            || upload.total.is_some_and(|total| total != parts)
        {
            return Err(bad("FILE_PARTS_INVALID"));
        }
        let first = upload.parts.get(&0).map_or(0, |part| part.length);
        let mut size = 0;
        for part in 0..parts {
            let Some(found) = upload.parts.get(&part) else {
                return Err(bad(&format!("FILE_PART_{part}_MISSING")));
            };
            let last = part == parts - 1;
            if !last && (found.length != first || !found.length.is_multiple_of(STEP)) {
                return Err(bad("FILE_PART_SIZE_CHANGED"));
            }
            size += found.length as i64;
        }
        if !taking.big && size > BIG_FROM {
            return Err(bad("FILE_PARTS_INVALID"));
        }
        let bytes = || {
            upload
                .parts
                .values()
                .take(parts as usize)
                .map(|part| &part.bytes)
        };
        if self.kept && !taking.md5.is_empty() {
            let mut sum = Md5::new();
            bytes().for_each(|bytes| sum.update(bytes));
            if !taking.md5.eq_ignore_ascii_case(&hex(&sum.finalize())) {
                return Err(bad("MD5_CHECKSUM_INVALID"));
            }
        }
        let sha256 = if self.kept {
            let mut sum = Sha256::new();
            bytes().for_each(|bytes| sum.update(bytes));
            hex(&sum.finalize())
        } else {
            String::new()
        };
        let upload = self.files.remove(&(user, taking.id)).unwrap_or_default();
        let content = if self.kept {
            let parts = upload.parts.into_values().take(parts as usize);
            Content::Parts(parts.map(|part| part.bytes).collect::<Vec<_>>().into())
        } else {
            Content::Seeded(size)
        };
        Ok(Taken { content, sha256 })
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
