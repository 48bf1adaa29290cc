//! Chats: groups, supergroups, forums and channels, made and led by people.

use super::Simulator;
use crate::world::{ChatRef, Refusal, bad};

impl Simulator {
    /// A basic group of the first member and the others; answers its marked id.
    pub fn add_group(&self, title: &str, members: &[i64]) -> i64 {
        let Some((creator, others)) = members.split_first() else {
            return 0;
        };
        ChatRef::Group(self.with(|world| world.add_group(title, *creator, others))).marked()
    }

    /// A basic group becomes a supergroup; answers its marked id.
    ///
    /// # Errors
    /// When it is no group, or became one before.
    pub fn migrate_group(&self, group: i64) -> Result<i64, Refusal> {
        let ChatRef::Group(id) = ChatRef::from(group) else {
            return Err(bad("CHAT_ID_INVALID"));
        };
        let channel = self.with(|world| world.migrate_group(id))?;
        Ok(ChatRef::Channel(channel).marked())
    }

    /// Slow mode: who did not make the supergroup writes once in so many seconds; 0: off.
    ///
    /// # Errors
    /// When it is no supergroup.
    pub fn set_slow_mode(&self, supergroup: i64, seconds: i32) -> Result<(), Refusal> {
        let id = channel_of(supergroup)?;
        self.with(|world| match world.channels.get_mut(&id) {
            Some(channel) => {
                channel.slow = seconds;
                Ok(())
            }
            None => Err(bad("CHANNEL_INVALID")),
        })
    }

    /// A supergroup that the first member made; answers its marked id.
    pub fn add_supergroup(&self, title: &str, members: &[i64]) -> i64 {
        self.add_big(title, None, false, members)
    }

    /// A broadcast channel that the first member made and posts in; answers its marked id.
    pub fn add_channel(&self, title: &str, members: &[i64]) -> i64 {
        self.add_big(title, None, true, members)
    }

    /// A supergroup or channel with a public name.
    pub fn add_public(&self, title: &str, username: &str, broadcast: bool, members: &[i64]) -> i64 {
        self.add_big(title, Some(username), broadcast, members)
    }

    /// A supergroup with topics that the first member made; answers its marked id.
    pub fn add_forum(&self, title: &str, members: &[i64]) -> i64 {
        let marked = self.add_big(title, None, false, members);
        if let ChatRef::Channel(id) = ChatRef::from(marked) {
            self.with(|world| world.make_forum(id));
        }
        marked
    }

    /// A topic of a forum; answers its number.
    ///
    /// # Errors
    /// When the chat is no forum.
    pub fn add_topic(&self, forum: i64, by: i64, title: &str) -> Result<i32, Refusal> {
        let id = channel_of(forum)?;
        self.with(|world| world.add_topic(id, by, title))
    }

    /// Nobody but the forum's creator writes in it any more.
    ///
    /// # Errors
    /// When there is no such topic.
    pub fn close_topic(&self, forum: i64, topic: i32) -> Result<(), Refusal> {
        let id = channel_of(forum)?;
        self.with(|world| world.close_topic(id, topic))
    }

    /// A topic that nothing tells of any more: its first messages are gone.
    ///
    /// # Errors
    /// When it is no forum.
    pub fn add_old_topic(&self, forum: i64, number: i32, title: &str) -> Result<(), Refusal> {
        let id = channel_of(forum)?;
        self.with(|world| world.add_old_topic(id, number, title))
    }

    /// Opens a broadcast channel's direct messages (a monoforum), as its creator sees them; answers the marked id.
    ///
    /// # Errors
    /// When the chat is no broadcast channel.
    pub fn add_monoforum(&self, channel: i64) -> Result<i64, Refusal> {
        let id = channel_of(channel)?;
        self.with(|world| world.add_monoforum(id))
            .map(|id| ChatRef::Channel(id).marked())
    }

    fn add_big(
        &self,
        title: &str,
        username: Option<&str>,
        broadcast: bool,
        members: &[i64],
    ) -> i64 {
        let Some((creator, others)) = members.split_first() else {
            return 0;
        };
        let id = self.with(|world| world.add_channel(title, username, broadcast, *creator, others));
        ChatRef::Channel(id).marked()
    }

    /// A link into a chat; answers its hash. `on_request`: the chat's admins decide who comes in.
    pub fn add_invite(&self, chat: impl Into<ChatRef>, on_request: bool) -> String {
        let chat = chat.into();
        self.with(|world| world.add_invite(chat, on_request))
    }
}

pub(super) fn channel_of(marked: i64) -> Result<i64, Refusal> {
    match ChatRef::from(marked) {
        ChatRef::Channel(id) => Ok(id),
        ChatRef::User(_) | ChatRef::Group(_) => Err(bad("CHANNEL_INVALID")),
    }
}
