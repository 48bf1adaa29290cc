//! Put: files that go out through a link: their parts, and what Telegram makes of them before a message shows them.

use std::sync::Arc;

use grammers_client::tl;
use tl::enums::{Document, DocumentAttribute, InputFile, InputMedia, MessageMedia, Photo};

use super::{handle::LinkHandle, outcome::of_chat, resolve::input_peer};
use crate::{
    domain::{ChatId, FileShape, MessageError, OutgoingFile, PutUp, SMALL_FILE},
    telegram::{
        CallError, FileError,
        convert::packed,
        error::{Failure, meaning},
        files,
    },
};

/// Why a file whose parts are all there is not put up.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// Telegram lacks this one of its parts.
    #[error("part {0} is missing at Telegram")]
    PartMissing(u32),
    /// Telegram lacks all of them, or takes them for no file: they go up again.
    #[error("the parts are gone at Telegram")]
    PartsGone,
    #[error(transparent)]
    Call(CallError),
    /// For good.
    #[error("Telegram refused: {}", .0.message)]
    Refused(MessageError),
}

impl PutError {
    fn of(failure: Failure) -> Self {
        let Failure::Rpc { code, name, value } = &failure else {
            return Self::Call(failure.into_call_error());
        };
        match (name.as_str(), value) {
            ("FILE_PART_MISSING", Some(part)) => return Self::PartMissing(*part),
            // Parts that were stored partly, or for another number of parts.
            (
                "FILE_PART_MISSING"
                | "FILE_PARTS_INVALID"
                | "FILE_PART_SIZE_CHANGED"
                | "FILE_ID_INVALID"
                | "MD5_CHECKSUM_INVALID",
                _,
            ) => return Self::PartsGone,
            _ => {}
        }
        let final_word = matches!(code, 400 | 403 | 404 | 406) || failure.is_frozen();
        if final_word && failure.flood().is_none() && failure.exit().is_none() {
            return Self::Refused(MessageError {
                code: name.clone(),
                message: meaning(name).to_owned(),
            });
        }
        Self::Call(failure.into_call_error())
    }
}

impl LinkHandle {
    /// A part of a file that goes out; it may come again.
    ///
    /// # Errors
    /// See [`FileError`].
    pub async fn put_part(
        &self,
        file: &OutgoingFile,
        part: u32,
        bytes: Vec<u8>,
    ) -> Result<(), FileError> {
        let (shared, file) = (Arc::clone(&self.shared), file.clone());
        let work = async move { files::put(&shared.files, &file, part, bytes).await };
        let answer = self.aside(work).await;
        let answer = answer.unwrap_or_else(|_| Err(FileError::Network("the line was cut".into())));
        if let Err(FileError::SignedOut(exit)) = &answer {
            self.shared.end_with(exit.clone());
        }
        answer
    }

    /// All parts are there: Telegram makes a file of its own of them, for this chat. Nobody sees anything yet, and it may
    /// be done again.
    ///
    /// # Errors
    /// See [`PutError`].
    pub async fn put_up(&self, chat: ChatId, file: &OutgoingFile) -> Result<PutUp, PutError> {
        let peer = input_peer(&self.shared, chat)
            .await
            .map_err(|error| match error {
                CallError::Unresolvable => PutError::Refused(MessageError {
                    code: "PEER_ID_INVALID".to_owned(),
                    message: meaning("PEER_ID_INVALID").to_owned(),
                }),
                passing => PutError::Call(passing),
            })?;
        let request = tl::functions::messages::UploadMedia {
            business_connection_id: None,
            peer,
            media: media_of(file),
        };
        let made = self.shared.try_call(&request).await;
        let made = made.map_err(|failure| match PutError::of(failure) {
            PutError::Refused(error) => PutError::Refused(of_chat(chat, error)),
            error => error,
        })?;
        put_up_of(made).ok_or_else(|| {
            PutError::Refused(MessageError {
                code: "MEDIA_INVALID".to_owned(),
                message: meaning("MEDIA_INVALID").to_owned(),
            })
        })
    }
}

