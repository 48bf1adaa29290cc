//! Presence: what people show of themselves: what they have read, that they type, that they are there.

use grammers_tl_types::{enums, types};

use super::{
    Refusal, World, change::Moved, ids::ChatRef, mailbox::MailEvent, message::Gid, push::Audience,
    view::Cast,
};
use crate::port::KeyId;

impl World {
    /// `by` has read a private chat or basic group up to `max_id` (0: all of it).
    pub fn read_mail(
        &mut self,
        by: i64,
        chat: ChatRef,
        max_id: i32,
        key: Option<KeyId>,
    ) -> Result<Moved, Refusal> {
        self.revision += 1;
        let Some(account) = self.accounts.get_mut(&by) else {
            self.tell_read(by, chat, max_id);
            return Ok((0, 0));
        };
        let mailbox = &mut account.mailbox;
        let Some(dialog) = mailbox.dialogs.get_mut(&chat) else {
            return Ok((mailbox.pts, 0));
        };
        let top = dialog.ids.last().copied().unwrap_or(0);
        let max_id = if max_id <= 0 { top } else { max_id.min(top) };
        if max_id <= dialog.read_inbox {
            return Ok((mailbox.pts, 0));
        }
        dialog.read_inbox = max_id;
        dialog.unread_mark = false;
        let newer = dialog.ids.len() - dialog.ids.partition_point(|id| *id <= max_id);
        let unread = newer as i32;
        dialog.unread = unread;
        let pts = mailbox.record(MailEvent::ReadInbox {
            chat,
            max_id,
            unread,
        });
        let update = types::UpdateReadHistoryInbox {
            folder_id: None,
            peer: chat.peer(),
            top_msg_id: None,
            max_id,
            still_unread_count: unread,
            pts,
            pts_count: 1,
        };
        self.push_short(
            Audience::Account {
                user: by,
                except: key,
            },
            update.into(),
        );
        let last = self
            .accounts
            .get(&by)
            .and_then(|a| a.mailbox.copy(max_id))
            .map(|copy| copy.gid);
        self.tell_read_up_to(by, chat, last);
        Ok((pts, 1))
    }

    /// A person without a mailbox reads: `max_id` is the other side's.
    fn tell_read(&mut self, by: i64, chat: ChatRef, max_id: i32) {
        let last = self.find(by, chat, max_id);
        self.tell_read_up_to(by, chat, last);
    }

    /// The others of the chat see their messages as read, up to one message (none: all of them).
    fn tell_read_up_to(&mut self, by: i64, chat: ChatRef, last: Option<Gid>) {
        let (others, theirs): (Vec<i64>, _) = match chat {
            ChatRef::User(to) if to != by => (vec![to], ChatRef::User(by)),
            ChatRef::Group(id) => {
                let members = self
                    .groups
                    .get(&id)
                    .map(|group| group.members.clone())
                    .unwrap_or_default();
                (
                    members.into_iter().filter(|member| *member != by).collect(),
                    chat,
                )
            }
            _ => return,
        };
        for other in others {
            let Some(mailbox) = self
                .accounts
                .get_mut(&other)
                .map(|account| &mut account.mailbox)
            else {
                continue;
            };
            let Some(dialog) = mailbox.dialogs.get_mut(&theirs) else {
                continue;
            };
            let up_to = last
                .and_then(|gid| self.bodies.get(gid as usize))
                .and_then(|body| {
                    body.copies
                        .iter()
                        .find(|(account, _)| *account == other)
                        .map(|(_, id)| *id)
                });
            let max_id = up_to.or(dialog.ids.last().copied()).unwrap_or(0);
            if max_id <= dialog.read_outbox {
                continue;
            }
            dialog.read_outbox = max_id;
            let pts = mailbox.record(MailEvent::ReadOutbox {
                chat: theirs,
                max_id,
            });
            let update = types::UpdateReadHistoryOutbox {
                peer: theirs.peer(),
                max_id,
                pts,
                pts_count: 1,
            };
            self.push_short(
                Audience::Account {
                    user: other,
                    except: None,
                },
                update.into(),
            );
        }
    }

    /// Somebody is typing.
    pub fn typing(
        &mut self,
        by: i64,
        chat: ChatRef,
        action: enums::SendMessageAction,
        key: Option<KeyId>,
    ) {
        let from_id = ChatRef::User(by).peer();
        let (others, update): (Vec<i64>, enums::Update) = match chat {
            ChatRef::User(to) => (
                vec![to],
                types::UpdateUserTyping {
                    user_id: by,
                    top_msg_id: None,
                    action,
                }
                .into(),
            ),
            ChatRef::Group(chat_id) => {
                let members = self
                    .groups
                    .get(&chat_id)
                    .map(|g| g.members.iter().copied().collect())
                    .unwrap_or_default();
                (
                    members,
                    types::UpdateChatUserTyping {
                        chat_id,
                        from_id,
                        action,
                    }
                    .into(),
                )
            }
            ChatRef::Channel(channel_id) => (
                self.channel_accounts(channel_id),
                types::UpdateChannelUserTyping {
                    channel_id,
                    top_msg_id: None,
                    from_id,
                    action,
                }
                .into(),
            ),
        };
        for user in others.into_iter().filter(|user| *user != by) {
            self.push_short(Audience::Account { user, except: key }, update.clone());
        }
    }

    /// Comes online, or goes. Those who have a chat with the user hear of it.
    pub fn set_online(&mut self, by: i64, online: bool) {
        let now = self.now();
        let Some(user) = self.users.get_mut(&by) else {
            return;
        };
        user.online_until = if online { now + 300 } else { now };
        if online {
            self.send_due();
        }
        let status: enums::UserStatus = if online {
            types::UserStatusOnline { expires: now + 300 }.into()
        } else {
            types::UserStatusOffline { was_online: now }.into()
        };
        let dialogs = |id: &i64| {
            self.accounts
                .get(id)
                .is_some_and(|a| a.mailbox.dialogs.contains_key(&ChatRef::User(by)))
        };
        let listeners: Vec<i64> = self
            .accounts
            .keys()
            .copied()
            .filter(|id| *id != by && dialogs(id))
            .collect();
        for user in listeners {
            let update = types::UpdateUserStatus {
                user_id: by,
                status: status.clone(),
            };
            // Such updates have no number of their own: the account's seq counts their packets.
            self.push_sequenced(user, None, update.into(), &Cast::default());
        }
    }
}
