//! Whom a chat id, a name or a number means.

use grammers_client::tl;

use super::{Recipient, people, shared::Shared};
use crate::{
    domain::{Batch, ChatId, Peer, PeerKind, SecretText, SelfUser},
    telegram::{
        CallError,
        convert::{Converter, chat_id, user_peer},
    },
};

/// A chat as Telegram wants to be given it. Users and channels need the hash that this account was told.
pub(super) async fn input_peer(
    shared: &Shared,
    chat: ChatId,
) -> Result<tl::enums::InputPeer, CallError> {
    if chat == ChatId::user(shared.self_id) {
        return Ok(tl::enums::InputPeer::PeerSelf);
    }
    let hash = async || {
        shared
            .access_hash(chat)
            .await?
            .ok_or(CallError::Unresolvable)
    };
    Ok(match chat.kind() {
        PeerKind::User(user_id) => {
            let access_hash = hash().await?;
            tl::types::InputPeerUser {
                user_id,
                access_hash,
            }
            .into()
        }
        PeerKind::Group(chat_id) => tl::types::InputPeerChat { chat_id }.into(),
        PeerKind::Channel(channel_id) => {
            let access_hash = hash().await?;
            tl::types::InputPeerChannel {
                channel_id,
                access_hash,
            }
            .into()
        }
    })
}

pub(super) async fn resolve(shared: &Shared, recipient: &Recipient) -> Result<Peer, CallError> {
    let tl::enums::contacts::ResolvedPeer::Peer(found) = match recipient {
        Recipient::Username(name) => {
            let username = name.trim().trim_start_matches('@').to_owned();
            shared
                .call(tl::functions::contacts::ResolveUsername {
                    username,
                    referer: None,
                })
                .await?
        }
        Recipient::Phone(phone) => {
            let phone = phone
                .expose()
                .chars()
                .filter(char::is_ascii_digit)
                .collect();
            shared
                .call(tl::functions::contacts::ResolvePhone { phone })
                .await?
        }
        Recipient::Id(chat) => return by_id(shared, *chat).await,
        // Nobody joins anything by writing.
        Recipient::Invite(hash) => {
            let known = people::invited(shared, hash).await?;
            return known.map_err(|_| CallError::Unresolvable);
        }
    };
    let self_id = shared.self_id;
    pick(
        shared,
        chat_id(&found.peer, self_id),
        found.users,
        found.chats,
    )
}

/// An id alone addresses nobody: it has to be one that this account has met.
async fn by_id(shared: &Shared, chat: ChatId) -> Result<Peer, CallError> {
    let peer = input_peer(shared, chat).await?;
    let (users, chats) = match peer {
        tl::enums::InputPeer::PeerSelf => (
            users(shared, tl::enums::InputUser::UserSelf).await?,
            Vec::new(),
        ),
        tl::enums::InputPeer::User(user) => {
            let user = tl::types::InputUser {
                user_id: user.user_id,
                access_hash: user.access_hash,
            };
            (users(shared, user.into()).await?, Vec::new())
        }
        tl::enums::InputPeer::Chat(group) => {
            let request = tl::functions::messages::GetChats {
                id: vec![group.chat_id],
            };
            (Vec::new(), chats(shared.call(request).await?))
        }
        tl::enums::InputPeer::Channel(channel) => {
            let channel = tl::types::InputChannel {
                channel_id: channel.channel_id,
                access_hash: channel.access_hash,
            };
            let request = tl::functions::channels::GetChannels {
                id: vec![channel.into()],
            };
            (Vec::new(), chats(shared.call(request).await?))
        }
        _ => return Err(CallError::Unresolvable),
    };
    pick(shared, chat, users, chats)
}

/// Whom and what an answer made of updates names.
pub(super) fn chats_and(
    updates: tl::enums::Updates,
) -> (Vec<tl::enums::User>, Vec<tl::enums::Chat>) {
    match updates {
        tl::enums::Updates::Updates(updates) => (updates.users, updates.chats),
        tl::enums::Updates::Combined(updates) => (updates.users, updates.chats),
        _ => (Vec::new(), Vec::new()),
    }
}

pub(super) fn chats(chats: tl::enums::messages::Chats) -> Vec<tl::enums::Chat> {
    match chats {
        tl::enums::messages::Chats::Chats(chats) => chats.chats,
        tl::enums::messages::Chats::Slice(chats) => chats.chats,
    }
}

async fn users(
    shared: &Shared,
    user: tl::enums::InputUser,
) -> Result<Vec<tl::enums::User>, CallError> {
    shared
        .call(tl::functions::users::GetUsers { id: vec![user] })
        .await
}

pub(super) fn pick(
    shared: &Shared,
    wanted: ChatId,
    users: Vec<tl::enums::User>,
    chats: Vec<tl::enums::Chat>,
) -> Result<Peer, CallError> {
    let mut batch = Batch::empty(shared.account_id);
    Converter::new(shared.self_id, &mut batch).peers(users, chats);
    shared.meet(&batch.peers);
    batch
        .peers
        .into_iter()
        .find(|peer| peer.id == wanted)
        .ok_or(CallError::Unresolvable)
}

/// Who is signed in, with the number as Telegram tells it (`+` and digits).
pub(super) async fn me(shared: &Shared) -> Result<(SelfUser, Option<SecretText>), CallError> {
    let users = users(shared, tl::enums::InputUser::UserSelf).await?;
    users
        .into_iter()
        .find_map(|user| {
            let phone = match &user {
                tl::enums::User::User(user) => user.phone.as_deref(),
                tl::enums::User::Empty(_) => None,
            };
            let phone =
                phone.map(|digits| SecretText::new(format!("+{}", digits.trim_start_matches('+'))));
            Some((self_user(user)?, phone))
        })
        .ok_or(CallError::Unresolvable)
}

/// Does whoever is signed in pay for Premium, now?
pub(super) async fn is_premium(shared: &Shared) -> Result<bool, CallError> {
    let users = users(shared, tl::enums::InputUser::UserSelf).await?;
    Ok(users
        .iter()
        .any(|user| matches!(user, tl::enums::User::User(user) if user.premium)))
}

/// The person behind the account.
pub(in crate::telegram) fn self_user(user: tl::enums::User) -> Option<SelfUser> {
    let (first_name, last_name) = match &user {
        tl::enums::User::User(user) => (
            user.first_name.clone().unwrap_or_default(),
            user.last_name.clone(),
        ),
        tl::enums::User::Empty(_) => return None,
    };
    let peer = user_peer(user)?;
    let PeerKind::User(id) = peer.id.kind() else {
        return None;
    };
    Some(SelfUser {
        id,
        first_name,
        last_name: last_name.filter(|name| !name.is_empty()),
        username: peer.username,
    })
}
