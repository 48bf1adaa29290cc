//! Formatting: what a caller may ask for in a text that is sent (core.telegram.org/api/entities).

use super::{Entity, EntityKind as Kind, split_text, utf16_len};

/// Telegram takes no more in one text.
const MOST: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormattingError {
    #[error("a text has at most {MOST} entities")]
    TooMany,
    #[error("entity {0} does not lie inside the text: offset and length count UTF-16 units")]
    Outside(usize),
    #[error("entity {0} begins or ends inside a letter: offset and length count UTF-16 units")]
    InsideLetter(usize),
    #[error("entity {0} crosses the one before it: entities lie apart or inside each other")]
    Crossing(usize),
    #[error("entity {0} stands inside code, or has code inside it: code has no other format")]
    InCode(usize),
    #[error("entity {0} is of a type that can't be sent")]
    NotSendable(usize),
    #[error(
        "entity {0} lacks what it leads to: a text_url has a url, a mention_name a user_id, a custom_emoji a custom_emoji_id"
    )]
    Incomplete(usize),
    #[error("entity {0} has an address that is no web, mail or Telegram address")]
    BadAddress(usize),
}

/// What of them is sent, in order. Those that Telegram finds in a text by itself are left out; `Err` names the entity by
/// its place in the list, from 0 on.
///
/// # Errors
/// See [`FormattingError`].
pub fn check_entities(text: &str, entities: &[Entity]) -> Result<Vec<Entity>, FormattingError> {
    use FormattingError as E;
    if entities.len() > MOST {
        return Err(E::TooMany);
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    let splits = |at: usize| {
        units
            .get(at)
            .is_some_and(|unit| (0xdc00..0xe000).contains(unit))
    };
    let mut sent: Vec<(usize, usize, usize, &Entity)> = Vec::new();
    for (place, entity) in entities.iter().enumerate() {
        let from = usize::try_from(entity.offset).map_err(|_| E::Outside(place))?;
        let length = usize::try_from(entity.length).map_err(|_| E::Outside(place))?;
        let end = from.saturating_add(length);
        if length == 0 || end > units.len() {
            return Err(E::Outside(place));
        }
        if splits(from) || splits(end) {
            return Err(E::InsideLetter(place));
        }
        if is_sent(place, entity)? {
            sent.push((from, end, place, entity));
        }
    }
    sent.sort_by_key(|(from, end, ..)| (*from, std::cmp::Reverse(*end)));
    let mut around: Vec<(usize, Kind)> = Vec::new();
    for (from, end, place, entity) in &sent {
        around.retain(|(ends, _)| ends > from);
        if around.iter().any(|(ends, _)| ends < end) {
            return Err(E::Crossing(*place));
        }
        let in_code = around.iter().any(|(_, kind)| is_code(*kind));
        if in_code
            || (is_code(entity.kind) && around.iter().any(|(_, kind)| *kind != Kind::Blockquote))
        {
            return Err(E::InCode(*place));
        }
        around.push((*end, entity.kind));
    }
    Ok(sent
        .into_iter()
        .map(|(.., entity)| entity.clone())
        .collect())
}

const fn is_code(kind: Kind) -> bool {
    matches!(kind, Kind::Code | Kind::Pre)
}

/// `false`: Telegram finds it by itself.
/// A formatted text cut into messages, as [`super::split_text`] cuts: what formats a stretch that lies in two of them
/// formats a part of each. What is more than Telegram takes in one message is left out.
#[must_use]
pub fn split_formatted(text: &str, entities: &[Entity]) -> Vec<(String, Vec<Entity>)> {
    let place = |units: usize| i32::try_from(units).unwrap_or(i32::MAX);
    let one = |(at, part): (usize, &str)| {
        let (from, to) = (place(at), place(at + utf16_len(part)));
        let inside = entities.iter().filter_map(|entity| {
            let begin = entity.offset.max(from);
            let end = entity.offset.saturating_add(entity.length).min(to);
            (begin < end).then(|| Entity {
                offset: begin - from,
                length: end - begin,
                ..entity.clone()
            })
        });
        let inside: Vec<Entity> = inside.take(MOST).collect();
        let inside = check_entities(part, &inside).unwrap_or_default();
        (part.to_owned(), inside)
    };
    split_text(text).into_iter().map(one).collect()
}

fn is_sent(place: usize, entity: &Entity) -> Result<bool, FormattingError> {
    use FormattingError as E;
    let complete = |there: bool| there.then_some(true).ok_or(E::Incomplete(place));
    match entity.kind {
        Kind::Bold
        | Kind::Italic
        | Kind::Underline
        | Kind::Strike
        | Kind::Spoiler
        | Kind::Code
        | Kind::Pre
        | Kind::Blockquote => Ok(true),
        Kind::TextUrl => {
            let url = entity.url.as_deref().ok_or(E::Incomplete(place))?;
            is_address(url).then_some(true).ok_or(E::BadAddress(place))
        }
        Kind::MentionName => complete(entity.user_id.is_some()),
        Kind::CustomEmoji => {
            let id = entity.custom_emoji_id.as_deref();
            complete(id.is_some_and(|id| id.parse::<i64>().is_ok()))
        }
        Kind::Mention
        | Kind::Hashtag
        | Kind::BotCommand
        | Kind::Url
        | Kind::Email
        | Kind::Phone
        | Kind::Cashtag
        | Kind::BankCard => Ok(false),
        Kind::Date
        | Kind::DiffInsert
        | Kind::DiffReplace
        | Kind::DiffDelete
        | Kind::TonAddress
        | Kind::Other => Err(E::NotSendable(place)),
    }
}

/// May words lead there?
pub(super) fn is_address(url: &str) -> bool {
    const LONGEST: usize = 2048;
    let scheme = url
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    let known = matches!(
        scheme.as_deref(),
        Some("http" | "https" | "tg" | "mailto" | "tel")
    );
    known
        && url.len() <= LONGEST
        && !url
            .chars()
            .any(|letter| letter.is_control() || letter == ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind, offset: i32, length: i32) -> Entity {
        Entity::of(kind, offset, length)
    }

    /// Protects what a caller wrote: formatting that says nothing clear of the text is refused, the rest goes out as asked.
    #[test]
    fn entities_lie_inside_the_text_and_inside_each_other() {
        use FormattingError as E;
        let text = "ab 😀 cd";
        let link = |url: &str| Entity {
            url: Some(url.to_owned()),
            ..of(Kind::TextUrl, 0, 2)
        };
        for (entities, wanted) in [
            (vec![of(Kind::Bold, 0, 8), of(Kind::Italic, 3, 2)], Ok(2)),
            (vec![of(Kind::Italic, 3, 2), of(Kind::Bold, 0, 8)], Ok(2)),
            (vec![of(Kind::Bold, 0, 3), of(Kind::Italic, 3, 2)], Ok(2)),
            (vec![of(Kind::Bold, 0, 2), of(Kind::Italic, 0, 2)], Ok(2)),
            (vec![of(Kind::Hashtag, 0, 2)], Ok(0)),
            (
                vec![of(Kind::Blockquote, 0, 8), of(Kind::Code, 0, 2)],
                Ok(2),
            ),
            (vec![link("https://example.org/a")], Ok(1)),
            (vec![of(Kind::Bold, 0, 9)], Err(E::Outside(0))),
            (vec![of(Kind::Bold, -1, 2)], Err(E::Outside(0))),
            (vec![of(Kind::Bold, 0, 0)], Err(E::Outside(0))),
            (vec![of(Kind::Bold, 0, i32::MAX)], Err(E::Outside(0))),
            (vec![of(Kind::Bold, 4, 2)], Err(E::InsideLetter(0))),
            (vec![of(Kind::Bold, 0, 4)], Err(E::InsideLetter(0))),
            (
                vec![of(Kind::Bold, 0, 3), of(Kind::Italic, 1, 4)],
                Err(E::Crossing(1)),
            ),
            (
                vec![of(Kind::Code, 0, 8), of(Kind::Bold, 0, 2)],
                Err(E::InCode(1)),
            ),
            (
                vec![of(Kind::Bold, 0, 8), of(Kind::Pre, 0, 2)],
                Err(E::InCode(1)),
            ),
            (vec![of(Kind::Other, 0, 2)], Err(E::NotSendable(0))),
            (vec![of(Kind::TextUrl, 0, 2)], Err(E::Incomplete(0))),
            (vec![of(Kind::MentionName, 0, 2)], Err(E::Incomplete(0))),
            (vec![link("javascript:alert(1)")], Err(E::BadAddress(0))),
            (vec![link("https://exa mple.org")], Err(E::BadAddress(0))),
            (vec![of(Kind::Bold, 0, 1); 101], Err(E::TooMany)),
        ] {
            let checked = check_entities(text, &entities).map(|sent| sent.len());
            assert_eq!(checked, wanted, "{entities:?}");
        }
    }

    /// Protects long formatted answers: each message is formatted as its part of the whole was, across the cut, too.
    #[test]
    fn formatting_is_cut_with_its_text() {
        let text = format!("{} {}", "a".repeat(4000), "b".repeat(4000));
        let parts = split_formatted(&text, &[of(Kind::Bold, 10, 5000), of(Kind::Code, 6000, 5)]);
        let [(first, bold), (second, both)] = &parts[..] else {
            panic!("{} parts", parts.len());
        };
        assert_eq!((first.len(), second.len()), (4000, 4000));
        assert_eq!(*bold, [of(Kind::Bold, 10, 3990)]);
        assert_eq!(*both, [of(Kind::Bold, 0, 1009), of(Kind::Code, 1999, 5)]);
        let many: Vec<Entity> = (0..150).map(|at| of(Kind::Bold, 2 * at, 1)).collect();
        assert_eq!(split_formatted(&text, &many)[0].1.len(), MOST);
    }
}
