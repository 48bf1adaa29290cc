//! The account's update position, kept in grammers' `MessageBoxes`, with what version 0.11 of it gets wrong put right.
//!
//! Pure: no waiting, no sockets. What is put right, and why:
//! - a channel's stored position is known before its first update, else a gap before it stays unseen;
//! - `updateChannelTooLong` carries the server's position, which would overwrite ours and skip the difference;
//! - in a final channel difference, edits and deletes look already applied and would be dropped;
//! - edits come out before the messages of the same difference;
//! - a gap in one box can be forgotten while another's is filled: gaps are watched here too;
//! - malformed but decodable updates trip assertions.

mod sequence;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use grammers_client::session::{
    types::{ChannelState, UpdatesState},
    updates::{MessageBoxes, PrematureEndReason, UpdateAndPeers, UpdatesLike},
};
use grammers_client::tl;
use tl::enums::{Update, Updates};

use crate::domain::{Hole, Position};

use sequence::{Line, in_channel, is_sane, rank, sequence};

/// What is ready to be converted, in the order in which it applies.
#[derive(Default)]
pub(super) struct Ready {
    pub(super) updates: Vec<Update>,
    pub(super) users: Vec<tl::enums::User>,
    pub(super) chats: Vec<tl::enums::Chat>,
    pub(super) holes: Vec<Hole>,
    /// `updatePtsChanged`: our position means nothing any more.
    pub(super) position_void: bool,
}

/// A sequence that has announced more than was applied.
struct Gap {
    announced: i32,
    since: Instant,
    /// The difference was asked for once because of it; the server has no more than that.
    asked: bool,
}

pub(super) struct Boxes {
    inner: MessageBoxes,
    /// Channels whose stored position was looked up; `true` when heard of since the last refresh.
    seeded: HashMap<i64, bool>,
    /// Channels whose stored position leads to differences that can't be used: they begin anew.
    void: HashSet<i64>,
    gaps: HashMap<Line, Gap>,
    reported: Position,
    reported_channels: HashMap<i64, i32>,
    gap_patience: Duration,
}

impl Boxes {
    /// Begins at the stored position; the account's difference is due at once. Channels follow when they are heard of.
    pub(super) fn new(position: &Position, gap_patience: Duration) -> Self {
        Self {
            inner: load(position, Vec::new()),
            seeded: HashMap::new(),
            void: HashSet::new(),
            gaps: HashMap::new(),
            reported: Position {
                channels: Vec::new(),
                ..position.clone()
            },
            reported_channels: HashMap::new(),
            gap_patience,
        }
    }

    /// Begins anew at Telegram's present, after the old position has become useless.
    pub(super) fn restart(&mut self, state: &tl::types::updates::State) {
        let position = Position {
            pts: state.pts,
            qts: state.qts,
            date: state.date,
            seq: state.seq,
            channels: Vec::new(),
        };
        self.inner = load(&position, Vec::new());
        self.seeded.clear();
        self.reported_channels.clear();
        self.gaps.clear();
    }

    /// Channels in `updates` whose stored position has to be seeded before they are fed.
    pub(super) fn unseeded(&self, updates: &[Update], found: &mut Vec<i64>) {
        for update in updates {
            let id = match update {
                Update::ChannelTooLong(update) => Some(update.channel_id),
                update => match sequence(update) {
                    Some((Line::Channel(id), _)) => Some(id),
                    _ => None,
                },
            };
            if let Some(id) = id
                && !self.seeded.contains_key(&id)
                && !found.contains(&id)
            {
                found.push(id);
            }
        }
    }

    pub(super) fn seed(&mut self, channel: i64, stored: Option<i32>) {
        self.seeded.insert(channel, true);
        if let Some(pts) = stored.filter(|pts| *pts > 0 && !self.void.contains(&channel)) {
            self.inner.try_set_channel_state(channel, pts);
            self.reported_channels.entry(channel).or_insert(pts);
        }
    }

    /// Takes one packet from the socket.
    pub(super) fn feed(&mut self, mut packet: UpdatesLike) -> Ready {
        let mut ready = Ready::default();
        if let UpdatesLike::Updates(updates) = &mut packet {
            match updates {
                Updates::Updates(u) => self.mend(&mut u.updates, &mut ready),
                Updates::Combined(u) => self.mend(&mut u.updates, &mut ready),
                Updates::UpdateShort(u) => {
                    let mut one = vec![std::mem::replace(&mut u.update, Update::Config)];
                    self.mend(&mut one, &mut ready);
                    let Some(update) = one.pop() else {
                        return ready;
                    };
                    u.update = update;
                }
                Updates::UpdateShortMessage(u) => self.announce(Line::Account, u.pts),
                Updates::UpdateShortChatMessage(u) => self.announce(Line::Account, u.pts),
                Updates::UpdateShortSentMessage(u) => self.announce(Line::Account, u.pts),
                Updates::TooLong => {}
            }
        }
        // An error means that the difference is due, which `account_request` tells.
        if let Ok(applied) = self.inner.process_updates(packet) {
            take(applied, &mut ready);
        }
        ready
    }

