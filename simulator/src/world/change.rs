//! Change: edits, deletions, pins and reactions.

use grammers_tl_types::{enums, types};

use super::{
    Refusal, World, bad,
    chats::ChannelEvent,
    forbidden,
    ids::ChatRef,
    mailbox::MailEvent,
    message::{Gid, Media, utf16_len},
    push::Audience,
    view::Detail,
};
use crate::port::KeyId;

/// For so long a message can be edited, in seconds (`edit_time_limit` of help.getConfig).
pub const EDIT_TIME: i32 = 172_800;
/// Longest text under a file, in UTF-16 units.
pub const CAPTION: usize = 1_024;

/// pts after a change, and by how much it moved.
pub type Moved = (i32, i32);

impl World {
    /// Gives a message another text, said in another way, or another file. `by` must have written it, and not too long ago.
    pub fn edit(
        &mut self,
        by: i64,
        gid: Gid,
        (text, entities): (&str, Vec<enums::MessageEntity>),
        shown: Option<(Media, i64)>,
        key: Option<KeyId>,
    ) -> Result<Moved, Refusal> {
        let now = self.now();
        let ageless = self.edited_at_any_age(by, gid);
        let premium = self.users.get(&by).is_some_and(|user| user.premium);
        let Some(body) = self.body_mut(gid).filter(|body| !body.deleted) else {
            return Err(bad("MESSAGE_ID_INVALID"));
        };
        if body.from != by {
            return Err(forbidden("MESSAGE_AUTHOR_REQUIRED"));
        }
        if body.action.is_some() || body.forwarded.is_some() {
            return Err(bad("MESSAGE_ID_INVALID"));
        }
        if !ageless && now - body.date > EDIT_TIME {
            return Err(bad("MESSAGE_EDIT_TIME_EXPIRED"));
        }
        let before = body.entities().unwrap_or_default();
        let same_file = shown.as_ref().is_none_or(|(_, file)| *file == body.file);
        if body.text == text && before == entities && same_file {
            return Err(bad("MESSAGE_NOT_MODIFIED"));
        }
        if text.is_empty() && body.media.is_none() {
            return Err(bad("MESSAGE_EMPTY"));
        }
        if utf16_len(text) > 4096 {
            return Err(bad("MESSAGE_TOO_LONG"));
        }
        if body.media.is_some() && !premium && utf16_len(text) > CAPTION {
            return Err(bad("MEDIA_CAPTION_TOO_LONG"));
        }
        if before != entities {
            body.form.get_or_insert_default().entities = entities;
        }
        if let Some((media, file)) = shown {
            body.media = Some(Box::new(media));
            body.file = file;
        }
        let former = std::mem::replace(&mut body.text, text.to_owned());
        body.former_texts.push(former);
        body.edit_date = now;
        Ok(self.tell_edited(by, gid, key))
    }

    /// One's own notes, and the posts of a channel.
    fn edited_at_any_age(&self, by: i64, gid: Gid) -> bool {
        match self.body(gid).map(|body| body.chat) {
            Some(ChatRef::User(to)) => to == by,
            Some(ChatRef::Channel(id)) => self.channels.get(&id).is_some_and(|c| c.broadcast),
            _ => false,
        }
    }

    /// Sets or takes back one user's reaction; everybody sees it as an edit.
    pub fn react(
        &mut self,
        by: i64,
        gid: Gid,
        emoji: Option<&str>,
        key: Option<KeyId>,
    ) -> Result<Moved, Refusal> {
        let Some(body) = self.body_mut(gid).filter(|body| !body.deleted) else {
            return Err(bad("MESSAGE_ID_INVALID"));
        };
        body.reactions.retain(|(_, user)| *user != by);
        if let Some(emoji) = emoji {
            body.reactions.push((emoji.to_owned(), by));
        }
        self.tell_reactions(gid);
        Ok(self.tell_edited(by, gid, key))
    }

