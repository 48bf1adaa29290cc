//! Texts in the layout: one part after another, each of one kind. Where kinds overlap the innermost is kept: the layout has
//! one for each part.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::{ChatId, Entity, EntityKind as Kind, PeerKind, clean, utf16_len};

/// A part of a text, as in `text_entities`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    #[serde(rename = "type")]
    pub kind: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_id: Option<String>,
}

const KINDS: [(Kind, &str); 20] = [
    (Kind::Mention, "mention"),
    (Kind::Hashtag, "hashtag"),
    (Kind::BotCommand, "bot_command"),
    (Kind::Url, "link"),
    (Kind::Email, "email"),
    (Kind::Bold, "bold"),
    (Kind::Italic, "italic"),
    (Kind::Code, "code"),
    (Kind::Pre, "pre"),
    (Kind::TextUrl, "text_link"),
    (Kind::MentionName, "mention_name"),
    (Kind::Phone, "phone"),
    (Kind::Cashtag, "cashtag"),
    (Kind::Underline, "underline"),
    (Kind::Strike, "strikethrough"),
    (Kind::Blockquote, "blockquote"),
    (Kind::BankCard, "bank_card"),
    (Kind::Spoiler, "spoiler"),
    (Kind::CustomEmoji, "custom_emoji"),
    (Kind::Other, "unknown"),
];

fn name_of(kind: Kind) -> &'static str {
    let known = KINDS.iter().find(|(known, _)| *known == kind);
    known.map_or("unknown", |(_, name)| name)
}

fn plain(text: String) -> Part {
    Part {
        kind: "plain".to_owned(),
        text,
        href: None,
        language: None,
        user_id: None,
        document_id: None,
    }
}

/// The stretches of a text between which no entity begins or ends, each with the innermost one over it.
pub(super) fn stretches<'t, 'e>(
    text: &'t str,
    entities: &'e [Entity],
) -> Vec<(&'t str, Option<&'e Entity>)> {
    let mut borders: Vec<i64> = entities
        .iter()
        .flat_map(|entity| [i64::from(entity.offset), end(entity)])
        .collect();
    borders.sort_unstable();
    borders.dedup();
    let mut found = Vec::new();
    let (mut from, mut from_units, mut units) = (0, 0, 0);
    let mut cut = |from: usize, to: usize, units: i64| {
        let piece = text.get(from..to).unwrap_or_default();
        if !piece.is_empty() {
            let over = entities
                .iter()
                .filter(|entity| i64::from(entity.offset) <= units && units < end(entity));
            found.push((piece, over.min_by_key(|entity| entity.length)));
        }
    };
    for (at, letter) in text.char_indices() {
        if borders.contains(&units) {
            cut(from, at, from_units);
            (from, from_units) = (at, units);
        }
        units += letter.len_utf16() as i64;
    }
    cut(from, text.len(), from_units);
    found
}

fn end(entity: &Entity) -> i64 {
    i64::from(entity.offset) + i64::from(entity.length)
}

pub(super) fn parts(text: &str, entities: &[Entity]) -> Vec<Part> {
    let stretches = stretches(text, entities).into_iter();
    let parts = stretches.map(|(piece, entity)| match entity {
        None => plain(piece.to_owned()),
        Some(entity) => Part {
            kind: name_of(entity.kind).to_owned(),
            text: piece.to_owned(),
            href: entity.url.clone().filter(|_| entity.kind == Kind::TextUrl),
            language: entity.language.clone(),
            user_id: entity.user_id.map(|id| match id.kind() {
                PeerKind::User(id) | PeerKind::Group(id) | PeerKind::Channel(id) => id,
            }),
            document_id: entity.custom_emoji_id.clone(),
        },
    });
    parts.collect()
}

/// The field `text`: a text, or a list of texts and parts where some have a kind.
pub(super) fn mixed(parts: &[Part]) -> Value {
    match parts {
        [] => Value::String(String::new()),
        [one] if one.kind == "plain" => Value::String(one.text.clone()),
        parts => parts
            .iter()
            .map(|part| match part.kind.as_str() {
                "plain" => Value::String(part.text.clone()),
                _ => serde_json::to_value(part).unwrap_or_default(),
            })
            .collect(),
    }
}

/// What both fields say together; `text_entities` is not in every file.
pub(super) fn read(text: &Value, entities: Vec<Part>) -> (String, Vec<Entity>) {
    let parts = match (entities.is_empty(), text) {
        (false, _) => entities,
        (true, Value::String(text)) => vec![plain(text.clone())],
        (true, Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| match part {
                Value::String(text) => Some(plain(text.clone())),
                part => serde_json::from_value(part.clone()).ok(),
            })
            .collect(),
        _ => Vec::new(),
    };
    let mut whole = String::new();
    let mut found = Vec::new();
    for part in parts {
        let piece = clean::block(part.text);
        let offset = i32::try_from(utf16_len(&whole)).unwrap_or(i32::MAX);
        let length = i32::try_from(utf16_len(&piece)).unwrap_or(i32::MAX);
        whole.push_str(&piece);
        let kind = KINDS.iter().find(|(_, name)| *name == part.kind);
        let Some((kind, _)) = kind.filter(|_| length > 0) else {
            continue;
        };
        found.push(Entity {
            url: part.href.and_then(clean::url),
            language: part.language.map(clean::line),
            user_id: part.user_id.map(ChatId::user),
            custom_emoji_id: part.document_id.map(clean::line),
            ..Entity::of(*kind, offset, length)
        });
    }
    (whole, found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Protects texts with letters beyond the basic plane: offsets count UTF-16 units and survive both ways.
    #[test]
    fn a_text_comes_back_with_its_parts() {
        let text = "😀 bold and a link";
        let entities = vec![
            Entity::of(Kind::Bold, 3, 4),
            Entity {
                url: Some("https://example.org/".to_owned()),
                ..Entity::of(Kind::TextUrl, 14, 4)
            },
        ];
        let parts = parts(text, &entities);
        let kinds: Vec<_> = parts.iter().map(|part| part.kind.as_str()).collect();
        assert_eq!(kinds, ["plain", "bold", "plain", "text_link"]);
        let text_field = mixed(&parts);
        assert_eq!(
            read(&text_field, parts),
            (text.to_owned(), entities.clone())
        );
        // Files from before `text_entities` say it in `text` alone.
        assert_eq!(read(&text_field, Vec::new()), (text.to_owned(), entities));
    }

    /// Protects readers from losing letters where kinds overlap.
    #[test]
    fn overlapping_parts_lose_no_letter() {
        let entities = [Entity::of(Kind::Bold, 0, 6), Entity::of(Kind::Italic, 2, 2)];
        let parts = parts("abcdefg", &entities);
        let said: Vec<_> = parts
            .iter()
            .map(|part| (part.kind.as_str(), part.text.as_str()))
            .collect();
        let wanted = [
            ("bold", "ab"),
            ("italic", "cd"),
            ("bold", "ef"),
            ("plain", "g"),
        ];
        assert_eq!(said, wanted);
    }

    /// Protects whoever clicks: an address that a browser would run is none.
    #[test]
    fn addresses_of_a_file_are_a_strangers() {
        let text = json!([{ "type": "text_link", "text": "x", "href": "javascript:alert(1)" }, "\u{202e}y"]);
        let (text, entities) = read(&text, Vec::new());
        assert_eq!((text.as_str(), entities[0].url.as_deref()), ("xy", None));
        assert_eq!(read(&json!(7), Vec::new()).0, "");
    }
}
