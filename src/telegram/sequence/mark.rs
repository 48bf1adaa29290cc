//! What a single update says about the numbered lines, without any state.
//!
//! Telegram numbers what happens: everything in private chats and basic groups by the account's pts, secret chats by
//! its qts, each channel by a pts of its own (core.telegram.org/api/updates, "Message-related event sequences").

use grammers_client::tl;
use tl::enums::Update;

/// One numbered sequence of updates.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Line {
    Account,
    Secret,
    Channel(i64),
}

/// The place of an update in its line: `count` numbers, the last of which is `pts`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    pub(super) pts: i32,
    pub(super) count: i32,
}

impl Mark {
    /// Where the line has to stand for it to be the next.
    pub(super) const fn before(self) -> i32 {
        self.pts.saturating_sub(self.count)
    }
}

/// How an update stands to a line that has come to `ours`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Next,
    /// Its numbers were applied.
    Old,
    /// Something before it is missing.
    Beyond,
}

pub(super) const fn place(ours: i32, mark: Mark) -> Place {
    if mark.count <= 0 {
        // It takes no number, so none of ours can be it.
        return if mark.pts <= ours {
            Place::Next
        } else {
            Place::Beyond
        };
    }
    if mark.before() == ours {
        Place::Next
    } else if mark.pts <= ours {
        Place::Old
    } else {
        // Also when we stand in its middle: what we have of it is not known.
        Place::Beyond
    }
}

/// Which line an update belongs to, and where. `None`: it applies whenever it comes.
pub(super) fn mark(update: &Update) -> Option<(Line, Mark)> {
    let account = |pts, count| (Line::Account, Mark { pts, count });
    let channel = |id, pts, count| (Line::Channel(id), Mark { pts, count });
    let secret = |pts, count| (Line::Secret, Mark { pts, count });
    let (line, mark) = match update {
        Update::NewMessage(u) => account(u.pts, u.pts_count),
        Update::DeleteMessages(u) => account(u.pts, u.pts_count),
        Update::EditMessage(u) => account(u.pts, u.pts_count),
        Update::ReadHistoryInbox(u) => account(u.pts, u.pts_count),
        Update::ReadHistoryOutbox(u) => account(u.pts, u.pts_count),
        Update::WebPage(u) => account(u.pts, u.pts_count),
        Update::ReadMessagesContents(u) => account(u.pts, u.pts_count),
        Update::FolderPeers(u) => account(u.pts, u.pts_count),
        Update::PinnedMessages(u) => account(u.pts, u.pts_count),
        Update::NewChannelMessage(u) => channel(channel_of(&u.message)?, u.pts, u.pts_count),
        Update::EditChannelMessage(u) => channel(channel_of(&u.message)?, u.pts, u.pts_count),
        Update::DeleteChannelMessages(u) => channel(u.channel_id, u.pts, u.pts_count),
        Update::ReadChannelInbox(u) => channel(u.channel_id, u.pts, 0),
        Update::ChannelWebPage(u) => channel(u.channel_id, u.pts, u.pts_count),
        Update::PinnedChannelMessages(u) => channel(u.channel_id, u.pts, u.pts_count),
        Update::NewEncryptedMessage(u) => secret(u.qts, 1),
        Update::MessagePollVote(u) => secret(u.qts, 1),
        Update::ChatParticipant(u) => secret(u.qts, 1),
        Update::ChannelParticipant(u) => secret(u.qts, 1),
        Update::BotStopped(u) => secret(u.qts, 1),
        Update::BotChatInviteRequester(u) => secret(u.qts, 1),
        Update::BotChatBoost(u) => secret(u.qts, 1),
        Update::BotMessageReaction(u) => secret(u.qts, 1),
        Update::BotMessageReactions(u) => secret(u.qts, 1),
        Update::BotBusinessConnect(u) => secret(u.qts, 1),
        Update::BotNewBusinessMessage(u) => secret(u.qts, 1),
        Update::BotEditBusinessMessage(u) => secret(u.qts, 1),
        Update::BotDeleteBusinessMessage(u) => secret(u.qts, 1),
        Update::BotPurchasedPaidMedia(u) => secret(u.qts, 1),
        _ => return None,
    };
    // Zero stands for "does not matter" where the schema has no optional field.
    (mark.pts > 0).then_some((line, mark))
}

/// Whose messages an update without a number says something of: it means nothing before the message is there.
pub(super) fn concerns(update: &Update) -> Option<Line> {
    let line = |peer: &tl::enums::Peer| match peer {
        tl::enums::Peer::Channel(channel) => Line::Channel(channel.channel_id),
        tl::enums::Peer::User(_) | tl::enums::Peer::Chat(_) => Line::Account,
    };
    match update {
        Update::MessageReactions(u) => Some(line(&u.peer)),
        Update::ChannelMessageViews(u) => Some(Line::Channel(u.channel_id)),
        Update::ChannelMessageForwards(u) => Some(Line::Channel(u.channel_id)),
        Update::MessagePoll(u) => u.peer.as_ref().map(line),
        _ => None,
    }
}

/// In a packet: what stands alone, then what has a number, by where its line has to stand, then what is said of messages. A count
/// of nothing may stand before the post that it belongs behind, with the same number.
pub(super) fn turn(update: &Update) -> (u8, i32) {
    match (update, mark(update)) {
        (_, Some((_, mark))) => (1, mark.before()),
        (Update::MessagePoll(_), None) => (2, 0),
        (_, None) => (concerns(update).map_or(0, |_| 2), 0),
    }
}

/// Does it contradict itself: the account's number on a channel's message?
pub(super) fn is_sane(update: &Update) -> bool {
    let peer_is_channel = |peer: &tl::enums::Peer| matches!(peer, tl::enums::Peer::Channel(_));
    match update {
        Update::NewMessage(u) => channel_of(&u.message).is_none(),
        Update::EditMessage(u) => channel_of(&u.message).is_none(),
        Update::ReadHistoryInbox(u) => !peer_is_channel(&u.peer),
        Update::ReadHistoryOutbox(u) => !peer_is_channel(&u.peer),
        Update::PinnedMessages(u) => !peer_is_channel(&u.peer),
        _ => true,
    }
}

pub(super) fn channel_of(message: &tl::enums::Message) -> Option<i64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the one rule that everything stands on.
    #[test]
    fn an_update_is_next_old_or_beyond() {
        let at = |pts, count| place(10, Mark { pts, count });
        let table = [
            (11, 1, Place::Next),
            (13, 3, Place::Next),
            (10, 0, Place::Next),
            (9, 0, Place::Next),
            (11, 0, Place::Beyond),
            (10, 1, Place::Old),
            (10, 4, Place::Old),
            (3, 1, Place::Old),
            (12, 1, Place::Beyond),
            (12, 4, Place::Beyond),
        ];
        for (pts, count, expected) in table {
            assert_eq!(at(pts, count), expected, "pts {pts} count {count}");
        }
    }
}
