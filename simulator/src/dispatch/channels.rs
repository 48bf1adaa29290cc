//! channels.* and what else concerns chats as such: who is in them, what they are called.

use grammers_tl_types::{enums, functions::channels as f, functions::messages as m, types};

use super::Call;
use crate::world::{
    ChatRef, Refusal, World, bad, forbidden,
    view::{Cast, Detail, blank_channel_full, blank_notify, creator_rights},
};

pub fn get_channels(
    world: &mut World,
    call: &Call,
    r: f::GetChannels,
) -> Result<enums::messages::Chats, Refusal> {
    let mut chats = Vec::new();
    for input in &r.id {
        let id = world.resolve_channel(call.user, input)?.id;
        chats.push(world.channel_tl(call.user, id));
    }
    Ok(types::messages::Chats { chats }.into())
}

pub fn get_full_channel(
    world: &mut World,
    call: &Call,
    r: f::GetFullChannel,
) -> Result<enums::messages::ChatFull, Refusal> {
    let channel = world.resolve_channel(call.user, &r.channel)?;
    let (id, members) = (channel.id, channel.members.len() as i32);
    let mut full = blank_channel_full(id, channel.pts);
    full.participants_count = Some(members);
    full.can_view_participants = !channel.broadcast || channel.creator == call.user;
    full.read_outbox_max_id = channel.read_outbox;
    full.unread_count = world.channel_unread(call.user, id);
    let dialog = world
        .account(call.user)?
        .mailbox
        .dialogs
        .get(&ChatRef::Channel(id));
    full.read_inbox_max_id = dialog.map_or(0, |dialog| dialog.read_inbox);
    let chats = vec![world.channel_tl(call.user, id)];
    Ok(types::messages::ChatFull {
        full_chat: full.into(),
        chats,
        users: Vec::new(),
    }
    .into())
}

pub fn get_chats(
    world: &mut World,
    call: &Call,
    r: m::GetChats,
) -> Result<enums::messages::Chats, Refusal> {
    let known = r.id.iter().filter(|id| world.groups.contains_key(id));
    let chats = known.map(|id| world.group_tl(call.user, *id)).collect();
    Ok(types::messages::Chats { chats }.into())
}

pub fn get_full_chat(
    world: &mut World,
    call: &Call,
    r: m::GetFullChat,
) -> Result<enums::messages::ChatFull, Refusal> {
    let peer = types::InputPeerChat { chat_id: r.chat_id }.into();
    world.resolve_peer(call.user, &peer)?;
    let Some(group) = world.groups.get(&r.chat_id) else {
        return Err(bad("CHAT_ID_INVALID"));
    };
    let participant = |id: &i64| -> enums::ChatParticipant {
        if *id == group.creator {
            return types::ChatParticipantCreator {
                user_id: *id,
                rank: None,
            }
            .into();
        }
        types::ChatParticipant {
            user_id: *id,
            inviter_id: group.creator,
            date: group.date,
            rank: None,
        }
        .into()
    };
    let participants = types::ChatParticipants {
        chat_id: group.id,
        participants: group.members.iter().map(participant).collect(),
        version: group.version,
    };
    let mut cast = Cast::default();
    cast.groups.insert(group.id);
    cast.users.extend(&group.members);
    let full = types::ChatFull {
        can_set_username: false,
        has_scheduled: false,
        translations_disabled: false,
        has_welcome_messages: false,
        id: group.id,
        about: String::new(),
        participants: participants.into(),
        chat_photo: None,
        notify_settings: blank_notify().into(),
        exported_invite: None,
        bot_info: None,
        pinned_msg_id: None,
        folder_id: None,
        call: None,
        ttl_period: None,
        groupcall_default_join_as: None,
        theme_emoticon: None,
        requests_pending: None,
        recent_requesters: None,
        available_reactions: None,
        reactions_limit: None,
    };
    let (users, chats) = world.cast(call.user, &cast, Detail::Full);
    Ok(types::messages::ChatFull {
        full_chat: full.into(),
        chats,
        users,
    }
    .into())
}

pub fn read_history(world: &mut World, call: &Call, r: f::ReadHistory) -> Result<bool, Refusal> {
    let id = world.resolve_channel(call.user, &r.channel)?.id;
    world.read_channel(call.user, id, r.max_id, Some(call.key()))
}

pub fn read_message_contents(
    world: &mut World,
    call: &Call,
    r: f::ReadMessageContents,
) -> Result<bool, Refusal> {
    world.resolve_channel(call.user, &r.channel)?;
    Ok(true)
}

pub fn delete_messages(
    world: &mut World,
    call: &Call,
    r: f::DeleteMessages,
) -> Result<enums::messages::AffectedMessages, Refusal> {
    let channel = world.resolve_channel(call.user, &r.channel)?;
    let (id, admin) = (channel.id, channel.creator == call.user);
    let own = |message: &i32| {
        let gid = world.find(call.user, ChatRef::Channel(id), *message);
        gid.and_then(|gid| world.body(gid))
            .is_none_or(|body| body.from == call.user)
    };
    if !admin && !r.id.iter().all(own) {
        return Err(forbidden("MESSAGE_DELETE_FORBIDDEN"));
    }
    let (pts, pts_count) = world.delete_in_channel(id, &r.id, Some(call.key()));
    Ok(types::messages::AffectedMessages { pts, pts_count }.into())
}

