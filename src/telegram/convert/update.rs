//! One update as changes; what the desk has no use for is left out.

use grammers_client::tl;

use super::{Converter, clean, dialog, media, poll, reactions};
use crate::{
    domain::{Change, ChatId, ChatMark, Note, NotedMessage},
    telegram::sequence::NOT_COUNTED,
};

impl Converter<'_> {
    pub(in crate::telegram) fn update(&mut self, update: Box<tl::enums::Update>) {
        use tl::enums::Update as U;
        let (chat, ids, pinned) = match *update {
            U::PinnedMessages(u) => (self.chat(&u.peer), u.messages, u.pinned),
            U::PinnedChannelMessages(u) => (ChatId::channel(u.channel_id), u.messages, u.pinned),
            _ => {
                let change = self.change(update);
                self.batch.changes.extend(change);
                return;
            }
        };
        let pins = ids
            .into_iter()
            .map(|id| noted(chat, id, Note::Pinned(pinned)));
        self.batch.changes.extend(pins);
    }

    fn change(&mut self, update: Box<tl::enums::Update>) -> Option<Change> {
        use tl::enums::Update as U;
        Some(match *update {
            U::NewMessage(u) => Change::Message(self.message(u.message)?),
            U::NewChannelMessage(u) => Change::Message(self.message(u.message)?),
            U::EditMessage(u) => Change::Edited(self.message(u.message)?),
            U::EditChannelMessage(u) => Change::Edited(self.message(u.message)?),
            U::MessageReactions(u) => {
                let (reactions, min) = reactions::reactions(&u.reactions, &self.people());
                let note = Note::Reactions { reactions, min };
                noted(self.chat(&u.peer), u.msg_id, note)
            }
            U::ChannelMessageViews(u) => {
                let note = Note::Views(clean::count(u.views));
                noted(ChatId::channel(u.channel_id), u.id, note)
            }
            U::ChannelMessageForwards(u) => {
                let note = Note::Forwards(clean::count(u.forwards));
                noted(ChatId::channel(u.channel_id), u.id, note)
            }
            U::MessagePoll(u) => Change::Noted {
                message: NotedMessage::Poll(u.poll_id),
                note: Note::Poll(Box::new(match u.poll {
                    Some(poll) => poll::poll(poll, u.results),
                    None => poll::results(u.poll_id, u.results),
                })),
            },
            U::WebPage(u) => page(u.webpage)?,
            U::ChannelWebPage(u) => page(u.webpage)?,
            U::MessageId(u) => Change::Sent {
                random_id: u.random_id,
                message_id: u.id,
            },
            // Affected-messages answers come by here as deletions of nothing, to keep the position.
            U::DeleteMessages(u) if !u.messages.is_empty() => Change::Deleted {
                channel: None,
                message_ids: u.messages,
            },
            U::DeleteChannelMessages(u) if !u.messages.is_empty() => Change::Deleted {
                channel: Some(u.channel_id),
                message_ids: u.messages,
            },
            // A forum topic's own read mark says nothing of the whole chat.
            U::ReadHistoryInbox(u) if u.top_msg_id.is_none() => Change::ReadInbox {
                chat: self.chat(&u.peer),
                max_id: u.max_id,
                still_unread: Some(u.still_unread_count),
            },
            U::ReadChannelInbox(u) => Change::ReadInbox {
                chat: ChatId::channel(u.channel_id),
                max_id: u.max_id,
                still_unread: (u.still_unread_count != NOT_COUNTED).then_some(u.still_unread_count),
            },
            U::ReadHistoryOutbox(u) => Change::ReadOutbox {
                chat: self.chat(&u.peer),
                max_id: u.max_id,
            },
            U::ReadChannelOutbox(u) => Change::ReadOutbox {
                chat: ChatId::channel(u.channel_id),
                max_id: u.max_id,
            },
            U::ChannelAvailableMessages(u) => Change::ClearedBelow {
                chat: ChatId::channel(u.channel_id),
                min_id: u.available_min_id,
            },
            U::NewScheduledMessage(u) => Change::Scheduled(self.message(u.message)?),
            U::DeleteScheduledMessages(u) => Change::Unscheduled {
                chat: self.chat(&u.peer),
                ids: u.messages,
                sent: u.sent_messages.unwrap_or_default(),
            },
            // In a channel's direct messages each thread has a draft of its own; the desk has one field for them all.
            U::DraftMessage(u) if u.saved_peer_id.is_none() => Change::Drafted {
                chat: self.chat(&u.peer),
                topic_id: dialog::draft_topic(u.top_msg_id),
                draft: dialog::draft(u.draft),
            },
            U::NotifySettings(u) => {
                let tl::enums::NotifyPeer::Peer(target) = u.peer else {
                    return None;
                };
                Change::Muted {
                    chat: self.chat(&target.peer),
                    until: dialog::muted_until(&u.notify_settings),
                }
            }
            U::DialogUnreadMark(u) => {
                let tl::enums::DialogPeer::Peer(target) = u.peer else {
                    return None;
                };
                Change::Marked {
                    chat: self.chat(&target.peer),
                    mark: ChatMark::Unread(u.unread),
                }
            }
            U::ContactsReset => Change::ContactsReset,
            U::PeerBlocked(u) => Change::Marked {
                chat: self.chat(&u.peer_id),
                mark: ChatMark::Blocked(u.blocked),
            },
            // Several at once come only from clients that move several; the dialog list has them all.
            U::FolderPeers(mut u) => {
                let tl::enums::FolderPeer::Peer(moved) = u.folder_peers.pop()?;
                Change::Marked {
                    chat: self.chat(&moved.peer),
                    mark: ChatMark::Archived(moved.folder_id == dialog::ARCHIVE),
                }
            }
            U::Channel(u) => return self.lost(ChatId::channel(u.channel_id)),
            U::Chat(u) => return self.lost(ChatId::group(u.chat_id)),
            U::ChatParticipantDelete(u) if u.user_id == self.self_id => Change::LostChat {
                chat: ChatId::group(u.chat_id),
            },
            other => return self.typing(other),
        })
    }

    /// "Something changed about this chat": what it was is told by the chat itself, which came along.
    fn lost(&self, chat: ChatId) -> Option<Change> {
        self.gone
            .contains(&chat)
            .then_some(Change::LostChat { chat })
    }

    fn typing(&self, update: tl::enums::Update) -> Option<Change> {
        use tl::enums::{SendMessageAction as Action, Update as U};
        let (chat, sender, action) = match update {
            U::UserTyping(u) => (ChatId::user(u.user_id), ChatId::user(u.user_id), u.action),
            U::ChatUserTyping(u) => (ChatId::group(u.chat_id), self.chat(&u.from_id), u.action),
            U::ChannelUserTyping(u) => (
                ChatId::channel(u.channel_id),
                self.chat(&u.from_id),
                u.action,
            ),
            _ => return None,
        };
        matches!(action, Action::SendMessageTypingAction).then_some(Change::Typing { chat, sender })
    }
}

/// The preview that messages wait for; a page that is still fetched is none yet.
fn page(page: tl::enums::WebPage) -> Option<Change> {
    use tl::enums::WebPage as W;
    let id = match &page {
        W::Empty(page) => page.id,
        W::Page(page) => page.id,
        W::Pending(_) | W::NotModified(_) => return None,
    };
    Some(Change::Noted {
        message: NotedMessage::Page(id),
        note: Note::Page(media::web_page(page).map(Box::new)),
    })
}

fn noted(chat: ChatId, message_id: i32, note: Note) -> Change {
    Change::Noted {
        message: NotedMessage::Message { chat, message_id },
        note,
    }
}
