//! What comes over the wire, in one form: updates with the people and chats beside them.
//!
//! Short forms are told in full, as Telegram asks for ("should be transformed to updateShort upon receiving").

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl;
use tl::{
    enums::{Update, Updates},
    types,
};

use crate::domain::ChatId;

/// The people and chats that came with updates; shared by those of them that have to wait.
#[derive(Debug, Default)]
pub(super) struct Cast {
    pub(super) users: Vec<tl::enums::User>,
    pub(super) chats: Vec<tl::enums::Chat>,
}

impl Cast {
    pub(super) const fn bytes(&self) -> usize {
        self.users.len() * size_of::<tl::enums::User>()
            + self.chats.len() * size_of::<tl::enums::Chat>()
    }

    /// Is the account in this channel?
    pub(super) fn joined(&self, id: i64) -> bool {
        self.chats.iter().any(|chat| match chat {
            tl::enums::Chat::Channel(channel) => channel.id == id && !channel.left && !channel.min,
            _ => false,
        })
    }

    /// Is the account out of this channel?
    pub(super) fn left(&self, id: i64) -> bool {
        self.chats.iter().any(|chat| match chat {
            tl::enums::Chat::Channel(channel) => channel.id == id && channel.left && !channel.min,
            tl::enums::Chat::ChannelForbidden(channel) => channel.id == id,
            _ => false,
        })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.users.is_empty() && self.chats.is_empty()
    }
}

/// One packet.
pub(super) struct Packet {
    /// Boxed at once: an update takes up some 5 KB, and each step on its way would copy them.
    pub(super) updates: Vec<Box<Update>>,
    pub(super) cast: Cast,
    /// First and last of the account's seq; `None` where it does not matter.
    pub(super) seq: Option<(i32, i32)>,
    /// Short forms name people by id alone: these have to be known for the packet to be of use.
    pub(super) people: Vec<ChatId>,
}

/// What the wire brought.
pub(super) enum Arrival {
    Packet(Packet),
    /// Something that only a difference can tell.
    Unread,
    /// The connection told of its own end.
    Closed,
}

pub(super) fn arrival(packet: Box<UpdatesLike>) -> Arrival {
    match *packet {
        UpdatesLike::Updates(updates) => of_updates(updates),
        UpdatesLike::ShortSentMessage { request, update } => sent(request, update),
        UpdatesLike::AffectedMessages(affected) => {
            one(affected_mail(affected.pts, affected.pts_count))
        }
        UpdatesLike::AffectedChannelMessages {
            affected,
            channel_id,
            message_ids,
        } => one(types::UpdateDeleteChannelMessages {
            channel_id,
            messages: message_ids,
            pts: affected.pts,
            pts_count: affected.pts_count,
        }
        .into()),
        UpdatesLike::InvitedUsers(invited) => of_updates(invited.updates),
        UpdatesLike::ChatInviteJoinResult(joined) => of_updates(joined.updates),
        UpdatesLike::ConnectionClosed => Arrival::Closed,
        UpdatesLike::MalformedUpdates => Arrival::Unread,
    }
}

/// The numbers that a call of ours took, as an update: a deletion of nothing.
pub(super) fn affected_mail(pts: i32, pts_count: i32) -> Update {
    types::UpdateDeleteMessages {
        messages: Vec::new(),
        pts,
        pts_count,
    }
    .into()
}

/// The same in a channel.
pub(super) fn affected_channel(channel_id: i64, pts: i32, pts_count: i32) -> Update {
    types::UpdateDeleteChannelMessages {
        channel_id,
        messages: Vec::new(),
        pts,
        pts_count,
    }
    .into()
}

fn of_updates(updates: Updates) -> Arrival {
    match updates {
        Updates::TooLong => Arrival::Unread,
        // Without the call it answers nobody knows what was sent; the difference tells.
        Updates::UpdateShortSentMessage(_) => Arrival::Unread,
        Updates::UpdateShort(u) => one(u.update),
        Updates::UpdateShortMessage(u) => short_message(u),
        Updates::UpdateShortChatMessage(u) => short_chat_message(u),
        // "the seq_start attribute is omitted, because it is assumed that it is always equal to seq"
        Updates::Updates(u) => whole(u.updates, u.users, u.chats, (u.seq, u.seq)),
        Updates::Combined(u) => whole(u.updates, u.users, u.chats, (u.seq_start, u.seq)),
    }
}

fn one(update: Update) -> Arrival {
    packet(vec![Box::new(update)], Cast::default(), (0, 0))
}

fn whole(
    updates: Vec<Update>,
    users: Vec<tl::enums::User>,
    chats: Vec<tl::enums::Chat>,
    seq: (i32, i32),
) -> Arrival {
    let updates = updates.into_iter().map(Box::new).collect();
    packet(updates, Cast { users, chats }, seq)
}

fn packet(updates: Vec<Box<Update>>, cast: Cast, seq: (i32, i32)) -> Arrival {
    Arrival::Packet(Packet {
        updates,
        cast,
        seq: (seq.0 > 0).then_some(seq),
        people: Vec::new(),
    })
}

fn short_message(u: types::UpdateShortMessage) -> Arrival {
    let message = types::Message {
        out: u.out,
        mentioned: u.mentioned,
        media_unread: u.media_unread,
        silent: u.silent,
        fwd_from: u.fwd_from,
        via_bot_id: u.via_bot_id,
        reply_to: u.reply_to,
        entities: u.entities,
        ttl_period: u.ttl_period,
        ..plain(user(u.user_id), u.id, u.date, u.message)
    };
    new_mail(message, (u.pts, u.pts_count), vec![ChatId::user(u.user_id)])
}

