//! Lines that are not known yet: the store is sought; what it has nothing of begins with what comes first, or is met: its dialog
//! is asked where it is. And what is heard of a line beside its updates.

use std::time::Instant;

use super::{
    Channels,
    open::{Open, settle},
};
use crate::{
    domain::Hole,
    telegram::sequence::{mark::Mark, step::Out, track::Track},
};

impl Channels {
    /// Nothing is stored of the line: it begins with what comes first. While an absence is made up for, more may have come
    /// before that: then its dialog tells where it is.
    pub(super) fn begin_or_meet(&mut self, id: i64, first: i32, out: &mut Out, now: Instant) {
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
    pub(in crate::telegram::sequence) fn name(&mut self, id: i64, now: Instant) {
        match self.at.get(&id) {
            // What came meanwhile was never pushed, and the next post may be long in coming.
            Some(Some(_)) if self.parted.remove(&id) => self.announce(id, None, true, now),
            Some(Some(_)) => {}
            Some(None) => {
                self.open.entry(id).or_default().named = true;
                self.meet_unstored(id, now);
            }
            None => self.seek(id, |open| open.named = true),
        }
    }

    /// The account is out of this channel.
    pub(in crate::telegram::sequence) fn part(&mut self, id: i64) {
        if let Some(Some(_)) = self.at.get(&id) {
            self.parted.insert(id);
        }
    }

    /// The server says that the channel has moved, perhaps how far.
    pub(in crate::telegram::sequence) fn announce(
        &mut self,
        id: i64,
        theirs: Option<i32>,
        late: bool,
        now: Instant,
    ) {
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
    pub(in crate::telegram::sequence) fn compare(&mut self, id: i64, theirs: i32, now: Instant) {
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
    pub(in crate::telegram::sequence) fn left(&mut self, id: i64, mark: Mark, now: Instant) {
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

    pub(super) fn seek(&mut self, id: i64, keep: impl FnOnce(&mut Open)) {
        let open = self.open.entry(id).or_default();
        let bytes = open.track.bytes();
        keep(open);
        self.bytes = self.bytes + open.track.bytes() - bytes;
        if !open.sought {
            open.sought = true;
            self.needs.push(id);
        }
    }

    /// The store has answered.
    pub(in crate::telegram::sequence) fn position(
        &mut self,
        id: i64,
        stored: Option<i32>,
        out: &mut Out,
        now: Instant,
    ) {
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
    pub(super) fn meet(&mut self, id: i64, now: Instant) {
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

    /// Should it be heard of again, it begins anew.
    pub(super) fn forget(&mut self, id: i64) {
        if let Some(open) = self.open.remove(&id) {
            self.bytes -= open.track.bytes();
        }
        self.at.insert(id, None);
    }
}
