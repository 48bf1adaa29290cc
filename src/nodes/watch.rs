//! Watch: which nodes have fallen silent. By this node's own clock alone: the server's time of day may be set, and a server that takes
//! another one's place has a time of its own. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use crate::store::{Ages, Beat};

/// What was seen of each node.
#[derive(Default)]
pub(super) struct Watch {
    nodes: HashMap<String, Seen>,
    /// The last time.
    looked: Duration,
}

struct Seen {
    beat: i64,
    /// When this beat was seen first.
    since: Duration,
    /// At the first look, what the server says of the time before has to do.
    fresh: bool,
    draining: bool,
    held: i64,
}

impl Watch {
    /// Takes note of an answer that has come by `now`.
    pub fn look(&mut self, now: Duration, beats: &[Beat]) {
        self.looked = now;
        self.nodes
            .retain(|node, _| beats.iter().any(|beat| beat.node == *node));
        for beat in beats {
            let seen = self.nodes.entry(beat.node.clone()).or_insert(Seen {
                beat: beat.beat,
                since: now,
                fresh: beat.fresh,
                draining: beat.draining,
                held: beat.held,
            });
            seen.draining = beat.draining;
            seen.held = beat.held;
            if seen.beat != beat.beat {
                seen.beat = beat.beat;
                seen.since = now;
                seen.fresh = true;
            }
        }
    }

    /// Nodes that take accounts and were heard of within `limit`, and how many each has.
    pub fn living(&self, now: Duration, limit: Duration) -> BTreeMap<String, i64> {
        let lives = |seen: &Seen| !seen.draining && seen.fresh && now < seen.since + limit;
        let living = self.nodes.iter().filter(|(_, seen)| lives(seen));
        living
            .map(|(node, seen)| (node.clone(), seen.held))
            .collect()
    }

    /// For how long each had been silent at the last look.
    pub fn ages(&self) -> Ages {
        let age = |seen: &Seen| match seen.fresh {
            true => self.looked.saturating_sub(seen.since),
            // Before this one had begun.
            false => Duration::MAX,
        };
        let ages = self.nodes.iter();
        ages.map(|(node, seen)| (node.clone(), age(seen))).collect()
    }

    /// Nodes that have not been heard of for `limit`, with their last beats.
    pub fn silent(&self, now: Duration, limit: Duration) -> Vec<(String, i64)> {
        let silent = |(_, seen): &(&String, &Seen)| now >= seen.since + limit;
        let mut all: Vec<(String, i64)> = self
            .nodes
            .iter()
            .filter(silent)
            .map(|(node, seen)| (node.clone(), seen.beat))
            .collect();
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn beat(node: &str, beat: i64, fresh: bool) -> Beat {
        Beat {
            node: node.to_owned(),
            beat,
            fresh,
            draining: false,
            held: 0,
        }
    }

    /// Protects a session from being used at two places because a clock was set: whatever the server says of the time, a node is silent
    /// when nothing was heard of it for so long here; and one that is gone for long is not counted by one that has just begun.
    #[test]
    fn a_node_is_silent_by_the_clock_of_who_looks() {
        let mut watch = Watch::default();
        watch.look(SECOND, &[beat("a", 1, true), beat("gone", 9, false)]);
        assert_eq!(watch.living(SECOND, SECOND * 45).len(), 1);
        // The server's clock went ahead by a day.
        watch.look(SECOND * 11, &[beat("a", 2, false), beat("gone", 9, false)]);
        assert_eq!(watch.living(SECOND * 12, SECOND * 45).len(), 1);
        let ages = watch.ages();
        assert_eq!((ages["a"], ages["gone"]), (Duration::ZERO, Duration::MAX));
        assert!(watch.silent(SECOND * 60, SECOND * 60).is_empty());
        assert_eq!(
            watch.silent(SECOND * 61, SECOND * 60),
            [("gone".to_owned(), 9)]
        );
        // It went back: `a` would be fresh for a day.
        watch.look(SECOND * 70, &[beat("a", 2, true), beat("gone", 9, false)]);
        assert!(watch.living(SECOND * 56, SECOND * 45).is_empty());
        assert_eq!(
            watch.silent(SECOND * 71, SECOND * 60),
            [("a".to_owned(), 2), ("gone".to_owned(), 9)]
        );
        // A database that was lost and put back knows less than was seen.
        watch.look(SECOND * 72, &[beat("a", 1, true)]);
        assert!(watch.silent(SECOND * 131, SECOND * 60).is_empty());
    }
}