fn short_chat_message(u: types::UpdateShortChatMessage) -> Arrival {
    let chat = types::PeerChat { chat_id: u.chat_id };
    let message = types::Message {
        out: u.out,
        mentioned: u.mentioned,
        media_unread: u.media_unread,
        silent: u.silent,
        from_id: Some(user(u.from_id)),
        fwd_from: u.fwd_from,
        via_bot_id: u.via_bot_id,
        reply_to: u.reply_to,
        entities: u.entities,
        ttl_period: u.ttl_period,
        ..plain(chat.into(), u.id, u.date, u.message)
    };
    let people = vec![ChatId::group(u.chat_id), ChatId::user(u.from_id)];
    new_mail(message, (u.pts, u.pts_count), people)
}

/// The answer to a send: what was sent stands in the call alone.
fn sent(
    request: tl::functions::messages::SendMessage,
    update: types::UpdateShortSentMessage,
) -> Arrival {
    let Some(peer) = written_to(&request.peer) else {
        return Arrival::Unread;
    };
    let message = types::Message {
        out: update.out,
        silent: request.silent,
        noforwards: request.noforwards,
        invert_media: request.invert_media,
        from_id: request.send_as.as_ref().and_then(named),
        reply_to: request.reply_to.and_then(replied_to),
        media: update.media,
        reply_markup: request.reply_markup,
        entities: update.entities.or(request.entities),
        ttl_period: update.ttl_period,
        effect: request.effect,
        rich_message: None,
        ..plain(peer, update.id, update.date, request.message)
    };
    let new = types::UpdateNewMessage {
        message: message.into(),
        pts: update.pts,
        pts_count: update.pts_count,
    };
    let named = types::UpdateMessageId {
        id: update.id,
        random_id: request.random_id,
    };
    packet(
        vec![Box::new(named.into()), Box::new(new.into())],
        Cast::default(),
        (0, 0),
    )
}

fn new_mail(message: types::Message, at: (i32, i32), people: Vec<ChatId>) -> Arrival {
    let (pts, pts_count) = at;
    let update = types::UpdateNewMessage {
        message: message.into(),
        pts,
        pts_count,
    };
    Arrival::Packet(Packet {
        updates: vec![Box::new(update.into())],
        cast: Cast::default(),
        seq: None,
        people,
    })
}

fn user(user_id: i64) -> tl::enums::Peer {
    types::PeerUser { user_id }.into()
}

/// `None` for a channel: those are never answered in short, for the number would be the channel's.
fn written_to(peer: &tl::enums::InputPeer) -> Option<tl::enums::Peer> {
    named(peer).filter(|peer| !matches!(peer, tl::enums::Peer::Channel(_)))
}

fn named(peer: &tl::enums::InputPeer) -> Option<tl::enums::Peer> {
    use tl::enums::InputPeer;
    let channel = |channel_id| types::PeerChannel { channel_id }.into();
    Some(match peer {
        // User 0 stands for oneself; the converter knows who that is.
        InputPeer::PeerSelf => user(0),
        InputPeer::User(peer) => user(peer.user_id),
        InputPeer::UserFromMessage(peer) => user(peer.user_id),
        InputPeer::Chat(peer) => types::PeerChat {
            chat_id: peer.chat_id,
        }
        .into(),
        InputPeer::Channel(peer) => channel(peer.channel_id),
        InputPeer::ChannelFromMessage(peer) => channel(peer.channel_id),
        InputPeer::Empty => return None,
    })
}

fn replied_to(reply: tl::enums::InputReplyTo) -> Option<tl::enums::MessageReplyHeader> {
    let tl::enums::InputReplyTo::Message(reply) = reply else {
        return None;
    };
    let header = types::MessageReplyHeader {
        reply_to_scheduled: false,
        forum_topic: false,
        quote: reply.quote_text.is_some(),
        reply_to_ephemeral: false,
        reply_to_msg_id: Some(reply.reply_to_msg_id),
        reply_to_peer_id: reply.reply_to_peer_id.as_ref().and_then(named),
        reply_from: None,
        reply_media: None,
        reply_to_top_id: reply.top_msg_id,
        quote_text: reply.quote_text,
        quote_entities: reply.quote_entities,
        quote_offset: reply.quote_offset,
        todo_item_id: reply.todo_item_id,
        poll_option: reply.poll_option,
    };
    Some(header.into())
}

/// A message with nothing but these.
pub(super) fn plain(
    peer_id: tl::enums::Peer,
    id: i32,
    date: i32,
    message: String,
) -> types::Message {
    types::Message {
        out: false,
        mentioned: false,
        media_unread: false,
        silent: false,
        post: false,
        from_scheduled: false,
        legacy: false,
        edit_hide: false,
        pinned: false,
        noforwards: false,
        invert_media: false,
        offline: false,
        video_processing_pending: false,
        paid_suggested_post_stars: false,
        paid_suggested_post_ton: false,
        id,
        from_id: None,
        from_boosts_applied: None,
        from_rank: None,
        peer_id,
        saved_peer_id: None,
        fwd_from: None,
        via_bot_id: None,
        via_business_bot_id: None,
        guestchat_via_from: None,
        reply_to: None,
        date,
        message,
        media: None,
        reply_markup: None,
        entities: None,
        views: None,
        forwards: None,
        replies: None,
        edit_date: None,
        post_author: None,
        grouped_id: None,
        reactions: None,
        restriction_reason: None,
        ttl_period: None,
        quick_reply_shortcut_id: None,
        effect: None,
        factcheck: None,
        report_delivery_until_date: None,
        paid_message_stars: None,
        suggested_post: None,
        schedule_repeat_period: None,
        summary_from_language: None,
        rich_message: None,
    }
}
