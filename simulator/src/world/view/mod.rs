//! View: the world as one account sees it, in Telegram's types.

use std::collections::BTreeSet;

use grammers_tl_types::{enums, types};

use super::{
    TELEGRAM, World,
    ids::{ChatRef, access_hash, min_hash, mix},
    message::{Action, Body, Gid, Media},
};

mod blank;
mod blank_full;
mod form;
mod media;
mod reactions;

pub use blank::blank_notify;
pub use blank_full::{blank_channel_full, blank_user_full};
pub use media::{chat_photo, profile_photo};
use reactions::reactions_tl;

/// Users and chats that have to come along with an answer.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    pub users: BTreeSet<i64>,
    pub groups: BTreeSet<i64>,
    pub channels: BTreeSet<i64>,
}

impl Cast {
    pub fn add(&mut self, chat: ChatRef) {
        match chat {
            ChatRef::User(id) => self.users.insert(id),
            ChatRef::Group(id) => self.groups.insert(id),
            ChatRef::Channel(id) => self.channels.insert(id),
        };
    }
}

/// How much is told of users that the viewer does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    Full,
    /// Strangers come as min users, as in the updates of supergroups.
    Min,
}

impl World {
    /// Everybody that these messages name, as `viewer` sees them.
    pub fn cast_of(&self, viewer: i64, messages: &[(Gid, ChatRef)]) -> Cast {
        let mut cast = Cast::default();
        for (gid, chat) in messages {
            cast.add(*chat);
            let Some(body) = self.body(*gid) else {
                continue;
            };
            let hidden = matches!(chat, ChatRef::Channel(id) if self.channels.get(id).is_some_and(|c| c.broadcast));
            if !hidden {
                cast.users.insert(body.from);
            }
            if body.spot.thread != 0 {
                cast.users.insert(body.spot.thread);
            }
            match body.action.as_deref() {
                Some(Action::Created { users, .. } | Action::Joined { users }) => {
                    cast.users.extend(users)
                }
                Some(Action::Left { user } | Action::JoinedByLink { inviter: user }) => {
                    cast.users.insert(*user);
                }
                _ => {}
            }
            if let Some(forward) = body.forwarded.as_deref() {
                match forward.channel {
                    Some((channel, _)) => cast.channels.insert(channel),
                    None => cast.users.insert(forward.from),
                };
            }
            if let Some(Media::Contact { user_id, .. }) = body.media.as_deref() {
                cast.users.insert(*user_id);
            }
        }
        cast.users.insert(viewer);
        cast
    }

    pub fn cast(
        &self,
        viewer: i64,
        cast: &Cast,
        detail: Detail,
    ) -> (Vec<enums::User>, Vec<enums::Chat>) {
        let users = cast
            .users
            .iter()
            .filter(|id| self.users.contains_key(id))
            .map(|id| self.user_tl(viewer, *id, detail));
        let groups = cast.groups.iter().map(|id| self.group_tl(viewer, *id));
        let channels = cast.channels.iter().map(|id| self.channel_tl(viewer, *id));
        (users.collect(), groups.chain(channels).collect())
    }

    pub fn user_tl(&self, viewer: i64, id: i64, detail: Detail) -> enums::User {
        let Some(user) = self.users.get(&id) else {
            return types::UserEmpty { id }.into();
        };
        let mut out = blank::user(id);
        let account = self.accounts.get(&viewer);
        let contact = account.is_some_and(|account| account.contacts.contains(&id));
        let known =
            id == viewer || contact || account.is_some_and(|account| account.known.contains(&id));
        let chat = ChatRef::User(id);
        out.min = detail == Detail::Min && !known;
        out.is_self = id == viewer;
        out.access_hash = Some(if out.min {
            min_hash(self.seed, viewer, chat)
        } else {
            access_hash(self.seed, viewer, chat)
        });
        out.bot = user.bot;
        out.premium = user.premium;
        (out.verified, out.support) = (id == TELEGRAM, id == TELEGRAM);
        out.bot_info_version = user.bot.then_some(1);
        out.username.clone_from(&user.username);
        if user.deleted {
            out.deleted = true;
            return out.into();
        }
        out.first_name = Some(user.first_name.clone());
        out.last_name = Some(user.last_name.clone()).filter(|name| !name.is_empty());
        out.photo = profile_photo(&self.files, user.photo);
        if out.min {
            return out.into();
        }
        out.contact = contact;
        out.mutual_contact = contact
            && self
                .accounts
                .get(&id)
                .is_some_and(|account| account.contacts.contains(&viewer));
        out.phone = user.phone.clone().filter(|_| contact || id == viewer);
        out.status = (!user.bot).then(|| self.status_of(id));
        out.into()
    }