    /// The line was down, or something came that can't be read: the account's difference is due.
    pub(super) fn line_lost(&mut self) {
        // Always answers "gap"; that is its purpose.
        let _ = self.inner.process_updates(UpdatesLike::ConnectionClosed);
    }

    /// A channel is known to be behind (its dialog says so): its difference is due.
    pub(super) fn channel_behind(&mut self, channel: i64) {
        let update = tl::types::UpdateChannelTooLong {
            channel_id: channel,
            pts: None,
        };
        let short = tl::types::UpdateShort {
            update: update.into(),
            date: 0,
        };
        let _ = self
            .inner
            .process_updates(UpdatesLike::Updates(short.into()));
    }

    /// Readies updates for `MessageBoxes`: notes what they announce, strips what would mislead it.
    fn mend(&mut self, updates: &mut Vec<Update>, ready: &mut Ready) {
        updates.retain_mut(|update| {
            match update {
                Update::ChannelTooLong(update) => {
                    let id = update.channel_id;
                    self.seeded.insert(id, true);
                    let ours = self.reported_channels.contains_key(&id);
                    if ours {
                        update.pts = None;
                    } else {
                        // Nothing stored: what lies before is history, to be fetched as such.
                        ready.holes.push(Hole::Channel { channel_id: id });
                    }
                    return true;
                }
                Update::PtsChanged => ready.position_void = true,
                _ => {}
            }
            if !is_sane(update) {
                return false;
            }
            if let Some((line, pts)) = sequence(update) {
                if let Line::Channel(id) = line {
                    self.seeded.insert(id, true);
                }
                self.announce(line, pts);
            }
            true
        });
    }

    fn announce(&mut self, line: Line, pts: i32) {
        if pts == 0 {
            return;
        }
        let gap = self.gaps.entry(line).or_insert_with(|| Gap {
            announced: pts,
            since: Instant::now(),
            asked: false,
        });
        if pts > gap.announced {
            gap.announced = pts;
            gap.asked = false;
        }
    }

    pub(super) fn account_request(&self) -> Option<tl::functions::updates::GetDifference> {
        self.inner.get_difference()
    }

    /// (channel, position) of the channel whose difference is due.
    pub(super) fn channel_request(&self) -> Option<(i64, i32)> {
        let request = self.inner.get_channel_difference()?;
        match request.channel {
            tl::enums::InputChannel::Channel(channel) => Some((channel.channel_id, request.pts)),
            _ => None,
        }
    }

    pub(super) fn is_behind(&self) -> bool {
        self.inner.get_difference().is_some() || self.inner.get_channel_difference().is_some()
    }

    /// Updates inside an account difference that need their channels seeded first.
    pub(super) fn difference_updates(difference: &tl::enums::updates::Difference) -> &[Update] {
        use tl::enums::updates::Difference as D;
        match difference {
            D::Difference(d) => &d.other_updates,
            D::Slice(d) => &d.other_updates,
            D::Empty(_) | D::TooLong(_) => &[],
        }
    }

    pub(super) fn apply_account(
        &mut self,
        mut difference: tl::enums::updates::Difference,
    ) -> Ready {
        use tl::enums::updates::Difference as D;
        let mut ready = Ready::default();
        match &mut difference {
            D::Difference(d) => {
                self.mend(&mut d.other_updates, &mut ready);
                d.new_messages.retain(|message| !in_channel(message));
            }
            D::Slice(d) => {
                self.mend(&mut d.other_updates, &mut ready);
                d.new_messages.retain(|message| !in_channel(message));
            }
            D::TooLong(_) => ready.holes.push(Hole::Account),
            D::Empty(_) => {}
        }
        let applied = self.inner.apply_difference(difference);
        take(applied, &mut ready);
        ready.updates.sort_by_key(rank);
        ready
    }

    /// `Err` when the answer can't be used: the channel then begins anew behind a hole.
    pub(super) fn apply_channel(
        &mut self,
        channel: i64,
        mut difference: tl::enums::updates::ChannelDifference,
    ) -> Result<Ready, ()> {
        use tl::enums::updates::ChannelDifference as D;
        let mut ready = Ready::default();
        let mut others = Vec::new();
        match &mut difference {
            // Without a timeout the box does not poll by itself.
            D::Empty(d) => d.timeout = None,
            D::Difference(d) => {
                d.timeout = None;
                others = std::mem::take(&mut d.other_updates);
            }
            D::TooLong(d) => {
                let tl::enums::Dialog::Dialog(dialog) = &d.dialog else {
                    return Err(());
                };
                if dialog.pts.is_none() {
                    return Err(());
                }
                d.timeout = None;
                ready.holes.push(Hole::Channel {
                    channel_id: channel,
                });
            }
        }
        let applied = self.inner.apply_channel_difference(difference);
        take(applied, &mut ready);
        ready.updates.extend(others);
        ready.updates.sort_by_key(rank);
        Ok(ready)
    }

