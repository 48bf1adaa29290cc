//! What a session remembers of the messages that came in: to know repeats, and to check sequence numbers.

use std::collections::VecDeque;

/// How far a message got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not a call; done as soon as it was read.
    Service,
    Running,
    /// Running, but the client does not want the answer any more.
    Dropped,
    Answered,
    /// Answered with an error, or never to be answered.
    Failed,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    msg_id: i64,
    seqno: i32,
    progress: Progress,
}

/// A message that may not be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It was taken in before.
    Repeated(Progress),
    /// For `bad_msg_notification`.
    Code(i32),
}

/// The newest message ids of a session, in their order.
pub struct Received {
    seen: VecDeque<Seen>,
    /// Ids up to here were forgotten.
    forgotten: i64,
    limit: usize,
}

impl Received {
    pub fn new(limit: usize) -> Self {
        Self {
            seen: VecDeque::new(),
            forgotten: 0,
            limit: limit.max(2),
        }
    }

    /// Takes a message in, or says why not.
    pub fn take(&mut self, msg_id: i64, seqno: i32) -> Result<(), Refused> {
        if msg_id <= self.forgotten {
            return Err(Refused::Code(20));
        }
        let at = match self.seen.binary_search_by_key(&msg_id, |seen| seen.msg_id) {
            Ok(at) => {
                return Err(Refused::Repeated(
                    self.seen.get(at).map_or(Progress::Service, |s| s.progress),
                ));
            }
            Err(at) => at,
        };
        let odd = seqno & 1 == 1;
        let before = at.checked_sub(1).and_then(|at| self.seen.get(at));
        if before.is_some_and(|before| before.seqno > seqno || (odd && before.seqno == seqno)) {
            return Err(Refused::Code(32));
        }
        if self
            .seen
            .get(at)
            .is_some_and(|after| after.seqno < seqno || (odd && after.seqno == seqno))
        {
            return Err(Refused::Code(33));
        }
        self.seen.insert(
            at,
            Seen {
                msg_id,
                seqno,
                progress: Progress::Service,
            },
        );
        if self.seen.len() > self.limit {
            self.forgotten = self
                .seen
                .pop_front()
                .map_or(self.forgotten, |oldest| oldest.msg_id);
        }
        Ok(())
    }

    /// Takes back what [`Received::take`] took: the container around it was refused as a whole.
    pub fn untake(&mut self, msg_id: i64) {
        if let Ok(at) = self.seen.binary_search_by_key(&msg_id, |seen| seen.msg_id) {
            self.seen.remove(at);
        }
    }

    pub fn progress(&self, msg_id: i64) -> Option<Progress> {
        let at = self
            .seen
            .binary_search_by_key(&msg_id, |seen| seen.msg_id)
            .ok()?;
        self.seen.get(at).map(|seen| seen.progress)
    }

    pub fn set_progress(&mut self, msg_id: i64, progress: Progress) {
        if let Ok(at) = self.seen.binary_search_by_key(&msg_id, |seen| seen.msg_id)
            && let Some(seen) = self.seen.get_mut(at)
        {
            seen.progress = progress;
        }
    }

    /// The status byte of `msgs_state_info`.
    pub fn status(&self, msg_id: i64) -> u8 {
        match self.progress(msg_id) {
            Some(Progress::Service) => 4 + 16,
            Some(Progress::Running | Progress::Dropped) => 4 + 32,
            Some(Progress::Answered | Progress::Failed) => 4 + 32 + 64,
            None if msg_id <= self.forgotten => 1,
            None if self
                .seen
                .back()
                .is_some_and(|newest| msg_id > newest.msg_id) =>
            {
                3
            }
            None => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: each rule on sequence numbers and repeats has its own code, which clients act on.
    #[test]
    fn repeats_and_wrong_sequence_numbers_are_told_apart() {
        let mut received = Received::new(4);
        assert_eq!(received.take(100, 1), Ok(()));
        assert_eq!(received.take(200, 3), Ok(()));
        assert_eq!(
            received.take(200, 3),
            Err(Refused::Repeated(Progress::Service))
        );
        assert_eq!(received.take(300, 3), Err(Refused::Code(32)));
        assert_eq!(received.take(300, 1), Err(Refused::Code(32)));
        assert_eq!(received.take(150, 5), Err(Refused::Code(33)));
        assert_eq!(received.take(150, 3), Err(Refused::Code(33)));
        assert_eq!(received.take(150, 2), Ok(()));
        assert_eq!(received.take(400, 4), Ok(()));
        assert_eq!(received.take(500, 4), Ok(()), "even numbers repeat");
        assert_eq!(
            received.take(90, 0),
            Err(Refused::Code(20)),
            "100 was forgotten, so 90 cannot be judged"
        );
        assert_eq!(received.status(90), 1);
        assert_eq!(received.status(160), 2);
        assert_eq!(received.status(600), 3);
        assert_eq!(received.status(150), 20);
    }
}
