//! Search: messages by words, in a chat or in all.

use grammers_tl_types::{enums, functions::messages as f};

use super::{
    Call,
    history::{Cut, PAGE_LIMIT, alive, answer, chat_of, cut, fill, thread},
};
use crate::world::{Body, ChatRef, Gid, Media, Refusal, World, bad};

fn matches(body: &Body, words: &str, filter: &enums::MessagesFilter) -> bool {
    use enums::MessagesFilter as F;
    let media = body.media.as_deref();
    let kind = match filter {
        F::InputMessagesFilterPhotos | F::InputMessagesFilterChatPhotos => {
            matches!(media, Some(Media::Photo { .. }))
        }
        F::InputMessagesFilterDocument => matches!(media, Some(Media::Document { .. })),
        F::InputMessagesFilterVideo => matches!(media, Some(Media::Video { .. })),
        F::InputMessagesFilterPhotoVideo => {
            matches!(media, Some(Media::Photo { .. } | Media::Video { .. }))
        }
        F::InputMessagesFilterVoice | F::InputMessagesFilterRoundVoice => {
            matches!(media, Some(Media::Voice { .. }))
        }
        F::InputMessagesFilterGeo => matches!(media, Some(Media::Location { .. })),
        F::InputMessagesFilterContacts => matches!(media, Some(Media::Contact { .. })),
        F::InputMessagesFilterPinned => body.pinned,
        F::InputMessagesFilterUrl => body.text.contains("http"),
        F::InputMessagesFilterEmpty => true,
        _ => false,
    };
    kind && (words.is_empty() || body.text.to_lowercase().contains(words))
}

pub fn search(
    world: &mut World,
    call: &Call,
    r: f::Search,
) -> Result<enums::messages::Messages, Refusal> {
    let chat = match &r.peer {
        enums::InputPeer::Empty => None,
        peer => Some(world.resolve_peer(call.user, peer)?),
    };
    let from = match &r.from_id {
        Some(peer) => Some(world.resolve_peer(call.user, peer)?),
        None => None,
    };
    let words = r.q.to_lowercase();
    let list: Vec<(i32, Gid)> = match (chat, r.top_msg_id) {
        (Some(chat), Some(top)) => thread(world, call.user, chat, top)?,
        (Some(chat), None) => alive(world, call.user, chat),
        (None, _) => everything(world, call.user),
    };
    let hits: Vec<(i32, Gid)> = list
        .into_iter()
        .filter(|(_, gid)| {
            world.body(*gid).is_some_and(|body| {
                let author = from.is_none_or(|from| from == ChatRef::User(body.from));
                let after = r.min_date <= 0 || body.date > r.min_date;
                let before = r.max_date <= 0 || body.date < r.max_date;
                author && after && before && matches(body, &words, &r.filter)
            })
        })
        .collect();
    let (page, offset) = cut(
        world,
        &hits,
        Cut {
            offset_id: r.offset_id,
            offset_date: 0,
            add_offset: r.add_offset,
            limit: r.limit,
            max_id: r.max_id,
            min_id: r.min_id,
        },
    );
    let page = fill(world, call.user, chat, &page, hits.len(), offset);
    Ok(answer(world, call, chat, page))
}

/// Messages of all private chats and basic groups, newest first.
fn everything(world: &World, viewer: i64) -> Vec<(i32, Gid)> {
    let Some(mailbox) = world.accounts.get(&viewer).map(|account| &account.mailbox) else {
        return Vec::new();
    };
    let mut list: Vec<(i32, Gid)> = mailbox
        .copies()
        .filter(|(_, copy)| !copy.deleted)
        .map(|(id, copy)| (id, copy.gid))
        .collect();
    list.reverse();
    list
}

pub fn search_global(
    world: &mut World,
    call: &Call,
    r: f::SearchGlobal,
) -> Result<enums::messages::Messages, Refusal> {
    let words = r.q.to_lowercase();
    let mut hits = everything(world, call.user);
    let dialogs: Vec<ChatRef> = world
        .account(call.user)?
        .mailbox
        .dialogs
        .keys()
        .copied()
        .collect();
    for chat in dialogs
        .into_iter()
        .filter(|chat| matches!(chat, ChatRef::Channel(_)))
    {
        hits.extend(alive(world, call.user, chat));
    }
    hits.retain(|(id, gid)| {
        let chat = chat_of(world, call.user, *id, *gid);
        let kind = match chat {
            ChatRef::User(_) => !r.groups_only && !r.broadcasts_only,
            ChatRef::Group(_) => !r.users_only && !r.broadcasts_only,
            ChatRef::Channel(id) => {
                let broadcast = world
                    .channels
                    .get(&id)
                    .is_some_and(|channel| channel.broadcast);
                !r.users_only && (broadcast || !r.broadcasts_only) && (!broadcast || !r.groups_only)
            }
        };
        kind && world
            .body(*gid)
            .is_some_and(|body| !body.deleted && matches(body, &words, &r.filter))
    });
    // Newest first over all chats; the rate of Telegram's paging is the place in this order.
    hits.sort_by_key(|(_, gid)| std::cmp::Reverse(*gid));
    if r.limit < 0 {
        return Err(bad("LIMIT_INVALID"));
    }
    let start = usize::try_from(r.offset_rate).unwrap_or(0).min(hits.len());
    let limit = usize::try_from(r.limit.min(PAGE_LIMIT)).unwrap_or(0);
    let slice: Vec<(i32, Gid)> = hits.iter().skip(start).take(limit).copied().collect();
    let page = fill(world, call.user, None, &slice, hits.len(), start);
    let more = start + slice.len() < hits.len();
    let mut answer = answer(world, call, None, page);
    if let enums::messages::Messages::Slice(slice_answer) = &mut answer {
        slice_answer.next_rate = more.then_some((start + slice.len()) as i32);
    }
    Ok(answer)
}
