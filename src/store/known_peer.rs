//! A peer in the writer's memory.

use crate::domain::Peer;

/// A peer as the writer remembers it; `None` inside: looked for and not there.
#[derive(Clone, Debug)]
pub(in crate::store) struct KnownPeer {
    pub peer: Peer,
}
