//! Entities: what Telegram says of parts of a text, in our words. What has no word here is in the kept object.
//!
//! They lie inside the text, whatever was sent: what reaches beyond it is cut, what is nowhere is left out.

use grammers_client::tl;
use tl::enums::{InputUser, MessageEntity as E};

use super::{clean, date};
use crate::domain::{ChatId, Entity, EntityKind as Kind, utf16_len};

/// Telegram itself takes a hundred.
const MOST: usize = 500;

pub(super) fn entities(text: &str, entities: Option<Vec<E>>) -> Vec<Entity> {
    let entities = entities.unwrap_or_default();
    if entities.is_empty() {
        return Vec::new();
    }
    within(text, entities.into_iter().map(entity))
}

/// Those that say something of this text.
pub(super) fn within(text: &str, entities: impl Iterator<Item = Entity>) -> Vec<Entity> {
    let whole = i32::try_from(utf16_len(text)).unwrap_or(i32::MAX);
    // Only letters beyond the basic plane have two units.
    let units: Option<Vec<u16>> = text
        .bytes()
        .any(|byte| byte >= 0xf0)
        .then(|| text.encode_utf16().collect());
    let inside_letter = |at: i32| {
        let unit = usize::try_from(at)
            .ok()
            .and_then(|at| units.as_ref()?.get(at).copied());
        unit.is_some_and(|unit| (0xdc00..0xe000).contains(&unit))
    };
    let placed = entities.filter_map(|mut entity| {
        let mut end = entity.offset.checked_add(entity.length)?.min(whole);
        if entity.offset < 0 || entity.offset >= end {
            return None;
        }
        if inside_letter(entity.offset) {
            entity.offset -= 1;
        }
        if inside_letter(end) {
            end += 1;
        }
        entity.length = end - entity.offset;
        entity.misleading = misleads(text, &entity);
        Some(entity)
    });
    placed.take(MOST).collect()
}

/// Do the words of a link name another place than the one that it leads to?
fn misleads(text: &str, entity: &Entity) -> bool {
    let Some(behind) = entity
        .url
        .as_deref()
        .filter(|_| entity.kind == Kind::TextUrl)
    else {
        return false;
    };
    let (from, length) = (entity.offset as usize, entity.length as usize);
    let words: Vec<u16> = text.encode_utf16().skip(from).take(length).collect();
    let Some(shown) = clean::shown_host(&String::from_utf16_lossy(&words)) else {
        return false;
    };
    let Some(host) = clean::host(behind) else {
        return true;
    };
    host != shown && !host.ends_with(&format!(".{shown}"))
}

fn entity(entity: E) -> Entity {
    let (offset, length) = (entity.offset(), entity.length());
    let of = |kind| Entity::of(kind, offset, length);
    let naming = |id| Entity {
        user_id: Some(ChatId::user(id)),
        ..of(Kind::MentionName)
    };
    match entity {
        E::Mention(_) => of(Kind::Mention),
        E::Hashtag(_) => of(Kind::Hashtag),
        E::BotCommand(_) => of(Kind::BotCommand),
        E::Url(_) => of(Kind::Url),
        E::Email(_) => of(Kind::Email),
        E::Bold(_) => of(Kind::Bold),
        E::Italic(_) => of(Kind::Italic),
        E::Code(_) => of(Kind::Code),
        E::Pre(pre) => Entity {
            language: super::some(clean::line(pre.language)),
            ..of(Kind::Pre)
        },
        E::TextUrl(link) => Entity {
            url: clean::url(link.url),
            ..of(Kind::TextUrl)
        },
        E::MentionName(mention) => naming(mention.user_id),
        E::InputMessageEntityMentionName(mention) => match mention.user_id {
            InputUser::User(user) => naming(user.user_id),
            InputUser::FromMessage(user) => naming(user.user_id),
            InputUser::Empty | InputUser::UserSelf => of(Kind::MentionName),
        },
        E::Phone(_) => of(Kind::Phone),
        E::Cashtag(_) => of(Kind::Cashtag),
        E::Underline(_) => of(Kind::Underline),
        E::Strike(_) => of(Kind::Strike),
        E::BankCard(_) => of(Kind::BankCard),
        E::Spoiler(_) => of(Kind::Spoiler),
        E::CustomEmoji(emoji) => Entity {
            custom_emoji_id: Some(emoji.document_id.to_string()),
            ..of(Kind::CustomEmoji)
        },
        E::Blockquote(_) => of(Kind::Blockquote),
        E::FormattedDate(of_date) => Entity {
            date: Some(date(of_date.date)),
            ..of(Kind::Date)
        },
        E::DiffInsert(_) => of(Kind::DiffInsert),
        E::DiffReplace(_) => of(Kind::DiffReplace),
        E::DiffDelete(_) => of(Kind::DiffDelete),
        E::TonAddress(_) => of(Kind::TonAddress),
        E::Unknown(_) => of(Kind::Other),
    }
}
