//! Dialogs: the list of chats, pinned ones, folders and drafts.

use grammers_tl_types::{enums, functions::messages as f, types};

use super::{Call, Effect, forums, history};
use crate::world::{
    ChatRef, GENERAL, Gid, Refusal, World, bad, folder_update,
    view::{Cast, Detail, blank_notify, draft_tl},
};

/// A dialog with the message that decides its place.
#[derive(Clone, Copy)]
struct Entry {
    chat: ChatRef,
    top: Option<(i32, Gid)>,
    date: i32,
}

fn top_of(world: &World, viewer: i64, chat: ChatRef) -> Option<(i32, Gid)> {
    match chat {
        ChatRef::Channel(id) => {
            let channel = world.channels.get(&id)?;
            channel
                .messages()
                .rev()
                .find(|(_, gid)| world.body(*gid).is_some_and(|body| !body.deleted))
        }
        _ => {
            let mailbox = &world.accounts.get(&viewer)?.mailbox;
            let id = *mailbox.dialogs.get(&chat)?.ids.last()?;
            Some((id, mailbox.copy(id)?.gid))
        }
    }
}

/// All dialogs of one folder, newest first, the pinned ones on top.
fn entries(world: &World, viewer: i64, folder: i32) -> Vec<Entry> {
    let Some(mailbox) = world.accounts.get(&viewer).map(|account| &account.mailbox) else {
        return Vec::new();
    };
    let listed = mailbox
        .dialogs
        .iter()
        .filter(|(_, dialog)| dialog.folder == folder);
    let mut entries: Vec<Entry> = listed
        .filter_map(|(chat, dialog)| {
            let top = top_of(world, viewer, *chat);
            let shown =
                top.is_some() || matches!(chat, ChatRef::Channel(_)) || dialog.draft.is_some();
            let date = top
                .and_then(|(_, gid)| world.body(gid))
                .map_or(0, |body| body.date);
            shown.then_some(Entry {
                chat: *chat,
                top,
                date,
            })
        })
        .collect();
    let pin = |chat: ChatRef| {
        mailbox
            .pinned
            .iter()
            .position(|pinned| *pinned == chat)
            .unwrap_or(usize::MAX)
    };
    // The message's own number breaks ties within a second: the order must not depend on chance.
    let newest = |entry: &Entry| std::cmp::Reverse((entry.date, entry.top.map(|(_, gid)| gid)));
    entries.sort_by_key(|entry| (pin(entry.chat), newest(entry), entry.chat));
    entries
}

pub fn dialog_tl(world: &World, viewer: i64, chat: ChatRef) -> Option<enums::Dialog> {
    let mailbox = &world.accounts.get(&viewer)?.mailbox;
    let dialog = mailbox.dialogs.get(&chat)?;
    let top_message = top_of(world, viewer, chat).map_or(0, |(id, _)| id);
    let (pts, unread_count, read_outbox) = match chat {
        ChatRef::Channel(id) => {
            let channel = world.channels.get(&id)?;
            (
                Some(channel.pts),
                world.channel_unread(viewer, id),
                channel.read_outbox,
            )
        }
        _ => (None, dialog.unread, dialog.read_outbox),
    };
    Some(
        types::Dialog {
            pinned: mailbox.pinned.contains(&chat),
            unread_mark: dialog.unread_mark,
            view_forum_as_messages: false,
            peer: chat.peer(),
            top_message,
            read_inbox_max_id: dialog.read_inbox,
            read_outbox_max_id: read_outbox,
            unread_count,
            unread_mentions_count: 0,
            unread_reactions_count: 0,
            unread_poll_votes_count: 0,
            notify_settings: types::PeerNotifySettings {
                mute_until: (dialog.muted_until != 0).then_some(dialog.muted_until),
                ..blank_notify()
            }
            .into(),
            pts,
            draft: dialog
                .draft
                .clone()
                .map(|(text, date)| draft_tl(text, date)),
            folder_id: (dialog.folder != 0).then_some(dialog.folder),
            ttl_period: None,
        }
        .into(),
    )
}

struct Listed {
    dialogs: Vec<enums::Dialog>,
    messages: Vec<enums::Message>,
    users: Vec<enums::User>,
    chats: Vec<enums::Chat>,
}

