//! A peer in the writer's memory.

use std::sync::Arc;

use crate::domain::{Peer, Sender};

/// A peer as the writer remembers it.
#[derive(Clone, Debug)]
pub(in crate::store) struct KnownPeer {
    pub peer: Peer,
    /// As its messages show it; `None`: it has no name.
    pub sender: Option<Arc<Sender>>,
}

impl KnownPeer {
    pub fn of(peer: Peer) -> Self {
        let sender = (!peer.name.is_empty()).then(|| {
            Arc::new(Sender {
                id: peer.id,
                name: peer.name.clone(),
                username: peer.username.clone(),
            })
        });
        Self { peer, sender }
    }
}
