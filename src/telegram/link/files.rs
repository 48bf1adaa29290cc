//! Files through a link: their parts, new references, and the photos of people and chats.

use std::sync::Arc;

use grammers_client::tl;
use tl::enums::messages::Messages;

use super::{Urgency, fetch, handle::LinkHandle, resolve::input_peer};
use crate::{
    domain::{ChatId, FileLocation, FilePlace, MessageFiles, MessageObject, PeerKind},
    telegram::{
        CallError, FileError, FilePart,
        convert::{self, chat_id},
        files,
    },
};

impl LinkHandle {
    /// A turn of the reading budget, for a file that nobody waits for.
    pub async fn turn(&self, urgency: Urgency) {
        self.shared.pace.turn(urgency).await;
    }

    /// A part of a file: `offset` is a multiple of [`PART_SIZE`](files::PART_SIZE). Fewer bytes than that come at the file's end only.
    ///
    /// # Errors
    /// See [`FileError`].
    pub async fn file_part(
        &self,
        location: &FileLocation,
        offset: u64,
    ) -> Result<FilePart, FileError> {
        let shared = &self.shared;
        let peer = match &location.place {
            FilePlace::PeerPhoto { chat, .. } => Some(input_peer(shared, *chat).await?),
            FilePlace::Document(_) | FilePlace::Photo(_) => None,
        };
        let place = files::location(&location.place, peer).ok_or(FileError::Gone)?;
        let stretch = (
            i64::try_from(offset).map_err(|_| FileError::Gone)?,
            i32::try_from(files::PART_SIZE).unwrap_or(i32::MAX),
        );
        let (shared, dc) = (Arc::clone(&self.shared), location.dc);
        let work = async move {
            let lines = &shared.files;
            let export = |dc_id| {
                let shared = Arc::clone(&shared);
                async move {
                    let request = tl::functions::auth::ExportAuthorization { dc_id };
                    let tl::enums::auth::ExportedAuthorization::Authorization(exported) =
                        shared.call(request).await?;
                    Ok(exported)
                }
            };
            files::get_part(lines, place, dc, stretch, export).await
        };
        let answer = self.aside(work).await;
        let answer = answer.unwrap_or_else(|_| Err(FileError::Network("the line was cut".into())));
        if let Err(FileError::SignedOut(exit)) = &answer {
            self.shared.end_with(exit.clone());
        }
        answer
    }

    /// The files of a message as Telegram has it now, with its object when one is kept of it. `None`: it is gone.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn message_files(
        &self,
        chat: ChatId,
        message_id: i32,
        urgency: Urgency,
    ) -> Result<Option<(MessageFiles, Option<MessageObject>)>, CallError> {
        let shared = Arc::clone(&self.shared);
        self.reading(urgency, async move {
            let channel = chat.channel_id().map(|_| chat);
            let answer = fetch::by_id(&shared, channel, &[message_id]).await?;
            let messages = match answer {
                Messages::Messages(answer) => answer.messages,
                Messages::Slice(answer) => answer.messages,
                Messages::ChannelMessages(answer) => answer.messages,
                Messages::NotModified(_) => Vec::new(),
            };
            let (self_id, account_id) = (shared.self_id, shared.account_id);
            let found = messages.into_iter().find(|message| {
                let (id, peer) = match message {
                    tl::enums::Message::Message(m) => (m.id, &m.peer_id),
                    tl::enums::Message::Service(m) => (m.id, &m.peer_id),
                    tl::enums::Message::Empty(_) => return false,
                };
                id == message_id && chat_id(peer, self_id) == chat
            });
            Ok(found.map(|message| {
                let files = convert::files_of_message(&message);
                (files, convert::object_of(account_id, message, self_id))
            }))
        })
        .await
    }

    /// Where the photo of a person or a chat lies now. `None`: there is none.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn chat_photo(
        &self,
        chat: ChatId,
        urgency: Urgency,
    ) -> Result<Option<FileLocation>, CallError> {
        let shared = Arc::clone(&self.shared);
        self.reading(urgency, async move {
            let peer = input_peer(&shared, chat).await?;
            let found = match (chat.kind(), peer) {
                (PeerKind::Group(id), _) => {
                    let request = tl::functions::messages::GetChats { id: vec![id] };
                    photo_of_chat(shared.call(request).await?)
                }
                (PeerKind::Channel(_), tl::enums::InputPeer::Channel(peer)) => {
                    let channel = tl::types::InputChannel {
                        channel_id: peer.channel_id,
                        access_hash: peer.access_hash,
                    };
                    let id = vec![channel.into()];
                    photo_of_chat(
                        shared
                            .call(tl::functions::channels::GetChannels { id })
                            .await?,
                    )
                }
                (PeerKind::User(user_id), peer) => {
                    let user = match peer {
                        tl::enums::InputPeer::User(peer) => tl::types::InputUser {
                            user_id,
                            access_hash: peer.access_hash,
                        }
                        .into(),
                        _ => tl::enums::InputUser::UserSelf,
                    };
                    let request = tl::functions::users::GetUsers { id: vec![user] };
                    photo_of_user(&shared.call(request).await?)
                }
                _ => None,
            };
            Ok(found.map(|(photo_id, dc)| FileLocation {
                dc,
                place: FilePlace::PeerPhoto { chat, photo_id },
                size: None,
                mime: Some("image/jpeg".to_owned()),
                name: None,
            }))
        })
        .await
    }
}

fn photo_of_chat(chats: tl::enums::messages::Chats) -> Option<(i64, i32)> {
    use tl::enums::messages::Chats;
    let chats = match chats {
        Chats::Chats(chats) => chats.chats,
        Chats::Slice(chats) => chats.chats,
    };
    let photo = match chats.into_iter().next()? {
        tl::enums::Chat::Chat(chat) => chat.photo,
        tl::enums::Chat::Channel(channel) => channel.photo,
        _ => return None,
    };
    match photo {
        tl::enums::ChatPhoto::Photo(photo) => Some((photo.photo_id, photo.dc_id)),
        tl::enums::ChatPhoto::Empty => None,
    }
}

fn photo_of_user(users: &[tl::enums::User]) -> Option<(i64, i32)> {
    let tl::enums::User::User(user) = users.first()? else {
        return None;
    };
    match user.photo.as_ref()? {
        tl::enums::UserProfilePhoto::Photo(photo) => Some((photo.photo_id, photo.dc_id)),
        tl::enums::UserProfilePhoto::Empty => None,
    }
}
