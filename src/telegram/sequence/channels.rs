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
/// A channel that can't be asked about is met no more after so many tries.
const MEET_TRIES: u32 = 8;
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
    /// There is no position, or one of no use: its dialog is asked for another.
    void: bool,
    /// Nothing is stored of it, and it was announced: joined, or back, unseen.
    unmet: bool,
    /// The account is in it, as a packet said that told nothing more of it.
    named: bool,
    /// How often its dialog could not be had.
    missed: u32,
    /// In the queue of questions.
    queued: bool,
    /// Somebody waits for it, whenever it is due.
    hurried: bool,
    /// Among the timers.
    timer: Option<Instant>,
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

    /// Nothing is stored of the line: it begins with what comes first. While an absence is made up for, more may have come
    /// before that: then its dialog tells where it is.
    fn begin_or_meet(&mut self, id: i64, first: i32, out: &mut Out, now: Instant) {
        if self.away {
            self.meet_unstored(id, now);
        } else {
            self.begin(id, first, out);
        }
    }

    fn begin(&mut self, id: i64, first: i32, out: &mut Out) {
        let pts = first.max(0);
        out.hole(Hole::ChannelBegins {
            channel_id: id,
            pts,
        });
        self.at.insert(id, Some(pts));
    }

    /// The store is known to have nothing of it.
    fn meet_unstored(&mut self, id: i64, now: Instant) {
        self.at.remove(&id);
        self.open.entry(id).or_default().sought = true;
        self.meet(id, now);
    }

    /// The account is in this channel. One that nothing is stored of is met: it was joined elsewhere.
    pub(super) fn name(&mut self, id: i64, now: Instant) {
        match self.at.get(&id) {
            Some(Some(_)) => {}
            Some(None) => {
                self.open.entry(id).or_default().named = true;
                self.meet_unstored(id, now);
            }
            None => self.seek(id, |open| open.named = true),
        }
    }

    /// The server says that the channel has moved, perhaps how far.
    pub(super) fn announce(&mut self, id: i64, theirs: Option<i32>, late: bool, now: Instant) {
        if let Some(None) = self.at.get(&id) {
            self.meet_unstored(id, now);
        }
        match (self.at.get(&id), theirs) {
            (None | Some(None), _) => self.seek(id, |open| {
                open.late |= late;
                match theirs {
                    Some(pts) => {
                        open.track.announce(pts);
                        open.lower_floor(pts);
                    }
                    None => open.asking.want(late),
                }
            }),
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
    pub(super) fn compare(&mut self, id: i64, theirs: i32, now: Instant) {
        match self.at.get(&id) {
            Some(Some(ours)) if *ours < theirs => self.with(id, now, |open, ours| {
                open.track.announce(theirs);
                open.late = true;
                open.track.look(*ours, now);
            }),
            _ => self.announce(id, Some(theirs), true, now),
        }
    }

    /// An update was seen and let go. Of a line that nothing is stored of its dialog tells, from before that update on.
    pub(super) fn left(&mut self, id: i64, mark: Mark, now: Instant) {
        if let Some(None) = self.at.get(&id) {
            self.meet_unstored(id, now);
        }
        match self.at.get(&id) {
            Some(Some(ours)) if mark.pts <= *ours => {}
            Some(Some(_)) => self.with(id, now, |open, ours| {
                open.track.announce(mark.pts);
                open.track.look(*ours, now);
            }),
            Some(None) | None => self.seek(id, |open| {
                open.track.announce(mark.pts);
                open.lower_floor(mark.before());
            }),
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
            None if self.is_announced(id) || (self.away && self.open.contains_key(&id)) => {
                self.meet(id, now);
                return;
            }
            None => self.unknown(id, out),
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

    fn is_announced(&self, id: i64) -> bool {
        let open = self.open.get(&id);
        open.is_some_and(|open| open.named || open.floor.is_some() || open.asking.is_due())
    }

    /// There is more than was seen of a line that nothing is stored of: its dialog tells where it is. What comes until
    /// then waits, for an announcement may overtake posts that are on their way.
    fn meet(&mut self, id: i64, now: Instant) {
        let patience = self.patience;
        self.with(id, now, |open, _| {
            (open.void, open.unmet) = (true, true);
            let in_time = open.floor.is_none() && !open.late && !open.asking.is_due();
            open.asking.want(open.late);
            if open.named && in_time {
                // Its first posts may be on their way behind the news of it, and would be old once the dialog has told.
                open.asking.not_before(now + patience);
            }
        });
    }

    /// Nothing is stored of a line that posts came from: it begins with the first of them.
    fn unknown(&mut self, id: i64, out: &mut Out) {
        self.at.insert(id, None);
        let Some(open) = self.open.get_mut(&id) else {
            return;
        };
        match open.track.foothold() {
            Some(first) => {
                self.begin(id, first, out);
                out.channel(id, first.max(0));
            }
            None => open.track = Track::default(),
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

    pub(super) fn failed(&mut self, id: i64, trouble: ChannelTrouble, out: &mut Out, now: Instant) {
        let (mut lost, mut strange) = (None, false);
        self.with(id, now, |open, _| match trouble {
            ChannelTrouble::Held => open.asking.ask_again(),
            ChannelTrouble::Passing | ChannelTrouble::Unreadable | ChannelTrouble::Unusable
                if open.is_strange() =>
            {
                strange = true;
            }
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
        if strange {
            // Whatever it is, it is not ours: the account may not wait for it.
            self.forget(id);
        }
        if let Some(hole) = lost {
            out.hole(hole);
            self.forget(id);
        }
    }

    /// Should it be heard of again, it begins anew.
    fn forget(&mut self, id: i64) {
        if let Some(open) = self.open.remove(&id) {
            self.bytes -= open.track.bytes();
        }
        self.at.insert(id, None);
    }

    /// The channel's dialog was asked for: it goes on from there, behind a hole. A line that is met begins with the first
    /// that was heard of it; what was before, the dialog says.
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
        let Some(open) = self.open.get(&id).filter(|open| open.void) else {
            return;
        };
        let from = if open.unmet {
            let heard = [open.floor, open.track.foothold()].into_iter().flatten();
            let pts = heard.fold(theirs, i32::min).max(1);
            out.hole(Hole::ChannelBegins {
                channel_id: id,
                pts,
            });
            pts
        } else {
            out.hole(Hole::Channel { channel_id: id });
            theirs
        };
        out.cast(cast);
        out.dialog(dialog);
        out.channel(id, from);
        self.at.insert(id, Some(from));
        self.with(id, now, |open, ours| {
            (open.void, open.unmet, open.sought, open.floor) = (false, false, false, None);
            open.missed = 0;
            open.asking.flying = None;
            open.asking.answered();
            settle(open, ours, out, now);
            if *ours < theirs {
                open.track.announce(theirs);
            }
            open.track.begin(*ours, now);
            if *ours != from {
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
            // Nothing more, whatever it says of being the last.
            D::Empty(d) => self.reached(id, flying, (d.pts, true), out, now),
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
    fn lower_floor(&mut self, pts: i32) {
        self.floor = Some(self.floor.map_or(pts, |floor| floor.min(pts)));
    }

    /// It could not be met once more. `true`: that is enough.
    fn is_strange(&mut self) -> bool {
        self.missed += u32::from(self.unmet);
        self.unmet && self.missed >= MEET_TRIES
    }

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
