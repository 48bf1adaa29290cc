//! Scheduled messages: listed, changed, sent before their time, withdrawn.

use grammers_tl_types::{enums, functions::messages as f, types};

use super::{Call, sent::sent_updates};
use crate::world::{
    ChatRef, Draft, Planned, Posted, Refusal, World, bad,
    view::{Cast, Detail},
};

fn cast(call: &Call, chat: ChatRef) -> Cast {
    let mut cast = Cast::default();
    cast.add(chat);
    cast.users.insert(call.user);
    cast
}

/// One message, or an album, that is to wait.
pub fn plan(
    world: &mut World,
    call: &Call,
    chat: ChatRef,
    drafts: Vec<Draft>,
    at: i32,
) -> Result<enums::Updates, Refusal> {
    let mut waiting = Vec::new();
    let mut sent: Vec<(Posted, i64)> = Vec::new();
    for draft in drafts {
        let random_id = draft.random_id;
        match world.schedule(call.user, call.key(), chat, draft, at)? {
            Planned::Waits(id) => waiting.push((id, random_id)),
            Planned::Sent(posted) => sent.push((posted, random_id)),
        }
    }
    if waiting.is_empty() {
        return Ok(sent_updates(world, call, chat, &sent));
    }
    Ok(planned(world, call, chat, &waiting))
}

fn planned(world: &World, call: &Call, chat: ChatRef, waiting: &[(i32, i64)]) -> enums::Updates {
    let mut updates: Vec<enums::Update> = Vec::new();
    for (id, random_id) in waiting {
        let (id, random_id) = (*id, *random_id);
        if random_id != 0 {
            updates.push(types::UpdateMessageId { id, random_id }.into());
        }
    }
    for (id, _) in waiting {
        // One that was withdrawn since has no message any more.
        let message = world.scheduled_tl(call.user, chat, *id);
        updates.extend(
            message
                .map(|message| enums::Update::from(types::UpdateNewScheduledMessage { message })),
        );
    }
    world.with_cast(call.user, updates, &cast(call, chat), Detail::Full)
}

/// An edit that names a date is of a scheduled message.
pub fn edit(
    world: &mut World,
    call: &Call,
    chat: ChatRef,
    r: f::EditMessage,
) -> Result<enums::Updates, Refusal> {
    let words = r.message.map(|text| (text, r.entities.unwrap_or_default()));
    let at = (chat, r.id);
    match world.edit_scheduled(call.user, call.key(), at, words, r.schedule_date)? {
        Planned::Waits(id) => Ok(planned(world, call, chat, &[(id, 0)])),
        Planned::Sent(_) => {
            Ok(world.with_cast(call.user, Vec::new(), &cast(call, chat), Detail::Full))
        }
    }
}

fn listed(world: &World, call: &Call, chat: ChatRef) -> Result<Vec<i32>, Refusal> {
    let account = world.account(call.user)?;
    let mut waiting: Vec<(i32, i32)> = account
        .scheduled
        .iter()
        .filter(|one| one.chat == chat)
        .map(|one| (one.at, one.id))
        .collect();
    // The last to go out comes first.
    waiting.sort_unstable_by(|one, other| other.cmp(one));
    Ok(waiting.into_iter().map(|(_, id)| id).collect())
}

fn told(world: &World, call: &Call, chat: ChatRef, ids: &[i32]) -> enums::messages::Messages {
    let messages = ids
        .iter()
        .filter_map(|id| world.scheduled_tl(call.user, chat, *id))
        .collect();
    let (users, chats) = world.cast(call.user, &cast(call, chat), Detail::Full);
    types::messages::Messages {
        messages,
        topics: Vec::new(),
        users,
        chats,
    }
    .into()
}

pub fn get_scheduled_history(
    world: &mut World,
    call: &Call,
    r: f::GetScheduledHistory,
) -> Result<enums::messages::Messages, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    let ids = listed(world, call, chat)?;
    Ok(told(world, call, chat, &ids))
}

pub fn get_scheduled_messages(
    world: &mut World,
    call: &Call,
    r: f::GetScheduledMessages,
) -> Result<enums::messages::Messages, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    Ok(told(world, call, chat, &r.id))
}

pub fn send_scheduled_messages(
    world: &mut World,
    call: &Call,
    r: f::SendScheduledMessages,
) -> Result<enums::Updates, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    world.may_write(call.user, chat)?;
    let known = listed(world, call, chat)?;
    if r.id.is_empty() || r.id.iter().any(|id| !known.contains(id)) {
        return Err(bad("MESSAGE_ID_INVALID"));
    }
    for id in &r.id {
        world.send_scheduled(call.user, chat, *id)?;
    }
    // What became of them reaches every client of the account, this one too, as when their time comes.
    Ok(world.with_cast(call.user, Vec::new(), &cast(call, chat), Detail::Full))
}

pub fn delete_scheduled_messages(
    world: &mut World,
    call: &Call,
    r: f::DeleteScheduledMessages,
) -> Result<enums::Updates, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    world.delete_scheduled(call.user, call.key(), chat, &r.id);
    let update = types::UpdateDeleteScheduledMessages {
        peer: chat.peer(),
        messages: r.id,
        sent_messages: None,
    };
    let updates = vec![update.into()];
    Ok(world.with_cast(call.user, updates, &cast(call, chat), Detail::Full))
}
