//! Writing: sending, editing, deleting, reading up to, typing and forwards.

use grammers_tl_types::{enums, functions::messages as f, types};

use super::{
    Call, content, dialogs, reply, scheduled,
    sent::{check_caption, check_random_id, sent_updates, ttl_of},
};
use crate::world::{
    Body, ChatRef, Draft, Form, Forward, Gid, Refusal, Spot, World, bad, view::Detail,
};

pub fn send_message(
    world: &mut World,
    call: &Call,
    r: f::SendMessage,
) -> Result<enums::Updates, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    check_random_id(world, call.user, r.random_id)?;
    let (reply_to, spot) = reply::target(world, call.user, chat, r.reply_to.as_ref())?;
    let entities = r.entities.unwrap_or_else(|| links(&r.message));
    let draft = Draft {
        text: r.message,
        form: Form {
            entities,
            quote: reply::quote(r.reply_to.as_ref()),
            no_preview: r.no_webpage,
            protected: r.noforwards,
            ..Form::default()
        },
        reply_to,
        spot,
        random_id: r.random_id,
        silent: r.silent,
        ..Draft::default()
    };
    if let Some(at) = r.schedule_date {
        return scheduled::plan(world, call, chat, vec![draft], at);
    }
    let posted = world.send(call.user, call.key(), chat, draft)?;
    if r.clear_draft {
        world.save_draft(call.user, chat, spot.topic, "", Some(call.key()))?;
    }
    // Saved messages and channels are told in full, as are repeats; a private chat or a group in short.
    let own = chat == ChatRef::User(call.user);
    if posted.repeated || own || matches!(chat, ChatRef::Channel(_)) {
        return Ok(sent_updates(world, call, chat, &[(posted, r.random_id)]));
    }
    let date = world.body(posted.gid).map_or(0, |body| body.date);
    Ok(types::UpdateShortSentMessage {
        out: true,
        id: posted.id,
        pts: posted.pts,
        pts_count: 1,
        date,
        media: None,
        entities: world.body(posted.gid).and_then(Body::entities),
        ttl_period: None,
    }
    .into())
}

/// The addresses that the server finds by itself in a text that is sent without marks.
fn links(text: &str) -> Vec<enums::MessageEntity> {
    let units = |part: &str| part.encode_utf16().count() as i32;
    let mut found = Vec::new();
    let mut offset = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let address = word.trim_end();
        if address.starts_with("https://") || address.starts_with("http://") {
            let length = units(address);
            found.push(types::MessageEntityUrl { offset, length }.into());
        }
        offset += units(word);
    }
    found
}

pub fn send_media(
    world: &mut World,
    call: &Call,
    r: f::SendMedia,
) -> Result<enums::Updates, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    check_random_id(world, call.user, r.random_id)?;
    check_caption(world, call.user, &r.message)?;
    let (reply_to, spot) = reply::target(world, call.user, chat, r.reply_to.as_ref())?;
    let said = content::told(&r.media)?;
    let (media, file) = match said {
        Some(_) => (None, 0),
        None => {
            let (media, file) = super::upload::media_and_file(world, call.user, &r.media)?;
            (Some(media), file)
        }
    };
    let form = Form {
        entities: r.entities.unwrap_or_default(),
        ttl: ttl_of(&r.media),
        protected: r.noforwards,
        ..said.unwrap_or_default()
    };
    let (text, random_id, silent) = (r.message, r.random_id, r.silent);
    let draft = Draft {
        text,
        media,
        file,
        form,
        reply_to,
        spot,
        random_id,
        silent,
        ..Draft::default()
    };
    if let Some(at) = r.schedule_date {
        return scheduled::plan(world, call, chat, vec![draft], at);
    }
    let posted = world.send(call.user, call.key(), chat, draft)?;
    if r.clear_draft {
        world.save_draft(call.user, chat, spot.topic, "", Some(call.key()))?;
    }
    Ok(sent_updates(world, call, chat, &[(posted, random_id)]))
}

