//! Bench: a sequence that a test gives packets and answers to, and what they are made of.

use std::time::{Duration, Instant};

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl;
use tl::{
    enums::{self, Update},
    types,
};

use super::{
    super::{AccountAsk, ChannelAsk, Need, Sequence, Step, step::At},
    client::PATIENCE,
    packets::{dialog, message, packet},
};
use crate::domain::{Hole, Position};

pub(super) const CHANNEL: i64 = 7;
pub(super) const OTHER: i64 = 8;

/// A sequence that has caught up at pts 10, and the time.
pub(super) struct Bench {
    pub(super) sequence: Sequence,
    pub(super) now: Instant,
}

impl Bench {
    pub(super) fn new() -> Self {
        let position = Position {
            pts: 10,
            qts: 1,
            date: 100,
            seq: 5,
            channels: Vec::new(),
        };
        let mut bench = Self {
            sequence: Sequence::new(Some(&position), PATIENCE),
            now: Instant::now(),
        };
        assert!(matches!(bench.asks(), Some(AccountAsk::Difference(_))));
        bench.empty();
        assert_eq!(
            bench.asks(),
            Some(AccountAsk::State),
            "where is the server?"
        );
        bench.state(10);
        assert_eq!(bench.asks(), None);
        // Doubts are cleared once a minute.
        bench.pass(Duration::from_secs(60));
        bench
    }

    /// With a channel whose line is stored at this pts.
    pub(super) fn with_channel(pts: i32) -> Self {
        let mut bench = Self::new();
        bench.take(vec![too_long(Some(pts))]);
        bench.looked_up(CHANNEL, Some(pts));
        assert_eq!(bench.sequence.deadline(), None);
        bench
    }

    pub(super) fn take(&mut self, updates: Vec<Update>) -> Vec<Step> {
        self.packet(packet(updates, 0, 1))
    }

    pub(super) fn packet(&mut self, packet: UpdatesLike) -> Vec<Step> {
        self.sequence.take(Box::new(packet), |_| false, self.now)
    }

    pub(super) fn looked_up(&mut self, channel: i64, stored: Option<i32>) -> Vec<Step> {
        assert_eq!(self.sequence.needs(), [Need::Position(channel)]);
        self.sequence.position(channel, stored, self.now)
    }

    pub(super) fn asks(&mut self) -> Option<AccountAsk> {
        self.sequence.account_ask(self.now)
    }

    pub(super) fn asks_channel(&mut self) -> Option<(i64, ChannelAsk)> {
        self.sequence.channel_ask(self.now)
    }

    /// From where a channel's difference is asked for now.
    pub(super) fn asks_from(&mut self) -> Option<(i64, i32)> {
        self.asks_channel().map(|(channel, ask)| match ask {
            ChannelAsk::Difference { pts, .. } => (channel, pts),
            ChannelAsk::Dialog => panic!("asks for the dialog"),
        })
    }

    /// The channel's dialog is asked for, and answered.
    pub(super) fn dialog(&mut self, pts: i32) -> Vec<Step> {
        let asked = self.asks_channel();
        assert_eq!(asked, Some((CHANNEL, ChannelAsk::Dialog)));
        let nobody = (vec![], vec![]);
        self.sequence
            .channel_dialog(CHANNEL, dialog(CHANNEL, pts), nobody, self.now)
    }

    pub(super) fn empty(&mut self) -> Vec<Step> {
        let empty = types::updates::DifferenceEmpty { date: 100, seq: 5 };
        self.sequence.account_answer(empty.into(), self.now)
    }

    pub(super) fn state(&mut self, pts: i32) -> Vec<Step> {
        let types = state(pts, 100);
        self.sequence.state_answer(&types, self.now)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.sequence.tick(self.now);
    }
}

pub(super) fn state(pts: i32, date: i32) -> types::updates::State {
    types::updates::State {
        pts,
        qts: 1,
        date,
        seq: 5,
        unread_count: 0,
    }
}

pub(super) fn mail(pts: i32) -> Update {
    types::UpdateNewMessage {
        message: message(None, pts, "text"),
        pts,
        pts_count: 1,
    }
    .into()
}

pub(super) fn post(pts: i32) -> Update {
    post_in(CHANNEL, pts)
}

pub(super) fn post_in(channel: i64, pts: i32) -> Update {
    types::UpdateNewChannelMessage {
        message: message(Some(channel), pts, "text"),
        pts,
        pts_count: 1,
    }
    .into()
}

pub(super) fn gone(pts: i32) -> Update {
    types::UpdateDeleteChannelMessages {
        channel_id: CHANNEL,
        messages: vec![1],
        pts,
        pts_count: 1,
    }
    .into()
}

pub(super) fn too_long(pts: Option<i32>) -> Update {
    types::UpdateChannelTooLong {
        channel_id: CHANNEL,
        pts,
    }
    .into()
}

pub(super) fn channel_answer(
    pts: i32,
    new_messages: Vec<enums::Message>,
    other_updates: Vec<Update>,
) -> enums::updates::ChannelDifference {
    types::updates::ChannelDifference {
        r#final: true,
        pts,
        timeout: Some(1),
        new_messages,
        other_updates,
        chats: vec![],
        users: vec![],
    }
    .into()
}

/// The pts of what applies, in order.
pub(super) fn applied(steps: &[Step]) -> Vec<i32> {
    let place = |update: &Update| super::super::mark::mark(update).map_or(0, |(_, mark)| mark.pts);
    let updates = steps.iter().flat_map(|step| &step.updates);
    updates.map(|update| place(update)).collect()
}

pub(super) fn holes(steps: &[Step]) -> Vec<Hole> {
    let holes = steps.iter().filter_map(|step| step.hole.clone());
    holes
        .filter(|hole| !matches!(hole, Hole::ChannelBegins { .. }))
        .collect()
}

/// Where the lines of channels that nothing is stored of begin.
pub(super) fn begins(steps: &[Step]) -> Vec<(i64, i32)> {
    let begins = steps.iter().filter_map(|step| match step.hole {
        Some(Hole::ChannelBegins { channel_id, pts }) => Some((channel_id, pts)),
        _ => None,
    });
    begins.collect()
}

pub(super) fn channels(steps: &[Step]) -> Vec<(i64, i32)> {
    steps
        .iter()
        .flat_map(|step| step.channels.iter().copied())
        .collect()
}

pub(super) fn account(steps: &[Step]) -> Option<At> {
    steps.iter().filter_map(|step| step.account).next_back()
}

pub(super) const OF_CHANNEL: Hole = Hole::Channel {
    channel_id: CHANNEL,
};
