//! Heard: what the stream has lately said of things that answers speak of, too, and when that was read.
//!
//! An answer tells how things were between asking and answering, and is stored when its turn comes. What the stream said after it was
//! asked for may be newer and must stand; what is newer still, the stream brings.

use std::time::{Duration, Instant};

use super::numbered::Map;

/// For at least so long; an answer that was asked for earlier is worth [`Worth::Unknown`].
const REMEMBERED: Duration = Duration::from_secs(120);
/// In either half; then the older half goes before its time.
const MOST: usize = 8192;

/// By the account's number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::store) enum Topic {
    /// Text, reactions, votes: by scope and number.
    Message(i64, i64, i64),
    Muted(i64, i64),
    Archived(i64, i64),
    MarkedUnread(i64, i64),
    /// What stands unsent in a chat, or in a topic of it (0: the chat's own field).
    Draft(i64, i64, i32),
    /// Up to some message nothing is left.
    Cleared(i64, i64),
    /// What somebody, or a chat, is called, and whether one may write there.
    Peer(i64, i64),
    /// By conversation, which is one account's, and scheduled number.
    Scheduled(i64, i32),
    Contacts(i64),
}

/// What an answer that was asked for at some time is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Worth {
    /// Nothing newer was heard.
    Newest,
    /// The stream has spoken since.
    Overtaken,
    /// It was asked for longer ago than is remembered.
    Unknown,
}

pub(in crate::store) struct Heard {
    newer: Map<Topic, Instant>,
    older: Map<Topic, Instant>,
    /// When the newer half was begun, and the older one.
    began: (Instant, Instant),
}

impl Default for Heard {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            newer: Map::default(),
            older: Map::default(),
            began: (now, now),
        }
    }
}

impl Heard {
    pub fn note(&mut self, topic: Topic, read_at: Instant) {
        if self.newer.len() >= MOST || self.began.0.elapsed() > REMEMBERED {
            self.older = std::mem::take(&mut self.newer);
            self.began = (Instant::now(), self.began.0);
        }
        let kept = self.newer.entry(topic).or_insert(read_at);
        *kept = read_at.max(*kept);
    }

    pub fn worth(&self, topic: Topic, asked_at: Instant) -> Worth {
        let heard = self.newer.get(&topic).or_else(|| self.older.get(&topic));
        match heard {
            Some(read_at) if *read_at >= asked_at => Worth::Overtaken,
            _ if asked_at < self.began.1 => Worth::Unknown,
            _ => Worth::Newest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects what came by the stream from an answer that was asked for before it, and nothing else from any.
    #[test]
    fn an_answer_is_worth_what_was_not_heard_since() {
        let topic = Topic::Message(1, 0, 5);
        let mut heard = Heard::default();
        let asked_at = Instant::now();
        assert_eq!(heard.worth(topic, asked_at), Worth::Newest);
        heard.note(topic, asked_at + Duration::from_millis(1));
        assert_eq!(heard.worth(topic, asked_at), Worth::Overtaken);
        assert_eq!(
            heard.worth(Topic::Message(1, 0, 6), asked_at),
            Worth::Newest
        );
        assert_eq!(
            heard.worth(Topic::Message(2, 0, 5), asked_at),
            Worth::Newest
        );
        let later = asked_at + Duration::from_millis(2);
        assert_eq!(heard.worth(topic, later), Worth::Newest);
        heard.note(topic, asked_at);
        assert_eq!(heard.worth(topic, asked_at), Worth::Overtaken);
    }

    /// Protects memory, and with it whoever is told that an answer is the newest when nobody can know.
    #[test]
    fn what_was_forgotten_is_not_said_to_be_the_newest() {
        let mut heard = Heard::default();
        let asked_at = Instant::now();
        let first = Topic::Message(1, 0, 0);
        for number in 0..=2 * MOST as i64 {
            heard.note(Topic::Message(1, 0, number), Instant::now());
        }
        assert!(heard.newer.len() + heard.older.len() <= 2 * MOST);
        assert_eq!(heard.worth(first, asked_at), Worth::Unknown);
        assert_eq!(heard.worth(first, Instant::now()), Worth::Newest);
    }
}