    /// The difference failed for a passing reason: another gap, or the next refresh, asks again.
    pub(super) fn postpone_channel(&mut self) {
        self.inner
            .end_channel_difference(PrematureEndReason::TemporaryServerIssues);
    }

    /// The channel can't be followed any more, or begins anew when it is heard of again.
    pub(super) fn drop_channel(&mut self, channel: i64) {
        self.inner
            .end_channel_difference(PrematureEndReason::Banned);
        self.gaps.remove(&Line::Channel(channel));
        self.reported_channels.remove(&channel);
        self.void.insert(channel);
    }

    /// Until when there is nothing to do without new packets.
    pub(super) fn deadline(&mut self, now: Instant) -> Instant {
        let inner = self.inner.check_deadlines();
        let gap = self
            .gaps
            .values()
            .filter(|gap| !gap.asked)
            .map(|gap| gap.since + self.gap_patience)
            .min();
        let next = gap.map_or(inner, |gap| gap.min(inner));
        // A deadline that is past and changed nothing must not spin.
        if next <= now && !self.is_behind() {
            now + Duration::from_millis(20)
        } else {
            next
        }
    }

    /// Compares what was announced with what was applied, and asks for the difference of what stays open too long.
    pub(super) fn watch_gaps(&mut self, now: Instant) {
        if self.gaps.is_empty() {
            return;
        }
        let state = self.inner.session_state();
        let patience = self.gap_patience;
        self.gaps
            .retain(|line, gap| applied(&state, *line) < gap.announced);
        let due: Vec<Line> = self
            .gaps
            .iter_mut()
            .filter(|(_, gap)| !gap.asked && now >= gap.since + patience)
            .map(|(line, gap)| {
                gap.asked = true;
                *line
            })
            .collect();
        for line in due {
            match line {
                Line::Account => self.line_lost(),
                Line::Channel(id) => self.channel_behind(id),
            }
        }
    }

    /// Asks for a safety difference and forgets channels that were quiet since the last one, unless a gap is open:
    /// their boxes would poll every 15 minutes for nothing.
    pub(super) fn refresh(&mut self) {
        self.watch_gaps(Instant::now());
        if self.gaps.values().any(|gap| !gap.asked) || self.is_behind() {
            self.line_lost();
            return;
        }
        self.gaps.clear();
        let state = self.inner.session_state();
        let heard: Vec<ChannelState> = state
            .channels
            .iter()
            .filter(|channel| self.seeded.get(&channel.id) == Some(&true))
            .cloned()
            .collect();
        self.seeded = heard.iter().map(|channel| (channel.id, false)).collect();
        self.reported_channels
            .retain(|id, _| self.seeded.contains_key(id));
        let position = Position {
            pts: state.pts,
            qts: state.qts,
            date: state.date,
            seq: state.seq,
            channels: Vec::new(),
        };
        self.inner = load(&position, heard);
    }

    /// The position after all that was handed out, when it moved since the last call.
    pub(super) fn moved(&mut self) -> Option<Position> {
        let state = self.inner.session_state();
        let mut position = Position {
            pts: state.pts,
            qts: state.qts,
            date: state.date,
            seq: state.seq,
            channels: Vec::new(),
        };
        // The date alone moves with every typing notice; it is stored along with the rest.
        let moved = (position.pts, position.qts) != (self.reported.pts, self.reported.qts);
        for channel in &state.channels {
            if self.reported_channels.insert(channel.id, channel.pts) != Some(channel.pts) {
                position.channels.push((channel.id, channel.pts));
            }
        }
        if !moved && position.channels.is_empty() {
            return None;
        }
        self.reported = Position {
            channels: Vec::new(),
            ..position.clone()
        };
        Some(position)
    }

    /// The position as it is, to go with a batch whose own part did not move it.
    pub(super) fn position(&self) -> Position {
        self.reported.clone()
    }
}

/// Account box first; `channels` are known without being fetched.
fn load(position: &Position, channels: Vec<ChannelState>) -> MessageBoxes {
    let mut boxes = MessageBoxes::load(UpdatesState {
        // A box at zero would not exist, and with it no gap could be seen.
        pts: position.pts.max(1),
        qts: position.qts,
        date: position.date,
        seq: position.seq,
        channels: Vec::new(),
    });
    for channel in channels {
        boxes.try_set_channel_state(channel.id, channel.pts);
    }
    boxes
}

fn take((updates, users, chats): UpdateAndPeers, ready: &mut Ready) {
    ready
        .updates
        .extend(updates.into_iter().map(|(update, _)| update));
    ready.users = users;
    ready.chats = chats;
}

fn applied(state: &UpdatesState, line: Line) -> i32 {
    match line {
        Line::Account => state.pts,
        // A channel without a box has nothing open.
        Line::Channel(id) => state
            .channels
            .iter()
            .find(|channel| channel.id == id)
            .map_or(i32::MAX, |channel| channel.pts),
    }
}
