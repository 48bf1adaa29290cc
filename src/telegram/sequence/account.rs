//! The account's own lines: pts, qts and seq. One difference covers all three.

use std::time::{Duration, Instant};

use grammers_client::tl;
use tl::{enums::Update, types};

use super::{
    asking::{Asking, Flying},
    counted::Counted,
    mark::{Line, Place, channel_of, is_sane, mark, rank},
    packet::Cast,
    step::{At, Out},
    track::{Item, Track},
};
use crate::domain::{ChatId, Hole, Position};

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
            patience,
        }
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

    /// Up to the present, as far as the account's own lines go.
    pub(super) fn is_caught_up(&self) -> bool {
        self.at.is_some()
            && !self.is_void()
            && !self.asking.is_due()
            && matches!(self.ask, None | Some(Ask::Doubt))
    }

    pub(super) fn failed(&mut self, trouble: AccountTrouble, now: Instant) {
        let ask = self.ask.take();
        if ask == Some(Ask::Doubt) {
            self.asking.flying = None;
            self.doubt = trouble == AccountTrouble::Held;
            return;
        }
        if let Some(Ask::Begin { hole }) = ask {
            self.begin = Some(hole);
        }
        match trouble {
            AccountTrouble::Held => self.asking.ask_again(),
            AccountTrouble::Passing => self.asking.again_later(now),
            AccountTrouble::Unreadable if self.asking.unreadable(now) => {}
            AccountTrouble::Unreadable | AccountTrouble::Unusable => {
                self.asking.ask_again();
                if ask == Some(Ask::Difference) {
                    self.void();
                } else {
                    self.asking.again_later(now);
                }
            }
        }
    }

    /// `updates.getState` answered.
    pub(super) fn state(&mut self, state: &types::updates::State, out: &mut Out, now: Instant) {
        let (Some(ask), Some(flying)) = (self.ask.take(), self.asking.flying.take()) else {
            return;
        };
        self.asking.answered();
        self.proven = true;
        self.old = 0;
        let gone_back = state.pts < flying.pts;
        self.suspect |= gone_back;
        match ask {
            Ask::Begin { hole } => self.begin_at(state, hole, out, now),
            Ask::Doubt | Ask::Difference => {
                self.doubted_at = Some(now);
                if gone_back {
                    self.begin_at(state, true, out, now);
                    return;
                }
                let Some(at) = &mut self.at else { return };
                if state.qts < flying.qts {
                    at.qts = state.qts;
                }
                if state.seq < flying.seq_high {
                    // Packets are counted anew: none of the next ones is an old one.
                    at.seq = state.seq;
                    self.counted = Counted::default();
                }
                if state.pts > at.pts {
                    self.asking.want(false);
                }
            }
        }
    }

    /// Takes Telegram's present for ours.
    fn begin_at(&mut self, state: &types::updates::State, hole: bool, out: &mut Out, now: Instant) {
        if hole {
            out.hole(Hole::Account);
            // What channels did meanwhile is still announced from where we were.
            self.date = self.date.min(state.date);
            self.asking.want(false);
        } else {
            self.date = state.date;
        }
        self.at = Some(At {
            pts: state.pts,
            qts: state.qts,
            seq: state.seq,
            date: self.date,
        });
        self.counted = Counted::default();
        self.moved(out);
        self.settle(out, now);
        self.mail.begin(state.pts, now);
    }

    /// `updates.getDifference` answered. What belongs to channels comes back.
    pub(super) fn difference(
        &mut self,
        difference: tl::enums::updates::Difference,
        out: &mut Out,
        now: Instant,
    ) -> Vec<Box<Update>> {
        use tl::enums::updates::Difference as D;
        let (Some(_), Some(flying)) = (self.ask.take(), self.asking.flying) else {
            return Vec::new();
        };
        match difference {
            D::Empty(d) => {
                self.date = self.date.max(d.date);
                if let Some(at) = &mut self.at {
                    at.seq = d.seq;
                }
                // It does not say where the server is.
                self.doubt |= !self.proven;
                self.whole(flying, false, out, now);
                Vec::new()
            }
            D::TooLong(d) => {
                if d.pts == flying.pts.max(1) {
                    // "Too long" from its own end: it leads nowhere.
                    self.nowhere(now);
                    return Vec::new();
                }
                self.asking.ask_again();
                self.asking.answered();
                let ours = self.at.unwrap_or_default().pts;
                // Unless live updates have come as far meanwhile.
                if !(flying.pts..=ours).contains(&d.pts) {
                    self.jump(d.pts, out);
                    self.settle(out, now);
                }
                Vec::new()
            }
            D::Slice(d) => {
                let tl::enums::updates::State::State(state) = d.intermediate_state;
                let news = News {
                    messages: d.new_messages,
                    updates: d.other_updates,
                    cast: Cast {
                        users: d.users,
                        chats: d.chats,
                    },
                };
                let at = self.at.unwrap_or_default();
                let leads_on = state.pts != flying.pts || state.qts > at.qts;
                // Its date is not taken: channels are announced with the last slice, from the date that we ask with.
                let rest = self.take(news, &state, flying, out);
                if leads_on {
                    self.asking.ask_again();
                    self.asking.answered();
                } else {
                    self.nowhere(now);
                }
                self.settle(out, now);
                rest
            }
            D::Difference(d) => {
                let tl::enums::updates::State::State(state) = d.state;
                let news = News {
                    messages: d.new_messages,
                    updates: d.other_updates,
                    cast: Cast {
                        users: d.users,
                        chats: d.chats,
                    },
                };
                self.proven = true;
                let progress = state.pts != flying.pts;
                let rest = self.take(news, &state, flying, out);
                self.date = self.date.max(state.date);
                if let Some(at) = &mut self.at {
                    at.seq = state.seq;
                }
                self.whole(flying, progress, out, now);
                rest
            }
        }
    }

    /// An answer that does not lead on.
    fn nowhere(&mut self, now: Instant) {
        if !self.asking.unreadable(now) {
            self.asking.ask_again();
            self.void();
        }
    }

    /// Continues from another place, behind a hole.
    fn jump(&mut self, pts: i32, out: &mut Out) {
        out.hole(Hole::Account);
        if let Some(at) = &mut self.at {
            at.pts = pts;
        }
        self.moved(out);
    }

    /// The part of an answer that is ours.
    fn take(
        &mut self,
        mut news: News,
        state: &types::updates::State,
        flying: Flying,
        out: &mut Out,
    ) -> Vec<Box<Update>> {
        let at = self.at.unwrap_or_default();
        out.late(flying.late);
        if state.pts < flying.pts {
            // The server has gone back: a copy of an earlier day took its place.
            self.suspect = true;
            self.jump(state.pts, out);
        }
        // Live updates may have come as far while the answer was on its way.
        let (ours, theirs) = news.sorted(state.pts > at.pts);
        if !(ours.is_empty() && theirs.is_empty()) {
            out.cast(news.cast);
        }
        for update in ours {
            out.apply(update);
        }
        if let Some(at) = &mut self.at {
            at.pts = at.pts.max(state.pts);
            at.qts = if state.qts < flying.qts {
                state.qts
            } else {
                at.qts.max(state.qts)
            };
        }
        self.moved(out);
        theirs
    }

    /// All that there was has come.
    fn whole(&mut self, flying: Flying, progress: bool, out: &mut Out, now: Instant) {
        self.asking.flying = None;
        self.asking.answered();
        // What came live meanwhile is not late.
        out.late(false);
        self.settle(out, now);
        let Some(at) = self.at else { return };
        self.counted.answered(at.seq, flying.seq_high, now);
        // Nobody here can open what secret chats bring: what the server does not have is let go.
        self.secret = Track::default();
        if !self.mail.answered(at.pts, flying.high, progress, now) {
            self.void();
        }
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

/// What a difference brought.
struct News {
    messages: Vec<tl::enums::Message>,
    updates: Vec<Update>,
    cast: Cast,
}

impl News {
    /// In the order in which it applies, with or without what has a number; what belongs to channels apart.
    fn sorted(&mut self, numbered: bool) -> (Vec<Box<Update>>, Vec<Box<Update>>) {
        let (strays, messages): (Vec<_>, Vec<_>) = std::mem::take(&mut self.messages)
            .into_iter()
            .partition(|message| channel_of(message).is_some());
        let messages = messages.into_iter().filter(|_| numbered).map(|message| {
            // The whole answer has one number, its state's.
            Box::new(Update::NewMessage(types::UpdateNewMessage {
                message,
                pts: 0,
                pts_count: 0,
            }))
        });
        let (theirs, mut ours): (Vec<_>, Vec<_>) = std::mem::take(&mut self.updates)
            .into_iter()
            .filter(is_sane)
            .map(Box::new)
            .partition(|update| {
                matches!(**update, Update::ChannelTooLong(_))
                    || matches!(mark(update), Some((Line::Channel(_), _)))
            });
        // A channel's message has no place here: that there is one is all that it tells.
        let strays = strays.iter().filter_map(channel_of).map(|channel_id| {
            Box::new(Update::ChannelTooLong(types::UpdateChannelTooLong {
                channel_id,
                pts: None,
            }))
        });
        let mut theirs = theirs;
        theirs.extend(strays);
        ours.retain(|update| numbered || mark(update).is_none());
        ours.extend(messages);
        ours.sort_by_key(|update| rank(update));
        (ours, theirs)
    }
}

fn give(item: Item, out: &mut Out) {
    if let Some(cast) = &item.cast {
        out.shared(cast);
    }
    out.apply(item.update);
}
