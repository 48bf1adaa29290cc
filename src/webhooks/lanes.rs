//! Lanes: how far one webhook is with each account that it is behind with. Plain data, no I/O.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::{
    domain::{AccountId, Seq},
    store::WebhookPlace,
};

#[derive(Debug)]
pub struct Lanes {
    /// Up to here the log was looked at, and every event given to its lane.
    read: Seq,
    behind: HashMap<AccountId, Lane>,
    /// As it stands in the store.
    saved: WebhookPlace,
}

#[derive(Debug)]
struct Lane {
    /// Taken by the receiver.
    done: Seq,
    /// The account's newest event.
    newest: Seq,
    /// When it last went on.
    since: Instant,
}

/// What to write down: the place, and the lanes that changed.
pub type Change = (Seq, Vec<(AccountId, Option<Seq>)>);

impl Lanes {
    pub fn new(place: WebhookPlace) -> Self {
        let lane = |(account, done): &(AccountId, Seq)| {
            let lane = Lane {
                done: *done,
                newest: place.seq,
                since: Instant::now(),
            };
            (*account, lane)
        };
        Self {
            read: place.seq,
            behind: place.behind.iter().map(lane).collect(),
            saved: place,
        }
    }

    pub const fn read(&self) -> Seq {
        self.read
    }

    pub fn accounts(&self) -> Vec<AccountId> {
        self.behind.keys().copied().collect()
    }

    /// The log was looked at up to here.
    pub fn read_to(&mut self, seq: Seq) {
        self.read = self.read.max(seq);
    }

    /// One more event of this account. `true`: nobody is at work on its lane yet.
    pub fn add(&mut self, account: AccountId, seq: Seq) -> bool {
        self.read_to(seq);
        if let Some(lane) = self.behind.get_mut(&account) {
            lane.newest = seq;
            return false;
        }
        let lane = Lane {
            done: Seq(seq.0 - 1),
            newest: seq,
            since: Instant::now(),
        };
        self.behind.insert(account, lane);
        true
    }

    /// What is to be delivered: after the first, up to the second. `None`: the account is served, its lane is gone.
    pub fn stretch(&mut self, account: AccountId) -> Option<(Seq, Seq)> {
        let lane = self.behind.get(&account)?;
        if lane.done >= lane.newest {
            self.behind.remove(&account);
            return None;
        }
        Some((lane.done, lane.newest))
    }

    pub fn done(&mut self, account: AccountId, seq: Seq) {
        if let Some(lane) = self.behind.get_mut(&account) {
            lane.done = seq;
            lane.since = Instant::now();
        }
    }

    /// What the store does not have yet; counts as saved from now on.
    pub fn take_change(&mut self) -> Option<Change> {
        let before: HashMap<_, _> = self.saved.behind.drain(..).collect();
        // A lane that is served, and only waits to be looked at, is none.
        self.saved.behind = self
            .behind
            .iter()
            .filter(|(_, lane)| lane.done < lane.newest)
            .map(|(account, lane)| (*account, lane.done))
            .collect();
        let mut changed: Vec<_> = self
            .saved
            .behind
            .iter()
            .filter(|(account, done)| before.get(account) != Some(done))
            .map(|(account, done)| (*account, Some(*done)))
            .collect();
        let now: HashMap<_, _> = self.saved.behind.iter().copied().collect();
        changed.extend(
            before
                .keys()
                .filter(|account| !now.contains_key(account))
                .map(|account| (*account, None)),
        );
        let moved = self.saved.seq != self.read;
        self.saved.seq = self.read;
        (moved || !changed.is_empty()).then_some((self.read, changed))
    }

    /// Accounts that wait, and how long the one that waits longest has not gone on.
    pub fn waiting(&self) -> (usize, Duration) {
        let longest = self.behind.values().map(|lane| lane.since.elapsed()).max();
        (self.behind.len(), longest.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects receivers from repetitions: a restart goes on where each account was, however long another one waits.
    #[test]
    fn one_account_that_waits_holds_back_no_others_place() {
        let (stuck, other) = (AccountId::random(), AccountId::random());
        let mut lanes = Lanes::new(WebhookPlace {
            seq: Seq(10),
            behind: Vec::new(),
        });
        assert!(lanes.add(stuck, Seq(11)));
        assert!(lanes.add(other, Seq(12)));
        assert!(!lanes.add(stuck, Seq(13)), "it is at work");
        assert_eq!(lanes.stretch(other), Some((Seq(11), Seq(12))));
        lanes.done(other, Seq(12));
        let (seq, changed) = lanes.take_change().unwrap();
        assert_eq!((seq, changed), (Seq(13), vec![(stuck, Some(Seq(10)))]));
        assert_eq!(lanes.stretch(other), None);
        assert_eq!(lanes.take_change(), None);

        let mut lanes = Lanes::new(WebhookPlace {
            seq: Seq(13),
            behind: vec![(stuck, Seq(10))],
        });
        assert_eq!(lanes.accounts(), [stuck]);
        assert_eq!(lanes.stretch(stuck), Some((Seq(10), Seq(13))));
        lanes.done(stuck, Seq(13));
        assert_eq!(lanes.take_change(), Some((Seq(13), vec![(stuck, None)])));
        assert_eq!(lanes.stretch(stuck), None);
        assert_eq!(lanes.waiting().0, 0);
    }
}
