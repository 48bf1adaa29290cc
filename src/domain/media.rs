//! Media: what a message carries besides text, described and not downloaded.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Photo,
    Video,
    VideoNote,
    Animation,
    Voice,
    Audio,
    Document,
    Sticker,
    Location,
    Contact,
    Poll,
    WebPage,
    Other,
}

/// A placeholder for the desk; the caption is the message's text.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Media {
    pub kind: MediaKind,
    /// File name, poll question, contact's name, sticker's emoji.
    pub name: Option<String>,
    /// Bytes.
    pub size: Option<i64>,
    pub mime: Option<String>,
    /// Seconds.
    pub duration: Option<i32>,
    pub width: Option<i32>,
    pub height: Option<i32>,
    /// `data:` URI of the tiny preview that Telegram sends inline.
    pub thumb: Option<String>,
}

impl Media {
    #[must_use]
    pub const fn of(kind: MediaKind) -> Self {
        Self {
            kind,
            name: None,
            size: None,
            mime: None,
            duration: None,
            width: None,
            height: None,
            thumb: None,
        }
    }
}
