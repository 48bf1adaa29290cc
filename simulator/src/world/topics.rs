//! Topics: how a channel's messages are sorted, and where one stands.

use std::collections::BTreeMap;

/// Number of the topic that every forum has; its messages name none.
pub const GENERAL: i32 = 1;

/// Where in its chat a message stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// Of a forum, by the number of its first message; 0: General, and no forum.
    pub topic: i32,
    /// Of a monoforum: whose thread. 0 elsewhere.
    pub thread: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    pub title: String,
    pub closed: bool,
}

/// How a channel's messages are sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Order {
    #[default]
    Plain,
    /// All topics but General.
    Forum(BTreeMap<i32, Topic>),
    /// The direct messages of this channel.
    Monoforum(i64),
}
