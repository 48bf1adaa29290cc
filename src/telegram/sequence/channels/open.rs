//! A line that is not at rest: what waits in it, and what is asked about it.

use std::time::Instant;

use grammers_client::tl::enums::Update;

use crate::telegram::sequence::{
    NOT_COUNTED,
    asking::Asking,
    step::Out,
    track::{Item, Track},
};

/// A channel that can't be asked about is met no more after so many tries.
const MEET_TRIES: u32 = 8;

#[derive(Default)]
pub(super) struct Open {
    pub(super) track: Track,
    pub(super) asking: Asking,
    /// The store was asked where it is.
    pub(super) sought: bool,
    /// It was announced with an absence.
    pub(super) late: bool,
    /// While it is sought: the lowest number it was announced with.
    pub(super) floor: Option<i32>,
    /// There is no position, or one of no use: its dialog is asked for another.
    pub(super) void: bool,
    /// Nothing is stored of it, and it was announced: joined, or back, unseen.
    pub(super) unmet: bool,
    /// The account is in it, as a packet said that told nothing more of it.
    pub(super) named: bool,
    /// How often its dialog could not be had.
    pub(super) missed: u32,
    /// In the queue of questions.
    pub(super) queued: bool,
    /// Somebody waits for it, whenever it is due.
    pub(super) hurried: bool,
    /// Among the timers.
    pub(super) timer: Option<Instant>,
}

impl Open {
    pub(super) fn lower_floor(&mut self, pts: i32) {
        self.floor = Some(self.floor.map_or(pts, |floor| floor.min(pts)));
    }

    /// It could not be met once more. `true`: that is enough.
    pub(super) fn is_strange(&mut self) -> bool {
        self.missed += u32::from(self.unmet);
        self.unmet && self.missed >= MEET_TRIES
    }

    /// The position leads nowhere.
    pub(super) fn give_up(&mut self) {
        self.asking.ask_again();
        self.asking.want(false);
        self.void = true;
        // What was seen can't be bridged.
        self.track = Track::default();
    }
}

/// Takes what has its turn by now.
pub(super) fn settle(open: &mut Open, ours: &mut i32, out: &mut Out, now: Instant) {
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
pub(super) fn outdated_count(item: &mut Item, ours: i32) {
    if let Update::ReadChannelInbox(read) = &mut *item.update
        && item.mark.pts < ours
    {
        read.still_unread_count = NOT_COUNTED;
    }
}
