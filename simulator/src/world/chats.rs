//! Chats of more than two: basic groups, supergroups and broadcast channels.

use std::collections::{BTreeMap, BTreeSet};

use super::{message::Gid, topics::Order};

/// A basic group: its messages live in its members' mailboxes.
#[derive(Clone, Debug)]
pub struct Group {
    pub id: i64,
    pub title: String,
    pub creator: i64,
    pub members: BTreeSet<i64>,
    pub date: i32,
    pub version: i32,
    /// 0: none.
    pub photo: i64,
    /// The supergroup that it became: nobody writes here any more.
    pub migrated_to: Option<i64>,
}

/// A supergroup or a broadcast channel: it has its own messages, ids and pts.
#[derive(Clone, Debug)]
pub struct Channel {
    pub id: i64,
    pub title: String,
    pub username: Option<String>,
    pub broadcast: bool,
    pub order: Order,
    pub creator: i64,
    pub members: BTreeSet<i64>,
    /// When accounts became members.
    pub joined: BTreeMap<i64, i32>,
    pub banned: BTreeSet<i64>,
    pub date: i32,
    pub pts: i32,
    /// Message id - 1 → the message.
    messages: Vec<Gid>,
    log: Vec<(i32, ChannelEvent)>,
    /// When something last happened: what getDifference tells of.
    pub changed_at: i32,
    /// Last id that anybody read: what a sender sees as read.
    pub read_outbox: i32,
    /// 0: none.
    pub photo: i64,
    /// Its messages stay here.
    pub protected: bool,
    /// The reactions that are taken here; `None`: all.
    pub reactions: Option<Vec<String>>,
    /// Who cleared the history for themselves, and up to which message.
    pub hidden: BTreeMap<i64, i32>,
    /// Slow mode: seconds between two messages of one member; 0: off.
    pub slow: i32,
    /// When members wrote last, while it is on.
    pub spoke: BTreeMap<i64, i32>,
}

/// What happened in a channel, in the order of its pts.
#[derive(Clone, Debug, PartialEq)]
pub enum ChannelEvent {
    New(i32),
    Edit(i32),
    Delete(Vec<i32>),
    Pin { id: i32, pinned: bool },
}

impl ChannelEvent {
    pub fn weight(&self) -> i32 {
        match self {
            Self::Delete(ids) => ids.len() as i32,
            _ => 1,
        }
    }
}

impl Channel {
    pub fn new(
        id: i64,
        title: String,
        username: Option<String>,
        broadcast: bool,
        creator: i64,
        date: i32,
    ) -> Self {
        Self {
            id,
            title,
            username,
            broadcast,
            order: Order::default(),
            creator,
            members: BTreeSet::from([creator]),
            joined: BTreeMap::new(),
            banned: BTreeSet::new(),
            date,
            pts: 1,
            messages: Vec::new(),
            log: Vec::new(),
            changed_at: date,
            read_outbox: 0,
            photo: 0,
            protected: false,
            reactions: None,
            hidden: BTreeMap::new(),
            slow: 0,
            spoke: BTreeMap::new(),
        }
    }

    pub fn put(&mut self, gid: Gid) -> i32 {
        self.messages.push(gid);
        self.messages.len() as i32
    }

    pub fn record(&mut self, event: ChannelEvent, now: i32) -> i32 {
        self.pts += event.weight();
        self.changed_at = now;
        self.log.push((self.pts, event));
        self.pts
    }

    pub fn gid(&self, id: i32) -> Option<Gid> {
        self.messages
            .get(usize::try_from(id).ok()?.checked_sub(1)?)
            .copied()
    }

    pub fn top_id(&self) -> i32 {
        self.messages.len() as i32
    }

    /// Every message it ever had, with its id.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = (i32, Gid)> + ExactSizeIterator + '_ {
        self.messages
            .iter()
            .enumerate()
            .map(|(index, gid)| (index as i32 + 1, *gid))
    }

    pub fn since(&self, pts: i32, limit: usize) -> (&[(i32, ChannelEvent)], bool) {
        let start = self.log.partition_point(|(at, _)| *at <= pts);
        let rest = self.log.get(start..).unwrap_or(&[]);
        let end = rest.len().min(limit);
        (rest.get(..end).unwrap_or(&[]), end < rest.len())
    }
}
