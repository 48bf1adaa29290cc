//! Push: what clients are told without asking, in the shapes that Telegram uses.

use grammers_tl_types::{enums, types};

use super::{
    World,
    ids::ChatRef,
    message::Gid,
    view::{Cast, Detail},
};
use crate::port::KeyId;

/// Who hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every client of an account, but not the one whose own call caused it.
    Account { user: i64, except: Option<KeyId> },
    /// One key, signed in or not.
    Key(KeyId),
}

/// Name of the update inside, as Telegram spells it: faults choose by it.
pub type PushKind = &'static str;

/// Something to be pushed.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub audience: Audience,
    pub kind: PushKind,
    pub updates: enums::Updates,
    /// The channel it belongs to, and its pts after it.
    pub channel: Option<(i64, i32)>,
}

impl World {
    pub(super) fn push(&mut self, audience: Audience, kind: PushKind, updates: enums::Updates) {
        if self.has_listeners(audience) {
            self.outgoing.push(Outgoing {
                audience,
                kind,
                updates,
                channel: None,
            });
        }
    }

    pub(super) fn push_channel(
        &mut self,
        audience: Audience,
        kind: PushKind,
        updates: enums::Updates,
        at: (i64, i32),
    ) {
        if self.has_listeners(audience) {
            self.outgoing.push(Outgoing {
                audience,
                kind,
                updates,
                channel: Some(at),
            });
        }
    }

    /// Is anybody there who could hear it? Spares building what nobody gets.
    pub(super) fn has_listeners(&self, audience: Audience) -> bool {
        match audience {
            Audience::Key(_) => true,
            Audience::Account { user, except } => self
                .accounts
                .get(&user)
                .is_some_and(|account| account.keys.iter().any(|key| Some(*key) != except)),
        }
    }

    /// One update that needs no users beside it, as `updateShort`.
    pub(super) fn push_short(&mut self, audience: Audience, update: enums::Update) {
        let kind = kind_of(&update);
        let date = self.now();
        self.push(audience, kind, types::UpdateShort { update, date }.into());
    }

    /// An update without pts, counted by the account's seq, with the users and chats it names.
    pub(super) fn push_sequenced(
        &mut self,
        user: i64,
        except: Option<KeyId>,
        update: enums::Update,
        cast: &Cast,
    ) {
        let kind = kind_of(&update);
        let Some(account) = self.accounts.get_mut(&user) else {
            return;
        };
        account.mailbox.seq += 1;
        let seq = account.mailbox.seq;
        let (users, chats) = self.cast(user, cast, Detail::Full);
        let date = self.now();
        let updates = types::UpdatesCombined {
            updates: vec![update],
            users,
            chats,
            date,
            seq_start: seq,
            seq,
        };
        self.push(Audience::Account { user, except }, kind, updates.into());
    }

    /// A new message of a mailbox, short where Telegram would be short.
    pub(super) fn push_new_mail(
        &mut self,
        user: i64,
        except: Option<KeyId>,
        id: i32,
        gid: Gid,
        chat: ChatRef,
        pts: i32,
    ) {
        let audience = Audience::Account { user, except };
        if !self.has_listeners(audience) {
            return;
        }
        if let Some(short) = self.short_message(user, id, gid, chat, pts) {
            let kind = "updateNewMessage";
            return self.push(audience, kind, short);
        }
        let message = self.message_tl(user, id, chat, gid);
        let update = types::UpdateNewMessage {
            message,
            pts,
            pts_count: 1,
        };
        let updates = self.with_cast(
            user,
            vec![update.into()],
            &self.cast_of(user, &[(gid, chat)]),
            Detail::Full,
        );
        self.push(audience, "updateNewMessage", updates);
    }

    /// Plain text between people who know each other comes without users.
    fn short_message(
        &self,
        user: i64,
        id: i32,
        gid: Gid,
        chat: ChatRef,
        pts: i32,
    ) -> Option<enums::Updates> {
        let body = self.body(gid)?;
        let known = &self.accounts.get(&user)?.known;
        let full = body.form.as_ref().is_some_and(|form| form.is_long());
        let plain =
            body.media.is_none() && body.action.is_none() && body.forwarded.is_none() && !full;
        if !plain || (body.from != user && !known.contains(&body.from)) {
            return None;
        }
        let reply_to = self.reply_header(user, body);
        let out = body.from == user;
        match chat {
            ChatRef::User(user_id) if known.contains(&user_id) => Some(
                types::UpdateShortMessage {
                    out,
                    mentioned: false,
                    media_unread: false,
                    silent: body.silent,
                    id,
                    user_id,
                    message: body.text.clone(),
                    pts,
                    pts_count: 1,
                    date: body.date,
                    fwd_from: None,
                    via_bot_id: None,
                    reply_to,
                    entities: body.entities(),
                    ttl_period: None,
                }
                .into(),
            ),
            ChatRef::Group(chat_id) => Some(
                types::UpdateShortChatMessage {
                    out,
                    mentioned: false,
                    media_unread: false,
                    silent: body.silent,
                    id,
                    from_id: body.from,
                    chat_id,
                    message: body.text.clone(),
                    pts,
                    pts_count: 1,
                    date: body.date,
                    fwd_from: None,
                    via_bot_id: None,
                    reply_to,
                    entities: body.entities(),
                    ttl_period: None,
                }
                .into(),
            ),
            _ => None,
        }
    }

    /// `updates` with the users and chats that they name.
    pub fn with_cast(
        &self,
        viewer: i64,
        updates: Vec<enums::Update>,
        cast: &Cast,
        detail: Detail,
    ) -> enums::Updates {
        let (users, chats) = self.cast(viewer, cast, detail);
        types::Updates {
            updates,
            users,
            chats,
            date: self.now(),
            seq: 0,
        }
        .into()
    }
}

/// Telegram's name of an update; only those that the world makes.
pub(super) fn kind_of(update: &enums::Update) -> PushKind {
    use enums::Update as U;
    match update {
        U::NewMessage(_) => "updateNewMessage",
        U::NewChannelMessage(_) => "updateNewChannelMessage",
        U::EditMessage(_) => "updateEditMessage",
        U::EditChannelMessage(_) => "updateEditChannelMessage",
        U::DeleteMessages(_) => "updateDeleteMessages",
        U::DeleteChannelMessages(_) => "updateDeleteChannelMessages",
        U::ReadHistoryInbox(_) => "updateReadHistoryInbox",
        U::ReadHistoryOutbox(_) => "updateReadHistoryOutbox",
        U::ReadChannelInbox(_) => "updateReadChannelInbox",
        U::ReadChannelOutbox(_) => "updateReadChannelOutbox",
        U::UserTyping(_) => "updateUserTyping",
        U::ChatUserTyping(_) => "updateChatUserTyping",
        U::ChannelUserTyping(_) => "updateChannelUserTyping",
        U::UserStatus(_) => "updateUserStatus",
        U::UserName(_) => "updateUserName",
        U::LoginToken => "updateLoginToken",
        U::NewAuthorization(_) => "updateNewAuthorization",
        U::PinnedMessages(_) => "updatePinnedMessages",
        U::PinnedChannelMessages(_) => "updatePinnedChannelMessages",
        U::DraftMessage(_) => "updateDraftMessage",
        U::NewScheduledMessage(_) => "updateNewScheduledMessage",
        U::DeleteScheduledMessages(_) => "updateDeleteScheduledMessages",
        U::ChannelTooLong(_) => "updateChannelTooLong",
        U::Channel(_) => "updateChannel",
        U::NewEncryptedMessage(_) => "updateNewEncryptedMessage",
        _ => "update",
    }
}
