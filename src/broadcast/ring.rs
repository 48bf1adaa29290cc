//! Ring: the most recent frames. Older ones are in the event log.

use std::{
    collections::{VecDeque, vec_deque},
    iter::Skip,
    sync::Arc,
};

use super::Frame;
use crate::domain::{AccountId, Seq};

#[derive(Debug)]
pub struct Ring {
    frames: VecDeque<Arc<Frame>>,
    capacity: usize,
    /// Everything up to here was published, in the ring or dropped from it.
    last: Seq,
}

/// What the ring knows after some number.
#[derive(Debug)]
pub enum Since {
    /// All frames that follow, without a gap; empty when there are none yet.
    Frames(Vec<Arc<Frame>>),
    /// The ring no longer (or not yet) holds the next one: read the event log.
    Behind,
}

impl Ring {
    pub fn new(capacity: usize, last: Seq) -> Self {
        Self {
            frames: VecDeque::with_capacity(capacity.min(1024)),
            capacity,
            last,
        }
    }

    /// A jump in the numbers means that a publication was lost on the way: the ring starts anew after it. The answer is the
    /// frame that gave way, for whoever has the time to take it apart.
    pub fn push(&mut self, frame: Arc<Frame>) -> Option<Arc<Frame>> {
        if frame.seq() <= self.last {
            return None;
        }
        if frame.seq().0 != self.last.0 + 1 {
            self.frames.clear();
        }
        self.last = frame.seq();
        let full = self.frames.len() == self.capacity;
        let gone = full.then(|| self.frames.pop_front()).flatten();
        self.frames.push_back(frame);
        gone
    }

    /// Keeps the newest ones alone. How many went.
    pub fn shrink(&mut self, keep: usize) -> usize {
        let gone = self.frames.len().saturating_sub(keep);
        self.frames.drain(..gone);
        self.frames.shrink_to(keep);
        gone
    }

    pub fn last(&self) -> Seq {
        self.last
    }

    pub fn after(&self, seq: Seq, limit: usize) -> Since {
        if seq >= self.last {
            return Since::Frames(Vec::new());
        }
        self.following(seq, |frames| frames.take(limit).cloned().collect())
    }

    /// The same of one account, up to `end`.
    pub fn of(&self, account: AccountId, after: Seq, end: Seq, limit: usize) -> Since {
        // A publication that was lost on the way is in the log alone.
        if self.last < end {
            return Since::Behind;
        }
        self.following(after, |frames| {
            frames
                .take_while(|frame| frame.seq() <= end)
                .filter(|frame| frame.account_id() == account)
                .take(limit)
                .cloned()
                .collect()
        })
    }

    fn following(
        &self,
        seq: Seq,
        choose: impl FnOnce(Skip<vec_deque::Iter<'_, Arc<Frame>>>) -> Vec<Arc<Frame>>,
    ) -> Since {
        let first = self.frames.front().map(|frame| frame.seq().0);
        match first.map(|first| usize::try_from(seq.0 + 1 - first)) {
            Some(Ok(skip)) => Since::Frames(choose(self.frames.iter().skip(skip))),
            Some(Err(_)) | None => Since::Behind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, Event, EventBody, Timestamp};

    fn frame(seq: i64) -> Arc<Frame> {
        let account_id = AccountId::random();
        Arc::new(Frame::new(Arc::new(Event {
            seq: Seq(seq),
            at: Timestamp::from_millis(0),
            account_id,
            body: EventBody::AccountRemoved { account_id },
            read_at: None,
            of_sign_in: false,
        })))
    }

    fn seqs(since: Since) -> Option<Vec<i64>> {
        match since {
            Since::Frames(frames) => Some(frames.iter().map(|frame| frame.seq().0).collect()),
            Since::Behind => None,
        }
    }

    #[test]
    fn a_listener_gets_what_follows_or_is_sent_to_the_log() {
        let mut ring = Ring::new(3, Seq(10));
        assert_eq!(seqs(ring.after(Seq(10), 9)), Some(vec![]));
        assert_eq!(seqs(ring.after(Seq(9), 9)), None);
        for seq in 11..=15 {
            ring.push(frame(seq));
        }
        assert_eq!(seqs(ring.after(Seq(11), 9)), None);
        assert_eq!(seqs(ring.after(Seq(12), 9)), Some(vec![13, 14, 15]));
        assert_eq!(seqs(ring.after(Seq(12), 2)), Some(vec![13, 14]));
        assert_eq!(seqs(ring.after(Seq(15), 9)), Some(vec![]));
    }

    /// Protects memory after a wave, and the listeners across it: the newest stay, the others are in the log.
    #[test]
    fn a_shrunk_ring_sends_to_the_log_for_what_went() {
        let mut ring = Ring::new(100, Seq(0));
        for seq in 1..=50 {
            ring.push(frame(seq));
        }
        assert_eq!((ring.shrink(2), ring.shrink(2)), (48, 0));
        assert_eq!(seqs(ring.after(Seq(47), 9)), None);
        assert_eq!(seqs(ring.after(Seq(48), 9)), Some(vec![49, 50]));
        ring.push(frame(51));
        assert_eq!(seqs(ring.after(Seq(48), 9)), Some(vec![49, 50, 51]));
    }

    #[test]
    fn a_lost_publication_never_looks_like_a_whole_sequence() {
        let mut ring = Ring::new(8, Seq(0));
        ring.push(frame(1));
        ring.push(frame(3));
        assert_eq!(seqs(ring.after(Seq(1), 9)), None);
        assert_eq!(seqs(ring.after(Seq(2), 9)), Some(vec![3]));
    }

    /// Protects webhooks: one account's events come alone, and a gap is never taken for "nothing".
    #[test]
    fn one_accounts_events_come_without_the_others() {
        let mut ring = Ring::new(3, Seq(0));
        let mine = frame(2);
        for frame in [frame(1), Arc::clone(&mine), frame(3)] {
            ring.push(frame);
        }
        let of = |after, end| seqs(ring.of(mine.account_id(), Seq(after), Seq(end), 9));
        assert_eq!(of(0, 3), Some(vec![2]));
        assert_eq!(of(2, 3), Some(vec![]));
        assert_eq!(of(0, 1), Some(vec![]));
        assert_eq!(of(0, 4), None, "not published yet");
        let mut later = Ring::new(1, Seq(0));
        later.push(frame(1));
        later.push(frame(2));
        assert_eq!(seqs(later.of(mine.account_id(), Seq(0), Seq(2), 9)), None);
    }

    #[test]
    fn a_repeated_publication_changes_nothing() {
        let mut ring = Ring::new(8, Seq(0));
        ring.push(frame(1));
        ring.push(frame(1));
        assert_eq!(seqs(ring.after(Seq(0), 9)), Some(vec![1]));
    }
}