fn list(world: &mut World, viewer: i64, chats: impl Iterator<Item = ChatRef>) -> Listed {
    let (mut dialogs, mut messages, mut cast) = (Vec::new(), Vec::new(), Cast::default());
    for chat in chats {
        dialogs.extend(dialog_tl(world, viewer, chat));
        cast.add(chat);
        let Some((id, gid)) = top_of(world, viewer, chat) else {
            continue;
        };
        messages.push(world.message_tl(viewer, id, chat, gid));
        let named = world.cast_of(viewer, &[(gid, chat)]);
        cast.users.extend(named.users);
        cast.groups.extend(named.groups);
        cast.channels.extend(named.channels);
    }
    if let Ok(account) = world.account_mut(viewer) {
        account.known.extend(&cast.users);
    }
    let (users, chats) = world.cast(viewer, &cast, Detail::Full);
    Listed {
        dialogs,
        messages,
        users,
        chats,
    }
}

pub fn get_dialogs(
    world: &mut World,
    call: &Call,
    r: f::GetDialogs,
) -> Result<enums::messages::Dialogs, Refusal> {
    let mut all = entries(world, call.user, r.folder_id.unwrap_or(0));
    let pinned = world.account(call.user)?.mailbox.pinned.clone();
    if r.exclude_pinned {
        all.retain(|entry| !pinned.contains(&entry.chat));
    }
    let offset = match &r.offset_peer {
        enums::InputPeer::Empty => None,
        peer => world.resolve_peer(call.user, peer).ok(),
    };
    let start = match offset.and_then(|chat| all.iter().position(|entry| entry.chat == chat)) {
        Some(at) => at + 1,
        // By their dates only those stand in order that are not pinned; the pinned ones come first.
        None if r.offset_date > 0 => {
            let later = |entry: &Entry| entry.date < r.offset_date && !pinned.contains(&entry.chat);
            all.iter().position(later).unwrap_or(all.len())
        }
        None => 0,
    };
    let start = match (call.faults).next_for_page(call.user, "messages.getDialogs") {
        Some(Effect::Overlap { chats }) => start.saturating_sub(chats),
        _ => start,
    };
    let limit = usize::try_from(r.limit.clamp(1, 100)).unwrap_or(1);
    let total = all.len();
    let page: Vec<ChatRef> = all
        .iter()
        .skip(start)
        .take(limit)
        .map(|entry| entry.chat)
        .collect();
    let complete = start == 0 && page.len() == total;
    let Listed {
        dialogs,
        messages,
        users,
        chats,
    } = list(world, call.user, page.into_iter());
    if complete {
        return Ok(types::messages::Dialogs {
            dialogs,
            messages,
            chats,
            users,
        }
        .into());
    }
    Ok(types::messages::DialogsSlice {
        count: total as i32,
        dialogs,
        messages,
        chats,
        users,
    }
    .into())
}

fn peer_dialogs(
    world: &mut World,
    viewer: i64,
    chats: Vec<ChatRef>,
) -> Result<enums::messages::PeerDialogs, Refusal> {
    let state = world.state_of(viewer)?.into();
    let Listed {
        dialogs,
        messages,
        users,
        chats,
    } = list(world, viewer, chats.into_iter());
    Ok(types::messages::PeerDialogs {
        dialogs,
        messages,
        chats,
        users,
        state,
    }
    .into())
}

pub fn get_peer_dialogs(
    world: &mut World,
    call: &Call,
    r: f::GetPeerDialogs,
) -> Result<enums::messages::PeerDialogs, Refusal> {
    let mut chats = Vec::new();
    for peer in &r.peers {
        let enums::InputDialogPeer::Peer(peer) = peer else {
            continue;
        };
        chats.push(world.resolve_peer(call.user, &peer.peer)?);
    }
    peer_dialogs(world, call.user, chats)
}

pub fn get_pinned_dialogs(
    world: &mut World,
    call: &Call,
    r: f::GetPinnedDialogs,
) -> Result<enums::messages::PeerDialogs, Refusal> {
    let mailbox = &world.account(call.user)?.mailbox;
    let in_folder = |chat: &ChatRef| {
        mailbox
            .dialogs
            .get(chat)
            .is_some_and(|dialog| dialog.folder == r.folder_id)
    };
    let chats = mailbox.pinned.iter().copied().filter(in_folder).collect();
    peer_dialogs(world, call.user, chats)
}

