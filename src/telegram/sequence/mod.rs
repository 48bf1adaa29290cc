//! Sequence: Telegram's numbered lines put in order: the account's pts, its qts and seq, and one pts for each channel.
//!
//! Receives: packets from the wire, answers to differences, positions that the store was asked for, the time.
//! Sends:    [`Step`]s: what applies now and the position after it; what to ask the store and Telegram for.
//! Promises: nothing is left out without a [`Hole`](crate::domain::Hole); no position runs ahead of what it covers; what
//!           an answer tells again (it overlaps live updates) leads to the same; a line that can't be bridged is not
//!           asked about for ever.
//! Does not: know sockets, wait, or look at a clock.
//!
//! Rules: core.telegram.org/api/updates.

mod account;
mod asking;
mod channels;
mod counted;
mod leave;
mod mark;
mod packet;
mod step;
#[cfg(test)]
mod tests;
mod track;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl;
use tl::{enums::Update, types};

use account::Account;
use channels::Channels;
use mark::{Line, Mark, concerns, is_sane, mark, turn};
use packet::{Arrival, Cast, Packet, arrival};
use step::Out;
use track::Item;

use crate::domain::{ChatId, Position};

pub(super) use account::{AccountAsk, AccountTrouble};
pub(super) use channels::{ChannelAsk, ChannelTrouble};
pub(super) use step::Step;

/// Stands in `still_unread_count` where the count is of an earlier moment.
pub(super) const NOT_COUNTED: i32 = -1;

/// What the store has to be asked before something can apply.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Need {
    /// Where a channel's line is stored.
    Position(i64),
    /// Whether somebody is known.
    Person(ChatId),
}

pub(super) struct Sequence {
    account: Account,
    channels: Channels,
    people: Vec<ChatId>,
}

impl Sequence {
    /// From where the store is; `None` begins at Telegram's present.
    pub(super) fn new(position: Option<&Position>, gap_patience: Duration) -> Self {
        Self {
            account: Account::new(position, gap_patience),
            channels: Channels::new(gap_patience),
            people: Vec::new(),
        }
    }

    /// Takes a packet from the wire. `knows`: is somebody known without asking the store?
    pub(super) fn take(
        &mut self,
        packet: Box<UpdatesLike>,
        knows: impl Fn(ChatId) -> bool,
        now: Instant,
    ) -> Vec<Step> {
        let mut out = Out::default();
        match arrival(packet) {
            Arrival::Packet(packet) => self.packet(packet, knows, &mut out, now),
            Arrival::Unread => self.account.want(false),
            Arrival::Closed => self.line_lost(now),
        }
        self.done(out)
    }

    fn packet(
        &mut self,
        packet: Packet,
        knows: impl Fn(ChatId) -> bool,
        out: &mut Out,
        now: Instant,
    ) {
        let fresh = packet.seq.is_none_or(|seq| self.account.count(seq, now));
        let mut missing = packet.people;
        missing.retain(|person| !knows(*person));
        self.people.extend(&missing);
        let mut updates = packet.updates;
        if updates.len() > 1 {
            updates.sort_by_key(|update| turn(update));
        }
        // One that has to wait keeps the people it came with.
        let cast = (!packet.cast.is_empty()).then(|| Arc::new(packet.cast));
        let mut told = false;
        for update in updates.into_iter().filter(|update| is_sane(update)) {
            let Some((line, mark)) =
                mark(&update).or_else(|| self.behind(&update).filter(|_| fresh))
            else {
                told |= self.unnumbered(update, (fresh, cast.as_deref()), out, now);
                continue;
            };
            let item = Item {
                mark,
                update,
                cast: cast.clone(),
                missing: missing.clone(),
            };
            told |= match line {
                Line::Channel(id) => self.channels.offer(id, item, out, now),
                Line::Account | Line::Secret => self.account.offer(line, item, out, now),
            };
        }
        match cast.filter(|_| told).map(Arc::try_unwrap) {
            Some(Ok(cast)) => out.cast(cast),
            Some(Err(shared)) => out.shared(&shared),
            None => {}
        }
    }

    /// Where something is said of messages that perhaps wait: behind them, without a number of its own.
    fn behind(&self, update: &Update) -> Option<(Line, Mark)> {
        let line = concerns(update)?;
        let pts = match line {
            Line::Channel(id) => self.channels.held_to(id),
            Line::Account | Line::Secret => self.account.held_to(),
        }?;
        Some((line, Mark { pts, count: 0 }))
    }

    /// An update that applies whenever it comes.
    fn unnumbered(
        &mut self,
        update: Box<Update>,
        (fresh, cast): (bool, Option<&Cast>),
        out: &mut Out,
        now: Instant,
    ) -> bool {
        match *update {
            Update::ChannelTooLong(u) => {
                self.channels.announce(u.channel_id, u.pts, false, now);
                false
            }
            Update::PtsChanged => {
                self.account.void();
                false
            }
            Update::Channel(ref u) if fresh => {
                let id = u.channel_id;
                if cast.is_some_and(|cast| cast.joined(id)) {
                    self.channels.name(id, now);
                } else if cast.is_some_and(|cast| cast.left(id)) {
                    self.channels.part(id);
                }
                out.apply(update);
                true
            }
            _ if fresh => {
                out.apply(update);
                true
            }
            _ => false,
        }
    }

