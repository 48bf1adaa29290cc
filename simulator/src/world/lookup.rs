//! Lookup: what clients point at, checked as Telegram checks it.

use grammers_tl_types::enums;

use super::{
    Refusal, Standing, World, bad,
    chats::Channel,
    forbidden,
    ids::{ChatRef, access_hash},
};

impl World {
    /// The chat behind an input peer, if `viewer` may use it.
    pub fn resolve_peer(&self, viewer: i64, peer: &enums::InputPeer) -> Result<ChatRef, Refusal> {
        use enums::InputPeer as P;
        match peer {
            P::Empty => Err(bad("PEER_ID_INVALID")),
            P::PeerSelf => Ok(ChatRef::User(viewer)),
            P::Chat(chat) => self.check_group(viewer, chat.chat_id),
            P::User(user) => self.check_user(viewer, user.user_id, user.access_hash),
            P::Channel(channel) => {
                self.check_channel(viewer, channel.channel_id, channel.access_hash)?;
                Ok(ChatRef::Channel(channel.channel_id))
            }
            P::UserFromMessage(from) => {
                let chat = self.resolve_peer(viewer, &from.peer)?;
                self.check_sender(viewer, chat, from.msg_id, from.user_id)
            }
            P::ChannelFromMessage(from) => {
                self.resolve_peer(viewer, &from.peer)?;
                self.channel_for(viewer, from.channel_id)?;
                Ok(ChatRef::Channel(from.channel_id))
            }
        }
    }

    pub fn resolve_user(&self, viewer: i64, user: &enums::InputUser) -> Result<i64, Refusal> {
        use enums::InputUser as U;
        let chat = match user {
            U::Empty => return Err(bad("USER_ID_INVALID")),
            U::UserSelf => return Ok(viewer),
            U::User(user) => self.check_user(viewer, user.user_id, user.access_hash),
            U::FromMessage(from) => {
                let chat = self.resolve_peer(viewer, &from.peer)?;
                self.check_sender(viewer, chat, from.msg_id, from.user_id)
            }
        };
        match chat {
            Ok(ChatRef::User(id)) => Ok(id),
            _ => Err(bad("USER_ID_INVALID")),
        }
    }

    pub fn resolve_channel(
        &self,
        viewer: i64,
        channel: &enums::InputChannel,
    ) -> Result<&Channel, Refusal> {
        use enums::InputChannel as C;
        match channel {
            C::Empty => Err(bad("CHANNEL_INVALID")),
            C::Channel(channel) => {
                self.check_channel(viewer, channel.channel_id, channel.access_hash)
            }
            C::FromMessage(from) => {
                self.resolve_peer(viewer, &from.peer)?;
                self.channel_for(viewer, from.channel_id)
            }
        }
    }

    fn check_user(&self, viewer: i64, id: i64, hash: i64) -> Result<ChatRef, Refusal> {
        let chat = ChatRef::User(id);
        let known = self.users.contains_key(&id);
        let right = id == viewer || hash == access_hash(self.seed, viewer, chat);
        if known && right {
            Ok(chat)
        } else {
            Err(bad("PEER_ID_INVALID"))
        }
    }

    fn check_group(&self, viewer: i64, id: i64) -> Result<ChatRef, Refusal> {
        match self.groups.get(&id) {
            Some(group) if group.members.contains(&viewer) => Ok(ChatRef::Group(id)),
            Some(_) => Err(bad("CHAT_FORBIDDEN")),
            None => Err(bad("CHAT_ID_INVALID")),
        }
    }

    fn check_channel(&self, viewer: i64, id: i64, hash: i64) -> Result<&Channel, Refusal> {
        if hash != access_hash(self.seed, viewer, ChatRef::Channel(id)) {
            return Err(bad("CHANNEL_INVALID"));
        }
        self.channel_for(viewer, id)
    }

    pub fn is_frozen(&self, user: i64) -> bool {
        self.accounts
            .get(&user)
            .is_some_and(|account| account.standing == Standing::Frozen)
    }

    /// A channel that `viewer` may look into: public, or one it is a member of.
    pub fn channel_for(&self, viewer: i64, id: i64) -> Result<&Channel, Refusal> {
        let Some(channel) = self.channels.get(&id) else {
            return Err(bad("CHANNEL_INVALID"));
        };
        if channel.banned.contains(&viewer) {
            return Err(forbidden("CHANNEL_PRIVATE"));
        }
        let member = channel.members.contains(&viewer);
        if !member && self.is_frozen(viewer) {
            return Err(bad("FROZEN_PARTICIPANT_MISSING"));
        }
        if !member && channel.username.is_none() {
            return Err(bad("CHANNEL_PRIVATE"));
        }
        Ok(channel)
    }

    /// A user known only from a message it wrote, as min users are.
    fn check_sender(
        &self,
        viewer: i64,
        chat: ChatRef,
        id: i32,
        user: i64,
    ) -> Result<ChatRef, Refusal> {
        let gid = self
            .find(viewer, chat, id)
            .ok_or_else(|| bad("MSG_ID_INVALID"))?;
        let cast = self.cast_of(viewer, &[(gid, chat)]);
        if cast.users.contains(&user) {
            Ok(ChatRef::User(user))
        } else {
            Err(bad("USER_ID_INVALID"))
        }
    }
}
