//! Moved: the supergroup that a basic group has become.

use std::sync::Arc;

use grammers_client::tl;

use super::{
    LinkHandle, Urgency,
    resolve::{chats, pick},
    shared::Shared,
};
use crate::{
    domain::{ChatId, Peer, PeerKind},
    telegram::CallError,
};

impl LinkHandle {
    /// The supergroup that a group has become, as Telegram names it. `None`: it says nothing of one.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn moved_to(&self, chat: ChatId) -> Result<Option<Peer>, CallError> {
        let shared = Arc::clone(&self.shared);
        let work = async move { moved_to(&shared, chat).await };
        self.reading(Urgency::Person, work).await
    }
}

async fn moved_to(shared: &Shared, chat: ChatId) -> Result<Option<Peer>, CallError> {
    let PeerKind::Group(id) = chat.kind() else {
        return Ok(None);
    };
    let request = tl::functions::messages::GetChats { id: vec![id] };
    let groups = chats(shared.call(request).await?);
    let to = groups.into_iter().find_map(|group| match group {
        tl::enums::Chat::Chat(group) if group.id == id => group.migrated_to,
        _ => None,
    });
    let Some(tl::enums::InputChannel::Channel(to)) = to else {
        return Ok(None);
    };
    let supergroup = ChatId::channel(to.channel_id);
    let request = tl::functions::channels::GetChannels {
        id: vec![to.into()],
    };
    let found = chats(shared.call(request).await?);
    pick(shared, supergroup, Vec::new(), found).map(Some)
}
