//! People: whom a message names, by the names that came along with it.

use grammers_client::tl;

use super::chat_id;
use crate::domain::{ChatId, Named, Peer};

pub(super) struct People<'a> {
    pub self_id: i64,
    pub peers: &'a [Peer],
}

impl People<'_> {
    pub fn name(&self, id: ChatId) -> Option<&str> {
        let known = self
            .peers
            .iter()
            .find(|peer| peer.id == id && !peer.name.is_empty());
        known.map(|peer| peer.name.as_str())
    }

    pub fn named(&self, id: ChatId) -> Named {
        Named {
            id,
            name: self.name(id).map(str::to_owned),
        }
    }

    pub fn user(&self, id: i64) -> Named {
        self.named(ChatId::user(id))
    }

    pub fn peer(&self, peer: &tl::enums::Peer) -> Named {
        self.named(chat_id(peer, self.self_id))
    }
}
