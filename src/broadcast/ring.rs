//! Ring: the most recent frames. Older ones are in the event log.

use std::{collections::VecDeque, sync::Arc};

use super::Frame;
use crate::domain::Seq;

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

    /// A jump in the numbers means that a publication was lost on the way: the ring starts anew after it.
    pub fn push(&mut self, frame: Arc<Frame>) {
        if frame.seq() <= self.last {
            return;
        }
        if frame.seq().0 != self.last.0 + 1 {
            self.frames.clear();
        }
        self.last = frame.seq();
        if self.frames.len() == self.capacity {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }

    pub fn after(&self, seq: Seq, limit: usize) -> Since {
        if seq >= self.last {
            return Since::Frames(Vec::new());
        }
        let Some(first) = self.frames.front() else {
            return Since::Behind;
        };
        let Ok(skip) = usize::try_from(seq.0 + 1 - first.seq().0) else {
            return Since::Behind;
        };
        Since::Frames(self.frames.iter().skip(skip).take(limit).cloned().collect())
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

    #[test]
    fn a_lost_publication_never_looks_like_a_whole_sequence() {
        let mut ring = Ring::new(8, Seq(0));
        ring.push(frame(1));
        ring.push(frame(3));
        assert_eq!(seqs(ring.after(Seq(1), 9)), None);
        assert_eq!(seqs(ring.after(Seq(2), 9)), Some(vec![3]));
    }

    #[test]
    fn a_repeated_publication_changes_nothing() {
        let mut ring = Ring::new(8, Seq(0));
        ring.push(frame(1));
        ring.push(frame(1));
        assert_eq!(seqs(ring.after(Seq(0), 9)), Some(vec![1]));
    }
}
