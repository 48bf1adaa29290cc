//! Acts on chats: making them, joining, leaving, renaming, pinning, and reading channels.

use grammers_tl_types::types;

use super::{
    Posted, Refusal, World, bad,
    chats::{Channel, Group},
    ids::ChatRef,
    message::{Action, Draft},
    push::Audience,
    view::{Cast, Detail},
};
use crate::port::KeyId;

impl World {
    /// A basic group; its first message says so.
    pub fn add_group(&mut self, title: &str, creator: i64, members: &[i64]) -> i64 {
        let id = self.next_group;
        self.next_group += 1;
        let mut all: std::collections::BTreeSet<i64> = members.iter().copied().collect();
        all.insert(creator);
        let date = self.now();
        self.groups.insert(
            id,
            Group {
                id,
                title: title.to_owned(),
                creator,
                members: all,
                date,
                version: 1,
                photo: 0,
                migrated_to: None,
            },
        );
        let action = Action::Created {
            title: title.to_owned(),
            users: members.to_vec(),
        };
        self.post(
            creator,
            ChatRef::Group(id),
            Draft {
                action: Some(action),
                ..Draft::default()
            },
            None,
        );
        id
    }

    /// A supergroup or a broadcast channel; its first message says so.
    pub fn add_channel(
        &mut self,
        title: &str,
        username: Option<&str>,
        broadcast: bool,
        creator: i64,
        members: &[i64],
    ) -> i64 {
        let id = self.next_channel;
        self.next_channel += 1;
        let channel = Channel::new(
            id,
            title.to_owned(),
            username.map(str::to_owned),
            broadcast,
            creator,
            self.now(),
        );
        self.channels.insert(id, channel);
        if let Some(name) = username {
            self.by_username
                .insert(name.to_lowercase(), ChatRef::Channel(id));
        }
        self.enter_channel(id, creator);
        let action = Action::ChannelCreated {
            title: title.to_owned(),
        };
        self.post(
            creator,
            ChatRef::Channel(id),
            Draft {
                action: Some(action),
                ..Draft::default()
            },
            None,
        );
        for member in members {
            self.enter_channel(id, *member);
        }
        id
    }

    /// Becomes a member without a word.
    pub(super) fn enter_channel(&mut self, id: i64, user: i64) {
        let now = self.now();
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        channel.members.insert(user);
        channel.joined.insert(user, now);
        channel.banned.remove(&user);
        let top = channel.top_id();
        let Some(account) = self.accounts.get_mut(&user) else {
            return;
        };
        let dialog = account
            .mailbox
            .dialogs
            .entry(ChatRef::Channel(id))
            .or_default();
        dialog.read_inbox = dialog.read_inbox.max(top);
        self.push_membership(id, user);
    }

    fn push_membership(&mut self, id: i64, user: i64) {
        let mut cast = Cast::default();
        cast.channels.insert(id);
        let update = types::UpdateChannel { channel_id: id };
        let updates = self.with_cast(user, vec![update.into()], &cast, Detail::Full);
        self.push(
            Audience::Account { user, except: None },
            "updateChannel",
            updates,
        );
    }

    /// Joins; the chat is told, except in broadcast channels.
    pub fn join(&mut self, chat: ChatRef, user: i64, by: i64) -> Result<Option<Posted>, Refusal> {
        let action = Action::Joined { users: vec![user] };
        match chat {
            ChatRef::Group(id) => {
                let Some(group) = self.groups.get_mut(&id) else {
                    return Err(bad("CHAT_ID_INVALID"));
                };
                group.members.insert(user);
                group.version += 1;
            }
            ChatRef::Channel(id) => {
                let Some(channel) = self.channels.get(&id) else {
                    return Err(bad("CHANNEL_INVALID"));
                };
                if channel.members.contains(&user) {
                    return Err(bad("USER_ALREADY_PARTICIPANT"));
                }
                let broadcast = channel.broadcast;
                self.enter_channel(id, user);
                if broadcast {
                    return Ok(None);
                }
            }
            ChatRef::User(_) => return Err(bad("PEER_ID_INVALID")),
        }
        Ok(Some(self.post(
            by,
            chat,
            Draft {
                action: Some(action),
                ..Draft::default()
            },
            None,
        )))
    }

    /// Leaves, or is thrown out by somebody else; thrown-out members of channels can't come back by themselves.
    pub fn leave(&mut self, chat: ChatRef, user: i64, by: i64) -> Result<Option<Posted>, Refusal> {
        let action = Draft {
            action: Some(Action::Left { user }),
            ..Draft::default()
        };
        match chat {
            ChatRef::Group(id) => {
                let posted = self.post(by, chat, action, None);
                let Some(group) = self.groups.get_mut(&id) else {
                    return Err(bad("CHAT_ID_INVALID"));
                };
                group.members.remove(&user);
                group.version += 1;
                Ok(Some(posted))
            }
            ChatRef::Channel(id) => {
                let Some(channel) = self.channels.get_mut(&id) else {
                    return Err(bad("CHANNEL_INVALID"));
                };
                channel.members.remove(&user);
                if by != user {
                    channel.banned.insert(user);
                }
                let broadcast = channel.broadcast;
                if let Some(account) = self.accounts.get_mut(&user) {
                    account.mailbox.dialogs.remove(&chat);
                }
                self.push_membership(id, user);
                self.revision += 1;
                Ok((!broadcast).then(|| self.post(by, chat, action, None)))
            }
            ChatRef::User(_) => Err(bad("PEER_ID_INVALID")),
        }
    }

