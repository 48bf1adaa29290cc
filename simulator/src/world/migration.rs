//! Migration: a basic group becomes a supergroup (core.telegram.org/api/channel#migration). The group stays, says where it went,
//! and takes nothing any more.

use grammers_tl_types::types;

use super::{
    Refusal, World, bad,
    chats::Channel,
    ids::ChatRef,
    message::{Action, Draft},
};

impl World {
    /// Answers the supergroup, which every member is in.
    ///
    /// # Errors
    /// When there is no such group, or it became one before.
    pub fn migrate_group(&mut self, id: i64) -> Result<i64, Refusal> {
        let group = self.groups.get_mut(&id);
        let group = group.filter(|group| group.migrated_to.is_none());
        let group = group.ok_or_else(|| bad("CHAT_ID_INVALID"))?;
        let channel_id = self.next_channel;
        self.next_channel += 1;
        group.migrated_to = Some(channel_id);
        group.version += 1;
        let (title, creator) = (group.title.clone(), group.creator);
        let members = group.members.clone();
        let channel = Channel::new(channel_id, title.clone(), None, false, creator, self.now());
        self.channels.insert(channel_id, channel);
        for member in members {
            self.enter_channel(channel_id, member);
        }
        let to = types::MessageActionChatMigrateTo { channel_id }.into();
        let from = types::MessageActionChannelMigrateFrom { title, chat_id: id }.into();
        for (chat, action) in [
            (ChatRef::Group(id), to),
            (ChatRef::Channel(channel_id), from),
        ] {
            let draft = Draft {
                action: Some(Action::Told(Box::new(action))),
                ..Draft::default()
            };
            self.post(creator, chat, draft, None);
        }
        Ok(channel_id)
    }
}
