//! Media: pictures, files and the like in Telegram's types, and the bytes behind them.

use grammers_tl_types::{enums, types};

use super::super::{
    Files, Size, StoredFile, World, file_hash,
    message::{Body, Gid, Media},
    picture::stripped,
    samples,
};

impl World {
    /// Media as `viewer` sees it.
    pub fn media_tl(
        &self,
        viewer: i64,
        gid: Gid,
        body: &Body,
        media: &Media,
    ) -> enums::MessageMedia {
        self.shown_media(viewer, (gid, body.date), body.file, media)
    }

    /// A file that no message has yet.
    pub fn file_media(&self, viewer: i64, media: &Media, file: i64) -> enums::MessageMedia {
        self.shown_media(viewer, (0, self.now()), file, media)
    }

    fn shown_media(
        &self,
        viewer: i64,
        (gid, date): (Gid, i32),
        id: i64,
        media: &Media,
    ) -> enums::MessageMedia {
        let file = self.files.get(id);
        let size = file
            .and_then(|file| file.size(""))
            .map_or(0, |size| size.content.size());
        let document = |mime: &str, attributes: Vec<enums::DocumentAttribute>| types::Document {
            id,
            access_hash: file_hash(viewer, id),
            file_reference: self.files.reference(id),
            date,
            mime_type: mime.to_owned(),
            size,
            thumbs: file.and_then(|file| thumbs(id, file)),
            video_thumbs: None,
            dc_id: file.map_or(0, |file| file.dc),
            attributes,
        };
        match media.clone() {
            Media::Photo { .. } => types::MessageMediaPhoto {
                spoiler: false,
                live_photo: false,
                photo: file.map(|file| self.photo(viewer, id, date, file)),
                ttl_seconds: None,
                video: None,
            }
            .into(),
            Media::Document { name, mime, .. } => {
                let name = types::DocumentAttributeFilename { file_name: name };
                document_media(document(&mime, vec![name.into()]), false, false)
            }
            Media::Voice { seconds, .. } => {
                let attribute = types::DocumentAttributeAudio {
                    voice: true,
                    duration: seconds,
                    title: None,
                    performer: None,
                    waveform: Some(samples::waveform_of(media)),
                };
                document_media(document("audio/ogg", vec![attribute.into()]), true, false)
            }
            Media::Video {
                seconds,
                width,
                height,
                ..
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
                document_media(document("video/mp4", vec![attribute.into()]), false, true)
            }
            Media::Sticker { emoji } => {
                let attribute = types::DocumentAttributeSticker {
                    mask: false,
                    alt: emoji,
                    stickerset: enums::InputStickerSet::Empty,
                    mask_coords: None,
                };
                document_media(document("image/webp", vec![attribute.into()]), false, false)
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
            Media::Poll { question, answers } => {
                poll(super::file_id(self.seed, gid), question, answers)
            }
        }
    }

    fn photo(&self, viewer: i64, id: i64, date: i32, file: &StoredFile) -> enums::Photo {
        types::Photo {
            has_stickers: false,
            id,
            access_hash: file_hash(viewer, id),
            file_reference: self.files.reference(id),
            date,
            sizes: photo_sizes(id, file, &file.sizes),
            video_sizes: None,
            dc_id: file.dc,
        }
        .into()
    }
}

/// The tiny preview, then what can be fetched.
fn photo_sizes(id: i64, file: &StoredFile, sizes: &[Size]) -> Vec<enums::PhotoSize> {
    let preview = types::PhotoStrippedSize {
        r#type: "i".to_owned(),
        bytes: stripped(id),
    };
    let sizes = sizes.iter().map(|size| {
        types::PhotoSize {
            r#type: size.name.to_owned(),
            w: size.width,
            h: size.height,
            size: if file.gone {
                0
            } else {
                size.content.size() as i32
            },
        }
        .into()
    });
    std::iter::once(preview.into()).chain(sizes).collect()
}

/// Of a document: every size that is not the file itself.
fn thumbs(id: i64, file: &StoredFile) -> Option<Vec<enums::PhotoSize>> {
    let small: Vec<Size> = file
        .sizes
        .iter()
        .filter(|size| !size.name.is_empty())
        .cloned()
        .collect();
    (!small.is_empty()).then(|| photo_sizes(id, file, &small))
}

pub fn profile_photo(files: &Files, id: i64) -> Option<enums::UserProfilePhoto> {
    let file = files.get(id)?;
    Some(
        types::UserProfilePhoto {
            has_video: false,
            personal: false,
            photo_id: id,
            stripped_thumb: Some(stripped(id)),
            dc_id: file.dc,
        }
        .into(),
    )
}

pub fn chat_photo(files: &Files, id: i64) -> enums::ChatPhoto {
    let Some(file) = files.get(id) else {
        return enums::ChatPhoto::Empty;
    };
    types::ChatPhoto {
        has_video: false,
        photo_id: id,
        stripped_thumb: Some(stripped(id)),
        dc_id: file.dc,
    }
    .into()
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
