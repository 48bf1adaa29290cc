//! Reading messages by their ids: what is gone stands there as empty.

use grammers_tl_types::{enums, functions::channels as cf, functions::messages as f, types};

use super::{
    Call,
    history::{Page, answer, fill},
};
use crate::world::{ChatRef, Gid, Refusal, World};

fn wanted_ids(ids: &[enums::InputMessage]) -> Vec<i32> {
    ids.iter()
        .filter_map(|id| match id {
            enums::InputMessage::Id(message) => Some(message.id),
            _ => None,
        })
        .collect()
}

fn by_ids(world: &World, viewer: i64, chat: Option<ChatRef>, ids: &[i32]) -> Page {
    let find = |id: i32| match chat {
        Some(chat) => world.find(viewer, chat, id),
        None => world.find_mail(viewer, id),
    };
    let found: Vec<(i32, Option<Gid>)> = ids.iter().map(|id| (*id, find(*id))).collect();
    let known: Vec<(i32, Gid)> = found
        .iter()
        .filter_map(|(id, gid)| gid.map(|gid| (*id, gid)))
        .collect();
    let mut page = fill(world, viewer, chat, &known, found.len(), 0);
    let mut filled = std::mem::take(&mut page.messages).into_iter();
    page.messages = found
        .into_iter()
        .map(|(id, gid)| {
            let empty = || {
                types::MessageEmpty {
                    id,
                    peer_id: chat.map(ChatRef::peer),
                }
                .into()
            };
            gid.and_then(|_| filled.next()).unwrap_or_else(empty)
        })
        .collect();
    page
}

pub fn get_messages(
    world: &mut World,
    call: &Call,
    r: f::GetMessages,
) -> Result<enums::messages::Messages, Refusal> {
    let page = by_ids(world, call.user, None, &wanted_ids(&r.id));
    Ok(answer(world, call, None, page))
}

pub fn get_channel_messages(
    world: &mut World,
    call: &Call,
    r: cf::GetMessages,
) -> Result<enums::messages::Messages, Refusal> {
    let chat = ChatRef::Channel(world.resolve_channel(call.user, &r.channel)?.id);
    let page = by_ids(world, call.user, Some(chat), &wanted_ids(&r.id));
    Ok(answer(world, call, Some(chat), page))
}