    /// Every copy's owner hears that the message changed. Answers `by`'s own position.
    fn tell_edited(&mut self, by: i64, gid: Gid, key: Option<KeyId>) -> Moved {
        self.revision += 1;
        let now = self.now();
        let Some(body) = self.body(gid) else {
            return (0, 0);
        };
        let (chat, channel_id, copies) = (body.chat, body.channel_id, body.copies.clone());
        let mut own = (0, 1);
        if let ChatRef::Channel(id) = chat {
            let Some(channel) = self.channels.get_mut(&id) else {
                return own;
            };
            own.0 = channel.record(ChannelEvent::Edit(channel_id), now);
            for user in self.channel_accounts(id) {
                let message = self.message_tl(user, channel_id, chat, gid);
                let update = types::UpdateEditChannelMessage {
                    message,
                    pts: own.0,
                    pts_count: 1,
                };
                let updates = self.with_cast(
                    user,
                    vec![update.into()],
                    &self.cast_of(user, &[(gid, chat)]),
                    Detail::Min,
                );
                let audience = Audience::Account { user, except: key };
                self.push_channel(audience, "updateEditChannelMessage", updates, (id, own.0));
            }
            return own;
        }
        for (user, id) in copies {
            let Some(mailbox) = self.mailbox_mut(user) else {
                continue;
            };
            let Some(copy) = mailbox.copy(id) else {
                continue;
            };
            let pts = mailbox.record(MailEvent::Edit(id));
            if user == by {
                own.0 = pts;
            }
            let message = self.message_tl(user, id, copy.chat, gid);
            let update = types::UpdateEditMessage {
                message,
                pts,
                pts_count: 1,
            };
            let cast = self.cast_of(user, &[(gid, copy.chat)]);
            let updates = self.with_cast(user, vec![update.into()], &cast, Detail::Full);
            self.push(
                Audience::Account { user, except: key },
                "updateEditMessage",
                updates,
            );
        }
        own
    }

    /// Deletes by ids of `by`'s own mailbox, for everybody or for itself alone.
    pub fn delete_mail(
        &mut self,
        by: i64,
        ids: &[i32],
        revoke: bool,
        key: Option<KeyId>,
    ) -> Result<Moved, Refusal> {
        let mut gids = Vec::new();
        for id in ids {
            if let Some(copy) = self.account(by)?.mailbox.copy(*id) {
                gids.push(copy.gid);
            }
        }
        if revoke && gids.iter().any(|gid| self.is_of_others(by, *gid)) {
            return Err(forbidden("MESSAGE_DELETE_FORBIDDEN"));
        }
        if revoke {
            return Ok(self.delete_everywhere(by, &gids, key));
        }
        let mine = gids
            .iter()
            .filter_map(|gid| self.id_for(by, *gid))
            .collect();
        Ok(self.drop_copies(by, mine, key))
    }

    /// A basic group's history: for everyone only by who made it.
    pub fn delete_group_history(
        &mut self,
        by: i64,
        chat: ChatRef,
        ids: &[i32],
        key: Option<KeyId>,
    ) -> Result<Moved, Refusal> {
        let made = match chat {
            ChatRef::Group(id) => self.groups.get(&id).is_some_and(|g| g.creator == by),
            _ => false,
        };
        if !made {
            return Err(bad("CHAT_ADMIN_REQUIRED"));
        }
        self.delete_mail(by, ids, true, key)
    }

    /// In a basic group only who made it takes away what others wrote.
    fn is_of_others(&self, by: i64, gid: Gid) -> bool {
        self.body(gid).is_some_and(|body| match body.chat {
            ChatRef::Group(id) => {
                body.from != by && self.groups.get(&id).is_some_and(|g| g.creator != by)
            }
            _ => false,
        })
    }

