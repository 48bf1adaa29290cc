//! The channels' lines: one pts each.
//!
//! A quiet channel is an entry in a map and nothing else: no timer, no question. It is forgotten never, and asked about
//! only when something says that it has moved.
//!
//! Here is how updates apply and which channel is asked about next; `meeting` has lines that are not known yet, `answers` what
//! Telegram says of them, `open` the one line that is not at rest.

mod answers;
mod meeting;
mod open;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use super::{
    asking::Flying,
    mark::{Place, place},
    step::Out,
    track::Item,
};
use open::{Open, outdated_count, settle};

/// As [`super::account`]: how many look applied already before the server is asked, and how often.
const OLD_MOST: u32 = 3;
const DOUBT_EVERY: Duration = Duration::from_secs(60);
/// Entries of one answer; "ordinary users are supposed to pass 10-100" (updates.getChannelDifference).
const LIMIT: i32 = 100;
const LITTLE: i32 = 10;

/// A question about one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::telegram) enum ChannelAsk {
    Difference {
        pts: i32,
        limit: i32,
    },
    /// Its dialog, for where it is now.
    Dialog,
}

/// What a difference of a channel failed with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::telegram) enum ChannelTrouble {
    /// Telegram asks to wait, or there is no line: the same again, when it can be.
    Held,
    /// It passes by itself: again, ever later.
    Passing,
    /// An answer that can't be read.
    Unreadable,
    /// Telegram does not take the position.
    Unusable,
    /// The channel can't be followed any more.
    Lost(String),
}

#[derive(Default)]
struct Doubt {
    old: u32,
    cleared_at: Option<Instant>,
}

pub(super) struct Channels {
    /// Every line that was heard of. `None`: nothing is stored, it begins with what comes first.
    at: HashMap<i64, Option<i32>>,
    open: HashMap<i64, Open>,
    /// Those to be asked about now.
    queue: VecDeque<i64>,
    /// When to look at a line again.
    timers: BinaryHeap<Reverse<(Instant, i64)>>,
    doubts: HashMap<i64, Doubt>,
    /// Known lines of channels that the account went out of: nothing of them is pushed until it is back.
    parted: HashSet<i64>,
    needs: Vec<i64>,
    bytes: usize,
    patience: Duration,
    /// Not all of an absence has been made up for: what a gap lacks may be of it.
    away: bool,
}