pub fn delete_history(
    world: &mut World,
    call: &Call,
    r: f::DeleteHistory,
) -> Result<enums::Updates, Refusal> {
    let channel = world.resolve_channel(call.user, &r.channel)?;
    let (id, admin, top) = (channel.id, channel.creator == call.user, channel.top_id());
    if r.for_everyone && !admin {
        return Err(bad("CHAT_ADMIN_REQUIRED"));
    }
    let up_to = match r.max_id {
        0 => top,
        max_id => max_id.min(top),
    };
    if r.for_everyone {
        world.clear_channel(id, up_to);
    } else {
        world.clear_channel_for(call.user, id, up_to, Some(call.key()));
    }
    let update = types::UpdateChannelAvailableMessages {
        channel_id: id,
        available_min_id: up_to,
    };
    Ok(world.with_cast(
        call.user,
        vec![update.into()],
        &Cast::default(),
        Detail::Full,
    ))
}

fn participant(
    world: &World,
    viewer: i64,
    channel: i64,
    id: i64,
) -> Option<enums::ChannelParticipant> {
    let channel = world.channels.get(&channel)?;
    if !channel.members.contains(&id) {
        return None;
    }
    if id == channel.creator {
        let admin_rights = creator_rights();
        return Some(
            types::ChannelParticipantCreator {
                user_id: id,
                admin_rights,
                rank: None,
            }
            .into(),
        );
    }
    if id == viewer {
        return Some(
            types::ChannelParticipantSelf {
                via_request: false,
                user_id: id,
                inviter_id: channel.creator,
                date: channel.date,
                subscription_until_date: None,
                rank: None,
            }
            .into(),
        );
    }
    let (date, subscription_until_date) = (channel.date, None);
    Some(
        types::ChannelParticipant {
            user_id: id,
            date,
            subscription_until_date,
            rank: None,
        }
        .into(),
    )
}

/// In one answer, whatever is asked for.
const MOST_PARTICIPANTS: usize = 200;

pub fn get_participants(
    world: &mut World,
    call: &Call,
    r: f::GetParticipants,
) -> Result<enums::channels::ChannelParticipants, Refusal> {
    let channel = world.resolve_channel(call.user, &r.channel)?;
    if channel.broadcast && channel.creator != call.user {
        return Err(bad("CHAT_ADMIN_REQUIRED"));
    }
    let id = channel.id;
    use enums::ChannelParticipantsFilter as Filter;
    let wanted: Vec<i64> = match &r.filter {
        Filter::ChannelParticipantsAdmins => vec![channel.creator],
        Filter::ChannelParticipantsBots => {
            let is_bot = |id: &&i64| world.users.get(id).is_some_and(|user| user.bot);
            channel.members.iter().filter(is_bot).copied().collect()
        }
        Filter::ChannelParticipantsSearch(asked) => {
            let fits = |id: &&i64| {
                let user = world.users.get(id);
                user.is_some_and(|user| user.is_called(&asked.q.to_lowercase()))
            };
            channel.members.iter().filter(fits).copied().collect()
        }
        _ => channel.members.iter().copied().collect(),
    };
    let count = wanted.len() as i32;
    let (skip, take) = (
        usize::try_from(r.offset).unwrap_or(0),
        usize::try_from(r.limit).unwrap_or(0).min(MOST_PARTICIPANTS),
    );
    let page: Vec<i64> = wanted.into_iter().skip(skip).take(take).collect();
    let participants = page
        .iter()
        .filter_map(|user| participant(world, call.user, id, *user))
        .collect();
    let mut cast = Cast::default();
    cast.users.extend(&page);
    cast.channels.insert(id);
    world.account_mut(call.user)?.known.extend(&page);
    let (users, chats) = world.cast(call.user, &cast, Detail::Full);
    Ok(types::channels::ChannelParticipants {
        count,
        participants,
        chats,
        users,
    }
    .into())
}

pub fn get_participant(
    world: &mut World,
    call: &Call,
    r: f::GetParticipant,
) -> Result<enums::channels::ChannelParticipant, Refusal> {
    let id = world.resolve_channel(call.user, &r.channel)?.id;
    let ChatRef::User(user) = world.resolve_peer(call.user, &r.participant)? else {
        return Err(bad("PARTICIPANT_ID_INVALID"));
    };
    let participant =
        participant(world, call.user, id, user).ok_or_else(|| bad("USER_NOT_PARTICIPANT"))?;
    let mut cast = Cast::default();
    cast.users.insert(user);
    cast.channels.insert(id);
    let (users, chats) = world.cast(call.user, &cast, Detail::Full);
    Ok(types::channels::ChannelParticipant {
        participant,
        chats,
        users,
    }
    .into())
}

pub fn leave_channel(
    world: &mut World,
    call: &Call,
    r: f::LeaveChannel,
) -> Result<enums::Updates, Refusal> {
    let id = world.resolve_channel(call.user, &r.channel)?.id;
    world.leave(ChatRef::Channel(id), call.user, call.user)?;
    let mut cast = Cast::default();
    cast.channels.insert(id);
    let update = types::UpdateChannel { channel_id: id }.into();
    Ok(world.with_cast(call.user, vec![update], &cast, Detail::Full))
}

pub fn edit_title(
    world: &mut World,
    call: &Call,
    r: f::EditTitle,
) -> Result<enums::Updates, Refusal> {
    let channel = world.resolve_channel(call.user, &r.channel)?;
    if channel.creator != call.user {
        return Err(bad("CHAT_ADMIN_REQUIRED"));
    }
    let chat = ChatRef::Channel(channel.id);
    world.set_title(chat, call.user, &r.title, None)?;
    Ok(world.with_cast(call.user, Vec::new(), &Cast::default(), Detail::Full))
}
