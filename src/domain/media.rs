//! Media: what a message carries besides text, described and not downloaded.

use serde::{Deserialize, Serialize};

use super::MessageRowId;

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
    /// Where the file is served; only of a message that is stored and has one.
    #[serde(default)]
    pub url: Option<String>,
    /// Where its small picture is.
    #[serde(default)]
    pub thumb_url: Option<String>,
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
            url: None,
            thumb_url: None,
        }
    }

    /// With the addresses where the message's file and its small picture are served, as far as it has them.
    #[must_use]
    pub fn served(mut self, row: MessageRowId) -> Self {
        use MediaKind as K;
        let pictured = match self.kind {
            K::Photo | K::Video | K::VideoNote | K::Animation | K::Sticker => true,
            K::Voice | K::Audio | K::Document | K::WebPage => self.thumb.is_some(),
            K::Location | K::Contact | K::Poll | K::Other => return self,
        };
        // Of one that has vanished there is no size.
        if self.size.is_some() {
            self.url = Some(format!("/messages/{}/media", row.0));
        }
        if pictured && (self.size.is_some() || self.thumb.is_some()) {
            self.thumb_url = Some(format!("/messages/{}/media/thumb", row.0));
        }
        self
    }
}
