//! Difference: what a client missed, from the logs of its mailbox and its channels.

use grammers_tl_types::{enums, types};

use super::{
    Refusal, World,
    chats::ChannelEvent,
    encrypted::Encrypted,
    ids::ChatRef,
    mailbox::MailEvent,
    message::Gid,
    view::{Cast, Detail},
};

/// Events in one slice of a difference.
pub const DIFFERENCE_LIMIT: usize = 500;
/// How long a client is to wait before it asks for a channel's difference again by itself.
const CHANNEL_TIMEOUT: i32 = 30;

impl World {
    pub fn state_of(&self, user: i64) -> Result<types::updates::State, Refusal> {
        let mailbox = &self.account(user)?.mailbox;
        let unread = mailbox
            .dialogs
            .values()
            .filter(|dialog| dialog.unread > 0)
            .count();
        Ok(types::updates::State {
            pts: mailbox.pts,
            qts: mailbox.qts,
            date: self.now(),
            seq: mailbox.seq,
            unread_count: unread as i32,
        })
    }

    pub fn difference(
        &self,
        user: i64,
        (pts, qts): (i32, i32),
        date: i32,
        limit: usize,
    ) -> Result<enums::updates::Difference, Refusal> {
        let mailbox = &self.account(user)?.mailbox;
        let (events, more) = mailbox.since(pts, limit);
        let end = if more {
            events.last().map_or(mailbox.pts, |(at, _)| *at)
        } else {
            mailbox.pts
        };
        let mut told = Told::default();
        for (at, event) in events {
            self.tell_mail(user, *at, event, &mut told);
        }
        if !more {
            self.tell_channels(user, date, &mut told);
        }
        let state = types::updates::State {
            pts: end,
            ..self.state_of(user)?
        };
        let sealed = mailbox.encrypted_since(qts);
        let nothing = told.messages.is_empty() && told.updates.is_empty() && sealed.is_empty();
        if nothing && !more && end == pts {
            return Ok(types::updates::DifferenceEmpty {
                date: state.date,
                seq: state.seq,
            }
            .into());
        }
        let mut cast = self.cast_of(user, &told.named);
        cast.channels.extend(&told.cast.channels);
        let (users, chats) = self.cast(user, &cast, Detail::Full);
        let (new_messages, other_updates) = (told.messages, told.updates);
        if more {
            // Date and qts stay where the client was: channels and encrypted messages come with the last slice.
            let intermediate_state = types::updates::State { date, qts, ..state }.into();
            return Ok(types::updates::DifferenceSlice {
                new_messages,
                new_encrypted_messages: Vec::new(),
                other_updates,
                chats,
                users,
                intermediate_state,
            }
            .into());
        }
        let state = state.into();
        let full = types::updates::Difference {
            new_messages,
            new_encrypted_messages: sealed.iter().map(Encrypted::tl).collect(),
            other_updates,
            chats,
            users,
            state,
        };
        Ok(full.into())
    }

    fn tell_mail(&self, user: i64, pts: i32, event: &MailEvent, told: &mut Told) {
        let Some(mailbox) = self.accounts.get(&user).map(|account| &account.mailbox) else {
            return;
        };
        match event {
            MailEvent::New(id) => {
                let Some(copy) = mailbox.copy(*id) else {
                    return;
                };
                told.named.push((copy.gid, copy.chat));
                told.messages
                    .push(self.message_tl(user, *id, copy.chat, copy.gid));
                if let Some(body) = self
                    .body(copy.gid)
                    .filter(|body| body.from == user && body.random_id != 0)
                {
                    told.updates.push(
                        types::UpdateMessageId {
                            id: *id,
                            random_id: body.random_id,
                        }
                        .into(),
                    );
                }
            }
            MailEvent::Edit(id) => {
                let Some(copy) = mailbox.copy(*id) else {
                    return;
                };
                told.named.push((copy.gid, copy.chat));
                let message = self.message_tl(user, *id, copy.chat, copy.gid);
                told.updates.push(
                    types::UpdateEditMessage {
                        message,
                        pts,
                        pts_count: 1,
                    }
                    .into(),
                );
            }
            MailEvent::Delete(ids) => {
                let pts_count = ids.len() as i32;
                told.updates.push(
                    types::UpdateDeleteMessages {
                        messages: ids.clone(),
                        pts,
                        pts_count,
                    }
                    .into(),
                );
            }
            MailEvent::ReadInbox {
                chat,
                max_id,
                unread,
            } => told.updates.push(
                types::UpdateReadHistoryInbox {
                    folder_id: None,
                    peer: chat.peer(),
                    top_msg_id: None,
                    max_id: *max_id,
                    still_unread_count: *unread,
                    pts,
                    pts_count: 1,
                }
                .into(),
            ),
            MailEvent::ReadOutbox { chat, max_id } => {
                let update = types::UpdateReadHistoryOutbox {
                    peer: chat.peer(),
                    max_id: *max_id,
                    pts,
                    pts_count: 1,
                };
                told.updates.push(update.into());
            }
            MailEvent::Folder { chat, folder } => {
                let update = super::folder_update(*chat, *folder, pts);
                told.updates.push(update.into());
            }
            MailEvent::Pin { chat, id, pinned } => {
                let (pinned, peer, messages) = (*pinned, chat.peer(), vec![*id]);
                told.updates.push(
                    types::UpdatePinnedMessages {
                        pinned,
                        peer,
                        messages,
                        pts,
                        pts_count: 1,
                    }
                    .into(),
                );
            }
        }
    }

