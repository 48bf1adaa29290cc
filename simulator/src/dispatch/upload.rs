//! upload.*: small files, made up on the way down, taken and forgotten on the way up.

use grammers_tl_types::{enums, functions::upload as f, types};

use super::Call;
use crate::world::{Refusal, World, bad, view::file_bytes};

/// Largest part of a file in one call.
const PART_LIMIT: i32 = 1024 * 1024;

pub fn get_file(
    world: &mut World,
    call: &Call,
    r: f::GetFile,
) -> Result<enums::upload::File, Refusal> {
    use enums::InputFileLocation as L;
    if call.user == 0 {
        return Err(Refusal::new(401, "AUTH_KEY_UNREGISTERED"));
    }
    if r.limit <= 0 || r.limit > PART_LIMIT || r.offset < 0 {
        return Err(bad("LIMIT_INVALID"));
    }
    let (id, hash) = match &r.location {
        L::InputPhotoFileLocation(photo) => (photo.id, photo.access_hash),
        L::InputDocumentFileLocation(document) => (document.id, document.access_hash),
        _ => return Err(bad("LOCATION_INVALID")),
    };
    let bytes = file_bytes(id, hash, r.offset, r.limit, 0).ok_or_else(|| bad("FILE_ID_INVALID"))?;
    Ok(types::upload::File {
        r#type: enums::storage::FileType::FileJpeg,
        mtime: world.now(),
        bytes,
    }
    .into())
}

pub fn save_file_part(_: &mut World, _: &Call, _: f::SaveFilePart) -> Result<bool, Refusal> {
    Ok(true)
}

pub fn save_big_file_part(_: &mut World, _: &Call, _: f::SaveBigFilePart) -> Result<bool, Refusal> {
    Ok(true)
}