    pub fn status_of(&self, id: i64) -> enums::UserStatus {
        let until = self.users.get(&id).map_or(0, |user| user.online_until);
        if until > self.now() {
            types::UserStatusOnline { expires: until }.into()
        } else if until > 0 {
            types::UserStatusOffline { was_online: until }.into()
        } else {
            types::UserStatusRecently { by_me: false }.into()
        }
    }

    pub fn group_tl(&self, viewer: i64, id: i64) -> enums::Chat {
        let Some(group) = self.groups.get(&id) else {
            return types::ChatEmpty { id }.into();
        };
        if !group.members.contains(&viewer) {
            return types::ChatForbidden {
                id,
                title: group.title.clone(),
            }
            .into();
        }
        let migrated_to = group.migrated_to.map(|channel_id| {
            let access_hash = access_hash(self.seed, viewer, ChatRef::Channel(channel_id));
            types::InputChannel {
                channel_id,
                access_hash,
            }
            .into()
        });
        types::Chat {
            creator: group.creator == viewer,
            left: false,
            deactivated: migrated_to.is_some(),
            call_active: false,
            call_not_empty: false,
            noforwards: false,
            id,
            title: group.title.clone(),
            photo: chat_photo(&self.files, group.photo),
            participants_count: group.members.len() as i32,
            date: group.date,
            version: group.version,
            migrated_to,
            admin_rights: None,
            default_banned_rights: None,
        }
        .into()
    }

    pub fn channel_tl(&self, viewer: i64, id: i64) -> enums::Chat {
        let Some(channel) = self.channels.get(&id) else {
            return types::ChatEmpty { id }.into();
        };
        let hash = access_hash(self.seed, viewer, ChatRef::Channel(id));
        if channel.banned.contains(&viewer) {
            return types::ChannelForbidden {
                broadcast: channel.broadcast,
                megagroup: !channel.broadcast,
                monoforum: false,
                id,
                access_hash: hash,
                title: channel.title.clone(),
                until_date: None,
            }
            .into();
        }
        // "Date when the user joined the supergroup/channel, or if the user isn't a member, its creation date."
        let joined = channel.joined.get(&viewer);
        let joined = joined.filter(|_| channel.members.contains(&viewer));
        let date = joined.copied().unwrap_or(channel.date);
        let mut out = blank::channel(id, &channel.title, date);
        out.creator = channel.creator == viewer;
        out.admin_rights = (channel.creator == viewer).then(blank::all_rights);
        out.left = !channel.members.contains(&viewer);
        out.broadcast = channel.broadcast;
        out.megagroup = !channel.broadcast;
        out.slowmode_enabled = channel.slow > 0;
        out.forum = channel.is_forum();
        out.monoforum = channel.monoforum_of().is_some();
        out.linked_monoforum_id = channel.monoforum_of();
        out.access_hash = Some(hash);
        out.username.clone_from(&channel.username);
        out.participants_count = Some(channel.members.len() as i32);
        out.photo = chat_photo(&self.files, channel.photo);
        out.into()
    }

    /// A message under the id and in the chat that `viewer` has it.
    pub fn message_tl(&self, viewer: i64, id: i32, chat: ChatRef, gid: Gid) -> enums::Message {
        let Some(body) = self.body(gid).filter(|body| !body.deleted) else {
            return types::MessageEmpty {
                id,
                peer_id: Some(chat.peer()),
            }
            .into();
        };
        self.body_tl(viewer, id, chat, (gid, body))
    }

