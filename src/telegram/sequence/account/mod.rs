//! The account's own lines: pts, qts and seq. One difference covers all three.
//!
//! Here is how updates apply and what is asked next; `answers` has what Telegram says to it.

mod answers;

use std::time::{Duration, Instant};

use grammers_client::tl;

use super::{
    asking::{Asking, Flying},
    counted::Counted,
    mark::{Line, Place},
    step::{At, Out},
    track::{Item, Track},
};
use crate::domain::{ChatId, Position};

/// Updates that look applied already, one after another, before the server is asked where it is.
const OLD_MOST: u32 = 3;
/// Such doubt is cleared at most this often.
const DOUBT_EVERY: Duration = Duration::from_secs(60);
/// Entries that a difference brings at most, once a greater one has failed.
const LITTLE: i32 = 20;

/// A question about the account.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::telegram) enum AccountAsk {
    State,
    Difference(tl::functions::updates::GetDifference),
}

/// What a difference of the account failed with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::telegram) enum AccountTrouble {
    /// Telegram asks to wait, or there is no line: the same again, when it can be.
    Held,
    /// It passes by itself.
    Passing,
    /// An answer that can't be read.
    Unreadable,
    /// Telegram does not take the position.
    Unusable,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ask {
    /// Where to begin; with a hole when there was a position before.
    Begin {
        hole: bool,
    },
    Difference,
    /// Is the server behind us?
    Doubt,
}

pub(super) struct Account {
    /// `None` until the first position is known.
    at: Option<At>,
    /// Of the last whole answer.
    date: i32,
    mail: Track,
    secret: Track,
    counted: Counted,
    asking: Asking,
    ask: Option<Ask>,
    begin: Option<bool>,
    doubt: bool,
    old: u32,
    doubted_at: Option<Instant>,
    /// On this line, the server has told where it is.
    proven: bool,
    /// The server was behind us: channels may be too.
    suspect: bool,
    /// Positions that led nowhere since the last difference that could be had.
    given_up: u32,
    patience: Duration,
}

impl Account {
    pub(super) fn new(position: Option<&Position>, patience: Duration) -> Self {
        let at = position
            .filter(|position| position.pts > 0)
            .map(|position| At {
                pts: position.pts,
                qts: position.qts,
                seq: position.seq,
                date: position.date,
            });
        let mut asking = Asking::default();
        asking.want(true);
        Self {
            at,
            date: at.map_or(0, |at| at.date),
            mail: Track::default(),
            secret: Track::default(),
            counted: Counted::default(),
            asking,
            ask: None,
            begin: at.is_none().then_some(false),
            doubt: false,
            old: 0,
            doubted_at: None,
            proven: false,
            suspect: false,
            given_up: 0,
            patience,
        }
    }

    /// The highest number that waits, if anything does.
    pub(super) fn held_to(&self) -> Option<i32> {
        self.mail.held_to()
    }

    /// A numbered update of ours.
    pub(super) fn offer(&mut self, line: Line, item: Item, out: &mut Out, now: Instant) -> bool {
        let void = self.is_void();
        let Some(at) = self.at.as_mut().filter(|_| !void) else {
            // Its place is known once the server has told where it is.
            if line != Line::Secret {
                self.mail.hold(item);
            }
            return false;
        };
        let (track, ours) = match line {
            Line::Secret => (&mut self.secret, &mut at.qts),
            Line::Account | Line::Channel(_) => (&mut self.mail, &mut at.pts),
        };
        let counts = item.mark.count > 0;
        match item.place(*ours) {
            Place::Next => {
                *ours = (*ours).max(item.mark.pts);
                out.apply(item.update);
                self.old = 0;
                let freed = track.release(ours);
                for item in freed {
                    give(item, out);
                }
                track.look(*ours, now);
                if counts {
                    self.moved(out);
                }
                true
            }
            Place::Old => {
                if counts {
                    self.seen_old(now);
                }
                false
            }
            Place::Beyond => {
                track.wait(*ours, item, now);
                false
            }
        }
    }

    /// Several things that look applied already: either they come twice, or the server has gone back.
    fn seen_old(&mut self, now: Instant) {
        self.old += 1;
        let lately = self
            .doubted_at
            .is_some_and(|at| now.saturating_duration_since(at) < DOUBT_EVERY);
        if self.old >= OLD_MOST && !lately {
            self.doubt = true;
        }
    }

    /// A packet's seq. `false`: what has no number in it came before.
    pub(super) fn count(&mut self, seq: (i32, i32), now: Instant) -> bool {
        let Some(at) = &mut self.at else {
            return true;
        };
        let fresh = self.counted.take(&mut at.seq, seq, now);
        if !fresh {
            self.seen_old(now);
        }
        fresh
    }

    /// Its updates are left to the difference.
    pub(super) fn announce(&mut self, line: Line, pts: i32, now: Instant) {
        let ours = self.at.unwrap_or_default();
        match line {
            Line::Secret if pts > ours.qts => {
                self.secret.announce(pts);
                self.secret.look(ours.qts, now);
            }
            Line::Account | Line::Channel(_) if pts > ours.pts => {
                self.mail.announce(pts);
                self.mail.look(ours.pts, now);
            }
            _ => {}
        }
    }

