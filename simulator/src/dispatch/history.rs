//! Reading messages: by page, by topic.

use grammers_tl_types::{enums, functions::messages as f, types};

use super::{Call, Effect, forums, layers};
use crate::world::{
    ChatRef, GENERAL, Gid, Refusal, World, bad,
    view::{Cast, Detail},
};

/// Most messages in one page.
pub(super) const PAGE_LIMIT: i32 = 100;
/// In a page whose size nobody says.
const PAGE: i32 = 20;

/// Messages ready to be answered with.
pub struct Page {
    pub messages: Vec<enums::Message>,
    pub users: Vec<enums::User>,
    pub chats: Vec<enums::Chat>,
    pub total: usize,
    pub offset: usize,
}

/// Where to cut a list of messages: Telegram's paging parameters.
#[derive(Clone, Copy, Default)]
pub struct Cut {
    pub offset_id: i32,
    pub offset_date: i32,
    pub add_offset: i32,
    pub limit: i32,
    pub max_id: i32,
    pub min_id: i32,
}

/// Ids and messages of a chat that are still there, newest first.
pub fn alive(world: &World, viewer: i64, chat: ChatRef) -> Vec<(i32, Gid)> {
    let there = |gid: Gid| world.body(gid).is_some_and(|body| !body.deleted);
    match chat {
        ChatRef::Channel(id) => {
            let Some(channel) = world.channels.get(&id) else {
                return Vec::new();
            };
            let hidden = channel.hidden.get(&viewer).copied().unwrap_or(0);
            channel
                .messages()
                .rev()
                .filter(|(id, gid)| *id > hidden && there(*gid))
                .collect()
        }
        _ => {
            let Some(mailbox) = world.accounts.get(&viewer).map(|account| &account.mailbox) else {
                return Vec::new();
            };
            let Some(dialog) = mailbox.dialogs.get(&chat) else {
                return Vec::new();
            };
            dialog
                .ids
                .iter()
                .rev()
                .filter_map(|id| mailbox.copy(*id).map(|copy| (*id, copy.gid)))
                .collect()
        }
    }
}

/// One page out of a list that runs from new to old: a window that begins `add_offset` behind what is newer than the
/// offset or is it, and of which only that is there which lies in the list. What the page is narrowed to besides is
/// taken out of it afterwards, and nothing comes in its place (core.telegram.org/api/offsets).
pub fn cut(world: &World, list: &[(i32, Gid)], cut: Cut) -> (Vec<(i32, Gid)>, usize) {
    let date = |gid: Gid| world.body(gid).map_or(0, |body| body.date);
    let mut at = 0;
    if cut.offset_id > 0 {
        at = list.partition_point(|(id, _)| *id >= cut.offset_id);
    } else if cut.offset_date > 0 {
        at = list.partition_point(|(_, gid)| date(*gid) >= cut.offset_date);
    }
    let limit = if cut.limit <= 0 { PAGE } else { cut.limit };
    let begins = at as i64 + i64::from(cut.add_offset);
    let inside = |place: i64| place.clamp(0, list.len() as i64) as usize;
    let (from, to) = (
        inside(begins),
        inside(begins + i64::from(limit.min(PAGE_LIMIT))),
    );
    let kept = |id: i32| (cut.max_id <= 0 || id < cut.max_id) && id > cut.min_id;
    let page = list[from..to].iter().filter(|(id, _)| kept(*id));
    (page.copied().collect(), from)
}

pub(super) fn fill(
    world: &World,
    viewer: i64,
    chat: Option<ChatRef>,
    page: &[(i32, Gid)],
    total: usize,
    offset: usize,
) -> Page {
    let seen = |id: i32, gid: Gid| chat.unwrap_or_else(|| chat_of(world, viewer, id, gid));
    let named: Vec<(Gid, ChatRef)> = page
        .iter()
        .map(|(id, gid)| (*gid, seen(*id, *gid)))
        .collect();
    let mut cast = world.cast_of(viewer, &named);
    if let Some(chat) = chat {
        cast.add(chat);
    }
    let (users, chats) = world.cast(viewer, &cast, Detail::Full);
    let messages = page
        .iter()
        .map(|(id, gid)| world.message_tl(viewer, *id, seen(*id, *gid), *gid))
        .collect();
    Page {
        messages,
        users,
        chats,
        total,
        offset,
    }
}

/// The chat that a message lies in for `viewer`.
pub(super) fn chat_of(world: &World, viewer: i64, id: i32, gid: Gid) -> ChatRef {
    let chat = world
        .body(gid)
        .map_or(ChatRef::User(viewer), |body| body.chat);
    if matches!(chat, ChatRef::Channel(_)) {
        return chat;
    }
    let copy = world
        .accounts
        .get(&viewer)
        .and_then(|account| account.mailbox.copy(id));
    copy.map_or(chat, |copy| copy.chat)
}

/// The topics that these messages are of, in short.
fn topics_of(
    world: &World,
    viewer: i64,
    forum: i64,
    messages: &[enums::Message],
) -> Vec<enums::ForumTopic> {
    let spots = messages.iter().filter_map(|message| {
        let body = world.body(world.find(viewer, ChatRef::Channel(forum), message.id())?)?;
        (body.spot.topic != 0).then_some(body.spot.topic)
    });
    let topics: std::collections::BTreeSet<i32> = spots.collect();
    topics
        .into_iter()
        .map(|topic| forums::topic_tl(world, viewer, forum, topic, true))
        .collect()
}

