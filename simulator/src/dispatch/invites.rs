//! Joining: links that invite, shown before anything is joined, and public chats.

use grammers_tl_types::{enums, functions::channels as f, functions::messages as m, types};

use super::Call;
use crate::world::{
    ChatRef, Refusal, World, bad,
    view::{Cast, Detail},
};

pub fn check_chat_invite(
    world: &mut World,
    call: &Call,
    r: m::CheckChatInvite,
) -> Result<enums::ChatInvite, Refusal> {
    let invite = world.invite(&r.hash)?.clone();
    if world.is_member(invite.chat, call.user) {
        let chat = match invite.chat {
            ChatRef::Group(id) => world.group_tl(call.user, id),
            ChatRef::Channel(id) => world.channel_tl(call.user, id),
            ChatRef::User(_) => return Err(bad("INVITE_HASH_INVALID")),
        };
        return Ok(types::ChatInviteAlready { chat }.into());
    }
    let mut shown = types::ChatInvite {
        channel: false,
        broadcast: false,
        public: false,
        megagroup: false,
        request_needed: invite.on_request,
        verified: false,
        scam: false,
        fake: false,
        can_refulfill_subscription: false,
        title: String::new(),
        about: None,
        photo: types::PhotoEmpty { id: 0 }.into(),
        participants_count: 0,
        participants: None,
        color: 0,
        subscription_pricing: None,
        subscription_form_id: None,
        bot_verification: None,
    };
    match invite.chat {
        ChatRef::Group(id) => {
            let group = world
                .groups
                .get(&id)
                .ok_or_else(|| bad("INVITE_HASH_EXPIRED"))?;
            shown.title.clone_from(&group.title);
            shown.participants_count = group.members.len() as i32;
        }
        ChatRef::Channel(id) => {
            let channel = world
                .channels
                .get(&id)
                .ok_or_else(|| bad("INVITE_HASH_EXPIRED"))?;
            shown.channel = true;
            shown.broadcast = channel.broadcast;
            shown.megagroup = !channel.broadcast;
            shown.public = channel.username.is_some();
            shown.title.clone_from(&channel.title);
            shown.participants_count = channel.members.len() as i32;
        }
        ChatRef::User(_) => return Err(bad("INVITE_HASH_INVALID")),
    }
    Ok(shown.into())
}

pub fn import_chat_invite(
    world: &mut World,
    call: &Call,
    r: m::ImportChatInvite,
) -> Result<enums::messages::ChatInviteJoinResult, Refusal> {
    let chat = world.join_by(&r.hash, call.user)?;
    Ok(joined(world, call, chat))
}

pub fn join_channel(
    world: &mut World,
    call: &Call,
    r: f::JoinChannel,
) -> Result<enums::messages::ChatInviteJoinResult, Refusal> {
    let chat = ChatRef::Channel(world.resolve_channel(call.user, &r.channel)?.id);
    // Joining a channel once more is no error (unlike its invites).
    if !world.is_member(chat, call.user) {
        world.join(chat, call.user, call.user)?;
    }
    Ok(joined(world, call, chat))
}

fn joined(world: &World, call: &Call, chat: ChatRef) -> enums::messages::ChatInviteJoinResult {
    let mut cast = Cast::default();
    cast.add(chat);
    let updates = match chat {
        ChatRef::Channel(channel_id) => vec![types::UpdateChannel { channel_id }.into()],
        _ => Vec::new(),
    };
    let updates = world.with_cast(call.user, updates, &cast, Detail::Full);
    types::messages::ChatInviteJoinResultOk { updates }.into()
}
