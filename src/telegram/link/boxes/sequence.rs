//! What a single update says about the numbered sequences, without any state.

use grammers_client::tl;
use tl::enums::Update;

/// One numbered sequence of updates.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Line {
    Account,
    Channel(i64),
}

/// Which sequence an update belongs to, and how far that is with it.
pub(super) fn sequence(update: &Update) -> Option<(Line, i32)> {
    Some(match update {
        Update::NewMessage(u) => (Line::Account, u.pts),
        Update::DeleteMessages(u) => (Line::Account, u.pts),
        Update::EditMessage(u) => (Line::Account, u.pts),
        Update::ReadHistoryInbox(u) => (Line::Account, u.pts),
        Update::ReadHistoryOutbox(u) => (Line::Account, u.pts),
        Update::WebPage(u) => (Line::Account, u.pts),
        Update::ReadMessagesContents(u) => (Line::Account, u.pts),
        Update::FolderPeers(u) => (Line::Account, u.pts),
        Update::PinnedMessages(u) => (Line::Account, u.pts),
        Update::NewChannelMessage(u) => (Line::Channel(channel_of(&u.message)?), u.pts),
        Update::EditChannelMessage(u) => (Line::Channel(channel_of(&u.message)?), u.pts),
        Update::DeleteChannelMessages(u) => (Line::Channel(u.channel_id), u.pts),
        Update::ReadChannelInbox(u) => (Line::Channel(u.channel_id), u.pts),
        Update::ChannelWebPage(u) => (Line::Channel(u.channel_id), u.pts),
        Update::PinnedChannelMessages(u) => (Line::Channel(u.channel_id), u.pts),
        _ => return None,
    })
}

/// Would `MessageBoxes` take it without tripping over an assertion?
pub(super) fn is_sane(update: &Update) -> bool {
    let peer_is_channel = |peer: &tl::enums::Peer| matches!(peer, tl::enums::Peer::Channel(_));
    match update {
        Update::NewMessage(u) => !in_channel(&u.message),
        Update::EditMessage(u) => !in_channel(&u.message),
        Update::ReadHistoryInbox(u) => !peer_is_channel(&u.peer),
        Update::ReadHistoryOutbox(u) => !peer_is_channel(&u.peer),
        Update::PinnedMessages(u) => !peer_is_channel(&u.peer),
        _ => true,
    }
}

pub(super) fn in_channel(message: &tl::enums::Message) -> bool {
    channel_of(message).is_some()
}

fn channel_of(message: &tl::enums::Message) -> Option<i64> {
    let peer = match message {
        tl::enums::Message::Empty(message) => message.peer_id.as_ref()?,
        tl::enums::Message::Message(message) => &message.peer_id,
        tl::enums::Message::Service(message) => &message.peer_id,
    };
    match peer {
        tl::enums::Peer::Channel(channel) => Some(channel.channel_id),
        _ => None,
    }
}

/// In a difference: first what names our own messages, then messages, then what happened to them.
pub(super) const fn rank(update: &Update) -> u8 {
    match update {
        Update::MessageId(_) => 0,
        Update::NewMessage(_) | Update::NewChannelMessage(_) => 1,
        _ => 2,
    }
}
