//! Leave: what there is no room for is left to Telegram, which tells it again in a difference.

use std::time::Instant;

use grammers_client::{session::updates::UpdatesLike, tl::enums::Update};

use super::{
    Sequence,
    mark::{Line, is_sane, mark},
    packet::{Arrival, arrival},
};

impl Sequence {
    /// Takes only what a packet announces; what it says is left to Telegram.
    pub(in crate::telegram) fn leave(&mut self, packet: Box<UpdatesLike>, now: Instant) {
        match arrival(packet) {
            Arrival::Packet(packet) => {
                if let Some(seq) = packet.seq {
                    self.account.count(seq, now);
                }
                for update in packet.updates.iter().filter(|update| is_sane(update)) {
                    self.leave_one(update, now);
                }
            }
            Arrival::Unread => self.account.want(false),
            Arrival::Closed => self.line_lost(now),
        }
    }

    fn leave_one(&mut self, update: &Update, now: Instant) {
        match (update, mark(update)) {
            (Update::ChannelTooLong(u), _) => {
                self.channels.announce(u.channel_id, u.pts, false, now);
            }
            (Update::PtsChanged, _) => self.account.void(),
            (_, Some((Line::Channel(id), mark))) => self.channels.left(id, mark, now),
            (_, Some((line, mark))) => self.account.announce(line, mark.pts, now),
            (_, None) => {}
        }
    }

    /// Lets go of what waits in gaps: there is no room for it, and it would keep the room that the differences need.
    pub(in crate::telegram) fn let_go(&mut self, now: Instant) {
        if self.bytes() > 0 {
            self.account.let_go(now);
            self.channels.let_go(now);
        }
    }
}
