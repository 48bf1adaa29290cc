//! Files that go out: what Telegram is to make of one, and how far it is on its way there.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Media, MediaKind, MessageRowId, OrderId};

/// How the other side sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileShape {
    Photo,
    Video,
    Voice,
    Audio,
    /// As it is, to be saved.
    File,
}

impl FileShape {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Video => "video",
            Self::Voice => "voice",
            Self::Audio => "audio",
            Self::File => "file",
        }
    }
}

/// Up to here Telegram wants the whole file's MD5, beyond it the number of parts with each of them
/// (core.telegram.org/api/files#uploading-files).
pub const SMALL_FILE: u64 = 10 << 20;

/// One file of an order, the same at every attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OutgoingFile {
    /// Its name in the staging folder of its account.
    pub staged: String,
    pub shape: FileShape,
    pub name: String,
    pub mime: String,
    pub size: u64,
    /// Empty where Telegram does not want it.
    pub md5: String,
    pub width: Option<i32>,
    pub height: Option<i32>,
    /// Seconds.
    pub duration: Option<i32>,
    /// Loudness from 0 to 31.
    pub waveform: Option<Vec<u8>>,
    /// What its parts are called at Telegram.
    pub upload_id: i64,
    /// Whom to ask for it where several nodes serve one database and each has a folder of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Uuid>,
}

impl OutgoingFile {
    /// As its message shows it until Telegram's own description comes.
    #[must_use]
    pub fn media(&self) -> Media {
        let kind = match self.shape {
            FileShape::Photo => MediaKind::Photo,
            FileShape::Video => MediaKind::Video,
            FileShape::Voice => MediaKind::Voice,
            FileShape::Audio => MediaKind::Audio,
            FileShape::File => MediaKind::Document,
        };
        let named = !matches!(self.shape, FileShape::Photo | FileShape::Voice);
        Media {
            name: named.then(|| self.name.clone()),
            size: i64::try_from(self.size).ok(),
            mime: Some(self.mime.clone()),
            duration: self.duration,
            width: self.width,
            height: self.height,
            waveform: self.waveform.clone(),
            ..Media::of(kind)
        }
    }
}

/// What a file goes out for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileOf {
    /// A message that is still to be made.
    Making(MessageRowId),
    /// An edit.
    Edit(OrderId),
}

/// How far it is, kept beside it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Uploaded {
    /// So many parts from the first on are at Telegram, which keeps them for a while.
    pub parts: u32,
    /// It is whole there, and no message has it yet.
    pub put_up: Option<PutUp>,
}

/// A file that Telegram has and that no message shows yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PutUp {
    pub photo: bool,
    pub id: i64,
    pub access_hash: i64,
    pub reference: Vec<u8>,
}