    /// Deletes messages of private chats and basic groups for all who have them.
    pub fn delete_everywhere(&mut self, by: i64, gids: &[Gid], key: Option<KeyId>) -> Moved {
        let mut per_account: std::collections::BTreeMap<i64, Vec<i32>> =
            std::collections::BTreeMap::new();
        for gid in gids {
            let Some(body) = self.body_mut(*gid) else {
                continue;
            };
            body.deleted = true;
            for (account, id) in &body.copies {
                per_account.entry(*account).or_default().push(*id);
            }
        }
        let mut own = (
            self.accounts
                .get(&by)
                .map_or(0, |account| account.mailbox.pts),
            0,
        );
        for (account, ids) in per_account {
            let moved = self.drop_copies(account, ids, key);
            if account == by {
                own = moved;
            }
        }
        own
    }

    fn drop_copies(&mut self, user: i64, ids: Vec<i32>, key: Option<KeyId>) -> Moved {
        self.revision += 1;
        let Some(mailbox) = self.mailbox_mut(user) else {
            return (0, 0);
        };
        let gone: Vec<i32> = ids.into_iter().filter(|id| mailbox.remove(*id)).collect();
        if gone.is_empty() {
            return (mailbox.pts, 0);
        }
        let pts_count = gone.len() as i32;
        let pts = mailbox.record(MailEvent::Delete(gone.clone()));
        let update = types::UpdateDeleteMessages {
            messages: gone,
            pts,
            pts_count,
        };
        self.push_short(Audience::Account { user, except: key }, update.into());
        (pts, pts_count)
    }

    /// Deletes messages of a channel for everybody.
    pub fn delete_in_channel(&mut self, channel_id: i64, ids: &[i32], key: Option<KeyId>) -> Moved {
        self.revision += 1;
        let now = self.now();
        let Some(channel) = self.channels.get(&channel_id) else {
            return (0, 0);
        };
        let mut gone = Vec::new();
        for (id, gid) in ids
            .iter()
            .filter_map(|id| channel.gid(*id).map(|gid| (*id, gid)))
        {
            if let Some(body) = self
                .bodies
                .get_mut(gid as usize)
                .filter(|body| !body.deleted)
            {
                body.deleted = true;
                gone.push(id);
            }
        }
        let Some(channel) = self.channels.get_mut(&channel_id) else {
            return (0, 0);
        };
        if gone.is_empty() {
            return (channel.pts, 0);
        }
        let pts_count = gone.len() as i32;
        let pts = channel.record(ChannelEvent::Delete(gone.clone()), now);
        for user in self.channel_accounts(channel_id) {
            let update = types::UpdateDeleteChannelMessages {
                channel_id,
                messages: gone.clone(),
                pts,
                pts_count,
            };
            let updates = types::UpdateShort {
                update: update.into(),
                date: now,
            };
            let audience = Audience::Account { user, except: key };
            self.push_channel(
                audience,
                "updateDeleteChannelMessages",
                updates.into(),
                (channel_id, pts),
            );
        }
        (pts, pts_count)
    }

    /// Hides a channel's history up to a message from one who is in it.
    pub fn clear_channel_for(&mut self, by: i64, channel_id: i64, up_to: i32, key: Option<KeyId>) {
        self.revision += 1;
        let Some(channel) = self.channels.get_mut(&channel_id) else {
            return;
        };
        let below = channel.hidden.entry(by).or_default();
        *below = up_to.max(*below);
        let update = types::UpdateChannelAvailableMessages {
            channel_id,
            available_min_id: up_to,
        };
        self.push_short(
            Audience::Account {
                user: by,
                except: key,
            },
            update.into(),
        );
    }

    /// Hides a channel's history up to a message from all who are in it. Has no pts: who is away learns of it only by
    /// asking (`channelFull.available_min_id`).
    pub fn clear_channel(&mut self, channel_id: i64, up_to: i32) {
        self.revision += 1;
        let Some(channel) = self.channels.get(&channel_id) else {
            return;
        };
        for gid in (1..=up_to).filter_map(|id| channel.gid(id)) {
            if let Some(body) = self.bodies.get_mut(gid as usize) {
                body.deleted = true;
            }
        }
        for user in self.channel_accounts(channel_id) {
            let update = types::UpdateChannelAvailableMessages {
                channel_id,
                available_min_id: up_to,
            };
            self.push_short(Audience::Account { user, except: None }, update.into());
        }
    }
}
