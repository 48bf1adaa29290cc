//! Pins: messages pinned and unpinned, and who hears of it.

use grammers_tl_types::types;

use super::{
    Posted, Refusal, World, bad,
    chats::ChannelEvent,
    ids::ChatRef,
    mailbox::MailEvent,
    message::{Action, Draft, Gid},
    push::Audience,
};
use crate::port::KeyId;

impl World {
    /// Pins a message, with the service message about it; or unpins it, silently.
    pub fn pin(
        &mut self,
        by: i64,
        gid: Gid,
        pinned: bool,
        key: Option<KeyId>,
    ) -> Result<Option<Posted>, Refusal> {
        let now = self.now();
        let Some(body) = self.body_mut(gid).filter(|body| !body.deleted) else {
            return Err(bad("MESSAGE_ID_INVALID"));
        };
        body.pinned = pinned;
        let (chat, channel_id, copies) = (body.chat, body.channel_id, body.copies.clone());
        if let ChatRef::Channel(id) = chat {
            let Some(channel) = self.channels.get_mut(&id) else {
                return Err(bad("CHANNEL_INVALID"));
            };
            let pts = channel.record(
                ChannelEvent::Pin {
                    id: channel_id,
                    pinned,
                },
                now,
            );
            for user in self.channel_accounts(id) {
                let messages = vec![channel_id];
                let update = types::UpdatePinnedChannelMessages {
                    pinned,
                    channel_id: id,
                    messages,
                    pts,
                    pts_count: 1,
                };
                let short = types::UpdateShort {
                    update: update.into(),
                    date: now,
                };
                let audience = Audience::Account { user, except: key };
                self.push_channel(
                    audience,
                    "updatePinnedChannelMessages",
                    short.into(),
                    (id, pts),
                );
            }
        }
        for (user, id) in copies {
            let Some(mailbox) = self.mailbox_mut(user) else {
                continue;
            };
            let Some(copy) = mailbox.copy(id) else {
                continue;
            };
            let pts = mailbox.record(MailEvent::Pin {
                chat: copy.chat,
                id,
                pinned,
            });
            let messages = vec![id];
            let update = types::UpdatePinnedMessages {
                pinned,
                peer: copy.chat.peer(),
                messages,
                pts,
                pts_count: 1,
            };
            self.push_short(Audience::Account { user, except: key }, update.into());
        }
        self.revision += 1;
        let notice = Draft {
            action: Some(Action::Pinned),
            reply_to: Some(gid),
            ..Draft::default()
        };
        // As the one who pins sees the chat.
        let from = self.body(gid).map_or(by, |body| body.from);
        let chat = match chat {
            ChatRef::User(to) if to == by => ChatRef::User(from),
            chat => chat,
        };
        Ok(pinned.then(|| self.post(by, chat, notice, key)))
    }
}
