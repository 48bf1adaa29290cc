//! The channels' lines: one pts each.
//!
//! A quiet channel is an entry in a map and nothing else: no timer, no question. It is forgotten never, and asked about
//! only when something says that it has moved.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    time::{Duration, Instant},
};

use grammers_client::tl;
use tl::{enums::Update, types};

use super::{
    asking::{Asking, Flying},
    mark::{Mark, Place, is_sane, place, rank},
    packet::Cast,
    step::Out,
    track::{Item, Track},
};
use crate::domain::Hole;

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

/// A line that is not at rest.
#[derive(Default)]
struct Open {
    track: Track,
    asking: Asking,
    /// The store was asked where it is.
    sought: bool,
    /// It was announced with an absence.
    late: bool,
    /// While it is sought: the lowest number it was announced with.
    floor: Option<i32>,
    /// The position is of no use: its dialog is asked for a new one.
    void: bool,
    /// In the queue of questions.
    queued: bool,
    /// Somebody waits for it, whenever it is due.
    hurried: bool,
    /// Among the timers.
    timer: Option<Instant>,
}

/// What is known of a line that nothing is stored of, until its first post comes.
///
/// An announcement may overtake posts that are on their way, so it does not begin the line by itself.
#[derive(Clone, Copy, Default)]
struct Unbegun {
    /// The lowest number it was announced with: what is beyond it belongs to our time.
    floor: Option<i32>,
    /// It was announced without a number: there may be more than was seen.
    more: bool,
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
    /// Lines that were announced before they began.
    unbegun: HashMap<i64, Unbegun>,
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
            unbegun: HashMap::new(),
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