    /// Channels are only announced: their news are fetched one by one.
    fn tell_channels(&self, user: i64, date: i32, told: &mut Told) {
        let Ok(account) = self.account(user) else {
            return;
        };
        for chat in account.mailbox.dialogs.keys() {
            let ChatRef::Channel(id) = chat else { continue };
            let Some(channel) = self
                .channels
                .get(id)
                .filter(|channel| channel.changed_at >= date)
            else {
                continue;
            };
            told.cast.channels.insert(*id);
            told.updates.push(
                types::UpdateChannelTooLong {
                    channel_id: *id,
                    pts: Some(channel.pts),
                }
                .into(),
            );
        }
    }

    pub fn channel_difference(
        &self,
        user: i64,
        id: i64,
        pts: i32,
        limit: usize,
    ) -> Result<enums::updates::ChannelDifference, Refusal> {
        let channel = self.channel_for(user, id)?;
        let (events, more) = channel.since(pts, limit.max(1));
        let timeout = Some(CHANNEL_TIMEOUT);
        if events.is_empty() {
            let pts = channel.pts;
            return Ok(types::updates::ChannelDifferenceEmpty {
                r#final: true,
                pts,
                timeout,
            }
            .into());
        }
        let end = if more {
            events.last().map_or(channel.pts, |(at, _)| *at)
        } else {
            channel.pts
        };
        let mut told = Told::default();
        for (at, event) in events {
            self.tell_channel(user, id, *at, event, &mut told);
        }
        let mut cast = self.cast_of(user, &told.named);
        cast.channels.insert(id);
        let (users, chats) = self.cast(user, &cast, Detail::Min);
        Ok(types::updates::ChannelDifference {
            r#final: !more,
            pts: end,
            timeout,
            new_messages: told.messages,
            other_updates: told.updates,
            chats,
            users,
        }
        .into())
    }

    fn tell_channel(&self, user: i64, id: i64, pts: i32, event: &ChannelEvent, told: &mut Told) {
        let Some(channel) = self.channels.get(&id) else {
            return;
        };
        let chat = ChatRef::Channel(id);
        let alive = |message: i32| {
            let gid = channel.gid(message)?;
            self.body(gid).filter(|body| !body.deleted).map(|_| gid)
        };
        match event {
            ChannelEvent::New(message) => {
                let Some(gid) = alive(*message) else { return };
                told.named.push((gid, chat));
                told.messages
                    .push(self.message_tl(user, *message, chat, gid));
            }
            ChannelEvent::Edit(message) => {
                let Some(gid) = alive(*message) else { return };
                told.named.push((gid, chat));
                let message = self.message_tl(user, *message, chat, gid);
                told.updates.push(
                    types::UpdateEditChannelMessage {
                        message,
                        pts,
                        pts_count: 1,
                    }
                    .into(),
                );
            }
            ChannelEvent::Delete(messages) => {
                let (messages, pts_count) = (messages.clone(), messages.len() as i32);
                let update = types::UpdateDeleteChannelMessages {
                    channel_id: id,
                    messages,
                    pts,
                    pts_count,
                };
                told.updates.push(update.into());
            }
            ChannelEvent::Pin {
                id: message,
                pinned,
            } => {
                let (pinned, channel_id, messages) = (*pinned, id, vec![*message]);
                let update = types::UpdatePinnedChannelMessages {
                    pinned,
                    channel_id,
                    messages,
                    pts,
                    pts_count: 1,
                };
                told.updates.push(update.into());
            }
        }
    }
}

/// A difference in the making.
#[derive(Default)]
struct Told {
    messages: Vec<enums::Message>,
    updates: Vec<enums::Update>,
    named: Vec<(Gid, ChatRef)>,
    cast: Cast,
}
