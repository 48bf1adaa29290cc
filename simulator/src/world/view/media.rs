//! Media: pictures, files and the like in Telegram's types, and the bytes behind them.

use grammers_tl_types::{enums, types};

use super::{
    super::{
        ids::mix,
        message::{Gid, Media},
    },
    file_id,
};

/// Data centre that all files lie on.
const FILE_DC: i32 = 2;
/// Size of every generated picture.
const PICTURE_BYTES: i64 = 4096;

pub fn media_tl(seed: u64, gid: Gid, date: i32, media: &Media) -> enums::MessageMedia {
    let id = file_id(seed, gid);
    match media.clone() {
        Media::Photo { width, height } => types::MessageMediaPhoto {
            spoiler: false,
            live_photo: false,
            photo: Some(photo(id, date, width, height)),
            ttl_seconds: None,
            video: None,
        }
        .into(),
        Media::Document { name, mime, size } => {
            let attributes = vec![types::DocumentAttributeFilename { file_name: name }.into()];
            document_media(document(id, date, &mime, size, attributes), false, false)
        }
        Media::Voice { seconds, size } => {
            let attribute = types::DocumentAttributeAudio {
                voice: true,
                duration: seconds,
                title: None,
                performer: None,
                waveform: Some(vec![0; 63]),
            };
            document_media(
                document(id, date, "audio/ogg", size, vec![attribute.into()]),
                true,
                false,
            )
        }
        Media::Video {
            seconds,
            width,
            height,
            size,
        } => {
            let attribute = types::DocumentAttributeVideo {
                round_message: false,
                supports_streaming: true,
                nosound: false,
                duration: f64::from(seconds),
                w: width,
                h: height,
                preload_prefix_size: None,
                video_start_ts: None,
                video_codec: None,
            };
            document_media(
                document(id, date, "video/mp4", size, vec![attribute.into()]),
                false,
                true,
            )
        }
        Media::Sticker { emoji } => {
            let stickerset = enums::InputStickerSet::Empty;
            let attribute = types::DocumentAttributeSticker {
                mask: false,
                alt: emoji,
                stickerset,
                mask_coords: None,
            };
            document_media(
                document(
                    id,
                    date,
                    "image/webp",
                    PICTURE_BYTES,
                    vec![attribute.into()],
                ),
                false,
                false,
            )
        }
        Media::Location {
            latitude,
            longitude,
        } => {
            let geo = types::GeoPoint {
                long: longitude,
                lat: latitude,
                access_hash: 0,
                accuracy_radius: None,
            };
            types::MessageMediaGeo { geo: geo.into() }.into()
        }
        Media::Contact {
            phone,
            first_name,
            last_name,
            user_id,
        } => types::MessageMediaContact {
            phone_number: phone,
            first_name,
            last_name,
            vcard: String::new(),
            user_id,
        }
        .into(),
        Media::Poll { question, answers } => poll(id, question, answers),
    }
}

fn photo(id: i64, date: i32, w: i32, h: i32) -> enums::Photo {
    let size = types::PhotoSize {
        r#type: "x".to_owned(),
        w,
        h,
        size: PICTURE_BYTES as i32,
    };
    let small = types::PhotoSize {
        r#type: "m".to_owned(),
        w: w.min(320),
        h: h.min(320),
        size: PICTURE_BYTES as i32,
    };
    types::Photo {
        has_stickers: false,
        id,
        access_hash: mix(id as u64) as i64,
        file_reference: reference(id),
        date,
        sizes: vec![small.into(), size.into()],
        video_sizes: None,
        dc_id: FILE_DC,
    }
    .into()
}

fn document(
    id: i64,
    date: i32,
    mime: &str,
    size: i64,
    attributes: Vec<enums::DocumentAttribute>,
) -> types::Document {
    types::Document {
        id,
        access_hash: mix(id as u64) as i64,
        file_reference: reference(id),
        date,
        mime_type: mime.to_owned(),
        size,
        thumbs: None,
        video_thumbs: None,
        dc_id: FILE_DC,
        attributes,
    }
}

fn document_media(document: types::Document, voice: bool, video: bool) -> enums::MessageMedia {
    types::MessageMediaDocument {
        nopremium: false,
        spoiler: false,
        video,
        round: false,
        voice,
        document: Some(document.into()),
        alt_documents: None,
        video_cover: None,
        video_timestamp: None,
        ttl_seconds: None,
    }
    .into()
}

fn poll(id: i64, question: String, answers: Vec<String>) -> enums::MessageMedia {
    let text = |text: String| {
        types::TextWithEntities {
            text,
            entities: Vec::new(),
        }
        .into()
    };
    let answers = answers.into_iter().zip(0u8..).map(|(answer, option)| {
        types::PollAnswer {
            text: text(answer),
            option: vec![option],
            media: None,
            added_by: None,
            date: None,
        }
        .into()
    });
    let poll = types::Poll {
        id,
        closed: false,
        public_voters: false,
        multiple_choice: false,
        quiz: false,
        open_answers: false,
        revoting_disabled: false,
        shuffle_answers: false,
        hide_results_until_close: false,
        creator: false,
        subscribers_only: false,
        question: text(question),
        answers: answers.collect(),
        close_period: None,
        close_date: None,
        countries_iso2: None,
        hash: 0,
    };
    let results = types::PollResults {
        min: false,
        has_unread_votes: false,
        can_view_stats: false,
        results: None,
        total_voters: Some(0),
        recent_voters: None,
        solution: None,
        solution_entities: None,
        solution_media: None,
    };
    types::MessageMediaPoll {
        poll: poll.into(),
        results: results.into(),
        attached_media: None,
    }
    .into()
}

/// What a client has to show again when it fetches the file.
fn reference(id: i64) -> Vec<u8> {
    mix(id as u64 ^ 0x7265_6600).to_be_bytes().to_vec()
}

/// The bytes of a file: made up, but the same each time. `None`: the access hash is wrong.
pub fn file_bytes(
    id: i64,
    access_hash: i64,
    offset: i64,
    limit: i32,
    size: i64,
) -> Option<Vec<u8>> {
    if access_hash != mix(id as u64) as i64 {
        return None;
    }
    let end = (offset + i64::from(limit)).min(if size > 0 { size } else { PICTURE_BYTES });
    Some(
        (offset..end.max(offset))
            .map(|at| (mix(id as u64 ^ (at as u64 >> 3)) >> ((at & 7) * 8)) as u8)
            .collect(),
    )
}
