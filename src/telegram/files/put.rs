//! Put: one part of a file that goes out, on the account's own data centre (core.telegram.org/api/files#uploading-files).

use std::time::Duration;

use grammers_client::tl;

use super::{
    FileError, PART_SIZE,
    lines::{FileLines, Way},
    packed::{Packed, shrinks},
};
use crate::domain::{OutgoingFile, SMALL_FILE};

/// A part of half a megabyte over a slow line, with others beside it.
const PART_LIMIT: Duration = Duration::from_secs(60);

/// How many parts a file has.
#[must_use]
pub fn parts_of(size: u64) -> u32 {
    // Beyond Telegram's largest file.
    u32::try_from(size.div_ceil(u64::from(PART_SIZE))).unwrap_or(u32::MAX)
}

/// May be repeated: a part that comes again is the same part.
pub(in crate::telegram) async fn put(
    lines: &FileLines,
    file: &OutgoingFile,
    part: u32,
    bytes: Vec<u8>,
) -> Result<(), FileError> {
    let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let shrinks = shrinks(&bytes);
    let (file_id, file_part) = (file.upload_id, number(part));
    if file.size > SMALL_FILE {
        let query = tl::functions::upload::SaveBigFilePart {
            file_id,
            file_part,
            file_total_parts: number(parts_of(file.size)),
            bytes,
        };
        return call(lines, query, shrinks).await;
    }
    let query = tl::functions::upload::SaveFilePart {
        file_id,
        file_part,
        bytes,
    };
    call(lines, query, shrinks).await
}

async fn call<R>(lines: &FileLines, query: R, shrinks: bool) -> Result<(), FileError>
where
    R: tl::RemoteCall<Return = bool>,
{
    // Files are no reason for Telegram to push anything on this line (core.telegram.org/method/invokeWithoutUpdates).
    let request = tl::functions::InvokeWithoutUpdates { query };
    if let Some(wait) = lines.held(Way::Up) {
        return Err(FileError::FloodWait(wait));
    }
    let packed = shrinks.then(|| Packed::of(&request)).flatten();
    let answer = match packed {
        Some(packed) => lines.outlets.call(packed, PART_LIMIT).await,
        None => lines.outlets.call(request, PART_LIMIT).await,
    };
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(FileError::Network("the part was not kept".to_owned())),
        Err(failure) => {
            if let Some(wait) = failure.flood() {
                lines.hold(Way::Up, wait);
            }
            Err(FileError::of(failure))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_is_the_rest() {
        let part = u64::from(PART_SIZE);
        for (size, parts) in [(1, 1), (part, 1), (part + 1, 2), (4_000 * part, 4_000)] {
            assert_eq!(parts_of(size), parts, "{size}");
        }
    }
}