    pub(super) fn body_tl(
        &self,
        viewer: i64,
        id: i32,
        chat: ChatRef,
        (gid, body): (Gid, &Body),
    ) -> enums::Message {
        let post = matches!(chat, ChatRef::Channel(id) if self.channels.get(&id).is_some_and(|c| c.broadcast));
        let out = body.from == viewer && !post;
        let private_incoming = matches!(chat, ChatRef::User(_)) && !out;
        let from_id = (!post && !private_incoming).then(|| ChatRef::User(body.from).peer());
        let reply_to = self.reply_header(viewer, body);
        let thread = (body.spot.thread != 0).then(|| ChatRef::User(body.spot.thread).peer());
        if let Some(action) = body.action.as_deref() {
            let mut service = blank::service(id, chat.peer(), body.date, self.action_tl(action));
            (service.out, service.post, service.from_id, service.reply_to) =
                (out, post, from_id, reply_to);
            service.saved_peer_id = thread;
            return service.into();
        }
        let mut message = blank::message(id, chat.peer(), body.date, body.text.clone());
        message.out = out;
        message.post = post;
        message.views = post.then_some(1);
        message.forwards = post.then_some(0);
        message.from_id = from_id;
        message.saved_peer_id = thread;
        message.silent = body.silent;
        message.pinned = body.pinned;
        message.reply_to = reply_to;
        message.fwd_from = body
            .forwarded
            .as_deref()
            .map(|forward| blank::forward_header(forward).into());
        message.media = body
            .media
            .as_deref()
            .map(|media| self.media_tl(viewer, gid, body, media));
        message.entities = body.entities();
        if let Some(form) = &body.form {
            self.dress(viewer, gid, body, form, &mut message);
        }
        message.edit_date = (body.edit_date != 0).then_some(body.edit_date);
        message.reactions = reactions_tl(viewer, body);
        message.into()
    }

    pub(super) fn reply_header(
        &self,
        viewer: i64,
        body: &Body,
    ) -> Option<enums::MessageReplyHeader> {
        let answers = body.reply_to.and_then(|gid| self.id_for(viewer, gid));
        let mut header = blank::reply_header();
        // In a topic a plain message "answers" the first one; an answer names that one apart.
        let begins = matches!(body.action.as_deref(), Some(Action::TopicCreated { .. }));
        if body.spot.topic != 0 && !begins {
            header.forum_topic = true;
            header.reply_to_msg_id = answers.or(Some(body.spot.topic));
            header.reply_to_top_id = answers.map(|_| body.spot.topic);
            return Some(header.into());
        }
        header.reply_to_msg_id = Some(answers?);
        header.quote_text = body.form.as_ref().and_then(|form| form.quote.clone());
        header.quote = header.quote_text.is_some();
        Some(header.into())
    }

    fn action_tl(&self, action: &Action) -> enums::MessageAction {
        match action.clone() {
            Action::Created { title, users } => {
                types::MessageActionChatCreate { title, users }.into()
            }
            Action::ChannelCreated { title } => types::MessageActionChannelCreate { title }.into(),
            Action::Joined { users } => types::MessageActionChatAddUser { users }.into(),
            Action::JoinedByLink { inviter } => types::MessageActionChatJoinedByLink {
                inviter_id: inviter,
            }
            .into(),
            Action::Left { user } => types::MessageActionChatDeleteUser { user_id: user }.into(),
            Action::TitleChanged { title } => types::MessageActionChatEditTitle { title }.into(),
            Action::TopicCreated { title } => types::MessageActionTopicCreate {
                title_missing: false,
                title,
                icon_color: 0x6F_B9F0,
                icon_emoji_id: None,
            }
            .into(),
            Action::Pinned => enums::MessageAction::PinMessage,
            Action::ContactSignedUp => enums::MessageAction::ContactSignUp,
            Action::Told(action) => *action,
        }
    }
}

/// A paragraph for each line.
fn rich_tl(text: &str) -> enums::RichMessage {
    let paragraph = |line: &str| {
        let text = types::TextPlain {
            text: line.to_owned(),
        }
        .into();
        types::PageBlockParagraph { text }.into()
    };
    types::RichMessage {
        rtl: false,
        part: false,
        blocks: text.lines().map(paragraph).collect(),
        photos: Vec::new(),
        documents: Vec::new(),
    }
    .into()
}

/// Id of the file behind a message: the same for every viewer.
pub fn file_id(seed: u64, gid: Gid) -> i64 {
    (mix(seed ^ (u64::from(gid) << 20)) >> 1) as i64
}

pub fn draft_tl(message: String, date: i32) -> enums::DraftMessage {
    if message.is_empty() {
        return types::DraftMessageEmpty { date: Some(date) }.into();
    }
    types::DraftMessage {
        no_webpage: false,
        invert_media: false,
        reply_to: None,
        message,
        entities: None,
        media: None,
        date,
        effect: None,
        suggested_post: None,
        rich_message: None,
    }
    .into()
}

/// What the creator of a channel may do.
pub fn creator_rights() -> enums::ChatAdminRights {
    blank::all_rights()
}
