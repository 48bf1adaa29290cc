//! Entities: what a part of a text is (core.telegram.org/api/entities).

use serde::{Deserialize, Serialize};

use super::ChatId;

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
    /// Behind the words of a `text_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whom a `mention_name` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<ChatId>,
    /// Of the program text in a `pre`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}