pub(super) fn answer(
    world: &World,
    call: &Call,
    chat: Option<ChatRef>,
    page: Page,
) -> enums::messages::Messages {
    let Page {
        messages,
        users,
        chats,
        total,
        offset,
    } = page;
    let topics = Vec::new();
    if let Some(ChatRef::Channel(id)) = chat {
        // Older clients know topics by other numbers.
        let topics = match layers::is_current(call.caller.layer) {
            true => topics_of(world, call.user, id, &messages),
            false => topics,
        };
        return types::messages::ChannelMessages {
            inexact: false,
            pts: world.channels.get(&id).map_or(0, |channel| channel.pts),
            count: total as i32,
            offset_id_offset: Some(offset as i32),
            messages,
            topics,
            chats,
            users,
        }
        .into();
    }
    if messages.len() >= total {
        return types::messages::Messages {
            messages,
            topics,
            chats,
            users,
        }
        .into();
    }
    types::messages::MessagesSlice {
        inexact: false,
        count: total as i32,
        next_rate: None,
        offset_id_offset: Some(offset as i32),
        search_flood: None,
        messages,
        topics,
        chats,
        users,
    }
    .into()
}

/// The newest messages of a channel.
pub fn channel_tail(world: &World, viewer: i64, id: i64, count: usize) -> Page {
    let mut list = alive(world, viewer, ChatRef::Channel(id));
    list.truncate(count);
    fill(
        world,
        viewer,
        Some(ChatRef::Channel(id)),
        &list,
        list.len(),
        0,
    )
}

pub fn get_history(
    world: &mut World,
    call: &Call,
    r: f::GetHistory,
) -> Result<enums::messages::Messages, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    let list = alive(world, call.user, chat);
    let effect = (call.faults).next_for_page(call.user, "messages.getHistory");
    let most = match effect {
        Some(Effect::ShortPages { messages }) => messages,
        _ => PAGE_LIMIT,
    };
    let (page, offset) = cut(
        world,
        &list,
        Cut {
            offset_id: r.offset_id,
            offset_date: r.offset_date,
            add_offset: r.add_offset,
            limit: r.limit.min(most),
            max_id: r.max_id,
            min_id: r.min_id,
        },
    );
    learn(world, call.user, chat, &page);
    let mut page = fill(world, call.user, Some(chat), &page, list.len(), offset);
    match effect {
        Some(Effect::ShortPages { .. }) if matches!(chat, ChatRef::Channel(_)) => {
            with_graves(&mut page.messages, chat);
        }
        Some(Effect::Unsliced) => {
            let topics = Vec::new();
            let (messages, chats, users) = (page.messages, page.chats, page.users);
            return Ok(types::messages::Messages {
                messages,
                topics,
                chats,
                users,
            }
            .into());
        }
        _ => {}
    }
    Ok(answer(world, call, Some(chat), page))
}

/// What is gone between the messages of a page stands there as empty.
fn with_graves(messages: &mut Vec<enums::Message>, chat: ChatRef) {
    let mut whole = Vec::with_capacity(messages.len());
    let mut before: Option<i32> = None;
    for message in messages.drain(..) {
        let id = message.id();
        let gone = before.map_or(id + 1..id + 1, |before| id + 1..before);
        whole.extend(gone.rev().map(|id| {
            let peer_id = Some(chat.peer());
            enums::Message::from(types::MessageEmpty { id, peer_id })
        }));
        whole.push(message);
        before = Some(id);
    }
    *messages = whole;
}

/// Users that come in full with an answer are known from then on.
pub(super) fn learn(world: &mut World, viewer: i64, chat: ChatRef, page: &[(i32, Gid)]) {
    let named: Vec<(Gid, ChatRef)> = page.iter().map(|(_, gid)| (*gid, chat)).collect();
    let Cast { users, .. } = world.cast_of(viewer, &named);
    if let Ok(account) = world.account_mut(viewer) {
        account.known.extend(users);
    }
}

/// What was said in a topic of a forum, or in answer to one message and to its answers; newest first.
pub(super) fn thread(
    world: &World,
    viewer: i64,
    chat: ChatRef,
    top: i32,
) -> Result<Vec<(i32, Gid)>, Refusal> {
    let mut list = alive(world, viewer, chat);
    if matches!(chat, ChatRef::Channel(id) if world.channels.get(&id).is_some_and(|one| one.is_forum()))
    {
        forums::check(world, chat, top)?;
        let topic = if top == GENERAL { 0 } else { top };
        list.retain(|(id, gid)| {
            *id != top
                && world
                    .body(*gid)
                    .is_some_and(|body| body.spot.topic == topic)
        });
        return Ok(list);
    }
    let first = world
        .find(viewer, chat, top)
        .ok_or_else(|| bad("MSG_ID_INVALID"))?;
    let answers = |gid: &Gid| world.body(*gid).and_then(|body| body.reply_to);
    list.retain(|(_, gid)| {
        std::iter::successors(answers(gid), answers).any(|above| above == first)
    });
    Ok(list)
}

pub fn get_replies(
    world: &mut World,
    call: &Call,
    r: f::GetReplies,
) -> Result<enums::messages::Messages, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    let list = thread(world, call.user, chat, r.msg_id)?;
    let wanted = Cut {
        offset_id: r.offset_id,
        offset_date: r.offset_date,
        add_offset: r.add_offset,
        limit: r.limit,
        max_id: r.max_id,
        min_id: r.min_id,
    };
    let (page, offset) = cut(world, &list, wanted);
    learn(world, call.user, chat, &page);
    let page = fill(world, call.user, Some(chat), &page, list.len(), offset);
    Ok(answer(world, call, Some(chat), page))
}