impl Channels {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            at: HashMap::new(),
            open: HashMap::new(),
            queue: VecDeque::new(),
            timers: BinaryHeap::new(),
            doubts: HashMap::new(),
            parted: HashSet::new(),
            needs: Vec::new(),
            bytes: 0,
            patience,
            away: true,
        }
    }

    /// Does nothing wait for an answer or an earlier update?
    pub(super) fn at_rest(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn needs(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.needs)
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The highest number that waits in a line, if anything does.
    pub(super) fn held_to(&self, id: i64) -> Option<i32> {
        self.open.get(&id)?.track.held_to()
    }

    /// A numbered update. `false`: it does not apply now.
    pub(super) fn offer(&mut self, id: i64, mut item: Item, out: &mut Out, now: Instant) -> bool {
        if let Some(None) = self.at.get(&id) {
            self.begin_or_meet(id, item.mark.before(), out, now);
        }
        let Some(Some(ours)) = self.at.get_mut(&id) else {
            self.seek(id, |open| open.track.hold(item));
            return false;
        };
        outdated_count(&mut item, *ours);
        if !self.open.contains_key(&id) {
            match place(*ours, item.mark) {
                Place::Next => {
                    if item.mark.count > 0 {
                        *ours = item.mark.pts;
                        out.channel(id, item.mark.pts);
                        if !self.doubts.is_empty() {
                            self.doubts.remove(&id);
                        }
                    }
                    out.apply(item.update);
                    return true;
                }
                Place::Old => {
                    self.seen_old(id, now);
                    return false;
                }
                Place::Beyond => {}
            }
        }
        let before = *ours;
        let mut applied = false;
        self.with(id, now, |open, ours| {
            if open.void {
                // Its place is known once the dialog has told where the line is.
                open.track.hold(item);
                return;
            }
            match item.place(*ours) {
                Place::Next => {
                    *ours = (*ours).max(item.mark.pts);
                    out.apply(item.update);
                    applied = true;
                }
                Place::Beyond => open.track.wait(*ours, item, now),
                Place::Old => {}
            }
            settle(open, ours, out, now);
            if *ours != before {
                out.channel(id, *ours);
            }
        });
        applied
    }

    /// What waits in gaps is left to differences.
    pub(super) fn let_go(&mut self, now: Instant) {
        let holding: Vec<i64> = self
            .open
            .iter()
            .filter(|(_, open)| open.track.bytes() > 0)
            .map(|(id, _)| *id)
            .collect();
        for id in holding {
            self.with(id, now, |open, ours| {
                open.track.forget();
                open.track.look(*ours, now);
            });
        }
    }

    /// The account has caught up, and every channel that was announced meanwhile.
    pub(super) fn settled(&mut self) {
        self.away = false;
    }

    /// Works on a line that is not at rest; afterwards it may be.
    fn with(&mut self, id: i64, now: Instant, work: impl FnOnce(&mut Open, &mut i32)) {
        let open = self.open.entry(id).or_default();
        let bytes = open.track.bytes();
        let mut ours = self.at.get(&id).copied().flatten();
        if let Some(known) = &mut ours {
            work(open, known);
            self.at.insert(id, Some(*known));
        } else {
            let mut nowhere = 0;
            work(open, &mut nowhere);
        }
        self.bytes = self.bytes + open.track.bytes() - bytes;
        let rests = !open.sought && open.track.is_empty() && open.asking.is_idle();
        if rests {
            self.open.remove(&id);
            return;
        }
        let later = if open.asking.is_due() {
            open.asking.retry_at().filter(|at| *at > now)
        } else if open.asking.is_idle() {
            open.track.overdue_at(self.patience)
        } else {
            None
        };
        match later {
            Some(at) if open.timer.is_none_or(|set| at < set) => {
                open.timer = Some(at);
                self.timers.push(Reverse((at, id)));
            }
            None if open.asking.is_due() && !open.queued => {
                open.queued = true;
                match open.hurried {
                    true => self.queue.push_front(id),
                    false => self.queue.push_back(id),
                }
            }
            _ => {}
        }
    }

    /// Several posts in a row that look applied already.
    fn seen_old(&mut self, id: i64, now: Instant) {
        let doubt = self.doubts.entry(id).or_default();
        doubt.old += 1;
        let lately = doubt
            .cleared_at
            .is_some_and(|at| now.saturating_duration_since(at) < DOUBT_EVERY);
        if doubt.old >= OLD_MOST && !lately {
            doubt.cleared_at = Some(now);
            doubt.old = 0;
            self.with(id, now, |open, _| open.asking.want(false));
        }
    }

    pub(super) fn hurry(&mut self, id: i64) {
        let Some(open) = self.open.get_mut(&id) else {
            return;
        };
        open.hurried = true;
        if !open.asking.is_due() {
            return;
        }
        open.asking.hurry();
        if open.queued {
            self.queue.retain(|queued| *queued != id);
        }
        open.queued = true;
        self.queue.push_front(id);
    }

    /// The next question, if there is one.
    pub(super) fn ask(&mut self, now: Instant) -> Option<(i64, ChannelAsk)> {
        while let Some(id) = self.queue.pop_front() {
            let Some(open) = self.open.get_mut(&id) else {
                continue;
            };
            open.queued = false;
            let pts = match self.at.get(&id).copied().flatten() {
                Some(pts) => pts,
                None if open.void => 0,
                None => continue,
            };
            if !open.asking.is_due() || !open.asking.may_ask(now) {
                continue;
            }
            let late = open.asking.start();
            open.hurried = false;
            open.asking.flying = Some(Flying {
                pts,
                qts: 0,
                high: open.track.high(),
                seq_high: 0,
                late,
            });
            let limit = if open.asking.asks_little() {
                LITTLE
            } else {
                LIMIT
            };
            let ask = match open.void {
                true => ChannelAsk::Dialog,
                // Zero would be refused.
                false => ChannelAsk::Difference {
                    pts: pts.max(1),
                    limit,
                },
            };
            return Some((id, ask));
        }
        None
    }

    pub(super) fn tick(&mut self, now: Instant) {
        while let Some(Reverse((at, id))) = self.timers.peek().copied() {
            if at > now {
                return;
            }
            self.timers.pop();
            let patience = self.patience;
            match self.open.get_mut(&id) {
                Some(open) if open.timer == Some(at) => open.timer = None,
                Some(_) => {}
                None => continue,
            }
            let away = self.away;
            self.with(id, now, |open, _| {
                let overdue = open.track.overdue_at(patience).is_some_and(|at| at <= now);
                if overdue && open.asking.is_idle() {
                    open.asking.want(away || open.late);
                }
            });
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Every question on the line is lost with it.
    pub(super) fn line_lost(&mut self, now: Instant) {
        self.away = true;
        let flying: Vec<i64> = self
            .open
            .iter()
            .filter(|(_, open)| open.asking.flying.is_some())
            .map(|(id, _)| *id)
            .collect();
        for id in flying {
            self.with(id, now, |open, _| open.asking.cut());
        }
    }
}