pub fn toggle_dialog_pin(
    world: &mut World,
    call: &Call,
    r: f::ToggleDialogPin,
) -> Result<bool, Refusal> {
    let enums::InputDialogPeer::Peer(peer) = &r.peer else {
        return Err(bad("PEER_ID_INVALID"));
    };
    let chat = world.resolve_peer(call.user, &peer.peer)?;
    let mailbox = &mut world.account_mut(call.user)?.mailbox;
    mailbox.pinned.retain(|pinned| *pinned != chat);
    if r.pinned {
        mailbox.pinned.insert(0, chat);
    }
    Ok(true)
}

pub fn mark_dialog_unread(
    world: &mut World,
    call: &Call,
    r: f::MarkDialogUnread,
) -> Result<bool, Refusal> {
    let enums::InputDialogPeer::Peer(peer) = &r.peer else {
        return Err(bad("PEER_ID_INVALID"));
    };
    let chat = world.resolve_peer(call.user, &peer.peer)?;
    world.mark_unread(call.user, chat, r.unread, Some(call.key()))?;
    Ok(true)
}

pub fn get_dialog_filters(
    _: &mut World,
    _: &Call,
    _: f::GetDialogFilters,
) -> Result<enums::messages::DialogFilters, Refusal> {
    Ok(types::messages::DialogFilters {
        tags_enabled: false,
        filters: vec![enums::DialogFilter::Default],
    }
    .into())
}

pub fn save_draft(world: &mut World, call: &Call, r: f::SaveDraft) -> Result<bool, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    let topic = match &r.reply_to {
        Some(enums::InputReplyTo::Message(to)) => to.top_msg_id.unwrap_or(0),
        _ => 0,
    };
    if topic != 0 {
        forums::check(world, chat, topic)?;
    }
    let topic = if topic == GENERAL { 0 } else { topic };
    world.save_draft(call.user, chat, topic, &r.message, Some(call.key()))?;
    Ok(true)
}

pub fn get_all_drafts(
    world: &mut World,
    call: &Call,
    _: f::GetAllDrafts,
) -> Result<enums::Updates, Refusal> {
    let mailbox = &world.account(call.user)?.mailbox;
    let mut cast = Cast::default();
    let mut updates = Vec::new();
    for (chat, dialog) in &mailbox.dialogs {
        let of_topics = dialog.topic_drafts.iter();
        let of_topics = of_topics.map(|(topic, draft)| (Some(*topic), draft));
        let all = dialog.draft.iter().map(|draft| (None, draft));
        for (top_msg_id, (text, date)) in all.chain(of_topics) {
            cast.add(*chat);
            let draft = draft_tl(text.clone(), *date);
            let (peer, saved_peer_id) = (chat.peer(), None);
            updates.push(
                types::UpdateDraftMessage {
                    peer,
                    top_msg_id,
                    saved_peer_id,
                    draft,
                }
                .into(),
            );
        }
    }
    Ok(world.with_cast(call.user, updates, &cast, Detail::Full))
}

/// Folder 1 is the archive.
pub fn edit_peer_folders(
    world: &mut World,
    call: &Call,
    r: grammers_tl_types::functions::folders::EditPeerFolders,
) -> Result<enums::Updates, Refusal> {
    let mut updates = Vec::new();
    for enums::InputFolderPeer::Peer(peer) in &r.folder_peers {
        if !(0..=1).contains(&peer.folder_id) {
            return Err(bad("FOLDER_ID_INVALID"));
        }
        let chat = world.resolve_peer(call.user, &peer.peer)?;
        let moved = world.put_in_folder(call.user, chat, peer.folder_id, Some(call.key()))?;
        if moved.1 > 0 {
            updates.push(folder_update(chat, peer.folder_id, moved.0).into());
        }
    }
    Ok(world.with_cast(call.user, updates, &Cast::default(), Detail::Full))
}

/// Ids of a chat's messages up to one of them (0: all), newest first.
pub fn ids_up_to(world: &World, viewer: i64, chat: ChatRef, max_id: i32) -> Vec<i32> {
    let list = history::alive(world, viewer, chat)
        .into_iter()
        .map(|(id, _)| id);
    list.filter(|id| max_id <= 0 || *id <= max_id).collect()
}
