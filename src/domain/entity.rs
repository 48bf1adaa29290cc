//! Entities: what a part of a text is (core.telegram.org/api/entities).

use serde::{Deserialize, Serialize};

use super::{ChatId, Timestamp, media::is_false};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    Mention,
    Hashtag,
    BotCommand,
    Url,
    Email,
    Bold,
    Italic,
    Code,
    Pre,
    TextUrl,
    MentionName,
    Phone,
    Cashtag,
    Underline,
    Strike,
    BankCard,
    Spoiler,
    CustomEmoji,
    Blockquote,
    Date,
    DiffInsert,
    DiffReplace,
    DiffDelete,
    TonAddress,
    Other,
}

/// One of them; `offset` and `length` count UTF-16 units.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entity {
    #[serde(rename = "type")]
    pub kind: EntityKind,
    pub offset: i32,
    pub length: i32,
    /// Behind the words of a `text_url`; none when no program should open it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whom a `mention_name` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<ChatId>,
    /// Of the program text in a `pre`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The words of a `text_url` are an address themselves, on another host than the one behind them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub misleading: bool,
    /// Telegram's number of a `custom_emoji`'s picture, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_emoji_id: Option<String>,
    /// When a `date` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Timestamp>,
}

impl Entity {
    #[must_use]
    pub const fn of(kind: EntityKind, offset: i32, length: i32) -> Self {
        Self {
            kind,
            offset,
            length,
            url: None,
            user_id: None,
            language: None,
            misleading: false,
            custom_emoji_id: None,
            date: None,
        }
    }
}
