//! Post: how a message comes into being and reaches everybody's mailbox or channel.

use grammers_tl_types::types;

use super::{
    Refusal, SendEntry, World, bad,
    chats::{Channel, ChannelEvent},
    forbidden,
    ids::ChatRef,
    mailbox::MailEvent,
    message::{Body, Draft, Gid, utf16_len},
    push::Audience,
    view::Detail,
};
use crate::port::KeyId;

/// Longest text of a message, in UTF-16 units.
const TEXT_LIMIT: usize = 4096;

/// A message that exists now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    pub gid: Gid,
    /// Its id for the one who posted it, or, when that is a person, for the account that sees it.
    pub id: i32,
    /// The position after it: the sender's, or the channel's. 0 when the sender has none.
    pub pts: i32,
    /// The random id was used before: this is the message from then.
    pub repeated: bool,
}

impl World {
    /// A client sends. Checks what Telegram checks, and remembers the random id for ever.
    pub fn send(
        &mut self,
        by: i64,
        key: KeyId,
        chat: ChatRef,
        draft: Draft,
    ) -> Result<Posted, Refusal> {
        if let Some(gid) = self
            .account(by)?
            .sent
            .get(&(chat, draft.random_id))
            .copied()
        {
            self.note_repeat(by, chat, draft.random_id);
            return Ok(self.posted(by, gid, true));
        }
        self.may_write(by, chat)?;
        let wordless = draft.text.trim().is_empty() && !draft.form.has_media();
        if wordless && draft.media.is_none() && draft.action.is_none() {
            return Err(bad("MESSAGE_EMPTY"));
        }
        if utf16_len(&draft.text) > TEXT_LIMIT {
            return Err(bad("MESSAGE_TOO_LONG"));
        }
        self.take_turn(by, chat)?;
        let random_id = draft.random_id;
        let posted = self.post(by, chat, draft, Some(key));
        if random_id != 0 {
            self.account_mut(by)?
                .sent
                .insert((chat, random_id), posted.gid);
        }
        self.note_send(by, chat, random_id, posted.gid);
        Ok(posted)
    }

    /// In slow mode whoever does not run the supergroup waits between two messages.
    fn take_turn(&mut self, by: i64, chat: ChatRef) -> Result<(), Refusal> {
        let now = self.now();
        let ChatRef::Channel(id) = chat else {
            return Ok(());
        };
        let slow = |channel: &&mut Channel| channel.slow > 0 && channel.creator != by;
        let Some(channel) = self.channels.get_mut(&id).filter(slow) else {
            return Ok(());
        };
        let next = channel.spoke.get(&by).map_or(now, |at| at + channel.slow);
        if next > now {
            return Err(Refusal::new(420, format!("SLOWMODE_WAIT_{}", next - now)));
        }
        channel.spoke.insert(by, now);
        Ok(())
    }

    pub(super) fn note_send(&mut self, account: i64, chat: ChatRef, random_id: i64, gid: Gid) {
        let (at, chat_id) = (self.now(), chat.marked());
        let message_id = self.id_for(account, gid).unwrap_or(0);
        let text = self
            .body(gid)
            .map(|body| body.text.clone())
            .unwrap_or_default();
        self.ledger_sends.push(SendEntry {
            account,
            chat_id,
            random_id,
            message_id,
            text,
            at,
            times: 1,
        });
        self.revision += 1;
    }

    /// The same random id came again: the send from then counts up.
    fn note_repeat(&mut self, account: i64, chat: ChatRef, random_id: i64) {
        let chat_id = chat.marked();
        let same = |send: &&mut SendEntry| {
            (send.account, send.chat_id, send.random_id) == (account, chat_id, random_id)
        };
        if let Some(send) = self.ledger_sends.iter_mut().rev().find(same) {
            send.times += 1;
        }
        self.revision += 1;
    }