pub fn forward_messages(
    world: &mut World,
    call: &Call,
    r: f::ForwardMessages,
) -> Result<enums::Updates, Refusal> {
    let from = world.resolve_peer(call.user, &r.from_peer)?;
    let to = world.resolve_peer(call.user, &r.to_peer)?;
    if r.id.len() != r.random_id.len() || r.id.is_empty() {
        return Err(bad("RANDOM_ID_INVALID"));
    }
    let spot = match (to, r.top_msg_id) {
        (ChatRef::Channel(id), Some(topic)) => match world.channels.get(&id) {
            Some(channel) => world.topic_spot(call.user, channel, Some(topic), topic)?,
            None => Spot::default(),
        },
        _ => Spot::default(),
    };
    let mut drafts = Vec::new();
    // Messages of one album are one album there, under a number of its own.
    let mut albums: std::collections::BTreeMap<i64, i64> = std::collections::BTreeMap::new();
    for (id, random_id) in r.id.iter().zip(&r.random_id) {
        check_random_id(world, call.user, *random_id)?;
        let gid = world
            .find(call.user, from, *id)
            .ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
        let sayable = |body: &&Body| !body.deleted && body.action.is_none();
        let Some(body) = world.body(gid).filter(sayable).cloned() else {
            return Err(bad("MESSAGE_ID_INVALID"));
        };
        let kept = match body.chat {
            ChatRef::Channel(id) => world.channels.get(&id).is_some_and(|c| c.protected),
            _ => false,
        };
        if kept || body.form.as_ref().is_some_and(|form| form.protected) {
            return Err(bad("CHAT_FORWARDS_RESTRICTED"));
        }
        let mut form = body.form.clone().map(|form| *form).unwrap_or_default();
        form.album = form.album.map(|album| {
            let own = (random_id.unsigned_abs() >> 8).max(1) as i64;
            *albums.entry(album).or_insert(own)
        });
        // What was forwarded before keeps its first origin.
        let before = body.forwarded.clone().map(|before| *before);
        let channel = match body.chat {
            ChatRef::Channel(id) if world.channels.get(&id).is_some_and(|c| c.broadcast) => {
                Some((id, body.channel_id))
            }
            _ => None,
        };
        let forwarded = Forward {
            from: body.from,
            date: body.date,
            channel,
        };
        let draft = Draft {
            text: body.text,
            media: body.media.map(|media| *media),
            file: body.file,
            form,
            forwarded: (!r.drop_author).then(|| before.unwrap_or(forwarded)),
            spot,
            random_id: *random_id,
            ..Draft::default()
        };
        drafts.push((draft, *random_id));
    }
    if let Some(at) = r.schedule_date {
        let drafts = drafts.into_iter().map(|(draft, _)| draft).collect();
        return scheduled::plan(world, call, to, drafts, at);
    }
    let mut posted = Vec::new();
    for (draft, random_id) in drafts {
        posted.push((world.send(call.user, call.key(), to, draft)?, random_id));
    }
    Ok(sent_updates(world, call, to, &posted))
}

pub fn edit_message(
    world: &mut World,
    call: &Call,
    r: f::EditMessage,
) -> Result<enums::Updates, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    world.may_write(call.user, chat)?;
    if r.schedule_date.is_some() {
        return scheduled::edit(world, call, chat, r);
    }
    let gid = world
        .find(call.user, chat, r.id)
        .ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
    let shown = match &r.media {
        Some(media) => {
            let (media, file) = super::upload::media_and_file(world, call.user, media)?;
            super::album::check_replacement(world, gid, &media)?;
            Some((media, file))
        }
        None => None,
    };
    let body = world.body(gid);
    // What is left out stays as it is.
    let text = r.message.or_else(|| body.map(|body| body.text.clone()));
    let words = (
        text.as_deref().unwrap_or_default(),
        r.entities.unwrap_or_default(),
    );
    let (pts, pts_count) = world.edit(call.user, gid, words, shown, Some(call.key()))?;
    Ok(edited(world, call, chat, r.id, gid, (pts, pts_count)))
}

