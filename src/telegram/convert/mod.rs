//! From Telegram's types to ours: pure functions that take things apart without keeping copies.

mod action;
mod buttons;

mod codes;
mod dialog;
mod document;
mod entities;
mod extra;
mod file;
mod media;
mod message;
mod object;
mod peer;
mod people;
mod place;
mod poll;
mod reactions;
mod reading;
mod rich;
mod service;
mod update;

use grammers_client::tl;

use crate::domain::{AccountId, Batch, ChatId, MessageObject, Timestamp, clean};
use people::People;

pub(super) use dialog::{record as dialog_record, topic as forum_topic};
pub(super) use document::packed;
pub(super) use file::{of_message as files_of_message, of_object as files_of_object};
pub(super) use peer::user as user_peer;
pub(crate) use reading::read as read_object;

/// Fills a batch. `self_id` stands in where Telegram (or the layer below) says user 0.
pub(super) struct Converter<'a> {
    self_id: i64,
    batch: &'a mut Batch,
    /// Chats this account is out of, as far as the answer at hand says.
    gone: Vec<ChatId>,
}

impl<'a> Converter<'a> {
    pub(super) const fn new(self_id: i64, batch: &'a mut Batch) -> Self {
        Self {
            self_id,
            batch,
            gone: Vec::new(),
        }
    }

    /// People and chats first: what follows may mention them.
    pub(super) fn peers(&mut self, users: Vec<tl::enums::User>, chats: Vec<tl::enums::Chat>) {
        self.batch
            .peers
            .extend(users.into_iter().filter_map(peer::user));
        self.gone.extend(chats.iter().filter_map(peer::gone));
        self.batch
            .joined
            .extend(chats.iter().filter_map(peer::joined));
        self.batch
            .peers
            .extend(chats.into_iter().filter_map(peer::chat));
    }

    fn people(&self) -> People<'_> {
        People {
            self_id: self.self_id,
            peers: &self.batch.peers,
        }
    }

    fn chat(&self, peer: &tl::enums::Peer) -> ChatId {
        chat_id(peer, self.self_id)
    }
}

/// The object that is kept of a message.
pub(super) fn object_of(
    account_id: AccountId,
    message: tl::enums::Message,
    self_id: i64,
) -> Option<MessageObject> {
    let mut batch = Batch::empty(account_id);
    Converter::new(self_id, &mut batch).message(message)?.object
}

/// The marked id of a peer. User 0 is how an echo of a message to oneself names its chat.
pub(super) const fn chat_id(peer: &tl::enums::Peer, self_id: i64) -> ChatId {
    match peer {
        tl::enums::Peer::User(peer) if peer.user_id == 0 => ChatId::user(self_id),
        tl::enums::Peer::User(peer) => ChatId::user(peer.user_id),
        tl::enums::Peer::Chat(peer) => ChatId::group(peer.chat_id),
        tl::enums::Peer::Channel(peer) => ChatId::channel(peer.channel_id),
    }
}

fn date(seconds: i32) -> Timestamp {
    Timestamp::from_seconds(i64::from(seconds))
}

/// Empty words count as none.
fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
