//! Users, groups and channels, and whether this account may write there.

use grammers_client::tl;

use super::clean;
use crate::domain::{ChatId, Peer, PeerFlags, Timestamp};

pub(in crate::telegram) fn user(user: tl::enums::User) -> Option<Peer> {
    // An empty user says nothing but its id.
    let tl::enums::User::User(user) = user else {
        return None;
    };
    let name = match (user.first_name.as_deref(), user.last_name.as_deref()) {
        _ if user.deleted => "Deleted account".to_owned(),
        (Some(first), Some(last)) => format!("{first} {last}").trim().to_owned(),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => String::new(),
    };
    Some(Peer {
        id: ChatId::user(user.id),
        // The hash of a min user works only beside the message it came with.
        access_hash: user.access_hash.filter(|_| !user.min),
        name: clean::line(name),
        username: user
            .username
            .or_else(|| active_username(user.usernames))
            .map(clean::text),
        flags: PeerFlags {
            is_self: user.is_self,
            bot: user.bot,
            broadcast: false,
            can_send: !user.deleted,
            min: user.min,
            deleted: user.deleted,
        },
    })
}

pub(in crate::telegram) fn chat(chat: tl::enums::Chat) -> Option<Peer> {
    use tl::enums::Chat;
    match chat {
        Chat::Chat(chat) => Some(group(chat)),
        Chat::Channel(chat) => Some(channel(chat)),
        Chat::Forbidden(chat) => Some(lost(ChatId::group(chat.id), Some(0), chat.title, false)),
        Chat::ChannelForbidden(chat) => Some(lost(
            ChatId::channel(chat.id),
            Some(chat.access_hash),
            chat.title,
            chat.broadcast,
        )),
        // Communities are folders of chats, not places to write to.
        Chat::Empty(_) | Chat::Community(_) | Chat::CommunityForbidden(_) => None,
    }
}

/// The chat's id when this account is out of it.
pub(super) fn gone(chat: &tl::enums::Chat) -> Option<ChatId> {
    use tl::enums::Chat;
    match chat {
        Chat::Forbidden(chat) => Some(ChatId::group(chat.id)),
        Chat::ChannelForbidden(chat) => Some(ChatId::channel(chat.id)),
        Chat::Chat(chat) if chat.left || chat.deactivated => Some(ChatId::group(chat.id)),
        Chat::Channel(chat) if chat.left => Some(ChatId::channel(chat.id)),
        _ => None,
    }
}

/// "Date when the user joined the supergroup/channel, or if the user isn't a member, its creation date" (constructor/channel).
pub(super) fn joined(chat: &tl::enums::Chat) -> Option<(ChatId, Timestamp)> {
    match chat {
        tl::enums::Chat::Channel(chat) if !chat.left && !chat.min && chat.date > 0 => {
            let since = Timestamp::from_seconds(i64::from(chat.date));
            Some((ChatId::channel(chat.id), since))
        }
        _ => None,
    }
}

fn group(chat: tl::types::Chat) -> Peer {
    let inside = !chat.left && !chat.deactivated && chat.migrated_to.is_none();
    let may = chat.creator
        || chat.admin_rights.is_some()
        || !forbids_text(chat.default_banned_rights.as_ref());
    Peer {
        id: ChatId::group(chat.id),
        access_hash: Some(0),
        name: clean::line(chat.title),
        username: None,
        flags: PeerFlags {
            can_send: inside && may,
            ..PeerFlags::default()
        },
    }
}

fn channel(chat: tl::types::Channel) -> Peer {
    let only_admins = chat.broadcast || chat.gigagroup;
    let posts = chat
        .admin_rights
        .as_ref()
        .is_some_and(|tl::enums::ChatAdminRights::Rights(rights)| rights.post_messages);
    let may = if only_admins {
        chat.creator || posts
    } else {
        chat.creator
            || chat.admin_rights.is_some()
            || !(forbids_text(chat.banned_rights.as_ref())
                || forbids_text(chat.default_banned_rights.as_ref()))
    };
    Peer {
        id: ChatId::channel(chat.id),
        access_hash: chat.access_hash.filter(|_| !chat.min),
        name: clean::line(chat.title),
        username: chat.username.or_else(|| active_username(chat.usernames)),
        flags: PeerFlags {
            broadcast: only_admins,
            can_send: !chat.left && may,
            min: chat.min,
            ..PeerFlags::default()
        },
    }
}

fn lost(id: ChatId, access_hash: Option<i64>, name: String, broadcast: bool) -> Peer {
    Peer {
        id,
        access_hash,
        name,
        username: None,
        flags: PeerFlags {
            broadcast,
            ..PeerFlags::default()
        },
    }
}

fn forbids_text(rights: Option<&tl::enums::ChatBannedRights>) -> bool {
    rights.is_some_and(|tl::enums::ChatBannedRights::Rights(rights)| {
        rights.view_messages || rights.send_messages || rights.send_plain
    })
}

fn active_username(names: Option<Vec<tl::enums::Username>>) -> Option<String> {
    names?
        .into_iter()
        .find_map(|tl::enums::Username::Username(name)| name.active.then_some(name.username))
}