fn put_up_of(made: MessageMedia) -> Option<PutUp> {
    match made {
        MessageMedia::Photo(media) => match media.photo? {
            Photo::Photo(photo) => Some(PutUp {
                photo: true,
                id: photo.id,
                access_hash: photo.access_hash,
                reference: photo.file_reference,
            }),
            Photo::Empty(_) => None,
        },
        MessageMedia::Document(media) => match media.document? {
            Document::Document(document) => Some(PutUp {
                photo: false,
                id: document.id,
                access_hash: document.access_hash,
                reference: document.file_reference,
            }),
            Document::Empty(_) => None,
        },
        _ => None,
    }
}

fn media_of(file: &OutgoingFile) -> InputMedia {
    let parts = i32::try_from(files::parts_of(file.size)).unwrap_or(i32::MAX);
    let (id, name) = (file.upload_id, file.name.clone());
    let input: InputFile = if file.size > SMALL_FILE {
        tl::types::InputFileBig { id, parts, name }.into()
    } else {
        tl::types::InputFile {
            id,
            parts,
            name,
            md5_checksum: file.md5.clone(),
        }
        .into()
    };
    if file.shape == FileShape::Photo {
        return tl::types::InputMediaUploadedPhoto {
            spoiler: false,
            live_photo: false,
            file: input,
            stickers: None,
            ttl_seconds: None,
            video: None,
        }
        .into();
    }
    tl::types::InputMediaUploadedDocument {
        nosound_video: false,
        force_file: file.shape == FileShape::File,
        spoiler: false,
        file: input,
        thumb: None,
        mime_type: file.mime.clone(),
        attributes: attributes_of(file),
        stickers: None,
        video_cover: None,
        video_timestamp: None,
        ttl_seconds: None,
    }
    .into()
}

fn attributes_of(file: &OutgoingFile) -> Vec<DocumentAttribute> {
    let mut attributes: Vec<DocumentAttribute> = Vec::new();
    match file.shape {
        FileShape::Video => attributes.push(
            tl::types::DocumentAttributeVideo {
                round_message: false,
                supports_streaming: true,
                nosound: false,
                duration: f64::from(file.duration.unwrap_or(0)),
                w: file.width.unwrap_or(0),
                h: file.height.unwrap_or(0),
                preload_prefix_size: None,
                video_start_ts: None,
                video_codec: None,
            }
            .into(),
        ),
        FileShape::Voice | FileShape::Audio => attributes.push(
            tl::types::DocumentAttributeAudio {
                voice: file.shape == FileShape::Voice,
                duration: file.duration.unwrap_or(0),
                title: None,
                performer: None,
                waveform: file.waveform.as_deref().map(packed),
            }
            .into(),
        ),
        FileShape::Photo | FileShape::File => {}
    }
    if file.shape != FileShape::Voice {
        let name = tl::types::DocumentAttributeFilename {
            file_name: file.name.clone(),
        };
        attributes.push(name.into());
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(code: i32, name: &str, value: Option<u32>) -> Failure {
        Failure::Rpc {
            code,
            name: name.to_owned(),
            value,
        }
    }

    /// Protects what is done next: one part again, all parts again, a wait, or the end in Telegram's words.
    #[test]
    fn refusals_are_told_apart() {
        use std::time::Duration;
        let refused = |code: &str| {
            PutError::Refused(MessageError {
                code: code.to_owned(),
                message: meaning(code).to_owned(),
            })
        };
        for (failure, wanted) in [
            (
                rpc(400, "FILE_PART_MISSING", Some(7)),
                PutError::PartMissing(7),
            ),
            (rpc(400, "FILE_PARTS_INVALID", None), PutError::PartsGone),
            (rpc(400, "MD5_CHECKSUM_INVALID", None), PutError::PartsGone),
            (
                rpc(400, "PHOTO_INVALID_DIMENSIONS", None),
                refused("PHOTO_INVALID_DIMENSIONS"),
            ),
            (
                rpc(420, "FLOOD_WAIT", Some(3)),
                PutError::Call(CallError::FloodWait(Duration::from_secs(3))),
            ),
            (
                rpc(420, "FROZEN_METHOD_INVALID", None),
                refused("FROZEN_METHOD_INVALID"),
            ),
            (
                rpc(500, "INTERNAL", None),
                PutError::Call(CallError::Network("INTERNAL".to_owned())),
            ),
        ] {
            assert_eq!(PutError::of(failure), wanted);
        }
    }
}
