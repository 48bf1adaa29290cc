//! Reactions: those that Telegram takes, put on messages.

use grammers_tl_types::{enums, functions::messages as f};

use super::{Call, messages::edited};
use crate::world::{ChatRef, Gid, Refusal, World, bad};

/// What messages.getAvailableReactions lists of those that are no custom emoji, in part.
const REACTIONS: [&str; 24] = [
    "👍", "👎", "❤", "🔥", "🥰", "👏", "😁", "🤔", "🤯", "😱", "🤬", "😢", "🎉", "🤩", "🤮", "💩",
    "🙏", "👌", "🤡", "👀", "💯", "🤝", "✍", "😍",
];

pub fn send_reaction(
    world: &mut World,
    call: &Call,
    r: f::SendReaction,
) -> Result<enums::Updates, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    let gid = world
        .find(call.user, chat, r.msg_id)
        .ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
    let emoji = r
        .reaction
        .iter()
        .flatten()
        .find_map(|reaction| match reaction {
            enums::Reaction::Emoji(emoji) => Some(emoji.emoticon.clone()),
            _ => None,
        });
    check_reaction(world, call, gid, emoji.as_deref())?;
    let moved = world.react(call.user, gid, emoji.as_deref(), Some(call.key()))?;
    Ok(edited(world, call, chat, r.msg_id, gid, moved))
}

/// Telegram takes the reactions that it offers, in some chats fewer, and each of them once.
fn check_reaction(
    world: &World,
    call: &Call,
    gid: Gid,
    emoji: Option<&str>,
) -> Result<(), Refusal> {
    let Some(body) = world.body(gid).filter(|body| !body.deleted) else {
        return Err(bad("MESSAGE_ID_INVALID"));
    };
    let own = body.reactions.iter().find(|(_, user)| *user == call.user);
    if own.map(|(emoji, _)| emoji.as_str()) == emoji {
        return Err(bad("MESSAGE_NOT_MODIFIED"));
    }
    let Some(emoji) = emoji else {
        return Ok(());
    };
    let fewer = match body.chat {
        ChatRef::Channel(id) => world.channels.get(&id).and_then(|c| c.reactions.as_ref()),
        _ => None,
    };
    let taken = match fewer {
        Some(fewer) => fewer.iter().any(|one| one == emoji),
        None => REACTIONS.contains(&emoji),
    };
    match taken {
        true => Ok(()),
        false => Err(bad("REACTION_INVALID")),
    }
}