    /// A new title, with the service message about it.
    pub fn set_title(
        &mut self,
        chat: ChatRef,
        by: i64,
        title: &str,
        key: Option<KeyId>,
    ) -> Result<Posted, Refusal> {
        match chat {
            ChatRef::Group(id) => match self.groups.get_mut(&id) {
                Some(group) => group.title = title.to_owned(),
                None => return Err(bad("CHAT_ID_INVALID")),
            },
            ChatRef::Channel(id) => match self.channels.get_mut(&id) {
                Some(channel) => channel.title = title.to_owned(),
                None => return Err(bad("CHANNEL_INVALID")),
            },
            ChatRef::User(_) => return Err(bad("PEER_ID_INVALID")),
        }
        let action = Action::TitleChanged {
            title: title.to_owned(),
        };
        Ok(self.post(
            by,
            chat,
            Draft {
                action: Some(action),
                ..Draft::default()
            },
            key,
        ))
    }

    /// A member has read a channel up to `max_id` (0: all of it).
    pub fn read_channel(
        &mut self,
        by: i64,
        id: i64,
        max_id: i32,
        key: Option<KeyId>,
    ) -> Result<bool, Refusal> {
        let Some(channel) = self.channels.get_mut(&id) else {
            return Err(bad("CHANNEL_INVALID"));
        };
        let max_id = if max_id <= 0 {
            channel.top_id()
        } else {
            max_id.min(channel.top_id())
        };
        let (pts, news) = (channel.pts, max_id > channel.read_outbox);
        channel.read_outbox = channel.read_outbox.max(max_id);
        let broadcast = channel.broadcast;
        if let Some(dialog) = self
            .accounts
            .get_mut(&by)
            .and_then(|a| a.mailbox.dialogs.get_mut(&ChatRef::Channel(id)))
        {
            if max_id <= dialog.read_inbox {
                return Ok(false);
            }
            dialog.read_inbox = max_id;
            let update = types::UpdateReadChannelInbox {
                folder_id: None,
                channel_id: id,
                max_id,
                still_unread_count: self.channel_unread(by, id),
                pts,
            };
            self.push_short(
                Audience::Account {
                    user: by,
                    except: key,
                },
                update.into(),
            );
        }
        if news && !broadcast {
            for user in self
                .channel_accounts(id)
                .into_iter()
                .filter(|user| *user != by)
            {
                let update = types::UpdateReadChannelOutbox {
                    channel_id: id,
                    max_id,
                };
                self.push_short(Audience::Account { user, except: None }, update.into());
            }
        }
        self.revision += 1;
        Ok(true)
    }

    /// Messages of a channel that a member has not read, its own aside.
    pub fn channel_unread(&self, user: i64, id: i64) -> i32 {
        let Some(channel) = self.channels.get(&id) else {
            return 0;
        };
        let dialog = self
            .accounts
            .get(&user)
            .and_then(|a| a.mailbox.dialogs.get(&ChatRef::Channel(id)));
        let read = dialog.map_or(0, |dialog| dialog.read_inbox);
        let unread = channel
            .messages()
            .rev()
            .take_while(|(message_id, _)| *message_id > read);
        unread
            .filter(|(_, gid)| {
                self.body(*gid)
                    .is_some_and(|b| !b.deleted && b.from != user)
            })
            .count() as i32
    }

    /// A user goes by another name; those who know it hear of it.
    pub fn rename(&mut self, id: i64, first_name: &str, last_name: &str) {
        let Some(user) = self.users.get_mut(&id) else {
            return;
        };
        (user.first_name, user.last_name) = (first_name.to_owned(), last_name.to_owned());
        self.revision += 1;
        let listeners: Vec<i64> = self
            .accounts
            .iter()
            .filter(|(own, a)| **own == id || a.known.contains(&id))
            .map(|(own, _)| *own)
            .collect();
        let mut cast = Cast::default();
        cast.users.insert(id);
        for listener in listeners {
            let update = types::UpdateUserName {
                user_id: id,
                first_name: first_name.to_owned(),
                last_name: last_name.to_owned(),
                usernames: Vec::new(),
            };
            self.push_sequenced(listener, None, update.into(), &cast);
        }
    }

    /// A text kept in the input field of a chat, or of a topic of it (0: none); an empty one takes it away. Other clients of the account hear of it.
    pub fn save_draft(
        &mut self,
        by: i64,
        chat: ChatRef,
        topic: i32,
        text: &str,
        key: Option<KeyId>,
    ) -> Result<(), Refusal> {
        let date = self.now();
        let dialog = self
            .account_mut(by)?
            .mailbox
            .dialogs
            .entry(chat)
            .or_default();
        let new = (!text.is_empty()).then(|| (text.to_owned(), date));
        let set = new.is_some();
        let before = match (topic, new) {
            (0, new) => std::mem::replace(&mut dialog.draft, new),
            (topic, Some(new)) => dialog.topic_drafts.insert(topic, new),
            (topic, None) => dialog.topic_drafts.remove(&topic),
        };
        if !set && before.is_none() {
            return Ok(());
        }
        let draft = super::view::draft_tl(text.to_owned(), date);
        let update = types::UpdateDraftMessage {
            peer: chat.peer(),
            top_msg_id: (topic != 0).then_some(topic),
            saved_peer_id: None,
            draft,
        };
        self.push_short(
            Audience::Account {
                user: by,
                except: key,
            },
            update.into(),
        );
        self.revision += 1;
        Ok(())
    }
}