    /// A call of ours took numbers, and its answer tells them (`messages.affectedHistory` and its like).
    pub(super) fn moved(
        &mut self,
        channel: Option<i64>,
        (pts, pts_count): (i32, i32),
        now: Instant,
    ) -> Vec<Step> {
        let mut out = Out::default();
        let update = match channel {
            Some(id) => packet::affected_channel(id, pts, pts_count),
            None => packet::affected_mail(pts, pts_count),
        };
        let update = Box::new(update);
        let item = Item {
            mark: Mark {
                pts,
                count: pts_count,
            },
            update,
            cast: None,
            missing: Vec::new(),
        };
        match channel {
            Some(id) => self.channels.offer(id, item, &mut out, now),
            None => self.account.offer(Line::Account, item, &mut out, now),
        };
        self.done(out)
    }

    /// What the store has to be asked; each is named once.
    pub(super) fn needs(&mut self) -> Vec<Need> {
        let mut needs: Vec<Need> = self
            .channels
            .needs()
            .into_iter()
            .map(Need::Position)
            .collect();
        let people = std::mem::take(&mut self.people);
        needs.extend(people.into_iter().map(Need::Person));
        needs
    }

    /// The store knows where a channel's line is, or that it has none.
    pub(super) fn position(
        &mut self,
        channel: i64,
        stored: Option<i32>,
        now: Instant,
    ) -> Vec<Step> {
        let mut out = Out::default();
        self.channels.position(channel, stored, &mut out, now);
        self.done(out)
    }

    /// The store knows somebody, or does not.
    pub(super) fn person(&mut self, person: ChatId, known: bool, now: Instant) -> Vec<Step> {
        let mut out = Out::default();
        self.account.person(person, known, &mut out, now);
        self.done(out)
    }

    /// The connection is gone, and every question on it.
    pub(super) fn line_lost(&mut self, now: Instant) {
        self.account.line_lost();
        self.channels.line_lost(now);
    }

    /// Something may have been missed without a sign of it.
    pub(super) fn refresh(&mut self) {
        self.account.want(false);
    }

    /// The dialog list says how far a channel is.
    pub(super) fn compare(&mut self, channel: i64, theirs: i32, now: Instant) {
        self.channels.compare(channel, theirs, now);
    }

    /// Somebody waits for this channel.
    pub(super) fn hurry(&mut self, channel: i64) {
        self.channels.hurry(channel);
    }

    /// The next question about the account; it counts as asked.
    pub(super) fn account_ask(&mut self, now: Instant) -> Option<AccountAsk> {
        self.account.ask(now)
    }

    /// The next question about a channel; it counts as asked.
    pub(super) fn channel_ask(&mut self, now: Instant) -> Option<(i64, ChannelAsk)> {
        self.channels.ask(now)
    }

    pub(super) fn account_answer(
        &mut self,
        difference: tl::enums::updates::Difference,
        now: Instant,
    ) -> Vec<Step> {
        let mut out = Out::default();
        let late = self.account.asked_late();
        let theirs = self.account.difference(difference, &mut out, now);
        out.late(late);
        for update in theirs {
            match (&*update, mark(&update)) {
                (Update::ChannelTooLong(u), _) => {
                    self.channels.announce(u.channel_id, u.pts, late, now);
                }
                (_, Some((Line::Channel(id), mark))) => {
                    let item = Item {
                        mark,
                        update,
                        cast: None,
                        missing: Vec::new(),
                    };
                    self.channels.offer(id, item, &mut out, now);
                }
                _ => {}
            }
        }
        self.done(out)
    }

    pub(super) fn state_answer(
        &mut self,
        state: &types::updates::State,
        now: Instant,
    ) -> Vec<Step> {
        let mut out = Out::default();
        self.account.state(state, &mut out, now);
        self.done(out)
    }

    pub(super) fn account_failed(&mut self, trouble: AccountTrouble, now: Instant) {
        self.account.failed(trouble, now);
    }

    pub(super) fn channel_answer(
        &mut self,
        channel: i64,
        difference: tl::enums::updates::ChannelDifference,
        now: Instant,
    ) -> Vec<Step> {
        let mut out = Out::default();
        self.channels.difference(channel, difference, &mut out, now);
        self.done(out)
    }

    /// The dialog that was asked for, with the people and chats beside it.
    pub(super) fn channel_dialog(
        &mut self,
        channel: i64,
        dialog: tl::enums::Dialog,
        (users, chats): (Vec<tl::enums::User>, Vec<tl::enums::Chat>),
        now: Instant,
    ) -> Vec<Step> {
        let mut out = Out::default();
        let cast = Cast { users, chats };
        self.channels.dialog(channel, dialog, cast, &mut out, now);
        self.done(out)
    }

    pub(super) fn channel_failed(
        &mut self,
        channel: i64,
        trouble: ChannelTrouble,
        now: Instant,
    ) -> Vec<Step> {
        let mut out = Out::default();
        self.channels.failed(channel, trouble, &mut out, now);
        self.done(out)
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) {
        self.account.tick(now);
        self.channels.tick(now);
    }

    /// When to tick next, if nothing comes before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let both = [self.account.deadline(), self.channels.deadline()];
        both.into_iter().flatten().min()
    }

    /// There is a position; before, what comes from the wire can't be placed.
    pub(super) fn has_begun(&self) -> bool {
        self.account.has_begun()
    }

    /// The account's own lines have reached the present.
    pub(super) fn is_caught_up(&self) -> bool {
        self.account.is_caught_up()
    }

    /// The server turned out to be behind us, so that channels should be compared. Said once.
    pub(super) fn take_suspect(&mut self) -> bool {
        self.account.take_suspect()
    }

    /// What is kept for later, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.account.bytes() + self.channels.bytes()
    }

    fn done(&mut self, out: Out) -> Vec<Step> {
        if self.channels.at_rest() && self.account.is_caught_up() {
            self.account.channels_settled();
            self.channels.settled();
        }
        out.steps()
    }
}