    /// A numbered update. `false`: it does not apply now.
    pub(super) fn offer(&mut self, id: i64, mut item: Item, out: &mut Out, now: Instant) -> bool {
        if let Some(None) = self.at.get(&id) {
            self.begin(id, item.mark.before(), now);
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

    /// Nothing is stored of the line: it begins with what comes first.
    fn begin(&mut self, id: i64, first: i32, now: Instant) {
        let Unbegun { floor, more } = self.unbegun.remove(&id).unwrap_or_default();
        let pts = floor.map_or(first, |floor| floor.min(first)).max(0);
        self.at.insert(id, Some(pts));
        self.with(id, now, |open, ours| {
            if let Some(floor) = floor {
                open.track.announce(floor);
                open.track.look(*ours, now);
            }
            if more {
                open.asking.want(false);
            }
        });
    }

    /// The server says that the channel has moved, perhaps how far.
    pub(super) fn announce(
        &mut self,
        id: i64,
        theirs: Option<i32>,
        late: bool,
        out: &mut Out,
        now: Instant,
    ) {
        match (self.at.get(&id), theirs) {
            (None, _) => self.seek(id, |open| {
                open.late |= late;
                match theirs {
                    Some(pts) => {
                        open.track.announce(pts);
                        open.floor = Some(open.floor.map_or(pts, |floor| floor.min(pts)));
                    }
                    None => open.asking.want(late),
                }
            }),
            (Some(None), _) => self.announce_unbegun(id, theirs, out, now),
            (Some(Some(ours)), Some(pts)) if *ours == pts => {}
            // Below ours: either the two crossed, or the server has gone back. Its difference tells which.
            (Some(Some(_)), theirs) => self.with(id, now, |open, _| {
                if let Some(pts) = theirs {
                    open.track.announce(pts);
                }
                open.asking.want(late);
            }),
        }
    }

    /// The list of chats says how far the channel is. What it shows to be missing was missed long ago, unless it is just on
    /// its way: so it is waited for like any gap.
    pub(super) fn compare(&mut self, id: i64, theirs: i32, out: &mut Out, now: Instant) {
        match self.at.get(&id) {
            Some(Some(ours)) if *ours < theirs => self.with(id, now, |open, ours| {
                open.track.announce(theirs);
                open.late = true;
                open.track.look(*ours, now);
            }),
            _ => self.announce(id, Some(theirs), true, out, now),
        }
    }

    fn announce_unbegun(&mut self, id: i64, theirs: Option<i32>, out: &mut Out, now: Instant) {
        let unbegun = self.unbegun.entry(id).or_default();
        match (theirs, unbegun.floor) {
            (None, None) => unbegun.more = true,
            (Some(pts), None) => {
                unbegun.floor = Some(pts);
                // Also for the next start.
                out.channel(id, pts);
            }
            (Some(pts), Some(floor)) if pts == floor => {}
            // It has moved since: what came between is of our time. Below: the server has gone back.
            (_, Some(floor)) => {
                self.begin(id, floor, now);
                self.announce(id, theirs, false, out, now);
            }
        }
    }

    /// Updates up to `pts` were seen and let go.
    pub(super) fn left(&mut self, id: i64, mark: Mark, now: Instant) {
        if let Some(None) = self.at.get(&id) {
            self.begin(id, mark.before(), now);
        }
        match self.at.get(&id) {
            Some(Some(ours)) if mark.pts <= *ours => {}
            Some(_) => self.with(id, now, |open, ours| {
                open.track.announce(mark.pts);
                open.track.look(*ours, now);
            }),
            None => self.seek(id, |open| open.track.announce(mark.pts)),
        }
    }

    fn seek(&mut self, id: i64, keep: impl FnOnce(&mut Open)) {
        let open = self.open.entry(id).or_default();
        let bytes = open.track.bytes();
        keep(open);
        self.bytes = self.bytes + open.track.bytes() - bytes;
        if !open.sought {
            open.sought = true;
            self.needs.push(id);
        }
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

    /// The store has answered.
    pub(super) fn position(&mut self, id: i64, stored: Option<i32>, out: &mut Out, now: Instant) {
        if self.at.contains_key(&id) {
            return;
        }
        match stored.filter(|pts| *pts > 0) {
            Some(pts) => {
                self.at.insert(id, Some(pts));
            }
            None => self.unknown(id, out, now),
        }
        self.with(id, now, |open, ours| {
            open.sought = false;
            // As in `announce`.
            if (1..*ours).contains(&open.track.high()) {
                open.asking.want(open.late);
            }
            let before = *ours;
            settle(open, ours, out, now);
            if *ours != before {
                out.channel(id, *ours);
            }
            if open.track.gap(*ours) && open.late {
                open.asking.want(true);
            }
        });
    }

    /// Nothing is stored of a line that was heard of.
    fn unknown(&mut self, id: i64, out: &mut Out, now: Instant) {
        self.at.insert(id, None);
        let Some(open) = self.open.get_mut(&id) else {
            return;
        };
        let first = open.track.foothold();
        let (floor, high) = (open.floor, open.track.high());
        let more = open.asking.is_due();
        if first.is_none() {
            open.track = Track::default();
        }
        open.asking.rest();
        if floor.is_some() || more {
            self.unbegun.insert(id, Unbegun { floor, more });
        }
        // Announced again, it has moved since: what came between is of our time.
        let moved = floor.filter(|floor| more || high > *floor);
        if let Some(first) = first.or(moved) {
            self.begin(id, first, now);
        }
        if let Some(pts) = self.at.get(&id).copied().flatten().or(floor) {
            out.channel(id, pts);
        }
        if first.is_none() && moved.is_some() {
            self.with(id, now, |open, ours| {
                open.track.announce(high);
                open.track.look(*ours, now);
            });
        }
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
            let Some(Some(pts)) = self.at.get(&id).copied() else {
                continue;
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

    pub(super) fn failed(&mut self, id: i64, trouble: ChannelTrouble, out: &mut Out, now: Instant) {
        let mut lost = None;
        self.with(id, now, |open, _| match trouble {
            ChannelTrouble::Held => open.asking.ask_again(),
            ChannelTrouble::Passing => open.asking.again_later(now),
            ChannelTrouble::Unreadable if open.asking.unreadable(now) => {}
            ChannelTrouble::Unreadable | ChannelTrouble::Unusable if open.void => {
                open.asking.again_later(now);
            }
            ChannelTrouble::Unreadable | ChannelTrouble::Unusable => open.give_up(),
            ChannelTrouble::Lost(reason) => {
                open.asking.rest();
                lost = Some(Hole::ChannelLost {
                    channel_id: id,
                    reason,
                });
            }
        });
        if let Some(hole) = lost {
            out.hole(hole);
            // Should it be heard of again, it begins anew.
            self.open.remove(&id);
            self.at.insert(id, None);
        }
    }

    /// The channel's dialog was asked for: it goes on from there, behind a hole.
    pub(super) fn dialog(
        &mut self,
        id: i64,
        dialog: tl::enums::Dialog,
        cast: Cast,
        out: &mut Out,
        now: Instant,
    ) {
        let Some(theirs) = pts_of(&dialog) else {
            self.failed(id, ChannelTrouble::Unreadable, out, now);
            return;
        };
        if !self.open.get(&id).is_some_and(|open| open.void) {
            return;
        }
        out.hole(Hole::Channel { channel_id: id });
        out.cast(cast);
        out.dialog(dialog);
        out.channel(id, theirs);
        self.at.insert(id, Some(theirs));
        self.with(id, now, |open, ours| {
            open.void = false;
            open.asking.flying = None;
            open.asking.answered();
            settle(open, ours, out, now);
            open.track.begin(*ours, now);
            if *ours != theirs {
                out.channel(id, *ours);
            }
        });
    }

    /// `updates.getChannelDifference` answered.
    pub(super) fn difference(
        &mut self,
        id: i64,
        difference: tl::enums::updates::ChannelDifference,
        out: &mut Out,
        now: Instant,
    ) {
        use tl::enums::updates::ChannelDifference as D;
        let asked = self.open.get(&id).filter(|open| !open.void);
        let Some(flying) = asked.and_then(|open| open.asking.flying) else {
            return;
        };
        out.late(flying.late);
        match difference {
            D::Empty(d) => self.reached(id, flying, (d.pts, d.r#final), out, now),
            D::Difference(d) => {
                let ours = self.at.get(&id).copied().flatten().unwrap_or(0);
                // Live updates may have come as far while the answer was on its way.
                if d.pts > ours && d.pts >= flying.pts {
                    out.cast(Cast {
                        users: d.users,
                        chats: d.chats,
                    });
                    for update in sorted(d.new_messages, d.other_updates) {
                        out.apply(update);
                    }
                }
                self.reached(id, flying, (d.pts, d.r#final), out, now);
            }
            D::TooLong(d) => self.too_long(id, flying, d, out, now),
        }
    }

    fn too_long(
        &mut self,
        id: i64,
        flying: Flying,
        answer: types::updates::ChannelDifferenceTooLong,
        out: &mut Out,
        now: Instant,
    ) {
        let Some(theirs) = pts_of(&answer.dialog) else {
            self.failed(id, ChannelTrouble::Unusable, out, now);
            return;
        };
        if theirs == flying.pts {
            // "Too long" from its own end: it leads nowhere.
            self.failed(id, ChannelTrouble::Unreadable, out, now);
            return;
        }
        let ours = self.at.get(&id).copied().flatten().unwrap_or(0);
        if (flying.pts..=ours).contains(&theirs) {
            // Live updates have come as far meanwhile.
            self.reached(id, flying, (theirs, answer.r#final), out, now);
            return;
        }
        out.hole(Hole::Channel { channel_id: id });
        out.cast(Cast {
            users: answer.users,
            chats: answer.chats,
        });
        // Its messages are left out: the hole is filled from history.
        out.dialog(answer.dialog);
        self.at.insert(id, Some(theirs));
        out.channel(id, theirs);
        let flying = Flying {
            pts: theirs,
            ..flying
        };
        self.reached(id, flying, (theirs, answer.r#final), out, now);
    }

    /// An answer brought the line to `pts`.
    fn reached(
        &mut self,
        id: i64,
        flying: Flying,
        (pts, is_final): (i32, bool),
        out: &mut Out,
        now: Instant,
    ) {
        if pts < flying.pts {
            // The server has gone back: a copy of an earlier day took its place.
            out.hole(Hole::Channel { channel_id: id });
            self.at.insert(id, Some(pts));
            out.channel(id, pts);
        }
        self.with(id, now, |open, ours| {
            let before = *ours;
            *ours = (*ours).max(pts);
            let leads_on = is_final || pts > flying.pts;
            if !leads_on {
                if !open.asking.unreadable(now) {
                    open.give_up();
                }
                return;
            }
            open.asking.flying = None;
            open.asking.answered();
            open.late = false;
            if *ours != before {
                out.channel(id, *ours);
            }
            if !is_final {
                open.asking.want(flying.late);
                return;
            }
            // What came live meanwhile is not late.
            out.late(false);
            let before = *ours;
            settle(open, ours, out, now);
            if *ours != before {
                out.channel(id, *ours);
            }
            let progress = pts != flying.pts;
            if !open.track.answered(*ours, flying.high, progress, now) {
                open.give_up();
            }
        });
    }
}

impl Open {
    /// The position leads nowhere.
    fn give_up(&mut self) {
        self.asking.ask_again();
        self.asking.want(false);
        self.void = true;
        // What was seen can't be bridged.
        self.track = Track::default();
    }
}

fn pts_of(dialog: &tl::enums::Dialog) -> Option<i32> {
    match dialog {
        tl::enums::Dialog::Dialog(dialog) => dialog.pts,
        tl::enums::Dialog::Folder(_) | tl::enums::Dialog::Community(_) => None,
    }
}

/// Takes what has its turn by now.
fn settle(open: &mut Open, ours: &mut i32, out: &mut Out, now: Instant) {
    for mut item in open.track.release(ours) {
        if let Some(cast) = &item.cast {
            out.shared(cast);
        }
        outdated_count(&mut item, *ours);
        out.apply(item.update);
    }
    open.track.look(*ours, now);
}

/// A read mark that was overtaken by posts: how many are unread has changed since.
fn outdated_count(item: &mut Item, ours: i32) {
    if let Update::ReadChannelInbox(read) = &mut *item.update
        && item.mark.pts < ours
    {
        read.still_unread_count = super::NOT_COUNTED;
    }
}

/// In the order in which it applies.
fn sorted(messages: Vec<tl::enums::Message>, others: Vec<Update>) -> Vec<Box<Update>> {
    let messages = messages.into_iter().map(|message| {
        // The whole answer has one number.
        Update::NewChannelMessage(types::UpdateNewChannelMessage {
            message,
            pts: 0,
            pts_count: 0,
        })
    });
    let mut all: Vec<Box<Update>> = others
        .into_iter()
        .filter(is_sane)
        .chain(messages)
        .map(Box::new)
        .collect();
    all.sort_by_key(|update| rank(update));
    all
}
