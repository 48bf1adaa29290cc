//! Replies: what a message that is sent answers, and where in its chat that puts it.

use grammers_tl_types::enums;

use crate::world::{ChatRef, Gid, Refusal, Spot, World, bad};

/// What it answers, if that is a message, and its spot.
pub fn target(
    world: &World,
    user: i64,
    chat: ChatRef,
    reply: Option<&enums::InputReplyTo>,
) -> Result<(Option<Gid>, Spot), Refusal> {
    let channel = match chat {
        ChatRef::Channel(id) => world.channels.get(&id),
        ChatRef::User(_) | ChatRef::Group(_) => None,
    };
    let (answers, topic, thread) = match reply {
        Some(enums::InputReplyTo::Message(reply)) => (
            Some(reply.reply_to_msg_id),
            reply.top_msg_id,
            reply.monoforum_peer_id.as_ref(),
        ),
        Some(enums::InputReplyTo::MonoForum(reply)) => (None, None, Some(&reply.monoforum_peer_id)),
        _ => (None, None, None),
    };
    let gid = answers
        .map(|id| {
            let found = world.find(user, chat, id);
            found.ok_or_else(|| bad("REPLY_MESSAGE_ID_INVALID"))
        })
        .transpose()?;
    if let (Some(gid), Some(quoted)) = (gid, quote(reply))
        && !world
            .body(gid)
            .is_some_and(|body| body.text.contains(&quoted))
    {
        return Err(bad("QUOTE_TEXT_INVALID"));
    }
    let Some(channel) = channel else {
        return Ok((gid, Spot::default()));
    };
    if channel.monoforum_of().is_some() {
        let thread = thread_of(world, user, thread, channel.creator)?;
        return Ok((gid, Spot { topic: 0, thread }));
    }
    if thread.is_some() {
        return Err(bad("REPLY_TO_MONOFORUM_PEER_INVALID"));
    }
    let Some(answers) = answers.filter(|_| channel.is_forum()) else {
        return Ok((gid, Spot::default()));
    };
    let spot = world.topic_spot(user, channel, topic, answers)?;
    // A topic's first message is not answered: it stands for the topic.
    let plain = spot.topic == answers;
    Ok((gid.filter(|_| !plain), spot))
}

/// Those who run the channel have to say whom they answer; everybody else has one thread, their own.
fn thread_of(
    world: &World,
    user: i64,
    thread: Option<&enums::InputPeer>,
    creator: i64,
) -> Result<i64, Refusal> {
    if user != creator {
        return Ok(user);
    }
    let invalid = || bad("REPLY_TO_MONOFORUM_PEER_INVALID");
    match world.resolve_peer(user, thread.ok_or_else(invalid)?) {
        Ok(ChatRef::User(peer)) => Ok(peer),
        _ => Err(invalid()),
    }
}

/// The part that it answers, if it names one.
pub fn quote(reply: Option<&enums::InputReplyTo>) -> Option<String> {
    match reply {
        Some(enums::InputReplyTo::Message(reply)) => reply.quote_text.clone(),
        _ => None,
    }
}
