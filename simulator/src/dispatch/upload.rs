//! upload.*: parts of files, down by Telegram's rules (core.telegram.org/api/files), and up until a message takes them.

use grammers_tl_types::{enums, functions::upload as f, types};

use super::Call;
use crate::world::{ChatRef, Content, Media, Refusal, Stretch, Taken, Taking, Wanted, World, bad};

/// Largest part of a file in one call; none goes over a border of this size.
const PART_LIMIT: i64 = 1024 * 1024;
/// What offset and limit are multiples of.
const STEP: i64 = 4 * 1024;
const PRECISE_STEP: i64 = 1024;
/// Data centre of the CDN, and from which size on files are there.
const CDN_DC: i32 = 203;
const CDN_FROM: i64 = 1024 * 1024;
/// Of photos that clients send.
const LARGEST_PHOTO: i64 = 10 * 1024 * 1024;
const MOST_SIDES: i32 = 10_000;
const MOST_RATIO: i32 = 20;

/// What was found of a file, in the world; its bytes are read outside.
pub enum Found {
    Here { stretch: Stretch, mtime: i32 },
    OnCdn { token: Vec<u8> },
}

impl Found {
    pub fn into_file(self) -> enums::upload::File {
        match self {
            Self::Here { stretch, mtime } => {
                let bytes = stretch.read();
                types::upload::File {
                    r#type: kind_of(&bytes),
                    mtime,
                    bytes,
                }
                .into()
            }
            Self::OnCdn { token } => types::upload::FileCdnRedirect {
                dc_id: CDN_DC,
                file_token: token,
                encryption_key: vec![1; 32],
                encryption_iv: vec![2; 16],
                file_hashes: Vec::new(),
            }
            .into(),
        }
    }
}

pub fn get_file(world: &mut World, call: &Call, r: &f::GetFile) -> Result<Found, Refusal> {
    let user = world.require_user(call.key())?;
    check_stretch(r)?;
    let wanted = wanted(world, user, &r.location)?;
    let stretch = world.find_stretch((user, call.dc()), &wanted, (r.offset, r.limit))?;
    let on_cdn = world.files.cdn && stretch.of_size() >= CDN_FROM;
    if on_cdn && r.cdn_supported {
        let token = wanted.id.to_be_bytes().to_vec();
        return Ok(Found::OnCdn { token });
    }
    let mtime = world.now();
    Ok(Found::Here { stretch, mtime })
}

fn check_stretch(r: &f::GetFile) -> Result<(), Refusal> {
    let step = if r.precise { PRECISE_STEP } else { STEP };
    let limit = i64::from(r.limit);
    if r.offset < 0 || r.offset % step != 0 {
        return Err(bad("OFFSET_INVALID"));
    }
    if limit <= 0 || limit > PART_LIMIT || limit % step != 0 {
        return Err(bad("LIMIT_INVALID"));
    }
    if !r.precise && PART_LIMIT % limit != 0
        || r.offset / PART_LIMIT != (r.offset + limit - 1) / PART_LIMIT
    {
        return Err(bad("LIMIT_INVALID"));
    }
    Ok(())
}

fn wanted<'a>(
    world: &World,
    user: i64,
    location: &'a enums::InputFileLocation,
) -> Result<Wanted<'a>, Refusal> {
    use enums::InputFileLocation as L;
    Ok(match location {
        L::InputPhotoFileLocation(photo) => Wanted {
            id: photo.id,
            shown: Some((photo.access_hash, &photo.file_reference)),
            size: &photo.thumb_size,
        },
        L::InputDocumentFileLocation(document) => Wanted {
            id: document.id,
            shown: Some((document.access_hash, &document.file_reference)),
            size: &document.thumb_size,
        },
        L::InputPeerPhotoFileLocation(photo) => {
            let now = match world.resolve_peer(user, &photo.peer)? {
                ChatRef::User(id) => world.users.get(&id).map(|user| user.photo),
                ChatRef::Group(id) => world.groups.get(&id).map(|group| group.photo),
                ChatRef::Channel(id) => world.channels.get(&id).map(|channel| channel.photo),
            };
            if photo.photo_id == 0 || now != Some(photo.photo_id) {
                return Err(bad("LOCATION_INVALID"));
            }
            Wanted {
                id: photo.photo_id,
                shown: None,
                size: if photo.big { "c" } else { "a" },
            }
        }
        _ => return Err(bad("LOCATION_INVALID")),
    })
}

fn kind_of(bytes: &[u8]) -> enums::storage::FileType {
    use enums::storage::FileType as T;
    if bytes.starts_with(b"\x89PNG") {
        T::FilePng
    } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        T::FileJpeg
    } else {
        T::FileUnknown
    }
}

pub fn save_file_part(world: &mut World, call: &Call, r: f::SaveFilePart) -> Result<bool, Refusal> {
    let upload = (call.user, r.file_id);
    let premium = is_premium(world, call.user);
    let uploads = &mut world.files.uploads;
    uploads.save(upload, (r.file_part, None), r.bytes, premium)?;
    Ok(true)
}