    /// What waits in gaps is left to the difference.
    pub(super) fn let_go(&mut self, now: Instant) {
        let at = self.at.unwrap_or_default();
        for (track, ours) in [(&mut self.mail, at.pts), (&mut self.secret, at.qts)] {
            track.forget();
            track.look(ours, now);
        }
    }

    pub(super) fn want(&mut self, late: bool) {
        self.asking.want(late);
    }

    /// Every question on the line is lost with it.
    pub(super) fn line_lost(&mut self) {
        match self.ask.take() {
            Some(Ask::Begin { hole }) => self.begin = Some(hole),
            Some(Ask::Doubt | Ask::Difference) | None => {}
        }
        self.asking.cut();
        self.asking.want(true);
        self.asking.hurry();
        self.doubt = false;
        self.proven = false;
        // The next line may have what this one did not.
        self.given_up = self.given_up.min(1);
    }

    /// The position means nothing any more.
    pub(super) fn void(&mut self) {
        if !self.is_void() {
            self.begin = Some(self.at.is_some());
        }
        // What was seen is of numbers that no longer hold.
        self.mail = Track::default();
        self.secret = Track::default();
    }

    pub(super) fn person(&mut self, person: ChatId, known: bool, out: &mut Out, now: Instant) {
        if self.mail.person(person, known) {
            // The difference brings the message again, together with its sender.
            self.asking.want(false);
        }
        self.settle(out, now);
    }

    /// The server is asked where it is; until then our position means nothing.
    fn is_void(&self) -> bool {
        self.begin.is_some() || matches!(self.ask, Some(Ask::Begin { .. }))
    }

    /// Takes what has its turn by now.
    fn settle(&mut self, out: &mut Out, now: Instant) {
        let void = self.is_void();
        let Some(at) = self.at.as_mut().filter(|_| !void) else {
            return;
        };
        let before = (at.pts, at.qts);
        for item in self.mail.release(&mut at.pts) {
            give(item, out);
        }
        for item in self.secret.release(&mut at.qts) {
            give(item, out);
        }
        self.mail.look(at.pts, now);
        self.secret.look(at.qts, now);
        if before != (at.pts, at.qts) {
            self.moved(out);
        }
    }

    fn moved(&self, out: &mut Out) {
        if let Some(at) = self.at {
            out.account(at);
        }
    }

    /// Every channel that was announced is stored up to now.
    pub(super) fn channels_settled(&mut self) {
        if let Some(at) = &mut self.at {
            at.date = self.date;
        }
    }

    pub(super) fn tick(&mut self, now: Instant) {
        let overdue = [
            self.mail.overdue_at(self.patience),
            self.secret.overdue_at(self.patience),
            self.counted.overdue_at(self.patience),
        ];
        let overdue = overdue.into_iter().flatten().any(|at| at <= now);
        if overdue && self.asking.flying.is_none() && !self.asking.is_due() {
            self.asking.want(false);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.asking.flying.is_some() {
            return None;
        }
        if self.asking.is_due() {
            return self.asking.retry_at();
        }
        [
            self.mail.overdue_at(self.patience),
            self.secret.overdue_at(self.patience),
            self.counted.overdue_at(self.patience),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next question, if there is one to ask now.
    pub(super) fn ask(&mut self, now: Instant) -> Option<AccountAsk> {
        if self.ask.is_some() || !self.asking.may_ask(now) {
            return None;
        }
        let at = self.at.unwrap_or_default();
        let flying = |late| Flying {
            pts: at.pts,
            qts: at.qts,
            high: self.mail.high(),
            seq_high: self.counted.high(),
            late,
        };
        if let Some(hole) = self.begin.take() {
            self.ask = Some(Ask::Begin { hole });
            self.asking.flying = Some(flying(self.asking.start()));
            return Some(AccountAsk::State);
        }
        if self.asking.is_due() {
            let little = self.asking.asks_little().then_some(LITTLE);
            self.asking.flying = Some(flying(self.asking.start()));
            self.ask = Some(Ask::Difference);
            return Some(AccountAsk::Difference(
                tl::functions::updates::GetDifference {
                    // Zero would be refused.
                    pts: at.pts.max(1),
                    pts_limit: little,
                    pts_total_limit: None,
                    date: self.date.max(1),
                    qts: at.qts,
                    qts_limit: None,
                },
            ));
        }
        if std::mem::take(&mut self.doubt) {
            self.asking.flying = Some(flying(false));
            self.ask = Some(Ask::Doubt);
            return Some(AccountAsk::State);
        }
        None
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.at.is_some()
    }

    /// Up to the present, as far as the account's own lines go, and as far as that is to be had.
    pub(super) fn is_caught_up(&self) -> bool {
        let answered = !self.asking.is_due() && matches!(self.ask, None | Some(Ask::Doubt));
        self.at.is_some() && !self.is_void() && (answered || self.given_up > 1)
    }

    /// Does the answer on its way close an absence?
    pub(super) fn asked_late(&self) -> bool {
        self.asking.flying.is_some_and(|flying| flying.late)
    }

    pub(super) fn take_suspect(&mut self) -> bool {
        std::mem::take(&mut self.suspect)
    }

    pub(super) const fn bytes(&self) -> usize {
        self.mail.bytes() + self.secret.bytes()
    }
}

fn give(item: Item, out: &mut Out) {
    if let Some(cast) = &item.cast {
        out.shared(cast);
    }
    out.apply(item.update);
}
