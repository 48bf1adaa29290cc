//! Pins: a message pinned or unpinned, with the notice about it.

use grammers_tl_types::{enums, functions::messages as f, types};

use super::Call;
use crate::world::{ChatRef, Gid, Refusal, World, bad, view::Detail};

pub fn update_pinned_message(
    world: &mut World,
    call: &Call,
    r: f::UpdatePinnedMessage,
) -> Result<enums::Updates, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    let gid = world
        .find(call.user, chat, r.id)
        .ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
    check_pin(world, call, chat, gid, !r.unpin)?;
    let notice = world.pin(call.user, gid, !r.unpin, Some(call.key()))?;
    // The notice took the number after the pin's.
    let now = match chat {
        ChatRef::Channel(id) => world.channels.get(&id).map_or(0, |channel| channel.pts),
        _ => world.account(call.user)?.mailbox.pts,
    };
    let pts = now - i32::from(notice.is_some());
    let (pinned, messages, pts_count) = (!r.unpin, vec![r.id], 1);
    let mut updates: Vec<enums::Update> = vec![match chat {
        ChatRef::Channel(channel_id) => types::UpdatePinnedChannelMessages {
            pinned,
            channel_id,
            messages,
            pts,
            pts_count,
        }
        .into(),
        _ => types::UpdatePinnedMessages {
            pinned,
            peer: chat.peer(),
            messages,
            pts,
            pts_count,
        }
        .into(),
    }];
    let mut named = vec![(gid, chat)];
    if let Some(notice) = notice {
        let message = world.message_tl(call.user, notice.id, chat, notice.gid);
        let pts = notice.pts;
        updates.push(match chat {
            ChatRef::Channel(_) => types::UpdateNewChannelMessage {
                message,
                pts,
                pts_count,
            }
            .into(),
            _ => types::UpdateNewMessage {
                message,
                pts,
                pts_count,
            }
            .into(),
        });
        named.push((notice.gid, chat));
    }
    let cast = world.cast_of(call.user, &named);
    Ok(world.with_cast(call.user, updates, &cast, Detail::Full))
}

/// In supergroups and channels only admins pin; and nothing is pinned twice.
fn check_pin(
    world: &World,
    call: &Call,
    chat: ChatRef,
    gid: Gid,
    pinned: bool,
) -> Result<(), Refusal> {
    if let ChatRef::Channel(id) = chat
        && world
            .channels
            .get(&id)
            .is_some_and(|channel| channel.creator != call.user)
    {
        return Err(bad("CHAT_ADMIN_REQUIRED"));
    }
    match world.body(gid).is_some_and(|body| body.pinned == pinned) {
        true => Err(bad("CHAT_NOT_MODIFIED")),
        false => Ok(()),
    }
}
