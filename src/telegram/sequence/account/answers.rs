//! What Telegram answers about the account: its state, its difference, or a failure.

use std::time::{Duration, Instant};

use grammers_client::tl;
use tl::{enums::Update, types};

use super::{Account, AccountTrouble, Ask};
use crate::{
    domain::Hole,
    telegram::sequence::{
        asking::Flying,
        counted::Counted,
        mark::{Line, channel_of, is_sane, mark, rank},
        packet::Cast,
        step::{At, Out},
        track::Track,
    },
};

/// A position that Telegram named itself and tells nothing from is asked from again after this, doubling up to the other.
const GIVEN_UP_FIRST: Duration = Duration::from_secs(60);
const GIVEN_UP_LAST: Duration = Duration::from_secs(1_800);

impl Account {
    pub(in crate::telegram::sequence) fn failed(&mut self, trouble: AccountTrouble, now: Instant) {
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
                if ask == Some(Ask::Difference) {
                    self.give_up(now);
                } else {
                    self.asking.again_later(now);
                }
            }
        }
    }

    /// `updates.getState` answered.
    pub(in crate::telegram::sequence) fn state(
        &mut self,
        state: &types::updates::State,
        out: &mut Out,
        now: Instant,
    ) {
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
    pub(in crate::telegram::sequence) fn difference(
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
                let news = News::of(d.new_messages, d.other_updates, (d.users, d.chats));
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
                let news = News::of(d.new_messages, d.other_updates, (d.users, d.chats));
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
            self.give_up(now);
        }
    }

    /// Telegram tells nothing from this position. Another is taken, behind a hole; one that was just taken so is kept as long as nothing
    /// waits behind a gap, for a third would be no better, and each hole costs a look at every chat.
    fn give_up(&mut self, now: Instant) {
        self.asking.ask_again();
        self.given_up += 1;
        let at = self.at.unwrap_or_default();
        // Nothing tells which channels have moved, but the list of chats.
        self.suspect |= self.given_up == 2;
        if self.given_up == 1 || self.mail.gap(at.pts) {
            self.void();
        } else {
            let pause = GIVEN_UP_FIRST * 2_u32.pow((self.given_up - 2).min(8));
            self.asking.not_before(now + pause.min(GIVEN_UP_LAST));
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
        self.given_up = 0;
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
}

/// What a difference brought.
struct News {
    messages: Vec<tl::enums::Message>,
    updates: Vec<Update>,
    cast: Cast,
}

impl News {
    fn of(
        messages: Vec<tl::enums::Message>,
        updates: Vec<Update>,
        (users, chats): (Vec<tl::enums::User>, Vec<tl::enums::Chat>),
    ) -> Self {
        Self {
            messages,
            updates,
            cast: Cast { users, chats },
        }
    }

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
