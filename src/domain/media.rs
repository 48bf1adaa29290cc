//! Media: what a message carries besides text, described and not downloaded.

use serde::{Deserialize, Serialize};

use super::{
    ChatId, MessageRowId, Named, Poll, Timestamp,
    preview::{renewed_preview, shown_preview},
};

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
    /// Also a live one, and a venue: the detail tells.
    Location,
    Contact,
    Poll,
    WebPage,
    Game,
    Dice,
    Invoice,
    Story,
    Giveaway,
    PaidMedia,
    Todo,
    LiveStream,
    Other,
}

/// What it is; the caption is the message's text.
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
    /// The tiny preview that Telegram sends inline: as it is kept, and a `data:` URI once it is served.
    pub thumb: Option<String>,
    /// Of a voice message: loudness from 0 to 31, evenly over its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waveform: Option<Vec<u8>>,
    /// Covered until somebody looks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub spoiler: bool,
    /// Seconds after which it vanishes once it is opened; 0: it can be opened once. It is not kept then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vanishes_after: Option<i32>,
    /// What only its kind has, under the kind's name.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<MediaDetail>>,
    /// Where the file is served; only of a message that is stored and has one.
    #[serde(default)]
    pub url: Option<String>,
    /// Where its small picture is.
    #[serde(default)]
    pub thumb_url: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Copied {
    /// The words of its message.
    Words,
    /// Its file, with the words under it.
    File,
    Nothing,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(super) const fn is_false(value: &bool) -> bool {
    !*value
}

impl MediaKind {
    /// A person would look for it by its name.
    #[must_use]
    pub const fn is_found_by_name(self) -> bool {
        !matches!(
            self,
            Self::Sticker
                | Self::Dice
                | Self::Story
                | Self::Giveaway
                | Self::PaidMedia
                | Self::LiveStream
                | Self::Other
        )
    }
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
            waveform: None,
            spoiler: false,
            vanishes_after: None,
            detail: None,
            url: None,
            thumb_url: None,
        }
    }

    #[must_use]
    pub fn with(self, detail: MediaDetail) -> Self {
        Self {
            detail: Some(Box::new(detail)),
            ..self
        }
    }

    #[must_use]
    pub fn poll(&self) -> Option<&Poll> {
        match self.detail.as_deref() {
            Some(MediaDetail::Poll(poll)) => Some(poll),
            _ => None,
        }
    }

    /// The page whose preview it is, or will be.
    #[must_use]
    pub fn page(&self) -> Option<&Page> {
        match self.detail.as_deref() {
            Some(MediaDetail::Page(page)) => Some(page),
            _ => None,
        }
    }

    /// What a person would look for it by.
    #[must_use]
    pub fn words(&self) -> Option<&str> {
        let name = self.name.as_deref();
        name.filter(|_| self.kind.is_found_by_name())
    }

    /// Previews from before become what they would be today.
    #[must_use]
    pub fn renewed(self) -> Self {
        self.with_previews(&renewed_preview)
    }

    /// As it is shown, with whole previews.
    #[must_use]
    pub fn shown(self) -> Self {
        self.with_previews(&shown_preview)
    }

    fn with_previews(mut self, change: &impl Fn(String) -> String) -> Self {
        self.thumb = self.thumb.map(change);
        if let Some(MediaDetail::Paid(paid)) = self.detail.as_deref_mut() {
            let items = std::mem::take(&mut paid.items).into_iter();
            paid.items = items.map(|item| item.with_previews(change)).collect();
        }
        self
    }

    /// What of it can go on as a message of somebody else's.
    #[must_use]
    pub const fn copied(&self) -> Copied {
        use MediaKind as K;
        if self.vanishes_after.is_some() {
            return Copied::Nothing;
        }
        match self.kind {
            // A preview is made anew wherever its link is sent.
            K::WebPage => Copied::Words,
            K::Photo | K::Video | K::Animation | K::Voice | K::Audio | K::Document => Copied::File,
            _ => Copied::Nothing,
        }
    }

    /// As it is shown, with the addresses where the message's file and its small picture are served, as far as it has them.
    #[must_use]
    pub fn served(self, row: MessageRowId) -> Self {
        use MediaKind as K;
        let mut media = self.shown();
        let pictured = match media.kind {
            K::Photo | K::Video | K::VideoNote | K::Animation | K::Sticker => true,
            K::Voice | K::Audio | K::Document | K::WebPage => media.thumb.is_some(),
            _ => return media,
        };
        if media.vanishes_after.is_some() {
            return media;
        }
        // Of one that has vanished there is no size.
        if media.size.is_some() {
            media.url = Some(format!("/messages/{}/media", row.0));
        }
        if pictured && (media.size.is_some() || media.thumb.is_some()) {
            media.thumb_url = Some(format!("/messages/{}/media/thumb", row.0));
        }
        media
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaDetail {
    Audio(Track),
    Sticker(Sticker),
    Location(Location),
    Contact(Contact),
    Poll(Poll),
    Page(Page),
    Game(Game),
    Dice(Dice),
    Invoice(Invoice),
    Story(Story),
    Giveaway(Giveaway),
    Paid(Paid),
    Todo(Todo),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Track {
    pub title: Option<String>,
    pub performer: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sticker {
    pub emoji: Option<String>,
    /// Short name of the set that it is from.
    pub set: Option<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
    /// Metres.
    pub accuracy: Option<i32>,
    /// Seconds for which it moves with whoever shares it; `None`: it stands still.
    pub live_for: Option<i32>,
    /// Degrees, 1 to 360.
    pub heading: Option<i32>,
    /// Of a venue.
    pub title: Option<String>,
    pub address: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Contact {
    pub first_name: String,
    pub last_name: String,
    pub phone: String,
    /// `None`: not on Telegram, as far as the sender knew.
    pub user_id: Option<ChatId>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Page {
    /// Telegram's, as text.
    pub id: String,
    pub url: Option<String>,
    pub site: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub author: Option<String>,
    /// Telegram is still fetching it.
    pub pending: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Game {
    pub title: String,
    pub description: Option<String>,
    pub short_name: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Dice {
    pub emoji: String,
    /// 0: not thrown yet.
    pub value: i32,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Invoice {
    pub title: String,
    pub description: Option<String>,
    /// In the currency's smallest unit.
    pub amount: i64,
    pub currency: String,
    pub test: bool,
    pub paid: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Story {
    pub chat_id: ChatId,
    pub id: i32,
    pub text: Option<String>,
    /// The account's owner is named in it.
    pub mention: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Giveaway {
    pub winners: i32,
    pub winner_ids: Vec<ChatId>,
    pub finished: bool,
    pub months: Option<i32>,
    pub stars: Option<i64>,
    pub prize: Option<String>,
    pub until: Timestamp,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Paid {
    pub stars: i64,
    /// What it costs; of what is not bought only kind, size and preview.
    pub items: Vec<Media>,
    pub bought: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Todo {
    pub title: String,
    pub items: Vec<TodoItem>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TodoItem {
    pub id: i32,
    pub text: String,
    pub done_by: Option<Named>,
    pub done_at: Option<Timestamp>,
}