pub fn save_big_file_part(
    world: &mut World,
    call: &Call,
    r: f::SaveBigFilePart,
) -> Result<bool, Refusal> {
    let upload = (call.user, r.file_id);
    let premium = is_premium(world, call.user);
    let part = (r.file_part, Some(r.file_total_parts));
    world.files.uploads.save(upload, part, r.bytes, premium)?;
    Ok(true)
}

fn is_premium(world: &World, user: i64) -> bool {
    world.users.get(&user).is_some_and(|user| user.premium)
}

/// What a client uploaded or shows anew, and the file behind it; 0: none.
pub fn media_and_file(
    world: &mut World,
    user: i64,
    media: &enums::InputMedia,
) -> Result<(Media, i64), Refusal> {
    use enums::InputMedia as M;
    match media {
        M::UploadedPhoto(photo) => {
            let taken = taken(world, user, &photo.file)?;
            let media = photo_media(world, &taken.content)?;
            Ok(added(world, media, taken))
        }
        M::UploadedDocument(document) => {
            let taken = taken(world, user, &document.file)?;
            let media = document_media(document, taken.content.size());
            Ok(added(world, media, taken))
        }
        M::Photo(photo) => match &photo.id {
            enums::InputPhoto::Photo(photo) => {
                let shown = (photo.id, photo.access_hash);
                known(world, user, shown, &photo.file_reference)
            }
            enums::InputPhoto::Empty => Err(bad("MEDIA_EMPTY")),
        },
        M::Document(document) => match &document.id {
            enums::InputDocument::Document(file) => known(
                world,
                user,
                (file.id, file.access_hash),
                &file.file_reference,
            ),
            enums::InputDocument::Empty => Err(bad("MEDIA_EMPTY")),
        },
        other => super::sent::media_of(other).map(|media| (media, 0)),
    }
}

fn taken(world: &mut World, user: i64, file: &enums::InputFile) -> Result<Taken, Refusal> {
    let taking = match file {
        enums::InputFile::File(file) => Taking {
            id: file.id,
            parts: file.parts,
            big: false,
            md5: &file.md5_checksum,
        },
        enums::InputFile::Big(file) => Taking {
            id: file.id,
            parts: file.parts,
            big: true,
            md5: "",
        },
        enums::InputFile::StoryDocument(_) => return Err(bad("MEDIA_INVALID")),
    };
    world.files.uploads.take(user, taking)
}

/// What Telegram takes as a photo: 10 MB, sides of 10,000 together, no strip (core.telegram.org/api/files).
fn photo_media(world: &World, content: &Content) -> Result<Media, Refusal> {
    if !world.files.uploads.kept {
        return Ok(Media::Photo {
            width: 800,
            height: 600,
        });
    }
    if content.size() > LARGEST_PHOTO {
        return Err(bad("PHOTO_SAVE_FILE_INVALID"));
    }
    let found = crate::world::dimensions(&content.whole(0));
    let (width, height) = found.ok_or_else(|| bad("IMAGE_PROCESS_FAILED"))?;
    let (long, short) = (width.max(height), width.min(height));
    if short < 1 || width + height > MOST_SIDES || long > short * MOST_RATIO {
        return Err(bad("PHOTO_INVALID_DIMENSIONS"));
    }
    Ok(Media::Photo { width, height })
}

fn added(world: &mut World, media: Media, taken: Taken) -> (Media, i64) {
    let id = world.random_i64() >> 8;
    world.file_for(id, &media, Some(taken.content));
    world.files.note_hash(id, taken.sha256);
    (media, id)
}

fn known(
    world: &World,
    user: i64,
    (id, hash): (i64, i64),
    reference: &[u8],
) -> Result<(Media, i64), Refusal> {
    let file = world.files.get(id).filter(|file| !file.gone);
    let media = file.and_then(|file| file.media.clone());
    let media = media
        .filter(|_| hash == crate::world::file_hash(user, id))
        .ok_or_else(|| bad("MEDIA_INVALID"))?;
    world.files.check_reference(id, reference)?;
    Ok((media, id))
}

fn document_media(document: &types::InputMediaUploadedDocument, size: i64) -> Media {
    use enums::DocumentAttribute as A;
    let attributes = &document.attributes;
    let find = |pick: fn(&A) -> Option<Media>| attributes.iter().find_map(pick);
    let special = find(|attribute| match attribute {
        A::Audio(audio) if audio.voice => Some(Media::Voice {
            seconds: audio.duration,
            size: 0,
        }),
        A::Sticker(sticker) => Some(Media::Sticker {
            emoji: sticker.alt.clone(),
        }),
        A::Video(video) => Some(Media::Video {
            seconds: video.duration as i32,
            width: video.w,
            height: video.h,
            size: 0,
        }),
        _ => None,
    });
    if let Some(media) = special.filter(|_| !document.force_file) {
        return media;
    }
    let name = attributes.iter().find_map(|attribute| match attribute {
        A::Filename(name) => Some(name.file_name.clone()),
        _ => None,
    });
    Media::Document {
        name: name.unwrap_or_else(|| "file".to_owned()),
        mime: document.mime_type.clone(),
        size,
    }
}