    /// May this account write there?
    pub fn may_write(&self, by: i64, chat: ChatRef) -> Result<(), Refusal> {
        match chat {
            ChatRef::User(id) => {
                let Some(user) = self.users.get(&id) else {
                    return Err(bad("PEER_ID_INVALID"));
                };
                if user.deleted {
                    return Err(bad("INPUT_USER_DEACTIVATED"));
                }
                if self
                    .accounts
                    .get(&id)
                    .is_some_and(|account| account.blocked.contains(&by))
                {
                    return Err(bad("USER_IS_BLOCKED"));
                }
                self.may_write_unasked(by, id, user.price)?;
            }
            ChatRef::Group(id) => {
                let Some(group) = self.groups.get(&id) else {
                    return Err(bad("CHAT_ID_INVALID"));
                };
                if group.migrated_to.is_some() {
                    return Err(bad("PEER_ID_INVALID"));
                }
                if !group.members.contains(&by) {
                    return Err(forbidden("CHAT_WRITE_FORBIDDEN"));
                }
            }
            ChatRef::Channel(id) => {
                let channel = self.channel_for(by, id)?;
                if !channel.members.contains(&by) || (channel.broadcast && channel.creator != by) {
                    return Err(forbidden("CHAT_WRITE_FORBIDDEN"));
                }
            }
        }
        Ok(())
    }

    /// Whoever was written to by the other may always answer; a contact is no stranger.
    fn may_write_unasked(&self, by: i64, to: i64, price: i64) -> Result<(), Refusal> {
        let limited = self
            .account(by)
            .is_ok_and(|account| account.strangers_limited);
        if (price == 0 && !limited) || by == to || self.has_written(to, by) {
            return Ok(());
        }
        if price > 0 {
            return Err(forbidden(&format!("ALLOW_PAYMENT_REQUIRED_{price}")));
        }
        match self.account(by)?.contacts.contains(&to) {
            true => Ok(()),
            false => Err(bad("PEER_FLOOD")),
        }
    }

    /// What a message of one to the other costs, in stars.
    pub fn price_for(&self, by: i64, to: i64) -> i64 {
        let price = self.users.get(&to).map_or(0, |user| user.price);
        let is_free = by == to || self.has_written(to, by);
        if is_free { 0 } else { price }
    }

    fn has_written(&self, from: i64, to: i64) -> bool {
        let Ok(account) = self.account(to) else {
            return false;
        };
        let dialog = account.mailbox.dialogs.get(&ChatRef::User(from));
        let ids = dialog.map_or(&[][..], |dialog| dialog.ids.as_slice());
        let bodies = ids.iter().filter_map(|id| account.mailbox.copy(*id));
        bodies
            .filter_map(|copy| self.body(copy.gid))
            .any(|body| body.from == from)
    }

    /// Makes the message, without asking whether it may be. `key` is the client that sends it, if one does.
    pub fn post(&mut self, from: i64, chat: ChatRef, draft: Draft, key: Option<KeyId>) -> Posted {
        let gid = self.bodies.len() as Gid;
        let mut file = draft.file;
        if let Some(media) = draft.media.as_ref().filter(|_| file == 0) {
            let id = super::view::file_id(self.seed, gid);
            file = if self.file_for(id, media, None) {
                id
            } else {
                0
            };
        }
        self.bodies
            .push(Body::of(from, chat, self.now(), Draft { file, ..draft }));
        self.revision += 1;
        match chat {
            ChatRef::User(to) => {
                self.put_mail(from, ChatRef::User(to), gid, key);
                if to != from {
                    self.put_mail(to, ChatRef::User(from), gid, key);
                }
            }
            ChatRef::Group(id) => {
                let members: Vec<i64> = self
                    .groups
                    .get(&id)
                    .map(|g| g.members.iter().copied().collect())
                    .unwrap_or_default();
                for member in members {
                    self.put_mail(member, chat, gid, key);
                }
            }
            ChatRef::Channel(id) => self.put_channel(id, gid, key),
        }
        self.posted(from, gid, false)
    }

    /// Puts a copy into a mailbox, if there is one, and tells its clients.
    fn put_mail(&mut self, user: i64, chat: ChatRef, gid: Gid, key: Option<KeyId>) {
        let from = self.body(gid).map_or(0, |body| body.from);
        let Some(account) = self
            .accounts
            .get_mut(&user)
            .filter(|account| account.registered)
        else {
            return;
        };
        let id = account.mailbox.put(gid, chat, from != user);
        let pts = account.mailbox.record(MailEvent::New(id));
        if let Some(body) = self.body_mut(gid) {
            body.copies.push((user, id));
        }
        self.push_new_mail(user, key, id, gid, chat, pts);
        if let Some(account) = self.accounts.get_mut(&user) {
            account.known.insert(from);
            if let ChatRef::User(other) = chat {
                account.known.insert(other);
            }
        }
    }

