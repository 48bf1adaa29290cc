//! Formatting on its way out: our entities as Telegram takes them.

use grammers_client::tl;
use tl::{enums::MessageEntity, types};

use super::{resolve::input_peer, shared::Shared};
use crate::{
    domain::{Entity, EntityKind as Kind},
    telegram::CallError,
};

/// Whom a mention names has to be given with the hash that this account was told. Somebody whom it never met can't be
/// named, and the words stand without.
pub(super) async fn outgoing(
    shared: &Shared,
    entities: &[Entity],
) -> Result<Option<Vec<MessageEntity>>, CallError> {
    let mut sent = Vec::new();
    for entity in entities {
        let named = match (entity.kind, entity.user_id) {
            (Kind::MentionName, Some(user)) => match input_peer(shared, user).await {
                Ok(peer) => input_user(&peer),
                Err(CallError::Unresolvable) => None,
                Err(error) => return Err(error),
            },
            _ => None,
        };
        sent.extend(one(entity, named));
    }
    Ok((!sent.is_empty()).then_some(sent))
}

pub(super) fn input_user(peer: &tl::enums::InputPeer) -> Option<tl::enums::InputUser> {
    match peer {
        tl::enums::InputPeer::PeerSelf => Some(tl::enums::InputUser::UserSelf),
        tl::enums::InputPeer::User(user) => Some(
            types::InputUser {
                user_id: user.user_id,
                access_hash: user.access_hash,
            }
            .into(),
        ),
        _ => None,
    }
}

/// `None`: of those that Telegram finds by itself, or that lead nowhere.
fn one(entity: &Entity, named: Option<tl::enums::InputUser>) -> Option<MessageEntity> {
    let (offset, length) = (entity.offset, entity.length);
    Some(match entity.kind {
        Kind::Bold => types::MessageEntityBold { offset, length }.into(),
        Kind::Italic => types::MessageEntityItalic { offset, length }.into(),
        Kind::Underline => types::MessageEntityUnderline { offset, length }.into(),
        Kind::Strike => types::MessageEntityStrike { offset, length }.into(),
        Kind::Spoiler => types::MessageEntitySpoiler { offset, length }.into(),
        Kind::Code => types::MessageEntityCode { offset, length }.into(),
        Kind::Pre => types::MessageEntityPre {
            offset,
            length,
            language: entity.language.clone().unwrap_or_default(),
        }
        .into(),
        Kind::Blockquote => types::MessageEntityBlockquote {
            collapsed: false,
            offset,
            length,
        }
        .into(),
        Kind::TextUrl => types::MessageEntityTextUrl {
            offset,
            length,
            url: entity.url.clone()?,
        }
        .into(),
        Kind::MentionName => types::InputMessageEntityMentionName {
            offset,
            length,
            user_id: named?,
        }
        .into(),
        Kind::CustomEmoji => types::MessageEntityCustomEmoji {
            offset,
            length,
            document_id: entity.custom_emoji_id.as_ref()?.parse().ok()?,
        }
        .into(),
        _ => return None,
    })
}
