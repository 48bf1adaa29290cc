//! Entities: what Telegram says of parts of a text, in our words. What has no word here is in the kept object.

use grammers_client::tl;
use tl::enums::{InputUser, MessageEntity as E};

use crate::domain::{ChatId, Entity, EntityKind as Kind};

pub(super) fn entities(entities: Option<Vec<E>>) -> Vec<Entity> {
    entities.into_iter().flatten().map(entity).collect()
}

fn entity(entity: E) -> Entity {
    let (offset, length) = (entity.offset(), entity.length());
    let of = |kind| Entity {
        kind,
        offset,
        length,
        url: None,
        user_id: None,
        language: None,
    };
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
            language: super::some(pre.language),
            ..of(Kind::Pre)
        },
        E::TextUrl(link) => Entity {
            url: Some(link.url),
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
        E::CustomEmoji(_) => of(Kind::CustomEmoji),
        E::Blockquote(_) => of(Kind::Blockquote),
        E::FormattedDate(_) => of(Kind::Date),
        E::DiffInsert(_) => of(Kind::DiffInsert),
        E::DiffReplace(_) => of(Kind::DiffReplace),
        E::DiffDelete(_) => of(Kind::DiffDelete),
        E::TonAddress(_) => of(Kind::TonAddress),
        E::Unknown(_) => of(Kind::Other),
    }
}