    fn put_channel(&mut self, id: i64, gid: Gid, key: Option<KeyId>) {
        let now = self.now();
        let from = self.body(gid).map_or(0, |body| body.from);
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        let message_id = channel.put(gid);
        let pts = channel.record(ChannelEvent::New(message_id), now);
        if let Some(body) = self.body_mut(gid) {
            body.channel_id = message_id;
        }
        if let Some(dialog) = self
            .accounts
            .get_mut(&from)
            .and_then(|a| a.mailbox.dialogs.get_mut(&ChatRef::Channel(id)))
        {
            dialog.read_inbox = message_id;
        }
        for user in self.channel_accounts(id) {
            let audience = Audience::Account { user, except: key };
            if !self.has_listeners(audience) {
                continue;
            }
            let message = self.message_tl(user, message_id, ChatRef::Channel(id), gid);
            let update = types::UpdateNewChannelMessage {
                message,
                pts,
                pts_count: 1,
            };
            let cast = self.cast_of(user, &[(gid, ChatRef::Channel(id))]);
            let updates = self.with_cast(user, vec![update.into()], &cast, Detail::Min);
            self.push_channel(audience, "updateNewChannelMessage", updates, (id, pts));
        }
    }

    /// Members of a channel that clients sign in to.
    pub(super) fn channel_accounts(&self, id: i64) -> Vec<i64> {
        let Some(channel) = self.channels.get(&id) else {
            return Vec::new();
        };
        channel
            .members
            .iter()
            .copied()
            .filter(|user| self.accounts.contains_key(user))
            .collect()
    }

    fn posted(&self, by: i64, gid: Gid, repeated: bool) -> Posted {
        let id = self.id_for(by, gid).unwrap_or(0);
        let pts = match self.body(gid).map(|body| body.chat) {
            Some(ChatRef::Channel(channel)) => {
                self.channels.get(&channel).map_or(0, |channel| channel.pts)
            }
            _ => self
                .accounts
                .get(&by)
                .map_or(0, |account| account.mailbox.pts),
        };
        Posted {
            gid,
            id,
            pts,
            repeated,
        }
    }

    /// What a message is called where `by` sees it; a person without a mailbox sees it as the account it wrote to,
    /// in a basic group as the account with the lowest id.
    pub fn id_for(&self, by: i64, gid: Gid) -> Option<i32> {
        let body = self.body(gid)?;
        if body.channel_id != 0 {
            return Some(body.channel_id);
        }
        let own = body.copies.iter().find(|(account, _)| *account == by);
        own.or_else(|| body.copies.iter().min()).map(|(_, id)| *id)
    }

    /// The message that `by` means with an id in a chat; the rule of [`Self::id_for`] read backwards.
    pub fn find(&self, by: i64, chat: ChatRef, id: i32) -> Option<Gid> {
        let (viewer, seen_as) = match chat {
            ChatRef::Channel(channel) => return self.channels.get(&channel)?.gid(id),
            _ if self.accounts.contains_key(&by) => (by, chat),
            ChatRef::User(to) => (to, ChatRef::User(by)),
            ChatRef::Group(group) => {
                let members = &self.groups.get(&group)?.members;
                (
                    *members
                        .iter()
                        .find(|member| self.accounts.contains_key(member))?,
                    chat,
                )
            }
        };
        let copy = self.accounts.get(&viewer)?.mailbox.copy(id)?;
        (copy.chat == seen_as).then_some(copy.gid)
    }

    /// A message of private chats and basic groups, by nothing but the id it has for this account.
    pub fn find_mail(&self, account: i64, id: i32) -> Option<Gid> {
        self.accounts
            .get(&account)?
            .mailbox
            .copy(id)
            .map(|copy| copy.gid)
    }
}