pub(super) fn edited(
    world: &World,
    call: &Call,
    chat: ChatRef,
    id: i32,
    gid: Gid,
    moved: (i32, i32),
) -> enums::Updates {
    let message = world.message_tl(call.user, id, chat, gid);
    let (pts, pts_count) = moved;
    let update = match chat {
        ChatRef::Channel(_) => types::UpdateEditChannelMessage {
            message,
            pts,
            pts_count,
        }
        .into(),
        _ => types::UpdateEditMessage {
            message,
            pts,
            pts_count,
        }
        .into(),
    };
    world.with_cast(
        call.user,
        vec![update],
        &world.cast_of(call.user, &[(gid, chat)]),
        Detail::Full,
    )
}

const CLEARED_AT_ONCE: usize = 100;

pub fn delete_messages(
    world: &mut World,
    call: &Call,
    r: f::DeleteMessages,
) -> Result<enums::messages::AffectedMessages, Refusal> {
    let (pts, pts_count) = world.delete_mail(call.user, &r.id, r.revoke, Some(call.key()))?;
    Ok(types::messages::AffectedMessages { pts, pts_count }.into())
}

pub fn delete_history(
    world: &mut World,
    call: &Call,
    r: f::DeleteHistory,
) -> Result<enums::messages::AffectedHistory, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    if matches!(chat, ChatRef::Channel(_)) {
        return Err(bad("PEER_ID_INVALID"));
    }
    let mut ids = dialogs::ids_up_to(world, call.user, chat, r.max_id);
    // A long history goes in steps; the caller comes back for what is left.
    let left = ids.split_off(ids.len().min(CLEARED_AT_ONCE));
    let (pts, pts_count) = match r.revoke && matches!(chat, ChatRef::Group(_)) {
        true => world.delete_group_history(call.user, chat, &ids, Some(call.key()))?,
        false => world.delete_mail(call.user, &ids, r.revoke, Some(call.key()))?,
    };
    Ok(types::messages::AffectedHistory {
        pts,
        pts_count,
        offset: left.len() as i32,
    }
    .into())
}

pub fn read_history(
    world: &mut World,
    call: &Call,
    r: f::ReadHistory,
) -> Result<enums::messages::AffectedMessages, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    if matches!(chat, ChatRef::Channel(_)) {
        return Err(bad("PEER_ID_INVALID"));
    }
    let (pts, pts_count) = world.read_mail(call.user, chat, r.max_id, Some(call.key()))?;
    Ok(types::messages::AffectedMessages { pts, pts_count }.into())
}

pub fn read_message_contents(
    world: &mut World,
    call: &Call,
    _: f::ReadMessageContents,
) -> Result<enums::messages::AffectedMessages, Refusal> {
    let pts = world.account(call.user)?.mailbox.pts;
    Ok(types::messages::AffectedMessages { pts, pts_count: 0 }.into())
}

pub fn set_typing(world: &mut World, call: &Call, r: f::SetTyping) -> Result<bool, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    world.typing(call.user, chat, r.action, Some(call.key()));
    Ok(true)
}

pub fn get_messages_views(
    world: &mut World,
    call: &Call,
    r: f::GetMessagesViews,
) -> Result<enums::messages::MessageViews, Refusal> {
    world.resolve_peer(call.user, &r.peer)?;
    let one = || {
        types::MessageViews {
            views: Some(1),
            forwards: Some(0),
            replies: None,
        }
        .into()
    };
    let views = r.id.iter().map(|_| one()).collect();
    Ok(types::messages::MessageViews {
        views,
        chats: Vec::new(),
        users: Vec::new(),
    }
    .into())
}

/// Kept by nobody: what matters is that the report came.
pub fn report_spam(world: &mut World, call: &Call, r: f::ReportSpam) -> Result<bool, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    world.account_mut(call.user)?.reported.insert(chat);
    Ok(true)
}

pub fn received_queue(
    world: &mut World,
    call: &Call,
    r: f::ReceivedQueue,
) -> Result<Vec<i64>, Refusal> {
    world.received_encrypted(call.user, r.max_qts)
}
