//! Forums: the list of a forum's topics, whole or by their numbers.

use grammers_tl_types::{enums, functions::messages as f, types};

use super::{Call, history};
use crate::world::{
    ChatRef, GENERAL, Refusal, Topic, World, bad,
    view::{Cast, Detail, blank_notify, draft_tl},
};

/// Is there such a topic in such a chat?
pub fn check(world: &World, chat: ChatRef, topic: i32) -> Result<(), Refusal> {
    let id = forum(world, chat)?;
    let known = world.channels.get(&id).and_then(|one| one.topic(topic));
    match known.is_some() || topic == GENERAL {
        true => Ok(()),
        false => Err(bad("TOPIC_ID_INVALID")),
    }
}

fn forum(world: &World, chat: ChatRef) -> Result<i64, Refusal> {
    match chat {
        ChatRef::Channel(id) if world.channels.get(&id).is_some_and(|one| one.is_forum()) => Ok(id),
        _ => Err(bad("CHANNEL_FORUM_MISSING")),
    }
}

fn all(world: &World, forum: i64) -> Vec<i32> {
    let named = world
        .channels
        .get(&forum)
        .map(|channel| channel.topic_ids());
    named.into_iter().flatten().chain([GENERAL]).collect()
}

/// As the viewer sees it; `short`: only what it is called.
pub fn topic_tl(
    world: &World,
    viewer: i64,
    forum: i64,
    topic: i32,
    short: bool,
) -> enums::ForumTopic {
    let general = Topic {
        title: "General".to_owned(),
        closed: false,
    };
    let channel = world.channels.get(&forum);
    let known = match topic {
        GENERAL => Some(&general),
        topic => channel.and_then(|channel| channel.topic(topic)),
    };
    let (Some(channel), Some(known)) = (channel, known) else {
        return types::ForumTopicDeleted { id: topic }.into();
    };
    let chat = ChatRef::Channel(forum);
    let in_topic = |gid| {
        let spot = world.body(gid).map(|body| body.spot.topic);
        spot == Some(if topic == GENERAL { 0 } else { topic })
    };
    let listed = history::alive(world, viewer, chat);
    let top = listed.iter().find(|(_, gid)| in_topic(*gid));
    let dialog = world
        .accounts
        .get(&viewer)
        .and_then(|account| account.mailbox.dialogs.get(&chat));
    let draft = dialog.and_then(|dialog| match topic {
        GENERAL => dialog.draft.clone(),
        topic => dialog.topic_drafts.get(&topic).cloned(),
    });
    types::ForumTopic {
        my: channel.creator == viewer,
        closed: known.closed,
        pinned: false,
        short,
        hidden: false,
        title_missing: false,
        id: topic,
        date: 0,
        peer: chat.peer(),
        title: known.title.clone(),
        icon_color: 0x006F_B9F0,
        icon_emoji_id: None,
        top_message: top.map_or(topic, |(id, _)| *id),
        read_inbox_max_id: 0,
        read_outbox_max_id: 0,
        unread_count: 0,
        unread_mentions_count: 0,
        unread_reactions_count: 0,
        unread_poll_votes_count: 0,
        from_id: ChatRef::User(channel.creator).peer(),
        notify_settings: blank_notify().into(),
        draft: draft
            .filter(|_| !short)
            .map(|(text, date)| draft_tl(text, date)),
    }
    .into()
}

fn answer(
    world: &mut World,
    viewer: i64,
    forum: i64,
    topics: &[i32],
    count: usize,
) -> enums::messages::ForumTopics {
    let listed = topics
        .iter()
        .map(|topic| topic_tl(world, viewer, forum, *topic, false))
        .collect();
    let mut cast = Cast::default();
    cast.add(ChatRef::Channel(forum));
    let (users, chats) = world.cast(viewer, &cast, Detail::Full);
    types::messages::ForumTopics {
        order_by_create_date: true,
        count: count as i32,
        topics: listed,
        messages: Vec::new(),
        chats,
        users,
        pts: world.channels.get(&forum).map_or(0, |channel| channel.pts),
    }
    .into()
}

pub fn get_forum_topics(
    world: &mut World,
    call: &Call,
    r: f::GetForumTopics,
) -> Result<enums::messages::ForumTopics, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    let forum = forum(world, chat)?;
    let mut all = all(world, forum);
    if let Some(words) = r.q.map(|words| words.to_lowercase()) {
        let title = |topic: i32| match topic_tl(world, call.user, forum, topic, true) {
            enums::ForumTopic::Topic(topic) => topic.title.to_lowercase(),
            enums::ForumTopic::Deleted(_) => String::new(),
        };
        all.retain(|topic| title(*topic).contains(&words));
    }
    // One that is gone meanwhile still leads on: topics come in the order of their making.
    let after = match r.offset_topic {
        0 => 0,
        last => all.partition_point(|topic| *topic >= last),
    };
    let limit = usize::try_from(r.limit.clamp(1, 100)).unwrap_or(1);
    let page: Vec<i32> = all.iter().skip(after).take(limit).copied().collect();
    Ok(answer(world, call.user, forum, &page, all.len()))
}

pub fn get_forum_topics_by_id(
    world: &mut World,
    call: &Call,
    r: f::GetForumTopicsById,
) -> Result<enums::messages::ForumTopics, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    let forum = forum(world, chat)?;
    if r.topics.is_empty() {
        return Err(bad("TOPICS_EMPTY"));
    }
    let asked: Vec<i32> = r.topics.into_iter().take(100).collect();
    Ok(answer(world, call.user, forum, &asked, asked.len()))
}
