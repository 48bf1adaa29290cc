//! Wording: the formatting that a caller asks for, as entities or as Markdown.

use serde::Deserialize;

use super::{ApiError, whole};
use crate::domain::{
    ChatId, Entity, EntityKind, Quote, Wording, check_entities, from_markdown, split_formatted,
};

/// Markdown has signs beside its text: this much of both.
const LONGEST_SOURCE: usize = 4 * 4096;

/// What stands beside a text.
#[derive(Deserialize, Default)]
pub struct Formatted {
    entities: Option<Vec<NewEntity>>,
    format: Option<Format>,
    preview: Option<bool>,
}

/// One entity as a caller writes it.
#[derive(Deserialize)]
struct NewEntity {
    #[serde(rename = "type")]
    kind: EntityKind,
    #[serde(deserialize_with = "whole::given")]
    offset: i64,
    #[serde(deserialize_with = "whole::given")]
    length: i64,
    url: Option<String>,
    user_id: Option<ChatId>,
    language: Option<String>,
    custom_emoji_id: Option<String>,
}

impl NewEntity {
    fn is_misnumbered(&self) -> bool {
        let id = self.custom_emoji_id.as_deref();
        id.is_some_and(|id| id.starts_with(['+', '0']) || !id.parse().is_ok_and(|id: i64| id > 0))
    }

    fn entity(self) -> Entity {
        // What is no 32-bit number lies in no text.
        let number = |number: i64| i32::try_from(number).unwrap_or(-1);
        Entity {
            url: self.url,
            user_id: self.user_id,
            language: self.language,
            custom_emoji_id: self.custom_emoji_id,
            ..Entity::of(self.kind, number(self.offset), number(self.length))
        }
    }
}

/// The part of the message that is answered.
#[derive(Deserialize)]
pub struct NewQuote {
    text: String,
    #[serde(default, deserialize_with = "whole::maybe")]
    offset: Option<i32>,
}

impl NewQuote {
    /// Telegram takes quotes up to this length, in UTF-16 units (`quote_length_max` of help.getAppConfig).
    const LONGEST: usize = 1024;

    /// `None`: too long, too short, or nowhere.
    pub fn quote(self) -> Option<Quote> {
        let units = self.text.encode_utf16().count();
        let fits = (1..=Self::LONGEST).contains(&units) && self.offset.is_none_or(|at| at >= 0);
        fits.then_some(Quote {
            text: self.text,
            offset: self.offset,
        })
    }
}

/// What the text is written in.
#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    #[default]
    Plain,
    Markdown,
}

impl Formatted {
    /// As fields of a form say it: `entities` is JSON.
    pub fn of_fields(entities: Option<&str>, format: Option<&str>) -> Result<Self, ApiError> {
        let invalid = |why| ApiError::unprocessable("invalid_field", why);
        let entities = entities.filter(|text| !text.is_empty());
        let entities = entities
            .map(serde_json::from_str)
            .transpose()
            .map_err(|_| invalid("entities is a JSON array of entities"))?;
        let format = match format {
            None | Some("") => None,
            Some("plain") => Some(Format::Plain),
            Some("markdown") => Some(Format::Markdown),
            Some(_) => return Err(invalid("format is plain or markdown")),
        };
        Ok(Self {
            entities,
            format,
            preview: None,
        })
    }

    /// The text that is sent, and how it is said.
    ///
    /// # Errors
    /// 422 when the entities don't lie in the text as they should, or stand beside Markdown.
    pub fn words(self, text: String) -> Result<(String, Wording), ApiError> {
        let invalid = |why: String| ApiError::unprocessable("entities_invalid", why);
        let given = self.entities.unwrap_or_default();
        if given.iter().any(NewEntity::is_misnumbered) {
            let why = "a custom_emoji_id is the number that Telegram has for it, as text";
            return Err(invalid(why.to_owned()));
        }
        let given: Vec<Entity> = given.into_iter().map(NewEntity::entity).collect();
        let (text, given) = match self.format.unwrap_or_default() {
            Format::Plain => (text, given),
            Format::Markdown if !given.is_empty() => {
                let why = "a text in Markdown says its formatting itself: leave entities out";
                return Err(invalid(why.to_owned()));
            }
            Format::Markdown if text.encode_utf16().count() > LONGEST_SOURCE => {
                return Err(ApiError::unprocessable(
                    "text_too_long",
                    "Markdown has at most 16384 UTF-16 units with its signs",
                ));
            }
            Format::Markdown => from_markdown(&text),
        };
        let entities = check_entities(&text, &given).map_err(|error| invalid(error.to_string()))?;
        let wording = Wording {
            entities,
            no_preview: self.preview == Some(false),
            quote: None,
        };
        Ok((text, wording))
    }
}

/// What a program wrote, as messages that fit. Of Markdown that is nothing but signs the signs are sent.
pub fn written(text: &str, format: Format) -> Vec<(String, Wording)> {
    let (plain, entities) = match format {
        Format::Plain => (String::new(), Vec::new()),
        Format::Markdown => from_markdown(text),
    };
    let parts = match plain.trim().is_empty() {
        true => split_formatted(text, &[]),
        false => split_formatted(&plain, &entities),
    };
    let worded = |(text, entities)| {
        let wording = Wording {
            entities,
            ..Wording::default()
        };
        (text, wording)
    };
    parts.into_iter().map(worded).collect()
}
